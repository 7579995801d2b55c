//! One WebRTC connection: negotiate, send, receive, restart, measure. It speaks SDP strings and plain types and
//! knows nothing of calls, signaling or people.
//!
//! Where to look: `peer` is the handle, `connection` its task, `negotiate` and `description` what it
//! agrees on with the other end; `permission` is what may pass;
//! `send` and `receive` carry packets between the engine and the sources and sinks, which outlive connections;
//! `engine`, `chain`, `handler` and `runtime` are what webrtc-rs is made of here; `stats` measures.
#![forbid(unsafe_code)]

mod audio_sink;
mod audio_source;
mod chain;
mod codec;
mod config;
mod connection;
mod description;
mod engine;
mod event;
mod handler;
mod link;
mod meter;
mod negotiate;
mod nudge;
mod peer;
mod permission;
mod receive;
mod runtime;
mod sdp;
mod send;
mod stats;
mod video_sink;
mod video_source;

pub use audio_sink::{AudioOrigin, AudioSink};
pub use audio_source::AudioSource;
pub use config::{IcePolicy, IceServer, PeerConfig, PeerMedia, VideoCodec};
pub use event::{PeerError, PeerEvent, PeerState, TrackKind};
pub use peer::{Peer, PeerEvents};
pub use ringwire_media::{AudioReceiverStatistics, MediaError, Rotation, VideoFrame};
pub use stats::{CandidateKind, Loss, PeerStats, SelectedPath, StreamStats};
pub use video_sink::VideoSink;
pub use video_source::VideoSource;
