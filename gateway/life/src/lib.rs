//! The server's half of a call's life: `session × command × now → session × events`. No I/O and
//! no clock: a gateway keeps the [`Call`], passes in commands and instants, and sends what comes out.
//!
//! | module | holds |
//! | --- | --- |
//! | [`record`] | the call as it is kept: members, people, ringing devices |
//! | [`command`] | who says what |
//! | [`transition`] | what comes out: the call after it, events, the answer, the next deadline |
//! | [`push`] | which device is woken for a ring, and whose ring a push stops |
//! | [`timers`] | time spans, so that tests may shorten them |
//! | [`mailbox`] | offers, answers and candidates kept for whoever is not there yet |
//! | `step` | one step: the working copy, its version, who is told |
//! | `ring`, `leave`, `signals`, `presence`, `time` | the rules |
//! | `view` | the call as clients see it |
//!
//! # States
//!
//! The status follows from what the record holds; nothing else is stored of it.
//!
//! | status | when | leads to |
//! | --- | --- | --- |
//! | `initiated` | made | `ringing` by the first device that rings; `active`; `ended` |
//! | `ringing` | a device has rung | `active` when somebody else has joined and answered the offer; `ended` |
//! | `active` | answered, everybody has a socket and a path | `reconnecting`; `ended` |
//! | `reconnecting` | answered, somebody has lost the socket or the path | `active`; `ended` |
//! | `ended` | over, with one reason | nothing: every command changes nothing or is refused |

#![forbid(unsafe_code)]

pub mod command;
mod leave;
pub mod mailbox;
mod presence;
pub mod push;
pub mod record;
mod ring;
mod signals;
mod step;
mod time;
pub mod timers;
pub mod transition;
mod view;

pub use command::{Actor, Command, Start};
pub use mailbox::Mailbox;
pub use push::{PushState, PushStep};
pub use record::{Call, Conversation, ConversationKind, End, Member, Person, RingingDevice};
pub use timers::Timers;
pub use transition::{Audience, Emit, Refused, Reply, Transition};

#[cfg(test)]
mod tests;
