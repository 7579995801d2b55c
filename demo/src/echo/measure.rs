//! What is measured of a call: plain numbers that can be printed, sent as JSON and compared.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use ringwire_client::protocol::CallEndReason;
use ringwire_client::{CallView, Direction, PeerStats};
use serde::{Deserialize, Serialize};

use crate::beeps::Beeps;

/// Milliseconds since the Unix epoch, the one clock that page and core share.
pub fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What is told as it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "update", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Update {
    /// A call has come a step further.
    Step {
        /// The call.
        key: u64,
        /// How far.
        step: Step,
        /// Milliseconds since the Unix epoch.
        at_ms: i64,
        /// Milliseconds since the call's first step.
        since_start_ms: i64,
        /// Who, or why.
        detail: Option<String>,
    },
    /// Once a second of each call that goes on, and once after its end.
    Measured(Box<Measurements>),
    /// The way to the gateway.
    Socket {
        /// `connecting`, `connected`, or what is wrong.
        state: String,
    },
    /// Echo's core broke inside.
    Failed {
        /// What broke.
        message: String,
    },
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Somebody calls Echo.
    Incoming,
    /// Echo calls somebody.
    Calling,
    /// A device rings.
    Ringing,
    /// Accepted.
    Accepted,
    /// The media path is there.
    Connected,
    /// The first sound came.
    FirstSound,
    /// The first picture came.
    FirstPicture,
    /// The path is lost and looked for.
    Reconnecting,
    /// It is over.
    Ended,
}

/// What was measured of one call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurements {
    /// The call's key.
    pub key: u64,
    /// The call's id, once it has one.
    pub call_id: Option<String>,
    /// Somebody called Echo.
    pub incoming: bool,
    /// The other one's name or id.
    pub peer: Option<String>,
    /// When it came how far.
    pub marks: Marks,
    /// Why it ended.
    pub end_reason: Option<CallEndReason>,
    /// Pictures that came.
    pub video: VideoIn,
    /// Sound that came.
    pub audio: AudioIn,
    /// The path, as the connection measured it last.
    pub path: Path,
    /// Where pictures and sound were written; complete once the call has ended.
    pub dump: Option<Dump>,
}

/// Milliseconds since the Unix epoch at which a call came this far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The call's first word.
    pub initiate: Option<i64>,
    /// A device rang.
    pub ringing: Option<i64>,
    /// It was accepted.
    pub accepted: Option<i64>,
    /// The media path was there.
    pub ice_connected: Option<i64>,
    /// The first sound came.
    pub first_audio: Option<i64>,
    /// The first picture came.
    pub first_frame: Option<i64>,
    /// It ended.
    pub ended: Option<i64>,
}

/// Pictures that the core handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoIn {
    /// Frames.
    pub frames: u64,
    /// Of these, key frames.
    pub key_frames: u64,
    /// Of the encoded frames.
    pub bytes: u64,
    /// Of the newest key frame, in pixels.
    pub width: u16,
    /// Of the newest key frame, in pixels.
    pub height: u16,
    /// Frames in the last second.
    pub fps: f64,
}

/// Sound that the core handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct AudioIn {
    /// How much sound.
    pub seconds: f64,
    /// Root mean square of all of it, of 1.
    pub rms: f64,
    /// Root mean square of the last second, of 1.
    pub level: f64,
    /// Beeps of Chromium's fake microphone.
    pub beeps: Beeps,
}

/// The path, once a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Round trip.
    pub rtt_ms: Option<f64>,
    /// Packets that did not come, in percent of the last report interval.
    pub loss_in_percent: f64,
    /// Packets that did not arrive there, in percent of the last report interval.
    pub loss_out_percent: f64,
    /// Received, with RTP headers.
    pub kbps_in: f64,
    /// Sent, with RTP headers.
    pub kbps_out: f64,
    /// Pictures handed to the connection in the last second.
    pub fps_out: f64,
    /// What the path is thought to carry.
    pub available_kbps: f64,
    /// Frames of which only parts came, or that were not taken in time.
    pub frames_dropped: u64,
    /// Key frames that we asked for.
    pub key_frames_asked: u64,
}

/// Files of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump {
    /// VP8 in IVF, 90 kHz time stamps.
    pub video: PathBuf,
    /// 48 kHz mono.
    pub audio: PathBuf,
}

impl Path {
    /// The change from `before` to `now`, `seconds` later.
    pub(super) fn between(before: Option<&PeerStats>, now: &PeerStats, seconds: f64) -> Self {
        let none = PeerStats::default();
        let before = before.unwrap_or(&none);
        let received = |stats: &PeerStats| stats.audio.bytes_received + stats.video.bytes_received;
        let sent = |stats: &PeerStats| stats.audio.bytes_sent + stats.video.bytes_sent;
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let worst = |one: f32, other: f32| f64::from(one.max(other)) * 100.0;
        Self {
            rtt_ms: now.rtt.map(|rtt| rtt.as_secs_f64() * 1_000.0),
            loss_in_percent: worst(
                now.audio.inbound.fraction_lost,
                now.video.inbound.fraction_lost,
            ),
            loss_out_percent: worst(
                now.audio.outbound.fraction_lost,
                now.video.outbound.fraction_lost,
            ),
            kbps_in: rate(received(now), received(before)) * 8.0 / 1_000.0,
            kbps_out: rate(sent(now), sent(before)) * 8.0 / 1_000.0,
            fps_out: rate(now.frames_pushed, before.frames_pushed),
            available_kbps: now.available_outgoing_bps as f64 / 1_000.0,
            frames_dropped: now.frames_dropped,
            key_frames_asked: now.plis_sent,
        }
    }
}

impl Measurements {
    pub(super) fn new(call: &CallView) -> Self {
        Self {
            key: call.key.get(),
            incoming: call.direction == Direction::Incoming,
            marks: Marks {
                initiate: Some(unix_ms()),
                ..Marks::default()
            },
            ..Self::default()
        }
    }

    /// Takes over what the snapshot says, and returns the steps that are new, in order.
    pub(super) fn follow(&mut self, call: &CallView) -> Vec<(Step, i64)> {
        self.call_id = call.id.as_ref().map(|id| id.as_str().to_owned());
        if let Some(person) = call.people.first() {
            let name = person
                .display_name
                .as_deref()
                .or(person.username.as_deref());
            self.peer = Some(name.unwrap_or(person.peer.as_str()).to_owned());
        }
        let seen = &call.timeline;
        let start = seen.initiate.unwrap_or(call.initiated_at);
        let first = self.marks.initiate.unwrap_or_default();
        let mut steps = Vec::new();
        let marks = &mut self.marks;
        for (mark, at, step) in [
            (&mut marks.ringing, seen.ringing, Step::Ringing),
            (&mut marks.accepted, seen.accepted, Step::Accepted),
            (
                &mut marks.ice_connected,
                seen.ice_connected,
                Step::Connected,
            ),
            (&mut marks.first_audio, seen.first_audio, Step::FirstSound),
            (&mut marks.first_frame, seen.first_frame, Step::FirstPicture),
            (&mut marks.ended, seen.ended, Step::Ended),
        ] {
            if let (None, Some(at)) = (*mark, at) {
                let since = at.saturating_since(start).as_millis();
                let at_ms = first + i64::try_from(since).unwrap_or(i64::MAX);
                *mark = Some(at_ms);
                steps.push((step, at_ms));
            }
        }
        steps.sort_by_key(|(_, at_ms)| *at_ms);
        steps
    }
}
