//! What goes out: the queue of effects, events whose ack is awaited, events that wait for a rate
//! limit. Which event is said when is the calls' business.

use std::collections::VecDeque;
use std::time::Duration;

use ringwire_protocol::client::Nothing;
use ringwire_protocol::{CallError, CallId, ClientEvent, Instant};

use crate::line::Line;
use crate::past::Past;
use crate::{CallEvent, CallKey, ConnectionId, Effect, OpId};

/// Most events whose ack is awaited; beyond it the oldest signal is no longer.
const MAX_PENDING: usize = 256;
/// Most events that wait for a rate limit; beyond it they are dropped, and found again by
/// check-active or by the next ICE restart.
const MAX_DELAYED: usize = 128;
/// How often an event that meets a rate limit is said again.
const MAX_TRIES: u32 = 5;
/// Longest wait that a rate limit may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Spread of what waits for the same limit, so that it does not meet it again all at once.
const RETRY_SPREAD_MS: u64 = 250;

/// What an ack is the answer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    Initiate(CallKey),
    Join(CallKey),
    Ringing(CallKey),
    Goodbye(CallId),
    /// A signal of one round of a negotiation.
    Signal {
        key: CallKey,
        connection: ConnectionId,
        round: Option<u64>,
    },
    Heartbeat(CallKey),
    CheckActive,
}

/// An event whose ack is awaited.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) op: OpId,
    pub(crate) purpose: Purpose,
    event: ClientEvent,
    tries: u32,
}

#[derive(Debug)]
pub(crate) struct Delayed {
    at: Instant,
    pub(crate) purpose: Purpose,
    event: ClientEvent,
    tries: u32,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    effects: VecDeque<Effect>,
    last_op: u64,
    last_connection: u64,
    pending: VecDeque<Pending>,
    delayed: Vec<Delayed>,
    /// When the server is asked which calls there are; only while the socket is up.
    pub(crate) check_at: Option<Instant>,
    chance: u64,
}

impl Outbox {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            effects: VecDeque::new(),
            last_op: 0,
            last_connection: 0,
            pending: VecDeque::new(),
            delayed: Vec::new(),
            check_at: None,
            // Xorshift stands still at zero.
            chance: seed | 1,
        }
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(crate) fn pop(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn op(&mut self) -> OpId {
        self.last_op += 1;
        OpId::from_raw(self.last_op)
    }

    /// The last operation so far; what was asked later has a higher one.
    pub(crate) fn last_op(&self) -> OpId {
        OpId::from_raw(self.last_op)
    }

    pub(crate) fn connection(&mut self) -> ConnectionId {
        self.last_connection += 1;
        ConnectionId::from_raw(self.last_connection)
    }

    /// The event that an ack answers; `None` for an unknown or late ack.
    pub(crate) fn answered(&mut self, op: OpId) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.op == op)?;
        self.pending.remove(at)
    }

    /// The server's list of calls is on its way.
    pub(crate) fn asks_for_calls(&self) -> bool {
        let mut pending = self.pending.iter();
        pending.any(|it| it.purpose == Purpose::CheckActive)
    }

    /// Forgets what was under way: each call says again what still matters.
    pub(crate) fn socket_lost(&mut self) {
        self.pending.clear();
        self.delayed.clear();
        self.check_at = None;
    }

    /// Puts an event off that met a rate limit. False when it has been tried too often.
    pub(crate) fn delay(&mut self, pending: Pending, error: &CallError, now: Instant) -> bool {
        if pending.tries >= MAX_TRIES || self.delayed.len() >= MAX_DELAYED {
            return false;
        }
        let spread = Duration::from_millis(self.roll(RETRY_SPREAD_MS));
        self.delayed.push(Delayed {
            at: now + retry_after(error) + spread,
            purpose: pending.purpose,
            event: pending.event,
            tries: pending.tries + 1,
        });
        true
    }

    pub(crate) fn next_delayed(&self) -> Option<Instant> {
        self.delayed.iter().map(|delayed| delayed.at).min()
    }

    /// Takes out all that has waited long enough, in the order in which it was said first.
    pub(crate) fn take_delayed(&mut self, now: Instant) -> Vec<Delayed> {
        let (due, waiting) = std::mem::take(&mut self.delayed)
            .into_iter()
            .partition(|delayed| delayed.at <= now);
        self.delayed = waiting;
        due
    }

    pub(crate) fn say_delayed(&mut self, delayed: Delayed) {
        self.send_asking(delayed.purpose, delayed.event, delayed.tries);
    }

    fn send_asking(&mut self, purpose: Purpose, event: ClientEvent, tries: u32) {
        if self.pending.len() >= MAX_PENDING {
            let oldest_signal = self
                .pending
                .iter()
                .position(|pending| matches!(pending.purpose, Purpose::Signal { .. }));
            self.pending.remove(oldest_signal.unwrap_or(0));
        }
        let op = self.op();
        self.pending.push_back(Pending {
            op,
            purpose,
            event: event.clone(),
            tries,
        });
        self.push(Effect::Send {
            op: Some(op),
            event,
        });
    }

    /// A number below `below`, which is not zero (xorshift64).
    fn roll(&mut self, below: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % below
    }
}

/// How long a rate limit asks to wait: a second where it does not say.
pub(crate) fn retry_after(error: &CallError) -> Duration {
    error
        .retry_after
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(Duration::from_secs(1))
        .clamp(Duration::from_millis(100), MAX_RETRY_AFTER)
}

/// What a call may use while it takes an input.
pub(crate) struct Cx<'a> {
    pub(crate) now: Instant,
    pub(crate) line: &'a Line,
    pub(crate) out: &'a mut Outbox,
    pub(crate) past: &'a mut Past,
}

impl Cx<'_> {
    /// Says an event that no ack is wanted of. Without a socket it is not said.
    pub(crate) fn tell(&mut self, event: ClientEvent) {
        if self.line.is_up() {
            self.out.push(Effect::Send { op: None, event });
        }
    }

    /// Says an event that an ack is wanted of. Without a socket it is not said.
    pub(crate) fn ask(&mut self, purpose: Purpose, event: ClientEvent) {
        if self.line.is_up() {
            self.out.send_asking(purpose, event, 0);
        }
    }

    pub(crate) fn notify(&mut self, event: CallEvent) {
        self.out.push(Effect::Notify(event));
    }

    pub(crate) fn fail(&mut self, key: Option<CallKey>, error: CallError) {
        self.notify(CallEvent::Failed { key, error });
    }

    /// Asks the server at `at`, or earlier where that was planned already.
    pub(crate) fn check_by(&mut self, at: Instant) {
        self.out.check_at = Some(self.out.check_at.map_or(at, |planned| planned.min(at)));
    }

    /// Asks the server now which calls there are.
    pub(crate) fn check_now(&mut self) {
        self.out.check_at = None;
        self.ask(
            Purpose::CheckActive,
            ClientEvent::CheckActive(Nothing::default()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_the_xorshift_of_its_paper() {
        // G. Marsaglia, Xorshift RNGs, 2003: 13, 7, 17.
        let mut outbox = Outbox::new(1);
        assert_eq!(outbox.roll(u64::MAX), 1_082_269_761);
        assert_eq!(outbox.roll(u64::MAX), 1_152_992_998_833_853_505);
    }

    #[test]
    fn what_waits_for_the_same_limit_is_spread() {
        let mut outbox = Outbox::new(7);
        let mut parts = [0; 5];
        for _ in 0..1_000 {
            parts[(outbox.roll(RETRY_SPREAD_MS) / 50) as usize] += 1;
        }
        assert!(
            parts.iter().all(|part| (150..250).contains(part)),
            "{parts:?}"
        );
    }
}
