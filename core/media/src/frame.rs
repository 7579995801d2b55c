//! An encoded picture as it crosses the border between shell and core, and nothing about how it travels.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// The codec of a [`VideoFrame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VideoCodec {
    /// VP8, RFC 6386, carried as RFC 7741 says.
    Vp8,
    /// H.264, ITU-T H.264, constrained baseline, carried as RFC 6184 says in packetization mode 1.
    H264,
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vp8 => "VP8",
            Self::H264 => "H.264",
        })
    }
}

/// How far the picture must be turned clockwise to stand upright (3GPP TS 26.114 §7.4.5, CVO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rotation {
    /// Upright already.
    #[default]
    None,
    /// A quarter turn.
    Quarter,
    /// Upside down.
    Half,
    /// Three quarters.
    ThreeQuarters,
}

impl Rotation {
    /// Clockwise degrees: 0, 90, 180 or 270.
    pub fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }

    /// From clockwise degrees, any multiple of 90; `None` for anything else.
    pub fn from_degrees(degrees: u16) -> Option<Self> {
        match degrees % 360 {
            0 => Some(Self::None),
            90 => Some(Self::Quarter),
            180 => Some(Self::Half),
            270 => Some(Self::ThreeQuarters),
            _ => None,
        }
    }

    /// The two rotation bits of the CVO header extension (`urn:3gpp:video-orientation`).
    pub fn to_cvo(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Quarter => 1,
            Self::Half => 2,
            Self::ThreeQuarters => 3,
        }
    }

    /// From the byte of the CVO header extension; its other bits (camera, flip) are ignored.
    pub fn from_cvo(byte: u8) -> Self {
        match byte & 0b11 {
            0 => Self::None,
            1 => Self::Quarter,
            2 => Self::Half,
            _ => Self::ThreeQuarters,
        }
    }
}

/// One whole encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoFrame {
    /// How `data` is encoded.
    pub codec: VideoCodec,
    /// The encoded picture. VP8: one frame of RFC 6386 §9. H.264: one access unit in Annex B form, each NAL unit
    /// behind a start code (`00 00 01` or `00 00 00 01`; four bytes in what is received).
    pub data: Bytes,
    /// Sending: the capture clock. Receiving: the sender's 90 kHz RTP timestamp, unwrapped, as a duration.
    pub timestamp: Duration,
    /// Decodable without any other frame. H.264: there is an IDR picture in `data`; in what is received the parameter
    /// sets stand before it.
    pub key_frame: bool,
    /// What the viewer must do to see it upright.
    pub rotation: Rotation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_survives_degrees_and_cvo_both_ways() {
        for degrees in [0, 90, 180, 270] {
            let rotation = Rotation::from_degrees(degrees).unwrap();
            assert_eq!(rotation.degrees(), degrees);
            assert_eq!(Rotation::from_cvo(rotation.to_cvo() | 0b1100), rotation);
        }
        assert_eq!(Rotation::from_degrees(45), None);
    }
}
