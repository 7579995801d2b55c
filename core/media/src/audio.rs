//! Sound: Opus to and from 48 kHz PCM, and the receiving end of one Opus stream.
//! Devices, echo cancelling and resampling are the shell's.

mod concealer;
mod opus_decoder;
mod opus_encoder;
mod opus_packet;
mod playout_delay;
mod receiver;
mod time_stretch;

use std::time::Duration;

pub use opus_decoder::OpusDecoder;
pub use opus_encoder::{EncodedAudio, OpusEncoder, OpusEncoderConfig};
pub use opus_packet::OpusPacketHeader;
pub use receiver::AudioReceiver;

/// The sampling rate of all PCM here.
pub(crate) const SAMPLE_RATE_HZ: u32 = 48_000;
/// Samples of the longest Opus packet, 120 ms (RFC 6716 §3.2.5).
pub(crate) const MAX_PACKET_SAMPLES: usize = 5_760;

/// Bounds of the delay that an [`AudioReceiver`] aims at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioReceiverConfig {
    /// Never aim below.
    pub min_delay: Duration,
    /// Never aim above.
    pub max_delay: Duration,
}

impl Default for AudioReceiverConfig {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(20),
            max_delay: Duration::from_millis(500),
        }
    }
}

/// What a pull was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AudioSource {
    /// Packets.
    Received,
    /// In part made up, because packets were missing.
    Concealed,
    /// Silence, because nothing comes.
    Silence,
}

/// Counts since an [`AudioReceiver`] was made, and its delay now. Samples are of 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AudioReceiverStatistics {
    /// Packets that arrived.
    pub packets_received: u64,
    /// Packets whose sequence number had arrived before.
    pub packets_duplicate: u64,
    /// Packets that came after their place had been played.
    pub packets_late: u64,
    /// Packets that could not be decoded.
    pub packets_malformed: u64,
    /// Packets left out because too many were waiting.
    pub packets_discarded: u64,
    /// Packets that were not there when their place was played, recovered ones among them.
    pub packets_lost: u64,
    /// Of these, packets whose sound came from the copy in the next one.
    pub packets_recovered: u64,
    /// Samples handed out.
    pub samples_played: u64,
    /// Samples made up, because packets were missing.
    pub samples_concealed: u64,
    /// Samples of silence, because nothing came.
    pub samples_silent: u64,
    /// Samples put in to grow the delay.
    pub samples_inserted: u64,
    /// Samples taken out to shrink the delay.
    pub samples_removed: u64,
    /// How long the sound played now has waited since the fastest packet would have brought it.
    pub delay: Duration,
    /// The delay that is aimed at.
    pub target_delay: Duration,
}
