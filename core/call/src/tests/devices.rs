//! Several devices of one person, restarts in mid-call, and peers of the basic contract that offer
//! by themselves.

use super::phone::*;
use crate::{AckFailure, CallEvent, CallState, Command, ConnectionEvent, Effect, Input, PathState};
use ringwire_protocol::{CallEndReason as Reason, CallStatus, ClientEvent, SignalBody};

fn effects(phone: &Phone, find: fn(&Effect) -> bool) -> usize {
    phone.done.iter().filter(|effect| find(effect)).count()
}

fn opened(phone: &Phone) -> usize {
    effects(phone, |it| matches!(it, Effect::Open { .. }))
}

fn offers(phone: &Phone) -> usize {
    effects(phone, |it| matches!(it, Effect::Offer { .. }))
}

fn answers_made(phone: &Phone) -> usize {
    effects(phone, |it| matches!(it, Effect::AcceptOffer { .. }))
}

/// Bob's description from a connection of this fingerprint.
fn bob_says(phone: &mut Phone, kind: &str, fingerprint: &str, round: u64) {
    phone.signal(&format!(
        r#""type":"{kind}","sdp":"v=0\r\nm=audio\r\na=fingerprint:sha-256 {fingerprint}\r\n","negotiationId":{round}"#
    ));
}

#[test]
fn a_device_that_is_put_out_by_another_says_so() {
    let mut ann = Phone::in_bobs_call();
    ann.event(
        "call:force-leave",
        r#"{"callId":"c1","code":"answeredElsewhere","reason":"you have joined on another device"}"#,
    );
    assert_eq!(
        ann.news(),
        [CallEvent::Ended {
            key: FIRST_RING,
            reason: Reason::AnsweredElsewhere
        }]
    );
    assert_eq!(ann.said(), Vec::<&str>::new(), "nobody is told");
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Close { .. })));
}

#[test]
fn a_call_that_was_answered_elsewhere_can_be_taken_over_by_calling_again() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.event(
        "call:already-answered",
        r#"{"callId":"c1","deviceId":"ann-2"}"#,
    );
    ann.call();
    let mut active = glare("bob", "direct");
    active.status = Some(CallStatus::Active);
    ann.fail("call:initiate", AckFailure::Refused(active));
    assert_eq!(ann.state(MINE), CallState::Offered);
    ann.command(Command::Join {
        key: MINE,
        media: BOTH_ON,
    });
    ann.join_acked();
    ann.bob_offers(1);
    ann.answer_made();
    assert_eq!(ann.state(MINE), CallState::Active);
}

#[test]
fn my_own_second_join_changes_nothing() {
    let mut ann = Phone::in_bobs_call();
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","participant":{ANN}}}"#),
    );
    assert!(
        ann.last
            .iter()
            .all(|it| !matches!(it, Effect::Open { .. } | Effect::Close { .. }))
    );
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
}

#[test]
fn a_restarted_app_is_offered_the_call_that_it_was_in() {
    let mut ann = Phone::new();
    ann.ack(
        "call:check-active",
        &format!(r#"{{"calls":[{}]}}"#, session_of_bob("active")),
    );
    assert_eq!(ann.news(), [CallEvent::JoinOffered { key: FIRST_RING }]);
    assert_eq!(ann.state(FIRST_RING), CallState::Offered);
    assert!(ann.view(FIRST_RING).people[0].joined);
    ann.command(Command::Join {
        key: FIRST_RING,
        media: BOTH_ON,
    });
    assert_eq!(ann.said(), ["call:join"]);
    ann.join_acked();
    // Bob has no cause to offer: he is asked to, and again until there is a path.
    assert_eq!(ann.said(), ["call:negotiate"]);
    ann.pass(secs(8));
    assert_eq!(ann.times_said("call:negotiate"), 2);
    bob_says(&mut ann, "ice-restart", "AA", 4);
    ann.answer_made();
    // He sees another connection in the answer and begins anew.
    bob_says(&mut ann, "offer", "BB", 5);
    assert_eq!(opened(&ann), 2);
    assert!(matches!(
        ann.last.last(),
        Some(Effect::AcceptOffer { .. } | Effect::Publish)
    ));
    ann.answer_made();
    ann.path(PathState::Connected);
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
    assert!(ann.view(FIRST_RING).connected);
    ann.pass(secs(9));
    assert_eq!(ann.times_said("call:negotiate"), 2);
}

#[test]
fn a_restarted_app_that_does_not_want_the_call_leaves_it() {
    let mut ann = Phone::new();
    let listed = format!(r#"{{"calls":[{}]}}"#, session_of_bob("active"));
    ann.ack("call:check-active", &listed);
    ann.command(Command::HangUp { key: FIRST_RING });
    assert_eq!(ann.said(), ["call:leave"]);
    // Also when I have called the conversation meanwhile, and that was refused.
    let mut ann = Phone::new();
    ann.ack("call:check-active", &listed);
    ann.call();
    let mut active = glare("bob", "direct");
    active.status = Some(CallStatus::Active);
    ann.fail("call:initiate", AckFailure::Refused(active));
    assert_eq!(ann.snapshot().calls.len(), 1);
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.said(), ["call:leave"]);
    // And one that another device of mine is in is none of this one's.
    let mut ann = Phone::new();
    ann.ack("call:check-active", &listed.replace("ann-1", "ann-2"));
    assert_eq!(ann.last, []);
}

#[test]
fn the_restarted_initiator_offers_by_itself() {
    let mut ann = Phone::new();
    ann.ack(
        "call:check-active",
        &format!(r#"{{"calls":[{}]}}"#, session("ann", "active", 5)),
    );
    ann.command(Command::Join {
        key: FIRST_RING,
        media: BOTH_ON,
    });
    ann.ack(
        "call:join",
        &format!(
            r#"{{"success":true,"data":{{"callSession":{}}}}}"#,
            session("ann", "active", 5)
        ),
    );
    assert_eq!(offers(&ann), 1);
    assert_eq!(ann.times_said("call:negotiate"), 0);
}

#[test]
fn who_has_begun_anew_gets_a_new_connection() {
    // An answer from another connection: ours begins anew, and offers.
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    bob_says(&mut ann, "answer", "AA", 1);
    ann.answer_applied();
    ann.path(PathState::Connected);
    ann.event(
        "call:negotiate",
        r#"{"callId":"c1","from":"bob","to":"ann","reason":"restart"}"#,
    );
    ann.offer_made();
    bob_says(&mut ann, "answer", "AA", 1);
    assert_eq!(opened(&ann), 1, "a late answer begins nothing");
    bob_says(&mut ann, "answer", "BB", 2);
    assert_eq!((opened(&ann), offers(&ann)), (2, 3));
    ann.offer_made();
    bob_says(&mut ann, "answer", "BB", 3);
    assert_eq!(opened(&ann), 2);

    // An offer from another connection, with rounds that begin again.
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.join_acked();
    bob_says(&mut ann, "offer", "AA", 7);
    ann.answer_made();
    ann.path(PathState::Connected);
    bob_says(&mut ann, "offer", "BB", 1);
    assert_eq!((opened(&ann), answers_made(&ann)), (2, 2));
    ann.answer_made();
    let (body, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert!(matches!(body, SignalBody::Answer { .. }));
    assert_eq!(round, Some(1));
}

#[test]
fn towards_an_older_peer_the_answerer_restarts_by_itself_and_is_polite() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.bob_offers(1);
    ann.answer_made();
    ann.path(PathState::Connected);
    ann.path(PathState::Broken);
    assert_eq!(offers(&ann), 1, "he cannot be asked");
    ann.offer_made();
    let (body, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert!(matches!(body, SignalBody::Offer { .. }));
    assert_eq!(round, Some(2));
    // His offer crosses ours: ours is given up, and the answer to it counts no more.
    ann.bob_offers(2);
    assert_eq!(answers_made(&ann), 2);
    ann.bob_answers(2);
    assert_eq!(ann.last, []);
    ann.answer_made();
    ann.path(PathState::Connected);
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
}

#[test]
fn a_restart_that_was_given_up_is_offered_again_when_the_other_offer_is_answered() {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.bob_offers(1);
    ann.answer_made();
    ann.path(PathState::Connected);
    ann.path(PathState::Broken);
    ann.offer_made();
    ann.bob_offers(2);
    ann.report(ConnectionEvent::RestartDropped);
    ann.answer_made();
    assert_eq!(offers(&ann), 1);
    ann.pass(secs(2));
    assert_eq!(offers(&ann), 2);
}

#[test]
fn the_offerer_takes_an_offer_when_none_of_its_own_is_out_and_else_ignores_it() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    ann.bob_offers(1);
    assert_eq!(ann.last, [], "it is the impolite one");
    ann.bob_answers(1);
    ann.answer_applied();
    ann.path(PathState::Connected);
    // In peace, a peer of the basic contract may offer: with or without a count.
    ann.bob_offers(2);
    assert_eq!(answers_made(&ann), 1);
    ann.answer_made();
    ann.signal(r#""type":"offer","sdp":"v=0 m=""#);
    assert_eq!(answers_made(&ann), 2);
    ann.answer_made();
    assert_eq!(ann.state(MINE), CallState::Active);
    // Its own next round is above all that was said.
    ann.path(PathState::Broken);
    ann.offer_made();
    let (_, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert!(round > Some(2), "{round:?}");
}

#[test]
fn another_network_repairs_at_once_what_is_lost_or_silent() {
    let mut ann = Phone::in_own_call();
    ann.feed(Input::NetworkChanged);
    assert_eq!(offers(&ann), 1, "a path that is there is left alone");
    ann.path(PathState::Disturbed);
    ann.feed(Input::NetworkChanged);
    assert_eq!(offers(&ann), 2);
    assert!(matches!(ann.state(MINE), CallState::Reconnecting { .. }));
    ann.pass(secs(1));
    ann.feed(Input::NetworkChanged);
    assert_eq!(offers(&ann), 3, "not 8 s later");
    let ClientEvent::Reconnecting(said) = ann.last_said("call:reconnecting").1 else {
        unreachable!()
    };
    assert_eq!(said.attempt, 2);
}

#[test]
fn an_answer_from_another_connection_than_before_begins_anew() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    bob_says(&mut ann, "answer", "AA", 1);
    ann.answer_applied();
    ann.path(PathState::Connected);
    ann.path(PathState::Broken);
    ann.offer_made();
    bob_says(&mut ann, "answer", "BB", 2);
    assert_eq!(opened(&ann), 2);
}

#[test]
fn the_camera_is_on_in_what_is_offered_or_rings_with_video_only() {
    for (kind, on) in [("video", true), ("audio", false)] {
        let mut ann = Phone::new();
        ann.event(
            "call:initiated",
            &INITIATED.replace(r#""video""#, &format!(r#""{kind}""#)),
        );
        assert_eq!(ann.view(FIRST_RING).media.camera, on);
        let mut ann = Phone::new();
        let mut listed = session_of_bob("active");
        listed.pop();
        listed += &format!(r#","metadata":{{"type":"{kind}"}}}}"#);
        ann.ack("call:check-active", &format!(r#"{{"calls":[{listed}]}}"#));
        assert_eq!(ann.view(FIRST_RING).media.camera, on);
    }
}

#[test]
fn a_screen_has_a_place_only_where_both_ends_and_the_server_know_of_it() {
    for (knows, place) in [(r#""screen","#, true), ("", false)] {
        let mut ann = Phone::new();
        ann.call();
        ann.initiate_acked();
        let bob = BOB.replace(r#""screen","#, knows);
        ann.event(
            "call:participant-joined",
            &format!(r#"{{"callId":"c1","mode":"p2p","participant":{bob}}}"#),
        );
        let open = |it: &Effect| matches!(it, Effect::Open { screen, .. } if *screen == place);
        assert!(ann.last.iter().any(open), "{knows}");
    }
}

#[test]
fn towards_an_older_peer_a_restart_restarts_ice_and_a_late_camera_does_not() {
    let restart = |ann: &Phone| {
        ann.last.iter().find_map(|it| match it {
            Effect::Offer { ice_restart, .. } => Some(*ice_restart),
            _ => None,
        })
    };
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    ann.join_acked();
    ann.bob_offers(1);
    ann.answer_made();
    ann.report(ConnectionEvent::Agreed {
        video: false,
        screen: false,
    });
    ann.path(PathState::Connected);
    for on in [false, true] {
        ann.command(Command::SetCamera {
            key: FIRST_RING,
            on,
        });
        assert_eq!(restart(&ann), on.then_some(false));
    }
    ann.offer_made();
    ann.bob_answers(2);
    ann.answer_applied();
    ann.path(PathState::Broken);
    assert_eq!(restart(&ann), Some(true));
}

#[test]
fn what_a_device_has_said_when_it_rang_counts_when_it_joins_without_a_word() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_rings();
    let said = BOB.find(r#""capabilities""#).unwrap();
    let silent = format!("{}{}", &BOB[..said], r#""displayName":"Bob"}"#);
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","participant":{silent}}}"#),
    );
    let open = |it: &Effect| matches!(it, Effect::Open { screen: true, .. });
    assert!(ann.last.iter().any(open));
}

/// Bob has called from an older app, which says no device, and Ann is in; there is no path yet.
fn in_with_an_older_app() -> (Phone, String) {
    let mut ann = Phone::with_old_server();
    ann.bob_calls();
    ann.accept();
    let mine = format!(r#"{{"callId":"c1","mode":"p2p","participant":{ANN}}}"#);
    ann.event("call:participant-joined", &mine);
    let bob = BOB.replace(r#""deviceId":"bob-1","#, "");
    let joins = format!(r#"{{"callId":"c1","mode":"p2p","participant":{bob}}}"#);
    (ann, joins)
}

#[test]
fn who_has_reloaded_before_there_was_a_path_gets_a_connection_with_the_next_offer() {
    let (mut ann, joins) = in_with_an_older_app();
    ann.path(PathState::Broken);
    ann.event("call:participant-joined", &joins);
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Close { .. })));
    ann.bobs_candidate("early", 1);
    assert_eq!(opened(&ann), 1, "a candidate is no offer");
    ann.bob_offers(1);
    assert_eq!((opened(&ann), answers_made(&ann)), (2, 1));
}

#[test]
fn a_call_that_the_server_holds_for_answered_is_while_the_other_end_reloads() {
    let (mut ann, joins) = in_with_an_older_app();
    ann.path(PathState::Broken);
    ann.event("call:participant-joined", &joins);
    assert_eq!(ann.state(FIRST_RING), CallState::Connecting);
    let active = session_of_bob("active");
    ann.event("call:join", &format!(r#"{{"callSession":{active}}}"#));
    assert_eq!(ann.state(FIRST_RING), CallState::Active);
}

#[test]
fn who_has_left_is_not_connected_by_a_late_offer() {
    let mut ann = Phone::in_own_call();
    ann.event(
        "call:participant-left",
        r#"{"callId":"c1","participantId":"row-bob","userId":"bob","mode":"p2p","version":4}"#,
    );
    ann.bob_offers(2);
    assert_eq!(ann.last, []);
    assert_eq!(opened(&ann), 1);
}
