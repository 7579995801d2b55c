//! The reference gateway: Socket.IO and REST in one process, calls in a database.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | what a gateway is started with |
//! | [`gateway`] | starting and stopping one |
//! | [`demo`] | the people and conversations of `--demo` |
//! | `shared` | what every task of one gateway has in hand |
//! | `database` | people, conversations, calls, devices: the only place that speaks SQL |
//! | `calls` | one step of a call: load, let `life` decide, save, tell |
//! | `clock` | the task that wakes calls when their time has come |
//! | `socket`, `incoming`, `events` | a socket, what comes in on it, what is done about it |
//! | `hub` | who is told on which socket |
//! | [`push`] | pushes to devices that sleep |
//! | `guests` | links that let guests in |
//! | `rates`, `tokens`, `turn`, `ids` | limits, JWT, TURN credentials, fresh ids |
//! | `http` | the REST routes and the page |
//!
//! What a call may do and when is not decided here but in the room `life`.

#![forbid(unsafe_code)]

mod calls;
mod clock;
pub mod config;
mod database;
pub mod demo;
mod error;
mod events;
pub mod gateway;
mod guests;
mod http;
mod hub;
mod ids;
mod incoming;
pub mod push;
mod rates;
mod shared;
mod socket;
mod tls;
mod tokens;
mod turn;

pub use config::{Config, Database, Tls, Turn};
pub use demo::EchoRequest;
pub use error::GatewayError;
pub use gateway::{Gateway, Guest};
pub use push::{Parcel, PushError, PushSender, Webhook};
pub use ringwire_life::Timers;
