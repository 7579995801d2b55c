//! `cargo xtask bench NAME`: sets up, builds as the library ships, and becomes `ringwire-bench`. What is measured, and
//! how, is in `bench/`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::bindings::{self, Bindings};
use crate::house::{House, WEB, WEB_VENDOR};
use crate::languages::words;
use crate::swift::{Built, Speed};
use crate::swift_tools::{self, Found};
use crate::tools::{CHROMEDRIVER, CHROMIUM, ESPEAK, FFMPEG, NODE, NPM, Tool};
use crate::{apt, demo, kotlin, pins, ship, sim, size, swift};

/// What is to be measured; see `ringwire-bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which; without it all are listed
    #[arg(value_enum)]
    name: Option<Bench>,
    /// Passed on: `--rounds N` for setup, `--calls N` for memory
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    /// Accept to first remote picture: cores and Chromium, side by side
    Setup,
    /// What a call holds in memory, and what 100 calls leave
    Memory,
    /// How long a command takes, from 16 threads in a live call
    Commands,
    /// What the border to Kotlin and Swift costs in a call
    Ffi,
    /// How large the library is as it ships, and what is in it
    Size,
    /// A million whole stories in one thread each: violations, stories a second of a core
    Machine,
}

impl Bench {
    fn tools(self) -> Vec<&'static Tool> {
        let mut tools = vec![&NODE, &NPM, &FFMPEG, &ESPEAK];
        match self {
            Self::Setup => tools.extend([&CHROMIUM, &CHROMEDRIVER]),
            Self::Ffi => tools.extend(kotlin::TOOLS.iter().chain(swift::TOOLS)),
            _ => {}
        }
        tools
    }
}

/// Returns when there is nothing to measure, or it could not be started.
pub(crate) fn run(house: &House, options: &Options) -> Result<ExitCode> {
    let Some(name) = options.name else {
        print!("{}", list());
        return Ok(ExitCode::SUCCESS);
    };
    if name == Bench::Machine {
        return sim::bench(house, &options.more);
    }
    if name == Bench::Size {
        return size::bench(house);
    }
    let mut needed = house.compilers();
    needed.extend(name.tools());
    apt::ensure(house, &needed)?;
    let vendor = pins::web_vendor(house)?;
    let program = ship::program(house, "ringwire-bench")?;

    let mut bench = house.command(program);
    bench
        .arg("--out")
        .arg(house.target("bench"))
        .arg(value(name).get_name())
        .args(&options.more)
        .env(WEB, house.path("web"))
        .env(WEB_VENDOR, vendor)
        .envs(demo::programs(&name.tools()));
    if name == Bench::Ffi {
        // The compiler's folder is held until the programs have run.
        let (programs, _swift) = languages(house)?;
        let ended = bench.envs(programs).status();
        let ended = ended.context("cannot start ringwire-bench")?;
        return Ok(if ended.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    Err(bench.exec()).context("cannot start ringwire-bench")
}

/// The programs of the other languages, with the library as it ships: command lines as JSON arrays of words.
fn languages(house: &House) -> Result<([(&'static str, String); 2], Built)> {
    // The program that writes the sources is that of the tests.
    bindings::build(house)?;
    let ships = Bindings {
        library: ship::host_for_tests(house)?,
    };
    let kotlin = kotlin::build(house, &ships)?.run(&ships, "ringwire.tests.BenchKt")?;
    let swift = match swift_tools::find(house)? {
        Found::Here(swift) => Built::new(house, swift, &ships, Speed::Release)?,
        Found::Not(why) => bail!("no Swift: {why}"),
    };
    let programs = [
        ("RINGWIRE_BENCH_KOTLIN", words(&kotlin)?),
        (
            "RINGWIRE_BENCH_SWIFT",
            words(&swift.program(house, "Bench", &[])?)?,
        ),
    ];
    Ok((programs, swift))
}

/// Each with what it measures.
fn list() -> String {
    let mut text = "cargo xtask bench NAME writes target/bench/NAME.json:\n".to_owned();
    for bench in Bench::value_variants() {
        let value = value(*bench);
        let help = value.get_help().map(ToString::to_string);
        text += &format!("  {:<9} {}\n", value.get_name(), help.unwrap_or_default());
    }
    text
}

fn value(bench: Bench) -> clap::builder::PossibleValue {
    bench
        .to_possible_value()
        .expect("no bench is hidden from the command line")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_bench_and_what_it_measures() {
        let list = list();
        for name in ["setup", "memory", "commands", "ffi", "size", "machine"] {
            let line = list.lines().find(|line| line.trim().starts_with(name));
            assert!(line.is_some_and(|line| line.len() > 30), "{list}");
        }
    }

    #[test]
    fn a_browser_is_needed_only_where_one_is_measured() {
        assert!(Bench::Setup.tools().contains(&&CHROMIUM));
        assert!(!Bench::Memory.tools().contains(&&CHROMIUM));
    }
}
