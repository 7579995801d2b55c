//! How calls between two end: each with one reason, told once.

use ringwire_protocol::{CallEndReason, CallStatus, ServerEvent};

use super::story::{Story, signal};
use crate::Command;

fn end(reason: CallEndReason) -> Command {
    Command::End {
        reason: Some(reason),
    }
}

#[test]
fn nobody_answers_and_the_callee_has_missed_it() {
    let mut story = Story::direct();
    story.say("bob", Command::Ringing);
    story.seconds(44);
    assert_eq!(story.status(), CallStatus::Ringing);
    story.seconds(1);
    assert_eq!(story.reason(), "missed");
    assert_eq!(
        story.told(),
        [
            "alice/*: ended missed",
            "bob/*: ended missed",
            "bob/*: missed"
        ]
    );
    assert_eq!(story.deadline, None);
}

#[test]
fn a_decline_ends_it_as_rejected_or_busy() {
    for (given, reason) in [
        (CallEndReason::Rejected, "rejected"),
        (CallEndReason::Busy, "busy"),
        (CallEndReason::HeartbeatTimeout, "rejected"),
    ] {
        let mut story = Story::direct();
        story.say("bob", end(given));
        assert_eq!(story.reason(), reason);
        let told = [
            format!("alice/*: ended {reason}"),
            format!("bob/*: ended {reason}"),
        ];
        assert_eq!(story.told(), told);
    }
}

#[test]
fn a_decline_from_outside_never_hangs_up() {
    let busy = || Command::Decline {
        reason: Some(CallEndReason::Busy),
    };
    let mut story = Story::direct();
    story.say("bob/watch", busy());
    assert_eq!(story.told(), ["alice/*: ended busy", "bob/*: ended busy"]);
    story.say("bob/phone", busy());
    assert_eq!((story.told(), story.reason()), (vec![], "busy".to_owned()));
    let mut story = Story::answered();
    for device in ["bob/phone", "bob/watch"] {
        assert_eq!(story.refused(device, busy()), "CALL_STATE_CONFLICT");
    }
    assert_eq!(story.refused("eve", busy()), "NOT_A_PARTICIPANT");
}

#[test]
fn leaving_before_joining_is_declining() {
    let mut story = Story::direct();
    story.say("bob", Command::Leave);
    assert_eq!(story.reason(), "rejected");
}

#[test]
fn a_caller_who_gives_up_has_cancelled_unless_nobody_answered() {
    let mut story = Story::direct();
    story.say("alice", Command::Leave);
    assert_eq!(story.reason(), "cancelled");
    assert!(!story.told().contains(&"bob/*: missed".to_owned()));

    let mut story = Story::direct();
    story.say("alice", end(CallEndReason::Missed));
    assert_eq!(story.reason(), "missed");
    assert!(story.told().contains(&"bob/*: missed".to_owned()));
}

#[test]
fn a_caller_whose_socket_stays_away_has_cancelled_after_ten_seconds() {
    let mut story = Story::direct();
    story.seconds(3);
    story.say("alice", Command::SocketLost);
    story.seconds(9);
    assert_eq!(story.status(), CallStatus::Initiated);
    story.seconds(1);
    assert_eq!(story.reason(), "cancelled");
}

#[test]
fn the_socket_of_a_callee_who_has_not_answered_matters_to_nobody() {
    let mut story = Story::direct();
    story.say("bob", Command::Ringing);
    story.say("bob", Command::SocketLost);
    story.seconds(44);
    assert_eq!(story.status(), CallStatus::Ringing);
}

#[test]
fn an_answered_call_waits_a_minute_for_a_lost_socket() {
    let mut story = Story::answered();
    story.say("bob", Command::SocketLost);
    assert_eq!(
        (story.status(), story.told()),
        (CallStatus::Reconnecting, vec![])
    );
    story.seconds(59);
    story.say("bob", Command::SocketBack);
    assert_eq!(story.status(), CallStatus::Active);
    story.say("alice", Command::SocketLost);
    story.seconds(60);
    assert_eq!(story.reason(), "connectionLost");
    assert_eq!(story.call.duration(story.now), 119);
}

#[test]
fn the_first_loss_counts_and_not_the_second() {
    let mut story = Story::answered();
    story.say("bob", Command::SocketLost);
    story.seconds(50);
    story.say("bob", Command::SocketLost);
    story.seconds(10);
    assert_eq!(story.reason(), "connectionLost");
}

#[test]
fn hanging_up_completes_it_and_duration_counts_from_the_answer() {
    let mut story = Story::direct();
    story.seconds(20);
    story.join("bob");
    story.seconds(2);
    story.say("bob", Command::Signal(signal("answer", "bob", "alice")));
    story.seconds(25);
    story.say("alice", Command::Leave);
    assert_eq!(
        story.told(),
        [
            "bob/phone: participant-left",
            "alice/*: ended completed",
            "bob/*: ended completed"
        ]
    );
    let ServerEvent::Ended(ended) = &story.emits[1].event else {
        panic!("{:?}", story.emits)
    };
    assert_eq!(ended.duration, 25);
    assert_eq!(ended.version, Some(story.call.version));
    assert_eq!(story.call.session().duration, Some(25));
}

#[test]
fn a_client_may_say_that_the_connection_failed_but_not_that_nobody_answered() {
    let mut story = Story::answered();
    story.say("bob", end(CallEndReason::ConnectionLost));
    assert_eq!(story.reason(), "connectionLost");
    let mut story = Story::answered();
    story.say("bob", end(CallEndReason::Missed));
    assert_eq!(story.reason(), "completed");
}

#[test]
fn an_ended_call_stays_ended_whoever_says_what() {
    let mut story = Story::answered();
    story.say("alice", Command::Leave);
    let before = story.call.clone();
    for command in [
        Command::Leave,
        end(CallEndReason::Failed),
        Command::ForceLeave,
        Command::SocketLost,
        Command::SocketBack,
        Command::Heartbeat,
    ] {
        for who in ["alice", "bob", "bob/tablet"] {
            story.say(who, command.clone());
            assert_eq!(story.told(), Vec::<String>::new(), "{command:?}");
        }
    }
    for command in [
        Command::Ringing,
        Command::Backgrounded,
        Command::Reconnecting { attempt: 1 },
    ] {
        assert_eq!(story.refused("bob", command), "CALL_ENDED");
    }
    let join = story.joining();
    assert_eq!(story.refused("bob", join), "CALL_ENDED");
    story.seconds(24 * 3600);
    assert_eq!(story.call, before);
}

#[test]
fn time_out_and_hang_up_at_the_same_moment_make_one_end() {
    let mut story = Story::direct();
    story.seconds(45);
    assert_eq!(story.reason(), "missed");
    story.say("alice", Command::Leave);
    story.say("bob", end(CallEndReason::Rejected));
    assert_eq!((story.reason().as_str(), story.told()), ("missed", vec![]));
}

#[test]
fn the_ring_deadline_spares_a_call_that_somebody_has_joined() {
    let mut story = Story::direct();
    story.seconds(44);
    story.join("bob");
    story.seconds(60);
    assert_eq!(story.call.end, None);
    story.seconds(16);
    assert_eq!(story.reason(), "failed");
}

#[test]
fn silence_ends_a_call_after_two_minutes_and_in_the_background_after_five() {
    let mut story = Story::answered();
    story.beat(&["alice", "bob"], 60);
    story.beat(&["alice"], 110);
    assert_eq!(story.status(), CallStatus::Active);
    story.beat(&["alice"], 10);
    assert_eq!(story.reason(), "heartbeatTimeout");

    let mut story = Story::answered();
    story.beat(&["alice", "bob"], 60);
    story.say("bob", Command::Backgrounded);
    story.beat(&["alice"], 290);
    assert_eq!(story.status(), CallStatus::Active);
    story.beat(&["alice"], 10);
    assert_eq!(story.reason(), "heartbeatTimeout");
}

#[test]
fn a_call_without_any_heartbeat_is_swept_away_after_twelve_hours() {
    let mut story = Story::answered();
    story.seconds(12 * 3600 - 1);
    assert_eq!(story.status(), CallStatus::Active);
    story.seconds(1);
    assert_eq!(story.reason(), "garbageCollected");
}

#[test]
fn a_gateway_that_starts_again_gives_everybody_time_to_come_back() {
    let mut story = Story::answered();
    story.beat(&["alice", "bob"], 10);
    story.now = story.now + std::time::Duration::from_secs(600);
    let resumed = story.call.restarted(story.now, &story.timers);
    story.call = resumed.call;
    story.deadline = resumed.next_deadline;
    story.seconds(30);
    story.say("alice", Command::SocketBack);
    story.say("bob", Command::SocketBack);
    assert_eq!(story.status(), CallStatus::Active);
    story.seconds(60);
    assert_eq!(story.status(), CallStatus::Active);
}

#[test]
fn force_leave_frees_the_conversation_from_any_device() {
    let mut story = Story::direct();
    story.say("alice/tablet", Command::ForceLeave);
    assert_eq!(story.reason(), "cancelled");
    assert_eq!(story.told()[0], "alice/phone: force-leave");
    // It is no decline.
    let mut story = Story::direct();
    story.say("bob", Command::ForceLeave);
    assert_eq!(story.status(), CallStatus::Initiated);
}

#[test]
fn strangers_are_refused_whatever_they_say() {
    let mut story = Story::direct();
    let join = story.joining();
    for command in [
        join,
        Command::Ringing,
        Command::Leave,
        Command::Heartbeat,
        Command::ForceLeave,
    ] {
        assert_eq!(story.refused("eve", command), "NOT_A_PARTICIPANT");
    }
}

#[test]
fn only_the_caller_can_say_that_a_call_was_cancelled() {
    let mut story = Story::direct();
    story.join("bob");
    story.say("bob", end(CallEndReason::Cancelled));
    assert_eq!(story.reason(), "completed");
}

#[test]
fn who_declines_what_is_over_changes_nothing() {
    let mut story = Story::direct();
    story.say("alice", Command::Leave);
    let before = story.call.clone();
    let decline = Command::Decline { reason: None };
    for command in [Command::Leave, end(CallEndReason::Rejected), decline] {
        story.say("bob", command);
        assert_eq!(story.call, before);
        assert_eq!(story.told(), Vec::<String>::new());
    }
}

#[test]
fn a_caller_who_leaves_before_the_answer_completes_what_was_joined() {
    for (given, reason) in [
        (None, "completed"),
        (Some(CallEndReason::Failed), "failed"),
        (Some(CallEndReason::Cancelled), "cancelled"),
        (Some(CallEndReason::Missed), "completed"),
    ] {
        let mut story = Story::direct();
        story.join("bob");
        story.say("alice", Command::End { reason: given });
        assert_eq!(story.reason(), reason);
    }
}
