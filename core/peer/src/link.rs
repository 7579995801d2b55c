//! What the chain of interceptors and the rest of a connection share: the estimate, the backlog, the counters.
//! Written on the driver's task, read from anywhere.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::chain::START_BPS;
use crate::event::TrackKind;
use crate::stats::StreamStats;

pub(crate) struct Link {
    target_bps: AtomicU64,
    backlog_bytes: AtomicUsize,
    counters: Mutex<Counters>,
    /// SSRCs of both ends' screens, retransmissions among them.
    screen: Mutex<HashSet<u32>>,
    key_frame_asked: Box<dyn Fn(TrackKind) + Send + Sync>,
}

/// Counters of one connection since it opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub(crate) audio: StreamStats,
    pub(crate) video: StreamStats,
    pub(crate) screen: StreamStats,
    pub(crate) plis_sent: u64,
    pub(crate) plis_received: u64,
}

impl Counters {
    pub(crate) fn of(&mut self, kind: TrackKind) -> &mut StreamStats {
        match kind {
            TrackKind::Audio => &mut self.audio,
            TrackKind::Video => &mut self.video,
            TrackKind::Screen => &mut self.screen,
        }
    }
}

impl Link {
    /// `key_frame_asked` is called for each PLI and FIR about our pictures, and must not block.
    pub(crate) fn new(key_frame_asked: impl Fn(TrackKind) + Send + Sync + 'static) -> Self {
        Self {
            target_bps: AtomicU64::new(START_BPS as u64),
            backlog_bytes: AtomicUsize::new(0),
            counters: Mutex::default(),
            screen: Mutex::default(),
            key_frame_asked: Box::new(key_frame_asked),
        }
    }

    /// What the path is thought to carry, in bits per second.
    pub(crate) fn target_bps(&self) -> u64 {
        self.target_bps.load(Relaxed)
    }

    pub(crate) fn set_target_bps(&self, bps: u64) {
        self.target_bps.store(bps.max(1), Relaxed);
    }

    /// What waits in the pacer.
    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog_bytes.load(Relaxed)
    }

    pub(crate) fn set_backlog_bytes(&self, bytes: usize) {
        self.backlog_bytes.store(bytes, Relaxed);
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counters)) {
        count(&mut self.counters.lock());
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters.lock().clone()
    }

    /// To be told before packets of these SSRCs pass.
    pub(crate) fn add_screen(&self, ssrcs: impl IntoIterator<Item = u32>) {
        self.screen.lock().extend(ssrcs);
    }

    /// Which pictures the stream `ssrc` carries.
    pub(crate) fn kind_of_pictures(&self, ssrc: u32) -> TrackKind {
        if self.screen.lock().contains(&ssrc) {
            TrackKind::Screen
        } else {
            TrackKind::Video
        }
    }

    pub(crate) fn ask_for_key_frame(&self, kind: TrackKind) {
        (self.key_frame_asked)(kind);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("target_bps", &self.target_bps)
            .field("backlog_bytes", &self.backlog_bytes)
            .finish_non_exhaustive()
    }
}
