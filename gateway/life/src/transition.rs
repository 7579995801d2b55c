//! What comes out of a step.

use ringwire_protocol::{CallError, CallStatus, DeviceId, PeerId, ServerEvent, Timestamp};

use crate::record::Call;

/// Why a command was refused; the call is as it was.
pub type Refused = Box<CallError>;

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every device of a user or guest.
    User(PeerId),
    /// One device.
    Device(PeerId, DeviceId),
    /// Every device of a user or guest but one.
    OtherDevices(PeerId, DeviceId),
}

impl Audience {
    /// The user or guest.
    pub fn peer(&self) -> &PeerId {
        match self {
            Self::User(peer) | Self::Device(peer, _) | Self::OtherDevices(peer, _) => peer,
        }
    }
}

/// An event for somebody. ICE servers are left out: the gateway makes them for each reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Emit {
    /// Who.
    pub to: Audience,
    /// What.
    pub event: ServerEvent,
}

/// What the command is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It was done, or there was nothing to do.
    Done,
    /// The call was made.
    Initiated,
    /// You are in: the answer is the session.
    Joined,
    /// Where the call is.
    Heartbeat {
        /// Its status.
        status: CallStatus,
        /// Its version.
        version: u64,
    },
}

/// The call after a step, and what is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The call from now on.
    pub call: Call,
    /// Whom to tell what, in this order, after the answer.
    pub emits: Vec<Emit>,
    /// The answer.
    pub reply: Reply,
    /// When time has something to say next; nothing once the call has ended.
    pub next_deadline: Option<Timestamp>,
}
