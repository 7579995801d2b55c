//! The store: takes inputs to the call that they concern, runs the timers, publishes. What a call
//! does with an input stands in `call`; what concerns several calls, in the modules beside.

use std::sync::Arc;

use ringwire_protocol::{
    CallEndReason, CallError, Capability, DeviceId, ErrorCode, Instant, PeerId, ServerEvent,
};

use crate::call::{Call, Due, Goodbye};
use crate::goodbye::{force_leave, say_again};
use crate::line::Line;
use crate::outbox::{Cx, Outbox, retry_after};
use crate::past::Past;
use crate::{CallKey, ConnectionEvent, ConnectionId, Effect, Input, Snapshot};

/// Calls that are listed; further rings are ignored, further calls of one's own refused.
pub const MAX_CALLS: usize = 8;
/// Timers that one input may fire: far more than can be due, so that none can go in circles.
const MAX_FIRED: usize = 256;

/// What a store is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// This installation.
    pub device: DeviceId,
    /// What we know beyond the basic contract, as announced at CONNECT.
    pub capabilities: Vec<Capability>,
    /// Where chance comes from.
    pub seed: u64,
    /// A second call may ring while one is going on; else it is declined as busy.
    pub call_waiting: bool,
}

/// All calls of one device.
#[derive(Debug)]
pub struct CallStore {
    pub(crate) line: Line,
    pub(crate) out: Outbox,
    pub(crate) past: Past,
    pub(crate) calls: Vec<Call>,
    pub(crate) call_waiting: bool,
    incoming: u64,
    snapshot: Arc<Snapshot>,
}

impl CallStore {
    /// An empty store, without a socket.
    pub fn new(config: Config) -> Self {
        Self {
            line: Line::new(config.device, config.capabilities),
            out: Outbox::new(config.seed),
            past: Past::default(),
            calls: Vec::new(),
            call_waiting: config.call_waiting,
            incoming: 0,
            snapshot: Arc::default(),
        }
    }

    /// Takes one input. Drain [`CallStore::poll_effect`] afterwards. `now` never runs backwards.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Command(command) => self.command(command, now),
            Input::SocketUp { user, capabilities } => self.socket_up(user, capabilities, now),
            Input::SocketDown => self.socket_down(now),
            Input::Event(event) => self.event(event, now),
            Input::Ack { op, outcome } => self.ack(op, outcome, now),
            Input::Connection { connection, event } => self.connection(connection, event, now),
            Input::Quality { connection, stats } => {
                let (calls, mut cx) = self.parts(now);
                if let Some(call) = calls.iter_mut().find(|it| it.has_connection(connection)) {
                    call.quality(stats, &mut cx);
                }
            }
            Input::NetworkChanged => {
                let (calls, mut cx) = self.parts(now);
                for call in calls {
                    call.network_changed(&mut cx);
                }
            }
            Input::Calendar(says) => self.line.set_calendar(says, now),
            Input::Tick => {}
        }
        self.settle(now);
        self.run_timers(now);
        self.release_rivals(now);
        self.past.forget_old(now);
        self.publish();
    }

    /// The next thing to do, until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.pop()
    }

    /// When [`Input::Tick`] is due, if nothing else comes first.
    pub fn wake_at(&self) -> Option<Instant> {
        let calls = self.calls.iter().filter_map(|call| call.due(&self.line));
        let online = [self.out.check_at, self.out.next_delayed()];
        calls
            .map(|(at, _)| at)
            .chain(online.into_iter().flatten().filter(|_| self.line.is_up()))
            .min()
    }

    /// All calls, as they were after the last input.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    pub(crate) fn parts(&mut self, now: Instant) -> (&mut Vec<Call>, Cx<'_>) {
        let cx = Cx {
            now,
            line: &self.line,
            out: &mut self.out,
            past: &mut self.past,
        };
        (&mut self.calls, cx)
    }

    /// The key of the next call that somebody else has started.
    pub(crate) fn next_incoming(&mut self) -> CallKey {
        self.incoming += 1;
        CallKey::incoming(self.incoming - 1)
    }

    /// Makes room for one more call. False when all that are listed are going on.
    pub(crate) fn make_room(&mut self) -> bool {
        if self.calls.len() >= MAX_CALLS
            && let Some(ended) = self.calls.iter().position(Call::is_ended)
        {
            self.calls.remove(ended);
        }
        self.calls.len() < MAX_CALLS
    }

    fn socket_up(&mut self, user: PeerId, capabilities: Vec<Capability>, now: Instant) {
        if self.line.is_up() {
            self.socket_down(now);
        }
        let another = self.line.me.as_ref().is_some_and(|me| *me != user);
        self.out.socket_lost();
        self.line.up(user, capabilities, now);
        let (calls, mut cx) = self.parts(now);
        if another {
            for call in calls.iter_mut() {
                call.end(CallEndReason::ConnectionLost, Goodbye::Silent, &mut cx);
            }
            *cx.past = Past::default();
        }
        for conversation in cx.past.take_force_leaves() {
            force_leave(conversation, &mut cx);
        }
        for (id, event) in cx.past.goodbyes() {
            say_again(id, event, &mut cx);
        }
        cx.check_now();
        for call in calls.iter_mut() {
            call.socket_up(&mut cx);
        }
    }

    fn socket_down(&mut self, now: Instant) {
        self.line.down(now);
        self.out.socket_lost();
        for call in &mut self.calls {
            call.socket_down();
        }
    }

    fn event(&mut self, event: ServerEvent, now: Instant) {
        match event {
            ServerEvent::Initiated(said) => return self.rings(said, now),
            ServerEvent::Error(said) => return self.error(said, now),
            _ => {}
        }
        let Some(id) = event.call_id().cloned() else {
            return;
        };
        let (calls, mut cx) = self.parts(now);
        let me_gone = match &event {
            ServerEvent::Ended(_) | ServerEvent::Missed(_) | ServerEvent::ForceLeave(_) => true,
            ServerEvent::AlreadyAnswered(said) => said.device_id.as_ref() != Some(&cx.line.device),
            ServerEvent::ParticipantLeft(said) => {
                said.peer().is_some_and(|peer| cx.line.is_me(peer))
            }
            _ => false,
        };
        if me_gone {
            cx.past.goodbye_heard(&id);
        }
        match calls.iter_mut().find(|call| call.has_id(&id)) {
            Some(call) => call.event(event, &mut cx),
            // An end that comes before its ring silences that ring.
            None if me_gone => cx.past.bury(&id),
            None => {}
        }
    }

    /// `call:error`. One that names a call concerns that call only.
    fn error(&mut self, said: CallError, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        if said.code == ErrorCode::RateLimitExceeded {
            // What was refused is not said: asking finds out what is missing.
            return cx.check_by(now + retry_after(&said));
        }
        let refuses_initiate = matches!(
            said.code,
            ErrorCode::CallAlreadyActive
                | ErrorCode::ConversationNotFound
                | ErrorCode::ConversationClosed
                | ErrorCode::VideoCallsNotSupported
                | ErrorCode::UnsupportedCallType
        );
        let named = said.call_id.clone();
        let refuses_initiate =
            refuses_initiate || (said.code == ErrorCode::NotAParticipant && named.is_none());
        if refuses_initiate {
            let nameless = calls.iter().find(|call| call.nameless().is_some());
            if let Some(key) = nameless.map(|call| call.key) {
                return self.initiate_refused(key, said, now);
            }
            // Said a second time: by the ack, and by this event.
            if said.code == ErrorCode::CallAlreadyActive {
                return;
            }
        }
        match named {
            Some(id) => match calls.iter_mut().find(|call| call.has_id(&id)) {
                Some(call) => call.event(ServerEvent::Error(said), &mut cx),
                // Of a call that is over: the goodbye was heard, or came too late.
                None if cx.past.is_buried(&id) => cx.past.goodbye_heard(&id),
                None => cx.fail(None, said),
            },
            None => cx.fail(None, said),
        }
    }

    fn connection(&mut self, connection: ConnectionId, event: ConnectionEvent, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        if let Some(call) = calls.iter_mut().find(|it| it.has_connection(connection)) {
            call.report(event, &mut cx);
        }
    }

    pub(crate) fn with_call(
        &mut self,
        key: CallKey,
        now: Instant,
        run: impl FnOnce(&mut Call, &mut Cx<'_>),
    ) {
        let (calls, mut cx) = self.parts(now);
        if let Some(call) = calls.iter_mut().find(|call| call.key == key) {
            run(call, &mut cx);
        }
    }

    fn settle(&mut self, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        for call in calls {
            call.settle(&mut cx);
        }
    }

    /// Does all that is due by now, the earliest first.
    fn run_timers(&mut self, now: Instant) {
        for _ in 0..MAX_FIRED {
            let line = &self.line;
            let due = self
                .calls
                .iter()
                .enumerate()
                .filter_map(|(at, call)| call.due(line).map(|(when, due)| (when, at, due)))
                .filter(|(when, ..)| *when <= now)
                .min_by_key(|(when, at, _)| (*when, *at));
            let Some((_, at, due)) = due else { break };
            if due == Due::Vanish {
                self.calls.remove(at);
                continue;
            }
            let (calls, mut cx) = self.parts(now);
            if let Some(call) = calls.get_mut(at) {
                call.fire(due, &mut cx);
                call.settle(&mut cx);
            }
        }
        self.say_what_waited(now);
    }

    /// Says what waited for a rate limit, and asks the server where that is due.
    fn say_what_waited(&mut self, now: Instant) {
        if !self.line.is_up() {
            return;
        }
        for delayed in self.out.take_delayed(now) {
            if self.is_wanted(&delayed.purpose) {
                self.out.say_delayed(delayed);
            }
        }
        if self.out.check_at.is_some_and(|at| at <= now) {
            let (_, mut cx) = self.parts(now);
            cx.check_now();
            for (id, event) in cx.past.goodbyes() {
                say_again(id, event, &mut cx);
            }
        }
    }

    fn publish(&mut self) {
        let another = self.calls.iter().any(Call::is_going_on);
        let fresh = Snapshot {
            me: self.line.me.clone(),
            socket: self.line.is_up(),
            calls: self
                .calls
                .iter()
                .map(|call| call.view(&self.line, another))
                .collect(),
        };
        if fresh != *self.snapshot {
            self.snapshot = Arc::new(fresh);
            self.out.push(Effect::Publish);
        }
    }
}
