//! Stories that pass through the real session and the real JSON: both ends of the socket speak
//! Socket.IO as text here, everywhere else they hand each other values.

use ringwire_call::{AckFailure, Input, OpId};
use ringwire_protocol::auth::{Authenticated, AuthenticatedUser, Identity, TokenType};
use ringwire_protocol::{
    Ack, Auth, CallError, ClientEvent, ClientInfo, ServerEvent, limits, timers,
};
use ringwire_signaling::codec::{EnginePacket, Handshake, Packet};
use ringwire_signaling::session::{AckFailure as Unanswered, Input as Wire, Output, Session};
use ringwire_signaling::{SessionConfig, SignalingEvent};

use crate::device::{Line, NEVER, capabilities};
use crate::laws::Law;
use crate::network::{Down, Up};
use crate::world::{Parcel, World};

impl World {
    // The device's end.

    pub(crate) fn start_session(&mut self, d: usize) {
        let device = &mut self.devices[d];
        let client = ClientInfo {
            name: "sim".to_owned(),
            version: "0".to_owned(),
            platform: "sim".to_owned(),
            device_id: device.id.clone(),
            capabilities: capabilities(),
        };
        let auth = Auth {
            identity: Identity::User {
                auth_token: device.peer.to_string(),
                token_type: TokenType::Jwt,
            },
            client: (!device.plan.old).then_some(client),
        };
        let seed = self.seed;
        device.session = Some(Box::new(Session::new(SessionConfig { auth, seed })));
        device.line = Line::Down { retry_at: NEVER };
        self.session_takes(d, Wire::Start);
    }

    /// Gives the session one input, and does what comes out.
    pub(crate) fn session_takes(&mut self, d: usize, input: Wire) {
        let now = self.now;
        let device = &mut self.devices[d];
        let instant = device.instant(now);
        let Some(session) = &mut device.session else {
            return;
        };
        self.steps += 1;
        session.handle(input, instant);
        // What the store answers comes out of the session again: that is taken up there.
        while let Some(output) = self.devices[d]
            .session
            .as_mut()
            .and_then(|it| it.poll_output())
        {
            self.session_wants(d, output);
        }
        self.set_timer(d);
    }

    fn session_wants(&mut self, d: usize, output: Output) {
        match output {
            Output::Open => self.connect(d),
            Output::SendText(text) => {
                if let Line::Up { link, .. } | Line::Opening { link } = self.devices[d].line {
                    self.frame_up(link, Up::Text(text));
                }
            }
            // The other end of a WebSocket answers a ping by itself.
            Output::Probe => {
                if let Line::Up { link, .. } | Line::Opening { link } = self.devices[d].line
                    && self.links[link].open
                    && !self.links[link].is_cut()
                {
                    self.text_down(link, EnginePacket::Noop.encode());
                }
            }
            Output::CloseSocket { .. } => {
                if let Line::Up { link, .. } | Line::Opening { link } = self.devices[d].line {
                    let at = self.now + self.delay();
                    self.queue.put(at, Parcel::GatewayNotices { link });
                }
                self.devices[d].line = Line::Down { retry_at: NEVER };
            }
            Output::Event(event) => self.session_says(d, event),
        }
    }

    fn session_says(&mut self, d: usize, event: SignalingEvent) {
        match event {
            SignalingEvent::Connected(who) => {
                if let Line::Up { link, .. } | Line::Opening { link } = self.devices[d].line {
                    self.connected(d, link, who.capabilities);
                }
            }
            SignalingEvent::Lost { .. } => {
                self.devices[d].line = Line::Down { retry_at: NEVER };
                self.feed(d, Input::SocketDown);
            }
            SignalingEvent::Event(event) => {
                self.tell_heard(d, &event);
                self.feed(d, Input::Event(event));
            }
            SignalingEvent::Ack { op, outcome } => {
                let op = OpId::from_raw(op);
                let outcome = outcome.map_err(|failure| match failure {
                    Unanswered::Refused(error) => AckFailure::Refused(error),
                    Unanswered::Timeout => AckFailure::Timeout,
                    Unanswered::Disconnected | Unanswered::TooMany => AckFailure::Disconnected,
                    Unanswered::Malformed(problem) => AckFailure::Malformed(problem),
                });
                self.feed(d, Input::Ack { op, outcome });
            }
            SignalingEvent::BadFrame { problem, .. } => self.broken(Law::Wire, problem),
            SignalingEvent::Refused { message, .. }
            | SignalingEvent::TokenExpired { message, .. } => self.broken(Law::Wire, message),
            SignalingEvent::Connecting { .. } | SignalingEvent::Closed => {}
        }
    }

    pub(crate) fn session_opened(&mut self, link: usize) {
        let d = self.links[link].device;
        if self.devices[d].line == (Line::Opening { link }) {
            self.session_takes(d, Wire::SocketOpened);
        }
    }

    pub(crate) fn session_lost(&mut self, d: usize, why: &str) {
        let reason = why.to_owned();
        self.devices[d].line = Line::Down { retry_at: NEVER };
        self.session_takes(d, Wire::SocketClosed { reason });
    }

    pub(crate) fn session_hurries(&mut self, d: usize) {
        if self.devices[d].session.is_some() {
            self.session_takes(d, Wire::NetworkChanged);
        }
    }

    pub(crate) fn session_hears(&mut self, d: usize, text: String) {
        self.session_takes(d, Wire::SocketText(text));
    }

    pub(crate) fn session_emits(&mut self, d: usize, op: Option<OpId>, event: ClientEvent) {
        let ack = op.map(OpId::get);
        self.emits.push_back((d, Wire::Emit { event, ack }));
    }

    pub(crate) fn session_time(&mut self, d: usize) {
        let device = &self.devices[d];
        let now = device.instant(self.now);
        let due = device.session.as_ref().and_then(|it| it.poll_timeout());
        if due.is_some_and(|at| at <= now) {
            self.session_takes(d, Wire::Tick);
        }
    }

    // The gateway's end.

    pub(crate) fn session_hello(&mut self, link: usize) {
        let delay = self.delay();
        let at = self.links[link].down(self.now, delay);
        self.queue.put(at, Parcel::Opened { link });
        let open = EnginePacket::Open(Handshake {
            sid: format!("s{link}"),
            ping_interval: timers::PING_INTERVAL,
            ping_timeout: timers::PING_TIMEOUT,
            max_payload: limits::MAX_FRAME,
        });
        self.text_down(link, open.encode());
        self.queue.put(self.now + 25_000, Parcel::Ping { link });
    }

    pub(crate) fn session_greeting(&mut self, link: usize) {
        let admitted = Packet::Connect(serde_json::json!({ "sid": format!("s{link}") }));
        self.text_down(link, admitted.encode());
        let authenticated = Authenticated {
            success: true,
            user: AuthenticatedUser {
                id: self.links[link].actor.peer.clone(),
                language: None,
                is_anonymous: false,
            },
            version: None,
            capabilities: self.gateway.capabilities(),
        };
        self.session_tells(link, &ServerEvent::Authenticated(authenticated));
    }

    pub(crate) fn ping(&mut self, link: usize) {
        if self.links[link].open {
            self.text_down(link, EnginePacket::Ping(String::new()).encode());
            self.queue.put(self.now + 25_000, Parcel::Ping { link });
        }
    }

    pub(crate) fn gateway_reads(&mut self, link: usize, text: &str) {
        match EnginePacket::decode(text) {
            Ok(EnginePacket::Message(Packet::Connect(auth))) => match Auth::parse(auth) {
                Ok(_) => self.greet(link),
                Err(error) => self.broken(Law::Wire, error.to_string()),
            },
            Ok(EnginePacket::Message(Packet::Event { ack, name, args })) => {
                let payload = args.into_iter().next().unwrap_or_default();
                match ClientEvent::parse(&name, payload) {
                    Ok(event) => self.event(link, ack, event),
                    Err(error) => self.broken(Law::Wire, error.to_string()),
                }
            }
            Ok(EnginePacket::Message(Packet::Disconnect)) => self.farewell(link),
            Ok(EnginePacket::Pong(_)) => {}
            other => self.broken(Law::Wire, format!("the gateway cannot read {other:?}")),
        }
    }

    pub(crate) fn session_tells(&mut self, link: usize, event: &ServerEvent) {
        let text = Packet::Event {
            ack: None,
            name: event.name().to_owned(),
            args: vec![event.payload()],
        };
        self.text_down(link, text.encode());
    }

    pub(crate) fn session_acks(&mut self, link: usize, id: u64, outcome: &Result<Ack, CallError>) {
        let answer = match outcome {
            Ok(ack) => ack.to_json(),
            Err(error) => error.to_ack(),
        };
        let args = vec![answer];
        self.text_down(link, Packet::Ack { id, args }.encode());
    }

    fn text_down(&mut self, link: usize, text: String) {
        if text.len() as u64 > limits::MAX_FRAME as u64 {
            let how = format!("a frame of {} bytes", text.len());
            return self.broken(Law::Bounds, how);
        }
        self.frame_down(link, Down::Text(text));
    }
}
