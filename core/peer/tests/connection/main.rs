//! Two connections in one process over loopback UDP, one file for each thing that they can do to each other.
#![allow(missing_docs, clippy::unwrap_used)]

mod audio;
mod browsers;
mod codecs;
mod losses;
mod measuring;
mod muting;
mod negotiation;
mod restart;
mod screen;
#[path = "../two_ends/mod.rs"]
mod two_ends;
mod video;
