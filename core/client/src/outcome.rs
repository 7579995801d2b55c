//! What became of a call that was made or accepted: answered, or why not. The client's task settles it, after all
//! commands that were given before.

use std::collections::VecDeque;

use ringwire_call::{CallEvent, CallKey, CallState, CallView};
use ringwire_protocol::{CallEndReason, CallError};
use thiserror::Error;
use tokio::sync::watch;

use crate::diagnostics::bounded;

/// Most calls whose last failure, and most merged ones whose new key is remembered.
const MAX_REMEMBERED: usize = 64;

/// Why nobody talks.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NotAnswered {
    /// The call is over.
    #[error("the call ended: {0}")]
    Ended(CallEndReason),
    /// It was refused.
    #[error("{}: {}", .0.code, .0.message)]
    Refused(Box<CallError>),
    /// It waits for this device, which has not accepted it.
    #[error("this device has not accepted the call")]
    NotAccepted,
    /// There is no such call, or it ended a while ago.
    #[error("there is no such call, or it ended a while ago")]
    Unknown,
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
}

/// A call to come: the key under which it goes on, or why it does not.
pub(crate) type Answer = Result<CallKey, NotAnswered>;

/// What becomes of a call. Holding it keeps no client alive.
#[derive(Debug, Clone)]
pub struct Answered(watch::Receiver<Option<Answer>>);

impl Answered {
    /// The two ends of a wait.
    pub(crate) fn channel() -> (watch::Sender<Option<Answer>>, Self) {
        let (waiter, answer) = watch::channel(None);
        (waiter, Self(answer))
    }

    /// Waits until somebody has answered: the key under which the call goes on. Any number of times; safe to cancel.
    ///
    /// # Errors
    /// Why nobody talks.
    pub async fn wait(&self) -> Result<CallKey, NotAnswered> {
        let mut answer = self.0.clone();
        let settled = answer.wait_for(Option::is_some).await;
        // The waiter goes with the client.
        let settled = settled.ok().and_then(|answer| answer.clone());
        settled.unwrap_or(Err(NotAnswered::Closed))
    }
}

/// Who waits for which call.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Vec<(CallKey, watch::Sender<Option<Answer>>)>,
    /// The oldest first, in both.
    failures: VecDeque<(CallKey, CallError)>,
    merged: VecDeque<(CallKey, CallKey)>,
}

impl Waiters {
    pub(crate) fn add(&mut self, key: CallKey, waiter: watch::Sender<Option<Answer>>) {
        let merged = self.merged.iter().find(|(gone, _)| *gone == key);
        let key = merged.map_or(key, |(_, into)| *into);
        self.waiting.push((key, waiter));
    }

    /// What an event says of a call that somebody may wait for.
    pub(crate) fn told(&mut self, event: &CallEvent) {
        match event {
            CallEvent::Failed {
                key: Some(key),
                error,
            } => {
                self.failures.retain(|(known, _)| known != key);
                bounded(&mut self.failures, MAX_REMEMBERED, (*key, error.clone()));
            }
            CallEvent::Merged { key, into } => {
                bounded(&mut self.merged, MAX_REMEMBERED, (*key, *into));
                let moved = self.waiting.iter_mut().filter(|(waits, _)| waits == key);
                moved.for_each(|(waits, _)| *waits = *into);
            }
            _ => {}
        }
    }

    /// Tells all whose call is settled.
    pub(crate) fn settle(&mut self, calls: &[CallView]) {
        // What fails in a call that goes on is no answer to it.
        let goes_on = |call: &CallView| {
            matches!(
                call.state,
                CallState::Active | CallState::Reconnecting { .. }
            )
        };
        self.failures
            .retain(|(key, _)| !calls.iter().any(|call| call.key == *key && goes_on(call)));
        self.waiting.retain(|(_, waiter)| !waiter.is_closed());
        for at in (0..self.waiting.len()).rev() {
            let key = self.waiting[at].0;
            let call = calls.iter().find(|call| call.key == key);
            let failure = self.failures.iter().find(|(failed, _)| *failed == key);
            if let Some(answer) = answer(key, call, failure.map(|(_, error)| error)) {
                let (_, waiter) = self.waiting.swap_remove(at);
                waiter.send_replace(Some(answer));
            }
        }
    }
}

fn answer(key: CallKey, call: Option<&CallView>, failure: Option<&CallError>) -> Option<Answer> {
    let refused = || failure.map(|error| NotAnswered::Refused(Box::new(error.clone())));
    Some(match call.map(|call| &call.state) {
        None => Err(refused().unwrap_or(NotAnswered::Unknown)),
        Some(CallState::Incoming | CallState::Offered) => {
            Err(refused().unwrap_or(NotAnswered::NotAccepted))
        }
        Some(CallState::Calling | CallState::Ringing | CallState::Connecting) => return None,
        Some(CallState::Active | CallState::Reconnecting { .. }) => Ok(key),
        // The failure says more.
        Some(CallState::Ended {
            reason: CallEndReason::Failed,
        }) => Err(refused().unwrap_or(NotAnswered::Ended(CallEndReason::Failed))),
        Some(CallState::Ended { reason }) => Err(NotAnswered::Ended(reason.clone())),
    })
}
