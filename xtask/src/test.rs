//! `cargo xtask test`: the parts, what each needs, in which order they run, and the table at the end.
//! A job that fails does not keep the others from running. The last line says "N passed, N failed".

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use crate::counts::Counts;
use crate::house::House;
use crate::step::{Done, Failed};
use crate::tools::Tool;
use crate::{apt, kotlin, languages, mobile, page, rust, swift};

/// What can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Format, lints, dependencies, unit and integration tests
    Rust,
    /// The page in Chromium
    Browser,
    /// The bindings on the JVM
    Kotlin,
    /// The bindings in Swift
    Swift,
    /// Type checks for Android and iOS
    Mobile,
}

/// How a job ended well.
#[derive(Debug)]
pub(crate) enum End {
    Done(Done),
    /// It could not be done here, for this reason, and that is no fault.
    Skipped(String),
}

/// One line of the table.
struct Job {
    name: &'static str,
    run: fn(&House) -> Result<End>,
}

impl Part {
    fn tools(self) -> Vec<&'static Tool> {
        match self {
            Self::Rust => rust::TOOLS.to_vec(),
            Self::Browser => page::TOOLS.to_vec(),
            Self::Kotlin => kotlin::TOOLS.to_vec(),
            // Its last job has Kotlin call Swift.
            Self::Swift => languages::tools(),
            Self::Mobile => mobile::TOOLS.to_vec(),
        }
    }

    fn jobs(self) -> Vec<Job> {
        let job = |name, run| Job { name, run };
        match self {
            Self::Rust => vec![
                job("format", rust::fmt),
                job("clippy", rust::clippy),
                job("dependencies", rust::deny),
                job("advisories", rust::advisories),
                job("rust tests", rust::tests),
                job("documentation examples", rust::doc_tests),
            ],
            Self::Browser => vec![
                job("page modules", page::modules),
                job("page calls", page::calls),
                job("page compatibility", page::compat),
            ],
            Self::Kotlin => vec![job("kotlin", kotlin::tests)],
            Self::Swift => vec![
                job("swift", swift::tests),
                job("kotlin and swift", languages::tests),
            ],
            Self::Mobile => vec![job("mobile", |house| mobile::check(house, false))],
        }
    }
}

/// Runs all parts, or one.
pub(crate) fn run(house: &House, only: Option<Part>) -> Result<ExitCode> {
    let parts = only.map_or_else(|| Part::value_variants().to_vec(), |part| vec![part]);
    let mut needed = house.compilers();
    needed.extend(parts.iter().flat_map(|part| part.tools()));
    apt::ensure(house, &needed)?;

    let mut table = Table::default();
    for job in parts.iter().flat_map(|part| part.jobs()) {
        let started = Instant::now();
        let end = (job.run)(house);
        if let Err(error) = &end
            && !error.is::<Failed>()
        {
            println!("FAIL  {}: {error:#}", job.name);
        }
        table.add(job.name, &end, started.elapsed().as_secs());
    }
    print!("\n{}", table.text());
    Ok(table.exit_code())
}

/// The results so far.
#[derive(Default)]
struct Table {
    rows: Vec<(&'static str, String, u64)>,
    counts: Counts,
}

impl Table {
    fn add(&mut self, name: &'static str, end: &Result<End>, seconds: u64) {
        let result = match end {
            Ok(End::Done(done)) => {
                self.counts += done.counts;
                "ok".to_owned()
            }
            Ok(End::Skipped(why)) => format!("skipped: {why}"),
            Err(error) => {
                let mut counts = error
                    .downcast_ref::<Failed>()
                    .map_or_else(Counts::default, |failed| failed.counts);
                // A job that failed before or beside its tests counts as one that failed.
                counts.failed = counts.failed.max(1);
                self.counts += counts;
                "FAILED".to_owned()
            }
        };
        self.rows.push((name, result, seconds));
    }

    fn text(&self) -> String {
        let mut text = format!("{:<24} {:>7}  {}\n", "step", "seconds", "result");
        for (name, result, seconds) in &self.rows {
            text += &format!("{name:<24} {seconds:>7}  {result}\n");
        }
        text += &format!(
            "\n{} passed, {} failed\n",
            self.counts.passed, self.counts.failed
        );
        text
    }

    fn exit_code(&self) -> ExitCode {
        if self.counts.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(passed: u64) -> Result<End> {
        let counts = Counts { passed, failed: 0 };
        Ok(End::Done(Done { counts }))
    }

    #[test]
    fn the_last_line_sums_all_test_runs_and_a_job_without_tests_that_failed_is_one() {
        let mut table = Table::default();
        table.add("rust tests", &done(40), 9);
        table.add(
            "advisories",
            &Ok(End::Skipped("out of reach".to_owned())),
            0,
        );
        assert_eq!(table.exit_code(), ExitCode::SUCCESS);
        table.add("clippy", &Err(anyhow::anyhow!("no compiler")), 1);
        table.add("page calls", &done(2), 30);
        assert_eq!(table.text().lines().last(), Some("42 passed, 1 failed"));
        assert_eq!(table.exit_code(), ExitCode::FAILURE);
    }

    #[test]
    fn every_part_has_jobs_and_knows_its_tools() {
        for part in Part::value_variants() {
            assert!(
                !part.jobs().is_empty() && !part.tools().is_empty(),
                "{part:?}"
            );
        }
    }
}
