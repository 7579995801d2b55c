//! The UniFFI face of `CallClient`: plain records and numbers, no Rust behind the names.
//!
//! | module | holds |
//! | --- | --- |
//! | `client` | `CallClient`: commands, snapshot, and where all the rest comes from |
//! | `streams` | what is waited for: events, snapshots, answers |
//! | `media`, `raw` | sources and sinks of pictures and sound, and how their bytes cross the border |
//! | `state` | what is read: events, calls, people, figures |
//! | `error` | `CallError` |
//! | `timed` | how long a call took without the border, for the bench |
//! | `logs`, `trace`, `redact`, `diagnostics` | the log, what is cut out of it, and the file for a bad call |
//!
//! Commands return at once from any thread. Media calls run on the caller's own threads. No callbacks: the app pulls.
//! Names in Kotlin and Swift are those here in camel case, and the text of each item is the same there; the skins
//! describe the functions of `media` themselves.

#![allow(
    unsafe_code,
    reason = "UniFFI's scaffolding, and the memory of the skins in `raw`"
)]

mod client;
mod diagnostics;
mod error;
mod logs;
mod media;
mod raw;
mod redact;
mod state;
mod streams;
#[cfg(feature = "tested")]
mod timed;
mod trace;

pub use client::{CallClient, ClientConfig};
pub use error::{CallError, CallErrorKind};
pub use logs::{LogBatch, LogLevel, LogLine, set_log_level, take_logs};
pub use media::{AudioSink, AudioSource, Rotation, VideoCodec, VideoFrame, VideoSink, VideoSource};
pub use state::{Call, CallEvent, CallStage, CallStats, ClientSnapshot, Person, StreamStats};
pub use streams::{CallAnswer, EventStream, SnapshotStream};

#[cfg(feature = "tested")]
pub use timed::inside_ns;

#[cfg(feature = "tested")]
use timed::inside;

/// Does the work of a call.
#[cfg(not(feature = "tested"))]
fn inside<T>(work: impl FnOnce() -> T) -> T {
    work()
}

uniffi::setup_scaffolding!();
