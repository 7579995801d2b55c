//! The VP8 payload descriptor, RFC 7741 §4.2: read with every optional field, written back the same.
//! What its fields mean for the order of decoding is known in `video`, not here.

use bytes::Bytes;

use crate::error::MediaError;

const X: u8 = 0x80;
const N: u8 = 0x20;
const S: u8 = 0x10;
const I: u8 = 0x80;
const L: u8 = 0x40;
const T: u8 = 0x20;
const K: u8 = 0x10;
const M: u8 = 0x80;
const Y: u8 = 0x20;

/// The running number of a picture. Seven or fifteen bits wide, as its sender chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureId {
    /// 0 to 127.
    Short(u8),
    /// 0 to 32,767.
    Long(u16),
}

impl PictureId {
    /// The number, whatever its width.
    pub fn value(self) -> u16 {
        match self {
            Self::Short(value) => u16::from(value),
            Self::Long(value) => value,
        }
    }

    /// How many values there are before the number wraps.
    pub fn modulus(self) -> u16 {
        match self {
            Self::Short(_) => 1 << 7,
            Self::Long(_) => 1 << 15,
        }
    }

    /// The number after this one, with the same width.
    pub fn next(self) -> Self {
        match self {
            Self::Short(value) => Self::Short(value.wrapping_add(1) & 0x7f),
            Self::Long(value) => Self::Long(value.wrapping_add(1) & 0x7fff),
        }
    }
}

/// TID and Y.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemporalLayer {
    /// 0 for the base layer, up to 3.
    pub id: u8,
    /// Y: this frame needs no other frame than the base layer's one named by TL0PICIDX.
    pub sync: bool,
}

/// Everything the descriptor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PayloadDescriptor {
    /// N: no other frame refers to this one.
    pub non_reference: bool,
    /// S: the payload begins a partition.
    pub start_of_partition: bool,
    /// PID, 0 to 7.
    pub partition: u8,
    /// PictureID.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: running number of the base layer's frame that this frame is or depends on.
    pub tl0_picture: Option<u8>,
    /// TID and Y.
    pub temporal_layer: Option<TemporalLayer>,
    /// KEYIDX, 0 to 31.
    pub key_index: Option<u8>,
}

impl PayloadDescriptor {
    /// Length of the longest descriptor in bytes.
    pub const MAX_LEN: usize = 6;

    /// Whether the payload begins a frame: S set and PID 0.
    pub fn starts_frame(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// Reads the descriptor at the start of `payload` and says how many bytes it took. Reserved bits are
    /// ignored, as §4.2 wants.
    ///
    /// # Errors
    /// [`MediaError::Truncated`] with the name of the field where the bytes end.
    pub fn parse(payload: &[u8]) -> Result<(Self, usize), MediaError> {
        let mut at = 0;
        let mut octet = |field| {
            let byte = *payload.get(at).ok_or(MediaError::Truncated { field })?;
            at += 1;
            Ok::<u8, MediaError>(byte)
        };
        let first = octet("VP8 payload descriptor")?;
        let mut descriptor = Self {
            non_reference: first & N != 0,
            start_of_partition: first & S != 0,
            partition: first & 0x07,
            ..Self::default()
        };
        if first & X != 0 {
            let extension = octet("VP8 extension octet")?;
            if extension & I != 0 {
                let high = octet("PictureID")?;
                descriptor.picture_id = Some(if high & M != 0 {
                    let low = octet("PictureID")?;
                    PictureId::Long(u16::from_be_bytes([high & 0x7f, low]))
                } else {
                    PictureId::Short(high)
                });
            }
            if extension & L != 0 {
                descriptor.tl0_picture = Some(octet("TL0PICIDX")?);
            }
            if extension & (T | K) != 0 {
                let byte = octet("TID and KEYIDX")?;
                if extension & T != 0 {
                    descriptor.temporal_layer = Some(TemporalLayer {
                        id: byte >> 6,
                        sync: byte & Y != 0,
                    });
                }
                if extension & K != 0 {
                    descriptor.key_index = Some(byte & 0x1f);
                }
            }
        }
        Ok((descriptor, at))
    }

    /// Appends the descriptor to `out`; numbers too large for their field lose their upper bits.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut extension = 0;
        if self.picture_id.is_some() {
            extension |= I;
        }
        if self.tl0_picture.is_some() {
            extension |= L;
        }
        if self.temporal_layer.is_some() {
            extension |= T;
        }
        if self.key_index.is_some() {
            extension |= K;
        }
        let mut first = self.partition & 0x07;
        if extension != 0 {
            first |= X;
        }
        if self.non_reference {
            first |= N;
        }
        if self.start_of_partition {
            first |= S;
        }
        out.push(first);
        if extension == 0 {
            return;
        }
        out.push(extension);
        match self.picture_id {
            Some(PictureId::Short(value)) => out.push(value & 0x7f),
            Some(PictureId::Long(value)) => {
                out.extend_from_slice(&((value & 0x7fff) | 0x8000).to_be_bytes());
            }
            None => {}
        }
        out.extend(self.tl0_picture);
        if extension & (T | K) != 0 {
            let layer = self.temporal_layer.map_or(0, |layer| {
                (layer.id & 0x03) << 6 | if layer.sync { Y } else { 0 }
            });
            out.push(layer | self.key_index.unwrap_or(0) & 0x1f);
        }
    }
}

/// One RTP payload, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vp8Payload {
    /// The descriptor in front.
    pub descriptor: PayloadDescriptor,
    /// The piece of the frame behind it; never empty.
    pub data: Bytes,
}

impl Vp8Payload {
    /// Takes `payload` apart without copying.
    ///
    /// # Errors
    /// [`MediaError::Truncated`] if it ends within the descriptor or right after it.
    pub fn parse(payload: &Bytes) -> Result<Self, MediaError> {
        let (descriptor, length) = PayloadDescriptor::parse(payload)?;
        if payload.len() == length {
            return Err(MediaError::Truncated {
                field: "VP8 payload",
            });
        }
        Ok(Self {
            descriptor,
            data: payload.slice(length..),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_descriptor() -> impl Strategy<Value = PayloadDescriptor> {
        let picture_id = prop_oneof![
            (0u8..128).prop_map(PictureId::Short),
            (0u16..32_768).prop_map(PictureId::Long),
        ];
        let layer = (0u8..4, any::<bool>()).prop_map(|(id, sync)| TemporalLayer { id, sync });
        (
            any::<bool>(),
            any::<bool>(),
            0u8..8,
            prop::option::of(picture_id),
            prop::option::of(any::<u8>()),
            prop::option::of(layer),
            prop::option::of(0u8..32),
        )
            .prop_map(
                |(n, s, partition, picture_id, tl0_picture, temporal_layer, key_index)| {
                    PayloadDescriptor {
                        non_reference: n,
                        start_of_partition: s,
                        partition,
                        picture_id,
                        tl0_picture,
                        temporal_layer,
                        key_index,
                    }
                },
            )
    }

    #[test]
    fn the_example_of_rfc_7741_with_picture_id_is_read() {
        // X=1 S=1 PID=0, I=1, M=0, PictureID 17 (RFC 7741 §4.6.2 has this layout).
        let (descriptor, length) = PayloadDescriptor::parse(&[0x90, 0x80, 17, 0xab]).unwrap();
        assert_eq!(length, 3);
        assert!(descriptor.starts_frame());
        assert_eq!(descriptor.picture_id, Some(PictureId::Short(17)));
    }

    #[test]
    fn reserved_bits_change_nothing() {
        let plain = PayloadDescriptor::parse(&[0x90, 0x80, 0x81, 0x02]).unwrap();
        let noisy = PayloadDescriptor::parse(&[0xd8, 0x8f, 0x81, 0x02]).unwrap();
        assert_eq!(plain, noisy);
    }

    #[test]
    fn a_picture_id_wraps_at_its_width() {
        assert_eq!(PictureId::Short(127).next(), PictureId::Short(0));
        assert_eq!(PictureId::Long(32_767).next(), PictureId::Long(0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(descriptor in any_descriptor(), tail: Vec<u8>) {
            let mut bytes = Vec::new();
            descriptor.write(&mut bytes);
            let written = bytes.len();
            prop_assert!(written <= PayloadDescriptor::MAX_LEN);
            bytes.extend(tail);
            prop_assert_eq!(PayloadDescriptor::parse(&bytes).unwrap(), (descriptor, written));
        }

        #[test]
        fn every_cut_is_a_typed_error(descriptor in any_descriptor()) {
            let mut bytes = Vec::new();
            descriptor.write(&mut bytes);
            for length in 0..bytes.len() {
                let cut = PayloadDescriptor::parse(&bytes[..length]);
                let is_typed = matches!(cut, Err(MediaError::Truncated { .. }));
                prop_assert!(is_typed);
            }
            prop_assert!(Vp8Payload::parse(&Bytes::from(bytes)).is_err());
        }

        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            if let Ok(payload) = Vp8Payload::parse(&Bytes::from(bytes.clone())) {
                prop_assert!(!payload.data.is_empty());
                prop_assert!(bytes.ends_with(&payload.data));
            }
        }
    }
}
