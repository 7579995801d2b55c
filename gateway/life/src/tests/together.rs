//! What people in a call tell each other: toggles, quality, paths, background, words.

use ringwire_protocol::client::{NegotiateReason, QualityStats, Segment};
use ringwire_protocol::{CallStatus, MediaType, ServerEvent};

use super::story::{Story, peer, signal};
use crate::{Command, Reply};

fn toggle(media: MediaType, on: bool) -> Command {
    Command::Toggle { media, on }
}

fn quality(packet_loss: f64, rtt: f64) -> Command {
    Command::Quality(QualityStats {
        packet_loss,
        rtt,
        ..QualityStats::default()
    })
}

#[test]
fn a_toggle_is_told_to_the_others_once_and_seen_in_the_session() {
    let mut story = Story::answered();
    let version = story.call.version;
    story.say("bob", toggle(MediaType::Video, false));
    assert_eq!(story.told(), ["alice/phone: media-toggled"]);
    assert_eq!(story.emits[0].event.version(), Some(version + 1));
    story.say("bob", toggle(MediaType::Video, false));
    assert_eq!((story.told(), story.call.version), (vec![], version + 1));
    story.say("alice", toggle(MediaType::Hold, true));
    story.say("alice", toggle(MediaType::Screen, true));
    let session = story.call.session();
    assert!(!session.present(&peer("bob")).unwrap().is_video_enabled);
    assert_eq!(session.present(&peer("alice")).unwrap().held, Some(true));
    assert_eq!(
        session.present(&peer("alice")).unwrap().is_screen_sharing,
        Some(true)
    );
    let odd = toggle(MediaType::from("smell"), true);
    assert_eq!(story.refused("bob", odd), "MEDIA_TOGGLE_FAILED");
}

#[test]
fn whatever_changes_the_call_carries_its_new_version() {
    let mut story = Story::direct();
    let mut seen = Vec::new();
    let join = story.joining();
    let moves = [
        ("bob", Command::Ringing),
        ("bob", join),
        ("bob", Command::Signal(signal("answer", "bob", "alice"))),
        ("bob", toggle(MediaType::Video, false)),
        ("bob", Command::Reconnecting { attempt: 1 }),
        ("bob", Command::Reconnected { attempt: 1 }),
        ("bob", Command::Leave),
    ];
    for (who, command) in moves {
        story.say(who, command);
        for emit in &story.emits {
            if !matches!(emit.event, ServerEvent::Signal(_)) {
                let version = emit.event.version();
                assert_eq!(version, Some(story.call.version), "{:?}", emit.event);
                seen.push(emit.event.name().to_owned());
            }
        }
    }
    assert_eq!(
        seen,
        [
            "call:ringing",
            "call:already-answered",
            "call:participant-joined",
            "call:media-toggled",
            "call:reconnecting",
            "call:reconnected",
            "call:participant-left",
            "call:ended",
            "call:ended",
        ]
    );
}

#[test]
fn a_heartbeat_is_answered_with_status_and_version_also_after_the_end() {
    let mut story = Story::answered();
    story.say("bob", Command::Heartbeat);
    let version = story.call.version;
    let status = CallStatus::Active;
    assert_eq!(story.reply, Reply::Heartbeat { status, version });
    story.say("alice", Command::Leave);
    story.say("bob", Command::Heartbeat);
    let (status, version) = (CallStatus::Ended, version + 1);
    assert_eq!(story.reply, Reply::Heartbeat { status, version });
}

#[test]
fn the_second_bad_report_in_a_row_alerts_the_others() {
    let mut story = Story::answered();
    for (report, alerts) in [
        (quality(20.0, 50.0), 0),
        (quality(0.0, 50.0), 0),
        (quality(20.0, 50.0), 0),
        (quality(0.0, 900.0), 1),
        (quality(0.0, 900.0), 0),
        (quality(0.0, 40.0), 0),
    ] {
        story.say("bob", report);
        assert_eq!(story.emits.len(), alerts);
    }
    let kept = story
        .call
        .session()
        .present(&peer("bob"))
        .unwrap()
        .connection_quality
        .clone();
    assert_eq!(kept.unwrap()["rtt"], 40.0);
}

#[test]
fn a_lost_path_is_told_and_makes_the_call_reconnecting_until_it_is_back() {
    let mut story = Story::answered();
    story.say("bob", Command::Reconnecting { attempt: 2 });
    assert_eq!(story.told(), ["alice/phone: reconnecting"]);
    assert_eq!(story.status(), CallStatus::Reconnecting);
    let ServerEvent::Reconnecting(event) = &story.emits[0].event else {
        panic!("{:?}", story.emits)
    };
    assert_eq!(
        (event.attempt, event.participant_id.as_str()),
        (2, "member-bob")
    );
    story.say("bob", Command::Reconnected { attempt: 2 });
    assert_eq!(story.told(), ["alice/phone: reconnected"]);
    assert_eq!(story.status(), CallStatus::Active);
}

#[test]
fn reconnecting_before_an_answer_means_nothing() {
    let mut story = Story::direct();
    let before = story.call.clone();
    story.say("alice", Command::Reconnecting { attempt: 1 });
    assert_eq!((story.told(), story.call), (vec![], before));
}

#[test]
fn the_background_and_words_reach_the_others() {
    let mut story = Story::answered();
    story.say("bob", Command::Backgrounded);
    assert_eq!(story.told(), ["alice/phone: backgrounded"]);
    story.say("bob", Command::Foregrounded);
    assert_eq!(story.told(), ["alice/phone: foregrounded"]);
    let segment = Segment {
        id: None,
        text: "hello".into(),
        speaker_id: Some(peer("alice")),
        start_ms: 0,
        end_ms: 1,
        is_final: true,
        confidence: None,
        language: "en".into(),
    };
    story.say("bob", Command::Said(segment));
    assert_eq!(
        story.told(),
        [
            "alice/phone: translated-segment",
            "bob/phone: translated-segment"
        ]
    );
    let ServerEvent::TranslatedSegment(said) = &story.emits[0].event else {
        panic!("{:?}", story.emits)
    };
    assert_eq!(said.segment.speaker_id, Some(peer("bob")));
}

#[test]
fn the_offerer_is_asked_for_an_offer() {
    let mut story = Story::answered();
    let (to, reason) = (peer("alice"), NegotiateReason::Restart);
    story.say("bob", Command::Negotiate { to, reason });
    assert_eq!(story.told(), ["alice/phone: negotiate"]);
    let (to, reason) = (peer("carol"), NegotiateReason::Tracks);
    assert_eq!(
        story.refused("bob", Command::Negotiate { to, reason }),
        "TARGET_NOT_FOUND"
    );
}

#[test]
fn a_call_reads_back_as_it_was_written() {
    let mut story = Story::answered();
    story.say("bob", quality(1.0, 30.0));
    let mut written = story.call.clone();
    let text = serde_json::to_string(&written).unwrap();
    let read: crate::Call = serde_json::from_str(&text).unwrap();
    written.mailbox = crate::Mailbox::default();
    assert_eq!(read, written);
    let mailbox = serde_json::to_string(&story.call.mailbox).unwrap();
    assert_eq!(
        serde_json::from_str::<crate::Mailbox>(&mailbox).unwrap(),
        story.call.mailbox
    );
}

#[test]
fn what_is_just_good_enough_alerts_nobody() {
    let mut story = Story::answered();
    for _ in 0..3 {
        story.say("bob", quality(5.0, 400.0));
        assert_eq!(story.told(), Vec::<String>::new());
    }
}
