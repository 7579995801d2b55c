//! The call as it is kept in a database: plain data, no rules but those that follow from it.

use ringwire_protocol::client::QualityStats;
use ringwire_protocol::{
    CallEndReason, CallId, CallMode, CallParticipantId, CallStatus, CallType, Capability,
    ConversationId, DeviceId, ParticipantId, PeerId, Role, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::mailbox::Mailbox;

/// Most rows of people in one call; the oldest who left make room.
pub const MAX_PEOPLE: usize = 256;
/// Most devices that may ring for one call.
pub const MAX_RINGING: usize = 64;

/// Between two, or among more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversationKind {
    /// Two people.
    Direct,
    /// More.
    Group,
}

impl ConversationKind {
    /// The word on the wire: `direct` or `group`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
        }
    }
}

/// Where the call is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The conversation.
    pub id: ConversationId,
    /// Between two, or among more.
    pub kind: ConversationKind,
    /// Its name.
    pub title: Option<String>,
}

/// A member of the conversation, as it was when the call began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user or guest.
    pub peer: PeerId,
    /// A guest.
    pub anonymous: bool,
    /// Membership of the conversation.
    pub participant: ParticipantId,
    /// Login name.
    pub username: String,
    /// Name to show.
    pub display_name: Option<String>,
    /// Address of a picture.
    pub avatar: Option<String>,
}

/// Somebody who is or was in the call, on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The row in this call.
    pub row: CallParticipantId,
    /// The user or guest.
    pub peer: PeerId,
    /// The device in the call.
    pub device: DeviceId,
    /// The client gave the device's id itself, at CONNECT.
    pub named: bool,
    /// A socket that names no device was taken for the lost one's: another device of this person
    /// may be the one in the call.
    #[serde(default)]
    pub guessed: bool,
    /// What the device knows.
    pub capabilities: Vec<Capability>,
    /// Initiator or not.
    pub role: Role,
    /// When this person joined.
    pub joined_at: Timestamp,
    /// When this person left.
    pub left_at: Option<Timestamp>,
    /// The microphone is on.
    pub audio: bool,
    /// The camera is on.
    pub video: bool,
    /// The screen is shared.
    pub screen: bool,
    /// This person has put the call on hold.
    pub held: bool,
    /// An offer was answered between this device and another one.
    pub answered: bool,
    /// This person looks for a path.
    pub path_lost: bool,
    /// Since when the device has no socket.
    pub socket_lost: Option<Timestamp>,
    /// The last heartbeat.
    pub heartbeat: Option<Timestamp>,
    /// The app is in the background.
    pub background: bool,
    /// Bad reports of quality in a row.
    pub bad_reports: u8,
    /// The last report of quality.
    pub quality: Option<QualityStats>,
}

/// A device that has said `call:ringing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingingDevice {
    /// Whose.
    pub peer: PeerId,
    /// The device.
    pub device: DeviceId,
    /// What it knows.
    pub capabilities: Vec<Capability>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// Why: exactly one reason, never changed.
    pub reason: CallEndReason,
    /// Who ended it; nobody when time did.
    pub by: Option<PeerId>,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The call.
    pub id: CallId,
    /// Where.
    pub conversation: Conversation,
    /// Video or audio.
    pub call_type: CallType,
    /// How media travels.
    pub mode: CallMode,
    /// Grows with every change that clients can see.
    pub version: u64,
    /// Who started it.
    pub initiator: PeerId,
    /// Members of the conversation when it began.
    pub members: Vec<Member>,
    /// Who is or was in it, in the order of joining.
    pub people: Vec<Person>,
    /// The ringing set.
    pub ringing: Vec<RingingDevice>,
    /// A device has rung.
    pub rang: bool,
    /// Devices that answered an offer before they joined.
    pub answers: Vec<(PeerId, DeviceId)>,
    /// Who declined.
    pub declined: Vec<PeerId>,
    /// Who has been told that it is over for them.
    pub told: Vec<PeerId>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When its ring ends.
    pub ring_deadline: Timestamp,
    /// In a call that goes on: its ring is over for those who did not come.
    pub ring_over: bool,
    /// When somebody else had joined and answered the offer.
    pub answered_at: Option<Timestamp>,
    /// Since when one person is alone in a group call that others had joined.
    pub alone_since: Option<Timestamp>,
    /// How it ended.
    pub end: Option<End>,
    /// Signals kept for whoever is not there yet; stored apart, because it changes so often.
    #[serde(skip)]
    pub mailbox: Mailbox,
}

impl Call {
    /// Where the call is in its life.
    pub fn status(&self) -> CallStatus {
        if self.end.is_some() {
            CallStatus::Ended
        } else if self.answered_at.is_none() {
            match self.rang {
                true => CallStatus::Ringing,
                false => CallStatus::Initiated,
            }
        } else if self
            .present()
            .any(|p| p.path_lost || p.socket_lost.is_some())
        {
            CallStatus::Reconnecting
        } else {
            CallStatus::Active
        }
    }

    /// Whole seconds from the answer to the end, or to `now` while it lasts.
    pub fn duration(&self, now: Timestamp) -> u64 {
        let until = self.end.as_ref().map_or(now, |end| end.at);
        self.answered_at
            .map_or(0, |from| until.saturating_since(from).as_secs())
    }

    /// Who is in the call now, in the order of joining.
    pub fn present(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|p| p.left_at.is_none())
    }

    /// The one who is in the call now as this user or guest.
    pub fn person(&self, peer: &PeerId) -> Option<&Person> {
        self.present().find(|p| &p.peer == peer)
    }

    /// The member that this user or guest is.
    pub fn member(&self, peer: &PeerId) -> Option<&Member> {
        self.members.iter().find(|m| &m.peer == peer)
    }

    /// True while the call asks this member to join: neither in it, nor declined, nor left.
    pub fn rings_for(&self, peer: &PeerId, now: Timestamp) -> bool {
        self.is_invited(peer) && !self.ring_over && now < self.ring_deadline
    }

    /// True for a member who is awaited: was never in the call and has not declined.
    pub(crate) fn is_invited(&self, peer: &PeerId) -> bool {
        self.end.is_none()
            && self.member(peer).is_some()
            && !self.declined.contains(peer)
            && !self.people.iter().any(|p| &p.peer == peer)
    }

    /// True once somebody other than the initiator has joined.
    pub(crate) fn was_joined(&self) -> bool {
        self.people.iter().any(|p| p.peer != self.initiator)
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.conversation.kind == ConversationKind::Direct
    }
}
