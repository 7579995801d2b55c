//! Stories of tokens that are refused, expire and are replaced.

use super::*;

#[test]
fn a_refused_token_is_never_tried_again_and_a_new_one_at_once() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.text(OPEN_FRAME);
    story.look();
    story.text(r#"44{"message":"bad token","data":{"code":"NOT_AUTHENTICATED"}}"#);
    let (events, _, wants) = story.look();
    let refused = E::Refused {
        code: ErrorCode::NotAuthenticated,
        message: "bad token".into(),
    };
    assert_eq!(events, std::slice::from_ref(&refused));
    assert_eq!(wants, ["goodbye"]);

    story.pass(secs(3600));
    story.input(Input::NetworkChanged);
    story.input(Input::Start);
    assert_eq!(story.look(), (vec![], vec![], vec![]));
    assert_eq!(story.session.poll_timeout(), None);

    story.input(Input::SetAuth(auth("t1")));
    assert_eq!(story.look(), (vec![refused], vec![], vec![]));

    story.input(Input::SetAuth(auth("t2")));
    let (events, _, wants) = story.look();
    assert_eq!(events, [E::Connecting { attempt: 1 }]);
    assert_eq!(wants, ["open"]);
    story.connect();
    let (events, sent, _) = story.look();
    assert!(sent[0].contains("t2"));
    assert!(matches!(events[..], [E::Connected(_)]));
}

#[test]
fn a_token_that_comes_while_the_old_one_is_refused_is_used_at_once() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.text(OPEN_FRAME);
    story.input(Input::SetAuth(auth("t2")));
    story.look();
    story.text(r#"44{"message":"bad token"}"#);
    let (events, _, wants) = story.look();
    assert!(matches!(
        events[..],
        [E::Lost { .. }, E::Connecting { attempt: 1 }]
    ));
    assert_eq!(wants, ["goodbye", "open"]);
}

#[test]
fn a_server_that_is_busy_refuses_no_token() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.texts(&[
        OPEN_FRAME,
        r#"44{"message":"slowly","data":{"code":"RATE_LIMIT_EXCEEDED"}}"#,
    ]);
    assert_eq!(story.reason(), "RATE_LIMIT_EXCEEDED: slowly");
    story.pass(timers::BACKOFF_MIN);
    assert_eq!(story.wants, ["open", "drop", "open"]);
}

#[test]
fn a_code_before_the_words_counts_if_it_is_known() {
    let refusal = |words: &str| {
        let mut story = Story::new();
        story.input(Input::Start);
        story.input(Input::SocketOpened);
        story.text(OPEN_FRAME);
        story.text(&format!(r#"44{{"message":"{words}"}}"#));
        story.events.pop().unwrap()
    };
    let busy = refusal("RATE_LIMIT_EXCEEDED: slowly");
    assert!(matches!(busy, E::Lost { .. }), "{busy:?}");
    for (words, code) in [
        ("NOT_A_PARTICIPANT: not you", ErrorCode::NotAParticipant),
        ("Sorry: not you", ErrorCode::NotAuthenticated),
    ] {
        let message = words.into();
        assert_eq!(refusal(words), E::Refused { code, message });
    }
}

#[test]
fn connect_errors_of_any_shape_refuse_the_token() {
    for (frame, words) in [
        ("44", ""),
        (r#"44"Invalid namespace""#, "Invalid namespace"),
        (r#"44{"message":"no","data":"text"}"#, "no"),
        (r#"44{"message":7}"#, ""),
        ("44[1]", ""),
    ] {
        let mut story = Story::new();
        story.input(Input::Start);
        story.input(Input::SocketOpened);
        story.texts(&[OPEN_FRAME, frame]);
        let refused = E::Refused {
            code: ErrorCode::NotAuthenticated,
            message: words.into(),
        };
        assert_eq!(story.events.last(), Some(&refused), "{frame}");
    }
}

#[test]
fn an_expired_token_waits_for_another() {
    let mut story = Story::connected();
    story.input(Input::Emit {
        event: heartbeat(),
        ack: Some(1),
    });
    story.look();
    story.text(r#"42["auth:token-expired",{"code":"TOKEN_EXPIRED","message":"too old"}]"#);
    let (events, _, wants) = story.look();
    assert!(
        matches!(&events[..], [E::Ack { op: 1, .. }, E::TokenExpired { code, .. }] if code == "TOKEN_EXPIRED")
    );
    assert_eq!(wants, ["goodbye"]);
    story.pass(secs(3600));
    assert_eq!(story.look().2.len(), 0);
    story.input(Input::SetAuth(auth("t2")));
    assert_eq!(story.look().2, ["open"]);
}

#[test]
fn a_fresh_token_in_good_time_is_used_by_the_next_connection() {
    let mut story = Story::connected();
    story.input(Input::SetAuth(auth("t2")));
    assert_eq!(story.look(), (vec![], vec![], vec![]));
    story.lose();
    story.pass(timers::BACKOFF_MAX);
    story.connect();
    assert!(story.look().1[0].contains("t2"));
}

#[test]
fn authenticated_without_success_refuses_the_token() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.texts(&[
        OPEN_FRAME,
        ADMITTED,
        r#"42["authenticated",{"success":false,"user":{"id":"x"}}]"#,
    ]);
    assert!(matches!(story.events.last(), Some(E::Refused { .. })));
}
