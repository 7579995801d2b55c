//! Calls of more than two: nobody ends them for the others.

use ringwire_protocol::{CallEndReason, CallStatus, ServerEvent};

use super::story::{Story, actor, peer, signal};
use crate::Command;

fn answered() -> Story {
    let mut story = Story::group();
    story.join("bob");
    story.say("bob", Command::Signal(signal("answer", "bob", "alice")));
    story
}

#[test]
fn one_decline_is_for_the_one_who_declines() {
    let mut story = Story::group();
    story.say(
        "bob",
        Command::End {
            reason: Some(CallEndReason::Busy),
        },
    );
    assert_eq!(story.told(), ["bob/*: ended busy"]);
    assert!(!story.call.rings_for(&peer("bob"), story.now));
    assert!(story.call.rings_for(&peer("carol"), story.now));
    story.say("bob/tablet", Command::Ringing);
    assert_eq!(story.told(), ["bob/tablet: ended rejected"]);
    // They may still think better of it.
    story.join("bob");
    assert_eq!(story.call.present().count(), 2);
}

#[test]
fn one_decline_leaves_the_rings_and_answers_of_others() {
    let mut story = Story::group();
    for name in ["bob", "carol"] {
        story.say(name, Command::Ringing);
        story.say(name, Command::Signal(signal("answer", name, "alice")));
    }
    story.say("bob", Command::Leave);
    let rings = |name| story.call.rings_on(&peer(name), &actor(name).device);
    assert_eq!((rings("bob"), rings("carol")), (false, true));
    // Who comes back has to answer anew.
    story.join("bob");
    assert_eq!(story.call.answered_at, None);
    story.join("carol");
    assert_eq!(story.status(), CallStatus::Active);
}

#[test]
fn a_call_concerns_those_who_are_in_it_and_those_for_whom_it_rings() {
    let mut story = Story::group();
    story.join("bob");
    story.say("carol", Command::Leave);
    let concerned = |story: &Story| {
        let mut names = vec!["alice", "bob", "carol", "dave", "eve"];
        names.retain(|name| story.call.concerns(&peer(name), story.now));
        names
    };
    assert_eq!(concerned(&story), ["alice", "bob", "dave"]);
    story.seconds(45);
    assert_eq!(concerned(&story), ["alice", "bob"]);
    for name in ["alice", "bob"] {
        story.say(name, Command::Leave);
    }
    assert_eq!(concerned(&story), Vec::<&str>::new());
}

#[test]
fn a_guest_who_leaves_is_named_as_a_guest() {
    let mut story = answered();
    story.join("carol");
    story.call.members[2].anonymous = true;
    for (name, user, guest) in [("bob", true, false), ("carol", false, true)] {
        story.say(name, Command::Leave);
        let ServerEvent::ParticipantLeft(left) = &story.emits[0].event else {
            panic!("{:?}", story.emits)
        };
        let named = (left.user_id.is_some(), left.anonymous_id.is_some());
        assert_eq!(named, (user, guest));
        assert_eq!(left.peer(), Some(&peer(name)));
    }
}

#[test]
fn a_group_goes_on_until_its_last_participant_leaves() {
    let mut story = answered();
    story.join("carol");
    story.say("alice", Command::Leave);
    assert_eq!(
        story.told(),
        [
            "bob/phone: participant-left",
            "carol/phone: participant-left",
            "alice/*: ended completed",
        ]
    );
    story.say("bob", Command::End { reason: None });
    assert_eq!(story.status(), CallStatus::Active);
    story.say("carol", Command::Leave);
    assert_eq!(story.reason(), "completed");
    // Those who had left or had been told are not told again.
    let told = story.told();
    assert_eq!(
        told.iter().filter(|t| t.contains("ended")).count(),
        4,
        "{told:?}"
    );
    assert!(
        !told
            .iter()
            .any(|t| t.starts_with("alice") || t.starts_with("bob"))
    );
}

#[test]
fn alone_for_a_minute_ends_it() {
    let mut story = answered();
    story.say("bob", Command::Leave);
    story.seconds(59);
    assert_eq!(story.status(), CallStatus::Active);
    story.join("carol");
    story.say("carol", Command::Leave);
    story.seconds(59);
    assert_eq!(story.status(), CallStatus::Active);
    story.seconds(1);
    assert_eq!(story.reason(), "completed");
}

#[test]
fn alone_before_anybody_came_is_ringing() {
    let mut story = Story::group();
    story.seconds(45);
    assert_eq!(story.reason(), "missed");
    let missed = story
        .told()
        .iter()
        .filter(|t| t.ends_with(": missed"))
        .count();
    assert_eq!(missed, 5);
}

#[test]
fn those_who_did_not_come_have_missed_it_at_the_ring_deadline_and_may_come_later() {
    let mut story = answered();
    story.say("carol", Command::End { reason: None });
    story.seconds(45);
    assert_eq!(
        story.told(),
        ["dave/*: missed", "erin/*: missed", "frank/*: missed"]
    );
    assert!(!story.call.rings_for(&peer("dave"), story.now));
    story.join("dave");
    assert_eq!(story.call.present().count(), 3);
}

#[test]
fn a_mesh_holds_four() {
    let mut story = answered();
    story.join("carol");
    story.join("dave");
    let join = story.joining();
    assert_eq!(story.refused("erin", join), "MAX_PARTICIPANTS_REACHED");
    // Moving to another device needs no place.
    story.join("dave/tablet");
    story.say("carol", Command::Leave);
    story.join("erin");
    assert_eq!(story.call.present().count(), 4);
}

#[test]
fn a_lost_socket_takes_one_out_and_leaves_the_rest() {
    let mut story = answered();
    story.join("carol");
    story.say("bob", Command::SocketLost);
    story.seconds(60);
    assert!(
        story
            .told()
            .contains(&"alice/phone: participant-left".to_owned())
    );
    assert!(
        story
            .told()
            .contains(&"bob/*: ended connectionLost".to_owned())
    );
    assert_eq!(story.status(), CallStatus::Active);
}

#[test]
fn people_in_a_mesh_signal_each_other() {
    let mut story = answered();
    story.join("carol");
    story.say("bob", Command::Signal(signal("offer", "bob", "carol")));
    assert_eq!(story.told(), ["carol/phone: offer"]);
    let past = Command::Signal(signal("offer", "bob", "dave"));
    assert_eq!(story.refused("bob", past), "TARGET_NOT_FOUND");
}

#[test]
fn rows_of_those_who_left_stay_within_their_bound() {
    let mut story = answered();
    for _ in 0..300 {
        story.join("carol");
        story.say("carol", Command::Leave);
    }
    assert_eq!(story.call.people.len(), crate::record::MAX_PEOPLE);
    assert_eq!(story.call.present().count(), 2);
}

#[test]
fn who_thinks_better_of_it_brings_back_nobody_else_and_the_rows_tell_who_was_there() {
    let mut story = Story::group();
    for name in ["bob", "carol"] {
        story.say(name, Command::End { reason: None });
    }
    story.join("bob");
    assert!(!story.call.rings_for(&peer("carol"), story.now));
    story.say("bob", Command::Leave);
    story.join("bob");
    assert_eq!(story.call.people.len(), 3);
}
