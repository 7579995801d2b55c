//! What one RTP payload holds (RFC 6184 §5.2): a unit, an aggregate of units, or a fragment of one.
//! Packetization mode 1 allows STAP-A and FU-A and no other packet.

use bytes::Bytes;

use crate::error::MediaError;
use crate::h264::nal::NalType;

/// One payload, taken apart without copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum H264Payload {
    /// A whole NAL unit (§5.6).
    Single(Bytes),
    /// STAP-A (§5.7.1): whole NAL units, at least one.
    Aggregate(Vec<Bytes>),
    /// FU-A (§5.8).
    Fragment(Fragment),
}

/// A piece of a NAL unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The first byte of the unit, put together from FU indicator and FU header.
    pub header: u8,
    /// S: the first piece.
    pub start: bool,
    /// E: the last piece.
    pub end: bool,
    /// Bytes of the unit behind its first.
    pub data: Bytes,
}

impl H264Payload {
    /// Takes `payload` apart.
    ///
    /// # Errors
    /// [`MediaError::Truncated`] if it ends too early, [`MediaError::Invalid`] for what mode 1 does not allow.
    pub fn parse(payload: &Bytes) -> Result<Self, MediaError> {
        let header = *payload.first().ok_or(MediaError::Truncated {
            field: "H.264 payload",
        })?;
        match NalType::of(header)? {
            NalType::StapA => aggregate(payload),
            NalType::FuA => fragment(payload),
            _ => Ok(Self::Single(payload.clone())),
        }
    }

    /// Types of the units that are in it or begin in it; of a later fragment the type as well.
    pub(crate) fn types(&self) -> impl Iterator<Item = NalType> {
        let headers: Vec<u8> = match self {
            Self::Single(unit) => unit.first().copied().into_iter().collect(),
            Self::Aggregate(units) => units
                .iter()
                .filter_map(|unit| unit.first().copied())
                .collect(),
            Self::Fragment(fragment) => vec![fragment.header],
        };
        headers
            .into_iter()
            .filter_map(|header| NalType::of(header).ok())
    }
}

fn aggregate(payload: &Bytes) -> Result<H264Payload, MediaError> {
    let mut units = Vec::new();
    let mut at = 1;
    while at < payload.len() {
        let size = payload.get(at..at + 2).ok_or(MediaError::Truncated {
            field: "STAP-A NAL unit size",
        })?;
        let size = usize::from(u16::from_be_bytes([size[0], size[1]]));
        let unit = at + 2..at + 2 + size;
        if unit.end > payload.len() {
            return Err(MediaError::Truncated {
                field: "STAP-A NAL unit",
            });
        }
        if size == 0 {
            return Err(MediaError::Invalid {
                field: "STAP-A NAL unit size",
            });
        }
        at = unit.end;
        NalType::of_unit(payload[unit.start])?;
        units.push(payload.slice(unit));
    }
    if units.is_empty() {
        return Err(MediaError::Truncated { field: "STAP-A" });
    }
    Ok(H264Payload::Aggregate(units))
}

fn fragment(payload: &Bytes) -> Result<H264Payload, MediaError> {
    let (indicator, header) = (
        payload[0],
        *payload
            .get(1)
            .ok_or(MediaError::Truncated { field: "FU header" })?,
    );
    let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
    if start && end {
        // §5.8: a unit in one piece is no fragment.
        return Err(MediaError::Invalid { field: "FU header" });
    }
    let header = indicator & 0x60 | header & 0x1f;
    NalType::of_unit(header)?;
    Ok(H264Payload::Fragment(Fragment {
        header,
        start,
        end,
        data: payload.slice(2..),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(payload: &[u8]) -> Result<H264Payload, MediaError> {
        H264Payload::parse(&Bytes::copy_from_slice(payload))
    }

    #[test]
    fn units_aggregates_and_fragments_are_told_apart() {
        let single = parse(&[0x65, 1, 2]).unwrap();
        assert_eq!(
            single,
            H264Payload::Single(Bytes::from_static(&[0x65, 1, 2]))
        );
        let aggregate = parse(&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68]).unwrap();
        let units = vec![Bytes::from_static(&[0x67, 1]), Bytes::from_static(&[0x68])];
        assert_eq!(aggregate, H264Payload::Aggregate(units));
        let fragment = parse(&[0x7c, 0x85, 9]).unwrap();
        let expected = Fragment {
            header: 0x65,
            start: true,
            end: false,
            data: Bytes::from_static(&[9]),
        };
        assert_eq!(fragment, H264Payload::Fragment(expected));
    }

    #[test]
    fn what_mode_one_forbids_and_what_is_cut_is_refused() {
        let refused: [&[u8]; 12] = [
            &[],
            &[25, 0, 0, 0, 1, 0x65],
            &[26],
            &[27],
            &[29, 0x85, 0, 0, 1],
            &[0x00],
            &[0x1f],
            &[0x78],
            &[0x78, 0, 3, 0x67, 1],
            &[0x78, 0, 0],
            &[0x78, 0, 1, 0x78],
            &[0x7c],
        ];
        for payload in refused {
            assert!(parse(payload).is_err(), "{payload:?}");
        }
        assert!(parse(&[0x7c, 0xc5, 1]).is_err(), "start and end at once");
        assert!(parse(&[0x7c, 0x9c, 1]).is_err(), "a fragment of a fragment");
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>, first in prop_oneof![Just(24u8), Just(28), any::<u8>()]) {
            let payload = [vec![first], bytes].concat();
            if let Ok(parsed) = parse(&payload) {
                prop_assert!(parsed.types().count() > 0);
            }
        }
    }
}
