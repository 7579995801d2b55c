//! What time does to a call: rings that nobody answers, sockets and heartbeats that stay away,
//! people who are alone. Also a gateway that starts again.

use ringwire_protocol::{CallEndReason, Timestamp};

use crate::record::Call;
use crate::step::Step;
use crate::timers::Timers;
use crate::transition::{Reply, Transition};

/// Something that falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Nobody has joined before the ring deadline.
    Ring,
    /// The ring of a call that goes on is over for those who did not come.
    LateRing,
    /// Still unanswered.
    Unanswered,
    /// The initiator's socket stays away before the answer.
    InitiatorGone(usize),
    /// A socket stays away.
    SocketGone(usize),
    /// Heartbeats stay away.
    Silent(usize),
    /// Alone in a group call.
    Alone,
    /// Answered long ago, and never a heartbeat of those who are there.
    Stale,
}

impl Call {
    /// Does what has fallen due, the earliest first; nothing when nothing has.
    pub fn time(&self, now: Timestamp, timers: &Timers) -> Transition {
        let mut step = Step::new(self.clone(), now, timers);
        while let Some((_, due)) = step.call.next_due(timers).filter(|(at, _)| *at <= now) {
            step.fall_due(due);
        }
        step.done(self, Reply::Done)
    }

    /// When time has something to say next.
    pub fn next_deadline(&self, timers: &Timers) -> Option<Timestamp> {
        self.next_due(timers).map(|(at, _)| at)
    }

    /// After a start of the gateway nobody has a socket: everybody's clock begins now.
    pub fn restarted(&self, now: Timestamp, timers: &Timers) -> Transition {
        let mut step = Step::new(self.clone(), now, timers);
        if step.call.end.is_none() {
            for person in &mut step.call.people {
                if person.left_at.is_none() {
                    person.socket_lost = Some(now);
                    person.heartbeat = person.heartbeat.map(|_| now);
                }
            }
        }
        step.done(self, Reply::Done)
    }

    fn next_due(&self, timers: &Timers) -> Option<(Timestamp, Due)> {
        if self.end.is_some() {
            return None;
        }
        let mut dues = Vec::new();
        let others = self.present().any(|p| p.peer != self.initiator);
        if self.answered_at.is_none() {
            dues.push((self.started_at + timers.ring_sweep, Due::Unanswered));
            if !others && self.alone_since.is_none() {
                dues.push((self.ring_deadline, Due::Ring));
            }
        }
        if others && !self.ring_over && !self.is_direct() {
            dues.push((self.ring_deadline, Due::LateRing));
        }
        if let Some(since) = self.alone_since {
            dues.push((since + timers.alone, Due::Alone));
        }
        if let Some(answered) = self.answered_at
            && self.present().all(|p| p.heartbeat.is_none())
        {
            dues.push((answered + timers.stale_call, Due::Stale));
        }
        for (index, person) in self.people.iter().enumerate() {
            if person.left_at.is_some() {
                continue;
            }
            if let Some(lost) = person.socket_lost {
                let unanswered = self.answered_at.is_none();
                dues.push(match unanswered && person.peer == self.initiator {
                    true => (lost + timers.initiator_gone, Due::InitiatorGone(index)),
                    false => (lost + timers.reconnect, Due::SocketGone(index)),
                });
            }
            if let Some(beat) = person.heartbeat {
                let timeout = match person.background {
                    true => timers.heartbeat_timeout_background,
                    false => timers.heartbeat_timeout,
                };
                dues.push((beat + timeout, Due::Silent(index)));
            }
        }
        dues.into_iter().min_by_key(|(at, _)| *at)
    }
}

impl Step<'_> {
    /// Each of these ends the call, takes somebody out of it or is over: none falls due again.
    fn fall_due(&mut self, due: Due) {
        match due {
            Due::Ring => self.finish(CallEndReason::Missed, None),
            Due::LateRing => self.end_ring(),
            Due::Unanswered => {
                let reason = match self.call.was_joined() {
                    true => CallEndReason::Failed,
                    false => CallEndReason::Missed,
                };
                self.finish(reason, None);
            }
            Due::InitiatorGone(index) => {
                let reason = match self.call.was_joined() {
                    true => CallEndReason::Failed,
                    false => CallEndReason::Cancelled,
                };
                self.depart(index, reason, None);
            }
            Due::SocketGone(index) => self.depart(index, CallEndReason::ConnectionLost, None),
            Due::Silent(index) => self.depart(index, CallEndReason::HeartbeatTimeout, None),
            Due::Alone => self.finish(CallEndReason::Completed, None),
            Due::Stale => self.finish(CallEndReason::GarbageCollected, None),
        }
    }

    fn end_ring(&mut self) {
        self.call.ring_over = true;
        let absent: Vec<_> = self
            .call
            .members
            .iter()
            .map(|m| m.peer.clone())
            .filter(|peer| self.call.is_invited(peer) && !self.call.told.contains(peer))
            .collect();
        self.call.ringing.clear();
        for peer in absent {
            self.call.told.push(peer.clone());
            self.tell_missed(peer);
        }
    }
}
