//! Echo: a `CallClient` that answers, shows its clip, lets its voice be heard, and measures what it
//! gets. For the demo, for integration tests and for measuring.
//!
//! | module | holds |
//! | --- | --- |
//! | `measure` | what is measured of a call, and what is told as it goes |
//! | `play` | clip and voice in real time |
//! | `listen` | what comes in: counted, heard, written down |
//! | `task` | the task that looks at the client's calls and acts |

mod listen;
mod measure;
pub mod play;
mod task;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use ringwire_client::protocol::{CallType, ConversationId, DeviceId};
use ringwire_client::{CallClient, CallKey, Config, LocalMedia, SocketState};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::clip::Assets;

pub use measure::{AudioIn, Dump, Marks, Measurements, Path, Step, Update, VideoIn, unix_ms};

/// Calls whose measurements are kept.
const KEPT_CALLS: usize = 64;
/// Updates that wait for a slow listener before it loses the oldest.
const UPDATES: usize = 256;
/// Both on.
const MEDIA: LocalMedia = LocalMedia {
    microphone: true,
    camera: true,
    screen: false,
};

/// What Echo is started with.
#[derive(Debug, Clone)]
pub struct EchoConfig {
    /// Address of the gateway.
    pub url: String,
    /// Echo's token.
    pub token: String,
    /// Echo's device.
    pub device: DeviceId,
    /// What it shows and says.
    pub assets: Arc<Assets>,
    /// What it does when it rings.
    pub answer: Answer,
    /// Where received pictures and sound are written; `None` writes nothing.
    pub dump_dir: Option<PathBuf>,
    /// Certificates in PEM that are trusted beside the public ones.
    pub extra_roots: Option<String>,
}

impl EchoConfig {
    /// Accepts after a second, writes nothing.
    pub fn new(url: impl Into<String>, token: impl Into<String>, assets: Arc<Assets>) -> Self {
        Self {
            url: url.into(),
            token: token.into(),
            device: DeviceId::new("echo-core").expect("nine letters and a hyphen"),
            assets,
            answer: Answer::Accept {
                after: Duration::from_secs(1),
            },
            dump_dir: None,
            extra_roots: None,
        }
    }
}

/// What Echo does when it rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Accepts, with sound and picture.
    Accept {
        /// How long it rings first.
        after: Duration,
    },
    /// Declines.
    Decline {
        /// How long it rings first.
        after: Duration,
    },
    /// Lets it ring.
    Never,
}

/// A running Echo. Dropping it ends it in the background.
#[derive(Debug)]
pub struct Echo {
    client: CallClient,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What the face and the task share.
#[derive(Debug)]
struct Shared {
    calls: Mutex<BTreeMap<CallKey, Arc<Mutex<Measurements>>>>,
    updates: broadcast::Sender<Update>,
    socket: watch::Sender<SocketState>,
    answer: Mutex<Answer>,
}

impl Echo {
    /// Connects to the gateway; goes on trying when that does not answer.
    ///
    /// # Errors
    /// The configuration is wrong, or a folder cannot be made.
    pub async fn start(config: EchoConfig) -> Result<Self> {
        if let Some(folder) = &config.dump_dir {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("making {}", folder.display()))?;
        }
        let mut client_config = Config::user(&config.url, &config.token, config.device.clone());
        client_config.name = "echo".to_owned();
        client_config.extra_roots = config.extra_roots.clone();
        let client = CallClient::connect(client_config).context("starting Echo's core")?;
        let shared = Arc::new(Shared {
            calls: Mutex::default(),
            updates: broadcast::channel(UPDATES).0,
            socket: watch::channel(SocketState::Connecting).0,
            answer: Mutex::new(config.answer),
        });
        let (stop, stopped) = watch::channel(false);
        let task = task::Task::new(client.clone(), config, Arc::clone(&shared), stopped);
        let task = tokio::spawn(task.run());
        Ok(Self {
            client,
            shared,
            stop,
            task,
        })
    }

    /// Waits until the gateway has let Echo in.
    ///
    /// # Errors
    /// The token was refused, or it took longer than `limit`.
    pub async fn connected(&self, limit: Duration) -> Result<()> {
        let mut socket = self.shared.socket.subscribe();
        let settled = socket.wait_for(|socket| {
            matches!(
                socket,
                SocketState::Connected | SocketState::TokenNeeded { .. } | SocketState::Closed
            )
        });
        let settled = tokio::time::timeout(limit, settled)
            .await
            .with_context(|| format!("Echo was not connected within {limit:?}"))?
            .context("Echo has ended")?
            .clone();
        match settled {
            SocketState::Connected => Ok(()),
            other => bail!("the gateway did not let Echo in: {other:?}"),
        }
    }

    /// Calls somebody, with sound and picture.
    ///
    /// # Errors
    /// Echo is closed.
    pub fn call(&self, conversation: ConversationId) -> Result<CallKey> {
        Ok(self.client.call(conversation, CallType::Video, MEDIA)?)
    }

    /// Leaves a call.
    ///
    /// # Errors
    /// Echo is closed.
    pub fn hang_up(&self, key: CallKey) -> Result<()> {
        Ok(self.client.hang_up(key)?)
    }

    /// What Echo does with calls that ring from now on.
    pub fn set_answer(&self, answer: Answer) {
        *self.shared.answer.lock() = answer;
    }

    /// What was measured of a call so far; `None` for one that is unknown or long over.
    pub fn measurements(&self, key: CallKey) -> Option<Measurements> {
        let measured = self.shared.calls.lock().get(&key).cloned()?;
        let measured = measured.lock().clone();
        Some(measured)
    }

    /// Calls that are known, the oldest first.
    pub fn calls(&self) -> Vec<Measurements> {
        let calls: Vec<_> = self.shared.calls.lock().values().cloned().collect();
        let mut calls: Vec<_> = calls
            .iter()
            .map(|measured| measured.lock().clone())
            .collect();
        calls.sort_by_key(|call| call.marks.initiate);
        calls
    }

    /// Steps of calls as they happen, and their measurements each second.
    pub fn updates(&self) -> broadcast::Receiver<Update> {
        self.shared.updates.subscribe()
    }

    /// Echo's client, for what this face does not offer.
    pub fn client(&self) -> &CallClient {
        &self.client
    }

    /// Hangs up, completes the files and ends everything.
    pub async fn close(mut self) {
        self.stop.send_replace(true);
        // It is cancelled only with the runtime.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
