//! What a connection reports: results of operations, candidates, states, first media; and its errors.

use ringwire_media::VideoCodec;
use thiserror::Error;

/// Sound, or which pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Opus.
    Audio,
    /// Camera.
    Video,
    /// Screen.
    Screen,
}

/// State of the connection as a whole (W3C `RTCPeerConnectionState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerState {
    /// Nothing negotiated.
    New,
    /// ICE or DTLS is under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// The path went silent; it may come back by itself.
    Disconnected,
    /// It will not come back without an ICE restart.
    Failed,
    /// Closed by us; always the last state.
    Closed,
}

/// Why an operation failed. The connection stays as it was before the operation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The connection could not be built: no socket, no entropy, a bad ICE server.
    #[error("set-up: {0}")]
    SetUp(String),
    /// The description cannot be read or does not fit ours.
    #[error("sdp: {0}")]
    Sdp(String),
    /// The candidate cannot be read.
    #[error("candidate: {0}")]
    Candidate(String),
    /// The operation does not fit the state of the negotiation: an answer to no offer of ours, or a late one.
    #[error("not now: {0}")]
    State(&'static str),
    /// An ICE server or the policy was refused.
    #[error("ice servers: {0}")]
    IceServers(String),
    /// More than 256 commands wait.
    #[error("too many commands")]
    Overloaded,
    /// The connection is closed, or its engine died.
    #[error("the connection is closed")]
    Closed,
}

/// What happened, in order. One `Offer`, `Answer`, `Applied` or `Failed` per operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEvent {
    /// Result of `create_offer`: send this to the other end.
    Offer {
        /// As given to the command.
        op: u64,
        /// Without candidates; they trickle.
        sdp: String,
    },
    /// Result of `accept_offer`: send this to the other end.
    Answer {
        /// As given to the command.
        op: u64,
        /// Without candidates; they trickle.
        sdp: String,
    },
    /// Result of `accept_answer`.
    Applied {
        /// As given to the command.
        op: u64,
    },
    /// The operation failed.
    Failed {
        /// As given to the command.
        op: u64,
        /// Why.
        error: PeerError,
    },
    /// A local candidate: send it to the other end. Always after the description it belongs to.
    Candidate {
        /// `candidate:…` (RFC 8839 §5.1), empty at the end of candidates.
        candidate: String,
        /// The media section's `a=mid`.
        sdp_mid: String,
        /// The media section's place.
        sdp_m_line_index: u16,
    },
    /// A candidate of the other end, or new ICE servers, were refused. The connection goes on without.
    Refused {
        /// Why.
        error: PeerError,
    },
    /// The connection's state changed.
    State(PeerState),
    /// The first packet of a remote track came, accepted or not.
    RemoteTrack {
        /// Of which kind.
        kind: TrackKind,
    },
    /// What each end sends as pictures from now on. Told once per negotiation that came to an end, before its
    /// `Answer` or `Applied`. `None`: no codec in common, or the other end takes none; sound flows all the same.
    Codecs {
        /// Camera.
        video: Option<VideoCodec>,
        /// Screen; also `None` where one end has no place for it.
        screen: Option<VideoCodec>,
    },
    /// The first whole picture of the camera went to its sink.
    FirstVideoFrame,
    /// The first whole picture of the screen went to its sink.
    FirstScreenFrame,
    /// The first sound went to the sink.
    FirstAudio,
}
