//! Glare: two who call each other at the same moment end up in one call. The gateway lets the first
//! claim of a conversation win and names the winner to the other.
//!
//! The key of my own call lives on: from the refusal on it is the winner. Where the winner rings
//! here already, that ring falls silent and its key is merged into mine; where its ring comes
//! before the refusal, it does not ring at all.

use ringwire_protocol::{CallError, CallStatus, ErrorCode, Instant};

use crate::call::{Call, Rival, Winner};
use crate::store::CallStore;
use crate::{CallEvent, CallKey};

impl CallStore {
    /// The server refuses a call of mine. CALL_ALREADY_ACTIVE may name that very call, where its
    /// name was lost with an ack; else it names another, which is joined or offered.
    pub(crate) fn initiate_refused(&mut self, key: CallKey, error: CallError, now: Instant) {
        let mine = error
            .initiator_id
            .as_ref()
            .is_some_and(|who| self.line.is_me(who));
        let (calls, mut cx) = self.parts(now);
        let Some(call) = calls.iter_mut().find(|call| call.key == key) else {
            return;
        };
        let already = error.code == ErrorCode::CallAlreadyActive;
        match &error.call_id {
            Some(id) if already && mine && call.may_have_been_made() && !cx.past.is_buried(id) => {
                if cx.line.is_extended() {
                    // Or another device of mine has made it: the row in the session says which.
                    call.initiate_in_doubt(&mut cx);
                } else {
                    call.adopted(id.clone(), None, &mut cx);
                }
            }
            _ => self.another_won(key, error, now),
        }
    }

    /// The call that the server has in this conversation is not this one of mine.
    pub(crate) fn another_won(&mut self, key: CallKey, error: CallError, now: Instant) {
        let (calls, cx) = self.parts(now);
        let Some(call) = calls.iter_mut().find(|call| call.key == key) else {
            return;
        };
        cx.past.take_nameless(&call.conversation);
        if call.nameless().is_none() {
            return;
        }
        let already = error.code == ErrorCode::CallAlreadyActive;
        match already.then(|| self.winner(key, &error)).flatten() {
            Some(winner) => self.lost_to(key, winner, &error, now),
            None => self.with_call(key, now, |call, cx| call.initiate_refused(error, cx)),
        }
    }

    /// The call that won, and that I may join; its ring is taken out of the list.
    fn winner(&mut self, key: CallKey, error: &CallError) -> Option<Winner> {
        let call = self.calls.iter_mut().find(|call| call.key == key)?;
        let named = |rival: &mut Box<Rival>| {
            let id = error.call_id.as_ref();
            id.is_none_or(|id| *id == rival.said.call_id)
        };
        let rival = call.rival.take_if(named).map(|rival| rival.said);
        let id = error
            .call_id
            .clone()
            .or(rival.as_ref().map(|rival| rival.call_id.clone()))?;
        if self.past.goodbye_to(&id).is_some() {
            return None;
        }
        let at = self.calls.iter().position(|call| call.has_id(&id));
        let before = match at {
            Some(at) if self.calls[at].is_incoming() || self.calls[at].is_offered() => {
                Some(Box::new(self.calls.remove(at)))
            }
            // I am in it.
            Some(_) => return None,
            None => None,
        };
        let rang = before.as_ref().is_some_and(|before| before.is_incoming()) || rival.is_some();
        let initiator = error.initiator_id.clone();
        let rival_initiator = rival.as_ref().map(|rival| rival.initiator.user_id.clone());
        let call_type = error.call_type.clone();
        let conversation_type = error.conversation_type.clone();
        let before_type = before.as_ref().and_then(|it| it.conversation_type());
        Some(Winner {
            id,
            initiator: initiator
                .or(rival_initiator)
                .or(before.as_ref().and_then(|before| before.initiator())),
            call_type: call_type.or(rival.as_ref().map(|rival| rival.call_type.clone())),
            conversation_type: conversation_type
                .or(rival.and_then(|rival| rival.conversation_type))
                .or(before_type),
            before,
            rings: rang,
        })
    }

    /// My call is the winner from here on: joined without asking only in a direct conversation,
    /// while it is initiated or ringing, started by the person whom I was calling.
    fn lost_to(&mut self, key: CallKey, winner: Winner, error: &CallError, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        let Some(call) = calls.iter_mut().find(|call| call.key == key) else {
            return;
        };
        let direct = winner.conversation_type.as_deref() == Some("direct");
        let waits = match &error.status {
            Some(status) => matches!(status, CallStatus::Initiated | CallStatus::Ringing),
            None => winner.rings,
        };
        let theirs = winner
            .initiator
            .as_ref()
            .is_some_and(|who| !cx.line.is_me(who));
        cx.past.unbury(&winner.id);
        if let Some(before) = &winner.before {
            if before.is_incoming() {
                cx.notify(CallEvent::StopRinging { key: before.key });
            }
            cx.notify(CallEvent::Merged {
                key: before.key,
                into: key,
            });
        }
        call.becomes(winner, direct && waits && theirs, &mut cx);
    }

    /// Rings that waited for the fate of a call of mine, and were not the call that it became.
    pub(crate) fn release_rivals(&mut self, now: Instant) {
        let settled = |call: &&mut Call| call.nameless().is_none() && call.rival.is_some();
        let calls = self.calls.iter_mut().filter(settled);
        let rivals: Vec<_> = calls.filter_map(|call| call.rival.take()).collect();
        for rival in rivals {
            self.ring(rival.said, now);
        }
    }
}
