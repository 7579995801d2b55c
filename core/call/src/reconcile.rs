//! What check-active changes: the server's list of calls is held against ours.

use ringwire_protocol::ack::ActiveCalls;
use ringwire_protocol::{CallSession, Instant};

use crate::OpId;
use crate::call::{Row, is_here};
use crate::goodbye::say_again;
use crate::store::CallStore;

impl CallStore {
    /// Takes the answer to the question `asked`.
    pub(crate) fn reconcile(&mut self, asked: OpId, said: ActiveCalls, now: Instant) {
        for session in &said.calls {
            self.listed(session, now);
        }
        self.forget_heard_goodbyes(&said);
        let (calls, mut cx) = self.parts(now);
        for call in calls.iter_mut() {
            // A name that came after the question cannot be missing in its answer.
            let missing = call.id.as_ref().is_some_and(|named| {
                named.after < asked && !said.calls.iter().any(|it| it.id == named.id)
            });
            if missing {
                call.lost_by_server(&mut cx);
            }
            call.initiate_again(&mut cx);
        }
    }

    fn listed(&mut self, session: &CallSession, now: Instant) {
        let here = is_here(&session.participants, &self.line);
        let (calls, mut cx) = self.parts(now);
        if let Some(call) = calls.iter_mut().find(|call| call.has_id(&session.id)) {
            return call.session(session, &mut cx);
        }
        if let Some(goodbye) = cx.past.goodbye_to(&session.id) {
            return say_again(session.id.clone(), goodbye, &mut cx);
        }
        let mine = cx.line.is_me(&session.initiator_id) && here != Some(Row::Elsewhere);
        if !mine || cx.past.is_buried(&session.id) || session.status.is_end() {
            // Rings come again as `call:initiated`, with the caller's name.
            return;
        }
        let key = calls
            .iter()
            .find(|call| call.waits_for_name(&session.conversation_id))
            .map(|call| call.key);
        self.mine_is_made(session.id.clone(), &session.conversation_id, None, now);
        let (calls, mut cx) = self.parts(now);
        if let Some(call) = calls.iter_mut().find(|call| Some(call.key) == key) {
            call.session(session, &mut cx);
        }
    }

    /// A goodbye to a call that the server has no longer is heard, or needless.
    fn forget_heard_goodbyes(&mut self, said: &ActiveCalls) {
        for (id, _) in self.past.goodbyes() {
            if !said.calls.iter().any(|session| session.id == id) {
                self.past.goodbye_heard(&id);
            }
        }
    }
}
