//! Says when pictures outrun the path, so that they are dropped at the source and sound gets through.
//! The pacer in the chain spreads bursts; this bounds the average.

use std::time::{Duration, Instant};

use crate::link::Link;

/// What a source may send over the estimate. GCC takes a busy processor for a busy path now and then, and falls
/// to 85 % of what arrives; real congestion pulls the estimate down further with every round.
const TOLERANCE: f64 = 1.5;
/// Longest debt: a key frame is many times its share.
const FULL: Duration = Duration::from_millis(1_000);
/// Debt at which pictures flow again.
const LOW: Duration = Duration::from_millis(250);
/// Longest wait in the pacer, at the estimated rate.
const BACKLOG: Duration = Duration::from_millis(500);

/// A leaky bucket that drains at the estimated rate.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    debt_bytes: f64,
    drained: Option<Instant>,
    congested: bool,
}

impl Meter {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.debt_bytes += bytes as f64;
    }

    pub(crate) fn is_congested(&mut self, link: &Link, now: Instant) -> bool {
        let rate = link.target_bps() as f64 / 8.0;
        let tolerated = rate * TOLERANCE;
        if let Some(before) = self.drained.replace(now) {
            let passed = now.saturating_duration_since(before).as_secs_f64();
            self.debt_bytes = (self.debt_bytes - tolerated * passed).max(0.0);
        }
        let backlog = link.backlog_bytes() as f64 / rate;
        let debt = self.debt_bytes / tolerated;
        self.congested = if self.congested {
            debt > LOW.as_secs_f64() || backlog > BACKLOG.as_secs_f64() / 2.0
        } else {
            debt > FULL.as_secs_f64() || backlog > BACKLOG.as_secs_f64()
        };
        self.congested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames let through in ten seconds of 30 frames a second, each of `bytes`.
    fn passed(target_bps: u64, bytes: usize) -> usize {
        let link = Link::new(|_| ());
        link.set_target_bps(target_bps);
        let mut meter = Meter::default();
        let start = Instant::now();
        let frames = (0..300u32).filter(|frame| {
            let congested = meter.is_congested(&link, start + Duration::from_millis(33) * *frame);
            if !congested {
                meter.add(bytes);
            }
            !congested
        });
        frames.count()
    }

    #[test]
    fn a_source_within_the_estimate_is_left_alone() {
        assert_eq!(passed(1_200_000, 5_000), 300);
    }

    #[test]
    fn a_source_at_four_times_the_estimate_is_cut_to_what_is_tolerated() {
        let frames = passed(300_000, 5_000);
        // 450 kbit/s for ten seconds, and a second of debt.
        assert!((100..=130).contains(&frames), "{frames}");
    }

    #[test]
    fn a_backlog_in_the_pacer_stops_pictures_until_half_of_it_is_gone() {
        let link = Link::new(|_| ());
        link.set_target_bps(800_000);
        let mut meter = Meter::default();
        let now = Instant::now();
        for (backlog, congested) in [
            (49_000, false),
            (51_000, true),
            (26_000, true),
            (24_000, false),
        ] {
            link.set_backlog_bytes(backlog);
            assert_eq!(meter.is_congested(&link, now), congested, "{backlog}");
        }
    }
}
