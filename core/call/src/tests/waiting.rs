//! Several calls: one that waits, holds, busy.

use super::phone::*;
use crate::{CallEvent, CallKey, CallState, Command, Effect, LocalMedia, PathState};
use ringwire_protocol::{CallEndReason as Reason, CallType, ClientEvent, ErrorCode};

/// Carol's call `c2`, in the conversation `v2`.
fn carol_calls(ann: &mut Phone) {
    ann.event(
        "call:initiated",
        &INITIATED
            .replace("c1", "c2")
            .replace("v1", "v2")
            .replace("bob", "carol"),
    );
}

/// Ann talks with Bob, and Carol's call waits.
fn while_carol_waits() -> Phone {
    let mut ann = Phone::in_own_call();
    carol_calls(&mut ann);
    ann
}

fn accept_carol(ann: &mut Phone) {
    ann.accept();
    ann.ack(
        "call:join",
        &format!(
            r#"{{"success":true,"data":{{"callSession":{},"iceServers":[{TURN}]}}}}"#,
            session_of_bob("ringing")
                .replace("c1", "c2")
                .replace("v1", "v2")
                .replace("bob", "carol")
        ),
    );
}

/// What may flow on a connection, as it was said last: sound, camera, screen, what arrives.
fn flows(ann: &Phone, connection: crate::ConnectionId) -> [bool; 4] {
    let said = ann.done.iter().rev().find_map(|effect| match effect {
        Effect::SetMedia {
            connection: of,
            send_audio,
            send_video,
            send_screen,
            receive,
        } if *of == connection => Some([*send_audio, *send_video, *send_screen, *receive]),
        _ => None,
    });
    said.expect("it was said what may flow")
}

#[test]
fn a_second_ring_waits_and_accepting_it_holds_the_first_call() {
    let mut ann = while_carol_waits();
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
    assert!(ann.view(FIRST_RING).waiting);
    let bobs = ann.connection();
    assert_eq!(flows(&ann, bobs), [true, true, false, true]);

    accept_carol(&mut ann);
    assert!(ann.view(MINE).held);
    assert_eq!(flows(&ann, bobs), [false; 4]);
    assert_eq!(ann.times_said("call:hold"), 1);
    assert_eq!(ann.times_said("call:toggle-audio"), 0, "Bob knows holds");
    assert!(!ann.view(FIRST_RING).held && !ann.view(FIRST_RING).waiting);
    assert_eq!(ann.state(MINE), CallState::Active);
    assert_eq!(flows(&ann, ann.connection()), [true, true, false, true]);
}

#[test]
fn a_held_call_stays_held_until_it_is_taken_up_again() {
    let mut ann = while_carol_waits();
    let bobs = ann.connection();
    accept_carol(&mut ann);
    ann.command(Command::HangUp { key: FIRST_RING });
    ann.pass(secs(10));
    assert!(ann.view(MINE).held);
    ann.command(Command::SetMicrophone {
        key: MINE,
        on: false,
    });
    assert_eq!(flows(&ann, bobs), [false; 4]);
    ann.command(Command::Hold {
        key: MINE,
        on: false,
    });
    assert_eq!(flows(&ann, bobs), [false, true, false, true]);
    let ClientEvent::Hold(hold) = ann.last_said("call:hold").1 else {
        unreachable!()
    };
    assert!(!hold.enabled);
    assert!(!ann.view(MINE).held);
}

#[test]
fn taking_one_call_up_holds_the_other() {
    let mut ann = while_carol_waits();
    let bobs = ann.connection();
    accept_carol(&mut ann);
    let carols = ann.connection();
    ann.command(Command::Hold {
        key: MINE,
        on: false,
    });
    assert_eq!(flows(&ann, bobs), [true, true, false, true]);
    assert_eq!(flows(&ann, carols), [false; 4]);
    assert!(ann.view(FIRST_RING).held);
}

#[test]
fn starting_a_call_holds_those_that_are_answered() {
    let mut ann = Phone::in_bobs_call();
    ann.command(Command::Call {
        key: MINE,
        conversation: "v2".parse().unwrap(),
        call_type: CallType::Audio,
        media: BOTH_ON,
    });
    assert_eq!(ann.said(), ["call:hold", "call:initiate"]);
    assert!(ann.view(FIRST_RING).held);
    assert_eq!(ann.state(MINE), CallState::Calling);
}

#[test]
fn towards_who_does_not_know_holds_everything_is_turned_off_and_back() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.event(
        "call:participant-joined",
        &format!(
            r#"{{"callId":"c1","mode":"p2p","version":3,"participant":{}}}"#,
            BOB.replace(r#","hold""#, "")
        ),
    );
    ann.command(Command::SetCamera {
        key: MINE,
        on: false,
    });
    ann.command(Command::Hold {
        key: MINE,
        on: true,
    });
    assert_eq!(ann.said(), ["call:toggle-audio"]);
    ann.command(Command::SetCamera {
        key: MINE,
        on: true,
    });
    assert_eq!(ann.said(), Vec::<&str>::new(), "not while it is held");
    ann.command(Command::Hold {
        key: MINE,
        on: false,
    });
    assert_eq!(ann.said(), ["call:toggle-audio", "call:toggle-video"]);
    for name in ["call:toggle-audio", "call:toggle-video"] {
        match ann.last_said(name).1 {
            ClientEvent::ToggleAudio(toggle) | ClientEvent::ToggleVideo(toggle) => {
                assert!(toggle.enabled);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ann.times_said("call:hold"), 0);
}

#[test]
fn a_hold_of_the_other_is_shown() {
    let mut ann = Phone::in_own_call();
    let held = r#"{"callId":"c1","participantId":"member-bob","mediaType":"hold","enabled":true}"#;
    ann.event("call:media-toggled", held);
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::RemoteMedia {
            held: true,
            audio: true,
            ..
        }]
    ));
    assert!(ann.view(MINE).people[0].held);
    assert!(!ann.view(MINE).held);
    ann.event("call:media-toggled", &held.replace("true}", "false}"));
    assert!(!ann.view(MINE).people[0].held);
}

#[test]
fn a_hold_that_the_server_has_missed_is_told_again() {
    let mut ann = Phone::in_own_call();
    ann.feed(crate::Input::SocketDown);
    ann.command(Command::Hold {
        key: MINE,
        on: true,
    });
    assert_eq!(ann.said(), Vec::<&str>::new());
    let mine = session("ann", "active", 8);
    ann.socket_returns(&mine);
    ann.ack(
        "call:join",
        &format!(r#"{{"success":true,"data":{{"callSession":{mine}}}}}"#),
    );
    assert_eq!(ann.said(), ["call:hold"]);
}

#[test]
fn a_waiting_ring_is_declined_busy_or_times_out_and_the_call_goes_on() {
    let mut ann = while_carol_waits();
    ann.command(Command::Decline {
        key: FIRST_RING,
        busy: true,
    });
    let ClientEvent::End(end) = ann.last_said("call:end").1 else {
        unreachable!()
    };
    assert_eq!(end.reason, Some(Reason::Busy));
    assert_eq!(
        ann.state(FIRST_RING),
        CallState::Ended {
            reason: Reason::Busy
        }
    );

    let mut ann = while_carol_waits();
    ann.pass(secs(45));
    assert!(ann.news().contains(&CallEvent::Ended {
        key: FIRST_RING,
        reason: Reason::Missed
    }));
    assert_eq!(ann.state(MINE), CallState::Active);
    assert!(!ann.view(MINE).held);
}

#[test]
fn without_call_waiting_a_second_ring_is_declined_as_busy_by_itself() {
    let mut ann = Phone::without_call_waiting();
    ann.bob_calls();
    assert_eq!(ann.state(FIRST_RING), CallState::Incoming);
    carol_calls(&mut ann);
    assert_eq!(
        ann.snapshot().calls.len(),
        2,
        "two may ring: nobody talks yet"
    );
    ann.command(Command::Decline {
        key: CallKey::incoming(1),
        busy: false,
    });
    ann.accept();
    ann.event(
        "call:initiated",
        &INITIATED.replace("c1", "c3").replace("v1", "v3"),
    );
    let key = CallKey::incoming(2);
    assert_eq!(
        ann.news(),
        [CallEvent::Ended {
            key,
            reason: Reason::Busy
        }]
    );
    assert_eq!(ann.said(), ["call:end"]);
    ann.event(
        "call:initiated",
        &INITIATED.replace("c1", "c3").replace("v1", "v3"),
    );
    assert_eq!(ann.last, [], "told once");
}

#[test]
fn the_caller_of_who_is_busy_is_told_once() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.ended(r#","reason":"busy","endedBy":"bob""#);
    assert_eq!(
        ann.news(),
        [CallEvent::Ended {
            key: MINE,
            reason: Reason::Busy
        }]
    );
    ann.ended(r#","reason":"busy","endedBy":"bob""#);
    assert_eq!(ann.last, []);
}

#[test]
fn nothing_but_an_answered_call_can_be_held() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::Hold {
        key: MINE,
        on: true,
    });
    assert!(matches!(&ann.news()[..], [CallEvent::Failed { error, .. }]
        if error.code == ErrorCode::CallStateConflict));
}

#[test]
fn a_ring_is_not_accepted_while_an_own_call_has_no_answer() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    carol_calls(&mut ann);
    ann.accept();
    assert!(matches!(&ann.news()[..], [CallEvent::Failed { error, .. }]
        if error.code == ErrorCode::AlreadyInCall));
    assert_eq!(ann.state(FIRST_RING), CallState::Incoming);
    ann.command(Command::HangUp { key: MINE });
    ann.accept();
    assert_eq!(ann.state(FIRST_RING), CallState::Connecting);
}

#[test]
fn the_screen_is_sent_beside_the_camera_where_both_ends_take_it() {
    let mut ann = Phone::in_own_call();
    assert!(
        ann.done
            .iter()
            .any(|it| matches!(it, Effect::Open { screen: true, .. }))
    );
    ann.command(Command::SetScreen {
        key: MINE,
        on: true,
    });
    assert_eq!(ann.said(), ["call:toggle-screen"]);
    assert_eq!(flows(&ann, ann.connection()), [true; 4]);
    ann.event(
        "call:media-toggled",
        r#"{"callId":"c1","participantId":"m","userId":"bob","mediaType":"screen","enabled":true}"#,
    );
    assert!(ann.view(MINE).people[0].screen_enabled);
    // What was agreed counts.
    ann.report(crate::ConnectionEvent::Agreed {
        video: true,
        screen: false,
    });
    assert_eq!(flows(&ann, ann.connection()), [true, true, false, true]);
    assert_eq!(ann.said(), ["call:toggle-screen"]);
}

#[test]
fn an_older_peer_takes_no_screen() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.bob_offers(1);
    assert!(
        ann.done
            .iter()
            .any(|it| matches!(it, Effect::Open { screen: false, .. }))
    );
    ann.command(Command::SetScreen {
        key: FIRST_RING,
        on: true,
    });
    assert!(matches!(&ann.news()[..], [CallEvent::Failed { error, .. }]
        if error.code == ErrorCode::MediaToggleFailed));
    assert!(!ann.view(FIRST_RING).media.screen);
}

#[test]
fn a_camera_that_comes_on_late_needs_no_new_offer_unless_it_has_no_place() {
    let offers = |ann: &Phone| {
        let offers = |it: &&Effect| matches!(it, Effect::Offer { .. });
        ann.done.iter().filter(offers).count()
    };
    let audio = LocalMedia {
        microphone: true,
        ..LocalMedia::default()
    };
    let mut ann = Phone::new();
    ann.command(Command::Call {
        key: MINE,
        conversation: "v1".parse().unwrap(),
        call_type: CallType::Audio,
        media: audio,
    });
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    ann.bob_answers(1);
    ann.report(crate::ConnectionEvent::Agreed {
        video: true,
        screen: true,
    });
    ann.answer_applied();
    ann.path(PathState::Connected);
    ann.command(Command::SetCamera {
        key: MINE,
        on: true,
    });
    assert_eq!(flows(&ann, ann.connection()), [true, true, false, true]);
    assert_eq!(ann.said(), ["call:toggle-video"]);
    assert_eq!(offers(&ann), 1);

    ann.command(Command::SetCamera {
        key: MINE,
        on: false,
    });
    ann.report(crate::ConnectionEvent::Agreed {
        video: false,
        screen: false,
    });
    ann.command(Command::SetCamera {
        key: MINE,
        on: true,
    });
    assert_eq!(offers(&ann), 2);
}

#[test]
fn a_camera_that_does_not_come_on_needs_no_place() {
    let offers = |ann: &Phone| {
        let offers = |it: &&Effect| matches!(it, Effect::Offer { .. });
        ann.done.iter().filter(offers).count()
    };
    let mut ann = Phone::in_own_call();
    ann.report(crate::ConnectionEvent::Agreed {
        video: false,
        screen: false,
    });
    for on in [true, false, false] {
        ann.command(Command::SetCamera { key: MINE, on });
        assert_eq!(offers(&ann), 1);
    }
}
