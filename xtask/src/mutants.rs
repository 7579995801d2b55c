//! `cargo xtask mutants`: changes the machines in one place at a time and looks whether a test notices: first those of
//! the machine's own crate, then, for what they miss, stories of the simulator. `.cargo/mutants.toml` says what is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::apt;
use crate::house::House;
use crate::step::Step;

const VERSION: &str = "27.1.0";
/// The rooms, by where they lie.
const ROOMS: [(&str, &str); 3] = [
    ("call", "core/call/"),
    ("life", "gateway/life/"),
    ("session", "core/signaling/src/session/"),
];
const PACKAGES: [&str; 3] = ["ringwire-call", "ringwire-life", "ringwire-signaling"];
/// Stories that the simulator tells of each mutant that the crate's own tests miss.
const STORIES: &str = "1000";
/// The least part that must be noticed.
const LEAST: f64 = 0.9;

/// Which mutants.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only one part of them, as `0/10`; the parts are alike
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
}

/// What became of the mutants of one room.
#[derive(Debug, Default, PartialEq, Eq)]
struct Room {
    /// Noticed by the crate's own tests.
    tests: usize,
    /// Noticed by the simulator's laws.
    laws: usize,
    /// Went in circles until the time was over: noticed as well.
    timeouts: usize,
    missed: usize,
    /// Did not compile.
    unviable: usize,
}

impl Room {
    fn share(&self) -> f64 {
        let caught = self.tests + self.laws + self.timeouts;
        caught as f64 / (caught + self.missed).max(1) as f64
    }
}

/// Measures, prints a table and writes `target/mutants/mutants.json`.
pub(crate) fn run(house: &House, options: &Options) -> Result<ExitCode> {
    apt::ensure(house, &house.compilers())?;
    let tool = install(house)?;
    let own = house.target("mutants/tests");
    let mut args = vec!["--cargo-arg=--lib".to_owned()];
    if let Some(shard) = &options.shard {
        args.extend(["--shard".to_owned(), shard.clone()]);
    }
    mutate(house, &tool, &own, &args)?;

    let missed = lines(&own, "missed")?;
    let laws = house.target("mutants/laws");
    if !missed.is_empty() {
        let fixed = [
            "--baseline=skip",
            "--timeout=120",
            "--build-timeout=600",
            "--test-package=ringwire-sim",
            "--cargo-arg=--test=stories",
            "--cargo-arg=--test=found",
        ];
        let mut args: Vec<String> = fixed.map(str::to_owned).to_vec();
        for name in &missed {
            args.extend(["--re".to_owned(), format!("^{}$", escaped(name))]);
        }
        let some = ["--", "--", "--skip=picture_and", "--skip=a_seed_tells"];
        args.extend(some.map(str::to_owned));
        mutate(house, &tool, &laws, &args)?;
    }

    let mut rooms = BTreeMap::new();
    for name in lines(&own, "caught")? {
        room(&mut rooms, &name).tests += 1;
    }
    for name in lines(&own, "timeout")? {
        room(&mut rooms, &name).timeouts += 1;
    }
    for name in lines(&own, "unviable")? {
        room(&mut rooms, &name).unviable += 1;
    }
    let noticed = match missed.is_empty() {
        true => Vec::new(),
        false => [lines(&laws, "caught")?, lines(&laws, "timeout")?].concat(),
    };
    for name in &missed {
        let room = room(&mut rooms, name);
        match noticed.contains(name) {
            true => room.laws += 1,
            false => {
                room.missed += 1;
                println!("missed: {name}");
            }
        }
    }
    tell(house, options, &rooms)
}

fn tell(house: &House, options: &Options, rooms: &BTreeMap<&str, Room>) -> Result<ExitCode> {
    println!(
        "{:<8} {:>6} {:>6} {:>9} {:>7} {:>9} {:>6}",
        "room", "tests", "laws", "timeouts", "missed", "unviable", "share"
    );
    let mut parts = serde_json::Map::new();
    for (name, room) in rooms {
        let Room {
            tests,
            laws,
            timeouts,
            missed,
            unviable,
        } = room;
        let share = room.share();
        println!(
            "{name:<8} {tests:>6} {laws:>6} {timeouts:>9} {missed:>7} {unviable:>9} {:>5.1}%",
            share * 100.0
        );
        let figures = json!({
            "tests": tests, "laws": laws, "timeouts": timeouts,
            "missed": missed, "unviable": unviable, "share": share,
        });
        parts.insert((*name).to_owned(), figures);
    }
    let shard = options.shard.as_deref().unwrap_or("0/1");
    let text = format!("{:#}\n", json!({ "shard": shard, "rooms": parts }));
    house.write(&house.target("mutants/mutants.json"), &text)?;
    match rooms.values().all(|room| room.share() >= LEAST) {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

/// The tool, built once into `target/`.
fn install(house: &House) -> Result<PathBuf> {
    let root = house.target("mutants/tool");
    let program = root.join("bin/cargo-mutants");
    let mark = root.join(VERSION);
    if !(program.exists() && mark.exists()) {
        let mut command = house.cargo(["install", "cargo-mutants", "--locked"]);
        command
            .args(["--version", VERSION, "--force", "--root"])
            .arg(&root);
        Step::new("Build cargo-mutants: minutes, once", command).run(house)?;
        house.write(&mark, "")?;
    }
    Ok(program)
}

/// Runs the tool on a copy of the house. That mutants are missed is no failure of the run.
fn mutate(house: &House, tool: &Path, out: &Path, args: &[String]) -> Result<()> {
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("cannot clear {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut command = house.command(tool);
    command.args(["mutants", "--jobs=1", "--output"]).arg(out);
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    command
        .args(args)
        .env("CARGO_TARGET_DIR", house.target("mutants/build"))
        .env("RINGWIRE_STORIES", STORIES);
    let status = command.status().context("cannot start cargo-mutants")?;
    match status.code() {
        // All noticed, some missed, some timed out.
        Some(0 | 2 | 3) => Ok(()),
        _ => bail!("cargo-mutants failed: {status}"),
    }
}

/// The names of the mutants that ended so.
fn lines(out: &Path, how: &str) -> Result<Vec<String>> {
    let file = out.join("mutants.out").join(format!("{how}.txt"));
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let names = text.lines().filter(|line| !line.is_empty());
    Ok(names.map(str::to_owned).collect())
}

fn room<'a>(rooms: &'a mut BTreeMap<&'static str, Room>, mutant: &str) -> &'a mut Room {
    let of = ROOMS.iter().find(|(_, place)| mutant.starts_with(place));
    rooms
        .entry(of.map_or("other", |(name, _)| *name))
        .or_default()
}

/// A name as a regular expression that means it alone.
fn escaped(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_belongs_to_the_room_in_which_it_lies() {
        let mut rooms = BTreeMap::new();
        room(&mut rooms, "core/call/src/acks.rs:1:2: replace a with b").tests += 3;
        room(&mut rooms, "core/signaling/src/session/mod.rs:1:2: x").missed += 1;
        assert_eq!(rooms["call"].tests, 3);
        assert_eq!(rooms["session"].missed, 1);
    }

    #[test]
    fn what_does_not_compile_counts_for_nothing_and_what_never_ends_is_noticed() {
        let room = Room {
            tests: 7,
            laws: 1,
            timeouts: 1,
            missed: 1,
            unviable: 90,
        };
        assert_eq!(room.share(), 0.9);
    }

    #[test]
    fn a_name_means_itself_alone() {
        let name = "a.rs:1:2: replace || with && in <A as B>::c";
        assert_eq!(
            escaped(name),
            r"a\.rs:1:2: replace \|\| with \&\& in <A as B>::c"
        );
    }
}
