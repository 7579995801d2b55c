//! The whole state as the app sees it: plain values, no behaviour.

use ringwire_protocol::client::QualityStats;
use ringwire_protocol::{
    CallEndReason, CallId, CallParticipantId, CallType, ConversationId, DeviceId, Instant,
    ParticipantId, PeerId, Timestamp,
};

use crate::{CallKey, LocalMedia};

/// All calls at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// Who I am; `None` until the socket was up once.
    pub me: Option<PeerId>,
    /// The socket is up.
    pub socket: bool,
    /// Calls in the order in which they came; ended ones stay for `timers::ENDED_SHOWN`.
    pub calls: Vec<CallView>,
}

impl Snapshot {
    /// The call with this key.
    pub fn call(&self, key: CallKey) -> Option<&CallView> {
        self.calls.iter().find(|call| call.key == key)
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallView {
    /// Its key on this device.
    pub key: CallKey,
    /// Its id; an outgoing call has one when the server has answered.
    pub id: Option<CallId>,
    /// Where.
    pub conversation: ConversationId,
    /// Name of the conversation, where the server says it.
    pub title: Option<String>,
    /// Video or audio.
    pub call_type: CallType,
    /// Who started it: I or somebody else.
    pub direction: Direction,
    /// Who started it, by name, once that is known.
    pub initiator: Option<PeerId>,
    /// Where it is in its life.
    pub state: CallState,
    /// I have put it on hold.
    pub held: bool,
    /// It rings while another call is going on.
    pub waiting: bool,
    /// The others, as far as they are known.
    pub people: Vec<PersonView>,
    /// What this device sends; on hold, what it will send again.
    pub media: LocalMedia,
    /// The first tap, or the first word of it.
    pub initiated_at: Instant,
    /// When the ring here, the wait for an answer or the offer to join ends; `None` once answered.
    pub ring_deadline: Option<Instant>,
    /// When it was answered, by the server's clock; where the server did not say, when it became active by this
    /// device's calendar.
    pub answered_at: Option<Timestamp>,
    /// When it became active, by this device's clock.
    pub active_since: Option<Instant>,
    /// A media path is there now.
    pub connected: bool,
    /// How the path did when it was measured last.
    pub quality: Option<QualityStats>,
    /// When it came this far.
    pub timeline: Timeline,
}

/// Who started a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// I did.
    Outgoing,
    /// Somebody else did.
    Incoming,
}

/// Where a call is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    /// Mine; nobody's device rings yet.
    Calling,
    /// Mine; a device rings.
    Ringing,
    /// It rings here.
    Incoming,
    /// It goes on without this device, which may join: I called a conversation that has a call
    /// already, or the app was restarted in mid-call. Offered for `timers::HEARTBEAT_TIMEOUT`.
    Offered,
    /// Accepted, not answered on the wire yet.
    Connecting,
    /// Joined and answered.
    Active,
    /// Answered, and the media path is lost.
    Reconnecting {
        /// Since when.
        since: Instant,
        /// What it waits for.
        why: ReconnectCause,
    },
    /// Over.
    Ended {
        /// Why.
        reason: CallEndReason,
    },
}

/// What a reconnecting call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReconnectCause {
    /// Path and socket are lost: nothing can be repaired before the socket is back.
    Socket,
    /// The path: ICE restarts.
    Path,
}

/// Somebody else in a call.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonView {
    /// User or guest.
    pub peer: PeerId,
    /// The row in this call.
    pub call_participant: Option<CallParticipantId>,
    /// Membership of the conversation.
    pub participant: Option<ParticipantId>,
    /// Has joined and not left.
    pub joined: bool,
    /// Name to show.
    pub display_name: Option<String>,
    /// Login name.
    pub username: Option<String>,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// The microphone is on.
    pub audio_enabled: bool,
    /// The camera is on.
    pub video_enabled: bool,
    /// The screen is shared.
    pub screen_enabled: bool,
    /// Has put the call on hold.
    pub held: bool,
    /// The device in the call, or the one that rings.
    pub device: Option<DeviceId>,
    /// Has told that it looks for a path.
    pub reconnecting: bool,
    /// How the path to this person did when it was measured last.
    pub quality: Option<QualityStats>,
}

/// When a call came this far, by this device's clock. Each mark is set once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeline {
    /// The tap that called, or the first word of an incoming call.
    pub initiate: Option<Instant>,
    /// A device rang, here or there.
    pub ringing: Option<Instant>,
    /// Accepted, here or there.
    pub accepted: Option<Instant>,
    /// The first media path was there.
    pub ice_connected: Option<Instant>,
    /// The first sound was there.
    pub first_audio: Option<Instant>,
    /// The first picture was there.
    pub first_frame: Option<Instant>,
    /// It ended.
    pub ended: Option<Instant>,
}
