//! Which of the newest sequence numbers have arrived: a ring of bits, and nothing about what they carried.

use std::ops::Range;

/// How many sequence numbers are remembered.
pub(crate) const WINDOW: i64 = 4_096;

/// Bits for the `WINDOW` sequence numbers up to the newest.
#[derive(Debug)]
pub(crate) struct History {
    arrived: Box<[bool]>,
    /// The number after the newest; `None` before the first.
    end: Option<i64>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            arrived: vec![false; WINDOW as usize].into_boxed_slice(),
            end: None,
        }
    }

    /// Whether `sequence` has arrived; `true` for what is too old to be remembered.
    pub(crate) fn contains(&self, sequence: i64) -> bool {
        match self.end {
            Some(end) if sequence < end => sequence < end - WINDOW || self.arrived[slot(sequence)],
            _ => false,
        }
    }

    /// Notes that `sequence` has arrived.
    pub(crate) fn insert(&mut self, sequence: i64) {
        let end = self.end.unwrap_or(sequence);
        if sequence >= end {
            for skipped in end.max(sequence - WINDOW + 1)..sequence {
                self.arrived[slot(skipped)] = false;
            }
            self.end = Some(sequence + 1);
        }
        if sequence >= end - WINDOW {
            self.arrived[slot(sequence)] = true;
        }
    }

    /// How many of `range` have not arrived, as far as is remembered.
    pub(crate) fn missing(&self, range: Range<i64>) -> u64 {
        self.remembered(range)
            .filter(|sequence| !self.contains(*sequence))
            .count() as u64
    }

    /// Whether all of `range` have arrived, as far as is remembered.
    pub(crate) fn all_arrived(&self, range: Range<i64>) -> bool {
        self.remembered(range)
            .all(|sequence| self.contains(sequence))
    }

    /// The oldest number that is remembered.
    pub(crate) fn start(&self) -> Option<i64> {
        self.end.map(|end| end - WINDOW)
    }

    /// The number after the newest.
    pub(crate) fn end(&self) -> Option<i64> {
        self.end
    }

    fn remembered(&self, range: Range<i64>) -> Range<i64> {
        range.start.max(self.start().unwrap_or(range.end))..range.end
    }
}

fn slot(sequence: i64) -> usize {
    sequence.rem_euclid(WINDOW) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_is_known_until_it_leaves_the_window() {
        let mut history = History::new();
        for sequence in [10, 12, 13] {
            history.insert(sequence);
        }
        assert!(history.contains(10) && !history.contains(11) && !history.contains(14));
        assert_eq!(history.missing(10..14), 1);
        assert!(history.all_arrived(12..14) && !history.all_arrived(11..14));
        history.insert(13 + WINDOW);
        assert!(history.contains(13) && !history.contains(14));
        assert_eq!(history.missing(14..13 + WINDOW), WINDOW as u64 - 1);
    }

    #[test]
    fn a_leap_over_the_whole_window_forgets_everything_in_it() {
        let mut history = History::new();
        for sequence in 0..WINDOW {
            history.insert(sequence);
        }
        history.insert(3 * WINDOW);
        assert_eq!(
            history.missing(2 * WINDOW + 1..3 * WINDOW + 1),
            WINDOW as u64 - 1
        );
    }
}
