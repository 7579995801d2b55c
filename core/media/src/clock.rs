//! RTP timestamps from capture times (RFC 3550 §5.1): any rate, any first value, never backwards.

use std::time::Duration;

/// Rate of the video clock of every RTP payload format used here, in ticks per second.
pub const VIDEO_CLOCK_HZ: u32 = 90_000;
/// Rate of the audio clock of Opus (RFC 7587 §4.1), in ticks per second, whatever the sampling rate.
pub const AUDIO_CLOCK_HZ: u32 = 48_000;

/// A capture clock that steps back by more than this was restarted.
const RESTART: Duration = Duration::from_secs(1);

/// Maps capture times to RTP timestamps. Each call yields a timestamp after the one before.
#[derive(Debug, Clone)]
pub struct RtpClock {
    rate_hz: u32,
    /// Added to capture ticks; changes when the capture clock restarts.
    offset: i128,
    last: Option<(Duration, i128)>,
}

impl RtpClock {
    /// `rate_hz` ticks a second; `offset` is the timestamp of capture time zero and ought to be random.
    pub fn new(rate_hz: u32, offset: u32) -> Self {
        Self {
            rate_hz,
            offset: i128::from(offset),
            last: None,
        }
    }

    /// The 90 kHz clock of video.
    pub fn video(offset: u32) -> Self {
        Self::new(VIDEO_CLOCK_HZ, offset)
    }

    /// The 48 kHz clock of Opus.
    pub fn audio(offset: u32) -> Self {
        Self::new(AUDIO_CLOCK_HZ, offset)
    }

    /// The timestamp of something captured at `capture`. A capture time that does not advance gets the next
    /// tick; one that falls back by more than a second is a new clock, joined on 10 ms after the last.
    pub fn timestamp(&mut self, capture: Duration) -> u32 {
        let ticks = self.ticks(capture);
        let mut timestamp = self.offset + ticks;
        if let Some((last_capture, last)) = self.last {
            if last_capture.saturating_sub(capture) > RESTART {
                timestamp = last + i128::from(self.rate_hz / 100).max(1);
                self.offset = timestamp - ticks;
            }
            timestamp = timestamp.max(last + 1);
        }
        self.last = Some((capture, timestamp));
        timestamp as u32
    }

    fn ticks(&self, capture: Duration) -> i128 {
        (capture.as_nanos() * u128::from(self.rate_hz) / 1_000_000_000) as i128
    }
}

/// `ticks` of a clock of `rate_hz` as a duration; negative ones are zero.
pub(crate) fn ticks_to_duration(ticks: i64, rate_hz: u32) -> Duration {
    let nanos = u128::try_from(ticks).unwrap_or(0) * 1_000_000_000 / u128::from(rate_hz);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thirty_frames_a_second_are_three_thousand_ticks_apart_across_the_wrap() {
        let mut clock = RtpClock::video(u32::MAX - 4_000);
        let first = clock.timestamp(Duration::ZERO);
        for frame in 1..=300u64 {
            let capture = Duration::from_nanos(frame * 1_000_000_000 / 30);
            let ticks = clock.timestamp(capture).wrapping_sub(first);
            assert!(
                ticks.abs_diff(frame as u32 * 3_000) <= 1,
                "{ticks} at {frame}"
            );
        }
    }

    #[test]
    fn a_capture_clock_that_restarts_goes_on_from_where_it_was() {
        let mut clock = RtpClock::audio(7);
        let before = clock.timestamp(Duration::from_secs(3_600));
        assert_eq!(clock.timestamp(Duration::ZERO), before.wrapping_add(480));
        assert_eq!(
            clock.timestamp(Duration::from_millis(20)),
            before.wrapping_add(480 + 960)
        );
    }

    proptest! {
        #[test]
        fn timestamps_always_advance(captures in prop::collection::vec(0u64..u64::MAX, 1..100), offset: u32) {
            let mut clock = RtpClock::video(offset);
            let mut last = None;
            for capture in captures {
                clock.timestamp(Duration::from_nanos(capture));
                let (_, now) = clock.last.unwrap();
                prop_assert!(last.is_none_or(|last| now > last));
                last = Some(now);
            }
        }
    }
}
