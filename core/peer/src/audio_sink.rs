//! Sound of one remote person: packets in, 48 kHz mono PCM out through an adaptive jitter buffer.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use ringwire_media::{
    AudioReceiver, AudioReceiverConfig, AudioReceiverStatistics, MediaError, RtpPacket,
};

pub use ringwire_media::AudioSource as AudioOrigin;

/// Where the shell pulls a person's sound. A clone is the same sink.
#[derive(Debug, Clone)]
pub struct AudioSink {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    receiver: AudioReceiver,
    /// The last block of the receiver; its tail from `read` on is not handed out yet.
    block: [i16; AudioReceiver::PULL_SAMPLES],
    read: usize,
    origin: AudioOrigin,
    closed: bool,
}

impl AudioSink {
    /// An empty sink; it outlives connections.
    ///
    /// # Errors
    /// [`MediaError::Opus`] if no decoder can be made.
    pub fn new() -> Result<Self, MediaError> {
        let state = State {
            receiver: AudioReceiver::new(AudioReceiverConfig::default())?,
            block: [0; AudioReceiver::PULL_SAMPLES],
            read: AudioReceiver::PULL_SAMPLES,
            origin: AudioOrigin::Silence,
            closed: false,
        };
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// Fills `pcm` with the next samples, silence where there are none. Never waits; call it at the pace of the
    /// loudspeaker, in pieces of any length. Says what the newest of the samples were made of.
    pub fn pull(&self, pcm: &mut [i16]) -> AudioOrigin {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.closed {
            pcm.fill(0);
            return AudioOrigin::Silence;
        }
        let mut filled = 0;
        while filled < pcm.len() {
            if state.read == state.block.len() {
                state.origin = state.receiver.pull(&mut state.block, Instant::now());
                state.read = 0;
            }
            let count = (pcm.len() - filled).min(state.block.len() - state.read);
            pcm[filled..filled + count]
                .copy_from_slice(&state.block[state.read..state.read + count]);
            filled += count;
            state.read += count;
        }
        state.origin
    }

    /// Counts and delays of the jitter buffer, since the present stream began.
    pub fn statistics(&self) -> AudioReceiverStatistics {
        self.state.lock().receiver.statistics()
    }

    /// Nothing is taken from now on; only silence comes out.
    pub fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Whether [`AudioSink::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// A new stream, whose sequence numbers and timestamps have nothing to do with those before.
    pub(crate) fn start_stream(&self) -> Result<(), MediaError> {
        let receiver = AudioReceiver::new(AudioReceiverConfig::default())?;
        self.state.lock().receiver = receiver;
        Ok(())
    }

    pub(crate) fn push(&self, packet: RtpPacket) -> Result<(), MediaError> {
        self.state.lock().receiver.push(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_sink_is_silent_whatever_it_still_holds() {
        let sink = AudioSink::new().unwrap();
        sink.state.lock().block.fill(7);
        sink.state.lock().read = 0;
        let mut pcm = [1; 480];
        sink.pull(&mut pcm);
        assert_eq!(pcm, [7; 480]);
        sink.state.lock().read = 0;
        sink.close();
        assert_eq!(sink.pull(&mut pcm), AudioOrigin::Silence);
        assert_eq!(pcm, [0; 480]);
    }
}
