//! Frames, packets, jitter buffers and Opus, without I/O and without a clock: bytes and instants come in with each call,
//! bytes and samples go out. Sockets, RTCP and negotiation are `ringwire-peer`'s; encoding pictures is the phone's.
//!
//! | what | sending | receiving |
//! | --- | --- | --- |
//! | picture | [`VideoFrame`] → [`vp8::Vp8Packetizer`], [`h264::H264Packetizer`] → [`Payload`]s | [`RtpPacket`] → [`VideoAssembler`] → [`VideoFrame`] |
//! | sound | PCM → [`OpusEncoder`] → payloads | [`RtpPacket`] → [`AudioReceiver`] → PCM |
//! | time | capture time → [`RtpClock`] → RTP timestamp | RTP timestamp, unwrapped, inside both |
//!
//! - `frame`, `packet`, `error`: the types that cross the border.
//! - `clock`: RTP timestamps from capture times. `history`: which sequence numbers have arrived.
//! - [`vp8`]: the RTP payload format (RFC 7741) and the frame header (RFC 6386).
//! - [`h264`]: the RTP payload format (RFC 6184, packetization mode 1), NAL units and parameter sets. Pictures are
//!   access units in Annex B form.
//! - `video`: the reorder buffer of both. `chain` in it holds the one rule that matters: no frame is handed out unless the
//!   stream itself proves that all it refers to was handed out before.
//! - `audio`: Opus, the adaptive jitter buffer (`receiver`), how long it waits (`playout_delay`), and what it does to
//!   sound (`concealer`, `time_stretch`). Why this Opus: `docs/opus.md`.
//!
//! Everything that holds packets has a bound, which its documentation states. All sound is 48 kHz.
#![forbid(unsafe_code)]

mod audio;
mod clock;
mod error;
mod frame;
pub mod h264;
mod history;
mod packet;
mod payload;
mod video;
pub mod vp8;

pub use audio::{
    AudioReceiver, AudioReceiverConfig, AudioReceiverStatistics, AudioSource, EncodedAudio,
    OpusDecoder, OpusEncoder, OpusEncoderConfig, OpusPacketHeader,
};
pub use clock::{AUDIO_CLOCK_HZ, RtpClock, VIDEO_CLOCK_HZ};
pub use error::MediaError;
pub use frame::{Rotation, VideoCodec, VideoFrame};
pub use packet::RtpPacket;
pub use payload::Payload;
pub use video::{VideoAssembler, VideoAssemblerConfig, VideoStatistics};
