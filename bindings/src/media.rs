//! Sources and sinks: plain functions on the caller's own threads. A panic below ends the client, and nothing else.
//! The functions that move pictures and sound cross the border in the form that `raw` gives them.

use std::time::Duration;

use parking_lot::Mutex;
use ringwire_client as core;
use ringwire_client::Alarm;

use crate::error::CallError;
use crate::inside;

/// How pictures are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum VideoCodec {
    /// VP8 (RFC 6386): one frame.
    Vp8,
    /// H.264 (ITU-T H.264), constrained baseline: one access unit in Annex B form, each NAL unit behind a start
    /// code.
    H264,
}

/// How far the picture must be turned clockwise to stand upright (3GPP TS 26.114 §7.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Rotation {
    /// Upright.
    Deg0,
    /// A quarter turn.
    Deg90,
    /// Upside down.
    Deg180,
    /// Three quarters.
    Deg270,
}

/// One encoded picture.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct VideoFrame {
    /// How `data` is encoded.
    pub codec: VideoCodec,
    /// The whole picture. H.264: start codes of four bytes, and the parameter sets before a key frame.
    pub data: Vec<u8>,
    /// Microseconds of the sender's clock; only differences mean something.
    pub timestamp_us: u64,
    /// Needs no earlier picture.
    pub key_frame: bool,
    /// How the picture is to be turned.
    pub rotation: Rotation,
}

/// The camera or the screen of a client: encoded pictures go in, for every call that shows it.
#[derive(uniffi::Object)]
pub struct VideoSource {
    pub(crate) source: core::VideoSource,
    pub(crate) alarm: Alarm,
}

impl VideoSource {
    /// Takes one encoded picture; `data` is read before the function returns and not kept. `timestamp_us` is the
    /// moment of the capture in microseconds of any clock that runs on. Whether H.264 is a key frame is read from it,
    /// whatever `key_frame` says; its parameter sets may come with each key frame, with the first, or before it in a frame of
    /// their own. Never waits for the network: where it is slower than the camera, pictures are
    /// dropped up to the next key frame, which is then wanted. From any thread, one at a time.
    ///
    /// # Errors
    /// `InvalidInput` when `data` is empty, larger than 2 MiB, or not of a codec that is wanted (see `codec`); VP8 is
    /// not looked into. `Internal`.
    pub fn push(
        &self,
        data: &[u8],
        codec: VideoCodec,
        timestamp_us: u64,
        key_frame: bool,
        rotation: Rotation,
    ) -> Result<(), CallError> {
        let push = || {
            self.source.push(&core::VideoFrame {
                codec: codec.into(),
                data: data.to_vec().into(),
                timestamp: Duration::from_micros(timestamp_us),
                key_frame,
                rotation: rotation.into(),
            })
        };
        let pushed = inside(|| self.alarm.guard(push));
        pushed
            .map_err(CallError::internal)?
            .map_err(|error| match error {
                core::MediaError::WrongCodec { .. } => CallError::invalid("codec", error),
                _ => CallError::invalid("data", format!("one picture, 1 byte to 2 MiB: {error}")),
            })
    }
}

#[uniffi::export]
impl VideoSource {
    /// What the encoder should make: what the first open connection has agreed on; nothing before that.
    pub fn codec(&self) -> Option<VideoCodec> {
        self.source.codec().map(VideoCodec::from)
    }

    /// What the encoder should make, bits per second; nothing while no connection may send.
    pub fn target_bps(&self) -> Option<u64> {
        self.source.target_bps()
    }

    /// True once after the other end, or a new connection, has asked for a key frame.
    pub fn take_key_frame_wanted(&self) -> bool {
        self.source.take_key_frame_wanted()
    }
}

/// Pictures of the other person's camera or screen in one call. One consumer.
#[derive(uniffi::Object)]
pub struct VideoSink {
    pub(crate) sink: core::VideoSink,
    pub(crate) alarm: Alarm,
    /// A picture for which the room was too small: it is the next one.
    pub(crate) kept: Mutex<Option<core::VideoFrame>>,
}

impl VideoSink {
    /// The next whole picture; nothing after so many milliseconds, and at once when the call or the client is over.
    /// Blocks the calling thread: never on the main thread. 30 pictures wait; one more drops all up to the next key
    /// frame.
    pub fn next(&self, timeout_ms: u32) -> Option<VideoFrame> {
        let frame = self.take(timeout_ms)?;
        Some(VideoFrame {
            codec: frame.codec.into(),
            timestamp_us: micros(&frame),
            key_frame: frame.key_frame,
            rotation: frame.rotation.into(),
            data: frame.data.into(),
        })
    }

    /// The next picture as the core has it.
    pub(crate) fn take(&self, timeout_ms: u32) -> Option<core::VideoFrame> {
        let kept = self.kept.lock().take();
        kept.or_else(|| {
            let timeout = Duration::from_millis(timeout_ms.into());
            // What a panic leaves is nothing.
            inside(|| self.alarm.guard(|| self.sink.next(timeout))).unwrap_or_default()
        })
    }
}

#[uniffi::export]
impl VideoSink {
    /// Asks the other end for a key frame, as a decoder that lost its way must.
    pub fn want_key_frame(&self) {
        self.sink.want_key_frame();
    }

    /// True when the call or the client is over: nothing more comes.
    pub fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }
}

/// The microphone: PCM goes in, for every call whose microphone is on.
#[derive(uniffi::Object)]
pub struct AudioSource {
    pub(crate) source: core::AudioSource,
    pub(crate) alarm: Alarm,
}

impl AudioSource {
    /// Takes samples, any number of them: signed 16 bit, little-endian, mono, 48 kHz. They are read before the
    /// function returns and not kept. Encodes on the calling thread (Opus, a fraction of a millisecond for 10 ms): not
    /// for a real-time audio callback. Never waits for the network. From one thread at a time.
    ///
    /// # Errors
    /// `InvalidInput` for an odd number of bytes; `Internal`.
    pub fn push(&self, pcm: &[u8]) -> Result<(), CallError> {
        let (samples, rest) = pcm.as_chunks::<2>();
        if !rest.is_empty() {
            let problem = "two bytes a sample, so an even number of them";
            return Err(CallError::invalid("pcm", problem));
        }
        let push = || {
            let samples = samples.iter().map(|sample| i16::from_le_bytes(*sample));
            self.source.push(&samples.collect::<Vec<_>>())
        };
        let pushed = inside(|| self.alarm.guard(push));
        pushed
            .map_err(CallError::internal)?
            .map_err(|error| CallError::invalid("pcm", error))
    }
}

/// Sound of the other person in one call. One consumer.
#[derive(uniffi::Object)]
pub struct AudioSink {
    pub(crate) sink: core::AudioSink,
    pub(crate) alarm: Alarm,
}

impl AudioSink {
    /// Bytes of what is pulled at once: 10 ms.
    pub const BLOCK: usize = 960;

    /// The next 10 ms: 480 samples, signed 16 bit, little-endian, mono, 48 kHz; silence while nothing comes and once
    /// the call is over. Never waits: pull it at the pace of the loudspeaker, from one thread, which is no real-time
    /// audio callback.
    pub fn pull(&self, into: &mut [u8; Self::BLOCK]) {
        let mut pcm = [0; Self::BLOCK / 2];
        // What a panic leaves is silence.
        let _ = inside(|| self.alarm.guard(|| self.sink.pull(&mut pcm)));
        for (bytes, sample) in into.as_chunks_mut::<2>().0.iter_mut().zip(pcm) {
            *bytes = sample.to_le_bytes();
        }
    }
}

#[uniffi::export]
impl AudioSink {
    /// True when the call or the client is over: nothing more comes.
    pub fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }
}

/// The moment of a picture, microseconds.
pub(crate) fn micros(frame: &core::VideoFrame) -> u64 {
    u64::try_from(frame.timestamp.as_micros()).unwrap_or(u64::MAX)
}

impl From<VideoCodec> for core::VideoCodec {
    fn from(codec: VideoCodec) -> Self {
        match codec {
            VideoCodec::Vp8 => core::VideoCodec::Vp8,
            VideoCodec::H264 => core::VideoCodec::H264,
        }
    }
}

impl From<core::VideoCodec> for VideoCodec {
    fn from(codec: core::VideoCodec) -> Self {
        match codec {
            core::VideoCodec::H264 => VideoCodec::H264,
            _ => VideoCodec::Vp8,
        }
    }
}

impl From<Rotation> for core::Rotation {
    fn from(rotation: Rotation) -> Self {
        match rotation {
            Rotation::Deg0 => core::Rotation::None,
            Rotation::Deg90 => core::Rotation::Quarter,
            Rotation::Deg180 => core::Rotation::Half,
            Rotation::Deg270 => core::Rotation::ThreeQuarters,
        }
    }
}

impl From<core::Rotation> for Rotation {
    fn from(rotation: core::Rotation) -> Self {
        match rotation {
            core::Rotation::None => Rotation::Deg0,
            core::Rotation::Quarter => Rotation::Deg90,
            core::Rotation::Half => Rotation::Deg180,
            core::Rotation::ThreeQuarters => Rotation::Deg270,
        }
    }
}
