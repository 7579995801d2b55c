//! The send-side bandwidth estimate: GCC over transport-wide feedback, its result written to the link.

use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{BandwidthEstimator, EstimatorStats, Gcc, PacketReport};

use crate::link::Link;

/// GCC grows by 8 % a second and never probes, so it starts where a camera of a phone wants to be.
pub(crate) const START_BPS: f64 = 2_000_000.0;
const MIN_BPS: f64 = 100_000.0;
const MAX_BPS: f64 = 10_000_000.0;

pub(super) struct Estimate {
    gcc: Gcc,
    link: Arc<Link>,
}

impl Estimate {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            gcc: Gcc::new(START_BPS, MIN_BPS, MAX_BPS),
            link,
        }
    }

    fn publish(&self) {
        self.link.set_target_bps(self.gcc.target_bitrate() as u64);
    }
}

impl BandwidthEstimator for Estimate {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        self.gcc.on_reports(now, reports);
        self.publish();
    }

    fn target_bitrate(&self) -> f64 {
        self.gcc.target_bitrate()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.gcc.handle_timeout(now);
        self.publish();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.gcc.poll_timeout()
    }

    fn stats(&self) -> EstimatorStats {
        self.gcc.stats()
    }
}
