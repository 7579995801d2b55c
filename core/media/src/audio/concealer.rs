//! Sound for where none came: the last pitch periods again, quieter and quieter, and joints without clicks.
//! The idea is that of ITU-T G.711 appendix I, at 48 kHz. It knows PCM only.

use crate::audio::time_stretch::{crossfade, similarity};

/// The longest pitch period looked for, 15 ms: 67 Hz.
const MAX_PERIOD: usize = 720;
/// The shortest, 2.5 ms: 400 Hz.
const MIN_PERIOD: usize = 120;
/// What is compared when looking for the period: 12 ms.
const TEMPLATE: usize = 576;
/// How much of what was played is remembered: three periods and a joint.
const HISTORY: usize = 3 * MAX_PERIOD + MAX_PERIOD / 4;
/// After so many samples one period more is repeated, against buzzing: 10 ms.
const STAGE: usize = 480;
/// Made-up sound has faded to nothing after so many samples: 70 ms.
const FADED: usize = 3_360;
/// Length of the joint where received sound begins again: 5 ms.
const JOINT: usize = 240;

/// Follows what is played and goes on with it when asked.
#[derive(Debug)]
pub(super) struct Concealer {
    /// The last `HISTORY` samples that were received, oldest first.
    history: Vec<i16>,
    run: Option<Run>,
}

/// One stretch of concealment.
#[derive(Debug)]
struct Run {
    /// Pitch period in samples.
    period: usize,
    /// How periodic the sound was, 0 to 1.
    voicing: f32,
    /// Where in the repeated part the next sample is.
    phase: usize,
    /// Periods that are repeated now.
    periods: usize,
    /// Samples made so far.
    made: usize,
    /// The repeated part of the history, its end led over into its beginning.
    cycle: Vec<i16>,
}

impl Concealer {
    pub(super) fn new() -> Self {
        Self {
            history: vec![0; HISTORY],
            run: None,
        }
    }

    /// Takes note of received sound that is about to be played. If made-up sound came before it, its first 5 ms are led
    /// over from there.
    pub(super) fn received(&mut self, pcm: &mut [i16]) {
        if self.run.is_some() {
            let joint = JOINT.min(pcm.len());
            let mut tail = [0; JOINT];
            self.make(&mut tail[..joint]);
            crossfade(&tail[..joint], pcm);
            self.run = None;
        }
        let keep = HISTORY.saturating_sub(pcm.len());
        self.history.drain(..HISTORY - keep);
        self.history
            .extend_from_slice(&pcm[pcm.len() - (HISTORY - keep)..]);
    }

    /// The next received sound will not follow on the last: a joint is made there.
    pub(super) fn expect_break(&mut self) {
        self.begin();
    }

    /// Fills `out` with what might have come.
    pub(super) fn make(&mut self, out: &mut [i16]) {
        self.begin();
        let Some(run) = &mut self.run else { return };
        for sample in out {
            if run.made > 0 && run.made.is_multiple_of(STAGE) && run.periods < 3 {
                run.lengthen(&self.history);
            }
            if run.phase == run.cycle.len() {
                run.phase = 0;
            }
            *sample = (f32::from(run.cycle[run.phase]) * run.gain()) as i16;
            run.phase += 1;
            run.made += 1;
        }
    }

    fn begin(&mut self) {
        if self.run.is_some() {
            return;
        }
        let (period, voicing) = self.find_period();
        let mut run = Run {
            period,
            voicing,
            phase: 0,
            periods: 0,
            made: 0,
            cycle: vec![],
        };
        run.lengthen(&self.history);
        self.run = Some(run);
    }

    /// The lag at which the newest sound resembles what came before it most, found coarsely first.
    fn find_period(&self) -> (usize, f32) {
        let template = HISTORY - TEMPLATE;
        let score = |lag: usize, step: usize| {
            similarity(
                &self.history[template..],
                &self.history[template - lag..HISTORY - lag],
                step,
            )
        };
        let best = |lags: &mut dyn Iterator<Item = usize>, step: usize| {
            lags.map(|lag| (lag, score(lag, step)))
                .fold((MAX_PERIOD, -1.0), |best, next| {
                    if next.1 > best.1 { next } else { best }
                })
        };
        let (coarse, _) = best(&mut (MIN_PERIOD..=MAX_PERIOD).step_by(4), 4);
        let near = coarse.saturating_sub(4).max(MIN_PERIOD)..=(coarse + 4).min(MAX_PERIOD);
        let (period, voicing) = best(&mut near.into_iter(), 1);
        // Noise that is repeated fast buzzes: then the longest period is the least bad.
        if voicing < 0.5 {
            (MAX_PERIOD, voicing.max(0.0))
        } else {
            (period, voicing)
        }
    }
}

impl Run {
    /// Repeats one period more from now on. The joint at the end of the cycle hides the leap back to its beginning.
    fn lengthen(&mut self, history: &[i16]) {
        self.periods += 1;
        let length = self.periods * self.period;
        let begin = HISTORY - length;
        let joint = self.period / 4;
        let mut cycle = history[begin..].to_vec();
        let lead_in = &history[begin - joint..begin];
        let end = &mut cycle[length - joint..];
        for (index, (sample, lead)) in end.iter_mut().zip(lead_in).enumerate() {
            let weight = (index + 1) as f32 / joint as f32;
            *sample = (f32::from(*sample) * (1.0 - weight) + f32::from(*lead) * weight) as i16;
        }
        // Go on at the same place of the period, in the newest of those that are repeated.
        self.phase = if self.cycle.is_empty() {
            0
        } else {
            (self.phase % self.period) + (self.periods - 1) * self.period
        };
        self.cycle = cycle;
    }

    /// Full for 10 ms, then falling to nothing; sooner for noise, which is less likely to go on.
    fn gain(&self) -> f32 {
        let faded = FADED as f32 * (0.5 + 0.5 * self.voicing);
        let past = self.made.saturating_sub(STAGE) as f32;
        (1.0 - past / (faded - STAGE as f32)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(range: std::ops::Range<u32>) -> Vec<i16> {
        range
            .map(|index| {
                (8_000.0 * (f64::from(index) / 240.0 * std::f64::consts::TAU).sin()) as i16
            })
            .collect()
    }

    fn steepest(pcm: &[i16]) -> i32 {
        pcm.windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap()
    }

    #[test]
    fn a_tone_goes_on_and_fades_without_a_click() {
        let mut concealer = Concealer::new();
        let mut played = tone(0..4_800);
        concealer.received(&mut played);
        let mut made = vec![0; 4_800];
        concealer.make(&mut made);
        let error = made[..480]
            .iter()
            .zip(tone(4_800..5_280))
            .map(|(a, b)| a.abs_diff(b))
            .max();
        assert!(error.unwrap() < 400, "off by {error:?}");
        assert!(made[3_400..].iter().all(|sample| *sample == 0));
        played.extend(&made);
        assert!(steepest(&played) < 300, "{}", steepest(&played));
    }

    #[test]
    fn sound_that_begins_again_is_joined_wherever_it_is_in_its_period() {
        for shift in (0..240).step_by(30) {
            let mut concealer = Concealer::new();
            let mut played = tone(0..4_800);
            concealer.received(&mut played);
            let mut made = vec![0; 960];
            concealer.make(&mut made);
            let mut again = tone(5_760 + shift..6_720 + shift);
            concealer.received(&mut again);
            played.extend(made);
            played.extend(again);
            assert!(steepest(&played) < 500, "{} at {shift}", steepest(&played));
        }
    }

    #[test]
    fn nothing_heard_means_silence() {
        let mut made = [1; 960];
        Concealer::new().make(&mut made);
        assert_eq!(made, [0; 960]);
    }
}
