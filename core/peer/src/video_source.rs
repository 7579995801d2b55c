//! Encoded pictures on their way out: packetized once, handed to every open connection.
//! Each connection gets either an unbroken stream of its codec or nothing until the next key frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ringwire_media::vp8::{Payload, Vp8Packetizer};
use ringwire_media::{MediaError, Rotation, RtpClock, VideoCodec, VideoFrame};
use tokio::sync::{Notify, mpsc, watch};

use crate::event::TrackKind;
use crate::link::Link;
use crate::meter::Meter;
use crate::permission::Outgoing;

/// Least that every path carries (RFC 8200: 1,280 bytes), less IPv6, UDP, TURN, SRTP, RTP and its extensions.
const MAX_PAYLOAD: usize = 1_120;
/// Largest frame that is taken.
const MAX_FRAME: usize = 2 * 1024 * 1024;
/// Frames that wait for one connection.
const QUEUE: usize = 32;
/// A key frame that does not come is wanted again after this.
const WANT_AGAIN: Duration = Duration::from_millis(500);

/// Where the shell pushes encoded pictures of a camera or a screen. A clone is the same source.
///
/// Each connection agrees on a codec of its own. Where two connections of one source have agreed on different ones,
/// [`codec`](Self::codec) names that of the connection that opened first, and [`codecs`](Self::codecs) both: a shell
/// that encodes both pushes both, and each connection takes the frames of its codec; a shell that encodes only the
/// first shows nothing to the other.
#[derive(Debug, Clone)]
pub struct VideoSource {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    key_frame_wanted: AtomicBool,
    wanted: Notify,
}

#[derive(Debug)]
struct State {
    packetizer: Vp8Packetizer,
    clock: RtpClock,
    outlets: Vec<Attached>,
    wanted_at: Option<Instant>,
    frames: u64,
    key_frames: u64,
}

/// A connection as the source sees it.
#[derive(Debug)]
struct Attached {
    outlet: Arc<VideoOutlet>,
    /// What comes before the next key frame is useless there.
    needs_key_frame: bool,
    meter: Meter,
    queue: mpsc::Sender<Arc<VideoPackets>>,
}

/// One frame in packets.
#[derive(Debug)]
pub(crate) struct VideoPackets {
    pub(crate) payloads: Vec<Payload>,
    pub(crate) timestamp: u32,
    pub(crate) key_frame: bool,
    pub(crate) rotation: Rotation,
}

/// The switch between a source and one connection.
#[derive(Debug)]
pub(crate) struct VideoOutlet {
    /// The connection is there.
    ready: AtomicBool,
    /// What was agreed for this kind of pictures.
    codec: Mutex<Option<VideoCodec>>,
    kind: TrackKind,
    allowed: watch::Receiver<Outgoing>,
    /// A frame that the source had handed over was dropped on its way.
    broken: AtomicBool,
    link: Arc<Link>,
}

impl VideoSource {
    /// A source without connections.
    pub fn new() -> Self {
        let state = State {
            packetizer: Vp8Packetizer::new(rand::random()),
            clock: RtpClock::video(rand::random()),
            outlets: Vec::new(),
            wanted_at: None,
            frames: 0,
            key_frames: 0,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                key_frame_wanted: AtomicBool::new(false),
                wanted: Notify::new(),
            }),
        }
    }

    /// Hands one frame to every connection that may send. From any thread; never waits for the network: where a
    /// connection cannot keep up, frames are dropped up to the next key frame, which is then wanted.
    ///
    /// # Errors
    /// [`MediaError::WrongCodec`] if connections have agreed on codecs and the frame's is not among them; any
    /// [`MediaError`] if the frame is empty, larger than 2 MiB or not what its codec says. Nothing was sent.
    pub fn push(&self, frame: &VideoFrame) -> Result<(), MediaError> {
        if frame.data.is_empty() || frame.data.len() > MAX_FRAME {
            return Err(MediaError::Invalid { field: "data" });
        }
        let now = Instant::now();
        let mut state = self.shared.state.lock();
        let state = &mut *state;
        let codecs = state.codecs();
        if let Some(wanted) = codecs.first()
            && !codecs.contains(&frame.codec)
        {
            return Err(MediaError::WrongCodec {
                given: frame.codec,
                wanted: *wanted,
            });
        }
        state.frames += 1;
        state.key_frames += u64::from(frame.key_frame);
        let timestamp = state.clock.timestamp(frame.timestamp);
        let mut packets = None;
        let mut want_key_frame = false;
        for attached in &mut state.outlets {
            if attached.outlet.codec() != Some(frame.codec) {
                continue;
            }
            match attached.admit(frame, now) {
                Admission::Closed | Admission::Congested => continue,
                Admission::NeedsKeyFrame => {
                    want_key_frame = true;
                    continue;
                }
                Admission::Pass => {}
            }
            let packets = match &packets {
                Some(packets) => packets,
                None => packets.insert(Arc::new(VideoPackets {
                    payloads: state.packetizer.packetize(frame, MAX_PAYLOAD)?,
                    timestamp,
                    key_frame: frame.key_frame,
                    rotation: frame.rotation,
                })),
            };
            if attached.queue.try_send(packets.clone()).is_err() {
                attached.needs_key_frame = true;
                want_key_frame = true;
            }
        }
        if want_key_frame && state.wanted_at.is_none_or(|at| now - at >= WANT_AGAIN) {
            state.wanted_at = Some(now);
            self.want_key_frame();
        }
        Ok(())
    }

    /// What to encode now: what the connection that opened first has agreed on. `None` before anything is agreed.
    pub fn codec(&self) -> Option<VideoCodec> {
        self.codecs().first().copied()
    }

    /// All that the connections have agreed on, each codec once, in the order in which the connections opened.
    pub fn codecs(&self) -> Vec<VideoCodec> {
        self.shared.state.lock().codecs()
    }

    /// Whether the encoder should make a key frame next; asking clears it.
    pub fn take_key_frame_wanted(&self) -> bool {
        self.shared.key_frame_wanted.swap(false, AcqRel)
    }

    /// Waits until the encoder should make a key frame; clears it. Safe to cancel.
    pub async fn key_frame_wanted(&self) {
        while !self.take_key_frame_wanted() {
            self.shared.wanted.notified().await;
        }
    }

    /// What the slowest open connection is thought to carry, in bits per second: the encoder's target.
    /// `None` while no connection may send.
    pub fn target_bps(&self) -> Option<u64> {
        let state = self.shared.state.lock();
        let open = state
            .outlets
            .iter()
            .filter(|attached| attached.outlet.is_open());
        open.map(|attached| attached.outlet.link.target_bps()).min()
    }

    /// Frames and key frames pushed since the source was made, sent or not.
    pub fn frames_pushed(&self) -> (u64, u64) {
        let state = self.shared.state.lock();
        (state.frames, state.key_frames)
    }

    pub(crate) fn want_key_frame(&self) {
        self.shared.key_frame_wanted.store(true, Release);
        self.shared.wanted.notify_one();
    }

    /// Adds a connection, closed at first.
    pub(crate) fn attach(
        &self,
        kind: TrackKind,
        link: Arc<Link>,
        allowed: watch::Receiver<Outgoing>,
    ) -> (Arc<VideoOutlet>, mpsc::Receiver<Arc<VideoPackets>>) {
        let (queue, frames) = mpsc::channel(QUEUE);
        let outlet = Arc::new(VideoOutlet {
            ready: AtomicBool::new(false),
            codec: Mutex::new(None),
            kind,
            allowed,
            broken: AtomicBool::new(false),
            link,
        });
        self.shared.state.lock().outlets.push(Attached {
            outlet: outlet.clone(),
            needs_key_frame: true,
            meter: Meter::default(),
            queue,
        });
        (outlet, frames)
    }

    pub(crate) fn detach(&self, outlet: &Arc<VideoOutlet>) {
        let mut state = self.shared.state.lock();
        state
            .outlets
            .retain(|attached| !Arc::ptr_eq(&attached.outlet, outlet));
    }
}

impl Default for VideoSource {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn codecs(&self) -> Vec<VideoCodec> {
        let mut codecs = Vec::new();
        for codec in self.outlets.iter().filter_map(|held| held.outlet.codec()) {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        codecs
    }
}

enum Admission {
    Closed,
    /// The path is full; a key frame would only make it worse.
    Congested,
    NeedsKeyFrame,
    Pass,
}

impl Attached {
    fn admit(&mut self, frame: &VideoFrame, now: Instant) -> Admission {
        self.needs_key_frame |= self.outlet.broken.swap(false, AcqRel);
        if !self.outlet.is_open() {
            self.needs_key_frame = true;
            return Admission::Closed;
        }
        if self.meter.is_congested(&self.outlet.link, now) {
            self.needs_key_frame = true;
            return Admission::Congested;
        }
        if self.needs_key_frame && !frame.key_frame {
            return Admission::NeedsKeyFrame;
        }
        self.needs_key_frame = false;
        self.meter.add(frame.data.len());
        Admission::Pass
    }
}

impl VideoOutlet {
    /// Ready, agreed, and allowed by the caller.
    pub(crate) fn is_open(&self) -> bool {
        let allowed = *self.allowed.borrow();
        let allowed = match self.kind {
            TrackKind::Screen => allowed.screen,
            _ => allowed.video,
        };
        allowed && self.ready.load(Acquire) && self.codec().is_some()
    }

    pub(crate) fn codec(&self) -> Option<VideoCodec> {
        *self.codec.lock()
    }

    pub(crate) fn set_codec(&self, codec: Option<VideoCodec>) {
        *self.codec.lock() = codec;
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Release);
    }

    /// Told by the connection when it drops a frame that it was handed.
    pub(crate) fn set_broken(&self) {
        self.broken.store(true, Release);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn frame(index: u64, key_frame: bool, len: usize) -> VideoFrame {
        VideoFrame {
            codec: VideoCodec::Vp8,
            data: Bytes::from(vec![u8::from(!key_frame); len]),
            timestamp: Duration::from_millis(index * 33),
            key_frame,
            rotation: Rotation::None,
        }
    }

    /// `frame` fills key frames with zeros.
    fn is_key_frame(packets: &VideoPackets) -> bool {
        packets.payloads[0].data.last() == Some(&0)
    }

    /// A connection that is ready, and the caller's leave to send to it.
    fn attach(
        source: &VideoSource,
    ) -> (
        watch::Sender<Outgoing>,
        Arc<VideoOutlet>,
        mpsc::Receiver<Arc<VideoPackets>>,
    ) {
        let allowed = watch::Sender::default();
        let link = Arc::new(Link::new(|_| ()));
        let (outlet, frames) = source.attach(TrackKind::Video, link, allowed.subscribe());
        outlet.set_ready(true);
        outlet.set_codec(Some(VideoCodec::Vp8));
        (allowed, outlet, frames)
    }

    const PICTURES: Outgoing = Outgoing {
        audio: false,
        video: true,
        screen: false,
    };

    #[test]
    fn nothing_is_sent_before_a_key_frame_and_one_is_wanted() {
        let source = VideoSource::new();
        let (allowed, _outlet, mut frames) = attach(&source);
        source.push(&frame(0, true, 100)).unwrap();
        assert!(frames.try_recv().is_err(), "sent while closed");
        allowed.send_replace(PICTURES);
        assert!(!source.take_key_frame_wanted());
        source.push(&frame(1, false, 100)).unwrap();
        assert!(frames.try_recv().is_err(), "sent without its key frame");
        assert!(source.take_key_frame_wanted());
        source.push(&frame(2, true, 100)).unwrap();
        source.push(&frame(3, false, 3_000)).unwrap();
        assert!(is_key_frame(&frames.try_recv().unwrap()));
        let packets = frames.try_recv().unwrap();
        let markers: Vec<bool> = packets
            .payloads
            .iter()
            .map(|payload| payload.marker)
            .collect();
        assert_eq!(markers, [false, false, true]);
    }

    #[test]
    fn a_full_queue_drops_to_the_next_key_frame() {
        let source = VideoSource::new();
        let (allowed, _outlet, mut frames) = attach(&source);
        allowed.send_replace(PICTURES);
        for index in 0..QUEUE as u64 + 5 {
            source.push(&frame(index, index == 0, 100)).unwrap();
        }
        assert!(source.take_key_frame_wanted());
        let mut queued = 0;
        while frames.try_recv().is_ok() {
            queued += 1;
        }
        assert_eq!(queued, QUEUE);
        source.push(&frame(90, false, 100)).unwrap();
        assert!(frames.try_recv().is_err(), "a frame after a hole");
        source.push(&frame(91, true, 100)).unwrap();
        assert!(is_key_frame(&frames.try_recv().unwrap()));
    }

    #[test]
    fn one_slow_connection_does_not_disturb_another() {
        let source = VideoSource::new();
        let (slow, _slow_outlet, _slow_frames) = attach(&source);
        let (quick, _quick_outlet, mut quick_frames) = attach(&source);
        slow.send_replace(PICTURES);
        quick.send_replace(PICTURES);
        for index in 0..100 {
            source.push(&frame(index, index == 0, 100)).unwrap();
            assert!(quick_frames.try_recv().is_ok(), "frame {index}");
        }
    }

    #[test]
    fn bad_frames_are_refused() {
        let source = VideoSource::new();
        assert!(source.push(&frame(0, true, 0)).is_err());
        assert!(source.push(&frame(0, true, MAX_FRAME + 1)).is_err());
    }

    #[tokio::test]
    async fn a_wish_for_a_key_frame_wakes_who_waits() {
        let source = VideoSource::new();
        source.want_key_frame();
        source.key_frame_wanted().await;
        assert!(!source.take_key_frame_wanted());
    }
}
