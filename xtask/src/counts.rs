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

/// Reads the output of a runner, line by line.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The line before closed the outermost suite of XCTest.
    xctest_closes: bool,
}

impl Reader {
    /// What the next line says of tests, if it is a closing one.
    pub(crate) fn line(&mut self, line: &str) -> Option<Counts> {
        let line = line.trim();
        let closes = std::mem::take(&mut self.xctest_closes);
        // Each suite closes with the same words, those within it before: the outermost says it all.
        if let Some(rest) = line.strip_prefix("Executed ") {
            return if closes { Counts::xctest(rest) } else { None };
        }
        self.xctest_closes = ["Test Suite 'All tests' ", "Test Suite 'Selected tests' "]
            .iter()
            .filter_map(|suite| line.strip_prefix(suite))
            .any(|end| end.starts_with("passed") || end.starts_with("failed"));
        Counts::read(line)
    }
}

impl Counts {
    /// "3 tests, with 1 test skipped and 2 failures (0 unexpected) in 0.5 (0.5) seconds": failures, of which a test may
    /// have several.
    fn xctest(rest: &str) -> Option<Self> {
        let (tests, rest) = rest.split_once(" test")?;
        let tests: u64 = tests.parse().ok()?;
        let number_before = |word: &str| -> u64 {
            let before = rest.split_once(word).map_or("", |(before, _)| before);
            let number = before.rsplit(' ').next().unwrap_or_default();
            number.parse().unwrap_or(0)
        };
        let skipped = number_before(" test skipped") + number_before(" tests skipped");
        let failed = number_before(" failure").min(tests);
        Some(Self {
            passed: tests.saturating_sub(failed + skipped),
            failed,
        })
    }

    /// Reads a closing line of cargo test, cargo nextest, JUnit or node's test runner; `None` for any other line.
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
        if let Some(rest) = line.strip_prefix('[') {
            return Self::junit(rest.strip_suffix(']')?);
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

    /// JUnit: "12 tests successful", "1 tests failed", "1 containers failed". A container is a class, which fails
    /// beside its tests.
    fn junit(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [number, what, how] = words[..] else {
            return None;
        };
        let number = number.parse().ok()?;
        match (what, how) {
            ("tests", "successful") => Some(Self {
                passed: number,
                failed: 0,
            }),
            ("tests" | "containers", "failed") => Some(Self {
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
            ("[        41 tests successful      ]", 41, 0),
            ("[         2 tests failed          ]", 0, 2),
            ("[         1 containers failed     ]", 0, 1),
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
    fn nested_suites_of_xctest_count_once() {
        let output = "\
Test Suite 'All tests' started at 2026-11-28 01:09:01.113
Test Suite 'debug.xctest' started at 2026-11-28 01:09:01.114
Test Suite 'CallsTests' started at 2026-11-28 01:09:01.114
Test Case 'CallsTests.testOne' passed (0.501 seconds)
Test Suite 'CallsTests' passed at 2026-11-28 01:09:01.615
\t Executed 2 tests, with 0 failures (0 unexpected) in 0.501 (0.501) seconds
Test Suite 'ErrorsTests' failed at 2026-11-28 01:09:01.616
\t Executed 1 test, with 1 failure (0 unexpected) in 0.001 (0.001) seconds
Test Suite 'debug.xctest' failed at 2026-11-28 01:09:01.616
\t Executed 3 tests, with 1 failure (0 unexpected) in 0.502 (0.502) seconds
Test Suite 'All tests' failed at 2026-11-28 01:09:01.616
\t Executed 3 tests, with 1 failure (0 unexpected) in 0.502 (0.502) seconds
\u{25c7} Test run started.
\u{2714} Test run with 0 tests passed after 0.001 seconds.";
        let mut reader = Reader::default();
        let counts: Vec<_> = output
            .lines()
            .filter_map(|line| reader.line(line))
            .collect();
        assert_eq!(
            counts,
            [Counts {
                passed: 2,
                failed: 1
            }]
        );
    }

    #[test]
    fn a_test_of_xctest_that_failed_twice_is_one_and_a_skipped_one_did_not_pass() {
        let of = |rest| Counts::xctest(rest).map(|counts| (counts.passed, counts.failed));
        assert_eq!(
            of("1 test, with 2 failures (1 unexpected) in 0.1 (0.1) seconds"),
            Some((0, 1))
        );
        assert_eq!(
            of("3 tests, with 1 test skipped and 1 failure (0 unexpected) in 0.1 (0.1) seconds"),
            Some((1, 1))
        );
        assert_eq!(of("nothing"), None);
    }

    #[test]
    fn other_lines_are_no_counts() {
        for line in [
            "running 3 tests",
            "# a heading",
            "# pass the salt",
            "3 passed",
            "[        43 tests found           ]",
            "[         5 containers successful ]",
            "[INFO] tests successful",
            "",
        ] {
            assert_eq!(Counts::read(line), None, "{line}");
        }
    }
}
