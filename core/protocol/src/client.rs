//! Events from a client to the gateway.

use serde::{Deserialize, Serialize};

use crate::ack::AckKind;
use crate::event::{Broken, Check, events};
use crate::limits::{MAX_RECONNECT_ATTEMPT, MAX_SEGMENT_TEXT, MAX_TRACKS, Rate};
use crate::signal::TrackKind;
use crate::text_enum::text_enum;
use crate::{
    CallEndReason, CallId, CallType, ConversationId, DeviceId, MediaSettings, ParticipantId,
    PeerId, Signal, limits,
};

events! {
    /// An event from a client to the gateway.
    ClientEvent {
        /// Starts a call.
        Initiate(Initiate) = "call:initiate",
        /// This device rings now.
        Ringing(Ringing) = "call:ringing",
        /// Accepts a call.
        Join(Join) = "call:join",
        /// Leaves a call.
        Leave(OfCall) = "call:leave",
        /// Ends a call; before joining, declines it.
        End(End) = "call:end",
        /// One step of a negotiation.
        Signal(SendSignal) = "call:signal",
        /// Asks the offerer for an offer.
        Negotiate(AskNegotiate) = "call:negotiate",
        /// The microphone.
        ToggleAudio(Toggle) = "call:toggle-audio",
        /// The camera.
        ToggleVideo(Toggle) = "call:toggle-video",
        /// The screen.
        ToggleScreen(Toggle) = "call:toggle-screen",
        /// The whole call.
        Hold(Toggle) = "call:hold",
        /// Which streams of an SFU call are wanted.
        Subscribe(Subscribe) = "call:subscribe",
        /// Leaves every call of mine in a conversation.
        ForceLeave(OfConversation) = "call:force-leave",
        /// I am still here.
        Heartbeat(OfCall) = "call:heartbeat",
        /// How the media path does.
        QualityReport(QualityReport) = "call:quality-report",
        /// I have lost the path and look for another.
        Reconnecting(Reconnect) = "call:reconnecting",
        /// I have a path again.
        Reconnected(Reconnect) = "call:reconnected",
        /// Fresh TURN credentials, please.
        RequestIceServers(OfCall) = "call:request-ice-servers",
        /// Which calls ring for me or have me in them?
        CheckActive(Nothing) = "call:check-active",
        /// The app went into the background.
        Backgrounded(OfParticipant) = "call:backgrounded",
        /// The app is back.
        Foregrounded(OfParticipant) = "call:foregrounded",
        /// Something that I said, in text.
        TranscriptionSegment(Transcription) = "call:transcription-segment",
    }
}

impl ClientEvent {
    /// What the gateway acks this event with; `None` where it acks nothing.
    pub fn ack_kind(&self) -> Option<AckKind> {
        Some(match self {
            Self::Initiate(_) => AckKind::Initiate,
            Self::Join(_) => AckKind::Join,
            Self::Heartbeat(_) => AckKind::Heartbeat,
            Self::CheckActive(_) => AckKind::CheckActive,
            Self::Ringing(_) | Self::End(_) | Self::Signal(_) | Self::Subscribe(_) => AckKind::Done,
            _ => return None,
        })
    }

    /// The call that the event names.
    pub fn call_id(&self) -> Option<&CallId> {
        Some(match self {
            Self::Ringing(p) => &p.call_id,
            Self::Join(p) => &p.call_id,
            Self::Leave(p) | Self::Heartbeat(p) | Self::RequestIceServers(p) => &p.call_id,
            Self::End(p) => &p.call_id,
            Self::Signal(p) => &p.call_id,
            Self::Negotiate(p) => &p.call_id,
            Self::ToggleAudio(p) | Self::ToggleVideo(p) | Self::ToggleScreen(p) | Self::Hold(p) => {
                &p.call_id
            }
            Self::Subscribe(p) => &p.call_id,
            Self::QualityReport(p) => &p.call_id,
            Self::Reconnecting(p) | Self::Reconnected(p) => &p.call_id,
            Self::Backgrounded(p) | Self::Foregrounded(p) => &p.call_id,
            Self::TranscriptionSegment(p) => &p.call_id,
            Self::Initiate(_)
            | Self::ForceLeave(_)
            | Self::CheckActive(_)
            | Self::Unknown { .. } => {
                return None;
            }
        })
    }

    /// The limit under which the event falls, and the bucket that it is counted in.
    pub fn rate(&self) -> (&'static str, Rate) {
        match self {
            Self::Initiate(_) => ("initiate", limits::RATE_INITIATE),
            Self::Join(_) => ("join", limits::RATE_JOIN),
            Self::Leave(_) | Self::End(_) | Self::ForceLeave(_) => ("leave", limits::RATE_LEAVE),
            Self::Signal(p) if p.signal.is_candidate() => ("candidate", limits::RATE_CANDIDATE),
            Self::Signal(_) | Self::Negotiate(_) => ("signal", limits::RATE_SIGNAL),
            Self::ToggleAudio(_) | Self::ToggleVideo(_) | Self::ToggleScreen(_) | Self::Hold(_) => {
                ("toggle", limits::RATE_TOGGLE)
            }
            Self::Heartbeat(_) => ("heartbeat", limits::RATE_HEARTBEAT),
            Self::QualityReport(_) => ("quality", limits::RATE_QUALITY),
            _ => ("other", limits::RATE_OTHER),
        }
    }
}

/// `call:initiate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Initiate {
    /// Where.
    pub conversation_id: ConversationId,
    /// Video or audio.
    #[serde(rename = "type")]
    pub call_type: CallType,
    /// What the caller starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<MediaSettings>,
}

/// `call:ringing`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ringing {
    /// The call.
    pub call_id: CallId,
    /// The device that rings.
    pub device_id: DeviceId,
}

/// `call:join`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Join {
    /// The call.
    pub call_id: CallId,
    /// What this person starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<MediaSettings>,
    /// The device that joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
}

/// An event that names a call only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfCall {
    /// The call.
    pub call_id: CallId,
}

/// An event that names a conversation only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfConversation {
    /// The conversation.
    pub conversation_id: ConversationId,
}

/// An event that names a call and a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfParticipant {
    /// The call.
    pub call_id: CallId,
    /// The member.
    pub participant_id: ParticipantId,
}

/// An event without a payload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Nothing {}

/// `call:end`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// The call.
    pub call_id: CallId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CallEndReason>,
}

/// `call:signal` of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendSignal {
    /// The call.
    pub call_id: CallId,
    /// What is said.
    pub signal: Signal,
}

text_enum! {
    /// Why an offer is asked for.
    NegotiateReason {
        /// The path is broken.
        Restart = "restart",
        /// Streams come or go.
        Tracks = "tracks",
    }
}

/// `call:negotiate` of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskNegotiate {
    /// The call.
    pub call_id: CallId,
    /// The offerer.
    pub to: PeerId,
    /// Why.
    pub reason: NegotiateReason,
}

/// A toggle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toggle {
    /// The call.
    pub call_id: CallId,
    /// On or off.
    pub enabled: bool,
}

/// `call:subscribe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribe {
    /// The call.
    pub call_id: CallId,
    /// The wanted streams.
    pub wants: Vec<Want>,
}

/// A wanted stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// Whose.
    pub user_id: PeerId,
    /// Which of theirs.
    pub kind: TrackKind,
    /// Height in pixels that it is shown at.
    pub size: u32,
}

/// `call:quality-report`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QualityReport {
    /// The call.
    pub call_id: CallId,
    /// What was measured.
    pub stats: QualityStats,
}

text_enum! {
    /// Quality in a word.
    QualityLevel {
        /// Nothing to notice.
        Excellent = "excellent",
        /// Little to notice.
        Good = "good",
        /// Disturbing.
        Fair = "fair",
        /// Hardly usable.
        Poor = "poor",
    }
}

/// How the media path does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QualityStats {
    /// In a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<QualityLevel>,
    /// Percent, 0–100.
    pub packet_loss: f64,
    /// Round trip, ms.
    pub rtt: f64,
    /// Jitter, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// Sent, kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<BitrateKbps>,
    /// Bytes so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// Bytes so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<u64>,
    /// What the path would carry, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_outgoing_bitrate_bps: Option<f64>,
}

/// Bit rates by kind, kbit/s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BitrateKbps {
    /// Sound.
    #[serde(default)]
    pub audio: f64,
    /// Picture.
    #[serde(default)]
    pub video: f64,
}

/// `call:reconnecting` and `call:reconnected` of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reconnect {
    /// The call.
    pub call_id: CallId,
    /// Who.
    pub participant_id: ParticipantId,
    /// 1–10.
    #[serde(default = "first")]
    pub attempt: u32,
}

fn first() -> u32 {
    1
}

/// `call:transcription-segment`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transcription {
    /// The call.
    pub call_id: CallId,
    /// What was said.
    pub segment: Segment,
}

/// Something that was said, in text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Grows or is replaced under the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// At most 5,000 characters.
    pub text: String,
    /// Who spoke; the server stamps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker_id: Option<PeerId>,
    /// From, ms since the call was answered.
    pub start_ms: u64,
    /// To, ms since the call was answered.
    pub end_ms: u64,
    /// It will not change any more.
    pub is_final: bool,
    /// 0–1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// BCP 47.
    pub language: String,
}

impl Check for Initiate {}
impl Check for Ringing {}
impl Check for Join {}
impl Check for OfCall {}
impl Check for OfConversation {}
impl Check for OfParticipant {}
impl Check for Nothing {}
impl Check for End {}
impl Check for SendSignal {}
impl Check for AskNegotiate {}
impl Check for Toggle {}

impl Check for Subscribe {
    fn check(&self) -> Result<(), Broken> {
        if self.wants.len() > MAX_TRACKS {
            return Err(Broken::new(
                "wants",
                format!("at most {MAX_TRACKS} streams are allowed"),
            ));
        }
        Ok(())
    }
}

impl Check for QualityReport {
    fn check(&self) -> Result<(), Broken> {
        if !(0.0..=100.0).contains(&self.stats.packet_loss) {
            return Err(Broken::new(
                "stats.packetLoss",
                "a percentage from 0 to 100",
            ));
        }
        if self.stats.rtt < 0.0 {
            return Err(Broken::new("stats.rtt", "milliseconds, 0 or more"));
        }
        Ok(())
    }
}

impl Check for Reconnect {
    fn check(&self) -> Result<(), Broken> {
        if !(1..=MAX_RECONNECT_ATTEMPT).contains(&self.attempt) {
            return Err(Broken::new(
                "attempt",
                format!("from 1 to {MAX_RECONNECT_ATTEMPT}"),
            ));
        }
        Ok(())
    }
}

impl Check for Transcription {
    fn check(&self) -> Result<(), Broken> {
        let segment = &self.segment;
        if segment.text.chars().count() > MAX_SEGMENT_TEXT {
            return Err(Broken::new(
                "segment.text",
                format!("at most {MAX_SEGMENT_TEXT} characters are allowed"),
            ));
        }
        if segment
            .confidence
            .is_some_and(|c| !(0.0..=1.0).contains(&c))
        {
            return Err(Broken::new("segment.confidence", "from 0 to 1"));
        }
        if segment.end_ms < segment.start_ms {
            return Err(Broken::new("segment.endMs", "not before startMs"));
        }
        Ok(())
    }
}
