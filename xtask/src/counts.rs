//! How many tests passed and failed, read from the closing lines of the runners.

use std::ops::AddAssign;

/// Tests that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Counts {
    /// Reads a closing line of cargo test, cargo nextest or node's test runner; `None` for any other line.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result: ") {
            let (_, parts) = rest.split_once(". ")?;
            return Some(Self::of(parts.split(';')));
        }
        if let Some(rest) = line.strip_prefix("Summary [") {
            let (_, parts) = rest.split_once("run: ")?;
            return Some(Self::of(parts.split(',')));
        }
        // node: "# pass 12" (TAP) or "ℹ pass 12" (spec)
        let rest = line
            .strip_prefix("# ")
            .or_else(|| line.strip_prefix("ℹ "))?;
        let (word, number) = rest.split_once(' ')?;
        let number = number.parse().ok()?;
        match word {
            "pass" => Some(Self {
                passed: number,
                failed: 0,
            }),
            "fail" | "cancelled" => Some(Self {
                passed: 0,
                failed: number,
            }),
            _ => None,
        }
    }

    /// "3 passed", "1 failed", "1 timed out", "2 skipped"…
    fn of<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = Self::default();
        for part in parts {
            let mut words = part.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
                continue;
            };
            match words.next() {
                Some("passed") => counts.passed += number,
                Some("failed" | "timed" | "exec") => counts.failed += number,
                _ => {}
            }
        }
        counts
    }

    /// Whether any test ran.
    pub(crate) fn none(self) -> bool {
        self.passed + self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_all_runners_are_read() {
        for (line, passed, failed) in [
            (
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
                3,
                0,
            ),
            (
                "test result: FAILED. 2 passed; 5 failed; 0 ignored; 0 measured",
                2,
                5,
            ),
            (
                "     Summary [   0.005s] 3 tests run: 3 passed, 1 skipped",
                3,
                0,
            ),
            (
                "     Summary [   1.2s] 7 tests run: 3 passed (1 slow), 2 failed, 1 timed out, 1 exec failed, 0 skipped",
                3,
                4,
            ),
            (
                "     Summary [   1.2s] 2/7 tests run: 1 passed, 1 failed, 0 skipped",
                1,
                1,
            ),
            ("# pass 12", 12, 0),
            ("ℹ fail 1", 0, 1),
        ] {
            assert_eq!(
                Counts::read(line),
                Some(Counts { passed, failed }),
                "{line}"
            );
        }
    }

    #[test]
    fn other_lines_are_no_counts() {
        for line in [
            "running 3 tests",
            "# a heading",
            "# pass the salt",
            "3 passed",
            "",
        ] {
            assert_eq!(Counts::read(line), None, "{line}");
        }
    }
}
