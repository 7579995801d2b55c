//! Pictures of one remote person, whole and in decode order, waiting for the shell's decoder.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use ringwire_media::VideoFrame;
use tokio::sync::Notify;

/// Frames that wait; when full, all are dropped and nothing is taken before the next key frame.
const QUEUE: usize = 30;

/// Where the shell takes a person's pictures. A clone is the same sink; one consumer.
#[derive(Debug, Clone, Default)]
pub struct VideoSink {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ready: Condvar,
    ready_async: Notify,
    key_frame_wanted: AtomicBool,
    wanted: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<VideoFrame>,
    needs_key_frame: bool,
    closed: bool,
    dropped: u64,
}

impl VideoSink {
    /// An empty sink; it outlives connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next frame; waits up to `timeout`. `None` when none came or the sink is closed.
    pub fn next(&self, timeout: Duration) -> Option<VideoFrame> {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        loop {
            if let Some(frame) = state.frames.pop_front() {
                return Some(frame);
            }
            if state.closed
                || self
                    .shared
                    .ready
                    .wait_until(&mut state, deadline)
                    .timed_out()
            {
                return state.frames.pop_front();
            }
        }
    }

    /// The next frame; `None` when the sink is closed. Safe to cancel.
    pub async fn next_async(&self) -> Option<VideoFrame> {
        loop {
            {
                let mut state = self.shared.state.lock();
                if let Some(frame) = state.frames.pop_front() {
                    return Some(frame);
                }
                if state.closed {
                    return None;
                }
            }
            self.shared.ready_async.notified().await;
        }
    }

    /// Asks the other end for a key frame, as a decoder that lost its way must.
    pub fn want_key_frame(&self) {
        self.shared.key_frame_wanted.store(true, Release);
        self.shared.wanted.notify_one();
    }

    /// Frames thrown away because the shell did not take them in time.
    pub fn frames_dropped(&self) -> u64 {
        self.shared.state.lock().dropped
    }

    /// Wakes who waits; nothing is taken or handed out from now on.
    pub fn close(&self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        state.frames.clear();
        self.shared.ready.notify_all();
        self.shared.ready_async.notify_one();
    }

    /// Whether [`VideoSink::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().closed
    }

    pub(crate) fn push(&self, frame: VideoFrame) {
        let mut state = self.shared.state.lock();
        if state.closed {
            return;
        }
        if state.frames.len() >= QUEUE {
            state.dropped += state.frames.len() as u64;
            state.frames.clear();
            state.needs_key_frame = true;
        }
        if state.needs_key_frame && !frame.key_frame {
            state.dropped += 1;
            drop(state);
            self.want_key_frame();
            return;
        }
        state.needs_key_frame = false;
        state.frames.push_back(frame);
        self.shared.ready.notify_one();
        self.shared.ready_async.notify_one();
    }

    pub(crate) fn take_key_frame_wanted(&self) -> bool {
        self.shared.key_frame_wanted.swap(false, AcqRel)
    }

    /// Wakes after [`VideoSink::want_key_frame`]. Safe to cancel.
    pub(crate) async fn woken(&self) {
        self.shared.wanted.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ringwire_media::{Rotation, VideoCodec};

    use super::*;

    fn frame(index: u8, key_frame: bool) -> VideoFrame {
        VideoFrame {
            codec: VideoCodec::Vp8,
            data: Bytes::from(vec![index; 4]),
            timestamp: Duration::from_millis(u64::from(index) * 33),
            key_frame,
            rotation: Rotation::None,
        }
    }

    #[test]
    fn a_full_queue_goes_on_with_the_next_key_frame_and_asks_for_it() {
        let sink = VideoSink::new();
        for index in 0..QUEUE as u8 + 3 {
            sink.push(frame(index, index == 0));
        }
        assert!(sink.take_key_frame_wanted());
        assert_eq!(sink.next(Duration::ZERO), None);
        sink.push(frame(99, true));
        sink.push(frame(100, false));
        assert_eq!(sink.next(Duration::ZERO), Some(frame(99, true)));
        assert_eq!(sink.next(Duration::ZERO), Some(frame(100, false)));
        assert_eq!(sink.frames_dropped(), QUEUE as u64 + 3);
    }

    #[test]
    fn closing_wakes_a_thread_that_waits() {
        let sink = VideoSink::new();
        let waiting = std::thread::spawn({
            let sink = sink.clone();
            move || sink.next(Duration::from_secs(60))
        });
        sink.close();
        assert_eq!(waiting.join().unwrap(), None);
        sink.push(frame(0, true));
        assert_eq!(sink.next(Duration::ZERO), None);
    }

    #[tokio::test]
    async fn closing_wakes_a_task_that_waits() {
        let sink = VideoSink::new();
        let waiting = tokio::spawn({
            let sink = sink.clone();
            async move { sink.next_async().await }
        });
        sink.push(frame(0, true));
        assert_eq!(waiting.await.unwrap(), Some(frame(0, true)));
        let waiting = tokio::spawn({
            let sink = sink.clone();
            async move { sink.next_async().await }
        });
        sink.close();
        assert_eq!(waiting.await.unwrap(), None);
    }
}
