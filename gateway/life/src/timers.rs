//! The time spans of the server's half; [`Default`] is the contract's, tests may shorten them.

use std::time::Duration;

use ringwire_protocol::timers;

/// Time spans of a call, as the server keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// From initiate to `missed`.
    pub ring_deadline: Duration,
    /// Whatever is unanswered after this is ended, even when somebody has joined.
    pub ring_sweep: Duration,
    /// An unanswered call whose initiator has lost its socket.
    pub initiator_gone: Duration,
    /// Somebody in an answered call whose socket stays away.
    pub reconnect: Duration,
    /// No heartbeat, foreground.
    pub heartbeat_timeout: Duration,
    /// No heartbeat, app in the background.
    pub heartbeat_timeout_background: Duration,
    /// An answered call of which no heartbeat was ever heard.
    pub stale_call: Duration,
    /// Alone in a group call.
    pub alone: Duration,
    /// Offers, answers and candidates are kept so long.
    pub signal_buffer: Duration,
    /// A device with a socket that does not ring after this is woken by a push.
    pub push_grace: Duration,
    /// Time between two looks at all calls.
    pub sweep_interval: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            ring_deadline: timers::RING_DEADLINE,
            ring_sweep: timers::RING_SWEEP,
            initiator_gone: timers::INITIATOR_GONE,
            reconnect: timers::RECONNECT,
            heartbeat_timeout: timers::HEARTBEAT_TIMEOUT,
            heartbeat_timeout_background: timers::HEARTBEAT_TIMEOUT_BACKGROUND,
            stale_call: timers::STALE_CALL,
            alone: timers::ALONE,
            signal_buffer: timers::SIGNAL_BUFFER,
            push_grace: timers::PUSH_GRACE,
            sweep_interval: timers::SWEEP_INTERVAL,
        }
    }
}
