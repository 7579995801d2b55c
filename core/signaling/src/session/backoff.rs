//! How long to wait before the next attempt: full jitter under a doubling bound, and the limit on
//! how often a network change may cut it short.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ringwire_protocol::Instant;
use ringwire_protocol::timers::{BACKOFF_MAX, BACKOFF_MIN};

use crate::limits::HURRY;

#[derive(Debug)]
pub(super) struct Backoff {
    rng: SmallRng,
    failures: u32,
    hurried: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed),
            failures: 0,
            hurried: None,
        }
    }

    /// Number of the attempt that comes next, from 1.
    pub(super) fn attempt(&self) -> u32 {
        self.failures.saturating_add(1)
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// From nothing to [`bound`] of the failures so far.
    pub(super) fn wait(&mut self) -> Duration {
        let bound = bound(self.failures);
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.rng.random_range(0..=micros))
    }

    /// A network change wants an attempt: when it may be, at once or a second after the last.
    pub(super) fn hurry(&mut self, now: Instant) -> Instant {
        match self.hurried.map(|last| last + HURRY) {
            Some(next) if next > now => next,
            _ => {
                self.hurried = Some(now);
                now
            }
        }
    }
}

/// Longest wait after so many failures.
fn bound(failures: u32) -> Duration {
    let doubled = 1u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    BACKOFF_MIN.saturating_mul(doubled).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_lie_under_a_bound_that_doubles_up_to_seven_seconds() {
        let bounds: Vec<_> = (1..=7).map(|n| bound(n).as_millis()).collect();
        assert_eq!(bounds, [300, 600, 1200, 2400, 4800, 7000, 7000]);
        assert_eq!(bound(u32::MAX), BACKOFF_MAX);
        for seed in 0..50 {
            let mut backoff = Backoff::new(seed);
            for failures in 1..50 {
                backoff.failed();
                assert!(backoff.wait() <= bound(failures));
            }
        }
    }

    #[test]
    fn waits_are_spread_over_the_whole_span() {
        let mut waits: Vec<_> = (0..200)
            .map(|seed| {
                let mut backoff = Backoff::new(seed);
                (0..6).for_each(|_| backoff.failed());
                backoff.wait()
            })
            .collect();
        waits.sort();
        assert!(waits[0] < BACKOFF_MAX / 10);
        assert!(waits[199] > BACKOFF_MAX * 9 / 10);
    }

    #[test]
    fn the_same_seed_waits_the_same() {
        let waits = |seed| {
            let mut backoff = Backoff::new(seed);
            backoff.failed();
            [backoff.wait(), backoff.wait(), backoff.wait()]
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }

    #[test]
    fn a_flapping_network_hurries_once_a_second() {
        let mut backoff = Backoff::new(1);
        let start = Instant::from_millis(500);
        assert_eq!(backoff.hurry(start), start);
        let soon = start + Duration::from_millis(10);
        assert_eq!(backoff.hurry(soon), start + HURRY);
        assert_eq!(backoff.hurry(soon), start + HURRY);
        let next = start + HURRY;
        assert_eq!(backoff.hurry(next), next);
        assert_eq!(
            backoff.hurry(next + Duration::from_millis(10)),
            next + HURRY
        );
    }

    #[test]
    fn a_network_that_was_quiet_for_long_hurries_at_once() {
        let mut backoff = Backoff::new(1);
        let start = Instant::from_millis(500);
        backoff.hurry(start);
        let later = start + HURRY * 3;
        assert_eq!(backoff.hurry(later), later);
        assert_eq!(backoff.hurry(later), later + HURRY);
    }
}
