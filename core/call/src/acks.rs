//! Acks: which call an answer concerns, and what becomes of an event that was refused, not answered
//! or met a rate limit.

use ringwire_protocol::{Ack, CallError, ErrorCode, Instant};

use crate::call::{Call, says_gone};
use crate::goodbye::{cancel, leave_again};
use crate::outbox::{Pending, Purpose, retry_after};
use crate::store::CallStore;
use crate::{AckFailure, CallKey, OpId};

impl CallStore {
    pub(crate) fn ack(&mut self, op: OpId, outcome: Result<Ack, AckFailure>, now: Instant) {
        let Some(pending) = self.out.answered(op) else {
            return;
        };
        match outcome {
            Err(AckFailure::Refused(error)) if error.code == ErrorCode::RateLimitExceeded => {
                self.rate_limited(pending, error, now);
            }
            Err(AckFailure::Refused(error)) => self.refused(pending.purpose, error, now),
            Err(AckFailure::Malformed(_)) => self.unreadable(pending.purpose, now),
            Err(AckFailure::Timeout) => {
                self.ask_again(&pending.purpose, now);
                self.unanswered(pending.purpose, now);
            }
            Err(AckFailure::Disconnected) => self.unanswered(pending.purpose, now),
            Ok(ack) => self.answered(pending, ack, now),
        }
    }

    fn answered(&mut self, pending: Pending, ack: Ack, now: Instant) {
        let op = pending.op;
        match (pending.purpose, ack) {
            (Purpose::Initiate(key), Ack::Initiated(said)) => {
                let (calls, mut cx) = self.parts(now);
                let call = calls.iter_mut().find(|call| call.key == key);
                match call {
                    Some(call) if call.nameless().is_some() => call.initiated(said, &mut cx),
                    Some(call) if call.has_id(&said.call_id) => {
                        call.initiated(said, &mut cx);
                    }
                    // Cancelled meanwhile.
                    Some(_) | None => {
                        let conversation = call.map(|call| call.conversation.clone());
                        if let Some(conversation) = conversation {
                            cx.past.take_nameless(&conversation);
                        }
                        if !cx.past.is_buried(&said.call_id) {
                            cancel(said.call_id, &mut cx);
                        }
                    }
                }
            }
            (Purpose::Join(key), Ack::Joined(said)) => {
                let (calls, mut cx) = self.parts(now);
                match calls.iter_mut().find(|call| call.key == key) {
                    Some(call) if call.is_talk() => {
                        if call.has_id(&said.call_session.id) {
                            call.joined(said, &mut cx);
                        }
                    }
                    // It has ended here meanwhile, and the server has let this device in.
                    Some(_) | None => leave_again(&said.call_session, &mut cx),
                }
            }
            (Purpose::Heartbeat(key), Ack::Heartbeat(said)) => {
                self.with_call(key, now, |call, cx| call.heartbeat(&said, cx));
            }
            (Purpose::Goodbye(id), _) => self.past.goodbye_heard(&id),
            (Purpose::CheckActive, Ack::Active(said)) => self.reconcile(op, said, now),
            (Purpose::Ringing(_) | Purpose::Signal { .. }, _) => {}
            // An answer to another question.
            (
                purpose @ (Purpose::Initiate(_)
                | Purpose::Join(_)
                | Purpose::Heartbeat(_)
                | Purpose::CheckActive),
                _,
            ) => self.unreadable(purpose, now),
        }
    }

    fn refused(&mut self, purpose: Purpose, error: CallError, now: Instant) {
        match purpose {
            Purpose::Initiate(key) => self.initiate_refused(key, error, now),
            Purpose::Join(key) => {
                self.with_call(key, now, |call, cx| call.join_refused(error, cx));
            }
            Purpose::Ringing(key) => {
                self.with_call(key, now, |call, cx| call.ringing_refused(&error, cx));
            }
            // The server knows of nothing to end.
            Purpose::Goodbye(id) => self.past.goodbye_heard(&id),
            Purpose::Signal { .. } | Purpose::Heartbeat(_) => {
                let gone = says_gone(&error);
                if gone {
                    self.parts(now).1.check_by(now);
                }
            }
            Purpose::CheckActive => self.unanswered(Purpose::CheckActive, now),
        }
    }

    /// The server answered, and nobody knows what.
    fn unreadable(&mut self, purpose: Purpose, now: Instant) {
        match purpose {
            Purpose::Join(key) => {
                self.with_call(key, now, |call, cx| call.join_answered_somehow(cx));
            }
            purpose => self.unanswered(purpose, now),
        }
    }

    /// A device that has slept hears its questions time out before it hears the answers: what was
    /// missed is asked for again while a call is shown. A server of the basic contract never answers.
    fn ask_again(&mut self, purpose: &Purpose, now: Instant) {
        let shows = self.calls.iter().any(|call| !call.is_ended());
        let asked = self.out.asks_for_calls();
        if *purpose == Purpose::CheckActive && self.line.is_extended() && shows && !asked {
            self.parts(now).1.check_by(now);
        }
    }

    fn unanswered(&mut self, purpose: Purpose, now: Instant) {
        match purpose {
            Purpose::Initiate(key) => {
                self.with_call(key, now, |call, cx| call.initiate_in_doubt(cx));
            }
            Purpose::Join(key) => self.with_call(key, now, |call, cx| call.join_unanswered(cx)),
            Purpose::CheckActive => {
                let (calls, mut cx) = self.parts(now);
                for call in calls {
                    call.come_back(&mut cx);
                    call.initiate_again(&mut cx);
                }
            }
            Purpose::Ringing(_)
            | Purpose::Goodbye(_)
            | Purpose::Signal { .. }
            | Purpose::Heartbeat(_) => {}
        }
    }

    fn rate_limited(&mut self, pending: Pending, error: CallError, now: Instant) {
        let purpose = pending.purpose.clone();
        if let Purpose::Heartbeat(key) = purpose {
            // Those of several calls share the limit: none of them may always come last.
            let at = now + retry_after(&error);
            return self.with_call(key, now, |call, _| call.heartbeat_at(at));
        }
        if self.is_wanted(&purpose) && !self.out.delay(pending, &error, now) {
            match purpose {
                Purpose::Initiate(_) | Purpose::Join(_) | Purpose::CheckActive => {
                    self.refused(purpose, error, now);
                }
                Purpose::Ringing(_)
                | Purpose::Goodbye(_)
                | Purpose::Signal { .. }
                | Purpose::Heartbeat(_) => {}
            }
        }
    }

    /// True when an event is still worth saying.
    pub(crate) fn is_wanted(&self, purpose: &Purpose) -> bool {
        let call = |key: &CallKey| self.calls.iter().find(|call| call.key == *key);
        match purpose {
            Purpose::Initiate(key) => call(key).is_some_and(|call| call.nameless().is_some()),
            Purpose::Join(key) => call(key).is_some_and(Call::is_joining),
            Purpose::Ringing(key) => call(key).is_some_and(Call::is_incoming),
            Purpose::Signal {
                key,
                connection,
                round,
            } => call(key).is_some_and(|call| call.still_says(*connection, *round)),
            Purpose::Goodbye(id) => self.past.goodbye_to(id).is_some(),
            Purpose::CheckActive => true,
            // The next one comes anyhow.
            Purpose::Heartbeat(_) => false,
        }
    }
}
