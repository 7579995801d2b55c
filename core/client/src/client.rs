//! The face: one object that an app holds. Every command returns at once; what comes of it is told
//! by events and shown in the snapshot.

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use ringwire_call::{CallKey, CallStore, Command, LocalMedia};
use ringwire_peer::{AudioSink, AudioSource, PeerStats, VideoSink, VideoSource};
use ringwire_protocol::auth::Identity;
use ringwire_protocol::{CallType, ConversationId, Instant, Push};
use ringwire_signaling::{DriverConfig, Signaling};

use crate::config::Config;
use crate::diagnostics::{CallDiagnostics, Recorder};
use crate::event::{Event, EventQueue, Snapshot};
use crate::outcome::Answered;
use crate::runtime::SharedRuntime;
use crate::sinks::Sinks;
use crate::task::{Order, Task, panic_message};
use crate::watch::{Events, Snapshots};

/// Most orders that wait for the client's task.
const MAX_ORDERS: usize = 1024;
/// Opus, mono.
const AUDIO_BITRATE_BPS: u32 = 32_000;

/// Why a client could not be made, or did not take a command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Something in the configuration is wrong.
    #[error("configuration: {0}")]
    Config(String),
    /// The system gave no thread, memory or randomness.
    #[error("system: {0}")]
    System(String),
    /// The data of a push cannot be read.
    #[error("{0}")]
    Push(String),
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
    /// 1,024 commands wait already.
    #[error("1,024 commands wait already: try again in a moment")]
    Overloaded,
}

/// One person on one device: connects to the gateway, makes and takes calls.
///
/// Cheap to clone; all clones are the same client. Commands may come from any thread and never
/// block. Dropping the last clone closes the client in the background.
#[derive(Clone)]
pub struct CallClient {
    inner: Arc<Inner>,
}

/// What the face and the task share.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// Told after each new snapshot.
    pub(crate) changes: watch::Sender<()>,
    pub(crate) recorder: Recorder,
    pub(crate) events: Arc<EventQueue>,
    pub(crate) sinks: Sinks,
    pub(crate) stats: Mutex<HashMap<CallKey, Measured>>,
    pub(crate) audio_source: AudioSource,
    pub(crate) video_source: VideoSource,
    pub(crate) screen_source: VideoSource,
}

impl Shared {
    /// Makes this the state that all see.
    pub(crate) fn show(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.changes.send_replace(());
    }
}

/// What a call's connection has measured last.
pub(crate) struct Measured {
    pub(crate) at: Instant,
    pub(crate) stats: PeerStats,
}

struct Inner {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    ended: watch::Receiver<bool>,
    next_key: AtomicU64,
}

impl std::fmt::Debug for CallClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallClient")
            .field("me", &self.snapshot().me)
            .finish_non_exhaustive()
    }
}

/// Ends a client because something beside its task broke.
#[derive(Debug, Clone)]
pub struct Alarm(mpsc::WeakSender<Order>);

impl Alarm {
    /// Runs `work`. A panic inside ends the client with [`Event::Failed`], and its message is returned.
    ///
    /// # Errors
    /// The message of the panic.
    pub fn guard<T>(&self, work: impl FnOnce() -> T) -> Result<T, String> {
        std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
            let message = panic_message(&*panic);
            if let Some(orders) = self.0.upgrade() {
                // A full queue is that of a client which does not come to work: it cannot be told.
                let _ = orders.try_send(Order::Broken(message.clone()));
            }
            message
        })
    }
}

impl CallClient {
    /// Starts a client, which connects at once and stays connected until it is closed.
    ///
    /// # Errors
    /// [`ClientError::Config`] for an address or a certificate that cannot be read and for no codec,
    /// [`ClientError::System`] when no thread can be had. A gateway that does not answer is no
    /// error: the client goes on trying, see [`crate::SocketState`].
    pub fn connect(config: Config) -> Result<Self, ClientError> {
        let system = |error: &dyn std::fmt::Display| ClientError::System(error.to_string());
        if config.video_codecs.is_empty() {
            let problem = "video_codecs: empty, name at least one codec";
            return Err(ClientError::Config(problem.into()));
        }
        let runtime = SharedRuntime::get().map_err(|error| system(&error))?;
        let driver = DriverConfig {
            url: config.url.clone(),
            auth: config.auth(config.identity.clone()),
            seed: rand::random(),
            extra_roots: config.extra_roots.clone(),
        };
        let (signaling, signals) = Signaling::connect(driver, runtime.handle())
            .map_err(|error| ClientError::Config(error.to_string()))?;
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::default(),
            changes: watch::Sender::new(()),
            recorder: Recorder::default(),
            events: EventQueue::new(),
            sinks: Sinks::default(),
            stats: Mutex::default(),
            audio_source: AudioSource::new(AUDIO_BITRATE_BPS).map_err(|error| system(&error))?,
            video_source: VideoSource::new(),
            screen_source: VideoSource::new(),
        });
        let store = CallStore::new(ringwire_call::Config {
            device: config.device.clone(),
            capabilities: Config::capabilities(),
            seed: rand::random(),
            call_waiting: config.call_waiting,
        });
        let (orders, orders_in) = mpsc::channel(MAX_ORDERS);
        let (ended_in, ended) = watch::channel(false);
        let task = Task::new(
            config,
            store,
            signaling,
            signals,
            orders_in,
            Arc::clone(&shared),
        );
        let keeper = Arc::clone(&runtime);
        runtime.handle().spawn(async move {
            task.run().await;
            drop(keeper);
            let _ = ended_in.send(true);
        });
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                orders,
                ended,
                next_key: AtomicU64::new(0),
            }),
        })
    }

    /// Calls a conversation. The key names the call from now on, before the gateway knows of it.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`]; whatever the gateway refuses comes
    /// as an event.
    pub fn call(
        &self,
        conversation: ConversationId,
        call_type: CallType,
        media: LocalMedia,
    ) -> Result<CallKey, ClientError> {
        let key = CallKey::outgoing(self.inner.next_key.fetch_add(1, Ordering::Relaxed));
        let sinks = &self.inner.shared.sinks;
        sinks.open(key);
        self.command(Command::Call {
            key,
            conversation,
            call_type,
            media,
        })
        .inspect_err(|_| sinks.close(key))?;
        Ok(key)
    }

    /// Accepts a call that rings. Calls that are answered are put on hold; one of one's own that
    /// nobody has answered is to be cancelled first, or the accept is refused by an event.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn accept(&self, key: CallKey, media: LocalMedia) -> Result<(), ClientError> {
        self.command(Command::Accept { key, media })
    }

    /// Joins a call that is offered, see [`CallState::Offered`](crate::CallState::Offered). To
    /// leave it alone, hang it up.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn join(&self, key: CallKey, media: LocalMedia) -> Result<(), ClientError> {
        self.command(Command::Join { key, media })
    }

    /// Declines a call that rings.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn decline(&self, key: CallKey) -> Result<(), ClientError> {
        self.command(Command::Decline { key, busy: false })
    }

    /// Declines a call that rings; the caller is told that I am busy.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn decline_busy(&self, key: CallKey) -> Result<(), ClientError> {
        self.command(Command::Decline { key, busy: true })
    }

    /// Leaves a call, or cancels one that nobody has answered.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn hang_up(&self, key: CallKey) -> Result<(), ClientError> {
        self.command(Command::HangUp { key })
    }

    /// Turns the microphone of a call on or off.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn set_microphone(&self, key: CallKey, on: bool) -> Result<(), ClientError> {
        self.command(Command::SetMicrophone { key, on })
    }

    /// Turns the camera of a call on or off.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn set_camera(&self, key: CallKey, on: bool) -> Result<(), ClientError> {
        self.command(Command::SetCamera { key, on })
    }

    /// Shares the screen beside the camera, or shares it no more. Where the other end takes none,
    /// an event says so.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn set_screen(&self, key: CallKey, on: bool) -> Result<(), ClientError> {
        self.command(Command::SetScreen { key, on })
    }

    /// Puts an answered call on hold, or takes it up again, which holds the other answered ones.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn hold(&self, key: CallKey, on: bool) -> Result<(), ClientError> {
        self.command(Command::Hold { key, on })
    }

    /// Leaves every call of mine in a conversation, on whatever device: frees a conversation that
    /// a crash left busy. Without a socket it is done as soon as there is one.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn force_leave(&self, conversation: ConversationId) -> Result<(), ClientError> {
        self.command(Command::ForceLeave { conversation })
    }

    /// The app is in the background, or in front again: the others in a call are told.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn app_state(&self, background: bool) -> Result<(), ClientError> {
        self.command(Command::Background(background))
    }

    /// A push has come: its data. One of a ring rings at once, with or without a socket, and one of
    /// a cancel silences it, also before it has rung. False when the push is not about a call.
    ///
    /// # Errors
    /// [`ClientError::Push`] names the field that is missing or wrong; [`ClientError::Closed`] or
    /// [`ClientError::Overloaded`].
    pub fn push_received(&self, data: &BTreeMap<String, String>) -> Result<bool, ClientError> {
        match Push::parse(data).map_err(|error| ClientError::Push(error.to_string()))? {
            Some(push) => self.order(Order::Push(push)).map(|()| true),
            None => Ok(false),
        }
    }

    /// Gives a fresh token, after [`crate::SocketState::TokenNeeded`] or before the old one expires.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn set_token(&self, identity: Identity) -> Result<(), ClientError> {
        self.order(Order::Identity(identity))
    }

    /// Tells that the phone's network has changed: a lost socket is tried again at once, and the
    /// paths of calls that are lost are repaired.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn network_changed(&self) -> Result<(), ClientError> {
        self.order(Order::NetworkChanged)
    }

    /// The whole state now: immutable, consistent, without waiting.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.shared.snapshot.load_full()
    }

    /// The next event; `None` once the client is closed. One consumer; cancelling loses nothing.
    pub async fn next_event(&self) -> Option<Event> {
        self.inner.shared.events.next().await
    }

    /// The stream of events, which keeps no client alive. It shares the queue of
    /// [`CallClient::next_event`].
    pub fn events(&self) -> Events {
        Events::of(&self.inner.shared.events)
    }

    /// The state now, and then each time that it is another one.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::of(&self.inner.shared)
    }

    /// What becomes of a call that was made or accepted: somebody answers, or nobody will. The key is another than
    /// the one given when two calls turned out to be one. All commands that were given before count.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Overloaded`].
    pub fn answered(&self, key: CallKey) -> Result<Answered, ClientError> {
        let (waiter, answered) = Answered::channel();
        self.order(Order::Await(key, waiter)).map(|()| answered)
    }

    /// What is remembered of a call, also for a while after its end; `None` when it never was or is long over.
    pub fn diagnostics(&self, key: CallKey) -> Option<CallDiagnostics> {
        self.inner.shared.recorder.of(key)
    }

    /// Where code that runs beside the client's task reports a panic. It keeps no client alive.
    pub fn alarm(&self) -> Alarm {
        Alarm(self.inner.orders.downgrade())
    }

    /// The camera: push encoded pictures here. It feeds every call whose camera is on and that is
    /// not on hold.
    pub fn video_source(&self) -> VideoSource {
        self.inner.shared.video_source.clone()
    }

    /// The screen: push encoded pictures here. It feeds every call that shares it and that is not
    /// on hold.
    pub fn screen_source(&self) -> VideoSource {
        self.inner.shared.screen_source.clone()
    }

    /// The microphone: push PCM here. It feeds every call whose microphone is on and that is not on
    /// hold.
    pub fn audio_source(&self) -> AudioSource {
        self.inner.shared.audio_source.clone()
    }

    /// Pictures of the other person's camera in a call. Closed, for good, when the call is over.
    pub fn video_sink(&self, key: CallKey) -> VideoSink {
        self.inner.shared.sinks.of(key).video
    }

    /// The other person's screen in a call. Closed, for good, when the call is over.
    pub fn screen_sink(&self, key: CallKey) -> VideoSink {
        self.inner.shared.sinks.of(key).screen
    }

    /// Sound of the other person in a call. Silent, for good, when the call is over.
    pub fn audio_sink(&self, key: CallKey) -> AudioSink {
        self.inner.shared.sinks.of(key).audio
    }

    /// What a call's connection has measured, at most a second old; `None` without a connection.
    pub fn stats(&self, key: CallKey) -> Option<PeerStats> {
        let measured = self.inner.shared.stats.lock();
        measured.get(&key).map(|measured| measured.stats.clone())
    }

    /// Hangs up every call, disconnects and ends every task, thread and socket of this client.
    /// Returns when that is done. Closing twice is harmless.
    pub async fn close(&self) {
        let _ = self.inner.orders.send(Order::Close).await;
        let _ = self.inner.ended.clone().wait_for(|ended| *ended).await;
    }

    fn command(&self, command: Command) -> Result<(), ClientError> {
        self.order(Order::Command(command))
    }

    fn order(&self, order: Order) -> Result<(), ClientError> {
        self.inner
            .orders
            .try_send(order)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => ClientError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => ClientError::Closed,
            })
    }
}
