//! Offers, answers and candidates on their way through the gateway, checked against the limits.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{MAX_CANDIDATE, MAX_SDP, MAX_SDP_MID, MAX_TRACKS};
use crate::text_enum::text_enum;
use crate::{DeviceId, PeerId};

/// One step of a negotiation (RFC 8829) from one peer to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The sender.
    pub from: PeerId,
    /// The addressee.
    pub to: PeerId,
    /// Grows with each negotiation of a connection; answers and candidates echo it.
    pub negotiation_id: Option<u64>,
    /// The sender's device.
    pub from_device: Option<DeviceId>,
    /// The addressee's device.
    pub to_device: Option<DeviceId>,
    /// Which connection with the SFU.
    pub connection: Option<SfuConnection>,
    /// What is said.
    pub body: SignalBody,
}

/// What a signal says.
#[derive(Clone, PartialEq)]
pub enum SignalBody {
    /// An offer.
    Offer {
        /// The description.
        sdp: String,
        /// From the SFU: whose media lies where.
        tracks: Option<Vec<TrackOwner>>,
    },
    /// An answer.
    Answer {
        /// The description.
        sdp: String,
    },
    /// A candidate; empty at the end of candidates.
    Candidate {
        /// `candidate:…` (RFC 8839 §5.1), or empty.
        candidate: String,
        /// Index of its media section.
        sdp_m_line_index: Option<u16>,
        /// Name of its media section.
        sdp_mid: Option<String>,
    },
    /// An offer that restarts ICE.
    IceRestart {
        /// The description.
        sdp: String,
    },
    /// A kind of a newer or another peer: ignored.
    Unknown {
        /// Its `type`.
        kind: String,
    },
}

impl std::fmt::Debug for SignalBody {
    /// Without addresses and fingerprints, so that logs may hold it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Offer { sdp, .. } => write!(f, "Offer({} characters)", sdp.len()),
            Self::Answer { sdp } => write!(f, "Answer({} characters)", sdp.len()),
            Self::IceRestart { sdp } => write!(f, "IceRestart({} characters)", sdp.len()),
            Self::Candidate { candidate, .. } => {
                write!(f, "Candidate({} characters)", candidate.len())
            }
            Self::Unknown { kind } => write!(f, "Unknown({kind})"),
        }
    }
}

text_enum! {
    /// One of a client's two connections with the SFU.
    SfuConnection {
        /// Client to SFU; the client offers.
        Publish = "publish",
        /// SFU to client; the SFU offers.
        Subscribe = "subscribe",
    }
}

text_enum! {
    /// What a stream shows.
    TrackKind {
        /// Sound.
        Audio = "audio",
        /// Camera.
        Camera = "camera",
        /// Screen.
        Screen = "screen",
    }
}

/// Whose media a media section carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackOwner {
    /// The media section.
    pub mid: String,
    /// Whose.
    pub user_id: PeerId,
    /// Which of theirs.
    pub kind: TrackKind,
}

impl Signal {
    /// True for candidates, which are counted apart.
    pub fn is_candidate(&self) -> bool {
        matches!(self.body, SignalBody::Candidate { .. })
    }
}

/// The flat form on the wire.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    r#type: String,
    from: PeerId,
    to: PeerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sdp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    candidate: Option<String>,
    #[serde(
        default,
        rename = "sdpMLineIndex",
        skip_serializing_if = "Option::is_none"
    )]
    sdp_m_line_index: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sdp_mid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    negotiation_id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_device: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_device: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<SfuConnection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracks: Option<Vec<TrackOwner>>,
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut wire = Wire {
            r#type: String::new(),
            from: self.from.clone(),
            to: self.to.clone(),
            sdp: None,
            candidate: None,
            sdp_m_line_index: None,
            sdp_mid: None,
            negotiation_id: self.negotiation_id,
            from_device: self.from_device.clone(),
            to_device: self.to_device.clone(),
            connection: self.connection.clone(),
            tracks: None,
        };
        match &self.body {
            SignalBody::Offer { sdp, tracks } => {
                wire.r#type = "offer".into();
                wire.sdp = Some(sdp.clone());
                wire.tracks = tracks.clone();
            }
            SignalBody::Answer { sdp } => {
                wire.r#type = "answer".into();
                wire.sdp = Some(sdp.clone());
            }
            SignalBody::IceRestart { sdp } => {
                wire.r#type = "ice-restart".into();
                wire.sdp = Some(sdp.clone());
            }
            SignalBody::Candidate {
                candidate,
                sdp_m_line_index,
                sdp_mid,
            } => {
                wire.r#type = "ice-candidate".into();
                wire.candidate = Some(candidate.clone());
                wire.sdp_m_line_index = *sdp_m_line_index;
                wire.sdp_mid = sdp_mid.clone();
            }
            SignalBody::Unknown { kind } => wire.r#type = kind.clone(),
        }
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let problem = serde::de::Error::custom;
        let body = match wire.r#type.as_str() {
            "offer" => SignalBody::Offer {
                sdp: checked_sdp(wire.sdp).map_err(problem)?,
                tracks: checked_tracks(wire.tracks).map_err(problem)?,
            },
            "answer" => SignalBody::Answer {
                sdp: checked_sdp(wire.sdp).map_err(problem)?,
            },
            "ice-restart" => SignalBody::IceRestart {
                sdp: checked_sdp(wire.sdp).map_err(problem)?,
            },
            "ice-candidate" => SignalBody::Candidate {
                candidate: checked_candidate(wire.candidate).map_err(problem)?,
                sdp_m_line_index: wire.sdp_m_line_index,
                sdp_mid: checked_mid(wire.sdp_mid).map_err(problem)?,
            },
            other => SignalBody::Unknown {
                kind: other.chars().take(64).collect(),
            },
        };
        Ok(Self {
            from: wire.from,
            to: wire.to,
            negotiation_id: wire.negotiation_id,
            from_device: wire.from_device,
            to_device: wire.to_device,
            connection: wire.connection,
            body,
        })
    }
}

// The messages name the field in back-quotes first: `ProtocolError` takes it from there.

fn checked_sdp(sdp: Option<String>) -> Result<String, String> {
    let sdp = sdp.ok_or("`sdp` is missing")?;
    let count = sdp.chars().count();
    if count > MAX_SDP {
        return Err(format!(
            "`sdp` has {count} characters, at most {MAX_SDP} are allowed"
        ));
    }
    if !sdp.contains("v=0") || !sdp.contains("m=") {
        return Err("`sdp` needs a line v=0 and a line m=".into());
    }
    Ok(sdp)
}

fn checked_candidate(candidate: Option<String>) -> Result<String, String> {
    let candidate = candidate.ok_or("`candidate` is missing")?;
    let count = candidate.chars().count();
    if count > MAX_CANDIDATE {
        return Err(format!(
            "`candidate` has {count} characters, at most {MAX_CANDIDATE} are allowed"
        ));
    }
    if !candidate.is_empty() && !candidate.starts_with("candidate:") {
        return Err("`candidate` starts with candidate: or is empty".into());
    }
    Ok(candidate)
}

fn checked_mid(mid: Option<String>) -> Result<Option<String>, String> {
    match mid {
        Some(mid) if mid.chars().count() > MAX_SDP_MID => Err(format!(
            "`sdpMid` is too long, at most {MAX_SDP_MID} characters are allowed"
        )),
        mid => Ok(mid),
    }
}

fn checked_tracks(tracks: Option<Vec<TrackOwner>>) -> Result<Option<Vec<TrackOwner>>, String> {
    match tracks {
        Some(tracks) if tracks.len() > MAX_TRACKS => Err(format!(
            "`tracks` has {} entries, at most {MAX_TRACKS} are allowed",
            tracks.len()
        )),
        tracks => Ok(tracks),
    }
}
