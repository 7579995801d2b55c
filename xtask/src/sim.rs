//! `cargo xtask sim` and `cargo xtask bench machine`: builds the simulator for speed, and becomes it. What it does is in
//! `sim/`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::apt;
use crate::house::House;
use crate::step::Step;

/// What the simulator is to do.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Passed on: `--seed S` tells one story in words, `--stories N` tells many, `--draw` draws `docs/call-states.svg`
    /// and `docs/call-coverage.md`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<OsString>,
}

/// Returns when it could not be started.
pub(crate) fn run(house: &House, options: &Options) -> Result<ExitCode> {
    become_it(house, &options.more)
}

/// A million stories, measured; returns when it could not be started.
pub(crate) fn bench(house: &House, more: &[OsString]) -> Result<ExitCode> {
    let mut args = vec![
        OsString::from("--bench"),
        house.target("bench").join("machine.json").into_os_string(),
    ];
    args.extend_from_slice(more);
    become_it(house, &args)
}

fn become_it(house: &House, args: &[OsString]) -> Result<ExitCode> {
    apt::ensure(house, &house.compilers())?;
    Step::new(
        "Build the simulator for speed",
        house.cargo(["build", "--profile", "sim", "-p", "ringwire-sim"]),
    )
    .run(house)?;
    let mut sim = house.command(house.simulator());
    Err(sim.args(args).exec()).context("cannot start ringwire-sim")
}
