//! Streams that an app pulls: events and snapshots. Holding one keeps no client alive, so that whoever
//! waits is woken when the client goes.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::client::Shared;
use crate::event::{Event, EventQueue, Snapshot, SocketState};

/// The events of a client, one by one. All streams of a client share one queue: one consumer.
#[derive(Debug, Clone)]
pub struct Events {
    queue: Arc<EventQueue>,
}

impl Events {
    pub(crate) fn of(queue: &Arc<EventQueue>) -> Self {
        Self {
            queue: Arc::clone(queue),
        }
    }

    /// The next event; `None` once the client is closed. Cancelling loses nothing.
    pub async fn next(&self) -> Option<Event> {
        self.queue.next().await
    }
}

/// The state of a client as it changes: the newest, however many were missed. Any number of consumers, each with a
/// stream of its own.
pub struct Snapshots {
    shared: Arc<Shared>,
    at: Mutex<At>,
}

struct At {
    changes: watch::Receiver<()>,
    ended: bool,
}

impl std::fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}

impl Snapshots {
    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        let mut changes = shared.changes.subscribe();
        changes.mark_changed();
        Self {
            shared: Arc::clone(shared),
            at: Mutex::new(At {
                changes,
                ended: false,
            }),
        }
    }

    /// The state now when it is asked for the first time, then the next that is other than the last one given. The last
    /// of all says [`SocketState::Closed`]; `None` after it. Cancelling loses nothing.
    pub async fn next(&self) -> Option<Arc<Snapshot>> {
        loop {
            let mut changes = {
                let mut at = self.at.lock();
                if at.ended {
                    return None;
                }
                if at.changes.has_changed().unwrap_or(true) {
                    at.changes.mark_unchanged();
                    let snapshot = self.shared.snapshot.load_full();
                    at.ended = snapshot.socket == SocketState::Closed;
                    return Some(snapshot);
                }
                at.changes.clone()
            };
            // The clone is marked, the stream's own is not: a cancelled wait has seen nothing.
            let _ = changes.changed().await;
        }
    }
}
