//! The answers that are awaited: bounded, each with its deadline.

use std::collections::VecDeque;

use ringwire_protocol::{AckKind, Instant, timers};

use crate::limits::MAX_ACKS;

/// An answer that is awaited.
#[derive(Debug)]
pub(super) struct Awaited {
    id: u64,
    deadline: Instant,
    pub(super) op: u64,
    pub(super) kind: AckKind,
}

/// All of them. Each waits equally long, so the oldest is the first to run out.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Grows over all connections, so that the answer to an older event finds nobody.
    next_id: u64,
    awaited: VecDeque<Awaited>,
}

impl Acks {
    /// Awaits an answer; its number on the wire. `None` when [`MAX_ACKS`] are awaited already.
    pub(super) fn add(&mut self, op: u64, kind: AckKind, now: Instant) -> Option<u64> {
        if self.awaited.len() >= MAX_ACKS {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let deadline = now + timers::ACK;
        self.awaited.push_back(Awaited {
            id,
            deadline,
            op,
            kind,
        });
        Some(id)
    }

    /// Takes the one that an answer belongs to; `None` for a late or foreign one.
    pub(super) fn take(&mut self, id: u64) -> Option<Awaited> {
        let place = self.awaited.iter().position(|awaited| awaited.id == id)?;
        self.awaited.remove(place)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.awaited.front().map(|oldest| oldest.deadline)
    }

    /// Takes the oldest if its time is over.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Awaited> {
        self.awaited.pop_front_if(|oldest| oldest.deadline <= now)
    }

    /// Takes all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Awaited> {
        std::mem::take(&mut self.awaited).into_iter()
    }
}
