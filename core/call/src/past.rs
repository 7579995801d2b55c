//! Calls that are over: ids that never ring again, goodbyes until they are heard, and calls that
//! were cancelled before the server had named them.

use std::collections::VecDeque;

use ringwire_protocol::{CallId, CallSession, ClientEvent, ConversationId, Instant, timers};

/// Ended calls that are remembered; beyond it the oldest is forgotten.
const MAX_BURIED: usize = 64;
/// Goodbyes that are not heard yet; beyond it the oldest is dropped.
const MAX_GOODBYES: usize = 32;
/// Cancelled calls without a name; beyond it the oldest is dropped.
const MAX_NAMELESS: usize = 8;
/// Conversations that are left by force once there is a socket; beyond it the oldest is not.
const MAX_FORCE_LEAVES: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Past {
    buried: VecDeque<CallId>,
    goodbyes: VecDeque<Goodbye>,
    nameless: VecDeque<Nameless>,
    force_leaves: VecDeque<ConversationId>,
}

/// What is told to the server about a call that is over here.
#[derive(Debug)]
struct Goodbye {
    call: CallId,
    event: ClientEvent,
    since: Instant,
}

#[derive(Debug)]
struct Nameless {
    conversation: ConversationId,
    since: Instant,
}

impl Past {
    /// The call is over for good.
    pub(crate) fn bury(&mut self, call: &CallId) {
        if !self.is_buried(call) {
            push_bounded(&mut self.buried, call.clone(), MAX_BURIED);
        }
    }

    /// It was left, and may be joined again.
    pub(crate) fn unbury(&mut self, call: &CallId) {
        self.buried.retain(|buried| buried != call);
    }

    pub(crate) fn is_buried(&self, call: &CallId) -> bool {
        self.buried.contains(call)
    }

    /// Keeps a goodbye until it is heard.
    pub(crate) fn keep_goodbye(&mut self, call: CallId, event: ClientEvent, since: Instant) {
        self.goodbyes.retain(|goodbye| goodbye.call != call);
        push_bounded(
            &mut self.goodbyes,
            Goodbye { call, event, since },
            MAX_GOODBYES,
        );
    }

    pub(crate) fn goodbye_heard(&mut self, call: &CallId) {
        self.goodbyes.retain(|goodbye| goodbye.call != *call);
    }

    pub(crate) fn goodbye_to(&self, call: &CallId) -> Option<ClientEvent> {
        self.goodbyes
            .iter()
            .find(|goodbye| goodbye.call == *call)
            .map(|goodbye| goodbye.event.clone())
    }

    pub(crate) fn goodbyes(&self) -> Vec<(CallId, ClientEvent)> {
        self.goodbyes
            .iter()
            .map(|goodbye| (goodbye.call.clone(), goodbye.event.clone()))
            .collect()
    }

    /// A call was cancelled while the server may have made it without us knowing its id.
    pub(crate) fn cancelled_nameless(&mut self, conversation: ConversationId, since: Instant) {
        push_bounded(
            &mut self.nameless,
            Nameless {
                conversation,
                since,
            },
            MAX_NAMELESS,
        );
    }

    /// True when a call of mine in this conversation was cancelled before it had a name; it is
    /// forgotten with that.
    pub(crate) fn take_nameless(&mut self, conversation: &ConversationId) -> bool {
        let found = self
            .nameless
            .iter()
            .position(|nameless| nameless.conversation == *conversation);
        found.and_then(|at| self.nameless.remove(at)).is_some()
    }

    /// True when this may be a call of mine that was cancelled before it had a name.
    pub(crate) fn has_nameless(&self, session: &CallSession) -> bool {
        let mut nameless = self.nameless.iter();
        nameless.any(|nameless| nameless.conversation == session.conversation_id)
    }

    /// Keeps a conversation that is left by force as soon as there is a socket.
    pub(crate) fn keep_force_leave(&mut self, conversation: ConversationId) {
        self.force_leaves.retain(|kept| *kept != conversation);
        push_bounded(&mut self.force_leaves, conversation, MAX_FORCE_LEAVES);
    }

    pub(crate) fn take_force_leaves(&mut self) -> VecDeque<ConversationId> {
        std::mem::take(&mut self.force_leaves)
    }

    /// Forgets what the server has swept away by now.
    pub(crate) fn forget_old(&mut self, now: Instant) {
        let fresh = |since: Instant| now.saturating_since(since) < timers::RING_SWEEP;
        self.goodbyes.retain(|goodbye| fresh(goodbye.since));
        self.nameless.retain(|nameless| fresh(nameless.since));
    }
}

fn push_bounded<T>(list: &mut VecDeque<T>, item: T, bound: usize) {
    if list.len() >= bound {
        list.pop_front();
    }
    list.push_back(item);
}
