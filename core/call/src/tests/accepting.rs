//! The callee's side until media flows.

use super::phone::*;
use crate::{AckFailure, CallEvent, CallState, Command, Effect, Input, PathState};
use ringwire_protocol::{CallEndReason, ClientEvent, ErrorCode, SignalBody};

#[test]
fn a_ring_is_announced_once_accepted_and_connects() {
    let mut ann = Phone::new();
    ann.bob_calls();
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
    assert_eq!(ann.said(), ["call:ringing"]);
    assert_eq!(
        ann.view(FIRST_RING).people[0].display_name.as_deref(),
        Some("Bob")
    );
    ann.bob_calls();
    ann.bob_calls();
    assert_eq!(ann.snapshot().calls.len(), 1);
    assert_eq!(ann.times_said("call:ringing"), 1);

    ann.pass(secs(10));
    ann.accept();
    assert_eq!(ann.said(), ["call:join"]);
    assert_eq!(
        ann.news(),
        [
            CallEvent::StopRinging { key: FIRST_RING },
            CallEvent::Changed { key: FIRST_RING }
        ]
    );
    ann.join_acked();
    assert!(matches!(
        &ann.last[..],
        [
            Effect::Open { .. },
            Effect::SetMedia { receive: true, .. },
            Effect::Publish
        ]
    ));
    // The callee never offers.
    ann.bob_offers(1);
    assert!(matches!(&ann.last[..], [Effect::AcceptOffer { .. }]));
    ann.answer_made();
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
    let (body, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert!(matches!(body, SignalBody::Answer { .. }));
    assert_eq!(round, Some(1));
    ann.path(PathState::Connected);
    assert!(ann.view(FIRST_RING).connected);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Offer { .. })));
}

#[test]
fn an_offer_that_comes_before_the_joins_ack_is_kept() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.bobs_candidate("early", 1);
    ann.bob_offers(1);
    assert_eq!(ann.last, []);
    ann.accept();
    ann.bobs_candidate("later", 1);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Open { .. })));
    ann.join_acked();
    assert!(
        ann.last
            .iter()
            .any(|it| matches!(it, Effect::AcceptOffer { .. }))
    );
    ann.answer_made();
    let candidates: Vec<_> = ann
        .last
        .iter()
        .filter_map(|it| match it {
            Effect::AddCandidate { candidate, .. } => Some(candidate.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(candidates, ["candidate:early", "candidate:later"]);
}

#[test]
fn the_joins_event_does_for_its_ack() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.accept();
    let ClientEvent::Join(join) = ann.last_said("call:join").1 else {
        unreachable!()
    };
    assert_eq!(join.device_id, None);
    ann.event(
        "call:join",
        &format!(
            r#"{{"callSession":{},"iceServers":[{TURN}]}}"#,
            session_of_bob("active")
        ),
    );
    // A server of the basic contract says that it is active as soon as I join.
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Open { .. })));
    ann.fail("call:join", AckFailure::Timeout);
    assert_eq!(ann.last, []);
}

#[test]
fn my_own_participant_joined_does_for_the_ack() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","participant":{ANN}}}"#),
    );
    ann.bob_offers(1);
    assert!(matches!(&ann.last[..], [Effect::AcceptOffer { .. }]));
}

#[test]
fn an_offer_alone_shows_that_an_old_server_has_let_me_in() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.bob_offers(1);
    assert!(matches!(
        &ann.last[..],
        [
            Effect::Open { .. },
            Effect::SetMedia { .. },
            Effect::AcceptOffer { .. },
            ..
        ]
    ));
}

#[test]
fn declining_tells_the_server_and_ends_the_ring() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.command(Command::Decline {
        key: FIRST_RING,
        busy: false,
    });
    let ClientEvent::End(end) = ann.last_said("call:end").1 else {
        unreachable!()
    };
    assert_eq!(end.reason, Some(CallEndReason::Rejected));
    assert_eq!(
        ann.news(),
        [
            CallEvent::StopRinging { key: FIRST_RING },
            CallEvent::Ended {
                key: FIRST_RING,
                reason: CallEndReason::Rejected
            }
        ]
    );
    // It does not ring again.
    ann.bob_calls();
    assert_eq!(ann.last, []);
}

#[test]
fn an_unanswered_ring_ends_at_its_deadline() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.pass(secs(44));
    assert_eq!(ann.state(FIRST_RING), CallState::Incoming);
    ann.pass(secs(1));
    assert_eq!(
        ann.state(FIRST_RING),
        CallState::Ended {
            reason: CallEndReason::Missed
        }
    );
    assert_eq!(ann.said(), Vec::<&str>::new());
}

#[test]
fn a_cancel_before_its_ring_silences_that_ring() {
    let mut ann = Phone::new();
    ann.ended(r#","reason":"cancelled","endedBy":"bob""#);
    ann.bob_calls();
    assert_eq!(ann.last, []);
    assert!(ann.snapshot().calls.is_empty());
}

#[test]
fn an_answer_on_another_device_stops_the_ring_and_one_on_this_does_not() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.event(
        "call:already-answered",
        r#"{"callId":"c1","deviceId":"ann-1"}"#,
    );
    assert_eq!(ann.state(FIRST_RING), CallState::Incoming);
    ann.event(
        "call:already-answered",
        r#"{"callId":"c1","deviceId":"ann-2"}"#,
    );
    assert_eq!(
        ann.state(FIRST_RING),
        CallState::Ended {
            reason: CallEndReason::AnsweredElsewhere
        }
    );
}

#[test]
fn already_answered_without_a_device_does_not_end_a_call_that_i_am_in() {
    let mut ann = Phone::in_bobs_call();
    ann.event("call:already-answered", r#"{"callId":"c1"}"#);
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
    ann.event(
        "call:already-answered",
        r#"{"callId":"c1","deviceId":"ann-2"}"#,
    );
    assert_eq!(
        ann.state(FIRST_RING),
        CallState::Ended {
            reason: CallEndReason::AnsweredElsewhere
        }
    );
}

#[test]
fn accepting_without_a_socket_joins_as_soon_as_there_is_one() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.accept();
    assert_eq!(ann.said(), Vec::<&str>::new());
    assert_eq!(ann.state(FIRST_RING), CallState::Connecting);
    ann.pass(secs(5));
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active", "call:join"]);
    ann.join_acked();
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Open { .. })));
}

#[test]
fn a_refused_join_ends_the_call_and_tells_why() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.refuse("call:join", ErrorCode::CallEnded);
    assert!(matches!(&ann.news()[..], [
        CallEvent::Failed { key: Some(FIRST_RING), error },
        CallEvent::Ended { reason: CallEndReason::Missed, .. }
    ] if error.code == ErrorCode::CallEnded));
}

#[test]
fn an_unanswered_join_is_said_again() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.fail("call:join", AckFailure::Timeout);
    assert_eq!(ann.said(), ["call:join", "call:check-active"]);
    ann.join_acked();
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Open { .. })));
}

#[test]
fn an_accepted_call_without_a_path_fails_after_thirty_seconds() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.join_acked();
    ann.bob_offers(1);
    ann.answer_made();
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
    ann.pass(secs(30));
    assert_eq!(
        ann.state(FIRST_RING),
        CallState::Ended {
            reason: CallEndReason::Failed
        }
    );
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Close { .. })));
    assert_eq!(ann.times_said("call:reconnecting"), 0);
}

#[test]
fn at_most_eight_calls_are_listed() {
    let mut ann = Phone::new();
    for n in 0..20 {
        ann.event("call:initiated", &INITIATED.replace("c1", &format!("c{n}")));
    }
    assert_eq!(ann.snapshot().calls.len(), crate::MAX_CALLS);
}

#[test]
fn early_candidates_are_bounded() {
    let mut ann = Phone::new();
    ann.bob_calls();
    for n in 0..500 {
        ann.bobs_candidate(&n.to_string(), 1);
    }
    ann.bob_offers(1);
    ann.accept();
    ann.join_acked();
    ann.answer_made();
    let added = ann
        .last
        .iter()
        .filter(|it| matches!(it, Effect::AddCandidate { .. }))
        .count();
    assert_eq!(added, 64);
}

#[test]
fn a_ring_alone_does_not_wait() {
    let mut ann = Phone::new();
    ann.bob_calls();
    assert!(!ann.view(FIRST_RING).waiting);
}

#[test]
fn the_ice_servers_of_a_ring_serve_its_connection() {
    let mut ann = Phone::new();
    ann.push("call");
    let ring = INITIATED.replace(
        r#""participants""#,
        &format!(r#""iceServers":[{TURN}],"participants""#),
    );
    ann.event("call:initiated", &ring);
    ann.accept();
    ann.fail("call:join", AckFailure::Malformed("no JSON".to_owned()));
    assert!(ann.last.iter().any(opens_with_a_server));
}

#[test]
fn an_own_row_waits_for_the_ack_that_brings_ice_servers() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","participant":{ANN}}}"#),
    );
    ann.bob_offers(1);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Open { .. })));
    ann.join_acked();
    assert!(ann.last.iter().any(opens_with_a_server));
}

#[test]
fn who_calls_is_shown_by_the_names_that_were_said() {
    let names = |ann: &Phone| {
        let person = ann.view(FIRST_RING).people[0].clone();
        [person.username, person.display_name]
    };
    let mut ann = Phone::new();
    ann.push("call");
    assert_eq!(names(&ann), [None, Some("Bob".to_owned())]);
    ann.bob_calls();
    assert_eq!(
        names(&ann),
        [Some("bob".to_owned()), Some("Bob".to_owned())]
    );
}

#[test]
fn a_ring_ends_where_the_server_says_that_it_is_gone_and_only_there() {
    for (code, over) in [
        (ErrorCode::PermissionDenied, false),
        (ErrorCode::CallEnded, true),
    ] {
        let mut ann = Phone::new();
        ann.bob_calls();
        ann.refuse("call:ringing", code);
        let is_over = matches!(ann.state(FIRST_RING), CallState::Ended { .. });
        assert_eq!(is_over, over);
    }
    // Accepted meanwhile: the join decides.
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.refuse("call:ringing", ErrorCode::CallEnded);
    assert_eq!(ann.state(FIRST_RING), CallState::Connecting);
}

#[test]
fn a_join_that_waits_for_a_rate_limit_is_said_only_while_it_is_wanted() {
    for (hangs_up, said) in [(false, 2), (true, 1)] {
        let mut ann = Phone::new();
        ann.bob_calls();
        ann.accept();
        ann.refuse("call:join", ErrorCode::RateLimitExceeded);
        if hangs_up {
            ann.command(Command::HangUp { key: FIRST_RING });
        }
        ann.pass(secs(2));
        assert_eq!(ann.times_said("call:join"), said);
    }
}

#[test]
fn a_toggle_while_the_join_is_on_its_way_is_told_when_i_am_in() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.command(Command::SetCamera {
        key: FIRST_RING,
        on: false,
    });
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.join_acked();
    assert_eq!(ann.said(), ["call:toggle-video"]);
}

#[test]
fn an_ended_call_stays_listed_beside_a_new_ring_and_makes_room_where_there_is_none() {
    let mut ann = Phone::new();
    for n in 0..crate::MAX_CALLS {
        ann.event("call:initiated", &INITIATED.replace("c1", &format!("c{n}")));
        if n == 0 {
            ann.command(Command::Decline {
                key: FIRST_RING,
                busy: false,
            });
        }
    }
    assert_eq!(ann.snapshot().calls.len(), crate::MAX_CALLS);
    assert!(matches!(ann.state(FIRST_RING), CallState::Ended { .. }));
    ann.event("call:initiated", &INITIATED.replace("c1", "c8"));
    assert!(matches!(ann.news()[..], [CallEvent::Incoming { .. }]));
    assert_eq!(ann.snapshot().call(FIRST_RING), None);
}

#[test]
fn before_the_join_is_through_nobody_but_the_caller_is_heard() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.event(
        "call:signal",
        r#"{"callId":"c1","signal":{"from":"carol","to":"ann","type":"offer","sdp":"v=0 m=","negotiationId":1}}"#,
    );
    assert_eq!(ann.last, []);
    ann.join_acked();
    ann.bob_offers(1);
    assert!(matches!(&ann.last[..], [Effect::AcceptOffer { .. }]));
}
