//! Streams with references that are known, over networks that lose, repeat, delay and reorder.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::vp8::{FrameHeader, PayloadDescriptor, PictureId, TemporalLayer};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Which optional fields a sender writes and how it layers its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    WithoutPictureId,
    ShortPictureId,
    /// Every other frame is referred to by none.
    NonReference,
    /// Base layer and one above it, which is in step with the base at every fourth frame.
    TwoLayers,
}

/// A sender that knows which frames each of its frames needs.
struct Sender {
    kind: Kind,
    sequence: u16,
    timestamp: u32,
    picture: u16,
    tl0: u8,
    packets_per_frame: usize,
    frames: Vec<SentFrame>,
    last_base: Option<usize>,
    last_upper: Option<usize>,
}

struct SentFrame {
    data: Bytes,
    needs: Vec<usize>,
}

impl Sender {
    fn new(kind: Kind, sequence: u16, packets_per_frame: usize) -> Self {
        Self {
            kind,
            sequence,
            timestamp: u32::MAX - 20_000,
            picture: 32_760,
            tl0: 250,
            packets_per_frame,
            frames: Vec::new(),
            last_base: None,
            last_upper: None,
        }
    }

    /// The packets of the next frame.
    fn frame(&mut self, key_frame: bool, arrival: Instant) -> Vec<RtpPacket> {
        let index = self.frames.len();
        let key_frame = key_frame || index == 0;
        let upper = !key_frame
            && index % 2 == 1
            && matches!(self.kind, Kind::TwoLayers | Kind::NonReference);
        let sync = index % 4 == 1
            || self
                .last_upper
                .is_none_or(|last| Some(last) < self.last_key());
        let needs: Vec<usize> = if key_frame {
            vec![]
        } else if upper && self.kind == Kind::TwoLayers && !sync {
            self.last_base.into_iter().chain(self.last_upper).collect()
        } else {
            self.last_base.into_iter().collect()
        };
        if upper {
            self.last_upper = Some(index);
        } else {
            self.last_base = Some(index);
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let picture_id = match self.kind {
            Kind::WithoutPictureId => None,
            Kind::ShortPictureId => Some(PictureId::Short((self.picture & 0x7f) as u8)),
            _ => Some(PictureId::Long(self.picture & 0x7fff)),
        };
        let layered = self.kind == Kind::TwoLayers;
        let descriptor = PayloadDescriptor {
            non_reference: upper && self.kind == Kind::NonReference,
            picture_id,
            tl0_picture: layered.then_some(self.tl0),
            temporal_layer: layered.then_some(TemporalLayer {
                id: upper.into(),
                sync: upper && sync,
            }),
            ..PayloadDescriptor::default()
        };
        let mut data = if key_frame {
            vec![0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]
        } else {
            vec![0x11, 0, 0]
        };
        data.extend((index as u32).to_be_bytes());
        data.resize(data.len() + self.packets_per_frame * 10, index as u8);
        let piece_len = data.len().div_ceil(self.packets_per_frame);
        let count = data.len().div_ceil(piece_len);
        let packets = data
            .chunks(piece_len)
            .enumerate()
            .map(|(piece, bytes)| {
                let mut payload = Vec::new();
                PayloadDescriptor {
                    start_of_partition: piece == 0,
                    ..descriptor
                }
                .write(&mut payload);
                payload.extend_from_slice(bytes);
                RtpPacket {
                    sequence_number: self.next_sequence(),
                    timestamp: self.timestamp,
                    marker: piece + 1 == count,
                    payload: Bytes::from(payload),
                    rotation: None,
                    arrival,
                }
            })
            .collect();
        self.frames.push(SentFrame {
            data: Bytes::from(data),
            needs,
        });
        self.timestamp = self.timestamp.wrapping_add(3_000);
        self.picture = self.picture.wrapping_add(1);
        packets
    }

    fn padding(&mut self, arrival: Instant) -> RtpPacket {
        RtpPacket {
            sequence_number: self.next_sequence(),
            timestamp: self.timestamp.wrapping_sub(3_000),
            marker: false,
            payload: Bytes::new(),
            rotation: None,
            arrival,
        }
    }

    fn next_sequence(&mut self) -> u16 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }

    fn last_key(&self) -> Option<usize> {
        self.frames.iter().rposition(|frame| frame.needs.is_empty())
    }
}

/// Checks each frame that comes out against what the sender knows.
#[derive(Default)]
struct Judge {
    decoded: BTreeSet<usize>,
}

impl Judge {
    fn accept(&mut self, sender: &Sender, frame: &VideoFrame) -> usize {
        let at = if frame.key_frame { 10 } else { 3 };
        let index = u32::from_be_bytes(frame.data[at..at + 4].try_into().unwrap()) as usize;
        let sent = &sender.frames[index];
        assert_eq!(frame.data, sent.data, "frame {index} is not what was sent");
        assert!(
            self.decoded.last().is_none_or(|last| *last < index),
            "frame {index} is out of order"
        );
        for needed in &sent.needs {
            assert!(
                self.decoded.contains(needed),
                "frame {index} needs {needed}"
            );
        }
        self.decoded.insert(index);
        index
    }
}

fn assembler() -> VideoAssembler {
    VideoAssembler::new(VideoCodec::Vp8, VideoAssemblerConfig::default())
}

/// Pushes `packets` and gives the indices of all frames that come out.
fn run(
    assembler: &mut VideoAssembler,
    judge: &mut Judge,
    sender: &Sender,
    packets: impl IntoIterator<Item = RtpPacket>,
) -> Vec<usize> {
    let mut out = Vec::new();
    for packet in packets {
        let now = packet.arrival;
        assembler.push(packet).unwrap();
        while let Some(frame) = assembler.pop(now) {
            out.push(judge.accept(sender, &frame));
        }
    }
    out
}

#[test]
fn frames_come_out_at_once_when_nothing_is_lost() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 65_530, 3);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    for index in 0..100 {
        let packets = sender.frame(false, start);
        assert_eq!(run(&mut assembler, &mut judge, &sender, packets), [index]);
    }
    assert!(!assembler.key_frame_needed(start + ms(60_000)));
    assert_eq!(assembler.statistics().frames_assembled, 100);
    assert_eq!(assembler.statistics().packets_lost, 0);
}

#[test]
fn timestamps_go_on_through_their_wrap() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 0, 1);
    let mut assembler = assembler();
    let mut last = None;
    for _ in 0..20 {
        for packet in sender.frame(false, start) {
            assembler.push(packet).unwrap();
        }
        let timestamp = assembler.pop(start).unwrap().timestamp;
        if let Some(last) = last {
            assert!(
                (timestamp - last).abs_diff(Duration::from_nanos(33_333_333))
                    < Duration::from_micros(1)
            );
        }
        last = Some(timestamp);
    }
}

#[test]
fn a_stream_that_does_not_begin_with_a_key_frame_asks_for_one_at_growing_intervals() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 9, 2);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    assert!(!assembler.key_frame_needed(start), "nothing has come yet");
    sender.frame(true, start);
    let mut asked = Vec::new();
    for at in 0..2_000 {
        let now = start + ms(at);
        if at % 33 == 0 {
            let packets = sender.frame(false, now);
            assert_eq!(
                run(&mut assembler, &mut judge, &sender, packets),
                [0usize; 0]
            );
        }
        if assembler.key_frame_needed(now) {
            asked.push(at);
        }
    }
    assert_eq!(asked, [0, 300, 900]);
    let packets = sender.frame(true, start + ms(2_000));
    assert_eq!(run(&mut assembler, &mut judge, &sender, packets).len(), 1);
    assert!(!assembler.key_frame_needed(start + ms(60_000)));
}

#[test]
fn a_key_frame_that_is_arriving_is_not_asked_for() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 9, 40);
    let mut assembler = assembler();
    for (index, mut packet) in sender.frame(true, start).into_iter().take(39).enumerate() {
        packet.arrival = start + ms(20 * index as u64);
        let now = packet.arrival;
        assembler.push(packet).unwrap();
        assert!(!assembler.key_frame_needed(now));
    }
    assert!(!assembler.key_frame_needed(start + ms(900)));
    assert!(
        assembler.key_frame_needed(start + ms(38 * 20 + 250)),
        "its last packet never came"
    );
}

#[test]
fn a_hole_waits_for_its_retransmission() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 9, 3);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    let packets = sender.frame(true, start);
    assert_eq!(run(&mut assembler, &mut judge, &sender, packets), [0]);
    let mut packets = sender.frame(false, start);
    let mut lost = packets.remove(1);
    run(&mut assembler, &mut judge, &sender, packets);
    for at in [33, 66, 99] {
        let packets = sender.frame(false, start + ms(at));
        assert_eq!(
            run(&mut assembler, &mut judge, &sender, packets),
            [0usize; 0]
        );
    }
    assert!(!assembler.key_frame_needed(start + ms(200)));
    lost.arrival = start + ms(200);
    assert_eq!(
        run(&mut assembler, &mut judge, &sender, [lost.clone(), lost]),
        [1, 2, 3, 4]
    );
    let statistics = assembler.statistics();
    assert_eq!(
        (statistics.packets_lost, statistics.packets_duplicate),
        (0, 1)
    );
}

#[test]
fn a_hole_that_stays_asks_for_a_key_frame_and_goes_on_from_there() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 9, 3);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    let packets = sender.frame(true, start);
    run(&mut assembler, &mut judge, &sender, packets);
    sender.frame(false, start);
    let mut asked_at = None;
    for at in (0..1_000).step_by(10) {
        let now = start + ms(at);
        let packets = sender.frame(false, now);
        assert_eq!(
            run(&mut assembler, &mut judge, &sender, packets),
            [0usize; 0]
        );
        if assembler.key_frame_needed(now) {
            asked_at = asked_at.or(Some(at));
        }
    }
    assert_eq!(asked_at, Some(250));
    let packets = sender.frame(true, start + ms(1_000));
    run(&mut assembler, &mut judge, &sender, packets);
    assert_eq!(
        assembler.pop(start + ms(1_001)),
        None,
        "the hole that it skipped is gone"
    );
    assert_eq!(judge.decoded.last(), Some(&102));
    assert_eq!(assembler.statistics().packets_lost, 3);
    assert_eq!(assembler.statistics().frames_dropped, 100);
}

#[test]
fn padding_that_never_arrives_holds_up_nothing() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 65_530, 2);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    for index in 0..50 {
        let packets = sender.frame(false, start);
        assert_eq!(run(&mut assembler, &mut judge, &sender, packets), [index]);
        let seen = sender.padding(start);
        run(&mut assembler, &mut judge, &sender, [seen]);
        sender.padding(start);
    }
}

#[test]
fn a_lost_frame_that_no_other_refers_to_is_skipped_after_a_moment() {
    for kind in [Kind::NonReference, Kind::TwoLayers] {
        let start = Instant::now();
        let mut sender = Sender::new(kind, 9, 3);
        let (mut assembler, mut judge) = (assembler(), Judge::default());
        let packets = sender.frame(true, start);
        run(&mut assembler, &mut judge, &sender, packets);
        let mut packets = sender.frame(false, start);
        packets.remove(1);
        run(&mut assembler, &mut judge, &sender, packets);
        let packets = sender.frame(false, start);
        assert_eq!(
            run(&mut assembler, &mut judge, &sender, packets),
            [0usize; 0]
        );
        let deadline = assembler.deadline().unwrap();
        assert_eq!(deadline, start + ms(40));
        let frame = assembler.pop(deadline).unwrap();
        assert_eq!(judge.accept(&sender, &frame), 2, "{kind:?}");
        assert!(!assembler.key_frame_needed(start + ms(5_000)));
    }
}

#[test]
fn a_whole_turn_of_a_short_picture_id_does_not_pass_for_no_loss() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::ShortPictureId, 9, 1);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    let packets = sender.frame(true, start);
    run(&mut assembler, &mut judge, &sender, packets);
    for _ in 0..128 {
        sender.frame(false, start);
    }
    let packets = sender.frame(false, start);
    assert_eq!(
        run(&mut assembler, &mut judge, &sender, packets),
        [0usize; 0]
    );
}

#[test]
fn rotation_stays_until_another_one_comes() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 9, 2);
    let mut assembler = assembler();
    let mut rotations = Vec::new();
    for rotation in [None, Some(Rotation::Quarter), None, Some(Rotation::None)] {
        let mut packets = sender.frame(false, start);
        packets.last_mut().unwrap().rotation = rotation;
        for packet in packets {
            assembler.push(packet).unwrap();
        }
        rotations.push(assembler.pop(start).unwrap().rotation.degrees());
    }
    assert_eq!(rotations, [0, 90, 90, 0]);
}

#[test]
fn a_sequence_that_begins_anew_far_away_is_followed() {
    let start = Instant::now();
    let mut sender = Sender::new(Kind::Plain, 9, 2);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    let packets = sender.frame(true, start);
    run(&mut assembler, &mut judge, &sender, packets);
    let mut stray = sender.padding(start);
    stray.sequence_number = 50_000;
    assert!(assembler.push(stray).is_err());
    sender.sequence = 30_000;
    let lost = sender.frame(true, start).remove(0);
    assert!(assembler.push(lost).is_err());
    let packets = sender.frame(true, start);
    let mut packets = packets.into_iter();
    assert!(assembler.push(packets.next().unwrap()).is_err());
    let out = run(&mut assembler, &mut judge, &sender, packets);
    assert_eq!(out, [0usize; 0], "its first packet was taken for a stray");
    let packets = sender.frame(true, start);
    assert_eq!(run(&mut assembler, &mut judge, &sender, packets), [3]);
}

#[test]
fn memory_stays_bounded_when_no_frame_ever_ends() {
    let start = Instant::now();
    let mut assembler = assembler();
    for index in 0..20_000u32 {
        let packet = RtpPacket {
            sequence_number: index as u16,
            timestamp: index,
            marker: false,
            payload: Bytes::from(vec![0x10; 1_200]),
            rotation: None,
            arrival: start,
        };
        let _ = assembler.push(packet);
        assert_eq!(assembler.pop(start), None);
        assert!(assembler.frames.len() <= MAX_PACKETS);
    }
}

/// What the network does to one packet.
#[derive(Debug, Clone, Copy)]
struct Fate {
    lost: bool,
    delay_ms: u64,
    again_after_ms: Option<u64>,
}

fn fate() -> impl Strategy<Value = Fate> {
    let delay = prop_oneof![8 => Just(0u64), 3 => 0u64..60, 1 => 0u64..900];
    let again = prop_oneof![4 => Just(None), 3 => (0u64..400).prop_map(Some)];
    (prop::bool::weighted(0.12), delay, again).prop_map(|(lost, delay_ms, again_after_ms)| Fate {
        lost,
        delay_ms,
        again_after_ms,
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        Just(Kind::WithoutPictureId),
        Just(Kind::ShortPictureId),
        Just(Kind::NonReference),
        Just(Kind::TwoLayers),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every frame that comes out is whole, in order and decodable, whatever the network does; and when it behaves
    /// again and the sender heeds the requests, the picture comes back.
    #[test]
    fn only_decodable_frames_come_out_and_the_picture_always_comes_back(
        kind in kind(),
        sequence: u16,
        packets_per_frame in 1usize..6,
        fates in prop::collection::vec(fate(), 200..600),
        padding in prop::collection::vec(0u8..3, 50),
    ) {
        let start = Instant::now();
        let mut sender = Sender::new(kind, sequence, packets_per_frame);
        let (mut assembler, mut judge) = (assembler(), Judge::default());
        let mut fates = fates.into_iter();
        let mut network: Vec<RtpPacket> = Vec::new();
        let (mut asked, mut good_since) = (false, None);
        for at in 0.. {
            let now = start + ms(at);
            if at % 33 == 0 {
                let mut packets = sender.frame(std::mem::take(&mut asked), now);
                for _ in 0..padding[at as usize / 33 % padding.len()] {
                    packets.push(sender.padding(now));
                }
                for packet in packets {
                    let fate = fates.next();
                    if fate.is_none() {
                        good_since = good_since.or(Some(at));
                    }
                    let fate = fate.unwrap_or(Fate { lost: false, delay_ms: 0, again_after_ms: None });
                    let mut arrive = |delay| network.push(RtpPacket { arrival: now + ms(delay), ..packet.clone() });
                    if !fate.lost {
                        arrive(fate.delay_ms);
                    }
                    if let Some(again) = fate.again_after_ms {
                        arrive(fate.delay_ms + again);
                    }
                }
            }
            let (arrived, rest) = network.into_iter().partition(|packet| packet.arrival <= now);
            network = rest;
            run(&mut assembler, &mut judge, &sender, arrived as Vec<_>);
            while let Some(frame) = assembler.pop(now) {
                judge.accept(&sender, &frame);
            }
            asked |= assembler.key_frame_needed(now);
            if good_since.is_some_and(|since| at > since + 6_000) {
                break;
            }
        }
        let newest = sender.frames.len() - 1;
        prop_assert_eq!(judge.decoded.last(), Some(&newest));
        let statistics = assembler.statistics();
        prop_assert_eq!(statistics.frames_assembled, judge.decoded.len() as u64);
        prop_assert!(assembler.frames.is_empty());
    }

    #[test]
    fn random_packets_never_panic_nor_break_the_bounds(
        packets in prop::collection::vec(
            (any::<u16>(), 0u32..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..24), 0u64..50),
            0..300,
        ),
        near: bool,
    ) {
        let mut now = Instant::now();
        let mut assembler = assembler();
        for (sequence, timestamp, marker, payload, later) in packets {
            now += ms(later);
            let _ = assembler.push(RtpPacket {
                sequence_number: if near { sequence % 64 } else { sequence },
                timestamp,
                marker,
                payload: Bytes::from(payload),
                rotation: None,
                arrival: now,
            });
            while let Some(frame) = assembler.pop(now) {
                prop_assert!(FrameHeader::parse_whole(&frame.data).is_ok());
            }
            assembler.key_frame_needed(now);
            prop_assert!(assembler.deadline().is_none_or(|at| at > now));
        }
    }
}
