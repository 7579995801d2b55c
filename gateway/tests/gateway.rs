//! Against a gateway that runs, with SQLite on disk and clients of its own over WebSockets.
//! One file of `gateway/` is one kind of story.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "gateway/client.rs"]
mod client;
#[path = "gateway/devices.rs"]
mod devices;
#[path = "gateway/door.rs"]
mod door;
#[path = "gateway/failures.rs"]
mod failures;
#[path = "gateway/glare.rs"]
mod glare;
#[path = "gateway/guests.rs"]
mod guests;
#[path = "gateway/life.rs"]
mod life;
#[path = "gateway/limits.rs"]
mod limits;
#[path = "gateway/process.rs"]
mod process;
#[path = "gateway/pushes.rs"]
mod pushes;
#[path = "gateway/rest.rs"]
mod rest;
#[path = "gateway/restart.rs"]
mod restart;
#[path = "gateway/signals.rs"]
mod signals;
#[path = "gateway/waiting.rs"]
mod waiting;
#[path = "gateway/web.rs"]
mod web;
