//! The pieces of a whole frame become the frame that crosses the border.

use bytes::{Bytes, BytesMut};

use crate::error::MediaError;
use crate::h264::{Fragment, H264Payload, NalType, ParameterSets, START_CODE};
use crate::video::partial_frame::Piece;
use crate::vp8::FrameHeader;

/// A frame as it is handed out.
pub(super) struct Joined {
    pub(super) data: Bytes,
    pub(super) key_frame: bool,
}

/// One VP8 frame.
///
/// # Errors
/// Its header cannot be read, or it is shorter than its header says.
pub(super) fn vp8(pieces: Vec<Piece>) -> Result<Joined, MediaError> {
    let mut parts = pieces.into_iter().filter_map(|piece| match piece {
        Piece::Vp8(data) => Some(data),
        Piece::H264(_) => None,
    });
    let first = parts.next().unwrap_or_default();
    let rest: Vec<Bytes> = parts.collect();
    let data = if rest.is_empty() {
        first
    } else {
        let length = first.len() + rest.iter().map(Bytes::len).sum::<usize>();
        let mut joined = BytesMut::with_capacity(length);
        joined.extend_from_slice(&first);
        rest.iter().for_each(|part| joined.extend_from_slice(part));
        joined.freeze()
    };
    let key_frame = FrameHeader::parse_whole(&data)?.key_frame;
    Ok(Joined { data, key_frame })
}

/// One access unit in Annex B form, with `sets` in front of a key frame that comes without; `None` where the units
/// hold no picture.
///
/// # Errors
/// Fragments that do not make units, or a key frame of which no parameter sets are known.
pub(super) fn h264(pieces: &[Piece], sets: &ParameterSets) -> Result<Option<Joined>, MediaError> {
    let payloads: Vec<&H264Payload> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::H264(payload) => Some(payload),
            Piece::Vp8(_) => None,
        })
        .collect();
    let types: Vec<NalType> = payloads
        .iter()
        .flat_map(|payload| payload.types())
        .collect();
    if !types.iter().any(|found| found.is_slice()) {
        return Ok(None);
    }
    let has = |wanted| types.contains(&wanted);
    let key_frame = has(NalType::Idr);
    let mut writer = Writer::default();
    // A start code and a header for each packet more is enough but for rare aggregates.
    let length = pieces.iter().map(|piece| piece.len() + 5).sum();
    writer.data.reserve(length);
    let sets_missing =
        key_frame && !(has(NalType::SequenceParameterSet) && has(NalType::PictureParameterSet));
    if sets_missing {
        if !sets.is_complete() {
            return Err(MediaError::Missing {
                field: "SPS and PPS before the key frame",
            });
        }
        writer.sets = sets.units().cloned().collect();
    }
    for payload in payloads {
        writer.add(payload)?;
    }
    let data = writer.finish()?;
    Ok(Some(Joined { data, key_frame }))
}

/// Writes units behind start codes.
#[derive(Default)]
struct Writer {
    data: BytesMut,
    /// To be written before all but an access unit delimiter.
    sets: Vec<Bytes>,
    /// The header of the unit whose fragments are being written.
    open: Option<u8>,
}

impl Writer {
    fn add(&mut self, payload: &H264Payload) -> Result<(), MediaError> {
        if let H264Payload::Fragment(fragment) = payload {
            return self.add_fragment(fragment);
        }
        self.expect_no_fragment()?;
        match payload {
            H264Payload::Single(unit) => self.add_unit(unit),
            H264Payload::Aggregate(units) => units.iter().for_each(|unit| self.add_unit(unit)),
            H264Payload::Fragment(_) => {}
        }
        Ok(())
    }

    fn add_unit(&mut self, unit: &[u8]) {
        let header = unit.first().copied().unwrap_or_default();
        if NalType::of(header) != Ok(NalType::AccessUnitDelimiter) {
            for set in std::mem::take(&mut self.sets) {
                self.write(&set);
            }
        }
        self.write(unit);
    }

    fn write(&mut self, unit: &[u8]) {
        self.data.extend_from_slice(&START_CODE);
        self.data.extend_from_slice(unit);
    }

    fn add_fragment(&mut self, fragment: &Fragment) -> Result<(), MediaError> {
        if fragment.start {
            self.expect_no_fragment()?;
            self.open = Some(fragment.header);
            self.add_unit(&[fragment.header]);
        } else if self.open.map(|header| header & 0x1f) != Some(fragment.header & 0x1f) {
            return Err(MediaError::Invalid {
                field: "FU header (a later fragment without its first)",
            });
        }
        self.data.extend_from_slice(&fragment.data);
        if fragment.end {
            self.open = None;
        }
        Ok(())
    }

    fn expect_no_fragment(&self) -> Result<(), MediaError> {
        match self.open {
            None => Ok(()),
            Some(_) => Err(MediaError::Truncated { field: "FU-A" }),
        }
    }

    fn finish(self) -> Result<Bytes, MediaError> {
        self.expect_no_fragment()?;
        Ok(self.data.freeze())
    }
}
