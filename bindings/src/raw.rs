//! Pictures and sound as they cross the border: numbers and addresses of memory that the skin owns. UniFFI's records,
//! arrays and enums cost more there than the call itself. The functions are private to Rust, and in Kotlin and Swift
//! internal to the skins, which lay out the same bytes. Only `//` stands before them: other comments would be shown there.

use std::ptr::with_exposed_provenance as at;
use std::ptr::with_exposed_provenance_mut as at_mut;
use std::slice::{from_raw_parts, from_raw_parts_mut};

use ringwire_client as core;

use crate::error::CallError;
use crate::media::{self, AudioSink, AudioSource, Rotation, VideoCodec, VideoSink, VideoSource};

/// Bytes before a picture's own: its moment (8, little-endian), its codec, 1 for a key frame, its rotation, 0.
const HEADER: usize = 12;
/// The numbers of the skins' enums.
const CODECS: [VideoCodec; 2] = [VideoCodec::Vp8, VideoCodec::H264];
const ROTATIONS: [Rotation; 4] = [
    Rotation::Deg0,
    Rotation::Deg90,
    Rotation::Deg180,
    Rotation::Deg270,
];

#[uniffi::export]
impl VideoSource {
    fn push_at(
        &self,
        address: u64,
        length: u64,
        codec: u8,
        timestamp_us: u64,
        key_frame: bool,
        rotation: u8,
    ) -> Result<(), CallError> {
        let codec = named(&CODECS, codec, "codec")?;
        let rotation = named(&ROTATIONS, rotation, "rotation")?;
        // SAFETY: the skin holds so many bytes there until this returns, and nobody writes to them meanwhile.
        let data = unsafe { bytes(address, length) };
        self.push(data, codec, timestamp_us, key_frame, rotation)
    }
}

#[uniffi::export]
impl VideoSink {
    // Writes header and picture where the skin has `room` for them, and returns how many bytes that were: 0 for none. More
    // than `room` means that it is the next picture still, and needs so much room.
    fn next_at(&self, timeout_ms: u32, address: u64, room: u64) -> u64 {
        let Some(frame) = self.take(timeout_ms) else {
            return 0;
        };
        let needed = HEADER + frame.data.len();
        if (room as usize) < needed {
            *self.kept.lock() = Some(frame);
            return needed as u64;
        }
        // SAFETY: the skin has `room` bytes there, which nobody else touches until this returns.
        let into = unsafe { from_raw_parts_mut(at_mut::<u8>(address as usize), needed) };
        let (header, data) = into.split_at_mut(HEADER);
        header.copy_from_slice(&head(&frame));
        data.copy_from_slice(&frame.data);
        needed as u64
    }
}

#[uniffi::export]
impl AudioSource {
    fn push_at(&self, address: u64, length: u64) -> Result<(), CallError> {
        // SAFETY: the skin holds so many bytes there until this returns, and nobody writes to them meanwhile.
        self.push(unsafe { bytes(address, length) })
    }
}

#[uniffi::export]
impl AudioSink {
    // Writes a block.
    fn pull_at(&self, address: u64) {
        // SAFETY: the skin has a block there, which nobody else touches until this returns.
        self.pull(unsafe { &mut *at_mut::<[u8; AudioSink::BLOCK]>(address as usize) });
    }
}

/// Memory of the skin.
///
/// # Safety
/// So many bytes lie there, and nobody writes to them while the slice lives.
unsafe fn bytes<'a>(address: u64, length: u64) -> &'a [u8] {
    match length {
        // Nothing lies nowhere, too.
        0 => &[],
        // SAFETY: the caller says so.
        _ => unsafe { from_raw_parts(at::<u8>(address as usize), length as usize) },
    }
}

/// What a skin's number stands for.
fn named<T: Copy>(all: &[T], number: u8, field: &str) -> Result<T, CallError> {
    all.get(usize::from(number)).copied().ok_or_else(|| {
        let problem = format!("{number}, and the library knows 0 to {}", all.len() - 1);
        CallError::invalid(field, problem)
    })
}

fn head(frame: &core::VideoFrame) -> [u8; HEADER] {
    let number = |at: Option<usize>| at.unwrap_or_default() as u8;
    let codec = CODECS.iter().position(|codec| *codec == frame.codec.into());
    let rotation = ROTATIONS
        .iter()
        .position(|rotation| *rotation == frame.rotation.into());
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&media::micros(frame).to_le_bytes());
    header[8..].copy_from_slice(&[
        number(codec),
        u8::from(frame.key_frame),
        number(rotation),
        0,
    ]);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_header_says_when_what_and_how() {
        let frame = core::VideoFrame {
            codec: core::VideoCodec::H264,
            data: vec![1].into(),
            timestamp: Duration::from_micros(0x0102_0304),
            key_frame: true,
            rotation: core::Rotation::ThreeQuarters,
        };
        assert_eq!(head(&frame), [4, 3, 2, 1, 0, 0, 0, 0, 1, 1, 3, 0]);
    }

    #[test]
    fn a_number_of_a_newer_skin_is_named() {
        assert_eq!(named(&CODECS, 1, "codec").unwrap(), VideoCodec::H264);
        let turned = [0, 1, 2, 3].map(|number| named(&ROTATIONS, number, "rotation").unwrap());
        let quarters = [
            Rotation::Deg0,
            Rotation::Deg90,
            Rotation::Deg180,
            Rotation::Deg270,
        ];
        assert_eq!(turned, quarters);
        let error = named(&CODECS, 2, "codec").unwrap_err().to_string();
        assert!(error.contains("codec") && error.contains('2'), "{error}");
    }
}
