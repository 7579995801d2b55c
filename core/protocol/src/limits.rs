//! Sizes and rates of the contract. A limit answers politely: bad sizes with a
//! [`crate::ProtocolError`], too many events with `RATE_LIMIT_EXCEEDED` and `retryAfter`.

use std::time::Duration;

/// Longest frame of the socket, bytes.
pub const MAX_FRAME: usize = 1 << 20;
/// Longest id, characters.
pub const MAX_ID: usize = 128;
/// Longest SDP, characters.
pub const MAX_SDP: usize = 50_000;
/// Longest ICE candidate, characters.
pub const MAX_CANDIDATE: usize = 1_000;
/// Longest `sdpMid`, characters.
pub const MAX_SDP_MID: usize = 256;
/// Longest transcribed text, characters.
pub const MAX_SEGMENT_TEXT: usize = 5_000;
/// Highest reconnect attempt that is told to others.
pub const MAX_RECONNECT_ATTEMPT: u32 = 10;
/// Most people in a call without an SFU.
pub const MAX_MESH: usize = 4;
/// Most capabilities that a peer may announce.
pub const MAX_CAPABILITIES: usize = 64;
/// Most streams that one `call:subscribe` or one offer may name.
pub const MAX_TRACKS: usize = 64;

/// How many events of a kind a user may send in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Events.
    pub count: u32,
    /// In so long a time.
    pub window: Duration,
}

const fn per(count: u32, seconds: u64) -> Rate {
    Rate {
        count,
        window: Duration::from_secs(seconds),
    }
}

/// `call:initiate`.
pub const RATE_INITIATE: Rate = per(5, 60);
/// `call:join`.
pub const RATE_JOIN: Rate = per(20, 60);
/// `call:leave` and `call:end` together.
pub const RATE_LEAVE: Rate = per(20, 60);
/// `call:signal` except candidates, and `call:negotiate`.
pub const RATE_SIGNAL: Rate = per(100, 10);
/// Candidates, counted apart for each call.
pub const RATE_CANDIDATE: Rate = per(150, 5);
/// Toggles of sound, camera, screen and hold.
pub const RATE_TOGGLE: Rate = per(50, 60);
/// `call:heartbeat`.
pub const RATE_HEARTBEAT: Rate = per(12, 60);
/// `call:quality-report`.
pub const RATE_QUALITY: Rate = per(30, 60);
/// Everything else.
pub const RATE_OTHER: Rate = per(60, 60);
