//! One WebRTC connection: negotiate, send, receive, restart, measure. It speaks SDP strings and plain types and
//! knows nothing of calls, signaling or people.
//!
//! Where to look: `peer` is the handle, `connection` its task, `negotiate` carries descriptions and candidates to and
//! from the engine; `description`, `codec` and `sdp` read and write them; `permission` is what may pass;
//! `send` and `receive` carry packets between the engine and the sources and sinks, which outlive connections;
//! `engine`, `chain`, `handler`, `runtime` and `nudge` are what webrtc-rs is made of here; `stats` measures.
//!
//! # Sections and codecs
//!
//! An offer holds sound, the camera and, with [`PeerConfig::screen`], the screen, each both ways: nothing that is switched
//! on or off later renegotiates. The first `m=video` is the camera, the second the screen; more are refused, and so is
//! a screen where the camera was never taken. Every video section of an offer lists all codecs of
//! [`PeerConfig::video_codecs`], each with its retransmissions. An answer of ours holds one of them, which the
//! answering end prefers; of another's answer the first that we know counts. H.264 is constrained baseline in
//! packetization mode 1 and nothing else. What was agreed first stays for the life of the connection: a later
//! description without it carries no such pictures. A section without any codec of ours is refused by itself, sound
//! flows, and [`PeerEvent::Codecs`] says so. An end that knows of one video section, or of none, gets what it knows, and
//! may offer more later.
//!
//! The rotation of a picture travels as `urn:3gpp:video-orientation` (3GPP TS 26.114 §7.4.5) where both ends know it:
//! sent with the last packet of each key frame and of each frame that is turned otherwise than the last.
//!
//! # Both ends offer at once
//!
//! [`Peer::accept_offer`] takes an offer at any time and rolls back one of ours that waits; not calling it ignores
//! theirs. That is all that perfect negotiation (W3C WebRTC §10.7) needs: the polite end accepts, the impolite one does
//! not. One thing cannot be rolled back: webrtc-rs 0.21.1 restarts ICE when an offer is made, not when it is
//! answered. If such an offer is dropped for one that restarts nothing, [`PeerEvent::RestartDropped`] is told, and
//! nothing passes until the restart is offered again.
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
