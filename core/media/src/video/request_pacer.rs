//! How often a key frame may be asked for. Whether one is needed is the assembler's to know.

use std::time::{Duration, Instant};

/// Requests for one key frame come further and further apart.
const MAX_GROWTH: u32 = 8;

/// Spaces out requests.
#[derive(Debug)]
pub(super) struct RequestPacer {
    base: Duration,
    growth: u32,
    last: Option<Instant>,
}

impl RequestPacer {
    pub(super) fn new(base: Duration) -> Self {
        Self {
            base,
            growth: 1,
            last: None,
        }
    }

    /// When the next request may be sent; `None` for at once.
    pub(super) fn next(&self) -> Option<Instant> {
        self.last.map(|last| last + self.base * self.growth)
    }

    /// Whether a request may be sent now; if so, it counts as sent.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.next().is_some_and(|next| now < next) {
            return false;
        }
        if self.last.is_some() {
            self.growth = (self.growth * 2).min(MAX_GROWTH);
        }
        self.last = Some(now);
        true
    }

    /// A key frame came, or is needed no more. The next request still keeps its distance from the last.
    pub(super) fn satisfied(&mut self) {
        self.growth = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_further_and_further_apart_until_satisfied() {
        let start = Instant::now();
        let base = Duration::from_millis(100);
        let mut pacer = RequestPacer::new(base);
        let sent: Vec<u64> = (0..4_000)
            .filter(|ms| pacer.take(start + Duration::from_millis(*ms)))
            .collect();
        assert_eq!(sent, [0, 100, 300, 700, 1_500, 2_300, 3_100, 3_900]);
        pacer.satisfied();
        assert_eq!(pacer.next(), Some(start + Duration::from_millis(4_000)));
    }
}
