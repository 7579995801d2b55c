//! Every end: one reason, told once, and what this device makes of the server's word.

use super::phone::*;
use crate::call::{Seen, reason_for};
use crate::{CallEvent, CallState, Command, Effect, Input};
use ringwire_protocol::CallEndReason as Reason;
use ringwire_protocol::{ClientEvent, ErrorCode};

#[test]
fn hanging_up_leaves_closes_and_is_told_once() {
    let mut ann = Phone::in_own_call();
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.said(), ["call:leave"]);
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Close { .. })));
    assert_eq!(
        ann.news(),
        [CallEvent::Ended {
            key: MINE,
            reason: Reason::Completed
        }]
    );
    ann.ended(r#","reason":"completed","duration":7"#);
    ann.command(Command::HangUp { key: MINE });
    ann.command(Command::SetMicrophone {
        key: MINE,
        on: false,
    });
    assert_eq!(ann.last, []);
    ann.pass(secs(3));
    assert!(ann.snapshot().calls.is_empty());
    assert_eq!(ann.store.wake_at(), None);
}

#[test]
fn a_hang_up_without_a_socket_is_told_when_it_is_back() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketDown);
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.pass(secs(20));
    assert!(ann.snapshot().calls.is_empty());
    ann.socket_up();
    assert_eq!(ann.said(), ["call:leave", "call:check-active"]);
    // Not heard: the server still lists me.
    let listed = format!(r#"{{"calls":[{}]}}"#, session("ann", "active", 9));
    ann.ack("call:check-active", &listed);
    assert_eq!(ann.said(), ["call:leave"]);
    ann.ended("");
    ann.feed(Input::SocketDown);
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active"]);
}

#[test]
fn a_goodbye_that_meets_a_rate_limit_is_said_again() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.command(Command::Decline {
        key: FIRST_RING,
        busy: false,
    });
    ann.refuse("call:end", ErrorCode::RateLimitExceeded);
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:end"), 2);
    ann.done_ack("call:end");
    ann.feed(Input::SocketDown);
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active"]);
}

#[test]
fn the_other_leaves_and_the_call_ends_with_or_without_the_servers_word() {
    let left =
        r#"{"callId":"c1","participantId":"row-bob","userId":"bob","mode":"p2p","version":4}"#;
    let mut ann = Phone::in_own_call();
    ann.event("call:participant-left", left);
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Close { .. })));
    ann.ended(r#","reason":"heartbeatTimeout""#);
    assert_eq!(
        ann.news(),
        [CallEvent::Ended {
            key: MINE,
            reason: Reason::HeartbeatTimeout
        }]
    );

    let mut ann = Phone::in_own_call();
    ann.event("call:participant-left", left);
    ann.pass(secs(2));
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: Reason::Completed
        }
    );
}

#[test]
fn an_error_of_another_call_ends_no_call() {
    let mut ann = Phone::in_own_call();
    ann.event(
        "call:error",
        r#"{"code":"CALL_ENDED","message":"over","callId":"c7"}"#,
    );
    ann.event(
        "call:error",
        r#"{"code":"PEER_CONNECTION_FAILED","message":"?"}"#,
    );
    ann.event(
        "call:error",
        r#"{"code":"RATE_LIMIT_EXCEEDED","message":"slowly","retryAfter":1}"#,
    );
    ann.refuse("call:signal", ErrorCode::TargetNotFound);
    assert_eq!(ann.state(MINE), CallState::Active);
}

#[test]
fn an_error_of_this_call_is_told_and_the_call_goes_on() {
    let mut ann = Phone::in_own_call();
    ann.event(
        "call:error",
        r#"{"code":"MEDIA_TOGGLE_FAILED","message":"no","callId":"c1"}"#,
    );
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::Failed {
            key: Some(MINE),
            ..
        }]
    ));
    assert_eq!(ann.state(MINE), CallState::Active);
    // One that says it is gone is looked up.
    ann.event(
        "call:error",
        r#"{"code":"CALL_NOT_FOUND","message":"no","callId":"c1"}"#,
    );
    assert_eq!(ann.said(), ["call:check-active"]);
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: Reason::ConnectionLost
        }
    );
}

#[test]
fn a_negotiation_that_fails_before_there_was_a_path_ends_the_call() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    let op = ann.op_of(|effect| match effect {
        Effect::Offer { op, .. } => Some(*op),
        _ => None,
    });
    ann.report(crate::ConnectionEvent::Failed {
        op: Some(op),
        message: "no socket".into(),
    });
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: Reason::Failed
        }
    );
    let ClientEvent::End(end) = ann.last_said("call:end").1 else {
        unreachable!()
    };
    assert_eq!(end.reason, Some(Reason::Failed));
}

#[test]
fn the_servers_reason_is_seen_from_where_this_device_stands() {
    let inside = |answered| Seen::Inside { answered };
    for (seen, said, somebody, by_me, expected) in [
        (
            Seen::Ring,
            Some(Reason::Cancelled),
            true,
            false,
            Reason::Cancelled,
        ),
        (
            Seen::Ring,
            Some(Reason::Missed),
            false,
            false,
            Reason::Missed,
        ),
        (
            Seen::Ring,
            Some(Reason::Rejected),
            true,
            true,
            Reason::DeclinedElsewhere,
        ),
        (
            Seen::Ring,
            Some(Reason::Busy),
            true,
            true,
            Reason::DeclinedElsewhere,
        ),
        (Seen::Ring, None, true, false, Reason::Cancelled),
        (Seen::Ring, None, false, false, Reason::Missed),
        (
            Seen::Ring,
            Some(Reason::Completed),
            true,
            true,
            Reason::AnsweredElsewhere,
        ),
        (
            Seen::Caller,
            Some(Reason::Rejected),
            true,
            false,
            Reason::Rejected,
        ),
        (Seen::Caller, Some(Reason::Busy), true, false, Reason::Busy),
        (
            Seen::Caller,
            Some(Reason::Completed),
            true,
            false,
            Reason::Rejected,
        ),
        (Seen::Caller, None, false, false, Reason::Missed),
        (Seen::Caller, None, true, true, Reason::Cancelled),
        (inside(true), None, false, false, Reason::Completed),
        (
            inside(true),
            Some(Reason::GarbageCollected),
            false,
            false,
            Reason::GarbageCollected,
        ),
        (inside(false), None, true, false, Reason::Completed),
        (inside(false), None, false, false, Reason::Failed),
        (
            inside(false),
            Some(Reason::Missed),
            false,
            false,
            Reason::Missed,
        ),
        (
            inside(true),
            Some(Reason::Unknown("moved".into())),
            false,
            false,
            Reason::Unknown("moved".into()),
        ),
    ] {
        let made = reason_for(said.as_ref(), somebody, by_me, seen);
        assert_eq!(
            made, expected,
            "{seen:?} {said:?} somebody {somebody} me {by_me}"
        );
    }
}

#[test]
fn a_status_that_is_an_end_says_why_where_no_reason_is_given() {
    for (status, reason) in [
        ("missed", Reason::Missed),
        ("rejected", Reason::Rejected),
        ("failed", Reason::Failed),
    ] {
        let mut ann = Phone::new();
        ann.call();
        ann.initiate_acked();
        ann.feed(Input::SocketDown);
        ann.socket_returns(&session("ann", status, 4));
        assert_eq!(ann.state(MINE), CallState::Ended { reason });
    }
}

#[test]
fn alone_in_a_group_a_call_waits_a_minute_for_somebody() {
    let mut ann = Phone::new();
    let group = INITIATED.replace(
        r#""version":1"#,
        r#""version":1,"conversationType":"group""#,
    );
    ann.event("call:initiated", &group);
    ann.accept();
    ann.join_acked();
    ann.bob_offers(1);
    ann.answer_made();
    ann.path(crate::PathState::Connected);
    ann.event(
        "call:participant-left",
        r#"{"callId":"c1","participantId":"row-bob","userId":"bob","mode":"p2p","version":4}"#,
    );
    ann.pass(secs(59));
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
    ann.pass(secs(1));
    let reason = Reason::Completed;
    assert_eq!(ann.state(FIRST_RING), CallState::Ended { reason });
}

#[test]
fn who_leaves_is_known_by_the_row_where_the_user_is_not_said() {
    for (row, closes) in [("row-bob", true), ("row-carol", false)] {
        let mut ann = Phone::in_own_call();
        ann.event(
            "call:participant-left",
            &format!(r#"{{"callId":"c1","participantId":"{row}","mode":"p2p","version":4}}"#),
        );
        let closed = ann.last.iter().any(|it| matches!(it, Effect::Close { .. }));
        assert_eq!(closed, closes, "{row}");
        assert_eq!(ann.view(MINE).people[0].joined, !closes, "{row}");
    }
}

#[test]
fn a_leave_that_is_older_than_what_is_known_ends_nothing() {
    let mut ann = Phone::in_own_call();
    ann.event(
        "call:participant-left",
        r#"{"callId":"c1","participantId":"row-bob","userId":"bob","mode":"p2p","version":2}"#,
    );
    ann.pass(secs(5));
    assert_eq!(ann.state(MINE), CallState::Active);
    assert!(ann.view(MINE).connected);
}

#[test]
fn a_join_or_a_lost_path_that_is_older_than_what_is_known_changes_nothing() {
    let mut ann = Phone::in_own_call();
    let older = BOB.replace("bob-1", "bob-0");
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","version":2,"participant":{older}}}"#),
    );
    assert_eq!(ann.last, []);
    ann.event(
        "call:reconnecting",
        r#"{"callId":"c1","participantId":"m","userId":"bob","attempt":1,"version":2}"#,
    );
    assert!(!ann.view(MINE).people[0].reconnecting);
}

#[test]
fn a_call_that_nobody_answered_was_completed_only_where_the_server_knows_better_words() {
    let completed = r#","reason":"completed","endedBy":"bob""#;
    for (mut ann, reason) in [
        (Phone::new(), Reason::Completed),
        (Phone::with_old_server(), Reason::Rejected),
    ] {
        ann.call();
        ann.initiate_acked();
        ann.ended(completed);
        assert_eq!(ann.state(MINE), CallState::Ended { reason });
    }
}

#[test]
fn an_offered_call_that_a_server_of_the_basic_contract_has_no_longer_was_missed() {
    let mut ann = Phone::with_old_server();
    ann.call();
    let error = glare("bob", "group");
    ann.fail("call:initiate", crate::AckFailure::Refused(error));
    assert_eq!(ann.state(MINE), CallState::Offered);
    ann.event(
        "call:error",
        r#"{"code":"CALL_ENDED","message":"over","callId":"c1"}"#,
    );
    let reason = Reason::Missed;
    assert_eq!(ann.state(MINE), CallState::Ended { reason });
}

#[test]
fn a_command_for_a_call_that_is_not_listed_is_told_as_a_mistake() {
    let (key, on, media) = (FIRST_RING, true, BOTH_ON);
    for command in [
        Command::Accept { key, media },
        Command::Join { key, media },
        Command::SetMicrophone { key, on },
        Command::SetCamera { key, on },
        Command::SetScreen { key, on },
        Command::Hold { key, on },
    ] {
        let mut ann = Phone::new();
        ann.command(command);
        assert!(matches!(
            &ann.news()[..],
            [CallEvent::Failed { key: Some(FIRST_RING), error }]
                if error.code == ErrorCode::CallNotFound
        ));
    }
}

#[test]
fn a_late_failure_of_what_is_not_awaited_any_more_ends_nothing() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    let op = ann.op_of(|effect| match effect {
        Effect::Offer { op, .. } => Some(*op),
        _ => None,
    });
    ann.report(crate::ConnectionEvent::Failed {
        op: Some(crate::OpId::from_raw(op.get() - 1)),
        message: "too late".into(),
    });
    assert_eq!(ann.state(MINE), CallState::Connecting);
    ann.offer_made();
    assert_eq!(ann.said(), ["call:signal"]);
}

#[test]
fn an_accepted_call_that_the_server_holds_for_missed_was_missed() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketDown);
    ann.socket_returns(&session("ann", "missed", 4));
    let reason = Reason::Missed;
    assert_eq!(ann.state(MINE), CallState::Ended { reason });
}

#[test]
fn an_error_of_a_join_that_is_on_its_way_refuses_it() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.event(
        "call:error",
        r#"{"code":"MAX_PARTICIPANTS_REACHED","message":"full","callId":"c1"}"#,
    );
    let reason = Reason::Failed;
    assert_eq!(ann.state(FIRST_RING), CallState::Ended { reason });
}

#[test]
fn a_call_that_is_lost_is_not_repaired_at_the_same_moment() {
    let mut ann = Phone::in_own_call();
    ann.path(crate::PathState::Broken);
    ann.pass(secs(52));
    ann.feed(Input::NetworkChanged);
    ann.pass(secs(8));
    let reason = Reason::ConnectionLost;
    assert_eq!(ann.state(MINE), CallState::Ended { reason });
    assert!(!ann.last.iter().any(|it| matches!(it, Effect::Offer { .. })));
}

#[test]
fn an_offer_that_nobody_takes_is_left_where_the_server_has_this_device_in_it() {
    let mut inside = Phone::new();
    let listed = session_of_bob("active");
    inside.ack("call:check-active", &format!(r#"{{"calls":[{listed}]}}"#));
    let mut rung = Phone::new();
    rung.call();
    let error = glare("bob", "group");
    rung.fail("call:initiate", crate::AckFailure::Refused(error));
    rung.bob_calls();
    for (mut ann, key, said) in [
        (inside, FIRST_RING, vec!["call:leave"]),
        (rung, MINE, Vec::new()),
    ] {
        assert_eq!(ann.state(key), CallState::Offered);
        let deadline = ann.view(key).ring_deadline.unwrap();
        ann.pass(deadline.saturating_since(ann.now));
        let reason = Reason::Missed;
        assert_eq!(ann.state(key), CallState::Ended { reason });
        let mut goodbyes = ann.said();
        goodbyes.retain(|said| ["call:leave", "call:end"].contains(said));
        assert_eq!(goodbyes, said);
    }
}
