//! `CallClient`: signaling, call, peer and media in one object. Commands in, [`CallClient::next_event`]
//! and [`CallClient::snapshot`] out, sources and sinks of sound and pictures beside them.
//!
//! ```text
//!  app ──commands──▶ ┌────────┐ ──inputs──▶ call ──effects──┐
//!  app ◀──events──── │ client │                             │
//!  app ◀─snapshot─── │  task  │ ◀──events── signaling ◀─────┤
//!                    └────────┘ ◀──events── peer (each its own task)
//!  app ◀═══════ VideoSource, VideoSink, AudioSource, AudioSink ═══════▶ peer
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | what a client is started with |
//! | [`event`] | what it tells, and the bounded queue of it |
//! | `watch` | streams of events and snapshots, which keep no client alive |
//! | `outcome` | what became of a call that was made or accepted |
//! | [`diagnostics`] | what a client remembers of its calls, for whoever looks into a bad one |
//! | `client` | the face: commands, events, snapshot, media |
//! | `task` | the one task that feeds the call store and carries out its effects |
//! | `connections` | the peer connections of the calls |
//! | `sinks` | where the sound and pictures of each call come out |
//! | `quality` | a connection's figures in words and rates |
//! | `steps` | a trace line for each thing that the task takes in or says |
//! | `runtime` | the tokio runtime that all clients share |

#![forbid(unsafe_code)]

mod client;
pub mod config;
mod connections;
pub mod diagnostics;
pub mod event;
mod outcome;
mod quality;
mod runtime;
mod sinks;
mod steps;
mod task;
mod watch;

pub use client::{Alarm, CallClient, ClientError};
pub use config::Config;
pub use event::{Event, Snapshot, SocketState};
pub use outcome::{Answered, NotAnswered};
pub use ringwire_call::{
    CallEvent, CallKey, CallState, CallView, Direction, LocalMedia, PersonView,
};
pub use ringwire_media::{MediaError, Rotation, VideoCodec, VideoFrame};
pub use ringwire_peer::{
    AudioSink, AudioSource, CandidateKind, PeerStats, StreamStats, VideoSink, VideoSource,
};
pub use ringwire_protocol as protocol;
pub use runtime::alive_tasks;
pub use watch::{Events, Snapshots};
