//! What the server says, frame by frame: handshake, CONNECT and its answers, pings, events, acks.
//! What the app wants, and deadlines, are next door.

use std::time::Duration;

use ringwire_protocol::auth::{ConnectError, TokenExpired};
use ringwire_protocol::{Authenticated, ErrorCode, Instant, ServerEvent};
use serde_json::Value;

use super::{AckFailure, Link, Output, Session, SignalingEvent, State};
use crate::codec::{CodecError, EnginePacket, Handshake, Packet};
use crate::limits::{AUTHENTICATED, MAX_BAD_FRAMES_TOLD, MAX_EARLY, told};

impl Session {
    /// Takes in a text frame.
    pub(super) fn text(&mut self, text: &str, now: Instant) {
        if !self.socket_is_open() {
            return;
        }
        self.heard(now);
        let packet = EnginePacket::decode(text);
        if matches!(self.state, State::Handshaking { greeted: None, .. }) {
            return self.greeting(packet, now);
        }
        match packet {
            Ok(EnginePacket::Ping(data)) => self.send(EnginePacket::Pong(data).encode()),
            Ok(EnginePacket::Close) => self.drop_socket("the server closed the session", now),
            Ok(EnginePacket::Message(packet)) => self.packet(packet, now),
            Ok(EnginePacket::Pong(_) | EnginePacket::Noop | EnginePacket::Upgrade) => {}
            Ok(EnginePacket::Open(_)) => self.bad_frame("a second handshake"),
            Err(error) => self.bad_frame(&error.to_string()),
        }
    }

    /// Takes in a binary frame, which the contract does not have.
    pub(super) fn binary(&mut self, now: Instant) {
        if self.socket_is_open() {
            self.heard(now);
            self.bad_frame("a binary frame");
        }
    }

    /// The server lives.
    pub(super) fn heard(&mut self, now: Instant) {
        let link = match &mut self.state {
            State::Handshaking { greeted, .. } => greeted.as_mut().map(|(link, _)| link),
            State::Authenticating { link, .. } | State::Connected { link, .. } => Some(link),
            _ => None,
        };
        if let Some(link) = link {
            link.heard = now;
            link.probe = None;
        }
    }

    /// The first frame: Engine.IO's `open`. It is answered with CONNECT.
    fn greeting(&mut self, packet: Result<EnginePacket, CodecError>, now: Instant) {
        let handshake = match packet {
            Ok(EnginePacket::Open(handshake)) => handshake,
            Ok(_) => return self.drop_socket("the server does not speak Engine.IO 4", now),
            Err(error) => {
                let reason = format!("the server does not speak Engine.IO 4: {error}");
                return self.drop_socket(&reason, now);
            }
        };
        let State::Handshaking { greeted, .. } = &mut self.state else {
            return;
        };
        *greeted = Some((Link::new(&handshake, now), self.auth.identity.clone()));
        // Strings and lists of strings: writing cannot fail.
        let auth = serde_json::to_value(&self.auth).unwrap_or_default();
        self.send(Packet::Connect(auth).encode());
    }

    fn packet(&mut self, packet: Packet, now: Instant) {
        match packet {
            Packet::Connect(_) => self.admitted(now),
            Packet::ConnectError(payload) => self.refused(payload, now),
            Packet::Disconnect => self.drop_socket("the server disconnected us", now),
            Packet::Event { ack, name, args } => {
                let payload = args.into_iter().next().unwrap_or_default();
                match ServerEvent::parse(&name, payload) {
                    Ok(event) => {
                        if let Some(id) = ack {
                            self.send(Packet::Ack { id, args: vec![] }.encode());
                        }
                        self.event(event, now);
                    }
                    Err(error) => self.bad_frame(&error.to_string()),
                }
            }
            Packet::Ack { id, args } => self.answer(id, args),
            Packet::Binary => self.bad_frame("a binary packet"),
        }
    }

    /// CONNECT was answered well.
    fn admitted(&mut self, now: Instant) {
        if let State::Handshaking { greeted, .. } = &mut self.state
            && let Some((link, identity)) = greeted.take()
        {
            self.state = State::Authenticating {
                deadline: now + AUTHENTICATED,
                link,
                identity,
                early: Vec::new(),
            };
        }
    }

    /// CONNECT was answered badly.
    fn refused(&mut self, payload: Value, now: Instant) {
        let (code, message) = refusal(payload);
        if matches!(
            code,
            ErrorCode::RateLimitExceeded | ErrorCode::ConnectionFailed
        ) {
            return self.drop_socket(&format!("{code}: {message}"), now);
        }
        self.needs_token(SignalingEvent::Refused { code, message }, now);
    }

    fn event(&mut self, event: ServerEvent, now: Instant) {
        match (event, &mut self.state) {
            (ServerEvent::Unknown { .. }, _) => {}
            (ServerEvent::TokenExpired(TokenExpired { code, message }), _) => {
                let (code, message) = (told(&code), told(&message));
                self.needs_token(SignalingEvent::TokenExpired { code, message }, now);
            }
            (ServerEvent::Authenticated(who), State::Authenticating { .. }) => {
                if who.success {
                    self.connected(who, now);
                } else {
                    let code = ErrorCode::NotAuthenticated;
                    let message = "the server did not authenticate us".into();
                    self.needs_token(SignalingEvent::Refused { code, message }, now);
                }
            }
            (event, State::Authenticating { early, .. }) if early.len() < MAX_EARLY => {
                early.push(event);
            }
            (event, State::Connected { .. }) => self.tell(SignalingEvent::Event(event)),
            (event, _) => self.bad_frame(&format!("{} came too early", event.name())),
        }
    }

    fn answer(&mut self, id: u64, args: Vec<Value>) {
        let Some(awaited) = self.acks.take(id) else {
            // Late, or for nobody.
            return;
        };
        let answer = args.into_iter().next().unwrap_or_default();
        let outcome = match awaited.kind.parse(answer) {
            Ok(Ok(ack)) => Ok(ack),
            Ok(Err(error)) => Err(AckFailure::Refused(error)),
            Err(error) => Err(AckFailure::Malformed(told(&error.to_string()))),
        };
        self.tell_ack(awaited.op, outcome);
    }

    /// We know who we are: events may flow.
    pub(super) fn connected(&mut self, who: Authenticated, now: Instant) {
        let before = std::mem::replace(&mut self.state, State::Idle);
        let State::Authenticating {
            link,
            identity,
            early,
            ..
        } = before
        else {
            self.state = before;
            return;
        };
        self.state = State::Connected {
            since: now,
            link,
            identity,
        };
        self.tell(SignalingEvent::Connected(who));
        for event in early {
            self.tell(SignalingEvent::Event(event));
        }
    }

    /// The token is no good; unless there is a newer one already, the app is asked.
    fn needs_token(&mut self, told: SignalingEvent, now: Instant) {
        let refused = match &mut self.state {
            State::Handshaking { greeted, .. } => greeted.take().map(|(_, identity)| identity),
            State::Authenticating { identity, .. } | State::Connected { identity, .. } => {
                Some(identity.clone())
            }
            _ => None,
        };
        let Some(refused) = refused else {
            return;
        };
        self.fail_acks();
        self.outputs
            .push_back(Output::CloseSocket { goodbye: true });
        if refused != self.auth.identity {
            self.tell(SignalingEvent::Lost {
                reason: "the server wants another token".into(),
                retry_in: Duration::ZERO,
            });
            return self.open(now);
        }
        self.tell(told.clone());
        self.state = State::NeedsToken {
            refused,
            told: Box::new(told),
        };
    }

    /// Something could not be read or sent: told, up to a bound, and counted.
    pub(super) fn bad_frame(&mut self, problem: &str) {
        self.bad_frames = self.bad_frames.saturating_add(1);
        if self.bad_frames <= MAX_BAD_FRAMES_TOLD {
            self.tell(SignalingEvent::BadFrame {
                problem: told(problem),
                count: self.bad_frames,
            });
        }
    }
}

impl Link {
    fn new(handshake: &Handshake, now: Instant) -> Self {
        Self {
            silence: handshake.ping_interval + handshake.ping_timeout,
            heard: now,
            probe: None,
            max_payload: handshake.max_payload,
        }
    }
}

/// `CODE: words`, from servers whose Socket.IO library sends no `data`.
fn code_before_words(words: &str) -> Option<ErrorCode> {
    let (code, _) = words.split_once(": ")?;
    Some(ErrorCode::from(code)).filter(|code| !code.is_unknown())
}

/// Code and words of a CONNECT_ERROR, whatever shape other servers give it.
fn refusal(payload: Value) -> (ErrorCode, String) {
    let words = match &payload {
        Value::String(words) => words.clone(),
        payload => payload
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    };
    let code = ConnectError::parse(payload)
        .ok()
        .and_then(|error| error.data?.code)
        .or_else(|| code_before_words(&words))
        .unwrap_or(ErrorCode::NotAuthenticated);
    (code, told(&words))
}
