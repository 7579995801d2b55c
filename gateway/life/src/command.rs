//! What people, their sockets and the gateway say to a call.

use ringwire_protocol::client::{NegotiateReason, QualityStats, Segment};
use ringwire_protocol::{
    CallEndReason, CallId, CallParticipantId, CallType, Capability, DeviceId, MediaSettings,
    MediaType, PeerId, Signal,
};

use crate::record::{Conversation, Member};

/// Who says it: a user or guest, on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user or guest.
    pub peer: PeerId,
    /// The device. A gateway makes one up for a client that names none.
    pub device: DeviceId,
    /// The client gave the device's id itself.
    pub named: bool,
    /// What the device knows.
    pub capabilities: Vec<Capability>,
}

/// A call that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// A fresh id.
    pub call: CallId,
    /// A fresh id for the initiator's row.
    pub row: CallParticipantId,
    /// Where.
    pub conversation: Conversation,
    /// Everybody in it.
    pub members: Vec<Member>,
    /// Video or audio.
    pub call_type: CallType,
    /// What the initiator starts with.
    pub settings: MediaSettings,
}

/// What is said to a call that is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// This device rings.
    Ringing,
    /// Accepts, or comes back.
    Join {
        /// A fresh id for the row, if one is made.
        row: CallParticipantId,
        /// What this person starts with.
        settings: MediaSettings,
    },
    /// Leaves; before joining, declines.
    Leave,
    /// Ends; in a group, leaves. Before joining, declines.
    End {
        /// Why, as the client sees it.
        reason: Option<CallEndReason>,
    },
    /// Declines, and never hangs up: for a device that speaks without a socket.
    Decline {
        /// `busy`; anything else is `rejected`.
        reason: Option<CallEndReason>,
    },
    /// Leaves on whatever device this person is in the call.
    ForceLeave,
    /// One step of a negotiation.
    Signal(Signal),
    /// Asks `to` for an offer.
    Negotiate {
        /// The offerer.
        to: PeerId,
        /// Why.
        reason: NegotiateReason,
    },
    /// Turns something on or off.
    Toggle {
        /// What.
        media: MediaType,
        /// On or off.
        on: bool,
    },
    /// I am still here.
    Heartbeat,
    /// How the path does.
    Quality(QualityStats),
    /// Looks for a path.
    Reconnecting {
        /// 1–10.
        attempt: u32,
    },
    /// Has a path again.
    Reconnected {
        /// 1–10.
        attempt: u32,
    },
    /// The app is in the background.
    Backgrounded,
    /// The app is back.
    Foregrounded,
    /// Something that was said, in text.
    Said(Segment),
    /// The last socket of the device is gone.
    SocketLost,
    /// The device has a socket again.
    SocketBack,
}
