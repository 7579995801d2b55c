//! Stories of waits between attempts and of networks that change.

use super::*;

#[test]
fn attempts_come_under_a_bound_that_doubles_to_seven_seconds() {
    for seed in 0..20 {
        let mut story = Story::with("t1", seed);
        story.input(Input::Start);
        for failure in 0..12u32 {
            assert_eq!(
                story.events.pop(),
                Some(E::Connecting {
                    attempt: failure + 1
                })
            );
            let bound = (timers::BACKOFF_MIN * 2u32.pow(failure.min(10))).min(timers::BACKOFF_MAX);
            let wait = story.lose();
            assert!(wait <= bound, "{wait:?} after {failure}");
            story.pass(wait);
        }
    }
}

#[test]
fn only_a_connection_that_held_begins_the_back_off_anew() {
    let mut story = Story::new();
    story.input(Input::Start);
    for _ in 0..5 {
        let wait = story.lose();
        story.pass(wait);
    }
    story.connect();
    story.pass(STABLE - Duration::from_millis(1));
    let wait = story.lose();
    story.pass(wait);
    assert_eq!(story.events.last(), Some(&E::Connecting { attempt: 7 }));
    story.connect();
    story.pass(STABLE);
    let wait = story.lose();
    assert!(wait <= timers::BACKOFF_MIN);
    story.pass(wait);
    assert_eq!(story.events.last(), Some(&E::Connecting { attempt: 2 }));
}

/// A session whose seed gives it two waits of over three seconds after some failures, in the
/// second of them: a network change has just ended the first.
fn hurried(seed: u64) -> Option<Story> {
    let mut story = Story::with("t1", seed);
    story.input(Input::Start);
    for _ in 0..8 {
        let wait = story.lose();
        story.pass(wait);
    }
    let first = story.lose();
    story.look();
    story.input(Input::NetworkChanged);
    assert_eq!(story.look().2, ["open"]);
    let second = story.lose();
    (first > secs(3) && second > secs(3)).then_some(story)
}

#[test]
fn a_network_change_ends_a_wait_at_once_but_only_once_a_second() {
    let story = (0..100).find_map(hurried);
    let mut story = story.expect("a seed with two long waits");
    story.look();
    for _ in 0..10 {
        story.input(Input::NetworkChanged);
        story.pass(HURRY / 20);
    }
    assert!(story.look().2.is_empty());
    story.pass(HURRY / 2 - Duration::from_micros(1));
    assert!(story.look().2.is_empty());
    story.pass(Duration::from_micros(1));
    assert_eq!(story.look().2, ["open"]);
}

#[test]
fn a_network_change_begins_an_unfinished_attempt_anew() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.look();
    story.input(Input::NetworkChanged);
    let (events, _, wants) = story.look();
    assert_eq!(events, [E::Connecting { attempt: 1 }]);
    assert_eq!(wants, ["drop", "open"]);
    story.input(Input::SocketOpened);
    story.input(Input::NetworkChanged);
    assert_eq!(story.look().2, ["drop"]);
    story.pass(HURRY);
    assert_eq!(story.look().2, ["open"]);
}

#[test]
fn a_connection_that_outlives_a_network_change_is_kept() {
    let mut story = Story::connected();
    story.input(Input::NetworkChanged);
    story.input(Input::NetworkChanged);
    assert_eq!(story.look().2, ["probe"]);
    story.pass(PROBE / 2);
    story.input(Input::SocketAlive);
    story.pass(secs(20));
    assert_eq!(story.look(), (vec![], vec![], vec![]));
}

#[test]
fn a_connection_that_dies_of_a_network_change_is_tried_again_at_once() {
    let mut story = Story::connected();
    story.pass(secs(20));
    story.input(Input::NetworkChanged);
    story.look();
    story.pass(PROBE);
    assert_eq!(story.retry_in(), Duration::ZERO);
    assert_eq!(story.look().2, ["drop", "open"]);
}

#[test]
fn a_server_that_disconnects_us_is_tried_again() {
    for (frame, reason) in [
        ("41", "the server disconnected us"),
        ("1", "the server closed the session"),
    ] {
        let mut story = Story::connected();
        story.text(frame);
        assert_eq!(story.reason(), reason);
        story.pass(timers::BACKOFF_MAX);
        assert_eq!(story.look().2, ["drop", "open"]);
    }
}
