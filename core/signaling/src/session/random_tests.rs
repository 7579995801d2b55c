//! Any inputs in any order: what always holds.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use ringwire_protocol::auth::{Identity, TokenType};
use ringwire_protocol::client::OfCall;
use ringwire_protocol::{Auth, CallId, ClientEvent, Instant};

use super::{Input, Output, Session, SessionConfig, SignalingEvent};

/// What may happen, with the time before it.
#[derive(Debug, Clone)]
enum Step {
    Input(Input),
    /// The server does its part of a good connection.
    GoodServer,
    Emit(bool),
    /// Time passes up to the session's own deadline.
    Deadline,
}

fn auth(token: &str) -> Auth {
    Auth {
        identity: Identity::User {
            auth_token: token.into(),
            token_type: TokenType::Jwt,
        },
        client: None,
    }
}

fn frame() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"0{"sid":"e","pingInterval":25000,"pingTimeout":20000,"maxPayload":60}"#.into()),
        Just(r#"40{"sid":"s"}"#.into()),
        Just(r#"42["authenticated",{"success":true,"user":{"id":"u1"}}]"#.into()),
        Just(r#"42["authenticated",{"success":false,"user":{"id":"u1"}}]"#.into()),
        Just(r#"42["auth:token-expired",{}]"#.into()),
        Just(r#"423["call:ended",{"callId":"c","duration":1}]"#.into()),
        Just(r#"44{"message":"no"}"#.into()),
        Just(r#"44{"data":{"code":"RATE_LIMIT_EXCEEDED"}}"#.into()),
        Just("1".into()),
        Just("2".into()),
        Just("41".into()),
        (0..20u64).prop_map(|id| format!(r#"43{id}[{{"status":"active"}}]"#)),
        "[0-6]?[0-6]?.{0,20}",
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let input = prop_oneof![
        4 => frame().prop_map(Input::SocketText),
        2 => Just(Input::SocketOpened),
        1 => Just(Input::Start),
        1 => Just(Input::SocketBinary),
        1 => Just(Input::SocketAlive),
        1 => Just(Input::SocketClosed { reason: "x".into() }),
        1 => Just(Input::SocketFailed { reason: "x".repeat(1000) }),
        1 => "t[1-3]".prop_map(|token| Input::SetAuth(auth(&token))),
        1 => Just(Input::NetworkChanged),
        1 => Just(Input::Tick),
    ];
    prop_oneof![
        10 => input.prop_map(Step::Input),
        4 => Just(Step::GoodServer),
        4 => any::<bool>().prop_map(Step::Emit),
        4 => Just(Step::Deadline),
    ]
}

/// Watches every output: the socket is used only while it is there, and each ack ends once.
#[derive(Default)]
struct Watch {
    asked: bool,
    open: bool,
    connected: bool,
    closed: bool,
    acks: HashMap<u64, u32>,
}

impl Watch {
    /// What a real socket can bring in this moment.
    fn allows(&self, input: &Input) -> bool {
        match input {
            Input::SocketOpened => self.asked && !self.open,
            Input::SocketText(_) | Input::SocketBinary | Input::SocketAlive => self.open,
            Input::SocketClosed { .. } | Input::SocketFailed { .. } => self.asked,
            _ => true,
        }
    }

    fn input(&mut self, session: &mut Session, input: Input, now: Instant) {
        match &input {
            Input::SocketOpened => self.open = true,
            Input::SocketClosed { .. } | Input::SocketFailed { .. } => {
                (self.asked, self.open) = (false, false);
            }
            _ => {}
        }
        session.handle(input, now);
        while let Some(output) = session.poll_output() {
            match output {
                Output::Open => {
                    assert!(!self.asked, "a second socket");
                    self.asked = true;
                }
                Output::SendText(_) | Output::Probe => assert!(self.open, "no socket to send on"),
                Output::CloseSocket { .. } => {
                    assert!(self.asked, "no socket to close");
                    (self.asked, self.open) = (false, false);
                }
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: SignalingEvent) {
        match event {
            SignalingEvent::Connected(_) => {
                assert!(self.open && !self.connected);
                self.connected = true;
            }
            SignalingEvent::Lost { reason, .. } => {
                assert!(reason.chars().count() <= crate::limits::MAX_TOLD);
                self.connected = false;
            }
            SignalingEvent::Refused { .. } | SignalingEvent::TokenExpired { .. } => {
                self.connected = false;
            }
            SignalingEvent::Connecting { .. } => assert!(!self.connected),
            SignalingEvent::Event(_) => assert!(self.connected),
            SignalingEvent::Ack { op, .. } => *self.acks.entry(op).or_default() += 1,
            SignalingEvent::BadFrame { .. } => {}
            SignalingEvent::Closed => {
                assert!(!self.closed);
                self.closed = true;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_happens_the_socket_is_used_rightly_and_each_ack_ends_once(
        seed in any::<u64>(),
        steps in prop::collection::vec((0..3_000u64, step()), 0..80),
    ) {
        let mut session = Session::new(SessionConfig { auth: auth("t1"), seed });
        let mut watch = Watch::default();
        let mut now = Instant::ZERO;
        let mut ops = 0u64;
        watch.input(&mut session, Input::Start, now);
        for (wait, step) in steps {
            now = now + Duration::from_millis(wait);
            let inputs = match step {
                Step::Input(input) => vec![input],
                Step::GoodServer => vec![
                    Input::SocketOpened,
                    Input::SocketText(r#"0{"sid":"e"}"#.into()),
                    Input::SocketText("40".into()),
                    Input::SocketText(
                        r#"42["authenticated",{"success":true,"user":{"id":"u1"}}]"#.into(),
                    ),
                ],
                Step::Emit(with_ack) => {
                    let ack = with_ack.then_some(ops);
                    ops += u64::from(with_ack);
                    vec![Input::Emit {
                        event: ClientEvent::Heartbeat(OfCall {
                            call_id: CallId::new("c1").unwrap(),
                        }),
                        ack,
                    }]
                }
                Step::Deadline => {
                    now = session.poll_timeout().unwrap_or(now).max(now);
                    vec![Input::Tick]
                }
            };
            for input in inputs {
                if watch.allows(&input) {
                    watch.input(&mut session, input, now);
                }
            }
        }
        watch.input(&mut session, Input::Close, now);
        prop_assert!(watch.closed && !watch.asked);
        prop_assert_eq!(session.poll_timeout(), None);
        prop_assert_eq!(watch.acks.len() as u64, ops);
        prop_assert!(watch.acks.values().all(|count| *count == 1));
    }
}
