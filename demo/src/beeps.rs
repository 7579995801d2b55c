//! Finds the beep of Chromium's fake microphone in PCM: 20 ms of 400 Hz each half second, as measured
//! in Chromium 156, a square wave that never goes below zero. A Goertzel filter, and rising edges.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::clip::SAMPLE_RATE;

/// Pitch of the beep.
pub const BEEP_HZ: f64 = 400.0;
/// 10 ms: four periods of the beep.
const WINDOW: usize = SAMPLE_RATE as usize / 100;
/// Least amplitude of the tone, of 32,768.
const LOUD: f64 = 600.0;
/// Least share of the tone in the power of its window. The fundamental of a square wave holds 81 %.
const PURE: f64 = 0.5;
/// Windows of silence that end a beep.
const GAP: u32 = 3;
/// Intervals that are kept for the median.
const INTERVALS: usize = 64;

/// Beeps found so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Beeps {
    /// How many.
    pub count: u64,
    /// Pitch that was listened for, in hertz.
    pub hz: f64,
    /// Median time from one to the next, in milliseconds; `None` with fewer than two.
    pub interval_ms: Option<f64>,
}

/// Listens for beeps.
#[derive(Debug)]
pub struct BeepDetector {
    window: Vec<i16>,
    windows: u64,
    silent_windows: u32,
    count: u64,
    last: Option<u64>,
    intervals: VecDeque<u64>,
}

impl Default for BeepDetector {
    fn default() -> Self {
        Self {
            window: Vec::with_capacity(WINDOW),
            windows: 0,
            silent_windows: GAP,
            count: 0,
            last: None,
            intervals: VecDeque::with_capacity(INTERVALS),
        }
    }
}

impl BeepDetector {
    /// Listens to the next samples.
    pub fn hear(&mut self, pcm: &[i16]) {
        for sample in pcm {
            self.window.push(*sample);
            if self.window.len() == WINDOW {
                let beeps = is_beep(&self.window);
                self.window.clear();
                self.judge(beeps);
            }
        }
    }

    fn judge(&mut self, beeps: bool) {
        self.windows += 1;
        if !beeps {
            self.silent_windows = self.silent_windows.saturating_add(1);
            return;
        }
        if self.silent_windows >= GAP {
            self.count += 1;
            if let Some(last) = self.last {
                if self.intervals.len() == INTERVALS {
                    self.intervals.pop_front();
                }
                self.intervals.push_back(self.windows - last);
            }
            self.last = Some(self.windows);
        }
        self.silent_windows = 0;
    }

    /// What was found so far.
    pub fn beeps(&self) -> Beeps {
        let mut sorted: Vec<u64> = self.intervals.iter().copied().collect();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2);
        Beeps {
            count: self.count,
            hz: BEEP_HZ,
            interval_ms: median.map(|windows| *windows as f64 * 10.0),
        }
    }
}

fn is_beep(window: &[i16]) -> bool {
    let mean = window.iter().map(|sample| f64::from(*sample)).sum::<f64>() / window.len() as f64;
    let power = window
        .iter()
        .map(|sample| (f64::from(*sample) - mean).powi(2))
        .sum::<f64>();
    let amplitude = goertzel(window, BEEP_HZ);
    // A sine of this amplitude has the power a²/2 per sample.
    amplitude >= LOUD && amplitude.powi(2) / 2.0 * window.len() as f64 >= PURE * power
}

/// Amplitude of one frequency in a window.
fn goertzel(window: &[i16], hz: f64) -> f64 {
    let turn = TAU * hz / f64::from(SAMPLE_RATE);
    let coefficient = 2.0 * turn.cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in window {
        (one, two) = (f64::from(*sample) + coefficient * one - two, one);
    }
    let power = one * one + two * two - coefficient * one * two;
    2.0 * power.max(0.0).sqrt() / window.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, amplitude: f64, ms: usize) -> Vec<i16> {
        let samples = 0..ms * SAMPLE_RATE as usize / 1_000;
        let turn = TAU * hz / f64::from(SAMPLE_RATE);
        samples
            .map(|at| (amplitude * (turn * at as f64).sin()) as i16)
            .collect()
    }

    #[test]
    fn square_beeps_of_twenty_ms_are_counted_wherever_they_begin() {
        let mut detector = BeepDetector::default();
        for offset in 0..8 {
            detector.hear(&vec![0; 100 + offset * 7]);
            let beep: Vec<i16> = tone(BEEP_HZ, 9e3, 20)
                .iter()
                .map(|sample| if *sample > 0 { 32_767 } else { 0 })
                .collect();
            detector.hear(&beep);
            detector.hear(&vec![0; 23_000]);
        }
        let beeps = detector.beeps();
        assert_eq!(beeps.count, 8);
        let interval = beeps.interval_ms.unwrap();
        assert!((interval - 502.0).abs() <= 10.0, "{interval}");
    }

    #[test]
    fn other_tones_noise_and_silence_are_no_beeps() {
        let mut detector = BeepDetector::default();
        detector.hear(&vec![0; 48_000]);
        detector.hear(&tone(1_000.0, 9e3, 300));
        detector.hear(&tone(700.0, 9e3, 300));
        let mut seed = 1u32;
        let noise: Vec<i16> = (0..48_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 17) as i16
            })
            .collect();
        detector.hear(&noise);
        assert_eq!(
            detector.beeps(),
            Beeps {
                count: 0,
                hz: BEEP_HZ,
                interval_ms: None
            }
        );
    }
}
