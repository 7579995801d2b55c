//! The one task that feeds the call store and carries out its effects. Nothing else changes the
//! state of a call, and it never waits for a connection.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tracing::{debug, error, warn};

use ringwire_call::{
    AckFailure, CallEvent, CallKey, CallState, CallStore, CallView, Command, Effect, Input, OpId,
};
use ringwire_protocol::auth::Identity;
use ringwire_protocol::{Push, Timestamp};
use ringwire_signaling::{Clock, Signaling, SignalingEvent};

use crate::client::{Measured, Shared};
use crate::config::Config;
use crate::connections::{Connections, Word};
use crate::event::{Event, Snapshot, SocketState};
use crate::outcome::{Answer, Waiters};
use crate::quality::quality;
use crate::steps;

/// Time between two measurements of each connection.
const MEASURE: Duration = Duration::from_secs(1);
/// Signaling that takes no more gets so long before its events count as lost.
const UNSENT: Duration = Duration::from_millis(200);
/// Longest that leaving calls is waited for at the close.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the face asks of the task.
#[derive(Debug)]
pub(crate) enum Order {
    Command(Command),
    Identity(Identity),
    NetworkChanged,
    Push(Push),
    /// Somebody waits for what becomes of a call.
    Await(CallKey, watch::Sender<Option<Answer>>),
    /// Something broke outside the task.
    Broken(String),
    Close,
}

/// The task's own state; what others see is in `shared`.
pub(crate) struct Task {
    config: Config,
    store: CallStore,
    signaling: Signaling,
    signals: mpsc::Receiver<SignalingEvent>,
    orders: mpsc::Receiver<Order>,
    shared: Arc<Shared>,
    connections: Connections,
    clock: Clock,
    socket: SocketState,
    /// Events that signaling did not take: told to the store when `unsent_due` has come.
    unsent: Vec<OpId>,
    unsent_due: tokio::time::Instant,
    waiters: Waiters,
}

impl Task {
    pub(crate) fn new(
        config: Config,
        store: CallStore,
        signaling: Signaling,
        signals: mpsc::Receiver<SignalingEvent>,
        orders: mpsc::Receiver<Order>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            config,
            store,
            signaling,
            signals,
            orders,
            shared,
            connections: Connections::new(),
            clock: Clock::new(),
            socket: SocketState::Connecting,
            unsent: Vec::new(),
            unsent_due: tokio::time::Instant::now(),
            waiters: Waiters::default(),
        }
    }

    /// Runs until the client is closed or its last handle dropped. A panic inside ends this client
    /// with [`Event::Failed`], and nothing else.
    pub(crate) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let lived = AssertUnwindSafe(self.live()).catch_unwind().await;
        let failed = lived.err().map(|panic| panic_message(&*panic));
        if let Some(message) = &failed {
            error!(message, "a client has failed");
        }
        // What is left is ended even when it is half broken.
        let ended = AssertUnwindSafe(self.end()).catch_unwind().await;
        if let Err(panic) = ended {
            error!(
                message = panic_message(&*panic),
                "a client could not end cleanly"
            );
        }
        shared.sinks.close_all();
        shared.stats.lock().clear();
        let mut last = Snapshot::clone(&shared.snapshot.load());
        last.socket = SocketState::Closed;
        // What rings or is offered goes on elsewhere, and here it is gone.
        for call in last.calls.extract_if(.., |call| waits(call)) {
            if call.state == CallState::Incoming {
                let event = CallEvent::StopRinging { key: call.key };
                shared.events.push(Event::Call(event));
            }
        }
        shared.show(last);
        if let Some(message) = failed {
            shared.events.push(Event::Failed { message });
        }
        shared.events.push(Event::Socket(SocketState::Closed));
        shared.events.close();
    }

    async fn live(&mut self) {
        let mut measure = tokio::time::interval(MEASURE);
        measure.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let now = self.clock.now();
            let wake = self.store.wake_at().map(|at| at.saturating_since(now));
            let measuring = !self.connections.is_empty();
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Command(command)) => self.input(Input::Command(command)),
                    Some(Order::Identity(identity)) => {
                        self.signaling.set_auth(self.config.auth(identity));
                        // Who asks after the command must not be told of the old token.
                        if matches!(self.socket, SocketState::TokenNeeded { .. }) {
                            self.set_socket(SocketState::Connecting);
                        }
                    }
                    Some(Order::NetworkChanged) => {
                        self.signaling.network_changed();
                        self.input(Input::NetworkChanged);
                    }
                    Some(Order::Push(push)) => self.push(push),
                    Some(Order::Await(key, waiter)) => {
                        self.waiters.add(key, waiter);
                        self.settle();
                    }
                    Some(Order::Broken(what)) => panic!("{what}"),
                    Some(Order::Close) | None => return,
                },
                signal = self.signals.recv() => match signal {
                    Some(signal) => self.signal(signal),
                    None => return,
                },
                word = self.connections.next() => self.word(word),
                () = sleep(wake) => self.input(Input::Tick),
                () = tokio::time::sleep_until(self.unsent_due), if !self.unsent.is_empty() => {
                    for op in std::mem::take(&mut self.unsent) {
                        let outcome = Err(AckFailure::Disconnected);
                        self.input(Input::Ack { op, outcome });
                    }
                }
                _ = measure.tick(), if measuring => self.connections.measure(),
            }
        }
    }

    /// A push has come, most likely to a phone that slept: the socket is tried again at once.
    fn push(&mut self, push: Push) {
        if self.socket != SocketState::Connected {
            self.signaling.network_changed();
        }
        self.look_at_calendar();
        self.input(Input::Command(Command::Push(push)));
    }

    /// Tells the store what the calendar says. It may be put right at any time.
    fn look_at_calendar(&mut self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis());
        let says = Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        self.input(Input::Calendar(says));
    }

    fn signal(&mut self, signal: SignalingEvent) {
        match signal {
            SignalingEvent::Connecting { .. } => self.set_socket(SocketState::Connecting),
            SignalingEvent::Connected(who) => {
                let (user, capabilities) = (who.user.id, who.capabilities);
                self.look_at_calendar();
                self.input(Input::SocketUp { user, capabilities });
                self.set_socket(SocketState::Connected);
            }
            SignalingEvent::Lost { reason, retry_in } => {
                self.input(Input::SocketDown);
                self.set_socket(SocketState::Waiting { retry_in, reason });
            }
            SignalingEvent::Refused { code, message } => {
                self.token_needed(code.to_string(), message);
            }
            SignalingEvent::TokenExpired { code, message } => self.token_needed(code, message),
            SignalingEvent::Event(event) => self.input(Input::Event(event)),
            SignalingEvent::Ack { op, outcome } => {
                let outcome = outcome.map_err(failure);
                self.input(Input::Ack {
                    op: OpId::from_raw(op),
                    outcome,
                });
            }
            SignalingEvent::BadFrame { problem, count } => {
                debug!(problem, count, "a frame was left out");
            }
            SignalingEvent::Closed => {}
        }
    }

    fn word(&mut self, word: Word) {
        match word {
            Word::Event(connection, event) => self.input(Input::Connection { connection, event }),
            Word::Stats(connection, stats) => {
                let Some(key) = self.connections.key(connection) else {
                    return;
                };
                let told = {
                    let at = self.clock.now();
                    let mut measured = self.shared.stats.lock();
                    let before = measured.get(&key);
                    let span = before.map_or(MEASURE, |before| at.saturating_since(before.at));
                    let told = quality(before.map(|before| &before.stats), &stats, span);
                    self.shared.recorder.sample(key, &stats);
                    measured.insert(key, Measured { at, stats: *stats });
                    told
                };
                self.input(Input::Quality {
                    connection,
                    stats: told,
                });
            }
        }
    }

    fn token_needed(&mut self, code: String, message: String) {
        self.input(Input::SocketDown);
        self.set_socket(SocketState::TokenNeeded { code, message });
    }

    fn set_socket(&mut self, socket: SocketState) {
        if self.socket != socket {
            self.socket = socket.clone();
            self.publish();
            self.shared.events.push(Event::Socket(socket));
        }
    }

    fn input(&mut self, input: Input) {
        self.record(&input);
        self.store.handle(input, self.clock.now());
        // The snapshot first: who is told of a change finds it there.
        let mut told = Vec::new();
        let mut changed = Vec::new();
        while let Some(effect) = self.store.poll_effect() {
            match effect {
                Effect::Send { op, event } => {
                    let key = event.call_id().and_then(|id| self.shared.recorder.key(id));
                    let said = steps::said(&event);
                    self.shared.recorder.step(key, "out", said);
                    if let Err(error) = self.signaling.emit(event, op.map(OpId::get)) {
                        warn!(%error, "an event was not sent");
                        if self.unsent.is_empty() {
                            self.unsent_due = tokio::time::Instant::now() + UNSENT;
                        }
                        self.unsent.extend(op);
                    }
                }
                Effect::Open {
                    connection,
                    key,
                    ice_servers,
                    policy,
                    screen,
                    ..
                } => {
                    self.shared.sinks.open(key);
                    self.connections.open(
                        connection,
                        key,
                        (ice_servers, policy),
                        screen,
                        &self.config,
                        &self.shared,
                    );
                }
                Effect::Notify(event) => told.push(event),
                Effect::Publish => changed = self.publish(),
                effect => self.connections.apply(effect),
            }
        }
        // Every change of the snapshot is told by one event at least.
        changed.retain(|key| !told.iter().any(|event| call_of(event) == Some(*key)));
        told.extend(changed.into_iter().map(|key| CallEvent::Changed { key }));
        for event in told {
            self.close_unlisted(&event);
            debug!(?event, "call");
            self.shared.recorder.told(call_of(&event), &event);
            self.waiters.told(&event);
            self.shared.events.push(Event::Call(event));
        }
        self.settle();
    }

    /// Wakes those whose call is answered or over.
    fn settle(&mut self) {
        self.waiters.settle(&self.shared.snapshot.load().calls);
    }

    /// Writes down what comes in.
    fn record(&self, input: &Input) {
        let what = steps::taken(input);
        let key = match input {
            // They come every second and when nothing happens.
            Input::Quality { .. } | Input::Tick | Input::Calendar(_) => return,
            Input::Command(command) => key_of(command),
            Input::Connection { connection, .. } => self.connections.key(*connection),
            Input::Event(event) => event.call_id().and_then(|id| self.shared.recorder.key(id)),
            _ => None,
        };
        self.shared.recorder.step(key, "in", what);
    }

    /// A call that was refused before it was listed has sinks that somebody may wait for.
    fn close_unlisted(&self, event: &CallEvent) {
        if let CallEvent::Failed { key: Some(key), .. } = event
            && self.shared.snapshot.load().call(*key).is_none()
        {
            self.shared.sinks.close(*key);
        }
    }

    /// Makes the store's snapshot the client's; returns the calls that are other than before.
    fn publish(&mut self) -> Vec<CallKey> {
        let calls = self.store.snapshot();
        let before = self.shared.snapshot.load_full();
        let gone = before
            .calls
            .iter()
            .filter(|call| calls.call(call.key).is_none());
        for over in gone.chain(calls.calls.iter().filter(|call| is_over(call))) {
            self.shared.sinks.close(over.key);
            self.shared.stats.lock().remove(&over.key);
        }
        for call in calls.calls.iter().filter(|call| !is_over(call)) {
            self.shared.sinks.open(call.key);
        }
        let other = |call: &&CallView| before.call(call.key) != Some(*call);
        let changed = calls
            .calls
            .iter()
            .filter(other)
            .map(|call| call.key)
            .collect();
        self.shared.recorder.calls(&calls.calls);
        self.shared.show(Snapshot {
            me: calls.me.clone(),
            socket: self.socket.clone(),
            calls: calls.calls.clone(),
        });
        changed
    }

    /// Leaves every call, then ends connections and socket.
    async fn end(self) {
        let mut this = self;
        // What rings goes on ringing on the person's other devices, and what is offered is offered
        // again.
        let snapshot = this.shared.snapshot.load_full();
        for call in snapshot.calls.iter().filter(|call| !waits(call)) {
            this.input(Input::Command(Command::HangUp { key: call.key }));
        }
        // Nobody reads what the gateway still says, and it must not wait for a reader.
        this.signals.close();
        this.connections.close_all().await;
        if tokio::time::timeout(FAREWELL, this.signaling.close())
            .await
            .is_err()
        {
            debug!("the socket did not close in {FAREWELL:?}");
        }
    }
}

/// Waits for this device to accept or join it.
fn waits(call: &CallView) -> bool {
    matches!(call.state, CallState::Incoming | CallState::Offered)
}

fn is_over(call: &CallView) -> bool {
    matches!(call.state, CallState::Ended { .. })
}

/// Sleeps so long, or for ever.
async fn sleep(span: Option<Duration>) {
    match span {
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}

/// The call that an event is about.
fn call_of(event: &CallEvent) -> Option<CallKey> {
    match event {
        CallEvent::Incoming { key }
        | CallEvent::StopRinging { key }
        | CallEvent::JoinOffered { key }
        | CallEvent::Changed { key }
        | CallEvent::RemoteMedia { key, .. }
        | CallEvent::FirstAudio { key, .. }
        | CallEvent::FirstVideo { key, .. }
        | CallEvent::QualityAlert { key, .. }
        | CallEvent::Ended { key, .. } => Some(*key),
        CallEvent::Merged { into, .. } => Some(*into),
        CallEvent::Failed { key, .. } => *key,
    }
}

/// The call that a command is for.
fn key_of(command: &Command) -> Option<CallKey> {
    match command {
        Command::Call { key, .. }
        | Command::Accept { key, .. }
        | Command::Join { key, .. }
        | Command::Decline { key, .. }
        | Command::HangUp { key }
        | Command::SetMicrophone { key, .. }
        | Command::SetCamera { key, .. }
        | Command::SetScreen { key, .. }
        | Command::Hold { key, .. } => Some(*key),
        Command::ForceLeave { .. } | Command::Background(_) | Command::Push(_) => None,
    }
}

/// Why there is no answer, in the call store's words.
fn failure(failure: ringwire_signaling::AckFailure) -> AckFailure {
    use ringwire_signaling::AckFailure as Signaling;
    match failure {
        Signaling::Refused(error) => AckFailure::Refused(error),
        Signaling::Timeout => AckFailure::Timeout,
        Signaling::Disconnected => AckFailure::Disconnected,
        Signaling::Malformed(problem) => AckFailure::Malformed(problem),
        // The event was not sent: as good as lost with the socket.
        Signaling::TooMany => AckFailure::Disconnected,
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
