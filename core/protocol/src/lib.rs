//! What goes over the wire between a Ringwire client and a gateway: ids, types, events, acks,
//! signals, errors, limits and timers. No I/O and no clock.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ids`] | opaque ids, a type for each kind |
//! | [`session`] | a call and the people in it |
//! | [`signal`] | offers, answers and candidates on their way through the gateway |
//! | [`client`] | events from a client to the gateway |
//! | [`server`] | events from the gateway to a client |
//! | [`push`] | what a push says to a device that sleeps |
//! | [`ack`] | answers to a client's events |
//! | [`auth`] | what CONNECT carries and how it is answered |
//! | [`error`] | error codes, errors on the wire, bad input |
//! | [`limits`] | sizes and rates |
//! | [`timers`] | every time span of a call, in one table |
//! | [`instant`] | instants: of our own clock, and of the calendar |
//!
//! The *basic contract* is what every peer speaks; whatever is added is announced as a
//! [`Capability`], and used only towards a peer that has announced it.
//!
//! Bad input is a [`ProtocolError`] that names the field. Unknown events, fields and values are
//! kept or ignored, never an error.

#![forbid(unsafe_code)]

pub mod ack;
pub mod auth;
pub mod client;
pub mod error;
mod event;
pub mod ids;
pub mod instant;
pub mod limits;
pub mod push;
mod reader;
pub mod server;
pub mod session;
pub mod signal;
mod text_enum;
pub mod timers;

pub use ack::{Ack, AckKind};
pub use auth::{Auth, Authenticated, ClientInfo};
pub use client::ClientEvent;
pub use error::{CallError, ErrorCode, ProtocolError};
pub use event::parse_frame;
pub use ids::{CallId, CallParticipantId, ConversationId, DeviceId, ParticipantId, PeerId};
pub use instant::{Instant, Timestamp};
pub use push::Push;
pub use server::ServerEvent;
pub use session::{
    CallEndReason, CallMode, CallParticipant, CallSession, CallStatus, CallType, Capability,
    IceServer, MediaSettings, MediaType, Role,
};
pub use signal::{Signal, SignalBody};
