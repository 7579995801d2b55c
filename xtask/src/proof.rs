//! `cargo xtask proof bindings`: every function that the library exports was called by the tests in Kotlin and by those
//! in Swift. The library is built so that each call prints its name; the tests of both languages run with it.

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::bindings::{self, Bindings};
use crate::house::House;
use crate::test::End;
use crate::{apt, kotlin, swift};

/// What can be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Every exported function is used by the tests in Kotlin and in Swift
    Bindings,
}

/// What an exported function is called in the header, and what a call of it prints.
const EXPORTED: &str = "uniffi_ringwire_checksum_";
const CALLED: &str = "uniffi_ringwire_fn_";
const CALL: &str = "calling: ";

pub(crate) fn run(house: &House, what: What) -> Result<ExitCode> {
    let What::Bindings = what;
    let mut needed = house.compilers();
    needed.extend(kotlin::TOOLS.iter().chain(swift::TOOLS));
    apt::ensure(house, &needed)?;

    let bindings = bindings::build_traced(house)?;
    type Suite = fn(&House, &Bindings) -> Result<End>;
    let suites: [(&str, Suite, &str); 2] = [
        ("Kotlin", kotlin::tests_with, kotlin::LOG),
        ("Swift", swift::tests_with, swift::LOG),
    ];
    let mut used = Vec::new();
    for (language, run, log) in suites {
        if let End::Skipped(why) = run(house, &bindings)? {
            bail!("{language} cannot be run here: {why}");
        }
        let log = house.target("xtask").join(log);
        let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
        used.push((language, called(&String::from_utf8_lossy(&said))));
    }
    let header = house.target("swift/generated/RingwireFFI.h");
    let header =
        fs::read_to_string(&header).with_context(|| format!("cannot read {}", header.display()))?;
    let exported = exported(&header);
    ensure!(!exported.is_empty(), "the header names no function");

    println!("\n{:<44}{:>8}{:>8}", "exported", used[0].0, used[1].0);
    let mut missing = 0;
    for name in &exported {
        let marks = used.iter().map(|(_, called)| is_used(name, called));
        let marks: Vec<_> = marks.collect();
        missing += marks.iter().filter(|used| !**used).count();
        let mark = |used: &bool| if *used { "used" } else { "NOT" };
        println!("{:<44}{:>8}{:>8}", name, mark(&marks[0]), mark(&marks[1]));
    }
    ensure!(
        missing == 0,
        "{missing} times a function is not used: call it in tests/kotlin or tests/swift"
    );
    println!("\n{} functions, all used in both languages", exported.len());
    Ok(ExitCode::SUCCESS)
}

/// Names such as `method_callclient_accept` from the header.
fn exported(header: &str) -> BTreeSet<String> {
    let words = header.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter_map(|word| word.strip_prefix(EXPORTED))
        .map(str::to_owned)
        .collect()
}

/// What was called: the whole name of a plain function, the short one of an async one.
fn called(said: &str) -> BTreeSet<String> {
    let calls = said.lines().filter_map(|line| line.split_once(CALL));
    calls.map(|(_, name)| name.trim().to_owned()).collect()
}

fn is_used(exported: &str, called: &BTreeSet<String>) -> bool {
    let short = exported.splitn(3, '_').nth(2).unwrap_or_default();
    called.contains(&format!("{CALLED}{exported}")) || called.contains(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_function_is_known_by_its_whole_name_and_an_async_one_by_its_short_one() {
        let header = "uint16_t uniffi_ringwire_checksum_method_callclient_accept(void\n\
            uint16_t uniffi_ringwire_checksum_method_eventstream_next_event(void";
        let exported: Vec<_> = exported(header).into_iter().collect();
        assert_eq!(
            exported,
            ["method_callclient_accept", "method_eventstream_next_event"]
        );
        let said =
            "a test calling: uniffi_ringwire_fn_method_callclient_accept\ncalling: next_event\n";
        let called = called(said);
        assert!(exported.iter().all(|name| is_used(name, &called)));
        assert!(!is_used("method_callclient_join", &called));
        assert!(!is_used("method_videosink_next", &called));
    }
}
