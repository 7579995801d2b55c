//! The receive buffer of one video stream: holds packets until they make frames that can be decoded.
//! The rule for "can be decoded" is `chain`; when each packet arrived is known from the caller alone.

use std::time::{Duration, Instant};

use crate::clock::{VIDEO_CLOCK_HZ, ticks_to_duration};
use crate::error::MediaError;
use crate::frame::{Rotation, VideoCodec, VideoFrame};
use crate::history::{History, WINDOW};
use crate::packet::{RtpPacket, SequenceUnwrapper, TimestampUnwrapper};
use crate::video::chain::{Chain, Step};
use crate::video::partial_frame::{Part, PartialFrame};
use crate::video::request_pacer::RequestPacer;
use crate::video::{VideoAssemblerConfig, VideoStatistics};
use crate::vp8::FrameHeader;

/// Packets held at most.
const MAX_PACKETS: usize = 2_048;
/// Bytes of payload held at most.
const MAX_BYTES: usize = 8 << 20;
/// A key frame of which packets came within this time is still arriving and not asked for again.
const STILL_ARRIVING: Duration = Duration::from_millis(250);

/// Reorders the packets of one stream and hands out whole frames in decode order. A frame with a hole in it, or one
/// that may refer to a frame that was never handed out, is not handed out; where that stops the picture,
/// [`key_frame_needed`](Self::key_frame_needed) says so.
///
/// Holds at most 2,048 packets and 8 MiB of payload; beyond that the oldest frames go, and a key frame is needed.
#[derive(Debug)]
pub struct VideoAssembler {
    codec: VideoCodec,
    config: VideoAssemblerConfig,
    sequence: SequenceUnwrapper,
    timestamps: TimestampUnwrapper,
    history: History,
    /// Sorted by first sequence number. Every packet of a frame at or after `floor` that arrived is in here.
    frames: Vec<PartialFrame>,
    /// Nothing before this sequence number is wanted any more.
    floor: Option<i64>,
    /// `None` until a key frame, and again after a hole that was given up.
    chain: Option<Chain>,
    /// Since when something is missing that holds up the rest.
    stuck_since: Option<Instant>,
    /// A packet far from all others; a second one right behind it makes it a new stream.
    stray: Option<u16>,
    rotation: Rotation,
    requests: RequestPacer,
    now: Option<Instant>,
    statistics: VideoStatistics,
}

impl VideoAssembler {
    /// For one stream (one SSRC) of `codec`.
    pub fn new(codec: VideoCodec, config: VideoAssemblerConfig) -> Self {
        Self {
            codec,
            config,
            sequence: SequenceUnwrapper::default(),
            timestamps: TimestampUnwrapper::default(),
            history: History::new(),
            frames: Vec::new(),
            floor: None,
            chain: None,
            stuck_since: None,
            stray: None,
            rotation: Rotation::None,
            requests: RequestPacer::new(config.ask_again_after),
            now: None,
            statistics: VideoStatistics::default(),
        }
    }

    /// Takes one packet of the stream, retransmissions and padding among them, in any order. Call
    /// [`pop`](Self::pop) afterwards.
    ///
    /// # Errors
    /// The payload could not be read; it is dropped and counted, and the stream goes on without it.
    pub fn push(&mut self, packet: RtpPacket) -> Result<(), MediaError> {
        self.statistics.packets_received += 1;
        self.statistics.bytes_received += packet.payload.len() as u64;
        let Some(sequence) = self.place(packet.sequence_number) else {
            self.statistics.packets_malformed += 1;
            return Err(MediaError::Invalid {
                field: "sequence number",
            });
        };
        if self.history.contains(sequence) {
            self.statistics.packets_duplicate += 1;
            return Ok(());
        }
        if self.floor.is_some_and(|floor| sequence < floor) {
            self.history.insert(sequence);
            self.statistics.packets_late += 1;
            return Ok(());
        }
        if packet.payload.is_empty() {
            self.note(sequence);
            return Ok(());
        }
        let part = match Part::parse(self.codec, &packet) {
            Ok(part) => part,
            Err(error) => {
                self.statistics.packets_malformed += 1;
                return Err(error);
            }
        };
        self.note(sequence);
        if self.chain.is_none() && self.stuck_since.is_none() {
            self.stuck_since = Some(part.arrival);
        }
        self.insert(sequence, part);
        self.keep_within_bounds();
        Ok(())
    }

    /// The next frame in decode order. Call until `None` after each [`push`](Self::push) and at each
    /// [`deadline`](Self::deadline).
    pub fn pop(&mut self, now: Instant) -> Option<VideoFrame> {
        self.now = Some(now);
        self.drop_what_waited_too_long(now);
        while let Some((index, step)) = self.next_step(now) {
            let skipped = self.frames.drain(..index).collect::<Vec<_>>();
            self.statistics.frames_dropped += skipped.len() as u64;
            let frame = self.frames.remove(0);
            self.advance_floor(frame.last() + 1, frame.first());
            if step == Step::Discard {
                self.chain = self.chain.map(|chain| chain.pass(&frame));
                self.statistics.frames_dropped += 1;
                continue;
            }
            let jumped = (step == Step::Skip).then_some(&skipped[..]);
            let next_chain = match &self.chain {
                Some(chain) => chain.follow(&frame, jumped),
                None => Chain::begin(&frame),
            };
            self.stuck_since = None;
            match self.finish(frame) {
                Some(frame) => {
                    self.chain = Some(next_chain);
                    self.watch_for_holes(now);
                    return Some(frame);
                }
                None => self.break_chain(now),
            }
        }
        self.watch_for_holes(now);
        None
    }

    /// Whether to ask the sender for a key frame (PLI) now: nothing can be decoded without one, and none is arriving.
    /// `true` counts as asked; the next one comes after a while. Before the first packet nothing is asked for, since
    /// a sender begins with a key frame.
    pub fn key_frame_needed(&mut self, now: Instant) -> bool {
        self.now = Some(now);
        let due = self.ask_at().is_some_and(|at| at <= now) && self.requests.take(now);
        if due {
            self.statistics.key_frame_requests += 1;
        }
        due
    }

    /// When [`pop`](Self::pop) or [`key_frame_needed`](Self::key_frame_needed) may say something new although no
    /// packet came; `None` if never. Always after the last instant that was told.
    pub fn deadline(&self) -> Option<Instant> {
        let ask_at = self
            .ask_at()
            .map(|at| self.requests.next().map_or(at, |next| at.max(next)));
        let stuck = self.stuck_since;
        [
            stuck.map(|since| since + self.config.skip_after),
            stuck.map(|since| since + self.config.give_up_after),
            ask_at,
        ]
        .into_iter()
        .flatten()
        .filter(|at| self.now.is_none_or(|now| *at > now))
        .min()
    }

    /// Counts since the assembler was made.
    pub fn statistics(&self) -> VideoStatistics {
        self.statistics
    }

    /// The unwrapped sequence number, or `None` for a stray packet. Two strays in a row begin a new stream.
    fn place(&mut self, sequence_number: u16) -> Option<i64> {
        let sequence = self.sequence.peek(sequence_number);
        let far = self
            .sequence
            .newest()
            .is_some_and(|newest| (sequence - newest).abs() >= WINDOW);
        if !far {
            self.stray = None;
            return Some(sequence);
        }
        let expected = self.stray.map(|stray| stray.wrapping_add(1));
        self.stray = Some(sequence_number);
        if expected != Some(sequence_number) {
            return None;
        }
        self.stray = None;
        self.statistics.frames_dropped += self.frames.len() as u64;
        self.frames.clear();
        self.history = History::new();
        self.sequence = SequenceUnwrapper::default();
        self.floor = None;
        self.chain = None;
        self.stuck_since = None;
        Some(self.sequence.peek(sequence_number))
    }

    fn note(&mut self, sequence: i64) {
        self.sequence.accept(sequence);
        self.history.insert(sequence);
    }

    fn insert(&mut self, sequence: i64, part: Part) {
        let fitting = self
            .frames
            .iter_mut()
            .rposition(|frame| frame.fits(sequence, &part));
        let mut index = match fitting {
            Some(index) => {
                self.frames[index].insert(sequence, part);
                index
            }
            None => {
                self.frames.push(PartialFrame::new(sequence, part));
                self.frames.len() - 1
            }
        };
        while index > 0 && self.frames[index - 1].first() > self.frames[index].first() {
            self.frames.swap(index - 1, index);
            index -= 1;
        }
    }

    /// The frame to take from the buffer next, and how.
    fn next_step(&self, now: Instant) -> Option<(usize, Step)> {
        let Some(chain) = &self.chain else {
            let key_frame = |frame: &PartialFrame| frame.is_key_frame() && frame.is_whole();
            return self
                .frames
                .iter()
                .position(key_frame)
                .map(|index| (index, Step::Next));
        };
        let may_skip = self
            .stuck_since
            .is_some_and(|since| now >= since + self.config.skip_after);
        for (index, frame) in self.frames.iter().enumerate() {
            if !frame.is_whole() {
                continue;
            }
            let unbroken =
                index == 0 && self.history.all_arrived(chain.next_sequence..frame.first());
            match chain.judge(frame, &self.frames[..index], unbroken) {
                Step::Skip if !may_skip => {}
                Step::Wait => {}
                step => return Some((index, step)),
            }
        }
        None
    }

    /// Moves the floor to `next`, behind a frame that begins at `first`, and counts what is missing before that.
    fn advance_floor(&mut self, next: i64, first: i64) {
        if let Some(floor) = self.floor {
            self.statistics.packets_lost += self.history.missing(floor..first);
        }
        self.floor = Some(next);
        // A broken frame that reaches over the floor stays, or its rear would pass for padding.
        let before = self.frames.len();
        self.frames.retain(|frame| frame.last() >= next);
        self.statistics.frames_dropped += (before - self.frames.len()) as u64;
    }

    fn finish(&mut self, frame: PartialFrame) -> Option<VideoFrame> {
        let timestamp = frame.timestamp;
        let (data, rotation) = frame.join();
        let header = match self.codec {
            VideoCodec::Vp8 => FrameHeader::parse_whole(&data),
            VideoCodec::H264 => Err(MediaError::Invalid { field: "codec" }),
        };
        let Ok(header) = header else {
            self.statistics.frames_dropped += 1;
            return None;
        };
        self.rotation = rotation.unwrap_or(self.rotation);
        self.statistics.frames_assembled += 1;
        if header.key_frame {
            self.statistics.key_frames += 1;
            self.requests.satisfied();
        }
        Some(VideoFrame {
            codec: self.codec,
            data,
            timestamp: ticks_to_duration(self.timestamps.unwrap(timestamp), VIDEO_CLOCK_HZ),
            key_frame: header.key_frame,
            rotation: self.rotation,
        })
    }

    /// Starts or stops the time for which a hole has been holding up frames.
    fn watch_for_holes(&mut self, now: Instant) {
        let Some(chain) = &self.chain else { return };
        let end = self.history.end().unwrap_or(chain.next_sequence);
        if self.history.all_arrived(chain.next_sequence..end) {
            self.stuck_since = None;
            self.requests.satisfied();
        } else if self.stuck_since.is_none() {
            self.stuck_since = Some(now);
        }
    }

    fn drop_what_waited_too_long(&mut self, now: Instant) {
        let patience = self.config.give_up_after;
        if let Some(chain) = &self.chain {
            let waited = self
                .stuck_since
                .is_some_and(|since| now >= since + patience);
            let forgotten = self
                .history
                .start()
                .is_some_and(|start| chain.next_sequence < start);
            if waited || forgotten {
                self.break_chain(now);
            }
        }
        if self.chain.is_none() {
            while self
                .frames
                .first()
                .is_some_and(|oldest| now >= oldest.last_arrival + patience)
            {
                self.drop_oldest();
            }
        }
    }

    fn keep_within_bounds(&mut self) {
        let packets =
            |frames: &[PartialFrame]| frames.iter().map(PartialFrame::packets).sum::<usize>();
        let bytes = |frames: &[PartialFrame]| frames.iter().map(PartialFrame::bytes).sum::<usize>();
        while packets(&self.frames) > MAX_PACKETS || bytes(&self.frames) > MAX_BYTES {
            let now = self.frames[0].last_arrival;
            self.drop_oldest();
            self.break_chain(now);
        }
    }

    fn drop_oldest(&mut self) {
        let frame = self.frames.remove(0);
        self.statistics.frames_dropped += 1;
        self.advance_floor(frame.last() + 1, frame.first());
    }

    fn break_chain(&mut self, now: Instant) {
        self.chain = None;
        self.stuck_since = self.stuck_since.or(Some(now));
    }

    /// When a key frame is to be asked for, requests not yet spaced out; `None` if none is needed.
    fn ask_at(&self) -> Option<Instant> {
        let since = self.stuck_since?;
        let hopeless = self.chain.is_none() && !self.may_begin_with_key_frame();
        let patience = if hopeless {
            Duration::ZERO
        } else {
            self.config.ask_after
        };
        let arriving = self
            .frames
            .iter()
            .filter(|frame| frame.is_key_frame())
            .map(|frame| frame.last_arrival + STILL_ARRIVING)
            .max();
        let at = since + patience;
        Some(arriving.map_or(at, |arriving| at.max(arriving)))
    }

    /// Whether what has come so far could be the rear of a key frame.
    fn may_begin_with_key_frame(&self) -> bool {
        self.floor.is_none()
            && self
                .frames
                .iter()
                .all(|frame| frame.key_frame != Some(false))
    }
}

#[cfg(test)]
mod tests;
