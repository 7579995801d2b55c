//! Stories of what the server says: pings, silence, odd frames.

use super::*;

#[test]
fn pings_are_answered_with_their_data() {
    let mut story = Story::connected();
    story.texts(&["2", "2probe"]);
    assert_eq!(story.look().1, ["3", "3probe"]);
}

#[test]
fn a_server_that_pings_is_kept_for_ever() {
    let mut story = Story::connected();
    for _ in 0..100 {
        story.pass(timers::PING_INTERVAL);
        story.text("2");
    }
    assert!(story.look().0.is_empty());
}

#[test]
fn a_silent_server_is_lost_after_interval_and_time_out() {
    let mut story = Story::connected();
    let silence = timers::PING_INTERVAL + timers::PING_TIMEOUT;
    story.pass(silence - Duration::from_micros(1));
    assert!(story.events.is_empty());
    story.pass(Duration::from_micros(1));
    assert_eq!(story.reason(), "the server fell silent");
    assert_eq!(story.wants, ["drop"]);
}

#[test]
fn any_frame_is_a_sign_of_life() {
    let mut story = Story::connected();
    let almost = timers::PING_INTERVAL + timers::PING_TIMEOUT - Duration::from_millis(1);
    for input in [
        Input::SocketText("6".into()),
        Input::SocketAlive,
        Input::SocketText("garbage".into()),
        Input::SocketBinary,
    ] {
        story.pass(almost);
        story.input(input);
    }
    story.pass(almost);
    let lost = story.events.iter().any(|e| matches!(e, E::Lost { .. }));
    assert!(!lost);
}

#[test]
fn a_busy_machine_that_reads_a_ping_late_stays_connected() {
    let mut story = Story::connected();
    // Nothing ran for two minutes; then the ping that waited in the socket is read.
    story.now = story.now + secs(120);
    story.text("2");
    story.input(Input::Tick);
    assert_eq!(story.look(), (vec![], vec!["3".into()], vec![]));
}

#[test]
fn a_phone_that_slept_finds_its_connection_lost() {
    let mut story = Story::connected();
    story.now = story.now + secs(600);
    story.input(Input::Emit {
        event: heartbeat(),
        ack: Some(1),
    });
    let (events, sent, _) = story.look();
    assert!(sent.is_empty());
    assert!(matches!(
        &events[..],
        [
            E::Lost { .. },
            E::Ack {
                op: 1,
                outcome: Err(AckFailure::Disconnected)
            }
        ]
    ));
}

#[test]
fn what_cannot_be_read_is_told_up_to_a_bound_and_breaks_nothing() {
    let mut story = Story::connected();
    for frame in [
        "",
        "x",
        "42",
        r#"42["call:ended",{}]"#,
        r#"451-["a",{"_placeholder":true,"num":0}]"#,
        r#"42/admin,["x"]"#,
        OPEN_FRAME,
    ] {
        story.text(frame);
    }
    let (events, _, _) = story.look();
    let problems: Vec<_> = events
        .iter()
        .map(|event| match event {
            E::BadFrame { problem, .. } => problem.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(problems.len(), 7);
    assert!(problems[3].contains("callId"), "{}", problems[3]);
    for _ in 0..100 {
        story.text(&"y".repeat(5000));
    }
    let (events, _, _) = story.look();
    assert_eq!(events.len(), MAX_BAD_FRAMES_TOLD as usize - 7);
    story.text(r#"42["call:ended",{"callId":"c1","duration":1}]"#);
    assert!(matches!(story.look().0[..], [E::Event(_)]));
}

#[test]
fn unknown_events_are_left_out_and_wanted_acks_are_given() {
    let mut story = Story::connected();
    story.texts(&[
        r#"42["presence:changed",{"x":1}]"#,
        r#"4215["call:ended",{"callId":"c1","duration":1}]"#,
    ]);
    let (events, sent, _) = story.look();
    assert!(matches!(events[..], [E::Event(ServerEvent::Ended(_))]));
    assert_eq!(sent, ["4315[]"]);
}
