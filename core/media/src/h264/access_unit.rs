//! One access unit in Annex B form, as it crosses the border: which NAL units it holds and whether it is a key frame.

use bytes::Bytes;

use crate::error::MediaError;
use crate::h264::nal::{self, NalType};

/// The NAL units of one picture, without start codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    units: Vec<(NalType, Bytes)>,
}

impl AccessUnit {
    /// Takes `stream` apart without copying. It begins with a start code, `00 00 01` or `00 00 00 01`.
    ///
    /// # Errors
    /// [`MediaError::Invalid`] if it is no byte stream of annex B or holds a unit that no stream may hold.
    pub fn parse(stream: &Bytes) -> Result<Self, MediaError> {
        let units = nal::units(stream)?.into_iter().map(|place| {
            let unit_type = NalType::of_unit(stream[place.start])?;
            Ok((unit_type, stream.slice(place)))
        });
        Ok(Self {
            units: units.collect::<Result<_, MediaError>>()?,
        })
    }

    /// Whether there is an IDR picture in it.
    pub fn is_key_frame(&self) -> bool {
        self.has(NalType::Idr)
    }

    /// Whether there is a picture in it, not only what describes pictures.
    pub fn has_picture(&self) -> bool {
        self.units.iter().any(|(unit_type, _)| unit_type.is_slice())
    }

    pub(crate) fn has(&self, wanted: NalType) -> bool {
        self.units.iter().any(|(unit_type, _)| *unit_type == wanted)
    }

    pub(crate) fn units(&self) -> &[(NalType, Bytes)] {
        &self.units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(stream: &[u8]) -> Result<AccessUnit, MediaError> {
        AccessUnit::parse(&Bytes::copy_from_slice(stream))
    }

    #[test]
    fn an_idr_picture_is_a_key_frame_and_parameter_sets_alone_are_no_picture() {
        let sets = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1];
        assert!(!parse(&sets).unwrap().has_picture());
        let delta = [&sets[..], &[0, 0, 1, 0x41, 1]].concat();
        let delta = parse(&delta).unwrap();
        assert!(delta.has_picture() && !delta.is_key_frame());
        let key = [&sets[..], &[0, 0, 1, 0x65, 1]].concat();
        assert!(parse(&key).unwrap().is_key_frame());
    }

    #[test]
    fn lengths_in_place_of_start_codes_are_refused() {
        let error = parse(&[0, 0, 0, 5, 0x65, 1, 2, 3, 4]).unwrap_err();
        assert!(error.to_string().contains("start code"), "{error}");
    }
}
