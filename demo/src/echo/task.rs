//! Echo's task: looks at the client's snapshot whenever something happens, and acts on what is new.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ringwire_client::protocol::CallEndReason;
use ringwire_client::{CallClient, CallKey, CallState, CallView, Event, PeerStats, SocketState};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::warn;

use super::measure::{Dump, Measurements, Path, Step, Update, unix_ms};
use super::{Answer, EchoConfig, KEPT_CALLS, MEDIA, Shared, listen, play};

const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Task {
    client: CallClient,
    config: EchoConfig,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    /// Calls that are not over.
    calls: HashMap<CallKey, Call>,
    /// Clip and voice, while a call is up.
    players: JoinSet<()>,
    /// Zero of the capture clock.
    origin: Instant,
}

/// A call that is not over.
struct Call {
    measured: Arc<Mutex<Measurements>>,
    /// When to answer, and how.
    answer: Option<(Instant, Answer)>,
    /// Takes what comes in, from the accept on.
    listeners: Option<Listeners>,
    stats: Option<PeerStats>,
    frames: u64,
    reconnecting: bool,
}

struct Listeners {
    over: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Task {
    pub(super) fn new(
        client: CallClient,
        config: EchoConfig,
        shared: Arc<Shared>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            client,
            config,
            shared,
            stop,
            calls: HashMap::new(),
            players: JoinSet::new(),
            origin: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut second = interval(SECOND);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = self.stop.clone();
        loop {
            let answer_at = self
                .calls
                .values()
                .filter_map(|call| call.answer)
                .map(|(at, _)| at);
            let answer_at = answer_at.min();
            tokio::select! {
                event = self.client.next_event() => match event {
                    Some(event) => self.told(event),
                    None => break,
                },
                _ = second.tick() => self.measure(),
                () = sleep_until_some(answer_at) => self.answer(),
                _ = stop.wait_for(|stop| *stop) => break,
            }
            self.look().await;
        }
        self.client.close().await;
        self.look().await;
        self.shared.socket.send_replace(SocketState::Closed);
        for (key, call) in std::mem::take(&mut self.calls) {
            self.finish(key, call, Some(CallEndReason::Completed)).await;
        }
        self.players.shutdown().await;
    }

    fn told(&self, event: Event) {
        match event {
            Event::Socket(socket) => {
                self.tell(Update::Socket {
                    state: words(&socket),
                });
                self.shared.socket.send_replace(socket);
            }
            Event::Failed { message } => self.tell(Update::Failed { message }),
            // The snapshot says it, see `look`.
            _ => {}
        }
    }

    fn tell(&self, update: Update) {
        // Nobody has to listen.
        let _ = self.shared.updates.send(update);
    }

    /// Compares the snapshot with what is known.
    async fn look(&mut self) {
        let snapshot = self.client.snapshot();
        for view in &snapshot.calls {
            if !self.calls.contains_key(&view.key) {
                if self.shared.calls.lock().contains_key(&view.key) {
                    continue;
                }
                self.begin(view);
            }
            self.follow(view).await;
        }
        let gone: Vec<_> = self
            .calls
            .keys()
            .filter(|key| snapshot.call(**key).is_none())
            .copied()
            .collect();
        for key in gone {
            if let Some(call) = self.calls.remove(&key) {
                self.finish(key, call, None).await;
            }
        }
        if !self.calls.values().any(|call| call.listeners.is_some()) {
            self.players.shutdown().await;
        } else if self.players.is_empty() {
            let (camera, microphone) = (self.client.video_source(), self.client.audio_source());
            let assets = &self.config.assets;
            self.players
                .spawn(play::show(Arc::clone(assets), camera, self.origin));
            self.players
                .spawn(play::speak(Arc::clone(assets), microphone));
        }
    }

    fn begin(&mut self, view: &CallView) {
        let measured = Measurements::new(view);
        let at_ms = measured.marks.initiate.unwrap_or_default();
        let measured = Arc::new(Mutex::new(measured));
        {
            let mut known = self.shared.calls.lock();
            known.insert(view.key, Arc::clone(&measured));
            while known.len() > KEPT_CALLS {
                known.pop_first();
            }
        }
        let answer = (view.state == CallState::Incoming).then(|| {
            let answer = *self.shared.answer.lock();
            let after = match answer {
                Answer::Accept { after } | Answer::Decline { after } => Some(after),
                Answer::Never => None,
            };
            after.map(|after| (Instant::now() + after, answer))
        });
        let call = Call {
            measured,
            answer: answer.flatten(),
            listeners: None,
            stats: None,
            frames: 0,
            reconnecting: false,
        };
        self.calls.insert(view.key, call);
        let step = if view.key.is_outgoing() {
            Step::Calling
        } else {
            Step::Incoming
        };
        let who = view
            .people
            .first()
            .and_then(|person| person.display_name.clone());
        self.tell(Update::Step {
            key: view.key.get(),
            step,
            at_ms,
            since_start_ms: 0,
            detail: who,
        });
    }

    async fn follow(&mut self, view: &CallView) {
        let Some(call) = self.calls.get_mut(&view.key) else {
            return;
        };
        let (mut steps, start, measured) = {
            let mut measured = call.measured.lock();
            let steps = measured.follow(view);
            (
                steps,
                measured.marks.initiate.unwrap_or_default(),
                Arc::clone(&call.measured),
            )
        };
        let reconnecting = matches!(view.state, CallState::Reconnecting { .. });
        if reconnecting && !call.reconnecting {
            steps.push((Step::Reconnecting, unix_ms()));
        }
        call.reconnecting = reconnecting;
        if view.state != CallState::Incoming {
            call.answer = None;
        }
        let up = matches!(
            view.state,
            CallState::Connecting | CallState::Active | CallState::Reconnecting { .. }
        );
        if up && call.listeners.is_none() {
            call.listeners = Some(listen(&self.client, view.key, &self.config, measured));
        }
        let ended = match &view.state {
            CallState::Ended { reason } => Some(reason.clone()),
            _ => None,
        };
        for (step, at_ms) in steps {
            if step == Step::Ended {
                continue; // Told when the files are complete.
            }
            let detail = None;
            let since_start_ms = at_ms - start;
            self.tell(Update::Step {
                key: view.key.get(),
                step,
                at_ms,
                since_start_ms,
                detail,
            });
        }
        if let Some(reason) = ended
            && let Some(call) = self.calls.remove(&view.key)
        {
            self.finish(view.key, call, Some(reason)).await;
        }
    }

    /// Completes files and numbers of a call that is over, and tells its end.
    async fn finish(&self, key: CallKey, mut call: Call, reason: Option<CallEndReason>) {
        if let Some(mut listeners) = call.listeners.take() {
            listeners.over.send_replace(true);
            while listeners.tasks.join_next().await.is_some() {}
        }
        let measured = {
            let mut measured = call.measured.lock();
            measured.marks.ended.get_or_insert_with(unix_ms);
            measured.end_reason = measured.end_reason.take().or(reason);
            measured.clone()
        };
        let (start, at_ms) = (
            measured.marks.initiate.unwrap_or_default(),
            measured.marks.ended.unwrap_or_default(),
        );
        let detail = measured
            .end_reason
            .as_ref()
            .map(|reason| reason.as_str().to_owned());
        self.tell(Update::Step {
            key: key.get(),
            step: Step::Ended,
            at_ms,
            since_start_ms: at_ms - start,
            detail,
        });
        self.tell(Update::Measured(Box::new(measured)));
    }

    fn answer(&mut self) {
        let now = Instant::now();
        for (key, call) in &mut self.calls {
            let Some((_, answer)) = call.answer.take_if(|(at, _)| *at <= now) else {
                continue;
            };
            let done = match answer {
                Answer::Accept { .. } => self.client.accept(*key, MEDIA),
                Answer::Decline { .. } => self.client.decline(*key),
                Answer::Never => Ok(()),
            };
            if let Err(error) = done {
                warn!(%error, "Echo could not answer");
            }
        }
    }

    fn measure(&mut self) {
        for (key, call) in &mut self.calls {
            if call.listeners.is_none() {
                continue;
            }
            let mut measured = call.measured.lock();
            if let Some(stats) = self.client.stats(*key) {
                measured.path = Path::between(call.stats.as_ref(), &stats, SECOND.as_secs_f64());
                call.stats = Some(stats);
            }
            measured.video.fps = (measured.video.frames - call.frames) as f64;
            call.frames = measured.video.frames;
            let told = Update::Measured(Box::new(measured.clone()));
            let _ = self.shared.updates.send(told);
        }
    }
}

fn listen(
    client: &CallClient,
    key: CallKey,
    config: &EchoConfig,
    measured: Arc<Mutex<Measurements>>,
) -> Listeners {
    let dump = config.dump_dir.as_ref().map(|folder| Dump {
        video: folder.join(format!("call-{}.ivf", key.get())),
        audio: folder.join(format!("call-{}.wav", key.get())),
    });
    measured.lock().dump = dump.clone();
    let (over, is_over) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(listen::watch_pictures(
        client.video_sink(key),
        dump.clone(),
        Arc::clone(&measured),
        is_over.clone(),
    ));
    tasks.spawn(listen::hear(
        client.audio_sink(key),
        dump,
        measured,
        is_over,
    ));
    Listeners { over, tasks }
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn words(socket: &SocketState) -> String {
    match socket {
        SocketState::Connecting => "connecting".to_owned(),
        SocketState::Connected => "connected".to_owned(),
        SocketState::Waiting { retry_in, reason } => {
            format!("lost ({reason}), again in {} ms", retry_in.as_millis())
        }
        SocketState::TokenNeeded { code, message } => format!("refused: {code} {message}"),
        SocketState::Closed => "closed".to_owned(),
        other => format!("{other:?}"),
    }
}
