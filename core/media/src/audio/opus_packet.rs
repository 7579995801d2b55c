//! What an Opus packet says without being decoded: RFC 6716 §3 (TOC and framing) and §4.2.4 (LBRR flags).

use crate::audio::MAX_PACKET_SAMPLES;
use crate::error::MediaError;

/// Length and make of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusPacketHeader {
    /// Samples per channel at 48 kHz, 120 to 5,760.
    pub samples: usize,
    /// Coded in stereo.
    pub stereo: bool,
    /// Holds a second, coarser coding of the sound just before it (in-band FEC).
    pub has_fec: bool,
}

impl OpusPacketHeader {
    /// Reads the header of one packet.
    ///
    /// # Errors
    /// [`MediaError::Truncated`] if the packet ends within its framing, [`MediaError::Invalid`] if it is longer than
    /// 120 ms or has no frame.
    pub fn parse(packet: &[u8]) -> Result<Self, MediaError> {
        let (&toc, rest) = packet
            .split_first()
            .ok_or(MediaError::Truncated { field: "Opus TOC" })?;
        let frame_samples = frame_samples(toc >> 3);
        let stereo = toc & 0x04 != 0;
        let frames = match toc & 0x03 {
            0 => 1,
            1 | 2 => 2,
            _ => {
                let count = rest.first().ok_or(MediaError::Truncated {
                    field: "Opus frame count",
                })?;
                usize::from(count & 0x3f)
            }
        };
        let samples = frames * frame_samples;
        if frames == 0 || samples > MAX_PACKET_SAMPLES {
            return Err(MediaError::Invalid {
                field: "Opus frame count",
            });
        }
        let has_fec = first_frame(toc, rest)?
            .first()
            .is_some_and(|byte| has_lbrr(toc, *byte));
        Ok(Self {
            samples,
            stereo,
            has_fec,
        })
    }
}

/// Samples at 48 kHz of one frame of this configuration (RFC 6716 table 2).
fn frame_samples(configuration: u8) -> usize {
    match configuration {
        0..=11 => [480, 960, 1_920, 2_880][usize::from(configuration & 3)],
        12..=15 => [480, 960][usize::from(configuration & 1)],
        _ => [120, 240, 480, 960][usize::from(configuration & 3)],
    }
}

/// The first frame behind the framing bytes; `rest` is the packet without its TOC.
fn first_frame(toc: u8, rest: &[u8]) -> Result<&[u8], MediaError> {
    let cut = MediaError::Truncated {
        field: "Opus framing",
    };
    let mut at = 0;
    let mut next = |rest: &[u8]| {
        let byte = rest.get(at).copied();
        at += 1;
        byte.map(usize::from).ok_or(cut.clone())
    };
    let framing = toc & 0x03;
    if framing == 2 && next(rest)? >= 252 {
        next(rest)?;
    }
    if framing == 3 {
        let flags = next(rest)?;
        let padded = flags & 0x40 != 0;
        while padded && next(rest)? == 255 {}
        let each_has_its_length = flags & 0x80 != 0;
        if each_has_its_length {
            for _ in 1..flags & 0x3f {
                if next(rest)? >= 252 {
                    next(rest)?;
                }
            }
        }
    }
    rest.get(at..).ok_or(cut)
}

/// Whether a SILK or hybrid frame that begins with `byte` holds LBRR: each channel has one VAD flag per SILK frame, then
/// its LBRR flag, all of them plain bits at the very front.
fn has_lbrr(toc: u8, byte: u8) -> bool {
    let configuration = toc >> 3;
    if configuration >= 16 {
        return false;
    }
    let silk_frames = (frame_samples(configuration) / 960).max(1);
    let mid = byte >> (7 - silk_frames) & 1 == 1;
    let side = toc & 0x04 != 0 && byte >> (6 - 2 * silk_frames.min(3)) & 1 == 1;
    mid || side
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_those_of_the_rfcs_table() {
        for (toc, samples) in [
            (0x08, 960),
            (0x18, 2_880),
            (0x78, 960),
            (0x80, 120),
            (0xf8, 960),
            (0xf9, 1_920),
        ] {
            let header = OpusPacketHeader::parse(&[toc, 0, 0, 0]).unwrap();
            assert_eq!(header.samples, samples, "{toc:#x}");
        }
    }

    #[test]
    fn packets_without_frames_or_over_120_ms_are_refused() {
        assert!(OpusPacketHeader::parse(&[]).is_err());
        assert!(OpusPacketHeader::parse(&[0x03]).is_err());
        assert!(OpusPacketHeader::parse(&[0x03, 0]).is_err());
        assert!(OpusPacketHeader::parse(&[0xfb, 7]).is_err());
        assert!(OpusPacketHeader::parse(&[0xfb, 6]).is_ok());
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            if let Ok(header) = OpusPacketHeader::parse(&bytes) {
                prop_assert!((120..=MAX_PACKET_SAMPLES).contains(&header.samples));
            }
        }
    }
}
