//! The receiving end of one Opus stream: packets in any order and at any time in, unbroken sound out, 10 ms a pull.
//! It decides what is played next; how sound is decoded, made up and stretched is beside it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::audio::opus_decoder::OpusDecoder;
use crate::audio::opus_packet::OpusPacketHeader;
use crate::audio::playout_delay::{PlayoutDelay, micros};
use crate::audio::time_stretch::{self, Care};
use crate::audio::{AudioReceiverConfig, AudioReceiverStatistics, AudioSource};
use crate::clock::AUDIO_CLOCK_HZ;
use crate::error::MediaError;
use crate::history::{History, WINDOW};
use crate::packet::{RtpPacket, SequenceUnwrapper, TimestampUnwrapper};

/// Packets held at most.
const MAX_PACKETS: usize = 256;
/// A packet farther than this from what is played belongs to a clock that has leapt.
const LEAP: i64 = 10 * AUDIO_CLOCK_HZ as i64;
/// After so much made-up sound with nothing coming, silence: 100 ms.
const MAX_CONCEALED: i64 = 4_800;
/// A hole longer than this is leapt over: 400 ms.
const MAX_HOLE: i64 = 19_200;
/// Sound that waits so much longer than it ought to is not stretched but left out.
const MAX_EXCESS_US: i64 = 400_000;
/// Sound that waits so much longer than it ought to is shortened at any place.
const MUCH_EXCESS_US: i64 = 150_000;
/// Pulls over which the least delay counts; a caller may pull several at once.
const PULLS_WATCHED: usize = 12;
/// Packets that come so soon after an outage are late because of it, and not from jitter.
const AFTER_OUTAGE_US: i64 = 200_000;

#[derive(Debug)]
struct Waiting {
    payload: Bytes,
    samples: i64,
    has_fec: bool,
}

/// An adaptive jitter buffer with decoder: 48 kHz mono out, whatever the packets hold.
///
/// Holds at most 256 packets; beyond that the oldest go.
#[derive(Debug)]
pub struct AudioReceiver {
    decoder: OpusDecoder,
    delay: PlayoutDelay,
    sequence: SequenceUnwrapper,
    history: History,
    timestamps: TimestampUnwrapper,
    /// By the unwrapped timestamp of their first sample.
    waiting: BTreeMap<i64, Waiting>,
    /// Decoded and not pulled yet.
    ready: VecDeque<i16>,
    /// Timestamp of the sample after those in `ready`; `None` while there is silence.
    next: Option<i64>,
    /// Samples made up since `next` stands still because nothing is waiting.
    concealed_ahead: i64,
    /// Blocks decoded since one was stretched.
    unstretched: u32,
    /// Delays at the last pulls.
    delays_us: VecDeque<i64>,
    first_arrival: Option<Instant>,
    /// Nothing has come since the sound ran out.
    outage: bool,
    outage_until_us: i64,
    statistics: AudioReceiverStatistics,
}

impl AudioReceiver {
    /// Samples of one pull: 10 ms.
    pub const PULL_SAMPLES: usize = 480;

    /// A receiver of one stream.
    ///
    /// # Errors
    /// [`MediaError::Opus`] if the codec cannot be set up.
    pub fn new(config: AudioReceiverConfig) -> Result<Self, MediaError> {
        Ok(Self {
            decoder: OpusDecoder::new()?,
            delay: PlayoutDelay::new(config.min_delay, config.max_delay),
            sequence: SequenceUnwrapper::default(),
            history: History::new(),
            timestamps: TimestampUnwrapper::default(),
            waiting: BTreeMap::new(),
            ready: VecDeque::new(),
            next: None,
            concealed_ahead: 0,
            unstretched: 0,
            delays_us: VecDeque::with_capacity(PULLS_WATCHED),
            first_arrival: None,
            outage: false,
            outage_until_us: 0,
            statistics: AudioReceiverStatistics::default(),
        })
    }

    /// Takes one packet of the stream, in any order; empty ones are padding.
    ///
    /// # Errors
    /// The payload is no Opus packet; it is dropped and counted, and the stream goes on without it.
    pub fn push(&mut self, packet: RtpPacket) -> Result<(), MediaError> {
        self.statistics.packets_received += 1;
        if self.is_duplicate(packet.sequence_number) {
            self.statistics.packets_duplicate += 1;
            return Ok(());
        }
        if packet.payload.is_empty() {
            return Ok(());
        }
        let header = OpusPacketHeader::parse(&packet.payload)
            .inspect_err(|_| self.statistics.packets_malformed += 1)?;
        let samples = header.samples as i64;
        let timestamp = self.timestamps.unwrap(packet.timestamp);
        let now_us = self.since_first(packet.arrival);
        self.follow_a_leap(timestamp);
        if std::mem::take(&mut self.outage) {
            self.outage_until_us = now_us + AFTER_OUTAGE_US;
        }
        let counts = now_us >= self.outage_until_us;
        self.delay
            .arrived(to_us(timestamp), now_us, to_us(samples), counts);
        if self.next.is_some_and(|next| timestamp < next) {
            self.statistics.packets_late += 1;
            return Ok(());
        }
        self.waiting.entry(timestamp).or_insert(Waiting {
            payload: packet.payload,
            samples,
            has_fec: header.has_fec,
        });
        if self.waiting.len() > MAX_PACKETS {
            self.waiting.pop_first();
            self.statistics.packets_discarded += 1;
        }
        Ok(())
    }

    /// The next 10 ms, due at `now`. Call every 10 ms on average; a few at once are fine.
    pub fn pull(&mut self, out: &mut [i16; Self::PULL_SAMPLES], now: Instant) -> AudioSource {
        let now_us = self.since_first(now);
        self.note_delay(now_us);
        let mut source = AudioSource::Received;
        while self.ready.len() < out.len() {
            source = source.max(self.produce(now_us));
        }
        for (sample, ready) in out.iter_mut().zip(self.ready.drain(..Self::PULL_SAMPLES)) {
            *sample = ready;
        }
        self.statistics.samples_played += out.len() as u64;
        source
    }

    /// Counts since the receiver was made.
    pub fn statistics(&self) -> AudioReceiverStatistics {
        AudioReceiverStatistics {
            delay: duration(self.least_delay_us().unwrap_or(0)),
            target_delay: duration(self.delay.target_us()),
            ..self.statistics
        }
    }

    /// Makes at least some samples ready.
    fn produce(&mut self, now_us: i64) -> AudioSource {
        let Some(next) = self.next else {
            return self.begin_or_stay_silent(now_us);
        };
        let Some((&timestamp, first)) = self.waiting.first_key_value() else {
            return self.bridge_an_outage(now_us);
        };
        let (samples, has_fec) = (first.samples, first.has_fec);
        let hole = timestamp - next;
        if hole < 0 {
            // It overlaps with the packet before it.
            self.waiting.pop_first();
            self.statistics.packets_discarded += 1;
            return AudioSource::Received;
        }
        if hole == 0 {
            return self.play_first(now_us);
        }
        let waited_enough = self
            .delay
            .waited_us(to_us(timestamp), now_us)
            .is_some_and(|waited| waited >= self.delay.target_us());
        let bridged = self.concealed_ahead > 0 && (self.concealed_ahead >= hole || waited_enough);
        if bridged || hole > MAX_HOLE {
            self.statistics.packets_lost += packets_in(hole, samples);
            self.decoder.expect_break();
            return self.play_first(now_us);
        }
        if hole <= samples && has_fec && self.play_copy(timestamp, hole) {
            return AudioSource::Received;
        }
        // All of the hole but the part that the next packet has a copy of.
        let copied = if has_fec && hole > samples {
            samples
        } else {
            0
        };
        let made_up = (hole - copied).min(samples);
        self.statistics.packets_lost += 1;
        self.conceal(made_up);
        self.next = Some(next + made_up);
        AudioSource::Concealed
    }

    /// Starts to play once the first packet has waited long enough.
    fn begin_or_stay_silent(&mut self, now_us: i64) -> AudioSource {
        let target = self.delay.target_us();
        while let Some((&timestamp, _)) = self.waiting.first_key_value() {
            let waited = self.delay.waited_us(to_us(timestamp), now_us).unwrap_or(0);
            if waited < target {
                break;
            }
            let second = self.waiting.keys().nth(1).copied();
            let second_waited = second
                .and_then(|second| self.delay.waited_us(to_us(second), now_us))
                .is_some_and(|waited| waited >= target);
            if second_waited {
                // An outage left more than is wanted: begin later in it.
                self.waiting.pop_first();
                self.statistics.packets_discarded += 1;
                continue;
            }
            self.decoder.expect_break();
            self.delays_us.clear();
            self.next = Some(timestamp);
            return self.play_first(now_us);
        }
        self.statistics.samples_silent += Self::PULL_SAMPLES as u64;
        self.ready.extend([0; Self::PULL_SAMPLES]);
        AudioSource::Silence
    }

    /// Nothing is waiting: made-up sound for a while, then silence until something comes.
    fn bridge_an_outage(&mut self, now_us: i64) -> AudioSource {
        if self.concealed_ahead >= MAX_CONCEALED {
            self.next = None;
            self.concealed_ahead = 0;
            self.outage = true;
            return self.begin_or_stay_silent(now_us);
        }
        self.concealed_ahead += Self::PULL_SAMPLES as i64;
        self.conceal(Self::PULL_SAMPLES as i64);
        AudioSource::Concealed
    }

    /// Decodes the first packet that is waiting, stretched if the delay is not what it ought to be.
    fn play_first(&mut self, now_us: i64) -> AudioSource {
        let Some((timestamp, packet)) = self.waiting.pop_first() else {
            return self.bridge_an_outage(now_us);
        };
        self.concealed_ahead = 0;
        self.next = Some(timestamp + packet.samples);
        let excess = self
            .least_delay_us()
            .map_or(0, |delay| delay - self.delay.target_us());
        if excess > MAX_EXCESS_US && !self.waiting.is_empty() {
            self.statistics.packets_discarded += 1;
            self.decoder.expect_break();
            self.delays_us
                .iter_mut()
                .for_each(|delay| *delay -= to_us(packet.samples));
            return self.play_first(now_us);
        }
        let mut pcm = vec![0; OpusDecoder::MAX_SAMPLES];
        match self.decoder.decode(&packet.payload, &mut pcm) {
            Ok(samples) => pcm.truncate(samples),
            Err(_) => {
                self.statistics.packets_malformed += 1;
                self.conceal(packet.samples);
                return AudioSource::Concealed;
            }
        }
        self.stretch(&mut pcm, excess);
        self.ready.extend(pcm);
        AudioSource::Received
    }

    /// Plays the copy of the hole before `timestamp` that the packet there holds.
    fn play_copy(&mut self, timestamp: i64, hole: i64) -> bool {
        let Some(packet) = self.waiting.get(&timestamp) else {
            return false;
        };
        let mut pcm = vec![0; hole as usize];
        if self.decoder.decode_fec(&packet.payload, &mut pcm).is_err() {
            return false;
        }
        self.statistics.packets_lost += 1;
        self.statistics.packets_recovered += 1;
        self.ready.extend(pcm);
        self.next = Some(timestamp);
        true
    }

    fn conceal(&mut self, samples: i64) {
        let mut pcm = vec![0; samples as usize];
        self.decoder.conceal(&mut pcm);
        self.ready.extend(pcm);
        self.statistics.samples_concealed += samples as u64;
    }

    /// Brings the delay nearer to its target; at most every other block, so that speech keeps its rhythm.
    fn stretch(&mut self, pcm: &mut Vec<i16>, excess_us: i64) {
        let target = self.delay.target_us();
        self.unstretched += 1;
        let much = excess_us > MUCH_EXCESS_US;
        if self.unstretched < 2 && !much {
            return;
        }
        let care = if much { Care::BestPlace } else { Care::Unheard };
        let stretched = if excess_us > (target / 4).max(20_000) {
            let removed = time_stretch::shorten(pcm, care);
            self.statistics.samples_removed += removed as u64;
            -(removed as i64)
        } else if excess_us < -(target / 4).max(10_000) {
            let inserted = time_stretch::lengthen(pcm, care);
            self.statistics.samples_inserted += inserted as u64;
            inserted as i64
        } else {
            return;
        };
        if stretched != 0 {
            self.unstretched = 0;
            // The pulls before this one would have had the new delay, too.
            self.delays_us
                .iter_mut()
                .for_each(|delay| *delay += to_us(stretched));
        }
    }

    /// How long what is pulled now has waited.
    fn note_delay(&mut self, now_us: i64) {
        let Some(next) = self.next else { return };
        let playing = to_us(next - self.ready.len() as i64);
        if let Some(waited) = self.delay.waited_us(playing, now_us) {
            if self.delays_us.len() == PULLS_WATCHED {
                self.delays_us.pop_front();
            }
            self.delays_us.push_back(waited);
        }
    }

    fn least_delay_us(&self) -> Option<i64> {
        self.delays_us.iter().min().copied()
    }

    fn is_duplicate(&mut self, sequence_number: u16) -> bool {
        let sequence = self.sequence.peek(sequence_number);
        if self
            .sequence
            .newest()
            .is_some_and(|newest| (sequence - newest).abs() >= WINDOW)
        {
            self.sequence = SequenceUnwrapper::default();
            self.history = History::new();
        }
        let sequence = self.sequence.peek(sequence_number);
        let duplicate = self.history.contains(sequence);
        self.history.insert(sequence);
        self.sequence.accept(sequence);
        duplicate
    }

    /// Begins anew if `timestamp` is far from everything else.
    fn follow_a_leap(&mut self, timestamp: i64) {
        let near = self
            .next
            .or_else(|| self.waiting.keys().next_back().copied());
        if near.is_some_and(|near| (timestamp - near).abs() > LEAP) {
            self.statistics.packets_discarded += self.waiting.len() as u64;
            self.waiting.clear();
            self.next = None;
            self.concealed_ahead = 0;
            self.delay.forget_transit();
        }
    }

    fn since_first(&mut self, instant: Instant) -> i64 {
        let first = *self.first_arrival.get_or_insert(instant);
        micros(instant.saturating_duration_since(first))
    }
}

fn packets_in(samples: i64, packet_samples: i64) -> u64 {
    (samples / packet_samples).max(1) as u64
}

fn to_us(samples: i64) -> i64 {
    samples * 1_000_000 / i64::from(AUDIO_CLOCK_HZ)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests;
