//! How calls begin: ringing, accepting, devices of one person.

use ringwire_protocol::{CallStatus, CallType, DeviceId, ErrorCode, Role, ServerEvent, Timestamp};

use super::story::{Story, actor, peer, signal, start};
use crate::{Call, Command, ConversationKind, Reply, Timers};

#[test]
fn a_call_rings_on_every_device_of_everybody_and_says_until_when() {
    let story = Story::direct();
    assert_eq!(story.told(), ["alice/*: initiated", "bob/*: initiated"]);
    assert_eq!(story.status(), CallStatus::Initiated);
    assert_eq!(story.reply, Reply::Initiated);
    let ServerEvent::Initiated(initiated) = &story.emits[1].event else {
        panic!("{:?}", story.emits)
    };
    assert_eq!(
        initiated.ring_deadline,
        Some(story.now + story.timers.ring_deadline)
    );
    assert_eq!(initiated.version, Some(1));
    assert_eq!(initiated.participants.len(), 1);
}

#[test]
fn a_call_says_in_what_kind_of_conversation_it_is() {
    for (story, kind) in [(Story::direct(), "direct"), (Story::group(), "group")] {
        let initiated = story.call.initiated();
        assert_eq!(initiated.conversation_type.as_deref(), Some(kind));
        let metadata = story.call.session().metadata.unwrap();
        assert_eq!(metadata["conversationType"], kind);
    }
}

#[test]
fn a_call_rings_until_its_deadline_and_not_at_it() {
    let story = Story::direct();
    let deadline = story.call.ring_deadline;
    assert!(story.call.rings_for(&peer("bob"), story.now));
    assert!(!story.call.rings_for(&peer("bob"), deadline));
}

#[test]
fn the_caller_is_the_initiator_on_every_device_and_nobody_else_is() {
    let mut story = Story::direct();
    story.join("bob");
    story.join("alice/tablet");
    let session = story.call.session();
    let role = |name| session.present(&peer(name)).unwrap().role.clone();
    assert_eq!(role("alice"), Role::Initiator);
    assert_eq!(role("bob"), Role::Participant);
}

#[test]
fn a_join_leaves_the_rings_and_declines_of_others() {
    let mut story = Story::group();
    story.say("bob", Command::Ringing);
    story.say("carol", Command::Ringing);
    story.say("dave", Command::Leave);
    story.join("bob");
    let rings = |name| story.call.rings_on(&peer(name), &actor(name).device);
    assert_eq!((rings("bob"), rings("carol")), (false, true));
    story.say("dave", Command::Ringing);
    assert_eq!(story.told(), ["dave/phone: ended rejected"]);
    // Nor are they told once more that it is over for them.
    story.say("alice", Command::Leave);
    story.say("bob", Command::Leave);
    let told = story.told();
    assert!(told.contains(&"bob/*: ended completed".to_owned()));
    assert!(!told.iter().any(|it| it.starts_with("dave")), "{told:?}");
}

#[test]
fn a_stranger_and_an_unknown_type_make_no_call() {
    let timers = Timers::default();
    let members = start(ConversationKind::Direct, &["alice", "bob"]);
    let refused = Call::initiate(
        members.clone(),
        &actor("eve"),
        Timestamp::default(),
        &timers,
    );
    assert_eq!(refused.unwrap_err().code, ErrorCode::NotAParticipant);
    let mut odd = members;
    odd.call_type = CallType::from("hologram");
    let refused = Call::initiate(odd, &actor("alice"), Timestamp::default(), &timers);
    assert_eq!(refused.unwrap_err().code, ErrorCode::UnsupportedCallType);
}

#[test]
fn a_device_that_rings_is_told_to_the_initiator_and_changes_the_status_once() {
    let mut story = Story::direct();
    story.say("bob/phone", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing"]);
    assert_eq!(
        (story.status(), story.call.version),
        (CallStatus::Ringing, 2)
    );
    story.say("bob/tablet", Command::Ringing);
    assert_eq!(story.told(), ["alice/phone: ringing"]);
    assert_eq!(story.call.version, 2);
    assert_eq!(story.call.session().participants.len(), 1);
}

#[test]
fn a_call_is_active_when_joined_and_then_answered() {
    let mut story = Story::direct();
    story.say("bob", Command::Ringing);
    story.join("bob");
    assert_eq!(
        story.told(),
        [
            "bob/!phone: already-answered",
            "alice/phone: participant-joined"
        ]
    );
    assert_eq!(story.status(), CallStatus::Ringing);
    story.say("alice", Command::Signal(signal("offer", "alice", "bob")));
    assert_eq!(story.status(), CallStatus::Ringing);
    story.seconds(1);
    story.say("bob", Command::Signal(signal("answer", "bob", "alice")));
    assert_eq!(story.status(), CallStatus::Active);
    assert_eq!(story.call.answered_at, Some(story.now));
}

#[test]
fn a_call_is_active_when_answered_and_then_joined() {
    let mut story = Story::direct();
    story.say("bob", Command::Ringing);
    story.say("bob", Command::Signal(signal("answer", "bob", "alice")));
    assert_eq!(story.status(), CallStatus::Ringing);
    story.join("bob");
    assert_eq!(story.status(), CallStatus::Active);
    assert_eq!(story.call.answered_at, Some(story.now));
}

#[test]
fn an_answer_of_one_device_does_not_count_for_another() {
    let mut story = Story::direct();
    story.say("bob/phone", Command::Ringing);
    story.say(
        "bob/phone",
        Command::Signal(signal("answer", "bob", "alice")),
    );
    story.join("bob/tablet");
    assert_eq!(story.status(), CallStatus::Ringing);
    story.say(
        "bob/tablet",
        Command::Signal(signal("answer", "bob", "alice")),
    );
    assert_eq!(story.status(), CallStatus::Active);
}

#[test]
fn the_same_device_joining_again_changes_nothing() {
    let mut story = Story::answered();
    let before = story.call.clone();
    story.join("bob");
    assert_eq!(story.reply, Reply::Joined);
    story.join("alice");
    assert_eq!((story.told(), story.call), (vec![], before));
}

#[test]
fn a_second_device_evicts_the_first_and_the_call_goes_on() {
    let mut story = Story::answered();
    let answered = story.call.answered_at;
    story.join("bob/tablet");
    assert_eq!(
        story.told(),
        [
            "bob/phone: force-leave",
            "alice/phone: participant-left",
            "alice/phone: participant-joined",
        ]
    );
    assert_eq!(story.call.answered_at, answered);
    assert_eq!(story.call.present().count(), 2);
    // The first device's late words change nothing.
    let before = story.call.clone();
    story.say("bob/phone", Command::Leave);
    story.say("bob/phone", Command::SocketLost);
    assert_eq!(story.call, before);
    let late = Command::Signal(signal("answer", "bob", "alice"));
    assert_eq!(story.refused("bob/phone", late), "NOT_A_PARTICIPANT");
}

#[test]
fn a_device_that_rings_too_late_is_silenced() {
    let mut story = Story::answered();
    story.say("bob/tablet", Command::Ringing);
    assert_eq!(story.told(), ["bob/tablet: already-answered"]);
    let ServerEvent::AlreadyAnswered(answered) = &story.emits[0].event else {
        panic!("{:?}", story.emits)
    };
    assert_eq!(answered.device_id, Some(actor("bob/phone").device));
    story.say("bob/tablet", Command::End { reason: None });
    assert_eq!(story.status(), CallStatus::Active);
}

#[test]
fn a_device_may_signal_before_it_rings_and_speaks_with_the_initiator_only() {
    let mut story = Story::group();
    story.say("bob", Command::Signal(signal("1", "bob", "alice")));
    assert_eq!(story.told(), ["alice/phone: candidate:1"]);
    story.join("carol");
    let past = Command::Signal(signal("1", "bob", "carol"));
    assert_eq!(story.refused("bob", past), "TARGET_NOT_FOUND");
}

#[test]
fn an_initiator_who_comes_back_learns_again_who_rings() {
    let mut story = Story::direct();
    story.say("bob", Command::Ringing);
    story.say("alice", Command::SocketLost);
    story.seconds(5);
    story.say("alice", Command::SocketBack);
    assert_eq!(story.told(), ["alice/phone: ringing"]);
    story.seconds(30);
    assert_eq!(story.status(), CallStatus::Ringing);
}

#[test]
fn the_winner_of_glare_is_named() {
    let story = Story::direct();
    let error = story.call.already_active();
    assert_eq!(error.code, ErrorCode::CallAlreadyActive);
    assert_eq!(error.call_id, Some(story.call.id.clone()));
    assert_eq!(error.initiator_id, Some(peer("alice")));
    assert_eq!(error.status, Some(CallStatus::Initiated));
    assert_eq!(error.call_type, Some(CallType::Video));
}

#[test]
fn a_client_without_a_device_id_takes_up_its_call_with_a_new_socket() {
    let mut story = Story::direct();
    let mut old = actor("bob/socket-1");
    old.named = false;
    let mut new = actor("bob/socket-2");
    new.named = false;
    let join = story.joining();
    let at = |story: &mut Story, by: &crate::Actor, command: Command| {
        let done = story
            .call
            .act(by, command, story.now, &story.timers)
            .unwrap();
        story.call = done.call;
    };
    at(&mut story, &old, join);
    let row = story.call.session().participants[1].clone();
    assert_eq!((row.device_id, row.capabilities), (None, None));
    at(&mut story, &new, Command::SocketBack);
    assert_eq!(
        story.call.person(&peer("bob")).unwrap().device.as_str(),
        "socket-1"
    );
    at(&mut story, &old, Command::SocketLost);
    at(&mut story, &new, Command::SocketBack);
    let bob = story.call.person(&peer("bob")).unwrap();
    assert_eq!(bob.device, DeviceId::new("socket-2").unwrap());
    assert_eq!(bob.socket_lost, None);
}

#[test]
fn who_leaves_without_a_name_leaves_also_after_another_socket_was_taken_for_theirs() {
    let nameless = |device: &str| {
        let mut actor = actor(&format!("bob/{device}"));
        actor.named = false;
        actor
    };
    let (old, other, new) = (
        nameless("socket-1"),
        nameless("socket-2"),
        nameless("socket-3"),
    );
    let mut story = Story::direct();
    let join = story.joining();
    let does = [(&old, join), (&new, Command::Leave)];
    for (by, command) in does {
        story.call = story.act(by, command);
    }
    assert_eq!(story.call.end, None, "nobody had to guess");
    let does = [
        (&old, Command::SocketLost),
        (&other, Command::SocketBack),
        (&new, Command::SocketBack),
    ];
    for (by, command) in does {
        story.call = story.act(by, command);
    }
    assert_eq!(story.act(&actor("bob/phone"), Command::Leave).end, None);
    story.call = story.act(&new, Command::Leave);
    assert_eq!(story.reason(), "completed");
}
