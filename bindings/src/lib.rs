//! The UniFFI face of `CallClient`: plain records and numbers, no Rust behind the names.
//!
//! Commands return at once from any thread. Media calls run on the caller's own threads. No
//! callbacks: the app pulls events with `next_event` and pictures with
//! `VideoSink::next`. Names in Kotlin and Swift are those here in camel case.

#![allow(unsafe_code, reason = "UniFFI's scaffolding")]

mod client;
mod error;
mod logs;
mod media;
mod state;

pub use client::{CallClient, ClientConfig};
pub use error::{CallError, CallErrorKind};
pub use logs::{LogLevel, start_logs};
pub use media::{AudioSink, AudioSource, Rotation, VideoFrame, VideoSink, VideoSource};
pub use state::{Call, CallEvent, CallStage, CallStats, ClientSnapshot, Person};

uniffi::setup_scaffolding!();
