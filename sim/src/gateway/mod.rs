//! The gateway of a story: the real `ringwire-life`, and around it what `gateway/src` does: a store
//! with the first claim of a conversation and a revision check, limits, greetings, a clock with its
//! sweep, crashes and restarts.
//!
//! | module | does |
//! | --- | --- |
//! | `sockets` | who comes and goes |
//! | `events` | what devices say |
//! | `steps` | what becomes of a call |
//! | `crashes` | the clock, crashes and starts |

mod crashes;
mod events;
mod sockets;
mod steps;

use ringwire_life::{Actor, Call, Command, Conversation, ConversationKind, Timers};
use ringwire_protocol::{CallId, Capability, ConversationId, Timestamp};

use crate::device::NEVER;
use crate::model::Model;
use crate::plan::{PEOPLE, Setup};
use crate::pushes::PushRow;
use crate::queue::Time;
use crate::rates::Rates;

/// The calendar at the beginning of every story, ms.
const BEGINNING: i64 = 1_800_000_000_000;

/// A call as the store keeps it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) call: Call,
    revision: u64,
    deadline: Time,
    pub(crate) model: Model,
    /// Since when each person's part in it is as it is.
    pub(crate) changed_at: Time,
    pub(crate) over_at: Option<Time>,
}

/// The gateway and its store.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The store; it outlives a crash. A call's id is its place.
    pub(crate) calls: Vec<Kept>,
    live: Vec<usize>,
    places: Vec<(Conversation, Vec<usize>)>,
    pub(crate) up: bool,
    pub(crate) up_since: Time,
    pub(crate) rates: Rates,
    sweep_at: Time,
    rows: u64,
    /// The next commit is the last thing before a crash of this length.
    crash_at_commit: Option<Time>,
    pub(crate) timers: Timers,
    pub(crate) pushes: Vec<PushRow>,
}

/// What makes a call change.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    Said(Actor, Command),
    /// The last socket of a device is gone, unless another one has come.
    SocketLost(Actor),
    Time,
    Restart,
}

/// Whom an answer goes to.
type Asker = Option<(usize, Option<u64>)>;

impl Gateway {
    pub(crate) fn new(setup: &Setup) -> Self {
        let present = |person: &usize| setup.devices.iter().any(|it| it.person == *person);
        let everybody: Vec<usize> = (0..PEOPLE.len()).filter(present).collect();
        let mut places = Vec::new();
        for (at, one) in everybody.iter().enumerate() {
            for other in &everybody[at + 1..] {
                places.push((vec![*one, *other], ConversationKind::Direct));
            }
        }
        if everybody.len() > 2 {
            places.push((everybody, ConversationKind::Group));
        }
        let places = places.into_iter().map(|(people, kind)| {
            let name: String = people.iter().map(|it| &PEOPLE[*it][..1]).collect();
            let conversation = Conversation {
                id: ConversationId::new(name).expect("letters are an id"),
                kind,
                title: None,
            };
            (conversation, people)
        });
        Self {
            calls: Vec::new(),
            live: Vec::new(),
            places: places.collect(),
            up: true,
            up_since: 0,
            rates: Rates::default(),
            sweep_at: 30_000,
            rows: 0,
            crash_at_commit: None,
            timers: Timers::default(),
            pushes: Vec::new(),
        }
    }

    /// What this gateway knows beyond the basic contract.
    pub(crate) fn capabilities(&self) -> Vec<Capability> {
        vec![
            Capability::Ringing,
            Capability::Negotiate,
            Capability::Version,
            Capability::Screen,
            Capability::Hold,
        ]
    }

    /// The conversations of somebody; those with one other come first.
    pub(crate) fn places_of(&self, person: usize) -> Vec<ConversationId> {
        let mine = self
            .places
            .iter()
            .filter(|(_, people)| people.contains(&person));
        mine.map(|(place, _)| place.id.clone()).collect()
    }

    pub(crate) fn call(&self, id: &CallId) -> Option<&Kept> {
        self.calls.get(number(id)?)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Kept> {
        self.live.iter().map(|at| &self.calls[*at])
    }

    pub(crate) fn live_in(&self, place: &ConversationId) -> Option<&Kept> {
        self.live().find(|kept| kept.call.conversation.id == *place)
    }

    /// When the gateway's clock has something to do.
    pub(crate) fn timer(&self) -> Time {
        if !self.up {
            return NEVER;
        }
        let calls = self.live().map(|kept| kept.deadline).min().unwrap_or(NEVER);
        let pushes = self
            .pushes
            .iter()
            .map(|row| row.next)
            .min()
            .unwrap_or(NEVER);
        match self.live.is_empty() {
            true => pushes,
            false => calls.min(self.sweep_at).min(pushes),
        }
    }
}

pub(crate) fn timestamp(now: Time) -> Timestamp {
    Timestamp::from_millis(BEGINNING + now as i64)
}

pub(crate) fn time_of(at: Timestamp) -> Time {
    (at.as_millis() - BEGINNING).max(0) as Time
}

fn number(id: &CallId) -> Option<usize> {
    id.as_str().strip_prefix('c')?.parse().ok()
}

/// Who has this name.
pub(crate) fn person(name: &str) -> usize {
    PEOPLE
        .iter()
        .position(|it| *it == name)
        .unwrap_or(usize::MAX)
}
