//! The media path lost and found, with and without the socket.

use std::time::Duration;

use super::phone::*;
use crate::{CallState, Effect, Input, PathState, ReconnectCause};
use ringwire_protocol::{CallEndReason, ClientEvent, SignalBody};

fn restarts(phone: &Phone) -> usize {
    phone
        .done
        .iter()
        .filter(|it| {
            matches!(
                it,
                Effect::Offer {
                    ice_restart: true,
                    ..
                }
            )
        })
        .count()
}

fn attempt(event: &ClientEvent) -> u32 {
    match event {
        ClientEvent::Reconnecting(it) | ClientEvent::Reconnected(it) => it.attempt,
        other => panic!("not a reconnect: {other:?}"),
    }
}

#[test]
fn a_disturbed_path_gets_two_seconds_of_grace() {
    let mut ann = Phone::in_own_call();
    ann.path(PathState::Disturbed);
    ann.pass(Duration::from_millis(1900));
    assert_eq!(ann.state(MINE), CallState::Active);
    ann.path(PathState::Connected);
    ann.pass(secs(5));
    assert_eq!(ann.state(MINE), CallState::Active);
    assert_eq!(restarts(&ann), 0);

    let since = ann.now;
    ann.path(PathState::Disturbed);
    ann.pass(secs(2));
    assert_eq!(
        ann.state(MINE),
        CallState::Reconnecting {
            since,
            why: ReconnectCause::Path
        }
    );
    assert_eq!(restarts(&ann), 1);
    assert_eq!(ann.said(), ["call:reconnecting"]);
}

#[test]
fn a_broken_path_is_restarted_at_once_and_again_until_it_is_back() {
    let mut ann = Phone::in_own_call();
    ann.path(PathState::Broken);
    assert!(matches!(ann.state(MINE), CallState::Reconnecting { .. }));
    assert_eq!(restarts(&ann), 1);
    ann.offer_made();
    let (body, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert!(
        matches!(body, SignalBody::IceRestart { .. }),
        "Bob knows it"
    );
    assert_eq!(round, Some(2));
    ann.pass(secs(8));
    assert_eq!(restarts(&ann), 2);
    assert_eq!(attempt(&ann.last_said("call:reconnecting").1), 2);
    ann.offer_made();
    // The answer to the first restart comes too late.
    ann.bob_answers(2);
    assert_eq!(ann.last, []);
    ann.bob_answers(3);
    ann.answer_applied();
    ann.path(PathState::Connected);
    assert_eq!(ann.state(MINE), CallState::Active);
    assert_eq!(ann.said(), ["call:reconnected"]);
    ann.pass(secs(30));
    assert_eq!(restarts(&ann), 2);
}

#[test]
fn a_call_without_a_path_for_a_minute_is_lost() {
    let mut ann = Phone::in_own_call();
    ann.path(PathState::Broken);
    ann.pass(secs(59));
    assert!(matches!(ann.state(MINE), CallState::Reconnecting { .. }));
    assert_eq!(restarts(&ann), 8);
    ann.pass(secs(1));
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: CallEndReason::ConnectionLost
        }
    );
    let ClientEvent::End(end) = ann.last_said("call:end").1 else {
        unreachable!()
    };
    assert_eq!(end.reason, Some(CallEndReason::ConnectionLost));
}

#[test]
fn the_answerer_asks_the_offerer_for_the_restart() {
    let mut ann = Phone::in_bobs_call();
    ann.path(PathState::Broken);
    assert_eq!(ann.said(), ["call:negotiate", "call:reconnecting"]);
    let ClientEvent::Reconnecting(said) = ann.last_said("call:reconnecting").1 else {
        unreachable!()
    };
    assert_eq!(said.participant_id.as_str(), "member-ann");
    assert_eq!(restarts(&ann), 0);
    ann.signal(r#""type":"ice-restart","sdp":"v=0 m=","negotiationId":2"#);
    assert!(matches!(&ann.last[..], [Effect::AcceptOffer { .. }]));
    ann.answer_made();
    ann.path(PathState::Connected);
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
}

#[test]
fn the_offerer_restarts_when_asked_but_not_twice_at_once() {
    let mut ann = Phone::in_own_call();
    let ask = r#"{"callId":"c1","from":"bob","to":"ann","reason":"restart"}"#;
    ann.event("call:negotiate", ask);
    assert_eq!(restarts(&ann), 1);
    ann.event("call:negotiate", ask);
    ann.offer_made();
    ann.event("call:negotiate", ask);
    assert_eq!(restarts(&ann), 1);
    ann.event("call:negotiate", &ask.replace("bob", "carol"));
    assert_eq!(restarts(&ann), 1);
    ann.pass(secs(3));
    ann.event("call:negotiate", ask);
    assert_eq!(restarts(&ann), 2);
}

#[test]
fn a_restart_waits_for_the_socket_and_for_the_return_to_the_call() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketDown);
    ann.path(PathState::Broken);
    assert!(matches!(
        ann.state(MINE),
        CallState::Reconnecting {
            why: ReconnectCause::Socket,
            ..
        }
    ));
    ann.pass(secs(20));
    assert_eq!(restarts(&ann), 0);
    ann.socket_returns(&session("ann", "reconnecting", 4));
    assert_eq!(ann.said(), ["call:join"]);
    assert_eq!(restarts(&ann), 0);
    ann.ack(
        "call:join",
        &format!(
            r#"{{"success":true,"data":{{"callSession":{}}}}}"#,
            session("ann", "reconnecting", 4)
        ),
    );
    assert_eq!(restarts(&ann), 1);
    assert!(matches!(
        ann.state(MINE),
        CallState::Reconnecting {
            why: ReconnectCause::Path,
            ..
        }
    ));
}

#[test]
fn towards_an_older_peer_a_restart_is_a_plain_offer() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.event(
        "call:participant-joined",
        r#"{"callId":"c1","mode":"p2p","participant":{"id":"r","callSessionId":"c1","userId":"bob","role":"participant","joinedAt":"2026-11-23T09:30:00Z"}}"#,
    );
    ann.offer_made();
    ann.bob_answers(1);
    ann.answer_applied();
    ann.path(PathState::Connected);
    ann.path(PathState::Broken);
    ann.offer_made();
    let (body, ..) = signal_in(&ann.last_said("call:signal").1);
    assert!(matches!(body, SignalBody::Offer { .. }));
    // He reloads: what was there cannot be restarted.
    let before = ann.connection();
    ann.event(
        "call:participant-joined",
        r#"{"callId":"c1","mode":"p2p","participant":{"id":"r","callSessionId":"c1","userId":"bob","role":"participant","joinedAt":"2026-11-23T09:30:00Z"}}"#,
    );
    assert_ne!(ann.connection(), before);
}

#[test]
fn reconnecting_is_never_told_before_there_was_a_path() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    ann.bob_answers(1);
    ann.answer_applied();
    ann.path(PathState::Broken);
    assert_eq!(ann.state(MINE), CallState::Active);
    assert_eq!(restarts(&ann), 1);
    assert_eq!(ann.times_said("call:reconnecting"), 0);
}

#[test]
fn an_offer_that_has_waited_two_seconds_is_made_again_when_it_is_asked_for() {
    let ask = r#"{"callId":"c1","from":"bob","to":"ann","reason":"restart"}"#;
    for (millis, offers) in [(1_999, 0), (2_000, 1)] {
        let mut ann = Phone::new();
        ann.call();
        ann.initiate_acked();
        ann.bob_joins();
        ann.offer_made();
        ann.pass(Duration::from_millis(millis));
        ann.event("call:negotiate", ask);
        assert_eq!(restarts(&ann), offers, "{millis}");
    }
}
