//! The session as a machine: inputs with an instant in, outputs in a queue. No socket, no clock,
//! no chance of its own; the [driver](crate::driver) lends it all three.
//!
//! | state | means | ends by |
//! | --- | --- | --- |
//! | idle | not started | Start → opening |
//! | opening | a socket was asked for | it opens → handshaking; fails or 15 s → waiting |
//! | handshaking | Engine.IO `open`, then the answer to CONNECT, is awaited | answer → authenticating; CONNECT_ERROR → needs token; 10 s → waiting |
//! | authenticating | `authenticated` is awaited | it, or 3 s and a JWT that names us → connected |
//! | connected | events and acks go both ways | silence, close → waiting; `auth:token-expired` → needs token |
//! | waiting | between two attempts | its time, network change → opening |
//! | needs token | the server wants another | SetAuth with another → opening |
//! | closed | the end | never |
//!
//! Close leads from every state to closed. Rules:
//!
//! - Any frame is a sign of life. What the socket brings is looked at before any deadline, so a
//!   machine that was busy for a while loses no connection whose frames wait in the socket.
//! - A CONNECT_ERROR that says `RATE_LIMIT_EXCEEDED` or `CONNECTION_FAILED` speaks of the server
//!   and not of the token: it is a lost connection. Any other refuses the token.
//! - `authenticated` with `success: false` refuses the token.
//! - The wait before an attempt is chosen at random under a bound that doubles with each failure;
//!   a connection that held for 10 s begins anew.
//! - A network change ends a wait, begins an unfinished attempt anew and makes a connection show
//!   life within 3 s, at most one attempt a second; then a lost connection is tried again at once.
//! - Events that come before `authenticated` are told after [`SignalingEvent::Connected`].
//! - An event of the server that asks for an ack gets an empty one once it is read.

mod acks;
mod backoff;
mod face;
mod frames;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use ringwire_protocol::auth::Identity;
use ringwire_protocol::{AckKind, Auth, ClientEvent, Instant, ServerEvent};

use crate::claims;
use crate::codec::Packet;
use crate::limits::{HANDSHAKE, OPEN, PROBE, STABLE, told};
use acks::Acks;
use backoff::Backoff;
pub use face::{AckFailure, Input, Output, SessionConfig, SignalingEvent};

/// A Socket.IO session that keeps itself connected.
///
/// After each [`handle`](Self::handle), take outputs until there are none, and come back with
/// [`Input::Tick`] at [`poll_timeout`](Self::poll_timeout) unless another input comes first.
#[derive(Debug)]
pub struct Session {
    auth: Auth,
    state: State,
    backoff: Backoff,
    acks: Acks,
    bad_frames: u32,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Idle,
    Opening {
        deadline: Instant,
    },
    Handshaking {
        deadline: Instant,
        /// After `open`: the connection, and whose token CONNECT carried.
        greeted: Option<(Link, Identity)>,
    },
    Authenticating {
        deadline: Instant,
        link: Link,
        identity: Identity,
        early: Vec<ServerEvent>,
    },
    Connected {
        since: Instant,
        link: Link,
        identity: Identity,
    },
    Waiting {
        until: Instant,
    },
    NeedsToken {
        refused: Identity,
        /// Told again should the same token come again.
        told: Box<SignalingEvent>,
    },
    Closed,
}

/// A connection that Engine.IO has greeted.
#[derive(Debug, Clone)]
struct Link {
    /// Longest time without a frame.
    silence: Duration,
    heard: Instant,
    /// Until then the server shows life.
    probe: Option<Instant>,
    max_payload: usize,
}

impl Link {
    fn deadline(&self) -> Instant {
        let silent = self.heard + self.silence;
        self.probe.map_or(silent, |probe| probe.min(silent))
    }
}

impl Session {
    /// A session that waits for [`Input::Start`].
    pub fn new(config: SessionConfig) -> Self {
        Self {
            auth: config.auth,
            state: State::Idle,
            backoff: Backoff::new(config.seed),
            acks: Acks::default(),
            bad_frames: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`, which never lies before an earlier one.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            // What the socket brings comes before the deadlines, what the app wants after them.
            Input::SocketOpened => self.socket_opened(now),
            Input::SocketText(text) => self.text(&text, now),
            Input::SocketBinary => self.binary(now),
            Input::SocketAlive => self.heard(now),
            Input::SocketClosed { reason } | Input::SocketFailed { reason } => {
                self.socket_gone(&reason, now);
            }
            Input::Start => self.start(now),
            Input::Tick => {}
            Input::Emit { event, ack } => {
                self.expire(now);
                self.emit(&event, ack, now);
            }
            Input::SetAuth(auth) => {
                self.expire(now);
                self.set_auth(auth, now);
            }
            Input::NetworkChanged => {
                self.expire(now);
                self.network_changed(now);
            }
            Input::Close => self.close(),
        }
        self.expire(now);
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due; `None` while nothing is waited for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Idle | State::NeedsToken { .. } | State::Closed => None,
            State::Opening { deadline } | State::Handshaking { deadline, .. } => Some(*deadline),
            State::Authenticating { deadline, link, .. } => Some((*deadline).min(link.deadline())),
            State::Connected { link, .. } => Some(link.deadline()),
            State::Waiting { until } => Some(*until),
        };
        state.into_iter().chain(self.acks.deadline()).min()
    }

    /// True after [`Input::Close`].
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn start(&mut self, now: Instant) {
        if matches!(self.state, State::Idle) {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        self.bad_frames = 0;
        self.tell(SignalingEvent::Connecting {
            attempt: self.backoff.attempt(),
        });
        self.outputs.push_back(Output::Open);
        self.state = State::Opening {
            deadline: now + OPEN,
        };
    }

    fn socket_opened(&mut self, now: Instant) {
        if matches!(self.state, State::Opening { .. }) {
            self.state = State::Handshaking {
                deadline: now + HANDSHAKE,
                greeted: None,
            };
        }
    }

    fn socket_gone(&mut self, reason: &str, now: Instant) {
        if self.has_socket() {
            self.lost(reason, now);
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some(awaited) = self.acks.expired(now) {
            self.tell_ack(awaited.op, Err(AckFailure::Timeout));
        }
        match &self.state {
            State::Idle | State::NeedsToken { .. } | State::Closed => {}
            State::Opening { deadline } => {
                if *deadline <= now {
                    self.drop_socket("the socket did not open in time", now);
                }
            }
            State::Handshaking { deadline, .. } => {
                if *deadline <= now {
                    self.drop_socket("the server did not answer the handshake in time", now);
                }
            }
            State::Authenticating {
                deadline,
                link,
                identity,
                ..
            } => {
                if link.deadline() <= now {
                    self.drop_socket("the server fell silent", now);
                } else if *deadline <= now {
                    match claims::authenticated(identity) {
                        Some(who) => self.connected(who, now),
                        None => self.drop_socket("the server does not say who we are", now),
                    }
                }
            }
            State::Connected { link, .. } => {
                if link.deadline() <= now {
                    self.drop_socket("the server fell silent", now);
                }
            }
            State::Waiting { until } => {
                if *until <= now {
                    self.open(now);
                }
            }
        }
    }

    fn emit(&mut self, event: &ClientEvent, ack: Option<u64>, now: Instant) {
        let State::Connected { link, .. } = &self.state else {
            if let Some(op) = ack {
                self.tell_ack(op, Err(AckFailure::Disconnected));
            }
            return;
        };
        let max_payload = link.max_payload;
        // An event that the contract does not ack may still be answered by some server.
        let kind = event.ack_kind().unwrap_or(AckKind::Done);
        let mut id = None;
        if let Some(op) = ack {
            id = self.acks.add(op, kind, now);
            if id.is_none() {
                return self.tell_ack(op, Err(AckFailure::TooMany));
            }
        }
        let args = match event {
            // The contract gives it no payload.
            ClientEvent::CheckActive(_) => Vec::new(),
            event => vec![event.payload()],
        };
        let name = event.name().to_owned();
        let text = Packet::Event {
            ack: id,
            name,
            args,
        }
        .encode();
        if text.len() <= max_payload {
            return self.send(text);
        }
        let problem = format!(
            "{} is {} bytes long, the server takes {max_payload}",
            event.name(),
            text.len()
        );
        match id.and_then(|id| self.acks.take(id)) {
            Some(awaited) => self.tell_ack(awaited.op, Err(AckFailure::Malformed(problem))),
            None => self.bad_frame(&problem),
        }
    }

    fn set_auth(&mut self, auth: Auth, now: Instant) {
        self.auth = auth;
        let State::NeedsToken { refused, told } = &self.state else {
            return;
        };
        if *refused == self.auth.identity {
            return self.tell(told.as_ref().clone());
        }
        self.backoff.reset();
        self.open(now);
    }

    fn network_changed(&mut self, now: Instant) {
        match &mut self.state {
            State::Idle | State::NeedsToken { .. } | State::Closed => {}
            State::Waiting { until } => {
                *until = self.backoff.hurry(now).min(*until);
            }
            State::Opening { .. } | State::Handshaking { .. } => {
                // On the old network it would only run into its deadline.
                let until = self.backoff.hurry(now);
                self.outputs
                    .push_back(Output::CloseSocket { goodbye: false });
                self.state = State::Waiting { until };
            }
            State::Authenticating { link, .. } | State::Connected { link, .. } => {
                if link.probe.is_none() {
                    link.probe = Some(now + PROBE);
                    self.outputs.push_back(Output::Probe);
                }
            }
        }
    }

    fn close(&mut self) {
        if self.is_closed() {
            return;
        }
        self.fail_acks();
        if matches!(
            self.state,
            State::Authenticating { .. } | State::Connected { .. }
        ) {
            self.send(Packet::Disconnect.encode());
        }
        if self.has_socket() {
            self.outputs
                .push_back(Output::CloseSocket { goodbye: true });
        }
        self.state = State::Closed;
        self.tell(SignalingEvent::Closed);
    }

    /// True from [`Output::Open`] to [`Output::CloseSocket`] or the socket's own end.
    fn has_socket(&self) -> bool {
        match self.state {
            State::Idle | State::Waiting { .. } | State::NeedsToken { .. } | State::Closed => false,
            State::Opening { .. }
            | State::Handshaking { .. }
            | State::Authenticating { .. }
            | State::Connected { .. } => true,
        }
    }

    /// True while frames can go both ways.
    fn socket_is_open(&self) -> bool {
        self.has_socket() && !matches!(self.state, State::Opening { .. })
    }

    /// Gives the socket up and goes on as after a lost one.
    fn drop_socket(&mut self, reason: &str, now: Instant) {
        self.outputs
            .push_back(Output::CloseSocket { goodbye: false });
        self.lost(reason, now);
    }

    /// The socket is gone.
    fn lost(&mut self, reason: &str, now: Instant) {
        self.fail_acks();
        let (mut stable, mut probed) = (false, false);
        if let State::Connected { since, link, .. } = &self.state {
            stable = now.saturating_since(*since) >= STABLE;
            probed = link.probe.is_some();
        }
        if stable {
            self.backoff.reset();
        }
        self.backoff.failed();
        let mut until = now + self.backoff.wait();
        if probed {
            until = self.backoff.hurry(now).min(until);
        }
        self.tell(SignalingEvent::Lost {
            reason: told(reason),
            retry_in: until.saturating_since(now),
        });
        self.state = State::Waiting { until };
    }

    fn fail_acks(&mut self) {
        for awaited in self.acks.drain() {
            self.outputs.push_back(Output::Event(SignalingEvent::Ack {
                op: awaited.op,
                outcome: Err(AckFailure::Disconnected),
            }));
        }
    }

    fn tell_ack(&mut self, op: u64, outcome: Result<ringwire_protocol::Ack, AckFailure>) {
        self.tell(SignalingEvent::Ack { op, outcome });
    }

    fn tell(&mut self, event: SignalingEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn send(&mut self, text: String) {
        self.outputs.push_back(Output::SendText(text));
    }
}
