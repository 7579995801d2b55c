//! What a client tells its app: events in a bounded queue, and the snapshot.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

use ringwire_call::{CallEvent, CallKey, CallView};
use ringwire_protocol::PeerId;

/// Most events that wait for the app; one more turns all of them into [`Event::Resync`].
pub const MAX_EVENTS: usize = 256;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Something of a call.
    Call(CallEvent),
    /// The way to the gateway.
    Socket(SocketState),
    /// The app was slower than 256 events: read the snapshot, older events are gone.
    Resync,
    /// The client broke inside and has ended; a bug. Only `Socket(Closed)` follows.
    Failed {
        /// What broke.
        message: String,
    },
}

/// The way to the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketState {
    /// Being connected.
    #[default]
    Connecting,
    /// Connected and authenticated.
    Connected,
    /// Lost; tried again in so long a time.
    Waiting {
        /// Until the next try.
        retry_in: Duration,
        /// What happened.
        reason: String,
    },
    /// The token was refused or has expired: give another with `set_token`.
    TokenNeeded {
        /// The gateway's code.
        code: String,
        /// What happened.
        message: String,
    },
    /// The client is closed.
    Closed,
}

/// The whole state, immutable and consistent.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Who I am, once the gateway has said so.
    pub me: Option<PeerId>,
    /// The way to the gateway.
    pub socket: SocketState,
    /// Active, held, waiting and just ended calls, the oldest first.
    pub calls: Vec<CallView>,
}

impl Snapshot {
    /// A call by its key.
    pub fn call(&self, key: CallKey) -> Option<&CallView> {
        self.calls.iter().find(|call| call.key == key)
    }
}

/// Events on their way to the app: pushed by the client's task, pulled by one consumer.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    closed: bool,
}

impl EventQueue {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn push(&self, event: Event) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if state.events.len() >= MAX_EVENTS {
            state.events.clear();
            state.events.push_back(Event::Resync);
        }
        state.events.push_back(event);
        drop(state);
        self.changed.notify_one();
    }

    /// What waits is still handed out; then `None` for ever.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// The next event, `None` after the close. Cancelling loses nothing.
    pub(crate) async fn next(&self) -> Option<Event> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                if let Some(event) = state.events.pop_front() {
                    if !state.events.is_empty() || state.closed {
                        self.changed.notify_one();
                    }
                    return Some(event);
                }
                if state.closed {
                    self.changed.notify_one();
                    return None;
                }
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn socket(n: u64) -> Event {
        Event::Socket(SocketState::Waiting {
            retry_in: Duration::from_millis(n),
            reason: String::new(),
        })
    }

    #[test]
    fn an_overflow_becomes_one_resync_and_the_newest_event_is_kept() {
        let queue = EventQueue::new();
        for n in 0..=MAX_EVENTS as u64 {
            queue.push(socket(n));
        }
        assert_eq!(queue.next().now_or_never(), Some(Some(Event::Resync)));
        assert_eq!(
            queue.next().now_or_never(),
            Some(Some(socket(MAX_EVENTS as u64)))
        );
        assert_eq!(queue.next().now_or_never(), None);
    }

    #[test]
    fn a_cancelled_wait_loses_no_event() {
        let queue = EventQueue::new();
        assert_eq!(queue.next().now_or_never(), None);
        queue.push(socket(1));
        assert_eq!(queue.next().now_or_never(), Some(Some(socket(1))));
    }

    #[test]
    fn what_waits_at_the_close_is_handed_out_before_the_end() {
        let queue = EventQueue::new();
        queue.push(socket(1));
        queue.close();
        queue.push(socket(2));
        assert_eq!(queue.next().now_or_never(), Some(Some(socket(1))));
        assert_eq!(queue.next().now_or_never(), Some(None));
        assert_eq!(queue.next().now_or_never(), Some(None));
    }
}
