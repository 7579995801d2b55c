//! The Socket.IO session of a client: connect, authenticate, events, acks, pings, reconnect. It
//! knows no call: what an event means is the business of `ringwire-call`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`codec`] | Engine.IO 4 and Socket.IO 5 as text, both ways |
//! | [`session`] | the session as a machine without I/O, clock or chance of its own |
//! | [`driver`] | the thin driver that gives the machine a socket, TLS and time; a feature of the crate |
//! | [`clock`] | the clock that keeps running while the phone sleeps |
//! | [`limits`] | spans and bounds of the session |
//!
//! ```text
//!  client ──emit, set_auth, network_changed, close──▶ driver ──Input, now──▶ session
//!         ◀────────────── SignalingEvent ──────────── driver ◀─── Output ───
//! ```

#![forbid(unsafe_code)]

mod claims;
pub mod clock;
pub mod codec;
#[cfg(feature = "driver")]
pub mod driver;
pub mod limits;
pub mod session;

pub use clock::Clock;
#[cfg(feature = "driver")]
pub use driver::{ConfigError, DriverConfig, EmitError, Signaling};
pub use session::{AckFailure, Input, Output, Session, SessionConfig, SignalingEvent};
