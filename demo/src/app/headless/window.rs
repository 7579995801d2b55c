//! The measured window of the first call: page and core are asked each second.

use std::time::Duration;

use anyhow::{Context, Result};
use ringwire_demo::echo::Measurements;
use tokio::time::{Instant, sleep_until};

use super::alice::{Alice, PageStats};
use super::server::Server;

const SECOND: Duration = Duration::from_secs(1);

/// A window of a call, a reading at its beginning and one after each second.
#[derive(Default)]
pub(crate) struct Window {
    readings: Vec<Reading>,
}

struct Reading {
    page: PageStats,
    core: Measurements,
    core_at_ms: i64,
}

/// One second of the window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds since the window began, at the end of this one.
    pub(crate) at: f64,
    pub(crate) browser_fps: f64,
    pub(crate) core_fps: f64,
    pub(crate) browser_loss: f64,
    pub(crate) core_loss: f64,
    pub(crate) browser_rtt: Option<f64>,
    pub(crate) core_rtt: Option<f64>,
    pub(crate) browser_kbps: f64,
    pub(crate) core_kbps: f64,
}

impl Window {
    pub(crate) async fn measure(
        alice: &Alice,
        server: &mut Server,
        key: u64,
        seconds: u32,
    ) -> Result<Self> {
        let mut window = Self::default();
        // The first second is that of the first pictures.
        let start = Instant::now() + SECOND;
        for second in 0..=seconds {
            sleep_until(start + SECOND * second).await;
            let page = alice.stats().await?;
            let measured = server.measure().await?;
            let core = measured.calls.into_iter().find(|call| call.key == key);
            let core = core.context("Echo has lost the call")?;
            window.readings.push(Reading {
                page,
                core,
                core_at_ms: measured.at_ms,
            });
        }
        Ok(window)
    }

    /// Each second.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let Some(start) = self.readings.first() else {
            return Vec::new();
        };
        let pairs = self.readings.windows(2);
        pairs
            .map(|pair| sample(&pair[0], &pair[1], start.page.at))
            .collect()
    }

    fn ends(&self) -> Option<(&Reading, &Reading)> {
        self.readings.first().zip(self.readings.last())
    }

    pub(crate) fn browser_frames(&self) -> u64 {
        self.ends().map_or(0, |(start, end)| {
            end.page
                .frames_decoded
                .saturating_sub(start.page.frames_decoded)
        })
    }

    pub(crate) fn browser_fps(&self) -> f64 {
        let frames = self.browser_frames() as f64;
        self.ends().map_or(0.0, |(start, end)| {
            frames / seconds(start.page.at, end.page.at)
        })
    }

    pub(crate) fn browser_energy(&self) -> f64 {
        self.ends().map_or(0.0, |(start, end)| {
            end.page.audio_energy - start.page.audio_energy
        })
    }

    /// Frames that the core handed out, each second of the window.
    pub(crate) fn core_fps(&self) -> f64 {
        self.ends().map_or(0.0, |(start, end)| core_fps(start, end))
    }
}

fn sample(before: &Reading, now: &Reading, start_ms: f64) -> Sample {
    let passed = seconds(before.page.at, now.page.at);
    let lost = (now.page.packets_lost - before.page.packets_lost).max(0.0);
    let came = (now.page.packets_received - before.page.packets_received).max(0.0);
    let decoded = now
        .page
        .frames_decoded
        .saturating_sub(before.page.frames_decoded);
    Sample {
        at: seconds(start_ms, now.page.at),
        browser_fps: decoded as f64 / passed,
        core_fps: core_fps(before, now),
        browser_loss: 100.0 * lost / (lost + came).max(1.0),
        core_loss: now.core.path.loss_in_percent,
        browser_rtt: now.page.rtt_ms,
        core_rtt: now.core.path.rtt_ms,
        browser_kbps: (now.page.bytes_received - before.page.bytes_received) * 8.0
            / 1_000.0
            / passed,
        core_kbps: now.core.path.kbps_in,
    }
}

fn core_fps(before: &Reading, now: &Reading) -> f64 {
    let frames = now
        .core
        .video
        .frames
        .saturating_sub(before.core.video.frames) as f64;
    frames / seconds(before.core_at_ms as f64, now.core_at_ms as f64)
}

fn seconds(from_ms: f64, to_ms: f64) -> f64 {
    ((to_ms - from_ms) / 1_000.0).max(0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(second: u64) -> Reading {
        let page = PageStats {
            at: 1e12 + second as f64 * 1_000.0,
            frames_decoded: 30 * second,
            audio_energy: 0.01 * second as f64,
            packets_lost: second as f64,
            packets_received: 99.0 * second as f64,
            rtt_ms: Some(1.0),
            bytes_received: 125_000.0 * second as f64,
        };
        let mut core = Measurements::default();
        core.video.frames = 20 * second;
        Reading {
            page,
            core,
            core_at_ms: 5_000 + 1_000 * second as i64,
        }
    }

    #[test]
    fn rates_are_those_between_two_readings() {
        let window = Window {
            readings: (0..=3).map(reading).collect(),
        };
        assert!((window.browser_fps() - 30.0).abs() < 1e-6);
        assert!((window.core_fps() - 20.0).abs() < 1e-6);
        assert_eq!(window.browser_frames(), 90);
        let samples = window.samples();
        assert_eq!(samples.len(), 3);
        assert!((samples[1].browser_loss - 1.0).abs() < 1e-6);
        assert!((samples[1].browser_kbps - 1_000.0).abs() < 1e-6);
        assert!((samples[2].at - 3.0).abs() < 1e-6);
    }
}
