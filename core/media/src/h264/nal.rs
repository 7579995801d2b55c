//! The first byte of a NAL unit (ITU-T H.264 §7.3.1), and where units lie in a byte stream (annex B).

use std::ops::Range;

use crate::error::MediaError;

/// What stands before each NAL unit in what we hand out.
pub(crate) const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// nal_unit_type, as far as anything here asks for it (table 7-1; RFC 6184 §5.2 for 24 and more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NalType {
    /// A slice, or a partition of one, of a picture that is no IDR picture.
    Slice,
    /// A slice of an IDR picture.
    Idr,
    SequenceParameterSet,
    PictureParameterSet,
    AccessUnitDelimiter,
    /// Any other that a stream may hold.
    Other,
    StapA,
    FuA,
}

impl NalType {
    /// Of the unit that begins with `header`.
    ///
    /// # Errors
    /// [`MediaError::Invalid`] for a set forbidden_zero_bit, a reserved type, and the types that only packetization
    /// mode 2 may have.
    pub(crate) fn of(header: u8) -> Result<Self, MediaError> {
        if header & 0x80 != 0 {
            return Err(MediaError::Invalid {
                field: "H.264 forbidden_zero_bit",
            });
        }
        match header & 0x1f {
            1..=4 => Ok(Self::Slice),
            5 => Ok(Self::Idr),
            7 => Ok(Self::SequenceParameterSet),
            8 => Ok(Self::PictureParameterSet),
            9 => Ok(Self::AccessUnitDelimiter),
            6 | 10..=23 => Ok(Self::Other),
            24 => Ok(Self::StapA),
            28 => Ok(Self::FuA),
            25..=27 | 29 => Err(MediaError::Invalid {
                field: "H.264 NAL unit type (STAP-B, MTAP or FU-B in packetization mode 1)",
            }),
            _ => Err(MediaError::Invalid {
                field: "H.264 NAL unit type",
            }),
        }
    }

    /// As [`of`](Self::of), for a unit of a stream, not of RTP.
    pub(crate) fn of_unit(header: u8) -> Result<Self, MediaError> {
        match Self::of(header)? {
            Self::StapA | Self::FuA => Err(MediaError::Invalid {
                field: "H.264 NAL unit type (a packet in place of a unit)",
            }),
            found => Ok(found),
        }
    }

    /// Whether it carries a part of a picture.
    pub(crate) fn is_slice(self) -> bool {
        matches!(self, Self::Slice | Self::Idr)
    }
}

/// Where the NAL units of `stream` lie, start codes and the zeros around them left out.
///
/// # Errors
/// [`MediaError::Invalid`] if it does not begin with a start code, or a unit is empty.
pub(crate) fn units(stream: &[u8]) -> Result<Vec<Range<usize>>, MediaError> {
    let mut units = Vec::new();
    let lead = next_start_code(stream, 0).filter(|at| stream[..*at].iter().all(|byte| *byte == 0));
    let mut start = lead.ok_or(MediaError::Invalid {
        field: "H.264 start code",
    })? + 3;
    while start <= stream.len() {
        let next = next_start_code(stream, start);
        let mut end = next.unwrap_or(stream.len());
        while end > start && stream[end - 1] == 0 {
            end -= 1;
        }
        if end == start {
            return Err(MediaError::Invalid {
                field: "H.264 NAL unit (it is empty)",
            });
        }
        units.push(start..end);
        match next {
            Some(next) => start = next + 3,
            None => break,
        }
    }
    Ok(units)
}

/// The next `00 00 01` at or after `from`.
fn next_start_code(stream: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at + 3 <= stream.len() {
        match stream[at + 2] {
            0 => at += 1,
            1 if stream[at] == 0 && stream[at + 1] == 0 => return Some(at),
            // No start code can hold this byte.
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_lie_between_start_codes_of_either_length() {
        let stream = [
            0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68, 7, 0, 0, 0, 0, 1, 0x65, 0, 1, 2, 0,
        ];
        let found = units(&stream).unwrap();
        assert_eq!(found, [4..6, 9..11, 16..20]);
    }

    #[test]
    fn what_is_no_byte_stream_is_refused() {
        let refused: [&[u8]; 6] = [
            &[],
            &[0, 0],
            &[0x65, 1, 2],
            &[9, 0, 0, 1, 0x65],
            &[0, 0, 1],
            &[0, 0, 1, 0, 0, 1, 0x65],
        ];
        for stream in refused {
            assert!(units(stream).is_err(), "{stream:?}");
        }
    }

    #[test]
    fn types_of_packetization_mode_two_are_named() {
        for header in [25, 26, 27, 29] {
            let error = NalType::of(header).unwrap_err().to_string();
            assert!(error.contains("packetization mode 1"), "{error}");
        }
        assert!(NalType::of(0x80 | 5).is_err());
        assert!(NalType::of_unit(24).is_err() && NalType::of(24).is_ok());
    }

    proptest! {
        #[test]
        fn random_streams_never_panic(stream in prop::collection::vec(0u8..4, 0..64)) {
            if let Ok(units) = units(&stream) {
                prop_assert!(units.iter().all(|unit| !stream[unit.clone()].is_empty()));
                prop_assert!(!units.is_empty());
            }
        }
    }
}
