//! Every time span of a call, in one table: clients, gateway and tests read it here. A test holds
//! each outer span longer than the one inside.

use std::time::Duration;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Initiator's client: from initiate, or from the first `call:ringing`, to "no answer".
pub const NO_ANSWER: Duration = secs(30);
/// Initiator's client: from initiate to "no answer", however late the first ring.
pub const NO_ANSWER_MAX: Duration = secs(40);
/// Server: from initiate to `missed`; callee's rings and pushes end with it (`ringDeadline`).
pub const RING_DEADLINE: Duration = secs(45);
/// Server: a device with a socket that has not said `call:ringing` by then gets a push.
pub const PUSH_GRACE: Duration = secs(2);
/// Server's sweep: whatever still rings.
pub const RING_SWEEP: Duration = secs(120);
/// Server: time between two sweeps.
pub const SWEEP_INTERVAL: Duration = secs(30);
/// Client: an accepted call without a media path yet.
pub const CONNECT: Duration = secs(30);
/// Both: an answered call without a path, or a socket that stays away.
pub const RECONNECT: Duration = secs(60);
/// Server: an unanswered call whose initiator has lost its socket.
pub const INITIATOR_GONE: Duration = secs(10);
/// Client: a media path that is only disturbed becomes reconnecting after this.
pub const PATH_GRACE: Duration = secs(2);
/// Client: time between two ICE restarts of a path that stays broken.
pub const ICE_RESTART_INTERVAL: Duration = secs(8);
/// Client: heartbeats in a call.
pub const HEARTBEAT: Duration = secs(10);
/// Server: no heartbeat, foreground.
pub const HEARTBEAT_TIMEOUT: Duration = secs(120);
/// Server: no heartbeat, app in the background.
pub const HEARTBEAT_TIMEOUT_BACKGROUND: Duration = secs(300);
/// Server: longest call of which no heartbeat was ever heard.
pub const STALE_CALL: Duration = secs(12 * 3600);
/// Server: alone in a group call.
pub const ALONE: Duration = secs(60);
/// Server: the last offer and answer for each recipient are kept so long.
pub const SIGNAL_BUFFER: Duration = secs(150);
/// Client: reports of quality in a call.
pub const QUALITY_REPORT: Duration = secs(5);
/// Client: an ack that does not come.
pub const ACK: Duration = secs(8);
/// Engine.IO: the server's pings.
pub const PING_INTERVAL: Duration = secs(25);
/// Engine.IO: a pong that does not come.
pub const PING_TIMEOUT: Duration = secs(20);
/// Reconnecting the socket: shortest wait, before jitter.
pub const BACKOFF_MIN: Duration = Duration::from_millis(300);
/// Reconnecting the socket: longest wait, before jitter.
pub const BACKOFF_MAX: Duration = secs(7);
/// TURN credentials in a call.
pub const TURN_TTL: Duration = secs(24 * 3600);
/// TURN credentials in a ring push.
pub const TURN_TTL_PUSH: Duration = secs(2 * 3600);
/// Client: an ended call stays in the snapshot so long, for the screen that says why.
pub const ENDED_SHOWN: Duration = secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outer_timer_is_longer_than_the_one_inside() {
        for (name, chain) in [
            (
                "ring",
                &[
                    ACK,
                    NO_ANSWER,
                    NO_ANSWER_MAX,
                    RING_DEADLINE,
                    RING_SWEEP,
                    SIGNAL_BUFFER,
                ][..],
            ),
            (
                "path",
                &[
                    PATH_GRACE,
                    ICE_RESTART_INTERVAL,
                    CONNECT,
                    RECONNECT,
                    HEARTBEAT_TIMEOUT,
                ][..],
            ),
            (
                "socket",
                &[BACKOFF_MIN, BACKOFF_MAX, PING_TIMEOUT, RECONNECT][..],
            ),
            ("ping", &[PING_TIMEOUT, PING_INTERVAL, RECONNECT][..]),
            ("gone", &[BACKOFF_MAX, INITIATOR_GONE, RING_DEADLINE][..]),
            (
                "heartbeat",
                &[
                    HEARTBEAT,
                    SWEEP_INTERVAL,
                    HEARTBEAT_TIMEOUT,
                    HEARTBEAT_TIMEOUT_BACKGROUND,
                    STALE_CALL,
                    TURN_TTL,
                ][..],
            ),
            (
                "push",
                &[PUSH_GRACE, RING_DEADLINE, TURN_TTL_PUSH, TURN_TTL][..],
            ),
        ] {
            assert!(chain.windows(2).all(|w| w[0] < w[1]), "{name}: {chain:?}");
        }
    }
}
