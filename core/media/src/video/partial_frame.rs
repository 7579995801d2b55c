//! One frame while its packets come in. It knows when it is whole; what it may follow is `chain`.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use crate::error::MediaError;
use crate::frame::{Rotation, VideoCodec};
use crate::h264::{H264Payload, NalType};
use crate::packet::RtpPacket;
use crate::vp8::{FrameHeader, PictureId, TemporalLayer, Vp8Payload};

/// What a frame's packets say about its place among other frames; the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    /// The payload format says that a frame starts here. H.264 never says so.
    pub(super) starts: bool,
    /// H.264: nothing that a decoder needs can come before this in its access unit.
    pub(super) leads: bool,
    pub(super) ends: bool,
    /// VP8: known only where the frame starts. H.264: known from every slice.
    pub(super) key_frame: Option<bool>,
    pub(super) links: Links,
    pub(super) rotation: Option<Rotation>,
    pub(super) piece: Piece,
    pub(super) arrival: Instant,
}

/// What a packet holds of a frame.
#[derive(Debug)]
pub(super) enum Piece {
    Vp8(Bytes),
    H264(H264Payload),
}

impl Piece {
    /// Bytes of the frame in it.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Vp8(data) => data.len(),
            Self::H264(H264Payload::Single(unit)) => unit.len(),
            Self::H264(H264Payload::Aggregate(units)) => units.iter().map(Bytes::len).sum(),
            Self::H264(H264Payload::Fragment(fragment)) => fragment.data.len(),
        }
    }
}

impl Part {
    pub(super) fn parse(codec: VideoCodec, packet: &RtpPacket) -> Result<Self, MediaError> {
        let part = Self {
            timestamp: packet.timestamp,
            starts: false,
            leads: false,
            ends: packet.marker,
            key_frame: None,
            links: Links::default(),
            rotation: packet.rotation,
            piece: Piece::Vp8(Bytes::new()),
            arrival: packet.arrival,
        };
        match codec {
            VideoCodec::Vp8 => {
                let Vp8Payload { descriptor, data } = Vp8Payload::parse(&packet.payload)?;
                let starts = descriptor.starts_frame();
                let key_frame = starts.then(|| FrameHeader::is_key_frame(&data));
                Ok(Self {
                    starts,
                    key_frame: key_frame.flatten(),
                    links: Links {
                        picture_id: descriptor.picture_id,
                        tl0_picture: descriptor.tl0_picture,
                        temporal_layer: descriptor.temporal_layer,
                        non_reference: descriptor.non_reference,
                    },
                    piece: Piece::Vp8(data),
                    ..part
                })
            }
            VideoCodec::H264 => {
                let payload = H264Payload::parse(&packet.payload)?;
                let types: Vec<NalType> = payload.types().collect();
                let slice = types.iter().find(|found| found.is_slice());
                let first = types.first();
                Ok(Self {
                    leads: matches!(
                        first,
                        Some(NalType::AccessUnitDelimiter | NalType::SequenceParameterSet)
                    ),
                    key_frame: slice.map(|found| *found == NalType::Idr),
                    piece: Piece::H264(payload),
                    ..part
                })
            }
        }
    }
}

/// A frame of which at least one packet is there.
#[derive(Debug)]
pub(super) struct PartialFrame {
    pub(super) timestamp: u32,
    pub(super) links: Links,
    /// VP8: known once its first packet is there. H.264: once a slice is.
    pub(super) key_frame: Option<bool>,
    pub(super) last_arrival: Instant,
    start: Option<i64>,
    end: Option<i64>,
    pieces: BTreeMap<i64, Held>,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    piece: Piece,
    rotation: Option<Rotation>,
    leads: bool,
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
            pieces: BTreeMap::new(),
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
        }
        self.key_frame = part.key_frame.or(self.key_frame);
        if part.ends {
            self.end = Some(sequence);
        }
        self.last_arrival = self.last_arrival.max(part.arrival);
        self.bytes += part.piece.len();
        let held = Held {
            piece: part.piece,
            rotation: part.rotation,
            leads: part.leads,
        };
        self.pieces.insert(sequence, held);
    }

    /// The lowest sequence number that is there.
    pub(super) fn first(&self) -> i64 {
        self.pieces
            .first_key_value()
            .map_or(0, |(sequence, _)| *sequence)
    }

    /// The highest sequence number that is there.
    pub(super) fn last(&self) -> i64 {
        self.pieces
            .last_key_value()
            .map_or(0, |(sequence, _)| *sequence)
    }

    /// Whether it is all there. `preceded` says that what comes before it belongs to another frame: where the payload
    /// format does not say where a frame starts, that does.
    pub(super) fn is_whole(&self, preceded: bool) -> bool {
        let Some(end) = self.end else { return false };
        let first = self.pieces.first_key_value();
        let leads = first.is_some_and(|(_, held)| held.leads);
        let starts = self.start.is_some() || !self.says_where_it_starts() && (preceded || leads);
        starts && self.pieces.len() as i64 == end - self.first() + 1
    }

    fn says_where_it_starts(&self) -> bool {
        let first = self.pieces.first_key_value();
        first.is_none_or(|(_, held)| matches!(held.piece, Piece::Vp8(_)))
    }

    pub(super) fn is_key_frame(&self) -> bool {
        self.key_frame == Some(true)
    }

    pub(super) fn packets(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The frame's pieces in order, and the rotation that the last packet to carry one had.
    pub(super) fn take_apart(self) -> (Vec<Piece>, Option<Rotation>) {
        let mut turned = self.pieces.values().rev();
        let rotation = turned.find_map(|held| held.rotation);
        let pieces = self.pieces.into_values().map(|held| held.piece);
        (pieces.collect(), rotation)
    }
}
