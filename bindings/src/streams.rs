//! What the app waits for: events, snapshots, answers. Each is an object of its own that keeps no client alive, so that
//! whoever waits is woken when the client goes; and each can be cancelled, for languages whose tasks cannot drop a
//! future of Rust.

use std::sync::Arc;

use ringwire_client as core;
use tokio::sync::watch;

use crate::error::{CallError, CallErrorKind};
use crate::state::{CallEvent, ClientSnapshot};

/// Set once, and seen by whoever waits.
struct Cancelled(watch::Sender<bool>);

impl Cancelled {
    fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    fn set(&self) {
        self.0.send_replace(true);
    }

    /// What the future gives, or `None` once it is cancelled.
    async fn or<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut cancelled = self.0.subscribe();
        tokio::select! {
            biased;
            _ = cancelled.wait_for(|cancelled| *cancelled) => None,
            given = future => Some(given),
        }
    }
}

/// The events of a client. All event streams of a client share one queue of 256: one consumer. What comes beyond
/// turns all that waits into one `Resync`.
#[derive(uniffi::Object)]
pub struct EventStream {
    events: core::Events,
    cancelled: Cancelled,
}

#[uniffi::export]
impl EventStream {
    /// The next event; nothing once the client is closed or this stream is cancelled. Waits without a thread, from
    /// any thread. `cancel` loses no event. A coroutine of Kotlin that is cancelled while it waits here may lose the one
    /// that has just come: collect `eventFlow`, which does not.
    pub async fn next_event(&self) -> Option<CallEvent> {
        let event = self.cancelled.or(self.events.next()).await;
        event.flatten().map(CallEvent::from)
    }

    /// Ends this stream: whoever waits gets nothing, at once. The client and its queue stay as they are.
    pub fn cancel(&self) {
        self.cancelled.set();
    }
}

/// The state of a client as it changes. Any number of them, each complete.
#[derive(uniffi::Object)]
pub struct SnapshotStream {
    snapshots: core::Snapshots,
    cancelled: Cancelled,
}

#[uniffi::export]
impl SnapshotStream {
    /// The state now at the first call, then the newest each time that it is another one, however many were missed.
    /// The last one says that the client is closed; nothing after it, and nothing once this stream is cancelled. Waits
    /// without a thread, from any thread.
    pub async fn next_snapshot(&self) -> Option<ClientSnapshot> {
        let snapshot = self.cancelled.or(self.snapshots.next()).await;
        snapshot.flatten().map(|now| now.as_ref().into())
    }

    /// Ends this stream: whoever waits gets nothing, at once.
    pub fn cancel(&self) {
        self.cancelled.set();
    }
}

/// What becomes of a call that was made or accepted.
#[derive(uniffi::Object)]
pub struct CallAnswer {
    answer: core::Answered,
    cancelled: Cancelled,
}

#[uniffi::export]
impl CallAnswer {
    /// Waits until somebody has answered: the number under which the call goes on, which is another one when two calls
    /// turned out to be one. Any number of times, from any thread; waits without a thread.
    ///
    /// # Errors
    /// `Ended` with the end reason as code, `Refused` with the gateway's code, `UnknownCall`, `Closed`, `Cancelled`.
    pub async fn answered(&self) -> Result<u64, CallError> {
        match self.cancelled.or(self.answer.wait()).await {
            Some(answer) => Ok(answer?.get()),
            None => Err(CallError::new(
                CallErrorKind::Cancelled,
                "waiting for the answer was cancelled",
            )),
        }
    }

    /// Ends the waiting, at once. The call stays as it is: hang it up to end it.
    pub fn cancel(&self) {
        self.cancelled.set();
    }
}

impl EventStream {
    pub(crate) fn of(client: &core::CallClient) -> Arc<Self> {
        Arc::new(Self {
            events: client.events(),
            cancelled: Cancelled::new(),
        })
    }
}

impl SnapshotStream {
    pub(crate) fn of(client: &core::CallClient) -> Arc<Self> {
        Arc::new(Self {
            snapshots: client.snapshots(),
            cancelled: Cancelled::new(),
        })
    }
}

impl CallAnswer {
    pub(crate) fn of(answer: core::Answered) -> Arc<Self> {
        Arc::new(Self {
            answer,
            cancelled: Cancelled::new(),
        })
    }
}
