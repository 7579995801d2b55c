//! H.264 over networks that lose, repeat, delay and reorder: access units come out as they went in, or not at all.

use proptest::prelude::*;

use super::*;
use crate::frame::VideoFrame;
use crate::h264::{H264Packetizer, START_CODE};

const MAX_PAYLOAD: usize = 100;
const AUD: [u8; 2] = [0x09, 0xf0];
const SPS: [u8; 6] = [0x67, 0x42, 0xe0, 0x1f, 0x8c, 0x8d];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How a sender makes and sends its access units.
#[derive(Debug, Clone, Copy)]
struct Habits {
    delimiters: bool,
    /// Else only before the first key frame, and the receiver must put them before the others.
    sets_with_every_key_frame: bool,
    /// STAP-A, or each unit in a packet of its own.
    aggregates: bool,
    slices: usize,
    slice_len: usize,
}

const PLAIN: Habits = Habits {
    delimiters: false,
    sets_with_every_key_frame: true,
    aggregates: true,
    slices: 1,
    slice_len: 250,
};

struct Sender {
    habits: Habits,
    sequence: u16,
    timestamp: u32,
    /// What must come out, and whether it is a key frame.
    frames: Vec<(Vec<u8>, bool)>,
}

impl Sender {
    fn new(habits: Habits, sequence: u16) -> Self {
        Self {
            habits,
            sequence,
            timestamp: u32::MAX - 20_000,
            frames: Vec::new(),
        }
    }

    /// The packets of the next frame.
    fn frame(&mut self, key_frame: bool, arrival: Instant) -> Vec<RtpPacket> {
        let index = self.frames.len();
        let key_frame = key_frame || index == 0;
        let mut units: Vec<Vec<u8>> = Vec::new();
        if self.habits.delimiters {
            units.push(AUD.into());
        }
        if key_frame && (index == 0 || self.habits.sets_with_every_key_frame) {
            units.extend([SPS.to_vec(), PPS.to_vec()]);
        }
        for slice in 0..self.habits.slices {
            // No zeros: a body without start codes, different in every slice.
            let mut unit = vec![if key_frame { 0x65 } else { 0x41 }];
            unit.extend([1 + (index / 250) as u8, 1 + (index % 250) as u8]);
            unit.resize(self.habits.slice_len.max(4), 1 + slice as u8);
            units.push(unit);
        }
        let mut expected = units.clone();
        if key_frame && !(index == 0 || self.habits.sets_with_every_key_frame) {
            let at = usize::from(self.habits.delimiters);
            expected.splice(at..at, [SPS.to_vec(), PPS.to_vec()]);
        }
        self.frames.push((annex_b(&expected), key_frame));
        self.packets(&units, arrival)
    }

    /// As a sender that leaves parameter sets out where its encoder does.
    fn packets(&mut self, units: &[Vec<u8>], arrival: Instant) -> Vec<RtpPacket> {
        let mut payloads = Vec::new();
        let (small, slices): (Vec<_>, Vec<_>) = units.iter().partition(|unit| unit[0] & 0x1f > 5);
        if self.habits.aggregates && small.len() > 1 {
            let mut aggregate = vec![0x60 | 24];
            for unit in small {
                aggregate.extend((unit.len() as u16).to_be_bytes());
                aggregate.extend_from_slice(unit);
            }
            payloads.push(Bytes::from(aggregate));
        } else {
            payloads.extend(small.into_iter().cloned().map(Bytes::from));
        }
        for slice in slices {
            // A packetizer that knows sets would add them: an IDR slice passes as another one.
            let mut passed = slice.clone();
            passed[0] = 0x41;
            let frame = access_unit(&[passed]);
            let packets = H264Packetizer::new().packetize(&frame, MAX_PAYLOAD);
            for payload in packets.unwrap() {
                let mut data = payload.data.to_vec();
                let at = usize::from(data[0] & 0x1f == 28);
                data[0] = data[0] & 0x1f | slice[0] & 0x60;
                data[at] = data[at] & 0xe0 | slice[0] & 0x1f;
                payloads.push(Bytes::from(data));
            }
        }
        let count = payloads.len();
        let packets = payloads.into_iter().enumerate().map(|(index, payload)| {
            let sequence_number = self.sequence;
            self.sequence = sequence_number.wrapping_add(1);
            RtpPacket {
                sequence_number,
                timestamp: self.timestamp,
                marker: index + 1 == count,
                payload,
                rotation: None,
                arrival,
            }
        });
        let packets = packets.collect();
        self.timestamp = self.timestamp.wrapping_add(3_000);
        packets
    }
}

fn annex_b(units: &[Vec<u8>]) -> Vec<u8> {
    units
        .iter()
        .flat_map(|unit| START_CODE.iter().chain(unit).copied())
        .collect()
}

fn access_unit(units: &[Vec<u8>]) -> VideoFrame {
    VideoFrame {
        codec: VideoCodec::H264,
        data: Bytes::from(annex_b(units)),
        timestamp: Duration::ZERO,
        key_frame: false,
        rotation: Rotation::None,
    }
}

fn assembler() -> VideoAssembler {
    VideoAssembler::new(VideoCodec::H264, VideoAssemblerConfig::default())
}

/// Without its access unit delimiter, which says nothing and is not waited for before parameter sets.
fn plain(data: &[u8]) -> &[u8] {
    let delimiter = [&START_CODE[..], &AUD].concat();
    data.strip_prefix(&delimiter[..]).unwrap_or(data)
}

/// Checks each frame that comes out against what went in.
#[derive(Default)]
struct Judge {
    last: Option<usize>,
}

impl Judge {
    fn accept(&mut self, sender: &Sender, frame: &VideoFrame) -> usize {
        let mut sent = sender.frames.iter().enumerate();
        let found = sent.find(|(_, (data, _))| plain(&frame.data) == plain(data));
        let (index, (_, key_frame)) = found.expect("a frame that was never sent");
        assert_eq!(frame.key_frame, *key_frame);
        assert!(
            self.last.is_none_or(|last| last < index),
            "{index} came late"
        );
        let follows = index > 0 && self.last == Some(index - 1);
        assert!(*key_frame || follows, "{index} follows {:?}", self.last);
        self.last = Some(index);
        index
    }
}

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
    for (delimiters, aggregates, slices) in [(false, true, 1), (true, false, 3), (true, true, 2)] {
        let habits = Habits {
            delimiters,
            aggregates,
            slices,
            ..PLAIN
        };
        let start = Instant::now();
        let mut sender = Sender::new(habits, 65_530);
        let (mut assembler, mut judge) = (assembler(), Judge::default());
        for index in 0..50 {
            let packets = sender.frame(index % 20 == 0, start);
            let out = run(&mut assembler, &mut judge, &sender, packets);
            assert_eq!(out, [index], "{habits:?}");
        }
        assert!(!assembler.key_frame_needed(start + ms(60_000)));
    }
}

#[test]
fn sets_in_a_frame_of_their_own_are_no_picture_and_serve_all_key_frames() {
    let start = Instant::now();
    let mut sender = Sender::new(PLAIN, 0);
    let mut assembler = assembler();
    let mut pushed = |units: &[Vec<u8>]| {
        for packet in sender.packets(units, start) {
            assembler.push(packet).unwrap();
        }
        assembler.pop(start).map(|frame| frame.data.to_vec())
    };
    let (idr, delta) = (vec![0x65, 1, 1], vec![0x41, 1, 1]);
    assert_eq!(pushed(&[SPS.to_vec(), PPS.to_vec()]), None);
    let with_sets = annex_b(&[SPS.to_vec(), PPS.to_vec(), idr.clone()]);
    for _ in 0..3 {
        assert_eq!(pushed(&[idr.clone()]), Some(with_sets.clone()));
        assert_eq!(pushed(&[delta.clone()]), Some(annex_b(&[delta.clone()])));
        assert_eq!(pushed(&[SPS.to_vec(), PPS.to_vec()]), None);
        assert_eq!(pushed(&[delta.clone()]), Some(annex_b(&[delta.clone()])));
    }
    assert!(!assembler.key_frame_needed(start + ms(60_000)));
}

#[test]
fn a_key_frame_without_sets_that_were_ever_seen_is_asked_for_again() {
    let start = Instant::now();
    let mut sender = Sender::new(PLAIN, 9);
    let mut assembler = assembler();
    let packets = sender.frame(true, start);
    let mut slices = packets.into_iter().skip(1).collect::<Vec<_>>();
    // Something else before it, so that the frame is whole beyond doubt.
    slices.insert(
        0,
        RtpPacket {
            sequence_number: 9,
            timestamp: 1,
            marker: true,
            payload: Bytes::from_static(&[0x41, 1, 1]),
            rotation: None,
            arrival: start,
        },
    );
    for packet in slices {
        assembler.push(packet).unwrap();
    }
    assert_eq!(assembler.pop(start), None);
    assert!(assembler.key_frame_needed(start + ms(300)));
}

#[test]
fn a_key_frame_whose_first_packet_is_lost_waits_for_it() {
    let start = Instant::now();
    let mut sender = Sender::new(PLAIN, 9);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    sender.frame(true, start);
    let first = sender.frame(false, start);
    run(&mut assembler, &mut judge, &sender, first);
    let mut packets = sender.frame(true, start);
    let lost = packets.remove(0);
    let out = run(&mut assembler, &mut judge, &sender, packets);
    assert_eq!(out, [0usize; 0]);
    assert_eq!(run(&mut assembler, &mut judge, &sender, [lost]), [2]);
}

#[test]
fn the_rear_of_a_frame_that_was_given_up_is_no_frame() {
    let start = Instant::now();
    let habits = Habits {
        slices: 2,
        slice_len: 50,
        ..PLAIN
    };
    let mut sender = Sender::new(habits, 9);
    let mut assembler = assembler();
    let mut packets = sender.frame(true, start);
    let rear = packets.pop().unwrap();
    for packet in packets {
        assembler.push(packet).unwrap();
    }
    assert_eq!(assembler.pop(start + ms(5_000)), None);
    assembler.push(rear).unwrap();
    assert_eq!(assembler.pop(start + ms(5_000)), None);
}

#[test]
fn fragments_that_make_no_unit_are_given_up_and_a_key_frame_is_asked_for() {
    let start = Instant::now();
    let mut sender = Sender::new(PLAIN, 9);
    let (mut assembler, mut judge) = (assembler(), Judge::default());
    let packets = sender.frame(true, start);
    run(&mut assembler, &mut judge, &sender, packets);
    // The sender forgets the middle and numbers on.
    let mut packets = sender.frame(false, start);
    packets.remove(0);
    for (index, packet) in packets.iter_mut().enumerate() {
        packet.sequence_number = sender.sequence.wrapping_sub(3).wrapping_add(index as u16);
    }
    let out = run(&mut assembler, &mut judge, &sender, packets);
    assert_eq!(out, [0usize; 0]);
    assert!(assembler.key_frame_needed(start + ms(300)));
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

fn habits() -> impl Strategy<Value = Habits> {
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        1usize..4,
        1usize..400,
    )
        .prop_map(
            |(delimiters, sets_with_every_key_frame, aggregates, slices, slice_len)| Habits {
                delimiters,
                sets_with_every_key_frame,
                aggregates,
                slices,
                slice_len,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Every frame that comes out is one that was sent, in order, and follows the one before it; and when the network
    /// behaves again and the sender heeds the requests, the picture comes back.
    #[test]
    fn exact_frames_come_out_or_none_and_the_picture_always_comes_back(
        habits in habits(),
        sequence: u16,
        fates in prop::collection::vec(fate(), 100..400),
    ) {
        let start = Instant::now();
        let mut sender = Sender::new(habits, sequence);
        let (mut assembler, mut judge) = (assembler(), Judge::default());
        let mut fates = fates.into_iter();
        // The sets that come but once arrive: who loses them has nothing to show, for good.
        let once = !habits.sets_with_every_key_frame;
        let mut network: Vec<RtpPacket> = Vec::new();
        let (mut asked, mut good_since) = (false, None);
        for at in 0.. {
            let now = start + ms(at);
            if at % 33 == 0 {
                let spared = once && sender.frames.is_empty();
                for packet in sender.frame(std::mem::take(&mut asked), now) {
                    let fate = if spared { None } else { fates.next() };
                    if fate.is_none() && !spared {
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
        prop_assert_eq!(judge.last, Some(sender.frames.len() - 1));
        prop_assert!(assembler.frames.is_empty());
    }

    #[test]
    fn random_packets_never_panic_nor_break_the_bounds(
        packets in prop::collection::vec(
            (
                any::<u16>(),
                0u32..4,
                any::<bool>(),
                prop_oneof![Just(0x78u8), Just(0x7c), Just(0x65), Just(0x67), Just(0x68), any::<u8>()],
                prop::collection::vec(any::<u8>(), 0..24),
                0u64..50,
            ),
            0..300,
        ),
        near: bool,
    ) {
        let mut now = Instant::now();
        let mut assembler = assembler();
        for (sequence, timestamp, marker, first, rest, later) in packets {
            now += ms(later);
            let _ = assembler.push(RtpPacket {
                sequence_number: if near { sequence % 64 } else { sequence },
                timestamp,
                marker,
                payload: [vec![first], rest].concat().into(),
                rotation: None,
                arrival: now,
            });
            while let Some(frame) = assembler.pop(now) {
                prop_assert!(frame.data.starts_with(&START_CODE));
            }
            assembler.key_frame_needed(now);
            prop_assert!(assembler.deadline().is_none_or(|at| at > now));
        }
    }
}
