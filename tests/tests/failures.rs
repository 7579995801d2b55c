//! What went wrong in production elsewhere, and must not here: the fifteen failures at the end of
//! the wire contract, each end to end through a real gateway with real clients. A tap in each
//! client's line makes the moment at which it went wrong. One file of `failures/` is one kind.

#[path = "failures/ending.rs"]
mod ending;
#[path = "failures/ids.rs"]
mod ids;
#[path = "failures/lasting.rs"]
mod lasting;
#[path = "failures/ringing.rs"]
mod ringing;
#[path = "failures/scene.rs"]
mod scene;
#[path = "failures/signals.rs"]
mod signals;
