//! The browser part of `cargo xtask test`: the page's own modules in Node, and calls between the page in Chromium and the core.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::house::{House, NODE_MODULES, WEB, WEB_VENDOR, WORKSPACE};
use crate::rust::some_ran;
use crate::step::Step;
use crate::test::End;
use crate::tools::{CHROMEDRIVER, CHROMIUM, ESPEAK, FFMPEG, NODE, NPM, Tool};
use crate::{demo, pins, tools};

/// What the part runs with.
pub(crate) const TOOLS: &[&Tool] = &[&NODE, &NPM, &CHROMIUM, &CHROMEDRIVER, &FFMPEG, &ESPEAK];

/// The tests beside the page, `web/tests/*.test.js`.
pub(crate) fn modules(house: &House) -> Result<End> {
    let mut files = tests_of_the_page(house)?;
    files.sort();
    let mut command = house.command(NODE.find(&tools::ask).context("node is not there")?);
    command
        .args(["--test", "--test-reporter=tap"])
        .args(files)
        .env(NODE_MODULES, pins::socket_io(house)?)
        .env(WEB_VENDOR, pins::web_vendor(house)?);
    some_ran(Step::new("Page: its modules in Node", command).run(house)?)
}

/// The integration tests that drive Chromium, one after the other: each has the machine for itself.
pub(crate) fn calls(house: &House) -> Result<End> {
    chromium(house, "Page: calls in Chromium", "browser", &[])
}

/// The page through servers of another day, and the transcript of what it says.
pub(crate) fn compat(house: &House) -> Result<End> {
    chromium(
        house,
        "Page: old servers and transcripts",
        "compat",
        &["page::"],
    )
}

fn chromium(house: &House, title: &str, binary: &str, filter: &[&str]) -> Result<End> {
    let mut command = house.cargo(["test", "--test", binary]);
    command
        .args(WORKSPACE)
        .args(["--", "--test-threads=1"])
        .args(filter)
        .env(NODE_MODULES, pins::socket_io(house)?)
        .env(WEB, house.path("web"))
        .env(WEB_VENDOR, pins::web_vendor(house)?)
        .envs(demo::programs(TOOLS));
    some_ran(Step::new(title, command).run(house)?)
}

fn tests_of_the_page(house: &House) -> Result<Vec<PathBuf>> {
    let folder = house.path("web/tests");
    let mut files = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.js") {
            files.push(path);
        }
    }
    Ok(files)
}
