//! Sound on its way out: 48 kHz mono PCM in, one Opus encoder, its packets to every open connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use ringwire_media::{AUDIO_CLOCK_HZ, MediaError, OpusEncoder, OpusEncoderConfig};
use tokio::sync::{mpsc, watch};

use crate::link::Link;
use crate::permission::Outgoing;

/// Packets of 20 ms that wait for one connection; when full, new ones are dropped.
const QUEUE: usize = 16;
/// A pause longer than this in what is pushed is a pause in the sound.
const PAUSE: Duration = Duration::from_millis(200);
/// How often the encoder hears how much is lost.
const LOSS_INTERVAL: Duration = Duration::from_secs(1);
/// FEC is prepared for this much, in percent, even while nothing is lost.
const LEAST_LOSS: u8 = 5;

/// Where the shell pushes recorded sound. A clone is the same source.
#[derive(Debug, Clone)]
pub struct AudioSource {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    encoder: OpusEncoder,
    outlets: Vec<Attached>,
    /// RTP timestamp of position zero of the encoder.
    offset: u32,
    /// When the sample after the last pushed one is due.
    due: Option<Instant>,
    /// The next packet begins after a pause.
    talk_spurt: bool,
    loss_percent: u8,
    loss_set: Option<Instant>,
}

#[derive(Debug)]
struct Attached {
    outlet: Arc<AudioOutlet>,
    queue: mpsc::Sender<AudioPacket>,
}

/// One Opus packet.
#[derive(Debug, Clone)]
pub(crate) struct AudioPacket {
    pub(crate) payload: Bytes,
    pub(crate) timestamp: u32,
    /// First after a pause (RFC 7587 §4.1 leaves the marker to talk spurts, RFC 3551 §4.1).
    pub(crate) marker: bool,
}

/// The switch between a source and one connection.
#[derive(Debug)]
pub(crate) struct AudioOutlet {
    /// The connection carries this kind.
    ready: AtomicBool,
    allowed: watch::Receiver<Outgoing>,
    link: Arc<Link>,
}

impl AudioSource {
    /// A source with its encoder: mono, in-band FEC, `bitrate_bps` between 6,000 and 510,000.
    ///
    /// # Errors
    /// [`MediaError`] if the encoder refuses the rate.
    pub fn new(bitrate_bps: u32) -> Result<Self, MediaError> {
        let encoder = OpusEncoder::new(OpusEncoderConfig {
            bitrate_bps,
            expected_loss_percent: LEAST_LOSS,
            fec: true,
            ..OpusEncoderConfig::default()
        })?;
        let state = State {
            encoder,
            outlets: Vec::new(),
            offset: rand::random(),
            due: None,
            talk_spurt: true,
            loss_percent: LEAST_LOSS,
            loss_set: None,
        };
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// Any number of samples, 48 kHz mono. Encodes on the caller's thread; not for a real-time audio callback.
    /// Drops what an overloaded or closed connection does not take.
    ///
    /// # Errors
    /// [`MediaError::Opus`] if the encoder fails; the samples are lost.
    pub fn push(&self, pcm: &[i16]) -> Result<(), MediaError> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let state = &mut *state;
        state.account(pcm.len(), now);
        state.follow_loss(now)?;
        for encoded in state.encoder.push(pcm)? {
            let packet = AudioPacket {
                payload: encoded.data,
                timestamp: state.offset.wrapping_add(encoded.position as u32),
                marker: std::mem::take(&mut state.talk_spurt),
            };
            for attached in &state.outlets {
                if attached.outlet.is_open() {
                    // A full queue loses the newest: the jitter buffer at the other end conceals it.
                    let _ = attached.queue.try_send(packet.clone());
                }
            }
        }
        Ok(())
    }

    /// Adds a connection, closed at first.
    pub(crate) fn attach(
        &self,
        link: Arc<Link>,
        allowed: watch::Receiver<Outgoing>,
    ) -> (Arc<AudioOutlet>, mpsc::Receiver<AudioPacket>) {
        let (queue, packets) = mpsc::channel(QUEUE);
        let outlet = Arc::new(AudioOutlet {
            ready: AtomicBool::new(false),
            allowed,
            link,
        });
        self.state.lock().outlets.push(Attached {
            outlet: outlet.clone(),
            queue,
        });
        (outlet, packets)
    }

    pub(crate) fn detach(&self, outlet: &Arc<AudioOutlet>) {
        let mut state = self.state.lock();
        state
            .outlets
            .retain(|attached| !Arc::ptr_eq(&attached.outlet, outlet));
    }
}

impl State {
    /// Moves the timestamps on by as long as the shell pushed nothing, so that the other end does not take a
    /// pause for delay.
    fn account(&mut self, samples: usize, now: Instant) {
        let length = Duration::from_secs_f64(samples as f64 / f64::from(AUDIO_CLOCK_HZ));
        let Some(due) = self.due else {
            self.due = Some(now + length);
            return;
        };
        let late = now.saturating_duration_since(due);
        if late < PAUSE {
            self.due = Some(due + length);
            return;
        }
        let ticks = late.as_millis() as u64 * u64::from(AUDIO_CLOCK_HZ) / 1_000;
        self.offset = self.offset.wrapping_add(ticks as u32);
        self.talk_spurt = true;
        self.due = Some(now + length);
    }

    /// Prepares the encoder's FEC for the worst loss that an open connection reports.
    fn follow_loss(&mut self, now: Instant) -> Result<(), MediaError> {
        if self.loss_set.is_some_and(|at| now - at < LOSS_INTERVAL) {
            return Ok(());
        }
        self.loss_set = Some(now);
        let open = self
            .outlets
            .iter()
            .filter(|attached| attached.outlet.is_open());
        let worst = open
            .map(|attached| attached.outlet.link.counters().audio.outbound.fraction_lost)
            .fold(0.0, f32::max);
        let percent = ((worst * 100.0) as u8).clamp(LEAST_LOSS, 30);
        if percent != self.loss_percent {
            self.encoder.set_expected_loss(percent)?;
            self.loss_percent = percent;
        }
        Ok(())
    }
}

impl AudioOutlet {
    /// Ready, and allowed by the caller.
    pub(crate) fn is_open(&self) -> bool {
        self.ready.load(Acquire) && self.allowed.borrow().audio
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Release);
    }
}
