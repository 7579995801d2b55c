//! Spans and bounds of the session that are nobody else's; those shared with the gateway stand in
//! [`ringwire_protocol::timers`] and [`ringwire_protocol::limits`].

use std::time::Duration;

/// Driver: looking up a name.
pub const DNS: Duration = Duration::from_secs(4);
/// Driver: TCP, over all addresses of a name.
pub const TCP: Duration = Duration::from_secs(5);
/// Driver: one address gets so long a start before the next is tried beside it (RFC 8305 §5).
pub const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// Driver: TLS and the WebSocket upgrade together.
pub const UPGRADE: Duration = Duration::from_secs(5);
/// Driver: saying goodbye before the socket is dropped.
pub const GOODBYE: Duration = Duration::from_millis(500);
/// Session: from asking for a socket to having one; the driver's own spans lie inside.
pub const OPEN: Duration = Duration::from_secs(15);
/// Session: from the open socket to the answer to CONNECT.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Session: from the answer to CONNECT to `authenticated`; then the token says who we are.
pub const AUTHENTICATED: Duration = Duration::from_secs(3);
/// Session: after a network change, the server shows life in so long a time or is lost.
pub const PROBE: Duration = Duration::from_secs(3);
/// Session: a connection that held so long begins the back-off anew.
pub const STABLE: Duration = Duration::from_secs(10);
/// Session: network changes hasten the next attempt at most so often.
pub const HURRY: Duration = Duration::from_secs(1);

/// Acks awaited at once; one more fails with [`crate::AckFailure::TooMany`].
pub const MAX_ACKS: usize = 256;
/// Events kept that come before `authenticated`; later ones are dropped as bad frames.
pub const MAX_EARLY: usize = 64;
/// Bad frames told for each connection; later ones are only counted.
pub const MAX_BAD_FRAMES_TOLD: u32 = 32;
/// Longest text of another's making that goes into an event for the app, characters.
pub const MAX_TOLD: usize = 200;
/// Driver: emits that wait for the task; one more is refused with [`crate::EmitError::Full`].
pub const MAX_COMMANDS: usize = 256;
/// Driver: events that wait for the app; at this the socket is read no further.
pub const MAX_EVENTS: usize = 1024;
/// Driver: bytes that wait for a slow network; over this the connection counts as lost.
pub const MAX_UNSENT: usize = 4 << 20;

/// Text of another's making, cut to [`MAX_TOLD`] characters.
pub(crate) fn told(text: &str) -> String {
    text.chars().take(MAX_TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwire_protocol::{limits, timers};

    #[test]
    fn each_outer_span_is_longer_than_the_one_inside() {
        assert!(DNS + TCP + UPGRADE < OPEN);
        assert!(NEXT_ADDRESS < TCP);
        assert!(OPEN + HANDSHAKE + AUTHENTICATED + timers::BACKOFF_MAX < timers::RECONNECT);
        assert!(AUTHENTICATED < timers::ACK);
        assert!(timers::BACKOFF_MAX < STABLE);
        assert!(PROBE < timers::PING_TIMEOUT);
        const { assert!(MAX_UNSENT > 2 * limits::MAX_FRAME) };
    }
}
