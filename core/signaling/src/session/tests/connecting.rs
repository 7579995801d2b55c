//! Stories of a connection that is made, in good and in bad ways, and of its end.

use super::*;

#[test]
fn it_connects_once_connect_is_acked_and_authenticated_is_there() {
    let mut story = Story::new();
    assert_eq!(story.session.poll_timeout(), None);
    story.input(Input::Start);
    let (events, _, wants) = story.look();
    assert_eq!(events, [E::Connecting { attempt: 1 }]);
    assert_eq!(wants, ["open"]);

    story.input(Input::SocketOpened);
    assert!(story.sent.is_empty());
    story.text(OPEN_FRAME);
    assert_eq!(
        story.look().1,
        [r#"40{"authToken":"t1","tokenType":"jwt"}"#]
    );
    story.text(ADMITTED);
    assert!(story.events.is_empty());
    story.text(AUTHENTICATED_FRAME);
    let (events, _, _) = story.look();
    let [E::Connected(who)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(who.user.id.as_str(), "u1");
    assert_eq!(who.version.as_deref(), Some("9"));
    assert_eq!(who.capabilities.len(), 1);
    story.input(Input::Start);
    assert_eq!(story.look(), (vec![], vec![], vec![]));
}

#[test]
fn a_server_without_authenticated_is_taken_at_its_answer() {
    // {"sub":"alice"}
    let mut story = Story::with("e30.eyJzdWIiOiJhbGljZSJ9.sig", 1);
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.texts(&[OPEN_FRAME, ADMITTED]);
    story.look();
    story.pass(AUTHENTICATED);
    let (events, _, _) = story.look();
    let [E::Connected(who)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(who.user.id.as_str(), "alice");
    story.text(AUTHENTICATED_FRAME);
    let (events, _, _) = story.look();
    assert!(matches!(
        &events[..],
        [E::Event(ServerEvent::Authenticated(who))] if who.user.id.as_str() == "u1"
    ));
}

#[test]
fn a_server_that_never_says_who_we_are_is_lost() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.texts(&[OPEN_FRAME, ADMITTED]);
    story.pass(AUTHENTICATED);
    assert_eq!(story.reason(), "the server does not say who we are");
}

#[test]
fn events_before_authenticated_are_told_after_it() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    let ended = r#"42["call:ended",{"callId":"c1","duration":1}]"#;
    story.texts(&[OPEN_FRAME, ADMITTED, ended]);
    story.look();
    story.text(AUTHENTICATED_FRAME);
    let (events, _, _) = story.look();
    assert!(matches!(
        &events[..],
        [E::Connected(_), E::Event(ServerEvent::Ended(_))]
    ));
}

#[test]
fn more_early_events_than_the_bound_are_bad_frames() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.texts(&[OPEN_FRAME, ADMITTED]);
    story.look();
    for _ in 0..=MAX_EARLY {
        story.text(r#"42["call:ended",{"callId":"c1","duration":1}]"#);
    }
    assert!(matches!(story.look().0[..], [E::BadFrame { count: 1, .. }]));
    story.text(AUTHENTICATED_FRAME);
    assert_eq!(story.look().0.len(), 1 + MAX_EARLY);
}

#[test]
fn a_server_whose_answer_to_connect_is_slow_is_not_silent() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.text(r#"0{"sid":"e","pingInterval":3000,"pingTimeout":2000,"maxPayload":1000000}"#);
    story.look();
    story.pass(secs(6));
    story.text(ADMITTED);
    story.pass(secs(2));
    story.text(AUTHENTICATED_FRAME);
    assert!(matches!(story.look().0[..], [E::Connected(_)]));
}

#[test]
fn each_step_to_a_connection_has_its_time() {
    let steps: [(&[Input], Duration, &str); 3] = [
        (&[], OPEN, "the socket did not open in time"),
        (
            &[Input::SocketOpened],
            HANDSHAKE,
            "the server did not answer the handshake in time",
        ),
        (
            &[Input::SocketOpened, Input::SocketText(OPEN_FRAME.into())],
            HANDSHAKE,
            "the server did not answer the handshake in time",
        ),
    ];
    for (inputs, span, reason) in steps {
        let mut story = Story::new();
        story.input(Input::Start);
        for input in inputs {
            story.input(input.clone());
        }
        story.pass(span - Duration::from_micros(1));
        assert_eq!(story.wants, ["open"]);
        story.look();
        story.now = story.now + Duration::from_micros(1);
        story.input(Input::Tick);
        assert_eq!(story.reason(), reason);
        assert_eq!(story.wants, ["drop"]);
    }
}

#[test]
fn a_server_of_another_kind_is_lost_at_its_first_frame() {
    for frame in ["hello", "2", "0nonsense", r#"{"type":"welcome"}"#] {
        let mut story = Story::new();
        story.input(Input::Start);
        story.input(Input::SocketOpened);
        story.text(frame);
        assert!(story.reason().contains("Engine.IO 4"), "{frame}");
        assert!(story.sent.is_empty());
    }
}

#[test]
fn close_says_goodbye_fails_acks_and_is_the_end() {
    let mut story = Story::connected();
    story.input(Input::Emit {
        event: heartbeat(),
        ack: Some(1),
    });
    story.look();
    story.input(Input::Close);
    let (events, sent, wants) = story.look();
    assert!(matches!(events[..], [E::Ack { op: 1, .. }, E::Closed]));
    assert_eq!(sent, ["41"]);
    assert_eq!(wants, ["goodbye"]);
    assert!(story.session.is_closed());
    for input in [
        Input::Start,
        Input::Close,
        Input::NetworkChanged,
        Input::SetAuth(auth("t2")),
        Input::SocketText("2".into()),
        Input::SocketOpened,
        Input::Tick,
    ] {
        story.input(input);
    }
    story.pass(secs(3600));
    assert_eq!(story.look(), (vec![], vec![], vec![]));
}

#[test]
fn no_output_shows_a_token() {
    let mut story = Story::with("top-secret", 1);
    story.input(Input::Start);
    story.session.handle(Input::SocketOpened, story.now);
    let open = Input::SocketText(OPEN_FRAME.into());
    story.session.handle(open, story.now);
    let output = story.session.poll_output().unwrap();
    assert!(matches!(&output, Output::SendText(text) if text.contains("top-secret")));
    assert!(!format!("{output:?}").contains("top-secret"));
    assert!(!format!("{:?}", story.session).contains("top-secret"));
}
