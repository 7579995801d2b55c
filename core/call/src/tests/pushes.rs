//! Pushes: of a ring, of its end, before and after what the socket says.

use super::phone::*;
use crate::{CallEvent, CallState, Command, Effect, Input};
use ringwire_protocol::{CallEndReason as Reason, ErrorCode, Timestamp};

fn ended(reason: Reason) -> CallState {
    CallState::Ended { reason }
}

/// A phone that sleeps: no socket yet, and nobody knows whose it is.
fn asleep() -> Phone {
    Phone::offline(all_capabilities())
}

fn calendar(ann: &mut Phone, says: &str) {
    ann.feed(Input::Calendar(Timestamp::parse(says).unwrap()));
}

#[test]
fn a_push_rings_at_once_without_a_socket_and_says_so_when_there_is_one() {
    let mut ann = asleep();
    ann.push("call");
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
    let view = ann.view(FIRST_RING);
    assert_eq!(view.people[0].display_name.as_deref(), Some("Bob"));
    assert_eq!(view.id.unwrap().as_str(), "c1");

    ann.pass(secs(2));
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active", "call:ringing"]);
    // The event comes after its push, with an offer behind it.
    ann.bob_calls();
    ann.bob_calls();
    ann.bob_offers(1);
    assert_eq!(ann.news(), []);
    assert_eq!(ann.snapshot().calls.len(), 1);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Open { .. })));
}

#[test]
fn a_push_after_its_event_changes_nothing() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.push("call");
    assert_eq!(ann.news(), []);
    assert_eq!(ann.snapshot().calls.len(), 1);
    ann.command(Command::Decline {
        key: FIRST_RING,
        busy: false,
    });
    ann.push("call");
    assert_eq!(ann.news(), [], "a declined call does not ring again");
}

#[test]
fn accepting_on_a_push_joins_as_soon_as_the_socket_is_up_and_signals_only_after_that() {
    let mut ann = asleep();
    ann.push("call");
    ann.accept();
    assert_eq!(ann.said(), Vec::<&str>::new());
    assert_eq!(ann.state(FIRST_RING), CallState::Connecting);
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active", "call:join"]);
    ann.bob_offers(1);
    assert_eq!(ann.times_said("call:signal"), 0);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Open { .. })));
    ann.join_acked();
    ann.answer_made();
    assert_eq!(ann.said(), ["call:signal"]);
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
}

#[test]
fn declining_on_a_push_is_told_when_the_socket_is_up() {
    let mut ann = asleep();
    ann.push("call");
    ann.command(Command::Decline {
        key: FIRST_RING,
        busy: false,
    });
    assert_eq!(ann.state(FIRST_RING), ended(Reason::Rejected));
    ann.socket_up();
    assert_eq!(ann.said(), ["call:end", "call:check-active"]);
}

#[test]
fn a_cancel_before_its_ring_silences_that_ring() {
    for kind in ["call_cancel", "call_answered_elsewhere"] {
        let mut ann = asleep();
        ann.push(kind);
        ann.push("call");
        ann.socket_up();
        ann.bob_calls();
        assert!(ann.snapshot().calls.is_empty(), "{kind}");
        assert_eq!(ann.times_said("call:ringing"), 0, "{kind}");
    }
}

#[test]
fn a_push_of_the_end_stops_the_ring() {
    for (kind, reason) in [
        ("call_cancel", Reason::Cancelled),
        ("call_answered_elsewhere", Reason::AnsweredElsewhere),
    ] {
        let mut ann = asleep();
        ann.push("call");
        ann.push(kind);
        assert_eq!(
            ann.news(),
            [
                CallEvent::StopRinging { key: FIRST_RING },
                CallEvent::Ended {
                    key: FIRST_RING,
                    reason
                }
            ]
        );
    }
    // An accept that nobody has heard of yet comes too late.
    let mut ann = asleep();
    ann.push("call");
    ann.accept();
    ann.push("call_answered_elsewhere");
    assert_eq!(ann.state(FIRST_RING), ended(Reason::AnsweredElsewhere));
    // In a call the socket has the word.
    let mut ann = Phone::in_bobs_call();
    ann.push("call_cancel");
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
}

#[test]
fn a_ring_ends_at_its_deadline_and_never_later_than_after_45_seconds() {
    let deadline = [("ringDeadline", "2026-11-23T09:30:45Z")];
    for (says, seconds) in [
        // The push was 15 s on its way.
        ("2026-11-23T09:30:15Z", 30),
        // The calendar is five minutes behind.
        ("2026-11-23T09:25:15Z", 45),
    ] {
        let mut ann = asleep();
        calendar(&mut ann, says);
        ann.push_with("call", &deadline);
        ann.pass(secs(seconds - 1));
        assert_eq!(ann.state(FIRST_RING), CallState::Incoming, "{says}");
        ann.pass(secs(1));
        assert_eq!(ann.state(FIRST_RING), ended(Reason::Missed), "{says}");
    }
}

#[test]
fn a_push_that_is_over_by_the_calendar_rings_when_the_gateway_says_that_it_does() {
    let deadline = [("ringDeadline", "2026-11-23T09:30:45Z")];
    let mut ann = asleep();
    calendar(&mut ann, "2026-11-23T09:35:00Z");
    ann.push_with("call", &deadline);
    assert!(ann.snapshot().calls.is_empty());
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active"]);
    // The calendar was wrong.
    let event = INITIATED.replace(
        r#""version":1"#,
        r#""version":1,"ringDeadline":"2026-11-23T09:30:45Z""#,
    );
    ann.event("call:initiated", &event);
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
    ann.pass(secs(44));
    assert_eq!(ann.state(FIRST_RING), CallState::Incoming);
}

#[test]
fn a_push_of_a_call_that_is_over_stops_when_the_server_has_spoken() {
    let mut ann = asleep();
    ann.push("call");
    ann.socket_up();
    ann.refuse("call:ringing", ErrorCode::CallEnded);
    assert_eq!(ann.state(FIRST_RING), ended(Reason::Missed));

    let mut ann = asleep();
    ann.push("call");
    ann.socket_up();
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    assert_eq!(ann.state(FIRST_RING), ended(Reason::Missed));
}

#[test]
fn a_push_of_my_own_call_does_not_ring() {
    let mut ann = Phone::new();
    ann.push_with("call", &[("callerUserId", "ann")]);
    assert!(ann.snapshot().calls.is_empty());
}

#[test]
fn a_late_push_of_a_call_that_the_app_died_in_offers_it_instead_of_ringing() {
    let mut ann = asleep();
    ann.push("call");
    ann.socket_returns(&session_of_bob("active"));
    assert_eq!(
        ann.news(),
        [
            CallEvent::StopRinging { key: FIRST_RING },
            CallEvent::JoinOffered { key: FIRST_RING }
        ]
    );
    // It is this device's call: who does not take it leaves it.
    ann.command(Command::HangUp { key: FIRST_RING });
    assert_eq!(ann.said(), ["call:leave"]);
}
