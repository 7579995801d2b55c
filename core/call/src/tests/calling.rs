//! The caller's side until somebody answers.

use super::phone::*;
use crate::{AckFailure, CallEvent, CallState, Command, Effect, IcePolicy, Input, PathState};
use ringwire_protocol::{
    CallEndReason, CallError, CallType, ClientEvent, ErrorCode, SignalBody, Timestamp,
};

fn ended(reason: CallEndReason) -> CallState {
    CallState::Ended { reason }
}

#[test]
fn a_call_rings_is_answered_and_connects() {
    let mut ann = Phone::new();
    ann.call();
    assert_eq!(ann.said(), ["call:initiate"]);
    assert_eq!(ann.state(MINE), CallState::Calling);
    assert_eq!(ann.last.last(), Some(&Effect::Publish));

    ann.initiate_acked();
    assert_eq!(ann.view(MINE).id, Some("c1".parse().unwrap()));
    ann.pass(secs(2));
    ann.bob_rings();
    assert_eq!(ann.state(MINE), CallState::Ringing);

    ann.pass(secs(5));
    ann.bob_joins();
    assert_eq!(ann.state(MINE), CallState::Connecting);
    let connection = ann.connection();
    assert!(matches!(
        &ann.last[1..],
        [
            Effect::Open { peer, ice_servers, policy: IcePolicy::All, .. },
            Effect::SetMedia { send_audio: true, send_video: true, receive: true, .. },
            Effect::Offer { ice_restart: false, .. },
            Effect::Publish,
        ] if peer.as_str() == "bob" && ice_servers.len() == 1
    ));

    ann.offer_made();
    let (op, signal) = ann.last_said("call:signal");
    assert!(op.is_some());
    let (body, round, to) = signal_in(&signal);
    assert!(matches!(body, SignalBody::Offer { .. }));
    assert_eq!((round, to.as_str()), (Some(1), "bob"));

    ann.bob_answers(1);
    assert_eq!(ann.state(MINE), CallState::Active);
    ann.answer_applied();
    assert!(!ann.view(MINE).connected);
    ann.path(PathState::Connected);
    let view = ann.view(MINE);
    assert!(view.connected);
    assert_eq!(view.people.len(), 1);
    assert_eq!(view.people[0].display_name.as_deref(), Some("Bob"));
    let marks = view.timeline;
    assert_eq!(
        marks
            .accepted
            .unwrap()
            .saturating_since(marks.initiate.unwrap()),
        secs(7)
    );
    assert_eq!(marks.ice_connected, Some(ann.now));
    assert_eq!(ann.connection(), connection);
}

#[test]
fn a_server_without_ringing_goes_straight_on() {
    let mut ann = Phone::with_old_server();
    ann.call();
    ann.initiate_acked();
    ann.event(
        "call:participant-joined",
        r#"{"callId":"c1","mode":"p2p","participant":{"id":"r","callSessionId":"c1","userId":"bob","role":"participant","joinedAt":"2026-11-23T09:30:00Z"}}"#,
    );
    assert_eq!(ann.state(MINE), CallState::Connecting);
    ann.offer_made();
    let ClientEvent::Signal(sent) = ann.last_said("call:signal").1 else {
        unreachable!()
    };
    // Nothing that an older server does not know.
    assert_eq!(sent.signal.from_device, None);
}

#[test]
fn nobody_answers_for_thirty_seconds() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.pass(secs(29));
    assert_eq!(ann.state(MINE), CallState::Calling);
    ann.pass(secs(1));
    assert_eq!(ann.state(MINE), ended(CallEndReason::Missed));
    assert_eq!(ann.said(), ["call:end"]);
    let ClientEvent::End(end) = ann.last_said("call:end").1 else {
        unreachable!()
    };
    assert_eq!(end.reason, Some(CallEndReason::Missed));
}

#[test]
fn the_first_ring_begins_the_wait_again_but_never_beyond_forty_seconds() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.pass(secs(4));
    ann.bob_rings();
    ann.pass(secs(29));
    assert_eq!(ann.state(MINE), CallState::Ringing);
    ann.pass(secs(1));
    assert_eq!(ann.state(MINE), ended(CallEndReason::Missed));

    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.pass(secs(25));
    ann.bob_rings();
    ann.bob_rings();
    ann.pass(secs(14));
    assert_eq!(ann.state(MINE), CallState::Ringing);
    ann.pass(secs(1));
    assert_eq!(ann.state(MINE), ended(CallEndReason::Missed));
}

#[test]
fn cancelling_ends_at_once_and_tells_the_server() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_rings();
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.state(MINE), ended(CallEndReason::Cancelled));
    let ClientEvent::End(end) = ann.last_said("call:end").1 else {
        unreachable!()
    };
    assert_eq!(end.reason, Some(CallEndReason::Cancelled));
    // The server's word on it, and another tap, change nothing.
    ann.ended(r#","reason":"missed","endedBy":"bob""#);
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.last, []);
}

#[test]
fn a_call_cancelled_before_it_has_a_name_is_ended_as_soon_as_it_has_one() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.state(MINE), ended(CallEndReason::Cancelled));
    assert_eq!(ann.times_said("call:end"), 0);
    ann.pass(secs(5));
    assert!(ann.snapshot().calls.is_empty());
    ann.initiate_acked();
    assert_eq!(ann.said(), ["call:end"]);
}

#[test]
fn the_event_names_a_call_whose_ack_is_missing() {
    let mut ann = Phone::with_old_server();
    ann.call();
    ann.event(
        "call:initiated",
        r#"{"callId":"c1","conversationId":"v1","mode":"p2p","type":"video","initiator":{"userId":"ann"},"iceServers":[{"urls":"stun:s"}]}"#,
    );
    assert_eq!(ann.view(MINE).id, Some("c1".parse().unwrap()));
    // Nor does my own call ring here.
    assert_eq!(ann.snapshot().calls.len(), 1);
}

#[test]
fn a_lost_answer_to_initiate_is_looked_up_before_the_call_is_made_twice() {
    let mut ann = Phone::new();
    ann.call();
    ann.feed(Input::SocketDown);
    ann.pass(secs(1));
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active"]);
    ann.ack(
        "call:check-active",
        r#"{"calls":[{"id":"c1","conversationId":"v1","mode":"p2p","status":"ringing","version":2,"initiatorId":"ann","startedAt":"2026-11-23T09:30:00Z"}]}"#,
    );
    assert_eq!(ann.state(MINE), CallState::Ringing);
    assert_eq!(ann.times_said("call:initiate"), 1);

    let mut ann = Phone::new();
    ann.call();
    ann.fail("call:initiate", AckFailure::Timeout);
    assert_eq!(ann.said(), ["call:check-active"]);
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    assert_eq!(ann.said(), ["call:initiate"]);
}

#[test]
fn a_call_that_never_reaches_the_server_fails() {
    let mut ann = Phone::offline(all_capabilities());
    ann.call();
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.pass(secs(30));
    assert_eq!(ann.state(MINE), ended(CallEndReason::Failed));
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::Failed { error, .. }, CallEvent::Ended { .. }]
            if error.code == ErrorCode::ConnectionFailed
    ));
    // Nothing is left to say when the socket comes.
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active"]);
}

#[test]
fn a_refused_call_fails_with_the_servers_error() {
    let mut ann = Phone::new();
    ann.call();
    ann.fail(
        "call:initiate",
        AckFailure::Refused(CallError::new(ErrorCode::ConversationClosed, "no")),
    );
    assert_eq!(ann.state(MINE), ended(CallEndReason::Failed));
    assert!(matches!(
        &ann.news()[0],
        CallEvent::Failed { key: Some(MINE), error } if error.code == ErrorCode::ConversationClosed
    ));
}

#[test]
fn a_second_call_is_refused_while_the_first_has_no_answer() {
    let mut ann = Phone::new();
    ann.call();
    let other = crate::CallKey::outgoing(2);
    ann.command(Command::Call {
        key: other,
        conversation: "v2".parse().unwrap(),
        call_type: CallType::Audio,
        media: BOTH_ON,
    });
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::Failed { key: Some(key), error }]
            if *key == other && error.code == ErrorCode::AlreadyInCall
    ));
    assert_eq!(ann.snapshot().calls.len(), 1);
}

#[test]
fn a_rate_limit_on_initiate_is_waited_out() {
    let mut ann = Phone::new();
    ann.call();
    ann.slow_down("call:initiate", 3.0);
    assert_eq!(ann.state(MINE), CallState::Calling);
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:initiate"), 1);
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:initiate"), 2);
    ann.initiate_acked();
    assert_eq!(ann.view(MINE).id, Some("c1".parse().unwrap()));
}

#[test]
fn the_callee_declines() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_rings();
    ann.ended(r#","reason":"rejected","endedBy":"bob""#);
    assert_eq!(ann.state(MINE), ended(CallEndReason::Rejected));
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.pass(secs(3));
    assert!(ann.snapshot().calls.is_empty());
}

#[test]
fn a_caller_who_is_not_told_when_it_was_answered_counts_by_the_own_calendar() {
    let says = |text| Timestamp::parse(text).unwrap();
    let mut ann = Phone::new();
    ann.feed(Input::Calendar(says("2026-01-01T00:00:00Z")));
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    ann.pass(secs(7));
    assert_eq!(ann.view(MINE).answered_at, None);
    ann.bob_answers(1);
    let answered = Some(says("2026-01-01T00:00:07Z"));
    assert_eq!(ann.view(MINE).answered_at, answered);
    // Later looks at the calendar, also one that was put right, count from the same moment.
    ann.pass(secs(3));
    ann.feed(Input::Calendar(says("2026-01-01T00:00:10Z")));
    assert_eq!(ann.view(MINE).answered_at, answered);
    // What the server says counts.
    let said = session("ann", "active", 9);
    let said = said.strip_suffix('}').unwrap();
    ann.socket_returns(&format!(r#"{said},"answeredAt":"2026-01-01T00:00:05Z"}}"#));
    assert_eq!(
        ann.view(MINE).answered_at,
        Some(says("2026-01-01T00:00:05Z"))
    );
}

#[test]
fn an_ack_that_comes_after_the_event_that_named_the_call_takes_nothing_back() {
    let mut ann = Phone::new();
    ann.call();
    ann.event("call:initiated", &INITIATED.replace("bob", "ann"));
    ann.initiate_acked();
    assert_eq!(ann.said(), Vec::<&str>::new());
    assert_eq!(ann.state(MINE), CallState::Calling);
    assert_eq!(ann.view(MINE).id, Some("c1".parse().unwrap()));
}

#[test]
fn a_call_that_meets_the_rate_limit_too_often_fails() {
    let mut ann = Phone::new();
    ann.call();
    for said in 1..=6 {
        assert_eq!(ann.state(MINE), CallState::Calling);
        assert_eq!(ann.times_said("call:initiate"), said);
        ann.refuse("call:initiate", ErrorCode::RateLimitExceeded);
        ann.pass(secs(2));
    }
    assert_eq!(ann.times_said("call:initiate"), 6);
    assert_eq!(ann.state(MINE), ended(CallEndReason::Failed));
}

#[test]
fn keys_of_own_calls_are_even_and_those_of_others_odd() {
    let mut ann = Phone::new();
    ann.call();
    ann.bob_calls_from("carol");
    let keys: Vec<u64> = ann.snapshot().calls.iter().map(|it| it.key.get()).collect();
    assert_eq!(keys, [2, 1]);
}

#[test]
fn ice_servers_that_come_with_who_joins_serve_the_connection() {
    let mut ann = Phone::with_old_server();
    ann.call();
    ann.event("call:initiated", &INITIATED.replace("bob", "ann"));
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","participant":{BOB},"iceServers":[{TURN}]}}"#),
    );
    assert!(ann.last.iter().any(opens_with_a_server));
}

#[test]
fn a_call_with_a_name_is_not_made_again_after_a_lost_socket() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.feed(Input::SocketDown);
    let mine = session("ann", "initiated", 2)
        .replace(&format!("{BOB},"), "")
        .replace(ANN, "");
    ann.socket_returns(&mine);
    assert_eq!(ann.said(), Vec::<&str>::new());
    assert_eq!(ann.state(MINE), CallState::Calling);
}

#[test]
fn a_call_that_waits_for_the_socket_is_said_once_however_often_that_is_lost() {
    let mut ann = Phone::offline(all_capabilities());
    ann.call();
    ann.feed(Input::SocketDown);
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active", "call:initiate"]);
}

#[test]
fn a_call_whose_answers_are_lost_is_said_three_times() {
    let mut ann = Phone::new();
    ann.call();
    for said in 1..=3 {
        assert_eq!(ann.state(MINE), CallState::Calling);
        assert_eq!(ann.times_said("call:initiate"), said);
        ann.fail("call:initiate", AckFailure::Timeout);
        ann.ack("call:check-active", r#"{"calls":[]}"#);
    }
    assert_eq!(ann.times_said("call:initiate"), 3);
    assert_eq!(ann.state(MINE), ended(CallEndReason::Failed));
}
