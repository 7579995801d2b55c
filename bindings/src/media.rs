//! Sources and sinks: plain functions on the caller's own threads.

use std::time::Duration;

use ringwire_client as core;

use crate::error::CallError;

/// How far the picture must be turned clockwise to stand upright.
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
    /// VP8 (RFC 6386), one whole frame.
    pub data: Vec<u8>,
    /// Microseconds of the sender's clock; only differences mean something.
    pub timestamp_us: u64,
    /// Needs no earlier picture.
    pub key_frame: bool,
    /// How the picture is to be turned.
    pub rotation: Rotation,
}

/// The camera: encoded pictures go in, for every call whose camera is on.
#[derive(uniffi::Object)]
pub struct VideoSource(pub(crate) core::VideoSource);

#[uniffi::export]
impl VideoSource {
    /// Takes one encoded VP8 picture. Never blocks; drops up to the next key frame when the network
    /// is slower than the camera.
    ///
    /// # Errors
    /// `InvalidInput` when `data` is empty or larger than 2 MiB. The bytes are not checked to be VP8.
    pub fn push(
        &self,
        data: Vec<u8>,
        timestamp_us: u64,
        key_frame: bool,
        rotation: Rotation,
    ) -> Result<(), CallError> {
        let frame = core::VideoFrame {
            codec: core::VideoCodec::Vp8,
            data: data.into(),
            timestamp: Duration::from_micros(timestamp_us),
            key_frame,
            rotation: rotation.into(),
        };
        self.0.push(&frame).map_err(|error| {
            CallError::invalid(
                "data",
                format!("one encoded VP8 frame, 1 byte to 2 MiB ({error})"),
            )
        })
    }

    /// What the encoder should make, bits per second; nothing while no connection may send.
    pub fn target_bps(&self) -> Option<u64> {
        self.0.target_bps()
    }

    /// True once after the other end, or a new connection, has asked for a key frame.
    pub fn take_key_frame_wanted(&self) -> bool {
        self.0.take_key_frame_wanted()
    }
}

/// Pictures of the other person.
#[derive(uniffi::Object)]
pub struct VideoSink(pub(crate) core::VideoSink);

#[uniffi::export]
impl VideoSink {
    /// The next whole picture; nothing after so long a time, and at once when the call is over.
    /// Blocks the calling thread: never on the main thread. 30 pictures wait; one more drops all up
    /// to the next key frame.
    pub fn next(&self, timeout_ms: u32) -> Option<VideoFrame> {
        let frame = self.0.next(Duration::from_millis(timeout_ms.into()))?;
        Some(VideoFrame {
            data: frame.data.to_vec(),
            timestamp_us: u64::try_from(frame.timestamp.as_micros()).unwrap_or(u64::MAX),
            key_frame: frame.key_frame,
            rotation: frame.rotation.into(),
        })
    }

    /// True when the call is over: nothing more comes.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The microphone: PCM goes in, for every call whose microphone is on.
#[derive(uniffi::Object)]
pub struct AudioSource(pub(crate) core::AudioSource);

#[uniffi::export]
impl AudioSource {
    /// Takes samples: signed 16 bit, little-endian, mono, 48 kHz, any number of them. Never blocks.
    ///
    /// # Errors
    /// `InvalidInput` for an odd number of bytes.
    pub fn push(&self, pcm: Vec<u8>) -> Result<(), CallError> {
        let (samples, rest) = pcm.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(CallError::invalid(
                "pcm",
                "two bytes a sample, an even number of them",
            ));
        }
        let samples: Vec<_> = samples
            .iter()
            .map(|sample| i16::from_le_bytes(*sample))
            .collect();
        self.0
            .push(&samples)
            .map_err(|error| CallError::invalid("pcm", error))
    }
}

/// Sound of the other person.
#[derive(uniffi::Object)]
pub struct AudioSink(pub(crate) core::AudioSink);

#[uniffi::export]
impl AudioSink {
    /// The next 10 ms: 480 samples, signed 16 bit, little-endian, mono, 48 kHz; silence while
    /// nothing comes. Never blocks. Pull every 10 ms.
    pub fn pull(&self) -> Vec<u8> {
        let mut pcm = [0; 480];
        self.0.pull(&mut pcm);
        pcm.iter()
            .flat_map(|sample: &i16| sample.to_le_bytes())
            .collect()
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
