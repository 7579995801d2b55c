//! The socket lost and back, while media flows and while it rings.

use super::phone::*;
use crate::{AckFailure, CallEvent, CallState, Command, Effect, Input};
use ringwire_protocol::{CallEndReason, CallError, ErrorCode};

#[test]
fn media_that_flows_is_left_alone_while_the_socket_is_away() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketDown);
    assert_eq!(ann.last, [Effect::Publish]);
    ann.pass(secs(600));
    assert_eq!(ann.state(MINE), CallState::Active);
    ann.socket_returns(&session("ann", "active", 8));
    assert_eq!(ann.said(), ["call:join"]);
    ann.ack(
        "call:join",
        &format!(
            r#"{{"success":true,"data":{{"callSession":{}}}}}"#,
            session("ann", "active", 8)
        ),
    );
    assert!(ann.last.iter().all(|it| !matches!(
        it,
        Effect::Open { .. } | Effect::Close { .. } | Effect::Offer { .. } | Effect::SetMedia { .. }
    )));
    assert_eq!(ann.state(MINE), CallState::Active);
    assert!(ann.view(MINE).connected);
}

#[test]
fn a_call_that_the_server_no_longer_has_is_lost() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketDown);
    ann.socket_up();
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: CallEndReason::ConnectionLost
        }
    );
    assert_eq!(ann.times_said("call:leave") + ann.times_said("call:end"), 0);
}

#[test]
fn a_call_that_ended_meanwhile_has_the_servers_reason() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketDown);
    ann.socket_up();
    let over = session("ann", "ended", 9).replacen('{', r#"{"endReason":"heartbeatTimeout","#, 1);
    ann.ack("call:check-active", &format!(r#"{{"calls":[{over}]}}"#));
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: CallEndReason::HeartbeatTimeout
        }
    );
}

#[test]
fn a_ring_that_is_not_listed_stops() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.pass(secs(3));
    assert_eq!(ann.state(FIRST_RING), CallState::Incoming);
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active", "call:ringing"]);
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    assert_eq!(
        ann.news(),
        [
            CallEvent::StopRinging { key: FIRST_RING },
            CallEvent::Ended {
                key: FIRST_RING,
                reason: CallEndReason::Missed
            }
        ]
    );
}

#[test]
fn a_ring_that_came_after_the_question_is_not_ended_by_its_answer() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    assert_eq!(ann.state(FIRST_RING), CallState::Incoming);
}

#[test]
fn a_ring_answered_elsewhere_meanwhile_stops() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.socket_up();
    let elsewhere = session_of_bob("active").replace("ann-1", "ann-2");
    ann.ack(
        "call:check-active",
        &format!(r#"{{"calls":[{elsewhere}]}}"#),
    );
    assert_eq!(
        ann.state(FIRST_RING),
        CallState::Ended {
            reason: CallEndReason::AnsweredElsewhere
        }
    );
}

#[test]
fn an_answer_missed_while_the_socket_was_away_is_found() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.feed(Input::SocketDown);
    ann.pass(secs(2));
    ann.socket_up();
    ann.ack(
        "call:check-active",
        &format!(r#"{{"calls":[{}]}}"#, session("ann", "ringing", 4)),
    );
    assert_eq!(ann.state(MINE), CallState::Connecting);
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Offer { .. })));
}

#[test]
fn a_lost_offer_is_said_again_after_the_return() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.feed(Input::SocketDown);
    ann.offer_made();
    assert_eq!(ann.times_said("call:signal"), 0);
    ann.pass(secs(40));
    assert_eq!(
        ann.state(MINE),
        CallState::Connecting,
        "the wait counts from the loss"
    );
    ann.socket_returns(&session("ann", "ringing", 4));
    ann.ack(
        "call:join",
        &format!(
            r#"{{"success":true,"data":{{"callSession":{}}}}}"#,
            session("ann", "ringing", 4)
        ),
    );
    assert_eq!(ann.said()[0], "call:signal");
}

#[test]
fn a_toggle_without_a_socket_is_told_after_the_return() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketDown);
    ann.command(Command::SetCamera {
        key: MINE,
        on: false,
    });
    assert!(matches!(
        &ann.last[..],
        [
            Effect::SetMedia {
                send_video: false,
                ..
            },
            Effect::Publish
        ]
    ));
    ann.socket_returns(&session("ann", "active", 4));
    // The join brings it to a server that has lost me; to one that has not, the toggle does.
    ann.ack(
        "call:join",
        &format!(
            r#"{{"success":true,"data":{{"callSession":{}}}}}"#,
            session("ann", "active", 4)
        ),
    );
    assert_eq!(ann.said(), ["call:toggle-video"]);
}

#[test]
fn late_acks_of_a_lost_socket_are_ignored() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    let (op, _) = ann.last_said("call:join");
    ann.feed(Input::SocketDown);
    ann.socket_up();
    let refusal = CallError::new(ErrorCode::CallEnded, "too late");
    ann.feed(Input::Ack {
        op: op.unwrap(),
        outcome: Err(AckFailure::Refused(refusal)),
    });
    assert_eq!(ann.last, []);
    assert_eq!(ann.state(FIRST_RING), CallState::Connecting);
}

#[test]
fn a_socket_that_is_back_without_a_word_of_its_loss_counts_as_lost() {
    let mut ann = Phone::in_own_call();
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active"]);
    ann.fail("call:check-active", AckFailure::Timeout);
    assert_eq!(ann.said(), ["call:join", "call:check-active"]);
}

#[test]
fn a_call_that_another_device_of_mine_took_over_meanwhile_is_not_taken_back() {
    let mut ann = Phone::in_bobs_call();
    ann.feed(Input::SocketDown);
    ann.socket_returns(&session_of_bob("active").replace("ann-1", "ann-2"));
    assert_eq!(
        ann.state(FIRST_RING),
        CallState::Ended {
            reason: CallEndReason::AnsweredElsewhere
        }
    );
    assert_eq!(ann.said(), Vec::<&str>::new());
}

#[test]
fn a_server_of_the_basic_contract_is_joined_again_at_once() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.bob_offers(1);
    ann.answer_made();
    ann.path(crate::PathState::Connected);
    ann.feed(Input::SocketDown);
    ann.socket_up();
    assert_eq!(ann.said(), ["call:check-active", "call:join"]);
}

#[test]
fn another_person_on_this_device_takes_over_no_call() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::SocketUp {
        user: "carol".parse().unwrap(),
        capabilities: all_capabilities(),
    });
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: CallEndReason::ConnectionLost
        }
    );
    assert_eq!(ann.said(), ["call:check-active"]);
}

#[test]
fn a_short_loss_repeats_at_once_what_may_be_lost() {
    let returned = |phone: &mut Phone, status: &str| {
        phone.feed(Input::SocketDown);
        phone.pass(secs(1));
        let session = session("ann", status, 4);
        phone.socket_returns(&session);
        phone.ack(
            "call:join",
            &format!(r#"{{"success":true,"data":{{"callSession":{session}}}}}"#),
        );
    };
    // An offer that is out.
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    returned(&mut ann, "ringing");
    assert_eq!(ann.said(), ["call:signal"]);
    // A restart that was asked for.
    let mut ann = Phone::in_own_call();
    ann.path(crate::PathState::Broken);
    returned(&mut ann, "active");
    assert!(matches!(
        &ann.last[..],
        [
            Effect::Offer {
                ice_restart: true,
                ..
            },
            ..
        ]
    ));
    // An answer.
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.join_acked();
    ann.bob_offers(1);
    ann.answer_made();
    returned(&mut ann, "active");
    assert_eq!(ann.said(), ["call:signal"]);
}

#[test]
fn what_was_missed_is_asked_for_again_when_no_answer_comes() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.socket_up();
    ann.fail("call:check-active", AckFailure::Timeout);
    assert_eq!(ann.said(), ["call:check-active"]);
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    assert_eq!(ann.view(FIRST_RING).timeline.ended, Some(ann.now));
}

#[test]
fn nothing_is_asked_again_for_no_call_nor_of_a_server_of_the_basic_contract() {
    let mut idle = Phone::new();
    idle.fail("call:check-active", AckFailure::Timeout);
    let mut old = Phone::with_old_server();
    old.bob_calls();
    old.fail("call:check-active", AckFailure::Timeout);
    for phone in [idle, old] {
        assert_eq!(phone.said(), Vec::<&str>::new());
    }
}

#[test]
fn what_is_asked_for_already_is_not_asked_for_again() {
    let mut ann = Phone::new();
    let (first, _) = ann.last_said("call:check-active");
    ann.push("call");
    assert_eq!(ann.times_said("call:check-active"), 2);
    ann.feed(Input::Ack {
        op: first.unwrap(),
        outcome: Err(AckFailure::Timeout),
    });
    assert_eq!(ann.said(), Vec::<&str>::new());
}

#[test]
fn a_return_that_is_refused_because_i_am_in_is_one() {
    let returned = |code| {
        let mut ann = Phone::in_own_call();
        ann.feed(Input::SocketDown);
        ann.socket_returns(&session("ann", "active", 8));
        ann.refuse("call:join", code);
        ann
    };
    let mut ann = returned(ErrorCode::AlreadyInCall);
    assert_eq!(ann.state(MINE), CallState::Active);
    ann.pass(secs(10));
    assert_eq!(ann.said(), ["call:heartbeat"]);
    let ann = returned(ErrorCode::CallEnded);
    let reason = CallEndReason::ConnectionLost;
    assert_eq!(ann.state(MINE), CallState::Ended { reason });
}

#[test]
fn a_toggle_of_a_call_that_rings_waits_for_the_socket() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.feed(Input::SocketDown);
    ann.command(Command::SetCamera {
        key: MINE,
        on: false,
    });
    ann.socket_up();
    ann.bob_joins();
    assert_eq!(ann.said(), ["call:toggle-video"]);
}

#[test]
fn the_session_says_the_name_of_the_conversation_where_the_ring_did_not() {
    let mut ann = Phone::new();
    let mut listed = session_of_bob("active");
    listed.pop();
    listed += r#","metadata":{"conversationTitle":"Choir"}}"#;
    ann.ack("call:check-active", &format!(r#"{{"calls":[{listed}]}}"#));
    assert_eq!(ann.view(FIRST_RING).title.as_deref(), Some("Choir"));
}
