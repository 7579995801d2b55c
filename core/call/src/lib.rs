//! The call store: every state of a call and every way between them. No I/O and no clock.
//!
//! [`CallStore`] takes one [`Input`] at a time together with `now`, and leaves [`Effect`]s in a
//! queue. Whoever drives it drains the queue after each input, carries the effects out in order,
//! and brings results back as inputs: acks and steps of a negotiation by their [`OpId`], reports by
//! their [`ConnectionId`]. Late results are ignored, so nothing has to be taken back. It calls
//! again with [`Input::Tick`] at [`CallStore::wake_at`]. The snapshot is for the screen.
//!
//! | module | holds |
//! | --- | --- |
//! | `store` | [`CallStore`]: inputs to calls, timers, publishing |
//! | `commands`, `rings`, `glare` | what concerns several calls: taps and holds, rings and pushes, two calls that cross |
//! | `input`, `effect`, `snapshot`, `ids` | what goes in, what comes out, what is seen, what it is called |
//! | `call` | one call: its states as types, and what each input does to it |
//! | `acks`, `reconcile` | which call an ack concerns; the server's list of calls held against ours |
//! | `link`, `negotiation`, `early` | one connection; its offers and answers; signals before their time |
//! | `people`, `ice` | the others in a call; its STUN and TURN servers |
//! | `line`, `outbox` | the socket; what goes out over it |
//! | `past`, `goodbye` | calls that are over; what the server is told of that |
//!
//! # Bounds
//!
//! | what | most | beyond it |
//! | --- | --- | --- |
//! | calls that are listed | 8 | rings are ignored, own calls refused |
//! | people of a call | 64 | not listed |
//! | remote candidates that wait for their description, or for the join | 64 | the newest are dropped |
//! | own candidates that are said again after the socket was lost | 64 | not said again |
//! | events whose ack is awaited | 256 | the oldest signal is not awaited |
//! | events that wait for a rate limit | 128, five times each | dropped |
//! | ended calls that are remembered | 64 | the oldest is forgotten |
//! | conversations that are left by force once there is a socket | 8 | the oldest is not left |
//! | goodbyes that nobody has heard | 32, for 120 s | the oldest is dropped |
//!
#![doc = include_str!("table.md")]
#![forbid(unsafe_code)]

mod acks;
mod call;
mod commands;
mod early;
mod effect;
mod glare;
mod goodbye;
mod ice;
mod ids;
mod input;
mod line;
mod link;
mod negotiation;
mod outbox;
mod past;
mod people;
mod reconcile;
mod rings;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;

pub use effect::{CallEvent, Effect, IcePolicy};
pub use ids::{CallKey, ConnectionId, OpId};
pub use input::{AckFailure, Command, ConnectionEvent, Input, LocalMedia, PathState};
pub use snapshot::{
    CallState, CallView, Direction, PersonView, ReconnectCause, Snapshot, Timeline,
};
pub use store::{CallStore, Config, MAX_CALLS};
