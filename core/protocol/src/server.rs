//! Events from the gateway to a client.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ack::JoinData;
use crate::auth::{Authenticated, TokenExpired};
use crate::client::{NegotiateReason, Segment};
use crate::event::{Check, events};
use crate::{
    CallEndReason, CallError, CallId, CallMode, CallParticipant, CallParticipantId, CallType,
    Capability, ConversationId, DeviceId, IceServer, MediaType, ParticipantId, PeerId, Signal,
    Timestamp,
};

events! {
    /// An event from the gateway to a client.
    ServerEvent {
        /// The token is good; who you are.
        Authenticated(Authenticated) = "authenticated",
        /// The token has run out; the socket closes.
        TokenExpired(TokenExpired) = "auth:token-expired",
        /// A call was started: it rings, or it is mine.
        Initiated(Initiated) = "call:initiated",
        /// A device of the callee rings.
        Ringing(RingingAt) = "call:ringing",
        /// The answer to a join, for clients without acks.
        Joined(JoinData) = "call:join",
        /// Somebody joined.
        ParticipantJoined(ParticipantJoined) = "call:participant-joined",
        /// Somebody left.
        ParticipantLeft(ParticipantLeft) = "call:participant-left",
        /// One step of a negotiation.
        Signal(ReceivedSignal) = "call:signal",
        /// Make an offer, please.
        Negotiate(NegotiateAsked) = "call:negotiate",
        /// Somebody has turned something on or off.
        MediaToggled(MediaToggled) = "call:media-toggled",
        /// The call is over.
        Ended(Ended) = "call:ended",
        /// A call that nobody here answered.
        Missed(Missed) = "call:missed",
        /// Another device of mine answered.
        AlreadyAnswered(AlreadyAnswered) = "call:already-answered",
        /// Media goes another way now.
        ModeChanged(ModeChanged) = "call:mode-changed",
        /// Somebody's path is bad.
        QualityAlert(QualityAlert) = "call:quality-alert",
        /// Fresh TURN credentials.
        IceServersRefreshed(IceServersRefreshed) = "call:ice-servers-refreshed",
        /// You are out of this call.
        ForceLeave(ForcedOut) = "call:force-leave",
        /// Something that was said, in text.
        TranslatedSegment(TranslatedSegment) = "call:translated-segment",
        /// Somebody looks for a path.
        Reconnecting(PeerReconnect) = "call:reconnecting",
        /// Somebody has a path again.
        Reconnected(PeerReconnect) = "call:reconnected",
        /// Somebody's app is in the background.
        Backgrounded(PeerPresence) = "call:backgrounded",
        /// Somebody's app is back.
        Foregrounded(PeerPresence) = "call:foregrounded",
        /// Something failed.
        Error(CallError) = "call:error",
    }
}

impl ServerEvent {
    /// The call that the event names.
    pub fn call_id(&self) -> Option<&CallId> {
        Some(match self {
            Self::Initiated(p) => &p.call_id,
            Self::Ringing(p) => &p.call_id,
            Self::Joined(p) => &p.call_session.id,
            Self::ParticipantJoined(p) => &p.call_id,
            Self::ParticipantLeft(p) => &p.call_id,
            Self::Signal(p) => &p.call_id,
            Self::Negotiate(p) => &p.call_id,
            Self::MediaToggled(p) => &p.call_id,
            Self::Ended(p) => &p.call_id,
            Self::Missed(p) => &p.call_id,
            Self::AlreadyAnswered(p) => &p.call_id,
            Self::ModeChanged(p) => &p.call_id,
            Self::QualityAlert(p) => &p.call_id,
            Self::IceServersRefreshed(p) => &p.call_id,
            Self::ForceLeave(p) => &p.call_id,
            Self::TranslatedSegment(p) => &p.call_id,
            Self::Reconnecting(p) | Self::Reconnected(p) => &p.call_id,
            Self::Backgrounded(p) | Self::Foregrounded(p) => &p.call_id,
            Self::Error(p) => return p.call_id.as_ref(),
            Self::Authenticated(_) | Self::TokenExpired(_) | Self::Unknown { .. } => return None,
        })
    }

    /// The session's version that the event carries.
    pub fn version(&self) -> Option<u64> {
        match self {
            Self::Initiated(p) => p.version,
            Self::Ringing(p) => p.version,
            Self::Joined(p) => p.call_session.version,
            Self::ParticipantJoined(p) => p.version,
            Self::ParticipantLeft(p) => p.version,
            Self::MediaToggled(p) => p.version,
            Self::Ended(p) => p.version,
            Self::AlreadyAnswered(p) => p.version,
            Self::ModeChanged(p) => p.version,
            Self::Reconnecting(p) | Self::Reconnected(p) => p.version,
            _ => None,
        }
    }
}

/// Who started a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Initiator {
    /// The user or guest.
    pub user_id: PeerId,
    /// Login name.
    #[serde(default)]
    pub username: String,
    /// Name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Address of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// `call:initiated`; may come up to three times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Initiated {
    /// The call.
    pub call_id: CallId,
    /// Where.
    pub conversation_id: ConversationId,
    /// How media travels.
    pub mode: CallMode,
    /// Video or audio.
    #[serde(default = "video", rename = "type")]
    pub call_type: CallType,
    /// Who started it.
    pub initiator: Initiator,
    /// Who is in it.
    #[serde(default)]
    pub participants: Vec<CallParticipant>,
    /// STUN and TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ice_servers: Option<Vec<IceServer>>,
    /// `direct` or `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_type: Option<String>,
    /// Name of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_title: Option<String>,
    /// When the ring ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_deadline: Option<Timestamp>,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

fn video() -> CallType {
    CallType::Video
}

/// `call:ringing` to the initiator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RingingAt {
    /// The call.
    pub call_id: CallId,
    /// Whose device rings.
    pub user_id: PeerId,
    /// The device.
    pub device_id: DeviceId,
    /// What it knows.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `call:participant-joined`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantJoined {
    /// The call.
    pub call_id: CallId,
    /// Who.
    pub participant: CallParticipant,
    /// How media travels.
    pub mode: CallMode,
    /// STUN and TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ice_servers: Option<Vec<IceServer>>,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `call:participant-left`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantLeft {
    /// The call.
    pub call_id: CallId,
    /// The row in this call.
    pub participant_id: CallParticipantId,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PeerId>,
    /// The guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous_id: Option<PeerId>,
    /// How media travels.
    pub mode: CallMode,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

impl ParticipantLeft {
    /// The key of this person's streams and connections: user, else guest.
    pub fn peer(&self) -> Option<&PeerId> {
        self.user_id.as_ref().or(self.anonymous_id.as_ref())
    }
}

/// `call:signal` to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedSignal {
    /// The call.
    pub call_id: CallId,
    /// What is said.
    pub signal: Signal,
}

/// `call:negotiate` to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NegotiateAsked {
    /// The call.
    pub call_id: CallId,
    /// Who asks.
    pub from: PeerId,
    /// Who shall offer: me.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PeerId>,
    /// Why.
    pub reason: NegotiateReason,
}

/// `call:media-toggled`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaToggled {
    /// The call.
    pub call_id: CallId,
    /// Membership; a user id from servers of the basic contract.
    pub participant_id: ParticipantId,
    /// The user or guest; decides where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PeerId>,
    /// What.
    pub media_type: MediaType,
    /// On or off.
    pub enabled: bool,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `call:ended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// The call.
    pub call_id: CallId,
    /// Seconds since it was answered.
    #[serde(default)]
    pub duration: u64,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<PeerId>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CallEndReason>,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `call:missed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missed {
    /// The call.
    pub call_id: CallId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who called.
    pub caller_id: PeerId,
    /// Name to show.
    #[serde(default)]
    pub caller_name: String,
}

/// `call:already-answered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlreadyAnswered {
    /// The call.
    pub call_id: CallId,
    /// The device that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `call:mode-changed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModeChanged {
    /// The call.
    pub call_id: CallId,
    /// Before.
    pub old_mode: CallMode,
    /// Now.
    pub new_mode: CallMode,
    /// Why, in words.
    #[serde(default)]
    pub reason: String,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `call:quality-alert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QualityAlert {
    /// The call.
    pub call_id: CallId,
    /// Whose path.
    pub participant_id: ParticipantId,
    /// The user or guest; decides where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PeerId>,
    /// What was measured.
    pub metric: String,
    /// How much.
    pub value: f64,
    /// From when on it is bad.
    pub threshold: f64,
}

/// `call:ice-servers-refreshed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceServersRefreshed {
    /// The call.
    pub call_id: CallId,
    /// STUN and TURN.
    pub ice_servers: Vec<IceServer>,
    /// Seconds that the credentials live.
    pub ttl: u64,
}

/// `call:force-leave` to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForcedOut {
    /// The call.
    pub call_id: CallId,
    /// Why; `answeredElsewhere` when another device of mine took the call over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CallEndReason>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `call:translated-segment`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TranslatedSegment {
    /// The call.
    pub call_id: CallId,
    /// What was said.
    pub segment: Segment,
    /// Anything that a translator adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translation: Option<Value>,
}

/// `call:reconnecting` and `call:reconnected` to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerReconnect {
    /// The call.
    pub call_id: CallId,
    /// Membership; a user id from servers of the basic contract.
    pub participant_id: ParticipantId,
    /// The user or guest; decides where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PeerId>,
    /// 1–10.
    #[serde(default)]
    pub attempt: u32,
    /// The session's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// `call:backgrounded` and `call:foregrounded` to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerPresence {
    /// The call.
    pub call_id: CallId,
    /// Membership; a user id from servers of the basic contract.
    pub participant_id: ParticipantId,
    /// The user or guest; decides where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PeerId>,
}

impl Check for Initiated {}
impl Check for RingingAt {}
impl Check for ParticipantJoined {}
impl Check for ParticipantLeft {}
impl Check for ReceivedSignal {}
impl Check for NegotiateAsked {}
impl Check for MediaToggled {}
impl Check for Ended {}
impl Check for Missed {}
impl Check for AlreadyAnswered {}
impl Check for ModeChanged {}
impl Check for QualityAlert {}
impl Check for IceServersRefreshed {}
impl Check for ForcedOut {}
impl Check for TranslatedSegment {}
impl Check for PeerReconnect {}
impl Check for PeerPresence {}
impl Check for CallError {}
