//! The laws: what holds after every step. What holds when nothing happens any more is in `rest`.
//!
//! | module | holds |
//! | --- | --- |
//! | `device`, `views` | what a device does, and what it shows |
//! | `calls` | the gateway's calls against the model |
//! | `agreement` | both ends against each other |
//! | `refusals` | answers that say no |
//! | `about` | nothing: says what an input is about |

mod about;
mod agreement;
mod calls;
mod device;
mod refusals;
mod views;

pub(crate) use about::About;

use std::fmt;

use crate::queue::Time;
use crate::world::World;

/// A law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Law {
    /// A ring, its end and a call's end are each told once to each device, and in this order.
    ToldOnce,
    /// No device rings past its deadline, nor for a call that is over for its person longer than
    /// it takes to know.
    Rings,
    /// What concerns one call changes no other.
    Apart,
    /// No media before the accept.
    MediaAfterAccept,
    /// No direct address leaves a device before the accept.
    Addresses,
    /// A call ends with one reason, and both ends show the same.
    OneReason,
    /// What is over at one end is over at the other as soon as it can know.
    Agreement,
    /// A conversation has one call at a time: who call each other end in one.
    OneCall,
    /// Nobody is blocked from calling by a call that is over.
    Free,
    /// No call looks for a path for longer than 60 s, nor for an answer for longer than 40 s.
    Limits,
    /// Every timer that is armed is fired or cancelled, and nothing is left open.
    Timers,
    /// Duration counts from the answer.
    Duration,
    /// Every bound of the design holds.
    Bounds,
    /// The gateway's call is what the model says.
    Model,
    /// Versions only grow, and an ended call stays as it ended.
    Versions,
    /// A refusal is taken at its word, and told once with the gateway's code.
    Refusals,
    /// Connections are used between their opening and their closing, sockets while they are up.
    Order,
    /// What one end writes the other can read.
    Wire,
    /// A call whose trouble ends in time goes on.
    Lives,
    /// A machine does not panic.
    Panic,
    /// A story comes to rest: in the end all are in the same calls, with sound both ways, or in none.
    Rest,
}

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// When, ms since the beginning of the story.
    pub at: Time,
    /// How.
    pub how: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / 1_000.0;
        write!(f, "{seconds:.3} s: {:?}: {}", self.law, self.how)
    }
}

impl World {
    /// A law is broken: the story ends here. The first one counts.
    pub(crate) fn broken(&mut self, law: Law, how: String) {
        if self.violation.is_none() {
            let at = self.now;
            self.violation = Some(Violation { law, at, how });
        }
    }
}
