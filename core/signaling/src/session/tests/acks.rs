//! Stories of emits and their answers.

use super::*;

#[test]
fn an_answer_is_told_under_the_callers_name() {
    let mut story = Story::connected();
    story.input(Input::Emit {
        event: ClientEvent::CheckActive(Nothing {}),
        ack: Some(7),
    });
    story.input(Input::Emit {
        event: heartbeat(),
        ack: Some(8),
    });
    assert_eq!(
        story.look().1,
        [
            r#"420["call:check-active"]"#,
            r#"421["call:heartbeat",{"callId":"c1"}]"#
        ]
    );
    story.texts(&[
        r#"431[{"status":"active","version":3}]"#,
        r#"430[{"calls":[]}]"#,
    ]);
    let (events, _, _) = story.look();
    assert!(matches!(
        &events[..],
        [
            E::Ack {
                op: 8,
                outcome: Ok(Ack::Heartbeat(_))
            },
            E::Ack {
                op: 7,
                outcome: Ok(Ack::Active(_))
            },
        ]
    ));
}

#[test]
fn a_refusal_and_an_unreadable_answer_are_told_apart() {
    let mut story = Story::connected();
    for op in [1, 2] {
        story.input(Input::Emit {
            event: heartbeat(),
            ack: Some(op),
        });
    }
    story.texts(&[
        r#"430[{"success":false,"error":{"code":"NOT_IN_CALL","message":"no"}}]"#,
        r#"431["what?"]"#,
    ]);
    let (events, _, _) = story.look();
    assert!(matches!(
        &events[..],
        [
            E::Ack { op: 1, outcome: Err(AckFailure::Refused(error)) },
            E::Ack { op: 2, outcome: Err(AckFailure::Malformed(_)) },
        ] if error.code == ErrorCode::NotInCall
    ));
}

#[test]
fn an_ack_that_does_not_come_times_out_and_a_late_one_is_ignored() {
    let mut story = Story::connected();
    story.input(Input::Emit {
        event: heartbeat(),
        ack: Some(5),
    });
    story.look();
    story.pass(timers::ACK);
    let (events, _, _) = story.look();
    assert_eq!(
        events,
        [E::Ack {
            op: 5,
            outcome: Err(AckFailure::Timeout)
        }]
    );
    story.texts(&[r#"430[{"status":"active"}]"#, r#"4399[{}]"#]);
    assert!(story.look().0.is_empty());
}

#[test]
fn acks_in_flight_fail_when_the_connection_is_lost_and_never_match_later() {
    let mut story = Story::connected();
    story.input(Input::Emit {
        event: heartbeat(),
        ack: Some(1),
    });
    story.look();
    story.lose();
    let (events, _, _) = story.look();
    assert!(matches!(
        &events[..],
        [
            E::Ack {
                op: 1,
                outcome: Err(AckFailure::Disconnected)
            },
            E::Lost { .. }
        ]
    ));
    story.pass(timers::BACKOFF_MAX);
    story.connect();
    story.input(Input::Emit {
        event: heartbeat(),
        ack: Some(2),
    });
    story.look();
    story.text(r#"430[{"status":"active"}]"#);
    assert!(story.look().0.is_empty());
    story.text(r#"431[{"status":"active"}]"#);
    assert!(matches!(story.look().0[..], [E::Ack { op: 2, .. }]));
}

#[test]
fn no_more_answers_are_awaited_than_the_bound() {
    let mut story = Story::connected();
    for op in 0..=MAX_ACKS as u64 {
        story.input(Input::Emit {
            event: heartbeat(),
            ack: Some(op),
        });
    }
    let (events, sent, _) = story.look();
    assert_eq!(sent.len(), MAX_ACKS);
    assert_eq!(
        events,
        [E::Ack {
            op: MAX_ACKS as u64,
            outcome: Err(AckFailure::TooMany)
        }]
    );
}

#[test]
fn without_a_connection_emits_fail_or_are_dropped() {
    let mut story = Story::new();
    for ack in [Some(1), None] {
        story.input(Input::Emit {
            event: heartbeat(),
            ack,
        });
    }
    let (events, sent, _) = story.look();
    assert!(sent.is_empty());
    assert_eq!(
        events,
        [E::Ack {
            op: 1,
            outcome: Err(AckFailure::Disconnected)
        }]
    );
}

#[test]
fn an_event_longer_than_the_server_takes_is_not_sent() {
    let mut story = Story::new();
    story.input(Input::Start);
    story.input(Input::SocketOpened);
    story.texts(&[
        r#"0{"sid":"e","maxPayload":30}"#,
        ADMITTED,
        AUTHENTICATED_FRAME,
    ]);
    story.look();
    for ack in [Some(1), None] {
        story.input(Input::Emit {
            event: heartbeat(),
            ack,
        });
    }
    let (events, sent, _) = story.look();
    assert!(sent.is_empty());
    assert!(matches!(
        &events[..],
        [
            E::Ack {
                op: 1,
                outcome: Err(AckFailure::Malformed(_))
            },
            E::BadFrame { count: 1, .. }
        ]
    ));
}
