//! One VP8 frame in, RTP payloads out (RFC 7741 §4.4, fragments of nearly equal size).
//! Sequence numbers, timestamps and payload types are the caller's.

use bytes::Bytes;

use crate::error::MediaError;
use crate::frame::{VideoCodec, VideoFrame};
use crate::vp8::descriptor::{PayloadDescriptor, PictureId};

/// First octet, extension octet and a 15-bit PictureID.
const DESCRIPTOR_LEN: usize = 4;

/// One RTP payload, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Descriptor and a piece of the frame.
    pub data: Bytes,
    /// The M bit: this payload ends its frame.
    pub marker: bool,
}

/// Cuts frames into payloads and numbers them with a 15-bit PictureID.
#[derive(Debug, Clone)]
pub struct Vp8Packetizer {
    picture_id: PictureId,
}

impl Vp8Packetizer {
    /// The first frame gets `first_picture_id` modulo 2^15; it ought to be random.
    pub fn new(first_picture_id: u16) -> Self {
        Self {
            picture_id: PictureId::Long(first_picture_id & 0x7fff),
        }
    }

    /// The payloads of `frame` in sending order, none longer than `max_payload` bytes (what the path carries less
    /// the headers of IP, UDP, SRTP and RTP with its extensions). The PictureID advances with each success.
    ///
    /// # Errors
    /// [`MediaError::WrongCodec`] unless the frame is VP8, [`MediaError::Invalid`] if it is empty or `max_payload`
    /// leaves no room for a byte of it.
    pub fn packetize(
        &mut self,
        frame: &VideoFrame,
        max_payload: usize,
    ) -> Result<Vec<Payload>, MediaError> {
        if frame.codec != VideoCodec::Vp8 {
            return Err(MediaError::WrongCodec {
                given: frame.codec,
                wanted: VideoCodec::Vp8,
            });
        }
        if frame.data.is_empty() {
            return Err(MediaError::Invalid { field: "data" });
        }
        let room = max_payload.saturating_sub(DESCRIPTOR_LEN);
        if room == 0 {
            return Err(MediaError::Invalid {
                field: "max_payload",
            });
        }
        let count = frame.data.len().div_ceil(room);
        let piece_len = frame.data.len().div_ceil(count);
        let pieces = frame.data.chunks(piece_len);
        let last = pieces.len() - 1;
        let payloads = pieces
            .enumerate()
            .map(|(index, piece)| {
                let descriptor = PayloadDescriptor {
                    start_of_partition: index == 0,
                    picture_id: Some(self.picture_id),
                    ..PayloadDescriptor::default()
                };
                let mut data = Vec::with_capacity(DESCRIPTOR_LEN + piece.len());
                descriptor.write(&mut data);
                data.extend_from_slice(piece);
                Payload {
                    data: Bytes::from(data),
                    marker: index == last,
                }
            })
            .collect();
        self.picture_id = self.picture_id.next();
        Ok(payloads)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::frame::Rotation;
    use crate::vp8::descriptor::Vp8Payload;

    fn frame(data: Vec<u8>) -> VideoFrame {
        VideoFrame {
            codec: VideoCodec::Vp8,
            data: Bytes::from(data),
            timestamp: Duration::ZERO,
            key_frame: false,
            rotation: Rotation::None,
        }
    }

    #[test]
    fn an_empty_frame_and_a_path_too_narrow_are_refused() {
        let mut packetizer = Vp8Packetizer::new(0);
        let field = "data";
        assert_eq!(
            packetizer.packetize(&frame(vec![]), 1_200),
            Err(MediaError::Invalid { field })
        );
        let field = "max_payload";
        assert_eq!(
            packetizer.packetize(&frame(vec![1]), 4),
            Err(MediaError::Invalid { field })
        );
    }

    #[test]
    fn the_picture_id_counts_frames_and_wraps_at_fifteen_bits() {
        let mut packetizer = Vp8Packetizer::new(32_767);
        for expected in [32_767, 0, 1] {
            let payloads = packetizer.packetize(&frame(vec![0; 3_000]), 1_200).unwrap();
            for payload in payloads {
                let parsed = Vp8Payload::parse(&payload.data).unwrap();
                assert_eq!(
                    parsed.descriptor.picture_id,
                    Some(PictureId::Long(expected))
                );
            }
        }
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_frame(data in prop::collection::vec(any::<u8>(), 1..5_000), max_payload in 5usize..1_500) {
            let payloads = Vp8Packetizer::new(1).packetize(&frame(data.clone()), max_payload).unwrap();
            let mut whole = Vec::new();
            for (index, payload) in payloads.iter().enumerate() {
                prop_assert!(payload.data.len() <= max_payload);
                prop_assert_eq!(payload.marker, index == payloads.len() - 1);
                let parsed = Vp8Payload::parse(&payload.data).unwrap();
                prop_assert_eq!(parsed.descriptor.start_of_partition, index == 0);
                prop_assert_eq!(parsed.descriptor.partition, 0);
                whole.extend_from_slice(&parsed.data);
            }
            prop_assert_eq!(whole, data);
        }
    }
}
