//! The uncompressed data chunk that begins every VP8 frame, RFC 6386 §9.1. What follows it is the decoder's.

use crate::error::MediaError;

/// Size of the picture that a key frame announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    /// In pixels, 1 to 16,383.
    pub width: u16,
    /// In pixels, 1 to 16,383.
    pub height: u16,
}

/// What can be read of a VP8 frame without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Decodable without any other frame.
    pub key_frame: bool,
    /// Bitstream version, 0 to 3.
    pub version: u8,
    /// Whether the frame is for display.
    pub show_frame: bool,
    /// Length of the first partition in bytes, behind this header.
    pub first_partition_len: u32,
    /// Size of the picture; key frames only.
    pub dimensions: Option<Dimensions>,
}

impl FrameHeader {
    /// Whether the frame that begins with `data` is a key frame, from its first byte alone.
    pub fn is_key_frame(data: &[u8]) -> Option<bool> {
        data.first().map(|byte| byte & 1 == 0)
    }

    /// Reads the header of the frame that begins with `data`.
    ///
    /// # Errors
    /// [`MediaError::Truncated`] if `data` ends before the header does, [`MediaError::Invalid`] for an unknown
    /// version, a missing start code or a picture without pixels.
    pub fn parse(data: &[u8]) -> Result<Self, MediaError> {
        let &[a, b, c, ..] = data else {
            return Err(MediaError::Truncated {
                field: "VP8 frame tag",
            });
        };
        let tag = u32::from_le_bytes([a, b, c, 0]);
        let key_frame = tag & 1 == 0;
        let version = (tag >> 1 & 0x07) as u8;
        if version > 3 {
            return Err(MediaError::Invalid {
                field: "VP8 version",
            });
        }
        let dimensions = if key_frame {
            Some(key_frame_dimensions(&data[3..])?)
        } else {
            None
        };
        Ok(Self {
            key_frame,
            version,
            show_frame: tag >> 4 & 1 == 1,
            first_partition_len: tag >> 5,
            dimensions,
        })
    }

    /// Length of this header in bytes.
    pub fn header_len(&self) -> usize {
        if self.key_frame { 10 } else { 3 }
    }

    /// Reads the header of a whole frame and checks that its first partition fits into it.
    ///
    /// # Errors
    /// As [`FrameHeader::parse`], and [`MediaError::Truncated`] if the first partition is longer than the frame.
    pub fn parse_whole(frame: &[u8]) -> Result<Self, MediaError> {
        let header = Self::parse(frame)?;
        if frame.len() - header.header_len() < header.first_partition_len as usize {
            return Err(MediaError::Truncated {
                field: "VP8 first partition",
            });
        }
        Ok(header)
    }
}

fn key_frame_dimensions(data: &[u8]) -> Result<Dimensions, MediaError> {
    let &[s0, s1, s2, w0, w1, h0, h1, ..] = data else {
        return Err(MediaError::Truncated {
            field: "VP8 key frame header",
        });
    };
    if [s0, s1, s2] != [0x9d, 0x01, 0x2a] {
        return Err(MediaError::Invalid {
            field: "VP8 start code",
        });
    }
    // The two upper bits are the scaling that the decoder may apply.
    let width = u16::from_le_bytes([w0, w1]) & 0x3fff;
    let height = u16::from_le_bytes([h0, h1]) & 0x3fff;
    if width == 0 || height == 0 {
        return Err(MediaError::Invalid {
            field: "VP8 dimensions",
        });
    }
    Ok(Dimensions { width, height })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first bytes of a 320x180 key frame as libvpx writes it.
    const KEY: [u8; 10] = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00];

    #[test]
    fn a_key_frame_tells_its_size() {
        let header = FrameHeader::parse(&KEY).unwrap();
        assert!(header.key_frame && header.show_frame);
        assert_eq!(header.first_partition_len, 16);
        assert_eq!(
            header.dimensions,
            Some(Dimensions {
                width: 320,
                height: 180
            })
        );
    }

    #[test]
    fn a_delta_frame_has_no_size() {
        let header = FrameHeader::parse(&[0x31, 0x00, 0x00]).unwrap();
        assert!(!header.key_frame);
        assert_eq!(header.dimensions, None);
        assert_eq!(header.first_partition_len, 1);
    }

    #[test]
    fn a_wrong_start_code_and_an_empty_picture_are_refused() {
        let mut wrong = KEY;
        wrong[3] = 0;
        let field = "VP8 start code";
        assert_eq!(
            FrameHeader::parse(&wrong),
            Err(MediaError::Invalid { field })
        );
        let mut empty = KEY;
        empty[6] = 0;
        empty[7] = 0;
        let field = "VP8 dimensions";
        assert_eq!(
            FrameHeader::parse(&empty),
            Err(MediaError::Invalid { field })
        );
    }

    #[test]
    fn a_first_partition_longer_than_the_frame_is_refused() {
        assert!(FrameHeader::parse_whole(&KEY).is_err());
        let whole = [&KEY[..], &[0; 16]].concat();
        assert!(FrameHeader::parse_whole(&whole).is_ok());
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            if let Ok(header) = FrameHeader::parse_whole(&bytes) {
                prop_assert!(bytes.len() >= header.header_len());
            }
        }
    }
}
