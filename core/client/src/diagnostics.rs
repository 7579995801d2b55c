//! What a client remembers of its calls for whoever looks into a bad one: when what happened, and what the connection
//! measured. Names and figures only: no address, description, token or name of a person is in it.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use ringwire_call::{CallEvent, CallKey, CallState, CallView, Direction};
use ringwire_peer::{CandidateKind, Loss, PeerStats, StreamStats};
use ringwire_protocol::CallId;
use serde::Serialize;

/// Most lines of the timeline, over all calls; the oldest go first.
const MAX_STEPS: usize = 4_000;
/// Most measurements, over all calls: 20 minutes of one call. The oldest go first.
const MAX_SAMPLES: usize = 1_200;
/// Longest line of the timeline; the rest is cut.
const MAX_STEP: usize = 100;
/// Most calls; the oldest go first.
const MAX_CALLS: usize = 16;

/// What is known of one call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallDiagnostics {
    /// Its number on this device.
    pub call: u64,
    /// Its id at the gateway.
    pub id: Option<String>,
    /// Where it was made.
    pub conversation_id: String,
    /// Video, else sound only.
    pub video: bool,
    /// Somebody else started it.
    pub incoming: bool,
    /// Where it was last in its life.
    pub state: String,
    /// What happened, the oldest first; what concerns the client as a whole is among it.
    pub timeline: Vec<Step>,
    /// What was measured, each second, the oldest first.
    pub statistics: Vec<Sample>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Milliseconds since 1970, by the device's calendar.
    pub at_ms: u64,
    /// `in`: something came in; `out`: something was sent; `told`: the app was told.
    pub way: &'static str,
    /// What: the name of the event or the step.
    pub what: String,
    #[serde(skip)]
    key: Option<CallKey>,
}

/// Figures at one moment; counters run since the connection opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Milliseconds since 1970, by the device's calendar.
    pub at_ms: u64,
    /// Round trip, milliseconds.
    pub rtt_ms: Option<f64>,
    /// What the path is thought to carry, bits per second.
    pub available_outgoing_bps: u64,
    /// Kinds of our and the other end's candidate (RFC 8445 §5.1.1).
    pub path: Option<[&'static str; 2]>,
    /// Sound.
    pub audio: Stream,
    /// Pictures of the cameras.
    pub camera: Stream,
    /// Pictures of the screens.
    pub screen: Stream,
    /// Whole pictures of the other's camera.
    pub pictures_received: u64,
    /// Pictures of it that did not come whole or were not taken in time.
    pub pictures_dropped: u64,
    /// Key frames asked for, both ways.
    pub key_frames_asked: [u64; 2],
    #[serde(skip)]
    key: CallKey,
}

/// One kind of media: sent, then received.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// RTP packets.
    pub packets: [u64; 2],
    /// Bytes with RTP headers.
    pub bytes: [u64; 2],
    /// Packets lost.
    pub lost: [u64; 2],
    /// Interarrival jitter, milliseconds (RFC 3550 §6.4.1).
    pub jitter_ms: [f64; 2],
}

/// The memory itself.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    calls: VecDeque<CallView>,
    steps: VecDeque<Step>,
    samples: VecDeque<Sample>,
}

impl Recorder {
    /// The calls as they are now.
    pub(crate) fn calls(&self, calls: &[CallView]) {
        let mut kept = self.kept.lock();
        for call in calls {
            if let Some(known) = kept.calls.iter_mut().find(|known| known.key == call.key) {
                known.clone_from(call);
            } else {
                bounded(&mut kept.calls, MAX_CALLS, call.clone());
            }
        }
    }

    /// The key of a call that is kept.
    pub(crate) fn key(&self, id: &CallId) -> Option<CallKey> {
        let kept = self.kept.lock();
        let call = kept.calls.iter().find(|call| call.id.as_ref() == Some(id));
        call.map(|call| call.key)
    }

    pub(crate) fn step(&self, key: Option<CallKey>, way: &'static str, what: impl Into<String>) {
        let mut what = what.into();
        what.truncate(what.floor_char_boundary(MAX_STEP));
        what.shrink_to_fit();
        let step = Step {
            at_ms: now_ms(),
            way,
            what,
            key,
        };
        bounded(&mut self.kept.lock().steps, MAX_STEPS, step);
    }

    /// What the app was told.
    pub(crate) fn told(&self, key: Option<CallKey>, event: &CallEvent) {
        let what = match event {
            CallEvent::Incoming { .. } => "incoming".into(),
            CallEvent::StopRinging { .. } => "stop ringing".into(),
            CallEvent::Changed { .. } => {
                let kept = self.kept.lock();
                let call = kept.calls.iter().find(|call| Some(call.key) == key);
                call.map_or_else(|| "changed".into(), |call| state(&call.state))
            }
            CallEvent::JoinOffered { .. } => "join offered".into(),
            CallEvent::Merged { key, into } => format!("{key} is {into}"),
            CallEvent::RemoteMedia { .. } => "remote media".into(),
            CallEvent::FirstAudio { .. } => "first sound".into(),
            CallEvent::FirstVideo { .. } => "first picture".into(),
            CallEvent::QualityAlert { metric, value, .. } => format!("bad {metric}: {value}"),
            CallEvent::Ended { reason, .. } => format!("ended: {reason}"),
            CallEvent::Failed { error, .. } => format!("failed: {}", error.code),
        };
        self.step(key, "told", what);
    }

    pub(crate) fn sample(&self, key: CallKey, stats: &PeerStats) {
        let sample = Sample {
            at_ms: now_ms(),
            rtt_ms: stats.rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
            available_outgoing_bps: stats.available_outgoing_bps,
            path: stats.path.map(|path| [kind(path.local), kind(path.remote)]),
            audio: (&stats.audio).into(),
            camera: (&stats.video).into(),
            screen: (&stats.screen).into(),
            pictures_received: stats.frames_received,
            pictures_dropped: stats.frames_dropped,
            key_frames_asked: [stats.plis_sent, stats.plis_received],
            key,
        };
        bounded(&mut self.kept.lock().samples, MAX_SAMPLES, sample);
    }

    /// What is known of a call; `None` when it never was, or is long over.
    pub(crate) fn of(&self, key: CallKey) -> Option<CallDiagnostics> {
        let kept = self.kept.lock();
        let call = kept.calls.iter().find(|call| call.key == key)?;
        let concerns = |step: &&Step| step.key.is_none_or(|of| of == key);
        let measured = |sample: &&Sample| sample.key == key;
        Some(CallDiagnostics {
            call: key.get(),
            id: call.id.as_ref().map(ToString::to_string),
            conversation_id: call.conversation.to_string(),
            video: call.call_type == ringwire_protocol::CallType::Video,
            incoming: call.direction == Direction::Incoming,
            state: state(&call.state),
            timeline: kept.steps.iter().filter(concerns).cloned().collect(),
            statistics: kept.samples.iter().filter(measured).cloned().collect(),
        })
    }
}

/// Adds to a list of so many at most; the oldest goes.
pub(crate) fn bounded<T>(list: &mut VecDeque<T>, most: usize, item: T) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(item);
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn state(state: &CallState) -> String {
    match state {
        CallState::Calling => "calling".into(),
        CallState::Ringing => "ringing".into(),
        CallState::Incoming => "incoming".into(),
        CallState::Offered => "offered".into(),
        CallState::Connecting => "connecting".into(),
        CallState::Active => "active".into(),
        CallState::Reconnecting { .. } => "reconnecting".into(),
        CallState::Ended { reason } => format!("ended: {reason}"),
    }
}

fn kind(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Host => "host",
        CandidateKind::ServerReflexive => "srflx",
        CandidateKind::PeerReflexive => "prflx",
        CandidateKind::Relay => "relay",
    }
}

impl From<&StreamStats> for Stream {
    fn from(stats: &StreamStats) -> Self {
        let jitter = |loss: &Loss| loss.jitter.as_secs_f64() * 1e3;
        Self {
            packets: [stats.packets_sent, stats.packets_received],
            bytes: [stats.bytes_sent, stats.bytes_received],
            lost: [stats.outbound.packets_lost, stats.inbound.packets_lost],
            jitter_ms: [jitter(&stats.outbound), jitter(&stats.inbound)],
        }
    }
}
