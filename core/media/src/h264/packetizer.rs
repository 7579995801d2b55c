//! One access unit in, RTP payloads out (RFC 6184 §5.4, packetization mode 1).
//! Sequence numbers, timestamps and payload types are the caller's.

use bytes::Bytes;

use crate::error::MediaError;
use crate::frame::{VideoCodec, VideoFrame};
use crate::h264::access_unit::AccessUnit;
use crate::h264::nal::NalType;
use crate::h264::parameter_sets::ParameterSets;
use crate::payload::Payload;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// FU indicator and FU header.
const FU_LEN: usize = 2;

/// Cuts access units into payloads, and puts the parameter sets that the encoder gave last before each key frame that
/// comes without.
#[derive(Debug, Clone, Default)]
pub struct H264Packetizer {
    sets: ParameterSets,
    access_units: i64,
}

impl H264Packetizer {
    /// Knows no parameter sets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The payloads of `frame` in sending order, none longer than `max_payload` bytes (what the path carries less the
    /// headers of IP, UDP, SRTP and RTP with its extensions): small units that are no slices together in one STAP-A,
    /// larger units in FU-As of nearly equal size. Empty for parameter sets without a picture, which are kept.
    ///
    /// # Errors
    /// [`MediaError::WrongCodec`] unless the frame is H.264, [`MediaError::Missing`] for a key frame of which no
    /// parameter sets are known, [`MediaError::Invalid`] if it is not in Annex B form or `max_payload` leaves no
    /// room for a byte of it.
    pub fn packetize(
        &mut self,
        frame: &VideoFrame,
        max_payload: usize,
    ) -> Result<Vec<Payload>, MediaError> {
        if frame.codec != VideoCodec::H264 {
            return Err(MediaError::WrongCodec {
                given: frame.codec,
                wanted: VideoCodec::H264,
            });
        }
        if max_payload <= FU_LEN {
            return Err(MediaError::Invalid {
                field: "max_payload",
            });
        }
        let access_unit = AccessUnit::parse(&frame.data)?;
        self.access_units += 1;
        for (_, unit) in access_unit.units() {
            self.sets.remember(unit, self.access_units);
        }
        if !access_unit.has_picture() {
            return Ok(Vec::new());
        }
        let units = self.with_sets(&access_unit)?;
        let mut payloads = Vec::new();
        let mut gathered: Vec<Bytes> = Vec::new();
        for (unit_type, unit) in units {
            let aggregate = aggregate_len(&gathered) + 2 + unit.len();
            if unit_type.is_slice() || aggregate > max_payload {
                flush(&mut gathered, &mut payloads);
            }
            if unit_type.is_slice() || 3 + unit.len() > max_payload {
                add_unit(&unit, max_payload, &mut payloads);
            } else {
                gathered.push(unit);
            }
        }
        flush(&mut gathered, &mut payloads);
        let last = payloads.len() - 1;
        let payloads = payloads.into_iter().enumerate();
        Ok(payloads
            .map(|(index, data)| Payload {
                data,
                marker: index == last,
            })
            .collect())
    }

    /// The units of a picture, with parameter sets in front of a key frame.
    fn with_sets(&self, access_unit: &AccessUnit) -> Result<Vec<(NalType, Bytes)>, MediaError> {
        let (sequence, picture) = (NalType::SequenceParameterSet, NalType::PictureParameterSet);
        let has_sets = access_unit.has(sequence) && access_unit.has(picture);
        if !access_unit.is_key_frame() || has_sets {
            return Ok(access_unit.units().to_vec());
        }
        if !self.sets.is_complete() {
            return Err(MediaError::Missing {
                field: "SPS and PPS before the key frame",
            });
        }
        let rest = access_unit.units().iter();
        let (first, rest): (Vec<_>, Vec<_>) = rest
            .cloned()
            .partition(|(unit_type, _)| *unit_type == NalType::AccessUnitDelimiter);
        let rest = rest
            .into_iter()
            .filter(|(unit_type, _)| *unit_type != sequence && *unit_type != picture);
        let sets = self.sets.units().map(|unit| (NalType::Other, unit.clone()));
        Ok(first.into_iter().chain(sets).chain(rest).collect())
    }
}

fn aggregate_len(units: &[Bytes]) -> usize {
    1 + units.iter().map(|unit| 2 + unit.len()).sum::<usize>()
}

/// A lone unit goes as it is, several in a STAP-A (§5.7.1): its NRI is the highest of theirs.
fn flush(gathered: &mut Vec<Bytes>, payloads: &mut Vec<Bytes>) {
    if gathered.len() < 2 {
        payloads.append(gathered);
        return;
    }
    let mut data = Vec::with_capacity(aggregate_len(gathered));
    let importance = gathered.iter().map(|unit| unit[0] & 0x60).max();
    data.push(importance.unwrap_or_default() | STAP_A);
    for unit in gathered.drain(..) {
        // Fits: it is shorter than a payload.
        data.extend((unit.len() as u16).to_be_bytes());
        data.extend(unit);
    }
    payloads.push(Bytes::from(data));
}

/// As it is if it fits, else in fragments (§5.8).
fn add_unit(unit: &Bytes, max_payload: usize, payloads: &mut Vec<Bytes>) {
    if unit.len() <= max_payload {
        payloads.push(unit.clone());
        return;
    }
    let (header, body) = (unit[0], &unit[1..]);
    let count = body.len().div_ceil(max_payload - FU_LEN).max(2);
    let pieces = body.chunks(body.len().div_ceil(count));
    let last = pieces.len() - 1;
    for (index, piece) in pieces.enumerate() {
        let start = if index == 0 { 0x80 } else { 0 };
        let end = if index == last { 0x40 } else { 0 };
        let mut data = Vec::with_capacity(FU_LEN + piece.len());
        data.push(header & 0x60 | FU_A);
        data.push(start | end | header & 0x1f);
        data.extend_from_slice(piece);
        payloads.push(Bytes::from(data));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::frame::Rotation;
    use crate::h264::payload::H264Payload;

    const SPS: [u8; 6] = [0x67, 0x42, 0xe0, 0x1f, 0x80, 1];
    const PPS: [u8; 3] = [0x68, 0x80, 1];

    fn frame(units: &[&[u8]]) -> VideoFrame {
        let mut data = Vec::new();
        for unit in units {
            data.extend([0, 0, 1]);
            data.extend_from_slice(unit);
        }
        VideoFrame {
            codec: VideoCodec::H264,
            data: Bytes::from(data),
            timestamp: Duration::ZERO,
            key_frame: false,
            rotation: Rotation::None,
        }
    }

    fn slice(header: u8, len: usize) -> Vec<u8> {
        let mut slice = vec![0xab; len];
        slice[0] = header;
        slice
    }

    #[test]
    fn parameter_sets_travel_together_and_a_large_slice_in_fragments() {
        let idr = slice(0x65, 3_000);
        let payloads = H264Packetizer::new()
            .packetize(&frame(&[&SPS, &PPS, &idr]), 1_200)
            .unwrap();
        let markers: Vec<bool> = payloads.iter().map(|payload| payload.marker).collect();
        assert_eq!(markers, [false, false, false, true]);
        let parsed: Vec<_> = payloads
            .iter()
            .map(|payload| H264Payload::parse(&payload.data).unwrap())
            .collect();
        assert_eq!(payloads[0].data[0], 0x60 | 24);
        let H264Payload::Aggregate(sets) = &parsed[0] else {
            panic!("{parsed:?}")
        };
        assert_eq!(sets[..], [&SPS[..], &PPS[..]]);
        let mut whole = vec![0x65];
        for (index, fragment) in parsed[1..].iter().enumerate() {
            let H264Payload::Fragment(fragment) = fragment else {
                panic!("{parsed:?}")
            };
            assert_eq!((fragment.start, fragment.end), (index == 0, index == 2));
            assert_eq!(fragment.header, 0x65);
            whole.extend_from_slice(&fragment.data);
        }
        assert_eq!(whole, idr);
    }

    #[test]
    fn sets_that_came_once_stand_before_every_key_frame() {
        let mut packetizer = H264Packetizer::new();
        let idr = slice(0x65, 50);
        let error = packetizer.packetize(&frame(&[&idr]), 1_200).unwrap_err();
        assert!(error.to_string().contains("SPS and PPS"), "{error}");
        let alone = packetizer.packetize(&frame(&[&SPS, &PPS]), 1_200).unwrap();
        assert!(alone.is_empty());
        let delimiter = [0x09, 0x10];
        for _ in 0..2 {
            let payloads = packetizer
                .packetize(&frame(&[&delimiter, &idr]), 1_200)
                .unwrap();
            let first = H264Payload::parse(&payloads[0].data).unwrap();
            let H264Payload::Aggregate(units) = first else {
                panic!("{first:?}")
            };
            assert_eq!(units[..], [&delimiter[..], &SPS[..], &PPS[..]]);
            assert_eq!(payloads[1].data, idr);
        }
        let delta = slice(0x41, 50);
        let payloads = packetizer.packetize(&frame(&[&delta]), 1_200).unwrap();
        assert_eq!(payloads.len(), 1);
        assert_eq!(payloads[0].data, delta);
    }

    #[test]
    fn another_codec_another_form_and_a_path_too_narrow_are_refused() {
        let mut packetizer = H264Packetizer::new();
        let mut vp8 = frame(&[&[0x41, 1]]);
        vp8.codec = VideoCodec::Vp8;
        let error = packetizer.packetize(&vp8, 1_200).unwrap_err();
        assert_eq!(error.to_string(), "a frame of VP8 where H.264 is wanted");
        let mut lengths = frame(&[]);
        lengths.data = Bytes::from_static(&[0, 0, 0, 2, 0x41, 1]);
        assert!(packetizer.packetize(&lengths, 1_200).is_err());
        assert!(packetizer.packetize(&frame(&[&[0x41, 1, 1]]), 2).is_err());
    }
}
