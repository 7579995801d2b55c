//! The receiving end of one video stream: RTP packets in any order in, whole frames in decode order out.
//! How a codec's payload looks is `vp8` and `h264`; asking the sender for anything is the caller's.

mod assembler;
mod chain;
mod join;
mod partial_frame;
mod request_pacer;

use std::time::Duration;

pub use assembler::VideoAssembler;

/// How patient a [`VideoAssembler`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoAssemblerConfig {
    /// How long a hole may hold up frames that could be handed out without what is missing.
    pub skip_after: Duration,
    /// How long a hole may hold up all frames before a key frame is asked for. Retransmissions go on filling it.
    pub ask_after: Duration,
    /// How long a hole may hold up all frames before they are given up, up to the next key frame.
    pub give_up_after: Duration,
    /// Time between the first two requests for one key frame; doubles with each further one, up to eight times.
    pub ask_again_after: Duration,
}

impl Default for VideoAssemblerConfig {
    fn default() -> Self {
        Self {
            skip_after: Duration::from_millis(40),
            ask_after: Duration::from_millis(250),
            give_up_after: Duration::from_secs(2),
            ask_again_after: Duration::from_millis(300),
        }
    }
}

/// Counts since a [`VideoAssembler`] was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VideoStatistics {
    /// Frames handed out.
    pub frames_assembled: u64,
    /// Of these, key frames.
    pub key_frames: u64,
    /// Frames of which something arrived and that were never handed out.
    pub frames_dropped: u64,
    /// Packets that arrived, of any kind.
    pub packets_received: u64,
    /// Packets whose sequence number had arrived before.
    pub packets_duplicate: u64,
    /// Packets that came after their place in the sequence had been passed.
    pub packets_late: u64,
    /// Sequence numbers that had not arrived when their place was passed.
    pub packets_lost: u64,
    /// Packets that could not be read, or that lie far from all others in the sequence.
    pub packets_malformed: u64,
    /// Bytes of payload that arrived.
    pub bytes_received: u64,
    /// Times that a key frame was asked for.
    pub key_frame_requests: u64,
}
