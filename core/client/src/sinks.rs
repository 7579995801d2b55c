//! Where the sound and pictures of each call come out: the sinks of each call that is
//! going on, made with the call and closed with it.

use parking_lot::Mutex;
use std::collections::HashMap;

use ringwire_call::CallKey;
use ringwire_peer::{AudioSink, VideoSink};

/// The sinks of all calls.
#[derive(Debug, Default)]
pub(crate) struct Sinks {
    calls: Mutex<HashMap<CallKey, CallSinks>>,
}

/// The sinks of a call.
#[derive(Debug, Clone)]
pub(crate) struct CallSinks {
    pub(crate) audio: AudioSink,
    pub(crate) video: VideoSink,
    pub(crate) screen: VideoSink,
}

impl CallSinks {
    fn new() -> Self {
        let audio = AudioSink::new().expect("an Opus decoder for 48 kHz needs nothing but memory");
        Self {
            audio,
            video: VideoSink::new(),
            screen: VideoSink::new(),
        }
    }

    /// Sinks out of which nothing comes.
    fn closed() -> Self {
        let sinks = Self::new();
        sinks.close();
        sinks
    }

    fn close(&self) {
        self.audio.close();
        self.video.close();
        self.screen.close();
    }
}

impl Sinks {
    /// A call has begun. Harmless when it is known.
    pub(crate) fn open(&self, key: CallKey) {
        self.calls.lock().entry(key).or_insert_with(CallSinks::new);
    }

    /// The sinks of a call; closed ones when it is over or was never there.
    pub(crate) fn of(&self, key: CallKey) -> CallSinks {
        let sinks = self.calls.lock().get(&key).cloned();
        sinks.unwrap_or_else(CallSinks::closed)
    }

    /// The call is over: wakes whoever waits for its pictures, for good.
    pub(crate) fn close(&self, key: CallKey) {
        let sinks = self.calls.lock().remove(&key);
        if let Some(sinks) = sinks {
            sinks.close();
        }
    }

    /// The client is over.
    pub(crate) fn close_all(&self) {
        let open = std::mem::take(&mut *self.calls.lock());
        open.values().for_each(CallSinks::close);
    }
}
