//! Stories of a session on virtual time: what the server, the network and the app do, and what
//! the session makes of it. Here is how they are told; the stories are in the files below.

mod acks;
mod connecting;
mod frames;
mod reconnecting;
mod tokens;

use std::time::Duration;

use ringwire_protocol::auth::{Identity, TokenType};
use ringwire_protocol::client::{Nothing, OfCall};
use ringwire_protocol::{Ack, Auth, CallId, ClientEvent, ErrorCode, Instant, ServerEvent, timers};

use super::{AckFailure, Input, Output, Session, SessionConfig, SignalingEvent as E};
use crate::limits::*;

const OPEN_FRAME: &str =
    r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
const ADMITTED: &str = r#"40{"sid":"s"}"#;
const AUTHENTICATED_FRAME: &str = r#"42["authenticated",{"success":true,"user":{"id":"u1"},"version":"9","capabilities":["ringing"]}]"#;

/// A session, its time, and what came out of it since the last look.
struct Story {
    session: Session,
    now: Instant,
    sent: Vec<String>,
    events: Vec<E>,
    wants: Vec<&'static str>,
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

fn heartbeat() -> ClientEvent {
    ClientEvent::Heartbeat(OfCall {
        call_id: CallId::new("c1").unwrap(),
    })
}

impl Story {
    fn with(token: &str, seed: u64) -> Self {
        let session = Session::new(SessionConfig {
            auth: auth(token),
            seed,
        });
        Self {
            session,
            now: Instant::from_millis(1_000_000),
            sent: vec![],
            events: vec![],
            wants: vec![],
        }
    }

    fn new() -> Self {
        Self::with("t1", 42)
    }

    /// Up to a connection, with nothing left to look at.
    fn connected() -> Self {
        let mut story = Self::new();
        story.input(Input::Start);
        story.connect();
        story.look();
        story
    }

    fn input(&mut self, input: Input) {
        self.session.handle(input, self.now);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Open => self.wants.push("open"),
                Output::Probe => self.wants.push("probe"),
                Output::CloseSocket { goodbye: true } => self.wants.push("goodbye"),
                Output::CloseSocket { goodbye: false } => self.wants.push("drop"),
                Output::SendText(text) => self.sent.push(text),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.input(Input::SocketText(text.into()));
    }

    fn texts(&mut self, texts: &[&str]) {
        texts.iter().for_each(|text| self.text(text));
    }

    fn connect(&mut self) {
        self.input(Input::SocketOpened);
        self.texts(&[OPEN_FRAME, ADMITTED, AUTHENTICATED_FRAME]);
    }

    fn lose(&mut self) -> Duration {
        self.input(Input::SocketFailed {
            reason: "gone".into(),
        });
        self.retry_in()
    }

    /// The wait that the last loss told.
    fn retry_in(&self) -> Duration {
        let told = self.events.iter().rev().find_map(|event| match event {
            E::Lost { retry_in, .. } => Some(*retry_in),
            _ => None,
        });
        told.expect("it was told that the connection is lost")
    }

    /// Time passes, with a tick whenever the session asks for one.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.input(Input::Tick);
        }
        self.now = end;
    }

    /// What came out since the last look.
    fn look(&mut self) -> (Vec<E>, Vec<String>, Vec<&'static str>) {
        (
            std::mem::take(&mut self.events),
            std::mem::take(&mut self.sent),
            std::mem::take(&mut self.wants),
        )
    }

    fn reason(&self) -> &str {
        let told = self.events.iter().rev().find_map(|event| match event {
            E::Lost { reason, .. } => Some(reason.as_str()),
            _ => None,
        });
        told.expect("it was told that the connection is lost")
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
