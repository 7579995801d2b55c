//! Glare: two who call each other at the same moment.

use super::phone::*;
use crate::{AckFailure, CallEvent, CallState, Command, Effect, Input};
use ringwire_protocol::{CallEndReason as Reason, CallError, CallStatus, ClientEvent, ErrorCode};

fn direct() -> String {
    INITIATED.replace(
        r#""version":1"#,
        r#""version":1,"conversationType":"direct""#,
    )
}

fn refuse(ann: &mut Phone, error: CallError) {
    ann.fail("call:initiate", AckFailure::Refused(error));
}

#[test]
fn the_loser_joins_the_call_of_who_was_called_without_asking_and_with_its_own_media() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::SetCamera {
        key: MINE,
        on: false,
    });
    refuse(&mut ann, glare("bob", "direct"));
    assert_eq!(ann.said(), ["call:join"]);
    assert_eq!(ann.news(), [CallEvent::Changed { key: MINE }]);
    let ClientEvent::Join(join) = ann.last_said("call:join").1 else {
        unreachable!()
    };
    assert_eq!(join.call_id.as_str(), "c1");
    assert_eq!(join.settings.unwrap().video_enabled, Some(false));

    // The winner's ring comes late, three times, and the error again as an event.
    ann.event("call:initiated", &direct());
    ann.event("call:initiated", &direct());
    ann.event(
        "call:error",
        r#"{"code":"CALL_ALREADY_ACTIVE","message":"","callId":"c1"}"#,
    );
    assert_eq!(ann.last, []);
    assert_eq!(ann.snapshot().calls.len(), 1);

    ann.join_acked();
    ann.bob_offers(1);
    assert!(matches!(&ann.last[..], [Effect::AcceptOffer { .. }]));
    ann.answer_made();
    assert_eq!(ann.state(MINE), CallState::Active);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Offer { .. })));
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.said(), ["call:leave"]);
}

#[test]
fn a_ring_of_the_winner_before_the_refusal_does_not_ring() {
    let mut ann = Phone::new();
    ann.call();
    ann.event("call:initiated", &direct());
    assert_eq!(ann.last, []);
    refuse(&mut ann, glare("bob", "direct"));
    assert_eq!(ann.said(), ["call:join"]);
    assert_eq!(ann.snapshot().calls.len(), 1);
}

#[test]
fn a_ring_that_rings_already_falls_silent_and_is_the_same_call() {
    let mut ann = Phone::new();
    ann.event("call:initiated", &direct());
    ann.bob_offers(1);
    ann.call();
    refuse(&mut ann, glare("bob", "direct"));
    assert_eq!(
        ann.news(),
        [
            CallEvent::StopRinging { key: FIRST_RING },
            CallEvent::Merged {
                key: FIRST_RING,
                into: MINE
            },
            CallEvent::Changed { key: MINE }
        ]
    );
    assert_eq!(ann.snapshot().calls.len(), 1);
    assert_eq!(
        ann.view(MINE).people[0].display_name.as_deref(),
        Some("Bob")
    );
    ann.join_acked();
    assert!(
        ann.last
            .iter()
            .any(|it| matches!(it, Effect::AcceptOffer { .. })),
        "the offer that came while it rang is not lost"
    );
}

#[test]
fn a_ring_in_the_same_conversation_rings_when_my_call_was_made_or_given_up() {
    // The server has made mine: the other is one that comes after it.
    let mut ann = Phone::new();
    ann.call();
    ann.event("call:initiated", &direct().replace("c1", "c2"));
    ann.initiate_acked();
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);

    let mut ann = Phone::new();
    ann.call();
    ann.event("call:initiated", &direct());
    ann.command(Command::HangUp { key: MINE });
    assert!(
        ann.news()
            .contains(&CallEvent::Incoming { key: FIRST_RING })
    );

    // Cancelled meanwhile: it never rings.
    let mut ann = Phone::new();
    ann.call();
    ann.event("call:initiated", &direct());
    ann.ended(r#","reason":"cancelled","endedBy":"bob""#);
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.snapshot().calls.len(), 1);
}

#[test]
fn a_server_of_the_basic_contract_names_the_winner_by_its_ring() {
    let mut ann = Phone::with_old_server();
    ann.call();
    ann.event("call:initiated", &direct());
    ann.event(
        "call:error",
        r#"{"code":"CALL_ALREADY_ACTIVE","message":"there is one"}"#,
    );
    assert_eq!(ann.said(), ["call:join"]);
}

#[test]
fn a_lost_refusal_is_found_by_asking() {
    let mut ann = Phone::new();
    ann.call();
    ann.fail("call:initiate", AckFailure::Timeout);
    let bobs = session("bob", "ringing", 2)
        .replace(
            r#""participants":[{"id":"row-bob""#,
            r#""metadata":{"conversationType":"direct"},"participants":[{"id":"row-bob""#,
        )
        .replace(&format!(",{ANN}"), "");
    ann.ack("call:check-active", &format!(r#"{{"calls":[{bobs}]}}"#));
    assert_eq!(ann.said(), ["call:join"]);
    assert_eq!(ann.state(MINE), CallState::Connecting);
}

#[test]
fn otherwise_the_app_is_asked() {
    let mut mine = glare("ann", "direct");
    mine.call_id = Some("c9".parse().unwrap());
    let mut active = glare("bob", "direct");
    active.status = Some(CallStatus::Active);
    let mut unsaid = glare("bob", "direct");
    unsaid.conversation_type = None;
    for error in [glare("bob", "group"), mine, active, unsaid] {
        let mut ann = Phone::new();
        ann.call();
        refuse(&mut ann, error.clone());
        assert_eq!(ann.news(), [CallEvent::JoinOffered { key: MINE }]);
        assert_eq!(ann.state(MINE), CallState::Offered);
        assert_eq!(ann.view(MINE).id, error.call_id);
        assert_eq!(ann.view(MINE).initiator, error.initiator_id);
        // What is offered does not ring as well.
        ann.event(
            "call:initiated",
            &INITIATED.replace("c1", error.call_id.as_ref().unwrap().as_str()),
        );
        assert_eq!(ann.last, []);
        ann.command(Command::Join {
            key: MINE,
            media: BOTH_ON,
        });
        assert_eq!(ann.said(), ["call:join"]);
        assert_eq!(ann.state(MINE), CallState::Connecting);
    }
}

#[test]
fn what_is_offered_may_be_left_alone() {
    // It rings for me: declined.
    let mut ann = Phone::new();
    ann.call();
    refuse(&mut ann, glare("bob", "group"));
    ann.bob_calls();
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.said(), ["call:end"]);
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: Reason::Rejected
        }
    );
    // It does not: nobody has to be told.
    let mut ann = Phone::new();
    ann.call();
    refuse(&mut ann, glare("bob", "group"));
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.said(), Vec::<&str>::new());
    // Its end ends the offer.
    let mut ann = Phone::new();
    ann.call();
    refuse(&mut ann, glare("bob", "group"));
    ann.ended(r#","reason":"completed","endedBy":"bob""#);
    assert!(matches!(ann.state(MINE), CallState::Ended { .. }));
}

#[test]
fn a_refusal_without_a_name_ends_the_call() {
    let mut ann = Phone::new();
    ann.call();
    ann.refuse("call:initiate", ErrorCode::CallAlreadyActive);
    assert_eq!(
        ann.state(MINE),
        CallState::Ended {
            reason: Reason::Failed
        }
    );
}

#[test]
fn a_conversation_that_a_crash_left_busy_is_freed_by_force() {
    let mut ann = Phone::new();
    ann.call();
    refuse(&mut ann, glare("ann", "direct"));
    ann.command(Command::ForceLeave {
        conversation: "v1".parse().unwrap(),
    });
    assert_eq!(ann.said(), ["call:force-leave"]);
    assert!(matches!(ann.state(MINE), CallState::Ended { .. }));

    // Without a socket it waits for one, and comes before anything else.
    let mut ann = Phone::new();
    ann.feed(Input::SocketDown);
    ann.command(Command::ForceLeave {
        conversation: "v1".parse().unwrap(),
    });
    assert_eq!(ann.last, []);
    ann.call();
    ann.socket_up();
    assert_eq!(
        ann.said(),
        ["call:force-leave", "call:check-active", "call:initiate"]
    );
}

#[test]
fn a_ring_that_waited_for_my_call_and_is_over_meanwhile_does_not_ring() {
    let mut ann = Phone::new();
    ann.call();
    let other = direct().replace("\"c1\"", "\"c2\"");
    ann.event("call:initiated", &other);
    ann.feed(Input::SocketDown);
    ann.socket_returns("");
    ann.initiate_acked();
    assert_eq!(ann.news(), []);
    assert_eq!(ann.snapshot().calls.len(), 1);
}

#[test]
fn a_ring_that_came_after_the_question_waits_on_for_the_fate_of_my_call() {
    let mut ann = Phone::new();
    ann.call();
    let other = direct().replace("\"c1\"", "\"c2\"");
    ann.event("call:initiated", &other);
    ann.ack("call:check-active", r#"{"calls":[]}"#);
    ann.initiate_acked();
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
}

#[test]
fn the_winner_is_direct_where_only_its_ring_has_said_so() {
    let mut ann = Phone::new();
    ann.event("call:initiated", &direct());
    ann.call();
    let mut error = glare("bob", "direct");
    error.conversation_type = None;
    refuse(&mut ann, error);
    assert_eq!(ann.said(), ["call:join"]);
    ann.join_acked();
    assert_eq!(ann.said(), Vec::<&str>::new(), "the winner offers");
}

#[test]
fn a_winner_that_this_device_is_in_already_is_asked_for_an_offer() {
    let mut ann = Phone::new();
    let listed = session_of_bob("ringing");
    ann.ack("call:check-active", &format!(r#"{{"calls":[{listed}]}}"#));
    assert_eq!(ann.state(FIRST_RING), CallState::Offered);
    ann.call();
    refuse(&mut ann, glare("bob", "direct"));
    assert_eq!(ann.said(), ["call:join"]);
    ann.join_acked();
    assert_eq!(ann.said(), ["call:negotiate"]);
}

#[test]
fn to_join_what_is_not_offered_is_told_as_a_mistake_only_where_it_is_one() {
    let join = |ann: &mut Phone| {
        ann.command(Command::Join {
            key: MINE,
            media: BOTH_ON,
        });
    };
    let mut calling = Phone::new();
    calling.call();
    join(&mut calling);
    assert!(matches!(
        &calling.news()[..],
        [CallEvent::Failed { error, .. }] if error.code == ErrorCode::CallStateConflict
    ));
    let mut talking = Phone::in_own_call();
    let mut over = Phone::in_own_call();
    over.command(Command::HangUp { key: MINE });
    for ann in [&mut talking, &mut over] {
        join(ann);
        assert_eq!(ann.news(), []);
    }
}

#[test]
fn who_has_won_is_known_from_the_ring_where_the_refusal_does_not_say() {
    let mut ann = Phone::new();
    ann.event("call:initiated", &direct());
    ann.call();
    let mut error = glare("bob", "direct");
    error.initiator_id = None;
    refuse(&mut ann, error);
    assert_eq!(ann.said(), ["call:join"]);
}

#[test]
fn a_ring_that_waited_says_what_the_refusal_leaves_out_where_it_is_the_winner() {
    for (id, joins) in [("c1", true), ("c2", false)] {
        let mut ann = Phone::new();
        ann.call();
        ann.event("call:initiated", &direct().replace("c1", id));
        let mut error = glare("bob", "direct");
        error.initiator_id = None;
        refuse(&mut ann, error);
        assert_eq!(ann.said().contains(&"call:join"), joins, "{id}");
        // Another call rings as soon as it need not wait any more.
        assert_eq!(ann.snapshot().calls.len() == 1, joins, "{id}");
    }
}

#[test]
fn a_winner_that_has_rung_is_declined_where_it_is_not_wanted() {
    let mut ann = Phone::new();
    ann.call();
    ann.bob_calls();
    refuse(&mut ann, glare("bob", "group"));
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.said(), ["call:end"]);
    let reason = Reason::Rejected;
    assert_eq!(ann.state(MINE), CallState::Ended { reason });
}

#[test]
fn an_offer_that_comes_while_the_app_is_asked_is_taken_after_the_join() {
    let mut ann = Phone::new();
    ann.call();
    refuse(&mut ann, glare("bob", "group"));
    ann.bob_offers(1);
    ann.command(Command::Join {
        key: MINE,
        media: BOTH_ON,
    });
    ann.join_acked();
    let taken = |it: &Effect| matches!(it, Effect::AcceptOffer { .. });
    assert!(ann.last.iter().any(taken));
}

#[test]
fn a_ring_that_waits_rings_later_where_the_server_lists_it() {
    let mut ann = Phone::new();
    ann.call();
    ann.event("call:initiated", &direct().replace("c1", "c2"));
    ann.event(
        "call:error",
        r#"{"code":"RATE_LIMIT_EXCEEDED","message":"slowly","retryAfter":1}"#,
    );
    ann.pass(secs(1));
    assert_eq!(ann.said(), ["call:check-active"]);
    let waits = session_of_bob("ringing")
        .replace("c1", "c2")
        .replace(&format!(",{ANN}"), "");
    ann.ack("call:check-active", &format!(r#"{{"calls":[{waits}]}}"#));
    ann.initiate_acked();
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
}
