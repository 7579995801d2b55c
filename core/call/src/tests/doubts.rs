//! What comes late, twice, out of order, unreadable, or about a call that nobody knows.

use super::phone::*;
use crate::{AckFailure, CallEvent, CallState, Command, Effect, Input, PathState};
use ringwire_protocol::{CallEndReason as Reason, ErrorCode};

fn unreadable() -> AckFailure {
    AckFailure::Malformed("no JSON".to_owned())
}

fn nothing() -> Vec<&'static str> {
    Vec::new()
}

/// The server's list holds these sessions.
fn list(ann: &mut Phone, sessions: &str) {
    ann.ack("call:check-active", &format!(r#"{{"calls":[{sessions}]}}"#));
}

/// Descriptions that the store has taken, the last one last.
fn taken(ann: &Phone) -> Vec<&str> {
    let taken = ann.done.iter().filter_map(|effect| match effect {
        Effect::AcceptOffer { sdp, .. } | Effect::AcceptAnswer { sdp, .. } => Some(sdp.as_str()),
        _ => None,
    });
    taken.collect()
}

#[test]
fn an_answer_to_the_join_that_nobody_can_read_lets_the_call_go_on() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.fail("call:join", unreadable());
    ann.bob_offers(1);
    assert_eq!(taken(&ann).len(), 1);
}

#[test]
fn of_two_early_offers_the_newer_counts_in_whichever_order_they_come() {
    for rounds in [[1, 2], [2, 1]] {
        let mut ann = Phone::new();
        ann.bob_calls();
        for round in rounds {
            ann.signal(&format!(
                r#""type":"offer","sdp":"v=0\r\ns={round}\r\nm=audio","negotiationId":{round}"#
            ));
        }
        ann.accept();
        ann.join_acked();
        assert!(taken(&ann)[0].contains("s=2"), "{rounds:?}");
        assert_eq!(taken(&ann).len(), 1);
    }
}

#[test]
fn early_candidates_of_an_older_offer_are_not_used() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.bobs_candidate("old", 1);
    ann.bobs_candidate("new", 2);
    ann.bob_offers(2);
    ann.accept();
    ann.join_acked();
    ann.answer_made();
    let added: Vec<&str> = ann.done.iter().filter_map(candidate).collect();
    assert_eq!(added, ["candidate:new"]);
}

fn candidate(effect: &Effect) -> Option<&str> {
    match effect {
        Effect::AddCandidate { candidate, .. } => Some(candidate),
        _ => None,
    }
}

#[test]
fn a_description_that_is_made_too_late_is_not_sent() {
    let mut ann = Phone::in_own_call();
    ann.path(PathState::Broken);
    let op = ann.op_of(|effect| match effect {
        Effect::Offer { op, .. } => Some(*op),
        _ => None,
    });
    // Another operation than the one that is awaited.
    ann.report(crate::ConnectionEvent::OfferMade {
        op: crate::OpId::from_raw(op.get() - 1),
        sdp: sdp("late"),
    });
    assert_eq!(ann.said(), nothing());
    ann.offer_made();
    assert_eq!(ann.said(), ["call:signal"]);
}

#[test]
fn a_refusal_that_names_my_own_call_is_looked_up_where_its_answer_was_lost() {
    let mut ann = Phone::new();
    ann.call();
    ann.fail("call:initiate", AckFailure::Timeout);
    list(&mut ann, "");
    assert_eq!(ann.said(), ["call:initiate"]);
    ann.fail("call:initiate", AckFailure::Refused(glare("ann", "direct")));
    assert_eq!(ann.news(), []);
    assert_eq!(ann.said(), ["call:check-active"]);
    list(&mut ann, &session("ann", "ringing", 2));
    assert_eq!(ann.view(MINE).id, Some("c1".parse().unwrap()));
    assert_eq!(ann.state(MINE), CallState::Connecting);
}

#[test]
fn a_call_that_another_device_of_mine_has_made_is_not_taken_for_the_lost_one() {
    let mut ann = Phone::new();
    ann.call();
    ann.fail("call:initiate", AckFailure::Timeout);
    let elsewhere = session("ann", "ringing", 2).replace("ann-1", "ann-2");
    list(&mut ann, &elsewhere);
    assert_ne!(ann.state(MINE), CallState::Ringing);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Open { .. })));
}

#[test]
fn a_ring_that_waits_is_kept_while_the_server_lists_it() {
    let mut ann = Phone::new();
    ann.call();
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.pass(secs(1));
    ann.socket_returns("");
    let theirs = session_of_bob("ringing").replace(&format!(",{ANN}"), "");
    ann.bob_calls();
    ann.feed(Input::SocketDown);
    ann.socket_returns(&theirs);
    assert_eq!(ann.snapshot().calls.len(), 1);
    assert_eq!(ann.view(MINE).id, Some("c1".parse().unwrap()));
}

#[test]
fn a_word_of_an_unknown_call_silences_no_ring_to_come() {
    let mut ann = Phone::new();
    ann.event(
        "call:media-toggled",
        r#"{"callId":"c1","participantId":"m","mediaType":"audio","enabled":false}"#,
    );
    ann.bob_calls();
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
}

#[test]
fn an_error_of_an_unknown_call_is_told_and_one_of_a_call_that_is_over_is_not() {
    let said = r#"{"code":"PERMISSION_DENIED","message":"no","callId":"c1"}"#;
    let mut ann = Phone::new();
    ann.event("call:error", said);
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::Failed { key: None, error }] if error.code == ErrorCode::PermissionDenied
    ));
    let mut ann = Phone::in_bobs_call();
    ann.ended("");
    ann.event("call:error", said);
    assert_eq!(ann.news(), []);
}

#[test]
fn an_offered_call_that_the_server_has_no_longer_was_lost() {
    let mut ann = Phone::new();
    list(&mut ann, &session_of_bob("active"));
    ann.feed(Input::SocketDown);
    ann.socket_returns("");
    let reason = Reason::ConnectionLost;
    assert_eq!(ann.state(FIRST_RING), CallState::Ended { reason });
}

#[test]
fn what_is_older_than_what_is_known_changes_nothing_and_what_is_as_old_does() {
    let toggled = |version: u64, enabled: bool| {
        format!(
            r#"{{"callId":"c1","participantId":"m","userId":"bob","mediaType":"video","enabled":{enabled},"version":{version}}}"#
        )
    };
    let mut ann = Phone::in_own_call();
    ann.event("call:media-toggled", &toggled(4, false));
    ann.event("call:media-toggled", &toggled(4, true));
    assert!(ann.view(MINE).people[0].video_enabled);

    let path = |version: u64| {
        format!(
            r#"{{"callId":"c1","participantId":"m","userId":"bob","attempt":1,"version":{version}}}"#
        )
    };
    let reconnecting = |ann: &Phone| ann.view(MINE).people[0].reconnecting;
    ann.event("call:reconnecting", &path(6));
    assert!(reconnecting(&ann));
    ann.event("call:reconnected", &path(5));
    assert!(reconnecting(&ann));
    ann.event("call:reconnected", &path(7));
    assert!(!reconnecting(&ann));

    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.event("call:initiated", &INITIATED.replace("bob", "ann"));
    ann.event("call:media-toggled", &toggled(3, true));
    ann.bob_rings();
    assert_eq!(ann.state(MINE), CallState::Calling);
}

#[test]
fn who_joins_again_on_a_known_device_keeps_the_connection() {
    let mut ann = Phone::in_own_call();
    ann.path(PathState::Broken);
    ann.bob_joins();
    assert!(!ann.last.iter().any(|it| matches!(it, Effect::Close { .. })));
    // One that does not say its device has reloaded.
    let mut ann = Phone::with_old_server();
    ann.call();
    ann.initiate_acked();
    let joined = format!(r#"{{"callId":"c1","mode":"p2p","participant":{BOB}}}"#)
        .replace(r#""deviceId":"bob-1","#, "");
    ann.event("call:participant-joined", &joined);
    ann.offer_made();
    ann.bob_answers(1);
    ann.answer_applied();
    ann.path(PathState::Connected);
    ann.event("call:participant-joined", &joined);
    assert_eq!(ann.said(), nothing(), "the path is there");
    ann.path(PathState::Broken);
    ann.event("call:participant-joined", &joined);
    assert!(ann.last.iter().any(|it| matches!(it, Effect::Close { .. })));
}

#[test]
fn holding_a_held_call_again_leaves_the_others_alone() {
    let mut ann = Phone::in_own_call();
    ann.bob_calls_from("carol");
    ann.accept();
    assert!(ann.view(MINE).held);
    let key = MINE;
    ann.command(Command::Hold { key, on: true });
    assert!(!ann.view(FIRST_RING).held);
}

#[test]
fn what_waits_for_a_rate_limit_wakes_the_phone_in_time() {
    let mut ann = Phone::new();
    ann.call();
    ann.slow_down("call:initiate", 2.0);
    let wake = ann.store.wake_at().unwrap();
    assert!(wake >= ann.now + secs(2) && wake < ann.now + secs(3));
    ann.now = wake;
    ann.feed(Input::Tick);
    assert_eq!(ann.said(), ["call:initiate"]);
}

#[test]
fn an_own_row_lets_a_device_in_that_has_ice_servers() {
    let mut ann = Phone::new();
    let ring = INITIATED.replace(
        r#""participants""#,
        &format!(r#""iceServers":[{TURN}],"participants""#),
    );
    ann.event("call:initiated", &ring);
    ann.accept();
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","participant":{ANN}}}"#),
    );
    ann.bob_offers(1);
    assert_eq!(taken(&ann).len(), 1);
}

#[test]
fn taking_up_what_only_rings_holds_nothing() {
    let mut ann = Phone::in_own_call();
    ann.bob_calls_from("carol");
    ann.command(Command::Hold {
        key: FIRST_RING,
        on: false,
    });
    assert!(!ann.view(MINE).held);
}

#[test]
fn a_call_that_my_other_device_makes_elsewhere_is_not_mine() {
    let mut ann = Phone::new();
    ann.call();
    let elsewhere = INITIATED.replace("bob", "ann").replace("v1", "v2");
    ann.event("call:initiated", &elsewhere);
    assert_eq!(ann.view(MINE).id, None);
}

#[test]
fn that_a_path_is_back_is_told_when_the_socket_is_back_as_well() {
    let mut ann = Phone::in_own_call();
    ann.path(PathState::Broken);
    ann.offer_made();
    assert_eq!(ann.times_said("call:reconnecting"), 1);
    ann.feed(Input::SocketDown);
    ann.path(PathState::Connected);
    ann.socket_returns(&session("ann", "reconnecting", 3));
    assert_eq!(ann.times_said("call:reconnected"), 0);
    ann.join_acked();
    assert_eq!(ann.times_said("call:reconnected"), 1);
}

#[test]
fn a_ring_that_waits_is_not_over_by_an_answer_to_an_older_question() {
    let mut ann = Phone::new();
    ann.call();
    ann.feed(Input::SocketDown);
    ann.socket_up();
    let other = INITIATED.replace("c1", "c2");
    ann.event("call:initiated", &other);
    list(&mut ann, "");
    assert_eq!(ann.said(), ["call:initiate"]);
    ann.initiate_acked();
    assert_eq!(ann.news(), [CallEvent::Incoming { key: FIRST_RING }]);
}

#[test]
fn a_nameless_refusal_ends_a_call_without_a_name_where_it_can_mean_one() {
    for (code, ends) in [
        ("NOT_A_PARTICIPANT", true),
        ("CONVERSATION_CLOSED", true),
        ("PERMISSION_DENIED", false),
    ] {
        let mut ann = Phone::with_old_server();
        ann.call();
        let error = format!(r#"{{"code":"{code}","message":"no"}}"#);
        ann.event("call:error", &error);
        let over = matches!(ann.state(MINE), CallState::Ended { .. });
        assert_eq!(over, ends, "{code}");
    }
    let mut ann = Phone::with_old_server();
    ann.call();
    let error = r#"{"code":"NOT_A_PARTICIPANT","message":"no","callId":"c9"}"#;
    ann.event("call:error", error);
    assert_eq!(ann.state(MINE), CallState::Calling);
}

#[test]
fn where_it_rings_says_which_device_until_somebody_has_joined() {
    let device = |ann: &Phone| ann.view(MINE).people[0].device.clone().unwrap();
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_rings();
    assert_eq!(device(&ann).as_str(), "bob-1");
    ann.bob_joins();
    ann.event(
        "call:ringing",
        r#"{"callId":"c1","userId":"bob","deviceId":"bob-2","capabilities":[],"version":4}"#,
    );
    assert_eq!(device(&ann).as_str(), "bob-1");
}

#[test]
fn an_own_row_of_the_past_is_nobody_who_joins() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    let left = ANN.replace(
        r#""joinedAt""#,
        r#""leftAt":"2026-11-23T09:31:00Z","joinedAt""#,
    );
    ann.event(
        "call:participant-joined",
        &format!(r#"{{"callId":"c1","mode":"p2p","participant":{left}}}"#),
    );
    assert_eq!(ann.state(MINE), CallState::Calling);
    assert!(!ann.done.iter().any(|it| matches!(it, Effect::Open { .. })));
}

#[test]
fn a_bad_path_of_the_other_is_told_in_a_call_only() {
    let alert = r#"{"callId":"c1","participantId":"m","userId":"bob","metric":"rtt","value":500,"threshold":400}"#;
    let mut ann = Phone::in_own_call();
    ann.event("call:quality-alert", alert);
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::QualityAlert { peer: Some(peer), .. }] if peer.as_str() == "bob"
    ));
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.event("call:quality-alert", alert);
    assert_eq!(ann.news(), []);
}
