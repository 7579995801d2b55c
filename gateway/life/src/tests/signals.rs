//! Where signals go, and what is kept of them for how long.

use ringwire_protocol::{DeviceId, ServerEvent, Signal, SignalBody};

use super::story::{Story, signal};
use crate::Command;
use crate::mailbox::{MAX_CANDIDATES, MAX_CHARACTERS};

fn to(device: &str, mut signal: Signal) -> Command {
    signal.to_device = Some(DeviceId::new(device).unwrap());
    Command::Signal(signal)
}

fn send(kind: &str, from: &str, to: &str) -> Command {
    Command::Signal(signal(kind, from, to))
}

fn numbered(id: u64, mut signal: Signal) -> Command {
    signal.negotiation_id = Some(id);
    Command::Signal(signal)
}

#[test]
fn an_offer_for_somebody_who_is_not_there_waits_for_their_join() {
    let mut story = Story::direct();
    for kind in ["offer", "1", "2"] {
        story.say("alice", send(kind, "alice", "bob"));
        assert_eq!(story.told(), Vec::<String>::new());
    }
    story.join("bob");
    let told = story.told();
    assert_eq!(
        told[2..],
        [
            "bob/phone: offer",
            "bob/phone: candidate:1",
            "bob/phone: candidate:2"
        ]
    );
    story.join("bob");
    assert_eq!(story.told(), Vec::<String>::new());
}

#[test]
fn an_offer_is_kept_for_a_hundred_and_fifty_seconds() {
    let mut story = Story::answered();
    story.say("alice", send("restart", "alice", "bob"));
    story.beat(&["alice", "bob"], 140);
    story.say("bob", Command::SocketBack);
    assert_eq!(story.told(), ["bob/phone: restart"]);
    story.beat(&["alice", "bob"], 10);
    story.say("bob", Command::SocketBack);
    assert_eq!(story.told(), Vec::<String>::new());
}

#[test]
fn a_signal_for_a_ringing_device_goes_to_it_alone() {
    let mut story = Story::direct();
    story.say("bob/phone", Command::Ringing);
    story.say("bob/tablet", Command::Ringing);
    story.say("alice", to("tablet", signal("offer", "alice", "bob")));
    assert_eq!(story.told(), ["bob/tablet: offer"]);
    // Without a device it is not clear which one is meant: it waits.
    story.say("alice", send("1", "alice", "bob"));
    assert_eq!(story.told(), Vec::<String>::new());
    story.join("bob/phone");
    assert_eq!(story.told()[2..], ["bob/phone: candidate:1"]);
    let past = to("tablet", signal("2", "alice", "bob"));
    assert_eq!(story.refused("alice", past), "TARGET_NOT_FOUND");
}

#[test]
fn a_device_that_rings_gets_what_waits_for_it() {
    let mut story = Story::direct();
    story.say("alice", to("tablet", signal("offer", "alice", "bob")));
    assert_eq!(story.told(), Vec::<String>::new());
    story.say("bob/phone", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing"]);
    story.say("bob/tablet", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing", "bob/tablet: offer"]);
    // After the loss of its socket it rings again, and gets it again.
    story.say("bob/tablet", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing", "bob/tablet: offer"]);
    // It had it while it rang: the join does not repeat it.
    story.join("bob/tablet");
    assert_eq!(story.told().len(), 2);
}

#[test]
fn a_new_offer_takes_the_place_of_the_old_one_and_its_candidates() {
    let mut story = Story::direct();
    story.say("alice", numbered(1, signal("offer", "alice", "bob")));
    story.say("alice", numbered(1, signal("old", "alice", "bob")));
    story.say("alice", numbered(2, signal("early", "alice", "bob")));
    story.say("alice", numbered(2, signal("offer", "alice", "bob")));
    story.say("alice", numbered(2, signal("new", "alice", "bob")));
    story.join("bob");
    assert_eq!(
        story.told()[2..],
        [
            "bob/phone: candidate:early",
            "bob/phone: offer",
            "bob/phone: candidate:new"
        ]
    );
}

#[test]
fn an_offer_that_was_answered_does_not_come_again() {
    let mut story = Story::direct();
    story.join("bob");
    story.say("alice", send("offer", "alice", "bob"));
    story.say("alice", send("1", "alice", "bob"));
    story.say("bob", send("answer", "bob", "alice"));
    story.say("alice", send("2", "alice", "bob"));
    story.say("bob", Command::SocketLost);
    story.say("bob", Command::SocketBack);
    assert_eq!(story.told(), ["bob/phone: candidate:2"]);
    story.say("alice", Command::SocketBack);
    assert_eq!(story.told(), ["alice/phone: answer"]);
}

#[test]
fn candidates_are_kept_within_their_bound() {
    let mut story = Story::direct();
    for number in 0..200 {
        story.say("alice", send(&number.to_string(), "alice", "bob"));
    }
    story.join("bob");
    assert_eq!(story.told().len() - 2, MAX_CANDIDATES);
}

#[test]
fn nothing_is_kept_of_somebody_who_left_or_of_a_call_that_ended() {
    let mut story = Story::answered();
    story.say("alice", send("restart", "alice", "bob"));
    assert!(!story.call.mailbox.is_empty());
    story.say("bob", Command::Leave);
    assert!(story.call.mailbox.is_empty());
}

#[test]
fn the_sender_is_stamped_and_forged_ones_are_refused() {
    let mut story = Story::answered();
    story.say("alice", send("offer", "alice", "bob"));
    let ServerEvent::Signal(received) = &story.emits[0].event else {
        panic!("{:?}", story.emits)
    };
    assert_eq!(
        received.signal.from_device,
        Some(DeviceId::new("phone").unwrap())
    );
    let forged = send("offer", "alice", "bob");
    assert_eq!(story.refused("bob", forged), "SIGNAL_SENDER_MISMATCH");
    let mut device = signal("offer", "alice", "bob");
    device.from_device = Some(DeviceId::new("tablet").unwrap());
    assert_eq!(
        story.refused("alice", Command::Signal(device)),
        "SIGNAL_SENDER_MISMATCH"
    );
    let own = send("offer", "alice", "alice");
    assert_eq!(story.refused("alice", own), "TARGET_NOT_FOUND");
    let sfu = send("offer", "alice", "sfu");
    assert_eq!(story.refused("alice", sfu), "TARGET_NOT_FOUND");
}

#[test]
fn nothing_is_kept_of_a_call_that_nobody_answered() {
    let mut story = Story::direct();
    story.say("alice", send("offer", "alice", "bob"));
    story.seconds(45);
    assert!(story.call.end.is_some());
    assert!(story.call.mailbox.is_empty());
}

#[test]
fn what_waits_for_one_person_is_not_touched_by_what_another_does() {
    let mut story = Story::group();
    for name in ["bob", "carol"] {
        story.say("alice", to("phone", signal("offer", "alice", name)));
    }
    // A new offer, an answer and a join are Bob's alone.
    story.say("alice", to("phone", signal("offer", "alice", "bob")));
    story.say("bob", Command::Ringing);
    story.say("bob", send("answer", "bob", "alice"));
    story.join("bob");
    story.say("carol", Command::Ringing);
    assert_eq!(
        story.told().last().map(String::as_str),
        Some("carol/phone: offer")
    );
}

#[test]
fn an_answer_of_one_device_leaves_what_waits_for_the_other_and_takes_what_names_none() {
    let mut story = Story::direct();
    story.say("alice", to("tablet", signal("offer", "alice", "bob")));
    story.say("bob/phone", Command::Ringing);
    story.say("alice", send("offer", "alice", "bob"));
    let mut answer = signal("answer", "bob", "alice");
    answer.from_device = Some(DeviceId::new("phone").unwrap());
    story.say("bob/phone", Command::Signal(answer));
    story.say("bob/phone", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing"]);
    story.say("bob/tablet", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing", "bob/tablet: offer"]);
}

#[test]
fn a_candidate_that_was_not_handed_over_outlives_the_answer() {
    let mut story = Story::direct();
    story.say("bob/phone", Command::Ringing);
    story.say("bob/tablet", Command::Ringing);
    story.say("alice", to("phone", signal("offer", "alice", "bob")));
    story.say("alice", send("1", "alice", "bob"));
    story.say("bob/phone", send("answer", "bob", "alice"));
    story.join("bob/phone");
    assert!(story.told().contains(&"bob/phone: candidate:1".to_owned()));
}

#[test]
fn what_names_no_device_goes_to_the_only_one_that_rings() {
    let mut story = Story::direct();
    story.say("alice", send("offer", "alice", "bob"));
    story.say("bob/phone", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing", "bob/phone: offer"]);
    story.say("bob/tablet", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing"]);
}

#[test]
fn an_answer_by_the_initiator_counts_for_the_other() {
    let mut story = Story::direct();
    story.join("bob");
    story.say("bob", send("offer", "bob", "alice"));
    story.say("alice", send("answer", "alice", "bob"));
    assert_eq!(story.status(), ringwire_protocol::CallStatus::Active);
}

#[test]
fn an_early_answer_counts_once_and_for_its_own_person() {
    let mut story = Story::group();
    for name in ["bob", "carol"] {
        story.say(name, Command::Ringing);
    }
    for _ in 0..2 {
        story.say("carol", send("answer", "carol", "alice"));
    }
    assert_eq!(story.call.answers.len(), 1);
    story.join("bob");
    assert_eq!(story.call.answered_at, None);
    story.join("carol");
    assert_eq!(story.call.answered_at, Some(story.now));
}

#[test]
fn a_signal_for_the_device_in_the_call_reaches_it_and_one_for_another_is_refused() {
    let mut story = Story::answered();
    story.say("alice", to("phone", signal("restart", "alice", "bob")));
    assert_eq!(story.told(), ["bob/phone: restart"]);
    let past = to("tablet", signal("restart", "alice", "bob"));
    assert_eq!(story.refused("alice", past), "TARGET_NOT_FOUND");
}

#[test]
fn who_joins_gets_what_waits_for_this_device_and_who_declines_takes_nobody_elses() {
    let mut story = Story::group();
    for device in ["phone", "tablet"] {
        story.say("alice", to(device, signal("offer", "alice", "bob")));
    }
    story.say("alice", to("phone", signal("offer", "alice", "carol")));
    story.say("dave", Command::End { reason: None });
    story.join("bob/phone");
    assert!(story.told().contains(&"bob/phone: offer".to_owned()));
    story.say("bob/phone", Command::Leave);
    story.join("carol");
    assert!(story.told().contains(&"carol/phone: offer".to_owned()));
}

#[test]
fn early_answers_are_kept_within_their_bound() {
    let mut story = Story::direct();
    for n in 0..70 {
        let device = format!("bob/{n}");
        story.say(&device, send("answer", "bob", "alice"));
    }
    assert_eq!(story.call.answers.len(), crate::record::MAX_RINGING);
}

#[test]
fn a_signal_for_one_device_does_not_go_out_because_another_rings() {
    let mut story = Story::group();
    story.say("bob/phone", Command::Ringing);
    story.say("carol/tablet", Command::Ringing);
    story.say("alice", to("tablet", signal("offer", "alice", "bob")));
    assert_eq!(story.told(), Vec::<String>::new());
    story.say("alice", to("phone", signal("offer", "alice", "bob")));
    assert_eq!(story.told(), ["bob/phone: offer"]);
}

#[test]
fn an_offer_that_names_its_device_does_not_come_again_once_answered() {
    let mut story = Story::direct();
    story.join("bob");
    story.say("alice", to("phone", signal("offer", "alice", "bob")));
    story.say("bob", send("answer", "bob", "alice"));
    story.say("bob", Command::SocketBack);
    assert_eq!(story.told(), Vec::<String>::new());
}

#[test]
fn candidates_for_one_person_take_no_room_of_another() {
    let mut story = Story::group();
    for number in 0..MAX_CANDIDATES {
        story.say("alice", send(&number.to_string(), "alice", "carol"));
    }
    story.say("alice", send("offer", "alice", "bob"));
    story.say("alice", send("1", "alice", "bob"));
    story.join("bob");
    assert!(story.told().contains(&"bob/phone: candidate:1".to_owned()));
}

#[test]
fn candidates_that_have_grown_old_make_room() {
    let mut story = Story::answered();
    for number in 0..MAX_CANDIDATES {
        story.say("alice", send(&number.to_string(), "alice", "bob"));
    }
    story.beat(&["alice", "bob"], 150);
    story.say("alice", send("new", "alice", "bob"));
    story.say("bob", Command::SocketBack);
    assert_eq!(story.told(), ["bob/phone: candidate:new"]);
}

#[test]
fn beyond_a_bound_of_characters_the_oldest_makes_room() {
    let mut story = Story::group();
    let half = |name: &str, longer: usize| {
        let mut offer = signal("offer", "alice", name);
        let sdp = "x".repeat(MAX_CHARACTERS / 2 + longer);
        offer.body = SignalBody::Offer { sdp, tracks: None };
        Command::Signal(offer)
    };
    story.say("alice", half("bob", 0));
    story.say("alice", half("carol", 0));
    story.say("bob", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing", "bob/phone: offer"]);
    story.say("alice", half("dave", 1));
    for (name, kept) in [("bob", 0), ("carol", 0), ("dave", 1)] {
        story.join(name);
        let offer = format!("{name}/phone: offer");
        let offers = story.told().iter().filter(|told| **told == offer).count();
        assert_eq!(offers, kept, "{name}");
    }
}

#[test]
fn what_other_devices_were_sent_or_said_is_gone_after_a_join() {
    let mut story = Story::group();
    story.say("alice", to("tablet", signal("offer", "alice", "bob")));
    story.say("alice", to("phone", signal("offer", "alice", "carol")));
    story.say("carol/phone", send("1", "carol", "alice"));
    story.say("bob/phone", send("2", "bob", "alice"));
    story.say("bob/watch", send("3", "bob", "alice"));
    story.join("bob/watch");
    story.say("alice", Command::SocketBack);
    assert_eq!(
        story.told(),
        ["alice/phone: candidate:1", "alice/phone: candidate:3"]
    );
    story.join("bob/tablet");
    assert!(!story.told().contains(&"bob/tablet: offer".to_owned()));
    story.join("carol/phone");
    assert!(story.told().contains(&"carol/phone: offer".to_owned()));
}

#[test]
fn what_was_between_somebody_who_left_and_others_is_gone() {
    let mut story = Story::group();
    story.join("bob");
    story.join("carol");
    story.say("alice", send("offer", "alice", "bob"));
    story.say("bob", send("1", "bob", "alice"));
    story.say("carol", send("2", "carol", "alice"));
    story.say("bob", Command::Leave);
    story.say("alice", Command::SocketBack);
    assert_eq!(story.told(), ["alice/phone: candidate:2"]);
    story.join("bob/tablet");
    assert!(!story.told().contains(&"bob/tablet: offer".to_owned()));
}
