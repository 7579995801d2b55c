//! Streams over networks with jitter, loss, outages and clocks that drift, on virtual time.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::audio::{OpusEncoder, OpusEncoderConfig};

const PACKET_US: i64 = 20_000;

/// Ten seconds of a voice-like tone: 150 Hz and its harmonics, louder and softer four times a second.
fn voice() -> &'static [i16] {
    static VOICE: OnceLock<Vec<i16>> = OnceLock::new();
    VOICE.get_or_init(|| {
        (0..480_000u32)
            .map(|index| {
                let time = f64::from(index) / 48_000.0;
                let wave = |frequency: f64| (std::f64::consts::TAU * frequency * time).sin();
                let tone = wave(150.0) + 0.5 * wave(300.0) + 0.25 * wave(450.0);
                (3_000.0 * tone * (0.6 + 0.4 * wave(4.0))) as i16
            })
            .collect()
    })
}

fn packets() -> &'static [Bytes] {
    static PACKETS: OnceLock<Vec<Bytes>> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let mut encoder = OpusEncoder::new(OpusEncoderConfig::default()).unwrap();
        let mut packets = Vec::new();
        for piece in voice().chunks(480) {
            packets.extend(
                encoder
                    .push(piece)
                    .unwrap()
                    .into_iter()
                    .map(|packet| packet.data),
            );
        }
        packets
    })
}

/// A sender, a network and a player on one clock.
struct Call {
    receiver: AudioReceiver,
    start: Instant,
    now_us: i64,
    sent: i64,
    /// Microseconds of the player's clock between two packets of the sender.
    packet_us: i64,
    /// Pulls made at once.
    batch: i64,
    pulls: i64,
    network: BTreeMap<(i64, i64), RtpPacket>,
    played: Vec<i16>,
    sources: Vec<AudioSource>,
    most_waiting: usize,
}

impl Call {
    fn new() -> Self {
        Self {
            receiver: AudioReceiver::new(AudioReceiverConfig::default()).unwrap(),
            start: Instant::now(),
            now_us: 0,
            sent: 0,
            packet_us: PACKET_US,
            batch: 1,
            pulls: 0,
            network: BTreeMap::new(),
            played: vec![],
            sources: vec![],
            most_waiting: 0,
        }
    }

    /// Goes on for `seconds`; `delay_ms` says how long each packet is under way, `None` that it is lost.
    fn run(&mut self, seconds: f64, mut delay_ms: impl FnMut(i64) -> Option<i64>) {
        let end = self.now_us + (seconds * 1e6) as i64;
        while self.now_us < end {
            while self.sent * self.packet_us <= self.now_us {
                let index = self.sent;
                self.sent += 1;
                if let Some(delay) = delay_ms(index) {
                    let arrival_us = index * self.packet_us + delay * 1_000;
                    let packet = RtpPacket {
                        sequence_number: (index + 65_500) as u16,
                        timestamp: (u32::MAX - 48_000).wrapping_add(index as u32 * 960),
                        marker: false,
                        payload: packets()[index as usize % packets().len()].clone(),
                        rotation: None,
                        arrival: self.at(arrival_us),
                    };
                    self.network.insert((arrival_us, index), packet);
                }
            }
            while let Some(entry) = self.network.first_entry() {
                if entry.key().0 > self.now_us {
                    break;
                }
                self.receiver.push(entry.remove()).unwrap();
            }
            if self.now_us >= self.pulls * 10_000 {
                for _ in 0..self.batch {
                    let mut out = [0; 480];
                    let source = self.receiver.pull(&mut out, self.at(self.now_us));
                    self.sources.push(source);
                    self.played.extend(out);
                    self.pulls += 1;
                }
            }
            self.most_waiting = self.most_waiting.max(self.receiver.waiting.len());
            self.now_us += 1_000;
        }
    }

    fn at(&self, us: i64) -> Instant {
        self.start + Duration::from_micros(us as u64)
    }

    /// Forgets what was played so far.
    fn mark(&mut self) -> AudioReceiverStatistics {
        self.played.clear();
        self.sources.clear();
        self.receiver.statistics()
    }

    fn delay_ms(&self) -> u128 {
        self.receiver.statistics().delay.as_millis()
    }

    /// The steepest step between two samples; in the voice itself it is under 300.
    fn steepest(&self) -> i32 {
        self.played
            .windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap()
    }

    /// The longest stretch below a fortieth of the voice's usual loudness, in samples.
    fn longest_silence(&self) -> usize {
        let (mut longest, mut current) = (0, 0);
        for sample in &self.played {
            current = if sample.abs() < 60 { current + 1 } else { 0 };
            longest = longest.max(current);
        }
        longest
    }
}

/// A different number each time, the same in each run.
fn noise(index: i64) -> i64 {
    let mut x = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x >> 32) & 0x7fff_ffff) as i64
}

#[test]
fn on_a_steady_network_every_packet_is_played_soon_and_nothing_is_made_up() {
    let mut call = Call::new();
    call.run(10.0, |_| Some(30));
    let statistics = call.receiver.statistics();
    assert_eq!(statistics.samples_concealed, 0);
    assert_eq!(statistics.packets_late + statistics.packets_discarded, 0);
    assert!(call.delay_ms() <= 50, "{} ms", call.delay_ms());
    let begun = call
        .sources
        .iter()
        .position(|source| *source == AudioSource::Received)
        .unwrap();
    assert!(begun <= 12, "began at pull {begun}");
    assert!(
        call.sources[begun..]
            .iter()
            .all(|source| *source == AudioSource::Received)
    );
    assert!(call.steepest() < 600, "a click of {}", call.steepest());
}

#[test]
fn jitter_is_covered_by_the_delay_and_the_delay_falls_when_it_is_over() {
    let mut call = Call::new();
    call.run(20.0, |index| Some(20 + noise(index) % 100));
    let before = call.mark();
    call.run(20.0, |index| Some(20 + noise(index) % 100));
    let after = call.receiver.statistics();
    let concealed = after.samples_concealed - before.samples_concealed;
    assert!(concealed < 48_000 * 20 / 50, "{concealed} samples made up");
    assert!(
        (60..=190).contains(&call.delay_ms()),
        "{} ms",
        call.delay_ms()
    );
    assert!(call.steepest() < 1_200, "a click of {}", call.steepest());
    call.run(10.0, |_| Some(20));
    call.mark();
    call.run(10.0, |_| Some(20));
    assert!(call.delay_ms() <= 60, "{} ms", call.delay_ms());
    assert!(
        call.sources
            .iter()
            .all(|source| *source == AudioSource::Received)
    );
    assert!(call.steepest() < 600, "a click of {}", call.steepest());
}

#[test]
fn lost_packets_are_recovered_from_the_copy_in_the_next_one() {
    let mut call = Call::new();
    let lost = |index: i64| noise(index) % 10 == 0;
    call.run(30.0, |index| (index < 50 || !lost(index)).then_some(20));
    call.played.drain(..48_000);
    let statistics = call.receiver.statistics();
    let copied = |index: i64| {
        let next = &packets()[(index + 1) as usize % packets().len()];
        !lost(index + 1) && OpusPacketHeader::parse(next).unwrap().has_fec
    };
    let recoverable = (50..call.sent - 10)
        .filter(|index| lost(*index) && copied(*index))
        .count() as u64;
    assert!(recoverable > 50, "only {recoverable}");
    assert!(
        statistics.packets_recovered >= recoverable - 2,
        "{recoverable}: {statistics:?}"
    );
    assert!(call.longest_silence() < 1_920, "{}", call.longest_silence());
    assert!(call.steepest() < 1_200, "a click of {}", call.steepest());
}

#[test]
fn two_packets_lost_in_a_row_leave_no_click_and_no_gap() {
    let mut call = Call::new();
    call.run(3.0, |_| Some(20));
    call.mark();
    call.run(20.0, |index| (index % 50 > 1).then_some(20));
    let statistics = call.receiver.statistics();
    assert!(
        statistics.packets_lost > 30 && statistics.samples_concealed > 0,
        "{statistics:?}"
    );
    assert!(call.longest_silence() < 960, "{}", call.longest_silence());
    assert!(call.steepest() < 1_200, "a click of {}", call.steepest());
}

#[test]
fn clocks_that_drift_apart_neither_starve_nor_pile_up() {
    for packet_us in [PACKET_US - 20, PACKET_US + 20] {
        let mut call = Call::new();
        call.packet_us = packet_us;
        call.run(5.0, |_| Some(20));
        let before = call.mark();
        call.run(120.0, |_| Some(20));
        let after = call.receiver.statistics();
        let concealed = after.samples_concealed - before.samples_concealed;
        assert!(
            concealed < 4_800,
            "{concealed} samples made up at {packet_us}"
        );
        assert!(
            call.delay_ms() <= 80,
            "{} ms at {packet_us}",
            call.delay_ms()
        );
        assert!(call.most_waiting < 10);
    }
}

#[test]
fn after_an_outage_the_sound_is_soon_up_to_date() {
    let mut call = Call::new();
    call.run(5.0, |_| Some(20));
    // For one second everything is held back, and then comes at once.
    let outage = call.sent..call.sent + 50;
    call.run(2.0, |index| {
        let held = if outage.contains(&index) {
            (outage.end - index) * 20
        } else {
            0
        };
        Some(20 + held)
    });
    call.run(1.0, |_| Some(20));
    assert!(call.delay_ms() <= 150, "{} ms", call.delay_ms());
    call.mark();
    call.run(2.0, |_| Some(20));
    assert!(
        call.sources
            .iter()
            .all(|source| *source == AudioSource::Received)
    );
}

#[test]
fn a_sender_that_stops_and_comes_back_is_heard_again() {
    let mut call = Call::new();
    call.run(3.0, |_| Some(20));
    call.run(8.0, |_| None);
    assert_eq!(call.sources.last(), Some(&AudioSource::Silence));
    assert!(
        call.played[call.played.len() - 48_000..]
            .iter()
            .all(|sample| *sample == 0)
    );
    call.run(1.0, |_| Some(20));
    assert_eq!(call.sources.last(), Some(&AudioSource::Received));
    // And once more, with a clock that has leapt.
    call.sent += 100_000;
    call.now_us = call.sent * PACKET_US;
    call.pulls = call.now_us / 10_000;
    call.run(1.0, |_| Some(20));
    assert_eq!(call.sources.last(), Some(&AudioSource::Received));
}

#[test]
fn a_player_that_pulls_four_times_at_once_is_served_without_gaps() {
    let mut call = Call::new();
    call.batch = 4;
    call.run(5.0, |_| Some(20));
    call.mark();
    call.run(10.0, |_| Some(20));
    assert!(
        call.sources
            .iter()
            .all(|source| *source == AudioSource::Received)
    );
    assert!(call.steepest() < 600, "a click of {}", call.steepest());
}

#[test]
fn packets_that_nobody_pulls_stay_bounded() {
    let mut receiver = AudioReceiver::new(AudioReceiverConfig::default()).unwrap();
    let start = Instant::now();
    for index in 0..5_000u32 {
        let packet = RtpPacket {
            sequence_number: index as u16,
            timestamp: index * 960,
            marker: false,
            payload: packets()[0].clone(),
            rotation: None,
            arrival: start + Duration::from_millis(20 * u64::from(index)),
        };
        receiver.push(packet.clone()).unwrap();
        receiver.push(packet).unwrap();
        assert!(receiver.waiting.len() <= MAX_PACKETS);
    }
    assert_eq!(receiver.statistics().packets_duplicate, 5_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the network does, ten milliseconds come out per pull, the queue stays short, and a good network brings the
    /// delay back down.
    #[test]
    fn any_network_is_survived_and_a_good_one_is_enjoyed(
        fates in prop::collection::vec(
            prop_oneof![6 => (0i64..40).prop_map(Some), 2 => (0i64..400).prop_map(Some), 1 => Just(None)],
            250,
        ),
        batch in 1i64..5,
        drift in -10i64..10,
    ) {
        let mut call = Call::new();
        call.batch = batch;
        call.packet_us += drift;
        call.run(5.0, |index| fates[index as usize % fates.len()]);
        let bad = call.receiver.statistics();
        prop_assert!(bad.delay <= Duration::from_millis(1_500), "{:?}", bad);
        call.run(15.0, |_| Some(20));
        call.mark();
        call.run(2.0, |_| Some(20));
        prop_assert!(call.sources.iter().all(|source| *source == AudioSource::Received));
        prop_assert!(call.delay_ms() <= 120, "{:?}", call.receiver.statistics());
        prop_assert!(call.most_waiting < 120);
    }

    #[test]
    fn random_packets_never_panic_and_sound_goes_on(
        packets in prop::collection::vec(
            (any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..60), 0u64..40, any::<bool>()),
            0..80,
        ),
    ) {
        let mut receiver = AudioReceiver::new(AudioReceiverConfig::default()).unwrap();
        let mut now = Instant::now();
        let mut pulls = 0;
        for (sequence, timestamp, payload, later, near) in packets {
            now += Duration::from_millis(later);
            let _ = receiver.push(RtpPacket {
                sequence_number: sequence,
                timestamp: if near { timestamp % 48_000 } else { timestamp },
                marker: false,
                payload: Bytes::from(payload),
                rotation: None,
                arrival: now,
            });
            for _ in 0..later / 10 {
                receiver.pull(&mut [0; 480], now);
                pulls += 1;
            }
        }
        prop_assert_eq!(receiver.statistics().samples_played, pulls * 480);
    }
}
