//! Which devices are woken, and whose ring is stopped.

use std::time::Duration;

use ringwire_protocol::{CallId, DeviceId, Push, Timestamp};

use super::story::{Story, peer};
use crate::{Command, PushState, PushStep};

fn asleep(due: Timestamp) -> PushState {
    PushState {
        due,
        pushed: false,
        settled: false,
        rang: false,
        online: false,
    }
}

fn step(story: &Story, who: &str, state: PushState) -> PushStep {
    let (name, device) = who.split_once('/').unwrap();
    let device = DeviceId::new(device).unwrap();
    story.call.push(&peer(name), &device, state, story.now)
}

fn cancel() -> PushStep {
    PushStep::Stop(Push::Cancel(CallId::new("call").unwrap()))
}

#[test]
fn a_sleeping_device_is_woken_at_once_with_all_that_it_needs_to_ring() {
    let story = Story::direct();
    let PushStep::Ring(ring) = step(&story, "bob/phone", asleep(story.now)) else {
        panic!("no ring")
    };
    assert_eq!(ring.call_id.as_str(), "call");
    assert_eq!(ring.conversation_id.as_str(), "conversation");
    assert_eq!(ring.caller_name, "ALICE");
    assert_eq!(ring.caller_user_id, peer("alice"));
    assert!(ring.is_video);
    assert_eq!(ring.ring_deadline, Some(story.call.ring_deadline));
    assert_eq!(
        step(&story, "alice/tablet", asleep(story.now)),
        PushStep::Nothing
    );
}

#[test]
fn a_device_with_a_socket_is_given_two_seconds_to_ring() {
    let mut story = Story::direct();
    let due = story.now + story.timers.push_grace;
    let online = PushState {
        online: true,
        ..asleep(due)
    };
    assert_eq!(step(&story, "bob/phone", online), PushStep::Wait(due));
    story.say("bob/tablet", Command::Ringing);
    story.seconds(2);
    assert!(matches!(
        step(&story, "bob/phone", online),
        PushStep::Ring(_)
    ));
    story.say("bob/phone", Command::Ringing);
    let deadline = story.call.ring_deadline;
    assert_eq!(step(&story, "bob/phone", online), PushStep::Wait(deadline));
}

#[test]
fn a_ring_is_pushed_once() {
    let story = Story::direct();
    let done = PushState {
        pushed: true,
        settled: true,
        ..asleep(story.now)
    };
    let deadline = story.call.ring_deadline;
    assert_eq!(step(&story, "bob/phone", done), PushStep::Wait(deadline));
    // One that was under way when the gateway stopped may have been lost.
    let under_way = PushState {
        settled: false,
        ..done
    };
    assert!(matches!(
        step(&story, "bob/phone", under_way),
        PushStep::Ring(_)
    ));
}

#[test]
fn failure_9_a_call_that_was_cancelled_before_its_ring_was_pushed_wakes_nobody() {
    let mut story = Story::direct();
    story.say("alice", Command::Leave);
    assert_eq!(
        step(&story, "bob/phone", asleep(story.now)),
        PushStep::Nothing
    );
    let pushed = PushState {
        pushed: true,
        ..asleep(story.now)
    };
    assert_eq!(step(&story, "bob/phone", pushed), cancel());
}

#[test]
fn an_answer_stops_the_other_devices_and_not_the_one_that_answers() {
    let mut story = Story::direct();
    story.join("bob/phone");
    let pushed = PushState {
        pushed: true,
        settled: true,
        ..asleep(story.now)
    };
    assert_eq!(step(&story, "bob/phone", pushed), PushStep::Nothing);
    let elsewhere = Push::AnsweredElsewhere(CallId::new("call").unwrap());
    assert_eq!(
        step(&story, "bob/tablet", pushed),
        PushStep::Stop(elsewhere.clone())
    );
    // Long after it, too.
    story.say("bob/phone", Command::Leave);
    story.pass(Duration::from_secs(3_600));
    assert_eq!(step(&story, "bob/phone", pushed), PushStep::Nothing);
    assert_eq!(
        step(&story, "bob/tablet", pushed),
        PushStep::Stop(elsewhere)
    );
}

#[test]
fn a_device_that_rings_by_its_socket_is_stopped_by_a_push_when_it_has_none_any_more() {
    let mut story = Story::group();
    let rang = PushState {
        rang: true,
        ..asleep(story.now)
    };
    story.say("bob/phone", Command::Decline { reason: None });
    assert_eq!(step(&story, "bob/phone", rang), cancel());
    let online = PushState {
        online: true,
        ..rang
    };
    assert_eq!(step(&story, "bob/phone", online), PushStep::Nothing);
    // It rings on for the others.
    assert!(matches!(
        step(&story, "carol/phone", asleep(story.now)),
        PushStep::Ring(_)
    ));
}

#[test]
fn a_ring_that_nobody_answered_is_stopped_at_its_deadline() {
    let mut story = Story::group();
    story.join("bob/phone");
    let pushed = PushState {
        pushed: true,
        settled: true,
        ..asleep(story.now)
    };
    story.seconds(45);
    assert!(story.call.ring_over);
    assert_eq!(step(&story, "carol/phone", pushed), cancel());
}

#[test]
fn pushes_are_looked_at_again_when_it_rings_for_others_than_before() {
    let mut story = Story::group();
    let steps = [
        ("bob", Command::Ringing, true),
        ("bob", Command::Ringing, false),
        ("alice", Command::Heartbeat, false),
        ("carol", Command::End { reason: None }, true),
        ("alice", Command::Leave, true),
    ];
    for (who, command, otherwise) in steps {
        let before = story.call.clone();
        story.say(who, command.clone());
        let looks = story.call.rings_otherwise_than(&before);
        assert_eq!(looks, otherwise, "{command:?}");
    }
    let mut story = Story::group();
    for (seconds, otherwise) in [(44, false), (1, true)] {
        if seconds == 44 {
            story.join("bob");
        }
        let before = story.call.clone();
        story.seconds(seconds);
        assert_eq!(story.call.rings_otherwise_than(&before), otherwise);
    }
}
