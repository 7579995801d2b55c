//! What a call is, as plainly as it can be said: who is in it, whom it rings for, how it ended.
//! Every step of the gateway's call is held against it.

use std::time::Duration;

use ringwire_life::{Call, Command};
use ringwire_protocol::{CallEndReason, DeviceId, SignalBody, timers};

use crate::queue::Time;

/// Somebody in the call.
#[derive(Debug, Clone, PartialEq)]
struct Inside {
    person: usize,
    device: DeviceId,
    no_socket_since: Option<Time>,
    heard: Option<Time>,
    /// The app is in the background: its heartbeats may come seldom.
    background: bool,
    /// Which of this person's devices it is, nobody has said.
    guessed: bool,
}

/// A call. People are numbers; the first is the one who called.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    direct: bool,
    caller: usize,
    began: Time,
    inside: Vec<Inside>,
    /// Who was ever in it, who said no, and on which device an offer was answered.
    came: Vec<usize>,
    declined: Vec<usize>,
    answers: Vec<(usize, DeviceId)>,
    pub(crate) answered: Option<Time>,
    alone_since: Option<Time>,
    pub(crate) over: Option<CallEndReason>,
}

fn ms(span: Duration) -> Time {
    span.as_millis() as Time
}

impl Model {
    pub(crate) fn begins(direct: bool, caller: usize, device: DeviceId, now: Time) -> Self {
        let mut model = Self {
            direct,
            caller,
            began: now,
            inside: Vec::new(),
            came: Vec::new(),
            declined: Vec::new(),
            answers: Vec::new(),
            answered: None,
            alone_since: None,
            over: None,
        };
        model.enters(caller, device, now);
        model
    }

    /// Somebody says something, and is not refused.
    pub(crate) fn hears(&mut self, who: usize, device: &DeviceId, said: &Command, now: Time) {
        if self.over.is_some() {
            return;
        }
        let here = self
            .inside
            .iter()
            .position(|it| it.person == who && it.device == *device);
        let nameless = device.as_str().starts_with("unnamed");
        let mut others = self.inside.iter().filter(|it| it.person == who);
        let guessed = nameless && others.any(|it| it.guessed);
        match (said, here) {
            (Command::Join { .. }, Some(at)) => self.inside[at].no_socket_since = None,
            (Command::Join { .. }, None) => {
                self.inside.retain(|it| it.person != who);
                self.declined.retain(|it| *it != who);
                self.alone_since = None;
                self.enters(who, device.clone(), now);
            }
            (Command::Leave, _) if here.is_some() || guessed => {
                self.leaves(who, self.reason(who, None), now);
            }
            (Command::End { reason }, _) if here.is_some() || guessed => {
                self.leaves(who, self.reason(who, reason.as_ref()), now);
            }
            (Command::ForceLeave, _) if self.is_inside(who) => {
                self.leaves(who, self.reason(who, None), now);
            }
            (Command::Decline { reason }, None) if self.rings_for(who) => {
                self.declines(who, reason.as_ref());
            }
            (Command::Leave, None) if self.rings_for(who) => self.declines(who, None),
            (Command::End { reason }, None) if self.rings_for(who) => {
                self.declines(who, reason.as_ref());
            }
            (Command::Signal(signal), _) => {
                if matches!(signal.body, SignalBody::Answer { .. }) {
                    // It counts for the one who did not call.
                    let other = match who == self.caller && here.is_some() {
                        true => self.inside.iter().find(|it| it.person != who),
                        false => None,
                    };
                    let entry = match other {
                        Some(it) => (it.person, it.device.clone()),
                        None => (who, device.clone()),
                    };
                    self.answers.push(entry);
                }
            }
            (Command::Heartbeat, Some(at)) => self.inside[at].heard = Some(now),
            (Command::Backgrounded, Some(at)) => self.inside[at].background = true,
            (Command::Foregrounded, Some(at)) => self.inside[at].background = false,
            (Command::SocketLost, Some(at)) => {
                self.inside[at].no_socket_since.get_or_insert(now);
            }
            (Command::SocketBack, Some(at)) => self.inside[at].no_socket_since = None,
            _ => {}
        }
        self.see(now);
    }

    /// A device without a name comes back under another one.
    pub(crate) fn renamed(&mut self, who: usize, device: &DeviceId) {
        if let Some(it) = self.inside.iter_mut().find(|it| it.person == who) {
            it.device = device.clone();
            it.no_socket_since = None;
            it.guessed = true;
        }
    }

    /// Something was due a while ago, and the gateway's clock has only now come.
    pub(crate) fn is_late(&self, now: Time) -> bool {
        let mut then = self.clone();
        then.waits(now.saturating_sub(1_000));
        self.over.is_none() && then.over.is_some()
    }

    /// Time passes.
    pub(crate) fn waits(&mut self, now: Time) {
        let past = |since: Time, span: Duration| now >= since + ms(span);
        let somebody_came = self.came.iter().any(|it| *it != self.caller);
        if self.over.is_some() {
            return;
        }
        if self.answered.is_none() {
            let only_caller = self.inside.iter().all(|it| it.person == self.caller);
            if only_caller && self.alone_since.is_none() && past(self.began, timers::RING_DEADLINE)
            {
                self.ends(CallEndReason::Missed);
            }
            if past(self.began, timers::RING_SWEEP) {
                self.ends(match somebody_came {
                    true => CallEndReason::Failed,
                    false => CallEndReason::Missed,
                });
            }
        }
        for it in self.inside.clone() {
            let unanswered_caller = self.answered.is_none() && it.person == self.caller;
            match it.no_socket_since {
                Some(since) if unanswered_caller && past(since, timers::INITIATOR_GONE) => {
                    let reason = match somebody_came {
                        true => CallEndReason::Failed,
                        false => CallEndReason::Cancelled,
                    };
                    self.leaves(it.person, reason, now);
                }
                Some(since) if !unanswered_caller && past(since, timers::RECONNECT) => {
                    self.leaves(it.person, CallEndReason::ConnectionLost, now);
                }
                _ => {}
            }
            let silence = match it.background {
                true => timers::HEARTBEAT_TIMEOUT_BACKGROUND,
                false => timers::HEARTBEAT_TIMEOUT,
            };
            if it.heard.is_some_and(|heard| past(heard, silence)) {
                self.leaves(it.person, CallEndReason::HeartbeatTimeout, now);
            }
        }
        if self
            .alone_since
            .is_some_and(|since| past(since, timers::ALONE))
        {
            self.ends(CallEndReason::Completed);
        }
    }

    /// The gateway has started again: nobody has a socket.
    pub(crate) fn restarts(&mut self, now: Time) {
        for it in &mut self.inside {
            it.no_socket_since = Some(now);
            it.heard = it.heard.map(|_| now);
        }
    }

    pub(crate) fn is_inside(&self, who: usize) -> bool {
        self.inside.iter().any(|it| it.person == who)
    }

    /// Somebody besides the caller has accepted.
    pub(crate) fn was_accepted(&self) -> bool {
        self.came.iter().any(|it| *it != self.caller)
    }

    fn rings_for(&self, who: usize) -> bool {
        !self.came.contains(&who) && !self.declined.contains(&who)
    }

    fn enters(&mut self, who: usize, device: DeviceId, now: Time) {
        // An older app, which does not name its device, may never send a heartbeat.
        let beats = !device.as_str().starts_with("unnamed");
        self.inside.push(Inside {
            person: who,
            heard: beats.then_some(now),
            device,
            no_socket_since: None,
            background: false,
            guessed: false,
        });
        if !self.came.contains(&who) {
            self.came.push(who);
        }
    }

    fn leaves(&mut self, who: usize, reason: CallEndReason, now: Time) {
        self.inside.retain(|it| it.person != who);
        self.answers.retain(|(it, _)| *it != who);
        if self.direct || self.inside.is_empty() {
            self.ends(reason);
        }
        self.see(now);
    }

    fn declines(&mut self, who: usize, reason: Option<&CallEndReason>) {
        self.declined.push(who);
        self.answers.retain(|(it, _)| *it != who);
        if self.direct {
            self.ends(match reason {
                Some(CallEndReason::Busy) => CallEndReason::Busy,
                _ => CallEndReason::Rejected,
            });
        }
    }

    /// Only the first end counts.
    fn ends(&mut self, reason: CallEndReason) {
        self.over.get_or_insert(reason);
        self.inside.clear();
    }

    /// Why a call ends that somebody leaves.
    fn reason(&self, who: usize, given: Option<&CallEndReason>) -> CallEndReason {
        use CallEndReason::{Cancelled, Completed, ConnectionLost, Failed, Missed};
        let alone_with_it = who == self.caller && !self.was_accepted();
        match (given, alone_with_it) {
            (Some(Failed), _) => Failed,
            (Some(ConnectionLost), false) => ConnectionLost,
            (Some(Missed), true) => Missed,
            (_, true) => Cancelled,
            (Some(Cancelled), false) if who == self.caller && self.answered.is_none() => Cancelled,
            (_, false) => Completed,
        }
    }

    fn see(&mut self, now: Time) {
        let answered = self.inside.iter().any(|it| {
            it.person != self.caller && self.answers.contains(&(it.person, it.device.clone()))
        });
        if answered {
            self.answered.get_or_insert(now);
        }
        let alone = !self.direct && self.was_accepted() && self.inside.len() == 1;
        match alone {
            true => self.alone_since = self.alone_since.or(Some(now)),
            false => self.alone_since = None,
        }
    }

    /// How the gateway's call differs.
    pub(crate) fn differs(&self, call: &Call, person: impl Fn(&str) -> usize) -> Option<String> {
        let over = call.end.as_ref().map(|end| &end.reason);
        if over != self.over.as_ref() {
            return Some(format!(
                "it ended as {over:?}, and should have as {:?}",
                self.over
            ));
        }
        if call.answered_at.is_some() != self.answered.is_some() && over.is_none() {
            let is = if self.answered.is_some() {
                "answered"
            } else {
                "not answered"
            };
            return Some(format!("it should be {is}"));
        }
        let same = call.present().count() == self.inside.len()
            && call.present().all(|it| {
                self.inside.iter().any(|inside| {
                    inside.person == person(it.peer.as_str()) && inside.device == it.device
                })
            });
        if !same {
            let is: Vec<_> = call.present().map(|it| it.device.as_str()).collect();
            let should: Vec<_> = self.inside.iter().map(|it| it.device.as_str()).collect();
            return Some(format!("{is:?} are in it, and {should:?} should be"));
        }
        None
    }
}
