//! Goodbyes: said by the device that is in the call, said again until they are heard, and said of calls that were
//! cancelled before they had a name.

use super::phone::*;
use crate::{AckFailure, CallEvent, CallKey, CallState, Command, Input};
use ringwire_protocol::{CallEndReason as Reason, ClientEvent};

fn nothing() -> Vec<&'static str> {
    Vec::new()
}

/// The server's list holds these sessions.
fn list(ann: &mut Phone, sessions: &str) {
    ann.ack("call:check-active", &format!(r#"{{"calls":[{sessions}]}}"#));
}

#[test]
fn a_call_that_is_over_here_is_left_only_by_the_device_that_is_in_it() {
    for (device, said) in [("ann-1", vec!["call:leave"]), ("ann-2", nothing())] {
        let mut ann = Phone::in_bobs_call();
        ann.ended("");
        ann.pass(secs(5));
        ann.feed(Input::SocketDown);
        ann.socket_up();
        let listed = session_of_bob("active").replace("ann-1", device);
        list(&mut ann, &listed);
        assert_eq!(ann.said(), said, "{device}");
    }
}

#[test]
fn a_goodbye_is_said_again_after_each_return_until_it_is_heard() {
    let mut ann = Phone::in_bobs_call();
    ann.feed(Input::SocketDown);
    ann.command(Command::HangUp { key: FIRST_RING });
    for _ in 0..3 {
        ann.socket_up();
        assert!(ann.said().contains(&"call:leave"), "{:?}", ann.said());
        list(&mut ann, &session_of_bob("active"));
        assert_eq!(ann.said(), ["call:leave"]);
        ann.feed(Input::SocketDown);
    }
    ann.socket_up();
    list(&mut ann, "");
    ann.feed(Input::SocketDown);
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active"]);
}

#[test]
fn each_of_two_goodbyes_is_said_when_the_socket_is_back() {
    let mut ann = Phone::new();
    ann.bob_calls();
    let other = INITIATED.replace("c1", "c2").replace("v1", "v2");
    ann.event("call:initiated", &other);
    ann.feed(Input::SocketDown);
    for key in [FIRST_RING, CallKey::incoming(1)] {
        ann.command(Command::Decline { key, busy: false });
    }
    ann.socket_up();
    assert_eq!(ann.said(), ["call:end", "call:end", "call:check-active"]);
}

#[test]
fn a_cancelled_call_is_ended_also_where_an_event_names_it() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::HangUp { key: MINE });
    ann.event("call:initiated", &INITIATED.replace("bob", "ann"));
    assert_eq!(ann.said(), ["call:end"]);
    assert_eq!(ann.news(), []);
}

#[test]
fn a_good_answer_to_what_is_over_here_is_taken_back() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::HangUp { key: MINE });
    ann.initiate_acked();
    assert_eq!(ann.said(), ["call:end"]);
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.command(Command::HangUp { key: FIRST_RING });
    ann.join_acked();
    assert_eq!(ann.said(), ["call:leave"]);
}

#[test]
fn a_cancelled_call_is_ended_also_where_the_list_names_it() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::HangUp { key: MINE });
    ann.feed(Input::SocketDown);
    ann.socket_returns(&session("ann", "ringing", 2));
    assert_eq!(ann.said(), ["call:end"]);
    assert_eq!(ann.news(), []);
}

#[test]
fn the_event_of_a_call_that_is_made_is_not_taken_for_one_that_was_cancelled() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::HangUp { key: MINE });
    let key = CallKey::outgoing(2);
    ann.command(Command::Call {
        key,
        conversation: "v1".parse().unwrap(),
        call_type: ringwire_protocol::CallType::Video,
        media: BOTH_ON,
    });
    ann.initiate_acked();
    ann.event("call:initiated", &INITIATED.replace("bob", "ann"));
    assert_eq!(ann.said(), nothing());
    assert_eq!(ann.state(key), CallState::Calling);
}

#[test]
fn a_leave_is_heard_where_the_server_says_that_i_have_left() {
    for (who, again) in [("ann", false), ("bob", true)] {
        let mut ann = Phone::in_bobs_call();
        ann.command(Command::HangUp { key: FIRST_RING });
        ann.event(
            "call:participant-left",
            &format!(r#"{{"callId":"c1","participantId":"row","userId":"{who}","mode":"p2p"}}"#),
        );
        ann.feed(Input::SocketDown);
        ann.socket_up();
        assert_eq!(ann.said().contains(&"call:leave"), again, "{who}");
    }
}

#[test]
fn a_call_that_was_accepted_without_a_socket_and_is_over_was_missed() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.accept();
    ann.socket_returns("");
    let reason = Reason::Missed;
    assert_eq!(ann.state(FIRST_RING), CallState::Ended { reason });
}

#[test]
fn who_never_joined_declines_whatever_ended_the_call() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.accept();
    ann.pass(secs(60));
    let reason = Reason::ConnectionLost;
    assert_eq!(ann.state(FIRST_RING), CallState::Ended { reason });
    ann.socket_up();
    let ClientEvent::End(end) = ann.last_said("call:end").1 else {
        unreachable!()
    };
    assert_eq!(end.reason, Some(Reason::Rejected));
}

#[test]
fn what_the_server_has_swept_away_by_now_is_not_said_any_more() {
    for (seconds, again) in [(119, true), (120, false)] {
        let mut ann = Phone::in_bobs_call();
        ann.feed(Input::SocketDown);
        ann.command(Command::HangUp { key: FIRST_RING });
        ann.pass(secs(seconds));
        ann.socket_up();
        assert_eq!(ann.said().contains(&"call:leave"), again, "{seconds}");
    }
}

#[test]
fn each_conversation_is_left_by_force_once() {
    let mut ann = Phone::offline(all_capabilities());
    for conversation in ["v1", "v2", "v1"] {
        ann.command(Command::ForceLeave {
            conversation: conversation.parse().unwrap(),
        });
    }
    ann.socket_up();
    assert_eq!(
        ann.said(),
        ["call:force-leave", "call:force-leave", "call:check-active"]
    );
}

#[test]
fn an_answer_before_its_ring_silences_that_ring_where_it_was_given_elsewhere() {
    for (device, rings) in [("ann-2", false), ("ann-1", true)] {
        let mut ann = Phone::new();
        ann.event(
            "call:already-answered",
            &format!(r#"{{"callId":"c1","deviceId":"{device}"}}"#),
        );
        ann.bob_calls();
        assert_eq!(ann.snapshot().calls.len() == 1, rings, "{device}");
    }
}

/// Bob's call was answered elsewhere, and is taken over by calling him.
fn takes_over(ann: &mut Phone) {
    ann.bob_calls();
    ann.event(
        "call:already-answered",
        r#"{"callId":"c1","deviceId":"ann-2"}"#,
    );
    ann.call();
    let error = glare("bob", "direct");
    ann.fail("call:initiate", AckFailure::Refused(error));
    ann.join_acked();
}

#[test]
fn a_call_that_is_taken_over_lets_no_other_ring_again() {
    let mut ann = Phone::new();
    ann.bob_calls_from("carol");
    ann.command(Command::Decline {
        key: FIRST_RING,
        busy: false,
    });
    takes_over(&mut ann);
    ann.bob_calls_from("carol");
    assert_eq!(ann.news(), []);
}

#[test]
fn of_calls_that_are_over_the_one_that_ended_first_is_forgotten_first() {
    let mut ann = Phone::new();
    takes_over(&mut ann);
    let cancel = |ann: &mut Phone, n: usize| {
        ann.push_with("call_cancel", &[("callId", &format!("x{n}"))]);
    };
    cancel(&mut ann, 0);
    ann.command(Command::HangUp { key: MINE });
    for n in 1..64 {
        cancel(&mut ann, n);
    }
    let ring = |id: &str| INITIATED.replace("c1", id);
    ann.event("call:initiated", &ring("c1"));
    assert_eq!(ann.news(), []);
    ann.event("call:initiated", &ring("x0"));
    assert!(matches!(ann.news()[..], [CallEvent::Incoming { .. }]));
}

#[test]
fn an_accept_that_nobody_has_heard_of_is_taken_back_as_a_decline() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.accept();
    ann.command(Command::HangUp { key: FIRST_RING });
    let reason = Reason::Rejected;
    assert_eq!(ann.state(FIRST_RING), CallState::Ended { reason });
    ann.socket_up();
    assert_eq!(ann.said(), ["call:end", "call:check-active"]);
}

#[test]
fn a_call_that_was_never_said_takes_no_other_of_mine_with_it() {
    let mut ann = Phone::offline(all_capabilities());
    ann.call();
    ann.command(Command::HangUp { key: MINE });
    ann.socket_up();
    // Another device of mine calls there.
    ann.event("call:initiated", &INITIATED.replace("bob", "ann"));
    assert_eq!(ann.said(), nothing());
}

#[test]
fn a_server_of_the_basic_contract_is_told_of_an_end_by_who_is_in_the_call_as_a_leave() {
    let mut calling = Phone::with_old_server();
    calling.call();
    calling.initiate_acked();
    calling.command(Command::HangUp { key: MINE });
    let mut inside = Phone::with_old_server();
    inside.bob_calls();
    inside.accept();
    inside.command(Command::HangUp { key: FIRST_RING });
    let mut rung = Phone::with_old_server();
    rung.bob_calls();
    rung.command(Command::HangUp { key: FIRST_RING });
    assert_eq!(calling.said(), ["call:leave"]);
    assert_eq!(inside.said(), ["call:leave"]);
    assert_eq!(rung.said(), ["call:end"]);
}
