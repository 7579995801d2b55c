//! What goes into the session and what comes out of it. How one leads to the other stands in the
//! machine.

use std::fmt;
use std::time::Duration;

use ringwire_protocol::{Ack, Auth, Authenticated, CallError, ClientEvent, ErrorCode, ServerEvent};

/// What a session needs to begin with.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Who we are; replaced by [`Input::SetAuth`].
    pub auth: Auth,
    /// Chance for the back-off.
    pub seed: u64,
}

/// What happens to a session.
#[derive(Debug, Clone)]
pub enum Input {
    /// Connect. Again: nothing.
    Start,
    /// The socket that [`Output::Open`] asked for is there.
    SocketOpened,
    /// A text frame came.
    SocketText(String),
    /// A binary frame came, which the contract does not have.
    SocketBinary,
    /// A control frame came: the answer to [`Output::Probe`], or a ping of WebSocket.
    SocketAlive,
    /// The other end closed the socket.
    SocketClosed {
        /// Why, for people.
        reason: String,
    },
    /// The socket could not be opened, or broke.
    SocketFailed {
        /// Why, for people.
        reason: String,
    },
    /// Send an event. Unless connected, it is dropped: with an ack it fails at once with
    /// [`AckFailure::Disconnected`], without one it is gone. The call store sends again what
    /// matters.
    Emit {
        /// The event.
        event: ClientEvent,
        /// With an ack, under this name of the caller's.
        ack: Option<u64>,
    },
    /// Another token. A session that waits for one connects at once; any other uses it for its
    /// next connection. The refused one again is refused again, without asking the server.
    SetAuth(Auth),
    /// The phone has another network: waits end at once, a connection is probed.
    NetworkChanged,
    /// End for good.
    Close,
    /// The instant of [`poll_timeout`](super::Session::poll_timeout) has come. Early: nothing.
    Tick,
}

/// What a session wants done.
#[derive(Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "most outputs are events, and none lives long"
)]
pub enum Output {
    /// Open a socket. There is none now.
    Open,
    /// Send a text frame. It may hold a token: never log it.
    SendText(String),
    /// Send a ping of WebSocket (RFC 6455 §5.5.2); any answer is [`Input::SocketAlive`].
    Probe,
    /// Drop the socket, or stop opening it. No input may come from it after this.
    CloseSocket {
        /// First send what waits and a close frame.
        goodbye: bool,
    },
    /// Tell the app.
    Event(SignalingEvent),
}

impl fmt::Debug for Output {
    /// Without what is sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::SendText(text) => write!(f, "SendText({} bytes)", text.len()),
            Self::Probe => f.write_str("Probe"),
            Self::CloseSocket { goodbye } => write!(f, "CloseSocket(goodbye: {goodbye})"),
            Self::Event(event) => write!(f, "Event({event:?})"),
        }
    }
}

/// What the app is told.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalingEvent {
    /// A connection is being made.
    Connecting {
        /// 1 at first and after a stable connection, then one more for each failure.
        attempt: u32,
    },
    /// CONNECT is answered and `authenticated` is there. A server that does not send it within
    /// [`limits::AUTHENTICATED`](crate::limits::AUTHENTICATED) is taken at its answer: the user
    /// is the one that the JWT names, without capabilities; should it come later, it is an
    /// [`Event`](Self::Event). A token that names nobody makes that connection a lost one.
    Connected(Authenticated),
    /// The connection is lost, or could not be made; acks in flight have failed before.
    Lost {
        /// Why, for people.
        reason: String,
        /// The next attempt comes then.
        retry_in: Duration,
    },
    /// The server refuses the token. Nothing happens until there is another one.
    Refused {
        /// The server's code; `NOT_AUTHENTICATED` where it has none.
        code: ErrorCode,
        /// The server's words.
        message: String,
    },
    /// The token has run out. Nothing happens until there is another one.
    TokenExpired {
        /// The server's code.
        code: String,
        /// The server's words.
        message: String,
    },
    /// An event of the server; those that this version does not know are left out.
    Event(ServerEvent),
    /// An emit with an ack has come to its end; exactly one for each.
    Ack {
        /// The caller's name for it.
        op: u64,
        /// The answer.
        outcome: Result<Ack, AckFailure>,
    },
    /// A frame or event could not be read, or an event not sent; it is left out.
    BadFrame {
        /// What is wrong.
        problem: String,
        /// How many there were on this connection.
        count: u32,
    },
    /// The end; nothing follows but the failed acks of later emits.
    Closed,
}

/// Why an emit has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AckFailure {
    /// The server says no.
    #[error("refused: {}", .0.message)]
    Refused(CallError),
    /// No answer within [`timers::ACK`](ringwire_protocol::timers::ACK).
    #[error("no answer in time")]
    Timeout,
    /// Not connected, or no longer; the server may have done it or not.
    #[error("not connected")]
    Disconnected,
    /// The answer cannot be read, or the event is longer than the server takes.
    #[error("{0}")]
    Malformed(String),
    /// [`limits::MAX_ACKS`](crate::limits::MAX_ACKS) answers are awaited already.
    #[error("too many answers are awaited already")]
    TooMany,
}
