//! How long sound ought to wait before it is played: from how late packets come, after the idea of WebRTC's NetEQ.
//! All times are microseconds since the first packet; what is played when is `receiver`.

use std::collections::VecDeque;
use std::time::Duration;

/// Width of one bucket of lateness, 5 ms.
const BUCKET_US: i64 = 5_000;
/// Lateness up to 1 s is told apart.
const BUCKETS: usize = 200;
/// Length of one pull.
const PULL_US: i64 = 10_000;
/// What each packet leaves of the weight of those before it: half is gone after 69 packets, 1.4 s.
const MEMORY: f32 = 0.99;
/// So many of all packets are to come in time.
const IN_TIME: f32 = 0.97;
/// The fastest packet is looked for within this time: clocks drift and routes change.
const FASTEST_WITHIN_US: i64 = 4_000_000;
/// Packets remembered in that search, at most.
const MAX_REMEMBERED: usize = 512;

/// Learns from arrivals.
#[derive(Debug)]
pub(super) struct PlayoutDelay {
    min_us: i64,
    max_us: i64,
    /// Share of packets by lateness; sums up to 1 once there are any.
    lateness: [f32; BUCKETS],
    /// Candidates for the fastest packet: arrival and transit, both rising.
    fastest: VecDeque<(i64, i64)>,
    target_us: i64,
}

impl PlayoutDelay {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        let min_us = micros(min);
        let max_us = micros(max).max(min_us);
        Self {
            min_us,
            max_us,
            lateness: [0.0; BUCKETS],
            fastest: VecDeque::new(),
            target_us: 60_000.clamp(min_us, max_us),
        }
    }

    /// A packet whose sound begins at `media_us` of the stream's clock came at `arrival_us`. `counts` is false where its
    /// lateness tells nothing about the next ones. `length_us` is the length of its sound.
    pub(super) fn arrived(&mut self, media_us: i64, arrival_us: i64, length_us: i64, counts: bool) {
        let transit = arrival_us - media_us;
        while self
            .fastest
            .back()
            .is_some_and(|(_, other)| *other >= transit)
        {
            self.fastest.pop_back();
        }
        if self.fastest.len() < MAX_REMEMBERED {
            self.fastest.push_back((arrival_us, transit));
        }
        while self.fastest.len() > 1
            && self
                .fastest
                .front()
                .is_some_and(|(at, _)| *at < arrival_us - FASTEST_WITHIN_US)
        {
            self.fastest.pop_front();
        }
        if !counts {
            return;
        }
        let late = transit - self.fastest_transit().unwrap_or(transit);
        let bucket = usize::try_from(late / BUCKET_US)
            .unwrap_or(0)
            .min(BUCKETS - 1);
        let sum: f32 = self.lateness.iter().sum();
        let memory = if sum == 0.0 { 0.0 } else { MEMORY };
        for share in &mut self.lateness {
            *share *= memory;
        }
        self.lateness[bucket] += 1.0 - memory;
        // One packet more than the lateness: its copy of the one before must be there in time, too. And one pull more,
        // since sound is made ready before it is due.
        let wanted = self.lateness_of_all_but_the_latest() + length_us + PULL_US;
        self.target_us = wanted.clamp(self.min_us, self.max_us);
    }

    /// How long sound ought to wait, counted from when the fastest packet would have brought it.
    pub(super) fn target_us(&self) -> i64 {
        self.target_us
    }

    /// How long the sound of `media_us` has waited if it is played at `now_us`; `None` before the first packet.
    pub(super) fn waited_us(&self, media_us: i64, now_us: i64) -> Option<i64> {
        self.fastest_transit()
            .map(|transit| now_us - media_us - transit)
    }

    /// The stream's clock has leapt; what was learnt of lateness still holds.
    pub(super) fn forget_transit(&mut self) {
        self.fastest.clear();
    }

    fn fastest_transit(&self) -> Option<i64> {
        self.fastest.front().map(|(_, transit)| *transit)
    }

    fn lateness_of_all_but_the_latest(&self) -> i64 {
        let mut sum = 0.0;
        for (bucket, share) in self.lateness.iter().enumerate() {
            sum += share;
            if sum >= IN_TIME {
                return (bucket as i64 + 1) * BUCKET_US;
            }
        }
        BUCKETS as i64 * BUCKET_US
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(lateness_ms: impl Fn(i64) -> i64) -> PlayoutDelay {
        let mut delay = PlayoutDelay::new(Duration::ZERO, Duration::from_millis(500));
        for index in 0..1_000 {
            let media = index * 20_000;
            delay.arrived(media, media + 1_000 * lateness_ms(index), 20_000, true);
        }
        delay
    }

    #[test]
    fn a_steady_network_wants_one_packet_one_pull_and_one_bucket() {
        assert_eq!(learn(|_| 35).target_us(), 35_000);
    }

    #[test]
    fn jitter_wants_what_nearly_all_packets_need() {
        assert_eq!(learn(|index| index * 7 % 60).target_us(), 90_000);
    }

    #[test]
    fn one_packet_in_a_hundred_does_not_count() {
        assert_eq!(
            learn(|index| if index % 100 == 50 { 300 } else { 0 }).target_us(),
            35_000
        );
    }

    #[test]
    fn the_target_stays_within_its_bounds() {
        assert_eq!(learn(|index| index % 2 * 900).target_us(), 500_000);
    }

    #[test]
    fn a_route_that_became_longer_is_the_new_measure_after_four_seconds() {
        let mut delay = learn(|_| 0);
        for index in 1_000..1_300 {
            let media = index * 20_000;
            delay.arrived(media, media + 90_000, 20_000, true);
        }
        assert_eq!(delay.waited_us(0, 100_000), Some(10_000));
    }
}
