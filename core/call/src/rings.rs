//! Rings: of the gateway, of pushes, and of a call of mine that is made.

use ringwire_protocol::server::Initiated;
use ringwire_protocol::{CallEndReason, CallId, ConversationId, IceServer, Instant, Push};

use crate::call::{Call, Rival, Row, from_push, is_here};
use crate::goodbye::cancel;
use crate::store::CallStore;

impl CallStore {
    /// `call:initiated`: a call rings here, or mine is made.
    pub(crate) fn rings(&mut self, said: Initiated, now: Instant) {
        let row = is_here(&said.participants, &self.line);
        let known = self.calls.iter().any(|call| call.has_id(&said.call_id));
        if !known && !self.past.is_buried(&said.call_id) {
            if row == Some(Row::Elsewhere) {
                return;
            }
            if self.line.is_me(&said.initiator.user_id) {
                let (id, place) = (said.call_id, &said.conversation_id);
                return self.mine_is_made(id, place, said.ice_servers, now);
            }
            if self.line.me.is_none() {
                return;
            }
        }
        self.ring(said, now);
    }

    /// A push of a call.
    pub(crate) fn push(&mut self, push: Push, now: Instant) {
        match push {
            Push::Ring(ring) => {
                if self.line.is_me(&ring.caller_user_id) {
                    return;
                }
                let over = self.line.rings_for(ring.ring_deadline, now).is_zero();
                self.parts(now).1.check_by(now);
                // Late, or the calendar is wrong: the gateway knows which, and says it again.
                if !over {
                    self.ring(from_push(ring), now);
                }
            }
            Push::Cancel(id) => self.silence(&id, CallEndReason::Cancelled, now),
            Push::AnsweredElsewhere(id) => {
                self.silence(&id, CallEndReason::AnsweredElsewhere, now);
            }
        }
    }

    /// A call rings no more. One whose ring comes after that does not ring at all.
    fn silence(&mut self, id: &CallId, reason: CallEndReason, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        match calls.iter_mut().find(|call| call.has_id(id)) {
            Some(call) => call.silenced(reason, &mut cx),
            None => cx.past.bury(id),
        }
    }

    /// Somebody else's call rings here, by event or by push.
    pub(crate) fn ring(&mut self, said: Initiated, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        if let Some(call) = calls.iter_mut().find(|it| it.has_id(&said.call_id)) {
            return call.told_again(said, &mut cx);
        }
        if cx.past.is_buried(&said.call_id) {
            return;
        }
        let glare = calls
            .iter_mut()
            .find(|call| call.nameless().is_some() && call.conversation == said.conversation_id);
        if let Some(mine) = glare {
            let after = cx.out.last_op();
            mine.rival = Some(Box::new(Rival { said, after }));
            return;
        }
        let busy = calls.iter().any(Call::is_going_on) && !self.call_waiting;
        if !self.make_room() {
            return;
        }
        let key = self.next_incoming();
        let (calls, mut cx) = self.parts(now);
        let call = if busy {
            Call::ring_when_busy(key, said, &mut cx)
        } else {
            Call::ring(key, said, &mut cx)
        };
        calls.push(call);
    }

    /// The server has made a call of mine: one that waits for its name, or one that was cancelled
    /// before it had one.
    pub(crate) fn mine_is_made(
        &mut self,
        id: CallId,
        conversation: &ConversationId,
        ice_servers: Option<Vec<IceServer>>,
        now: Instant,
    ) {
        let (calls, mut cx) = self.parts(now);
        if cx.past.take_nameless(conversation) {
            return cancel(id, &mut cx);
        }
        let waiting = calls
            .iter_mut()
            .find(|call| call.waits_for_name(conversation));
        if let Some(call) = waiting {
            call.adopted(id, ice_servers, &mut cx);
        }
    }
}
