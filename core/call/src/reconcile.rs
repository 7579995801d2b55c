//! What check-active changes: the server's list of calls is held against ours.

use ringwire_protocol::ack::ActiveCalls;
use ringwire_protocol::{CallError, CallSession, ErrorCode, Instant};

use crate::OpId;
use crate::call::{Call, Initiate, Named, Row, is_here};
use crate::goodbye::{leave_again, say_again};
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
            let listed = |named: &Named| said.calls.iter().any(|it| it.id == named.id);
            let missing = call
                .id
                .as_ref()
                .is_some_and(|named| named.after < asked && !listed(named));
            if missing && call.is_listed() {
                call.lost_by_server(&mut cx);
            }
            // A ring that waits is over as well when it is not among them.
            call.rival.take_if(|rival| {
                let id = &rival.said.call_id;
                rival.after < asked && !said.calls.iter().any(|it| it.id == *id)
            });
            call.come_back(&mut cx);
            call.initiate_again(&mut cx);
        }
    }

    fn listed(&mut self, session: &CallSession, now: Instant) {
        let here = is_here(&session.participants, &self.line);
        let (calls, mut cx) = self.parts(now);
        let known = calls.iter_mut().find(|call| call.has_id(&session.id));
        match (known, cx.past.goodbye_to(&session.id)) {
            (Some(call), _) => return call.session(session, &mut cx),
            (None, Some(goodbye)) => return say_again(session.id.clone(), goodbye, &mut cx),
            (None, None) => {}
        }
        // Its end may have been told while a join was on its way.
        if cx.past.is_buried(&session.id) {
            return leave_again(session, &mut cx);
        }
        if session.status.is_end() {
            return;
        }
        let mine = cx.line.is_me(&session.initiator_id);
        let waits = calls
            .iter()
            .find(|call| call.waits_for_name(&session.conversation_id))
            .map(|call| (call.key, call.nameless()));
        match waits {
            Some((key, _)) if mine && here != Some(Row::Elsewhere) => {
                let (id, place) = (session.id.clone(), &session.conversation_id);
                self.mine_is_made(id, place, None, now);
                self.with_call(key, now, |call, cx| call.session(session, cx));
            }
            // Mine may have been refused, and the refusal lost.
            Some((key, Some(Initiate::Doubtful))) => {
                self.another_won(key, already_active(session), now);
            }
            Some(_) => {}
            None if mine && here != Some(Row::Elsewhere) && cx.past.has_nameless(session) => {
                let (id, place) = (session.id.clone(), &session.conversation_id);
                self.mine_is_made(id, place, None, now);
            }
            None if here == Some(Row::Here) => self.offer_again(session, now),
            // Rings come again as `call:initiated`, with the caller's name.
            None => {}
        }
    }

    /// The server has this device in a call that it does not know: it was restarted.
    fn offer_again(&mut self, session: &CallSession, now: Instant) {
        if self.make_room() {
            let key = self.next_incoming();
            let (calls, mut cx) = self.parts(now);
            let call = Call::found(key, session, &mut cx);
            calls.push(call);
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

/// The error that a call in this session's conversation would be refused with.
fn already_active(session: &CallSession) -> CallError {
    let mut error = CallError::new(
        ErrorCode::CallAlreadyActive,
        "this conversation has a call already",
    );
    error.call_id = Some(session.id.clone());
    error.initiator_id = Some(session.initiator_id.clone());
    error.status = Some(session.status.clone());
    error.call_type = Some(session.call_type());
    error.conversation_type = session
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.get("conversationType")?.as_str())
        .map(str::to_owned);
    error
}
