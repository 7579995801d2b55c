//! The law of refusals: a refusal is taken at its word, in the moment in which it is heard.

use ringwire_call::{AckFailure, CallEvent, CallKey, CallState, Effect, Input, Snapshot};
use ringwire_protocol::{CallEndReason, CallError, ClientEvent, ErrorCode};

use crate::device::is_over;
use crate::laws::Law;
use crate::world::World;

/// Questions of one device whose answers are awaited; older ones are no longer.
const MOST: usize = 64;

impl World {
    /// A device asks to make a call or to get into one.
    pub(crate) fn note_question(&mut self, d: usize, effect: &Effect) {
        let Effect::Send {
            op: Some(op),
            event,
        } = effect
        else {
            return;
        };
        let device = &mut self.devices[d];
        let mut calls = device.snapshot.calls.iter();
        let call = match event {
            ClientEvent::Initiate(said) => calls.find(|it| {
                it.state == CallState::Calling
                    && it.id.is_none()
                    && it.conversation == said.conversation_id
            }),
            ClientEvent::Join(said) => {
                calls.find(|it| it.id.as_ref() == Some(&said.call_id) && !is_over(it))
            }
            _ => return,
        };
        if let Some(key) = call.map(|it| it.key) {
            device.questions.push((*op, key));
        }
        if device.questions.len() > MOST {
            device.questions.remove(0);
        }
    }

    /// Which call of a device an input refuses, and how. A rate limit refuses nothing for good.
    pub(crate) fn refusal(&mut self, d: usize, input: &Input) -> Option<(CallKey, CallError)> {
        let Input::Ack { op, outcome } = input else {
            return None;
        };
        let questions = &mut self.devices[d].questions;
        let at = questions.iter().position(|(asked, _)| asked == op)?;
        let (_, key) = questions.remove(at);
        match outcome {
            Err(AckFailure::Refused(error)) if error.code != ErrorCode::RateLimitExceeded => {
                Some((key, error.clone()))
            }
            _ => None,
        }
    }

    /// A call that is over does not go on here, and the person is told with the gateway's code; a
    /// call that somebody else has made is not waited for.
    pub(crate) fn law_of_refusal(
        &mut self,
        d: usize,
        (key, error): (CallKey, CallError),
        before: &Snapshot,
        told: &[Effect],
    ) {
        let device = &self.devices[d];
        let Some(was) = before.call(key).filter(|it| !is_over(it)) else {
            return;
        };
        let is = device.snapshot.call(key);
        let waits = is.is_some_and(|it| it.state == CallState::Calling && it.id.is_none());
        let by_another = error.initiator_id.as_ref() != Some(&device.peer);
        let gone = matches!(error.code, ErrorCode::CallEnded | ErrorCode::CallNotFound);
        let goes_on = is.is_some_and(|it| !is_over(it));
        let lost = is.is_some_and(|it| {
            let reason = CallEndReason::ConnectionLost;
            it.state == CallState::Ended { reason }
        });
        let said = told.iter().filter(|it| {
            matches!(it, Effect::Notify(CallEvent::Failed { key: of, error: it })
                if *of == Some(key) && it.code == error.code)
        });
        let wrong = match &was.state {
            CallState::Calling => waits && by_another,
            _ if gone && goes_on => true,
            CallState::Connecting => gone && !lost && said.count() != 1,
            _ => false,
        };
        if wrong {
            let how = format!(
                "{}: {key} is refused with {}, and it is {:?}",
                device.name(),
                error.code,
                is.map(|it| &it.state)
            );
            self.broken(Law::Refusals, how);
        }
    }
}
