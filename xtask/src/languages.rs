//! The call between Kotlin and Swift: both programs compiled, and the Rust test that lets them call each other.

use std::process::Command;

use anyhow::Result;

use crate::bindings;
use crate::house::{House, WORKSPACE};
use crate::rust::some_ran;
use crate::step::Step;
use crate::swift::{Built, Speed};
use crate::swift_tools::{self, Found};
use crate::test::End;
use crate::tools::Tool;
use crate::{demo, kotlin, swift};

/// The programs' command lines, JSON arrays of words.
const KOTLIN: &str = "RINGWIRE_BETWEEN_KOTLIN";
const SWIFT: &str = "RINGWIRE_BETWEEN_SWIFT";

/// What it runs with.
pub(crate) fn tools() -> Vec<&'static Tool> {
    kotlin::TOOLS.iter().chain(swift::TOOLS).copied().collect()
}

/// Kotlin calls Swift, and the other way round.
pub(crate) fn tests(house: &House) -> Result<End> {
    let compiler = match swift_tools::find(house)? {
        Found::Here(compiler) => compiler,
        Found::Not(why) => return Ok(End::Skipped(why)),
    };
    let bindings = bindings::build(house)?;
    // Whoever holds the package keeps others from replacing its compiler.
    let swift = Built::new(house, compiler, &bindings, Speed::Debug)?;
    let kotlin = kotlin::build(house, &bindings)?.run(&bindings, "ringwire.tests.BetweenKt")?;
    let programs = [
        (KOTLIN, words(&kotlin)?),
        (SWIFT, words(&swift.program(house, "Between", &[])?)?),
    ];
    let mut command = house.cargo(["test", "--test", "languages"]);
    command
        .args(WORKSPACE)
        .args(["--", "--test-threads=1"])
        .envs(programs)
        .envs(demo::programs(&tools()));
    some_ran(Step::new("Languages: Kotlin and Swift call each other", command).run(house)?)
}

/// A command line as a JSON array of words.
pub(crate) fn words(command: &Command) -> Result<String> {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    Ok(serde_json::to_string(&words)?)
}
