//! The thin driver: lends the session a socket, TLS, time, and a task of its own. It decides
//! nothing that the session could decide.
//!
//! Bounds: [`limits::MAX_COMMANDS`](crate::limits::MAX_COMMANDS) emits may wait for the task, one
//! more is refused. Tokens and network changes never wait: the newest token counts, several
//! changes are one. [`limits::MAX_EVENTS`](crate::limits::MAX_EVENTS) events may wait for the app;
//! then nothing is read from the socket and no timer runs until it takes one, and an app that
//! sleeps for longer than the server's pings allow finds its connection lost.

mod config;
mod connector;
mod socket;
mod task;

use std::sync::Arc;

use parking_lot::Mutex;
use ringwire_protocol::{Auth, ClientEvent};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::limits::{MAX_COMMANDS, MAX_EVENTS};
use crate::session::SignalingEvent;
use connector::Connector;
use task::Task;

pub use config::{ConfigError, DriverConfig};

/// A connection with the gateway that keeps itself up. Cloned handles are the same connection;
/// dropping the last one, or the receiver of its events, closes it as [`close`](Self::close) does.
#[derive(Debug, Clone)]
pub struct Signaling {
    emits: mpsc::Sender<Emit>,
    wishes: Arc<Wishes>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

/// Why an event is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// [`limits::MAX_COMMANDS`](crate::limits::MAX_COMMANDS) wait already.
    #[error("too many events wait to be sent")]
    Full,
    /// The connection was closed.
    #[error("closed")]
    Closed,
}

/// An event on its way to the task.
struct Emit {
    event: ClientEvent,
    ack: Option<u64>,
}

/// What is wanted of the task besides emits; it never waits in a queue.
#[derive(Debug, Default)]
struct Wishes {
    wanted: Mutex<Wanted>,
    come: Notify,
}

#[derive(Debug, Default)]
struct Wanted {
    auth: Option<Auth>,
    network_changed: bool,
    close: bool,
}

impl Signaling {
    /// Connects, on a runtime with I/O and time enabled.
    ///
    /// # Errors
    /// [`ConfigError`] when the address or the extra roots cannot be read. Whatever fails later is
    /// a [`SignalingEvent`].
    pub fn connect(
        config: DriverConfig,
        runtime: &Handle,
    ) -> Result<(Self, mpsc::Receiver<SignalingEvent>), ConfigError> {
        let connector = Connector::new(config.url()?, config.tls()?);
        let (emits, emits_out) = mpsc::channel(MAX_COMMANDS);
        let (events, events_out) = mpsc::channel(MAX_EVENTS);
        let wishes = Arc::new(Wishes::default());
        let task = Task::new(config, connector, emits_out, wishes.clone(), events);
        let task = runtime.spawn(task.run());
        let signaling = Self {
            emits,
            wishes,
            task: Arc::new(tokio::sync::Mutex::new(Some(task))),
        };
        Ok((signaling, events_out))
    }

    /// Sends an event; with `ack`, [`SignalingEvent::Ack`] tells its outcome under that name. What
    /// happens while there is no connection says [`Input::Emit`](crate::Input::Emit). Never waits.
    ///
    /// # Errors
    /// [`EmitError`]; then no ack follows.
    pub fn emit(&self, event: ClientEvent, ack: Option<u64>) -> Result<(), EmitError> {
        self.emits
            .try_send(Emit { event, ack })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => EmitError::Full,
                mpsc::error::TrySendError::Closed(_) => EmitError::Closed,
            })
    }

    /// Another token: see [`Input::SetAuth`](crate::Input::SetAuth).
    pub fn set_auth(&self, auth: Auth) {
        self.wishes.wish(|wanted| wanted.auth = Some(auth));
    }

    /// The phone has another network: see [`Input::NetworkChanged`](crate::Input::NetworkChanged).
    pub fn network_changed(&self) {
        self.wishes.wish(|wanted| wanted.network_changed = true);
    }

    /// Closes; when it returns, task and socket are gone. A name look-up that the system cannot
    /// break off may keep a thread of the runtime's blocking pool for a few seconds more.
    pub async fn close(&self) {
        self.wishes.wish(|wanted| wanted.close = true);
        let mut task = self.task.lock().await;
        if let Some(running) = task.as_mut() {
            if let Err(error) = running.await
                && error.is_panic()
            {
                tracing::error!("the signaling task panicked");
            }
            *task = None;
        }
    }
}

impl Wishes {
    fn wish(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.wanted.lock());
        self.come.notify_one();
    }

    /// Takes what is wanted. The end stays wanted: what is told after it waits for no room.
    fn take(&self) -> Wanted {
        let mut wanted = self.wanted.lock();
        let close = wanted.close;
        let taken = std::mem::take(&mut *wanted);
        wanted.close = close;
        taken
    }

    /// Waits until the end is wanted; takes no wish, but the news of one.
    async fn close_wanted(&self) {
        while !self.wanted.lock().close {
            self.come.notified().await;
        }
    }
}
