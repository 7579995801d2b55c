//! The whole system in one thread on a virtual clock: people with several devices each, the real
//! call store on every device, the real `ringwire-life` in a gateway with its store, and a network
//! that delays, loses and breaks. Everything comes from one seed; a story that breaks a law is
//! shrunk and told in words.
//!
//! | module | holds |
//! | --- | --- |
//! | `plan` | what a story begins with, and the acts in it |
//! | `world`, `queue`, `dice` | the clock, what is on its way, chance |
//! | `acts` | what people and misfortune do |
//! | `device`, `machine`, `sockets` | devices: what they keep, their stores, their connections |
//! | `peers`, `network` | media without media; frames on their way |
//! | `gateway`, `rates`, `pushes` | what `gateway/src` does around `ringwire-life` |
//! | `wire` | the hundredth part of the stories, which passes through the session and JSON |
//! | `model` | what a call is, on a page |
//! | `laws`, `rest` | what always holds, and what holds in the end |
//! | `story`, `words` | telling, shrinking, writing down |
//! | `coverage`, `drawing` | which inputs met which states, as a table and a picture |
//! | `faults` | faults that the laws must catch |
//!
//! What is real: the call stores and the gateway's calls of every story; sessions, codec, JSON of
//! every event, ack and kept call in one story of a hundred. What is a stand-in: sockets, the
//! gateway's I/O, the media connections, which have a path and no media.

#![forbid(unsafe_code)]

mod acts;
mod coverage;
mod device;
mod dice;
mod drawing;
mod faults;
mod gateway;
mod laws;
mod machine;
mod model;
mod network;
mod peers;
mod plan;
mod pushes;
mod queue;
mod rates;
mod rest;
mod sockets;
mod story;
mod weight;
mod wire;
mod words;
mod world;

pub use coverage::{Coverage, STATES, STATUSES};
pub use drawing::{picture, table};
pub use faults::Fault;
pub use laws::{Law, Violation};
pub use plan::Plan;
pub use story::{DRAWN, Ending, Wanted, coverage_of, shrink, tell, tell_safely};
pub use weight::bytes_per_call;
