//! A call as it is told to clients: session, participants, how it ends, ICE servers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::text_enum::text_enum;
use crate::{
    CallId, CallParticipantId, ConversationId, DeviceId, ParticipantId, PeerId, Timestamp,
};

text_enum! {
    /// How media travels.
    CallMode {
        /// Between the two, or in a mesh of up to four.
        P2p = "p2p",
        /// Through a selective forwarding unit.
        Sfu = "sfu",
    }
}

text_enum! {
    /// Where a call is in its life.
    CallStatus {
        /// Made, nobody rings yet.
        Initiated = "initiated",
        /// A device rings.
        Ringing = "ringing",
        /// Other servers: accepted, no answer yet.
        Connecting = "connecting",
        /// Joined and answered.
        Active = "active",
        /// Somebody has lost the socket or the path.
        Reconnecting = "reconnecting",
        /// Over.
        Ended = "ended",
        /// Other servers: over, nobody answered.
        Missed = "missed",
        /// Other servers: over, declined.
        Rejected = "rejected",
        /// Other servers: over, failed.
        Failed = "failed",
    }
}

impl CallStatus {
    /// True when the call is over.
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Ended | Self::Missed | Self::Rejected | Self::Failed
        )
    }
}

text_enum! {
    /// Why a call ended: exactly one for each call.
    CallEndReason {
        /// Hung up after an answer.
        Completed = "completed",
        /// Nobody answered.
        Missed = "missed",
        /// Declined.
        Rejected = "rejected",
        /// The callee is in another call.
        Busy = "busy",
        /// The caller gave up while it rang.
        Cancelled = "cancelled",
        /// Something broke.
        Failed = "failed",
        /// No path or no socket for 60 s.
        ConnectionLost = "connectionLost",
        /// No heartbeat for too long.
        HeartbeatTimeout = "heartbeatTimeout",
        /// Swept away.
        GarbageCollected = "garbageCollected",
        /// On a device: another device of the same person answered.
        AnsweredElsewhere = "answeredElsewhere",
        /// On a device: another device of the same person declined.
        DeclinedElsewhere = "declinedElsewhere",
    }
}

text_enum! {
    /// What a call is made of.
    CallType {
        /// Sound and camera.
        Video = "video",
        /// Sound; the camera may come later.
        Audio = "audio",
    }
}

text_enum! {
    /// Part of a person in a call.
    Role {
        /// Started the call.
        Initiator = "initiator",
        /// Everybody else.
        Participant = "participant",
    }
}

text_enum! {
    /// What a toggle turns.
    MediaType {
        /// The microphone.
        Audio = "audio",
        /// The camera.
        Video = "video",
        /// The screen.
        Screen = "screen",
        /// The whole call of this person.
        Hold = "hold",
    }
}

text_enum! {
    /// What a peer knows beyond the basic contract.
    Capability {
        /// `call:ringing`.
        Ringing = "ringing",
        /// `call:negotiate`.
        Negotiate = "negotiate",
        /// `version` in events and heartbeats.
        Version = "version",
        /// A screen beside the camera.
        Screen = "screen",
        /// `call:hold`.
        Hold = "hold",
        /// Connecting while it rings.
        EarlyConnect = "early-connect",
        /// Calls through an SFU.
        Sfu = "sfu",
    }
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallSession {
    /// The call.
    pub id: CallId,
    /// Where it was made.
    pub conversation_id: ConversationId,
    /// How media travels.
    pub mode: CallMode,
    /// Where it is in its life.
    pub status: CallStatus,
    /// Grows with every change of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Who started it.
    pub initiator_id: PeerId,
    /// When it was started.
    pub started_at: Timestamp,
    /// When somebody else had joined and answered the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Seconds from `answered_at` to `ended_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<CallEndReason>,
    /// Who is or was in it.
    #[serde(default)]
    pub participants: Vec<CallParticipant>,
    /// Anything else; `type` says video or audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

impl CallSession {
    /// Video unless the session says otherwise.
    pub fn call_type(&self) -> CallType {
        self.metadata
            .as_ref()
            .and_then(|metadata| metadata.get("type"))
            .and_then(Value::as_str)
            .map_or(CallType::Video, CallType::from)
    }

    /// The participant of a user or guest who is in the call now.
    pub fn present(&self, peer: &PeerId) -> Option<&CallParticipant> {
        self.participants
            .iter()
            .find(|p| p.left_at.is_none() && p.peer() == Some(peer))
    }
}

/// A person in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallParticipant {
    /// The row in this call.
    pub id: CallParticipantId,
    /// The call.
    pub call_session_id: CallId,
    /// The user; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PeerId>,
    /// The guest; absent for a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous_id: Option<PeerId>,
    /// Membership of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<ParticipantId>,
    /// Initiator or not.
    pub role: Role,
    /// When this person joined.
    pub joined_at: Timestamp,
    /// When this person left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// The microphone is on.
    #[serde(default = "yes")]
    pub is_audio_enabled: bool,
    /// The camera is on.
    #[serde(default = "yes")]
    pub is_video_enabled: bool,
    /// The screen is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_screen_sharing: Option<bool>,
    /// This person has put the call on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
    /// The device in the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// What that device knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
    /// Login name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Address of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Last report of quality, as the server keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_quality: Option<Value>,
}

fn yes() -> bool {
    true
}

impl CallParticipant {
    /// The key of this person's streams and connections: user, else guest.
    pub fn peer(&self) -> Option<&PeerId> {
        self.user_id.as_ref().or(self.anonymous_id.as_ref())
    }

    /// True when this person's device has said that it knows `capability`.
    pub fn knows(&self, capability: &Capability) -> bool {
        self.capabilities
            .as_ref()
            .is_some_and(|known| known.contains(capability))
    }
}

/// What a person starts or joins with; what is absent is on, but for the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaSettings {
    /// The microphone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_enabled: Option<bool>,
    /// The camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_enabled: Option<bool>,
    /// The screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen_share_enabled: Option<bool>,
}

/// A STUN or TURN server (RFC 8489, RFC 8656), as browsers take it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:` and `turn:` addresses.
    #[serde(deserialize_with = "one_or_many")]
    pub urls: Vec<String>,
    /// `"<unix expiry>:<userId>"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `base64(HMAC-SHA1(secret, username))`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// `urls` is one address or a list of them (W3C WebRTC §4.2.4).
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Urls {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Urls::deserialize(deserializer)? {
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    })
}
