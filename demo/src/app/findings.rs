//! The numbers of a headless run as `--json` writes them, and the goals that they must meet.

use ringwire_demo::beeps::Beeps;
use ringwire_demo::open_handles::OpenHandles;
use serde::Serialize;

/// Frames per second that Chromium must decode, of Echo's thirty.
const BROWSER_FPS: f64 = 25.0;
/// Whole frames per second that the core must hand out, of the twenty of Chromium's fake camera.
const CORE_FPS: f64 = 18.0;
/// W3C `totalAudioEnergy` over the window; silence has none.
const AUDIO_ENERGY: f64 = 0.001;
/// Beeps per second, of the two of Chromium's fake microphone.
const BEEPS_A_SECOND: f64 = 1.0;

#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    pub(crate) timeline_ms: Timeline,
    pub(crate) browser: BrowserSide,
    pub(crate) core: CoreSide,
    pub(crate) leaks: Leaks,
}

/// Milliseconds since the page's `initiate`, which is 0.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Timeline {
    pub(crate) initiate: Option<i64>,
    pub(crate) ringing: Option<i64>,
    pub(crate) accepted: Option<i64>,
    pub(crate) ice_connected: Option<i64>,
    pub(crate) first_frame_browser: Option<i64>,
    pub(crate) first_frame_core: Option<i64>,
    pub(crate) ended: Option<i64>,
}

/// What Chromium got from Echo, over the window.
#[derive(Debug, Default, Serialize)]
pub(crate) struct BrowserSide {
    pub(crate) fps: f64,
    pub(crate) frames_decoded: u64,
    pub(crate) audio_energy: f64,
}

/// What Echo got from Chromium.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CoreSide {
    /// Over the window, of frames that ffmpeg decodes.
    pub(crate) fps: f64,
    /// Pictures that ffmpeg decodes of the whole call's stream.
    pub(crate) frames_valid: u64,
    /// Frames handed out of which it makes no picture.
    pub(crate) frames_broken: u64,
    /// Of the whole call, of 1.
    pub(crate) audio_rms: f64,
    pub(crate) beeps: Beeps,
    /// Complaints of ffmpeg's decoder.
    pub(crate) decoder_complaints: usize,
}

/// What the serving process holds open more than before the calls. Counted twice: with the page
/// still there, and after the browser has gone.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Leaks {
    /// Threads.
    pub(crate) tasks: usize,
    pub(crate) sockets: usize,
    /// Tasks of the runtime of gateway and Echo.
    pub(crate) runtime_tasks: usize,
    /// How long after the last hang-up nothing more was left.
    pub(crate) settled_ms: Option<u64>,
    /// Without a browser.
    pub(crate) alone: OpenHandles,
    /// With Alice signed in.
    pub(crate) before: OpenHandles,
    pub(crate) in_call: OpenHandles,
    /// With Alice signed in, after both calls.
    pub(crate) after: OpenHandles,
    /// After the browser has gone.
    pub(crate) alone_again: OpenHandles,
}

/// A thing that must be so.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) met: bool,
    /// A sentence with the number in it.
    pub(crate) text: String,
}

impl Findings {
    /// All goals, for a window of so many seconds.
    pub(crate) fn goals(&self, seconds: u32) -> Vec<Goal> {
        let goal = |met, text| Goal { met, text };
        let Self {
            timeline_ms,
            browser,
            core,
            leaks,
        } = self;
        let marks = [
            timeline_ms.initiate,
            timeline_ms.ringing,
            timeline_ms.accepted,
            timeline_ms.ice_connected,
            timeline_ms.first_frame_browser,
            timeline_ms.first_frame_core,
            timeline_ms.ended,
        ];
        let beeps = core.beeps.count as f64;
        vec![
            goal(
                marks.iter().all(Option::is_some),
                format!(
                    "{} of {} marks of the call's timeline",
                    marks.iter().flatten().count(),
                    marks.len()
                ),
            ),
            goal(
                browser.fps >= BROWSER_FPS,
                format!(
                    "{:.1} fps decoded in Chromium, {BROWSER_FPS} wanted",
                    browser.fps
                ),
            ),
            goal(
                core.fps >= CORE_FPS,
                format!("{:.1} valid fps in the core, {CORE_FPS} wanted", core.fps),
            ),
            goal(
                core.frames_valid > 0 && core.frames_broken == 0,
                format!(
                    "{} frames broken of {}",
                    core.frames_broken,
                    core.frames_valid + core.frames_broken
                ),
            ),
            // It conceals what it cannot decode and still makes a picture of it.
            goal(
                core.decoder_complaints == 0,
                format!("{} decoder complaints, 0 wanted", core.decoder_complaints),
            ),
            goal(
                browser.audio_energy >= AUDIO_ENERGY,
                format!(
                    "sound in Chromium: energy {:.4}, {AUDIO_ENERGY} wanted",
                    browser.audio_energy
                ),
            ),
            goal(
                beeps >= BEEPS_A_SECOND * f64::from(seconds),
                format!(
                    "sound in the core: {beeps} beeps, {} wanted, rms {:.4}",
                    BEEPS_A_SECOND * f64::from(seconds),
                    core.audio_rms
                ),
            ),
            goal(
                leaks.tasks == 0 && leaks.sockets == 0 && leaks.runtime_tasks == 0,
                format!(
                    "{} threads, {} sockets and {} tasks inside left open",
                    leaks.tasks, leaks.sockets, leaks.runtime_tasks
                ),
            ),
        ]
    }
}

impl Leaks {
    /// Takes what is open now and was not before, if it is more than what is known.
    pub(crate) fn compare(&mut self, before: &OpenHandles, after: &OpenHandles) {
        self.tasks = self.tasks.max(after.tasks.saturating_sub(before.tasks));
        self.sockets = self
            .sockets
            .max(after.sockets.saturating_sub(before.sockets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Findings {
        let mark = Some(1);
        Findings {
            timeline_ms: Timeline {
                initiate: Some(0),
                ringing: mark,
                accepted: mark,
                ice_connected: mark,
                first_frame_browser: mark,
                first_frame_core: mark,
                ended: mark,
            },
            browser: BrowserSide {
                fps: 30.0,
                frames_decoded: 300,
                audio_energy: 0.1,
            },
            core: CoreSide {
                fps: 20.0,
                frames_valid: 220,
                audio_rms: 0.02,
                beeps: Beeps {
                    count: 21,
                    hz: 400.0,
                    interval_ms: Some(500.0),
                },
                ..CoreSide::default()
            },
            leaks: Leaks::default(),
        }
    }

    fn missed(findings: &Findings) -> usize {
        findings.goals(10).iter().filter(|goal| !goal.met).count()
    }

    #[test]
    fn each_number_that_is_bad_misses_exactly_its_own_goal() {
        assert_eq!(missed(&good()), 0);
        let spoil: [fn(&mut Findings); 8] = [
            |findings| findings.timeline_ms.ended = None,
            |findings| findings.browser.fps = 24.9,
            |findings| findings.core.fps = 17.9,
            |findings| findings.core.frames_broken = 1,
            |findings| findings.core.decoder_complaints = 1,
            |findings| findings.browser.audio_energy = 0.0,
            |findings| findings.core.beeps.count = 9,
            |findings| findings.leaks.sockets = 1,
        ];
        for spoil in spoil {
            let mut findings = good();
            spoil(&mut findings);
            assert_eq!(missed(&findings), 1, "{findings:?}");
        }
    }

    #[test]
    fn the_json_has_the_agreed_keys() {
        let json = serde_json::to_value(good()).unwrap();
        for (part, keys) in [
            (
                "timeline_ms",
                &[
                    "initiate",
                    "ringing",
                    "accepted",
                    "ice_connected",
                    "first_frame_browser",
                    "first_frame_core",
                    "ended",
                ][..],
            ),
            ("browser", &["fps", "frames_decoded", "audio_energy"]),
            (
                "core",
                &["fps", "frames_valid", "frames_broken", "audio_rms", "beeps"],
            ),
            ("leaks", &["tasks", "sockets"]),
        ] {
            for key in keys {
                assert!(json[part].get(key).is_some(), "{part}.{key}");
            }
        }
    }
}
