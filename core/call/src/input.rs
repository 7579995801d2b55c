//! What goes into the store: taps, the socket, events, acks and what connections report.

use ringwire_protocol::client::QualityStats;
use ringwire_protocol::{
    Ack, CallError, CallType, Capability, ConversationId, PeerId, Push, ServerEvent, Timestamp,
};

use crate::{CallKey, ConnectionId, OpId};

/// Everything that can happen to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The person or the app wants something.
    Command(Command),
    /// The socket is authenticated; also after each reconnect.
    SocketUp {
        /// Who I am.
        user: PeerId,
        /// What the server knows beyond the basic contract; empty for a server of the basic contract.
        capabilities: Vec<Capability>,
    },
    /// The socket is lost; signaling reconnects by itself. Acks under way are lost with it.
    SocketDown,
    /// The gateway says something.
    Event(ServerEvent),
    /// The answer to an [`Effect::Send`](crate::Effect::Send) with an `op`.
    Ack {
        /// As in the effect.
        op: OpId,
        /// The answer, or why there is none.
        outcome: Result<Ack, AckFailure>,
    },
    /// A connection reports.
    Connection {
        /// Which one; one that is closed or unknown is ignored.
        connection: ConnectionId,
        /// What it says.
        event: ConnectionEvent,
    },
    /// A connection was measured.
    Quality {
        /// Which one.
        connection: ConnectionId,
        /// How its path does.
        stats: QualityStats,
    },
    /// The phone's network is another one: paths that are lost or silent are repaired at once.
    NetworkChanged,
    /// What the calendar says now. It may be wrong by minutes: it shortens rings and never
    /// prolongs them. Before the first of these a `ringDeadline` is not used.
    Calendar(Timestamp),
    /// Time has passed. Any other input wakes the timers as well.
    Tick,
}

/// What the person or the app wants. A command that does not fit is answered with
/// [`CallEvent::Failed`](crate::CallEvent::Failed); one for a call that has ended does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start a call. The same key twice starts one.
    Call {
        /// A fresh [`CallKey::outgoing`].
        key: CallKey,
        /// Where.
        conversation: ConversationId,
        /// Video or audio.
        call_type: CallType,
        /// What the call starts with.
        media: LocalMedia,
    },
    /// Accept a call that rings. Without a socket it is done as soon as there is one. Calls that are
    /// answered are put on hold; one of my own that nobody has answered is to be cancelled first.
    Accept {
        /// Which.
        key: CallKey,
        /// What I join with.
        media: LocalMedia,
    },
    /// Join a call that was offered, see [`CallState::Offered`](crate::CallState::Offered). Other
    /// calls are held as with [`Command::Accept`].
    Join {
        /// Which.
        key: CallKey,
        /// What I join with.
        media: LocalMedia,
    },
    /// Decline a call that rings.
    Decline {
        /// Which.
        key: CallKey,
        /// The caller is told that I am busy, else that I do not want to.
        busy: bool,
    },
    /// Hang up; cancels a call that nobody has answered, declines one that rings here or is offered.
    HangUp {
        /// Which.
        key: CallKey,
    },
    /// Turn the microphone on or off.
    SetMicrophone {
        /// Which call.
        key: CallKey,
        /// On or off.
        on: bool,
    },
    /// Turn the camera on or off, also in a call that began with sound only.
    SetCamera {
        /// Which call.
        key: CallKey,
        /// On or off.
        on: bool,
    },
    /// Share the screen beside the camera, or share it no more.
    SetScreen {
        /// Which call.
        key: CallKey,
        /// On or off.
        on: bool,
    },
    /// Put an answered call on hold, or take it up again, which holds the other answered ones. On
    /// hold nothing is sent, and nothing that arrives is handed on.
    Hold {
        /// Which call.
        key: CallKey,
        /// On hold, or not.
        on: bool,
    },
    /// Leave every call of mine in a conversation, on whatever device: frees a conversation that a
    /// crash left busy. Without a socket it is said as soon as there is one.
    ForceLeave {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// The app is in the background, or in front again. The others in a call are told, and the server
    /// waits longer for heartbeats.
    Background(bool),
    /// A push of a call has come, before or after its event, with or without a socket.
    Push(Push),
}

/// What this device sends in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LocalMedia {
    /// The microphone is on.
    pub microphone: bool,
    /// The camera is on.
    pub camera: bool,
    /// The screen is shared.
    pub screen: bool,
}

/// Why there is no good answer to an event.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AckFailure {
    /// The gateway refused.
    #[error("refused: {}: {}", .0.code, .0.message)]
    Refused(CallError),
    /// None came in `timers::ACK`; servers of the basic contract ack little.
    #[error("no answer in time")]
    Timeout,
    /// The socket was lost first.
    #[error("the socket was lost")]
    Disconnected,
    /// The answer could not be read.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

/// What a connection reports. Each operation has one result, or [`ConnectionEvent::Failed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// Result of [`Effect::Offer`](crate::Effect::Offer).
    OfferMade {
        /// As in the effect.
        op: OpId,
        /// To send; its candidates follow as [`ConnectionEvent::Candidate`].
        sdp: String,
    },
    /// Result of [`Effect::AcceptOffer`](crate::Effect::AcceptOffer).
    AnswerMade {
        /// As in the effect.
        op: OpId,
        /// To send; its candidates follow as [`ConnectionEvent::Candidate`].
        sdp: String,
    },
    /// Result of [`Effect::AcceptAnswer`](crate::Effect::AcceptAnswer).
    Applied {
        /// As in the effect.
        op: OpId,
    },
    /// An operation failed, or the connection as a whole did.
    Failed {
        /// The operation; `None` for the connection.
        op: Option<OpId>,
        /// What happened, for people.
        message: String,
    },
    /// A candidate of ours; empty at the end of candidates.
    Candidate {
        /// `candidate:…` (RFC 8839 §5.1), or empty.
        candidate: String,
        /// Name of its media section.
        sdp_mid: Option<String>,
        /// Index of its media section.
        sdp_m_line_index: Option<u16>,
    },
    /// What is carried from here on, of pictures; told with each negotiation that comes to an end.
    Agreed {
        /// Our camera's, or would be.
        video: bool,
        /// Our screen's, or would be.
        screen: bool,
    },
    /// The media path changed.
    Path(PathState),
    /// The first sound was played out.
    FirstAudio,
    /// The first whole picture was there.
    FirstVideo,
}

/// The media path of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathState {
    /// Being looked for.
    Connecting,
    /// Media can flow.
    Connected,
    /// Silent; it may come back by itself.
    Disturbed,
    /// It will not come back without an ICE restart.
    Broken,
}
