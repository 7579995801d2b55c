//! One frame while its packets come in. It knows when it is whole; what it may follow is `chain`.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::error::MediaError;
use crate::frame::{Rotation, VideoCodec};
use crate::packet::RtpPacket;
use crate::vp8::{FrameHeader, PictureId, TemporalLayer, Vp8Payload};

/// What a frame's packets say about its place among other frames; the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) picture_id: Option<PictureId>,
    pub(super) tl0_picture: Option<u8>,
    pub(super) temporal_layer: Option<TemporalLayer>,
    pub(super) non_reference: bool,
}

impl Links {
    /// The temporal layer, where the stream says enough to tell layers apart.
    pub(super) fn layer(&self) -> Option<TemporalLayer> {
        self.tl0_picture.and(self.temporal_layer)
    }

    /// Whether frames of the base layer can be decoded without this one.
    pub(super) fn droppable(&self) -> bool {
        self.non_reference || self.layer().is_some_and(|layer| layer.id > 0)
    }
}

/// One packet's piece of a frame, whatever the codec.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) timestamp: u32,
    pub(super) starts: bool,
    pub(super) ends: bool,
    /// Known only where the frame starts.
    pub(super) key_frame: Option<bool>,
    pub(super) links: Links,
    pub(super) rotation: Option<Rotation>,
    pub(super) data: Bytes,
    pub(super) arrival: Instant,
}

impl Part {
    pub(super) fn parse(codec: VideoCodec, packet: &RtpPacket) -> Result<Self, MediaError> {
        match codec {
            VideoCodec::Vp8 => {
                let Vp8Payload { descriptor, data } = Vp8Payload::parse(&packet.payload)?;
                let starts = descriptor.starts_frame();
                Ok(Self {
                    timestamp: packet.timestamp,
                    starts,
                    ends: packet.marker,
                    key_frame: if starts {
                        FrameHeader::is_key_frame(&data)
                    } else {
                        None
                    },
                    links: Links {
                        picture_id: descriptor.picture_id,
                        tl0_picture: descriptor.tl0_picture,
                        temporal_layer: descriptor.temporal_layer,
                        non_reference: descriptor.non_reference,
                    },
                    rotation: packet.rotation,
                    data,
                    arrival: packet.arrival,
                })
            }
            VideoCodec::H264 => Err(MediaError::Invalid { field: "codec" }),
        }
    }
}

/// A frame of which at least one packet is there.
#[derive(Debug)]
pub(super) struct PartialFrame {
    pub(super) timestamp: u32,
    pub(super) links: Links,
    /// Known once its first packet is there.
    pub(super) key_frame: Option<bool>,
    pub(super) last_arrival: Instant,
    start: Option<i64>,
    end: Option<i64>,
    parts: BTreeMap<i64, (Bytes, Option<Rotation>)>,
    bytes: usize,
}

impl PartialFrame {
    pub(super) fn new(sequence: i64, part: Part) -> Self {
        let mut frame = Self {
            timestamp: part.timestamp,
            links: part.links,
            key_frame: None,
            last_arrival: part.arrival,
            start: None,
            end: None,
            parts: BTreeMap::new(),
            bytes: 0,
        };
        frame.insert(sequence, part);
        frame
    }

    /// Whether a packet at `sequence` can be part of this frame.
    pub(super) fn fits(&self, sequence: i64, part: &Part) -> bool {
        part.timestamp == self.timestamp
            && part.links == self.links
            && self
                .start
                .is_none_or(|start| sequence > start && !part.starts)
            && self.end.is_none_or(|end| sequence < end && !part.ends)
            && (!part.starts || sequence < self.first())
            && (!part.ends || sequence > self.last())
    }

    /// Takes a packet that [`fits`](Self::fits).
    pub(super) fn insert(&mut self, sequence: i64, part: Part) {
        if part.starts {
            self.start = Some(sequence);
            self.key_frame = part.key_frame;
        }
        if part.ends {
            self.end = Some(sequence);
        }
        self.last_arrival = self.last_arrival.max(part.arrival);
        self.bytes += part.data.len();
        self.parts.insert(sequence, (part.data, part.rotation));
    }

    /// The lowest sequence number that is there.
    pub(super) fn first(&self) -> i64 {
        self.parts
            .first_key_value()
            .map_or(0, |(sequence, _)| *sequence)
    }

    /// The highest sequence number that is there.
    pub(super) fn last(&self) -> i64 {
        self.parts
            .last_key_value()
            .map_or(0, |(sequence, _)| *sequence)
    }

    pub(super) fn is_whole(&self) -> bool {
        match (self.start, self.end) {
            (Some(start), Some(end)) => self.parts.len() as i64 == end - start + 1,
            _ => false,
        }
    }

    pub(super) fn is_key_frame(&self) -> bool {
        self.key_frame == Some(true)
    }

    pub(super) fn packets(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The frame's bytes, and the rotation that the last packet to carry one had.
    pub(super) fn join(self) -> (Bytes, Option<Rotation>) {
        let rotation = self
            .parts
            .values()
            .rev()
            .find_map(|(_, rotation)| *rotation);
        let bytes = self.bytes;
        let mut parts = self.parts.into_values().map(|(data, _)| data);
        match (parts.next(), parts.len()) {
            (Some(only), 0) => (only, rotation),
            (first, _) => {
                let mut data = BytesMut::with_capacity(bytes);
                for part in first.into_iter().chain(parts) {
                    data.extend_from_slice(&part);
                }
                (data.freeze(), rotation)
            }
        }
    }
}
