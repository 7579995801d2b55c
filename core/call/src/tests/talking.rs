//! Inside a call: negotiation, candidates, toggles, heartbeats, versions, quality, credentials.

use std::time::Duration;

use super::phone::*;
use crate::{CallEvent, CallState, Command, ConnectionEvent, Effect, Input};
use ringwire_protocol::client::QualityStats;
use ringwire_protocol::{ClientEvent, ErrorCode, SignalBody};

fn candidates_added(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::AddCandidate { candidate, .. } => Some(candidate.as_str()),
            _ => None,
        })
        .collect()
}

fn own_candidate(name: &str) -> ConnectionEvent {
    ConnectionEvent::Candidate {
        candidate: format!("candidate:{name}"),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
    }
}

#[test]
fn candidates_wait_for_their_description_and_older_ones_are_dropped() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    ann.bobs_candidate("a", 1);
    ann.bob_answers(1);
    ann.bobs_candidate("b", 1);
    assert_eq!(candidates_added(&ann.done), Vec::<&str>::new());
    ann.answer_applied();
    assert_eq!(candidates_added(&ann.last), ["candidate:a", "candidate:b"]);
    ann.bobs_candidate("c", 1);
    assert_eq!(candidates_added(&ann.last), ["candidate:c"]);
    ann.bobs_candidate("stale", 0);
    assert_eq!(ann.last, []);
}

#[test]
fn stale_and_repeated_answers_are_dropped() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.bob_answers(1);
    assert_eq!(ann.last, [], "no offer is out yet");
    ann.offer_made();
    ann.bob_answers(0);
    assert_eq!(ann.last, []);
    ann.bob_answers(1);
    assert!(matches!(&ann.last[0], Effect::AcceptAnswer { .. }));
    ann.bob_answers(1);
    assert_eq!(ann.last, []);
}

#[test]
fn an_offer_that_comes_again_gets_the_same_answer_and_an_older_one_none() {
    let mut ann = Phone::in_bobs_call();
    ann.report(own_candidate("mine"));
    let answer = ann.last_said("call:signal");
    let (_, round, _) = signal_in(&answer.1);
    assert_eq!(round, Some(1));
    ann.bob_offers(1);
    assert_eq!(ann.said(), ["call:signal", "call:signal"]);
    ann.bob_offers(0);
    assert_eq!(ann.last, []);
    ann.bob_offers(2);
    assert!(matches!(&ann.last[..], [Effect::AcceptOffer { .. }]));
}

#[test]
fn signals_for_somebody_else_or_from_somebody_else_are_dropped() {
    let mut ann = Phone::in_bobs_call();
    let offer = r#""type":"offer","sdp":"v=0 m=","negotiationId":5"#;
    for (from, to, rest) in [
        ("bob", "carol", ""),
        ("carol", "ann", ""),
        ("ann", "ann", ""),
        ("bob", "ann", r#","toDevice":"ann-2""#),
        ("bob", "ann", r#","fromDevice":"bob-9""#),
    ] {
        ann.event(
            "call:signal",
            &format!(r#"{{"callId":"c1","signal":{{"from":"{from}","to":"{to}",{offer}{rest}}}}}"#),
        );
        assert_eq!(ann.last, [], "{from} {to} {rest}");
    }
    // Nor does the answerer take an answer.
    ann.bob_answers(1);
    assert_eq!(ann.last, []);
}

#[test]
fn a_burst_of_candidates_survives_the_rate_limit() {
    let mut ann = Phone::in_own_call();
    for n in 0..25 {
        ann.report(own_candidate(&n.to_string()));
        ann.slow_down("call:signal", 1.0);
    }
    let before = ann.times_said("call:signal");
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:signal") - before, 25);
    assert_eq!(ann.state(MINE), CallState::Active);
}

#[test]
fn toggles_turn_the_tracks_and_tell_the_others() {
    let mut ann = Phone::in_own_call();
    ann.command(Command::SetMicrophone {
        key: MINE,
        on: false,
    });
    assert!(matches!(&ann.last[..], [
        Effect::SetMedia { send_audio: false, send_video: true, receive: true, .. },
        Effect::Send { op: None, event: ClientEvent::ToggleAudio(toggle) },
        Effect::Publish
    ] if !toggle.enabled));
    ann.command(Command::SetMicrophone {
        key: MINE,
        on: false,
    });
    assert_eq!(ann.last, []);
    ann.command(Command::SetCamera {
        key: MINE,
        on: false,
    });
    assert_eq!(ann.said(), ["call:toggle-video"]);
    assert!(!ann.view(MINE).media.camera);
}

#[test]
fn a_toggle_before_the_call_has_a_name_is_told_with_it() {
    let mut ann = Phone::new();
    ann.call();
    ann.command(Command::SetCamera {
        key: MINE,
        on: false,
    });
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.initiate_acked();
    assert_eq!(ann.said(), ["call:toggle-video"]);
}

#[test]
fn remote_toggles_are_matched_by_user_then_member_then_user_id_in_its_place() {
    let mut ann = Phone::in_own_call();
    for (who, audio) in [
        (r#""participantId":"x","userId":"bob""#, false),
        (r#""participantId":"member-bob""#, true),
        (r#""participantId":"bob""#, false),
    ] {
        ann.event(
            "call:media-toggled",
            &format!(r#"{{"callId":"c1",{who},"mediaType":"audio","enabled":{audio}}}"#),
        );
        assert!(
            matches!(&ann.news()[..], [CallEvent::RemoteMedia { audio: now, video: true, .. }]
            if *now == audio)
        );
        assert_eq!(ann.view(MINE).people[0].audio_enabled, audio);
    }
    ann.event(
        "call:media-toggled",
        r#"{"callId":"c1","participantId":"bob","userId":"carol","mediaType":"audio","enabled":true}"#,
    );
    assert_eq!(ann.last, []);
}

#[test]
fn an_event_with_an_older_version_is_dropped() {
    let mut ann = Phone::in_own_call();
    let toggled = |version: u64, enabled: bool| {
        format!(
            r#"{{"callId":"c1","participantId":"m","userId":"bob","mediaType":"video","enabled":{enabled},"version":{version}}}"#
        )
    };
    ann.event("call:media-toggled", &toggled(4, false));
    ann.event("call:media-toggled", &toggled(3, true));
    assert!(!ann.view(MINE).people[0].video_enabled);
}

#[test]
fn heartbeats_tell_of_missed_events_and_the_session_is_fetched() {
    let mut ann = Phone::in_own_call();
    ann.pass(secs(10));
    assert_eq!(ann.said(), ["call:heartbeat"]);
    ann.ack("call:heartbeat", r#"{"status":"active","version":3}"#);
    assert_eq!(ann.last, []);
    ann.pass(secs(10));
    ann.ack("call:heartbeat", r#"{"status":"active","version":5}"#);
    assert_eq!(ann.said(), ["call:check-active"]);
    let muted = session("ann", "active", 5).replacen(
        r#""isAudioEnabled":true"#,
        r#""isAudioEnabled":false"#,
        1,
    );
    ann.ack("call:check-active", &format!(r#"{{"calls":[{muted}]}}"#));
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::RemoteMedia { audio: false, .. }]
    ));
    ann.pass(secs(10));
    ann.ack("call:heartbeat", r#"{"status":"active","version":5}"#);
    assert_eq!(ann.last, []);
}

#[test]
fn a_gap_in_the_versions_is_looked_up() {
    let mut ann = Phone::in_own_call();
    ann.event(
        "call:media-toggled",
        r#"{"callId":"c1","participantId":"m","userId":"bob","mediaType":"video","enabled":false,"version":9}"#,
    );
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.pass(secs(2));
    assert_eq!(ann.said(), ["call:check-active"]);
}

#[test]
fn there_is_no_heartbeat_outside_a_call() {
    let mut ann = Phone::new();
    ann.pass(secs(60));
    ann.bob_calls();
    ann.pass(secs(40));
    assert_eq!(ann.times_said("call:heartbeat"), 0);
}

#[test]
fn quality_is_shown_at_once_and_reported_every_five_seconds() {
    let mut ann = Phone::in_own_call();
    let connection = ann.connection();
    for second in 0..11 {
        ann.feed(Input::Quality {
            connection,
            stats: QualityStats {
                packet_loss: 130.0,
                rtt: f64::from(second),
                jitter: Some(f64::NAN),
                ..QualityStats::default()
            },
        });
        ann.pass(secs(1));
    }
    assert_eq!(ann.times_said("call:quality-report"), 3);
    let stats = ann.view(MINE).quality.unwrap();
    assert_eq!(
        (stats.packet_loss, stats.rtt, stats.jitter),
        (100.0, 10.0, Some(0.0))
    );
}

#[test]
fn turn_credentials_are_refreshed_at_four_fifths_of_their_life() {
    let mut ann = Phone::in_own_call();
    ann.pass(Duration::from_millis(799_900));
    assert_eq!(ann.times_said("call:request-ice-servers"), 0);
    ann.pass(secs(1));
    assert_eq!(ann.times_said("call:request-ice-servers"), 1);
    ann.event(
        "call:ice-servers-refreshed",
        &format!(r#"{{"callId":"c1","iceServers":[{TURN}],"ttl":2000}}"#),
    );
    assert!(matches!(&ann.last[..], [Effect::SetIceServers { .. }]));
    ann.pass(secs(1599));
    assert_eq!(ann.times_said("call:request-ice-servers"), 1);
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:request-ice-servers"), 2);
    // No answer: asked for again.
    ann.pass(secs(60));
    assert_eq!(ann.times_said("call:request-ice-servers"), 3);
}

#[test]
fn first_sound_and_picture_are_told_and_marked() {
    let mut ann = Phone::in_own_call();
    ann.report(ConnectionEvent::FirstAudio);
    ann.report(ConnectionEvent::FirstVideo);
    assert!(matches!(
        &ann.news()[..],
        [CallEvent::FirstVideo { key: MINE, .. }]
    ));
    assert_eq!(ann.view(MINE).timeline.first_frame, Some(ann.now));
}

#[test]
fn an_unanswered_first_offer_is_said_again_unchanged() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    ann.report(own_candidate("x"));
    ann.pass(secs(8));
    assert_eq!(ann.said(), ["call:signal", "call:signal"]);
    let offers = ann
        .done
        .iter()
        .filter(|it| matches!(it, Effect::Offer { .. }))
        .count();
    assert_eq!(offers, 1);
}

#[test]
fn somebody_who_comes_on_another_device_gets_a_new_connection() {
    let mut ann = Phone::in_own_call();
    let before = ann.connection();
    ann.event(
        "call:participant-joined",
        &format!(
            r#"{{"callId":"c1","mode":"p2p","version":4,"participant":{}}}"#,
            BOB.replace("bob-1", "bob-2")
        ),
    );
    assert!(ann.last.contains(&Effect::Close { connection: before }));
    assert_ne!(ann.connection(), before);
    // What the old one still says does not count.
    ann.feed(Input::Connection {
        connection: before,
        event: ConnectionEvent::Path(crate::PathState::Broken),
    });
    assert_eq!(ann.last, []);
    ann.offer_made();
    let (body, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert!(matches!(body, SignalBody::Offer { .. }));
    assert_eq!(round, Some(2), "rounds grow across connections");
}

#[test]
fn the_background_is_told_in_calls_only_and_again_after_a_return() {
    let mut ann = Phone::new();
    ann.command(Command::Background(true));
    assert_eq!(ann.said(), Vec::<&str>::new());
    ann.command(Command::Background(false));
    let mut ann = Phone::in_bobs_call();
    ann.command(Command::Background(true));
    assert_eq!(ann.said(), ["call:backgrounded"]);
    let ClientEvent::Backgrounded(who) = ann.last_said("call:backgrounded").1 else {
        unreachable!()
    };
    assert_eq!(who.participant_id.as_str(), "member-ann");
    ann.command(Command::Background(true));
    assert_eq!(ann.last, []);
    ann.feed(Input::SocketDown);
    let session = session_of_bob("active");
    ann.socket_returns(&session);
    ann.ack("call:join", &format!(r#"{{"callSession":{session}}}"#));
    assert!(ann.said().contains(&"call:backgrounded"));
    ann.command(Command::Background(false));
    assert_eq!(ann.said(), ["call:foregrounded"]);
}

#[test]
fn of_own_candidates_no_more_than_there_may_be_are_said_again() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    for n in 0..100 {
        ann.report(own_candidate(&n.to_string()));
    }
    let before = ann.times_said("call:signal");
    assert_eq!(before, 101);
    ann.pass(secs(8));
    assert_eq!(ann.times_said("call:signal") - before, 1 + 64);
}

#[test]
fn what_waits_for_a_rate_limit_is_said_only_while_its_round_lasts() {
    let mut ann = Phone::in_own_call();
    ann.report(own_candidate("old"));
    ann.refuse("call:signal", ErrorCode::RateLimitExceeded);
    ann.path(crate::PathState::Broken);
    ann.offer_made();
    ann.report(own_candidate("new"));
    ann.refuse("call:signal", ErrorCode::RateLimitExceeded);
    ann.pass(secs(2));
    assert_eq!(ann.said(), ["call:signal"]);
    let (body, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert!(
        matches!(&body, SignalBody::Candidate { candidate, .. } if candidate == "candidate:new")
    );
    assert_eq!(round, Some(2));
}

#[test]
fn signals_of_a_call_that_is_over_do_not_wait_for_a_rate_limit() {
    let mut ann = Phone::in_own_call();
    ann.report(own_candidate("a"));
    ann.refuse("call:signal", ErrorCode::RateLimitExceeded);
    ann.command(Command::HangUp { key: MINE });
    let before = ann.times_said("call:signal");
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:signal"), before);
}

#[test]
fn no_more_signals_wait_for_a_rate_limit_than_there_may_be() {
    let mut ann = Phone::in_own_call();
    for n in 0..140 {
        ann.report(own_candidate(&n.to_string()));
        ann.refuse("call:signal", ErrorCode::RateLimitExceeded);
    }
    let before = ann.times_said("call:signal");
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:signal") - before, 128);
}

#[test]
fn an_offer_that_another_round_has_followed_is_not_answered_again() {
    let mut ann = Phone::in_own_call();
    ann.bob_offers(2);
    ann.answer_made();
    ann.path(crate::PathState::Broken);
    ann.offer_made();
    ann.bob_answers(3);
    ann.answer_applied();
    ann.bob_offers(2);
    assert_eq!(ann.last, []);
}

#[test]
fn candidates_that_come_before_their_offer_wait_for_it() {
    let mut ann = Phone::new();
    ann.bob_calls();
    ann.accept();
    ann.join_acked();
    ann.signal(r#""type":"ice-candidate","candidate":"candidate:uncounted""#);
    ann.bobs_candidate("first", 1);
    ann.bob_offers(1);
    ann.answer_made();
    let first = ["candidate:uncounted", "candidate:first"];
    assert_eq!(candidates_added(&ann.done), first);
    ann.bobs_candidate("second", 2);
    ann.bob_offers(2);
    ann.answer_made();
    assert_eq!(candidates_added(&ann.last), ["candidate:second"]);
}

#[test]
fn candidates_that_wait_for_their_description_are_bounded() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    ann.bob_joins();
    ann.offer_made();
    for n in 0..100 {
        ann.bobs_candidate(&n.to_string(), 1);
    }
    ann.bob_answers(1);
    ann.answer_applied();
    assert_eq!(candidates_added(&ann.last).len(), 64);
}

#[test]
fn a_heartbeat_that_meets_a_rate_limit_is_said_when_that_is_over() {
    let mut ann = Phone::in_own_call();
    ann.pass(secs(10));
    ann.slow_down("call:heartbeat", 3.0);
    ann.pass(secs(2));
    assert_eq!(ann.times_said("call:heartbeat"), 1);
    ann.pass(secs(1));
    assert_eq!(ann.times_said("call:heartbeat"), 2);
}

#[test]
fn the_quality_of_a_path_is_shown_with_who_is_at_its_end() {
    let mut ann = Phone::in_own_call();
    ann.event("call:participant-joined", &carol_joins());
    ann.feed(Input::Quality {
        connection: ann.connection(),
        stats: QualityStats::default(),
    });
    let people = ann.view(MINE).people;
    let shown: Vec<(&str, bool)> = people
        .iter()
        .map(|it| (it.peer.as_str(), it.quality.is_some()))
        .collect();
    assert_eq!(shown, [("bob", true), ("carol", false)]);
}

fn carol_joins() -> String {
    let carol = BOB.replace("bob", "carol").replace("Bob", "Carol");
    format!(r#"{{"callId":"c1","mode":"p2p","version":4,"participant":{carol}}}"#)
}

#[test]
fn who_is_not_alone_stays_in_the_call() {
    let left = |who: &str| {
        format!(
            r#"{{"callId":"c1","participantId":"row-{who}","userId":"{who}","mode":"p2p","version":5}}"#
        )
    };
    let mut ann = Phone::in_own_call();
    ann.event("call:participant-joined", &carol_joins());
    ann.event("call:participant-left", &left("carol"));
    ann.pass(secs(9));
    assert_eq!(ann.state(MINE), CallState::Active);
    ann.event("call:participant-left", &left("bob"));
    ann.pass(secs(2));
    assert!(matches!(ann.state(MINE), CallState::Ended { .. }));
}

#[test]
fn since_when_the_call_is_answered_is_shown_to_its_end() {
    let mut ann = Phone::new();
    ann.call();
    ann.initiate_acked();
    assert_eq!(ann.view(MINE).active_since, None);
    let mut ann = Phone::in_own_call();
    let since = Some(ann.now);
    ann.pass(secs(5));
    assert_eq!(ann.view(MINE).active_since, since);
    ann.path(crate::PathState::Broken);
    assert_eq!(ann.view(MINE).active_since, since);
    ann.command(Command::HangUp { key: MINE });
    assert_eq!(ann.view(MINE).active_since, since);
}

#[test]
fn a_round_as_high_as_there_is_harms_nothing() {
    let mut ann = Phone::in_own_call();
    ann.bob_offers(u64::MAX);
    ann.answer_made();
    ann.path(crate::PathState::Broken);
    ann.offer_made();
    let (_, round, _) = signal_in(&ann.last_said("call:signal").1);
    assert_eq!(round, Some(u64::MAX));
}
