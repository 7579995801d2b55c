//! `cargo xtask …`: the demo, the tests, the check for phones and the benches, each with the set-up that it needs.
//! The commands are here; what each does is in the module of its name.

mod apt;
mod bench;
mod bindings;
mod counts;
mod demo;
mod house;
mod kotlin;
mod languages;
mod mobile;
mod mutants;
mod package;
mod package_android;
mod package_elf;
mod package_ios;
mod package_macho;
mod package_notice;
mod package_zip;
mod page;
mod pins;
mod proof;
mod rust;
mod ship;
mod sim;
mod size;
mod step;
mod swift;
mod swift_tools;
mod test;
mod tools;
mod tune;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::house::House;
use crate::step::Failed;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "What a developer or a CI does with Ringwire"
)]
struct Cli {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Start a gateway, the page and a core that answers, and print the page's address
    Demo(demo::Options),
    /// Run all checks and tests, and end with a line "N passed, N failed"
    Test {
        /// Run only this part
        #[arg(long, value_enum)]
        only: Option<test::Part>,
    },
    /// Tell stories that a call can live, in one thread on a virtual clock, and hold them against the laws
    Sim(sim::Options),
    /// Change the machines in one place at a time and look whether a test notices
    Mutants(mutants::Options),
    /// Type-check the core and the bindings for Android and iOS
    CheckMobile {
        /// Build the standard library from its source even if rustup can bring it
        #[arg(long)]
        build_std: bool,
    },
    /// Prove, by running the tests that show it
    Proof {
        /// What is to be proven
        #[arg(value_enum)]
        what: proof::What,
    },
    /// Build the library for this machine and write the Kotlin and Swift that go with it into target/package/bindings
    Bindings,
    /// Pack the library for apps into target/package
    Package {
        /// For which phones
        #[command(subcommand)]
        what: package::What,
    },
    /// Measure, print a table and write target/bench/NAME.json
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let end = House::find().and_then(|house| match cli.job {
        Job::Demo(options) => demo::run(&house, &options),
        Job::Test { only } => test::run(&house, only),
        Job::Proof { what } => proof::run(&house, what),
        Job::Bindings => package::bindings(&house),
        Job::Package { what } => package::run(&house, &what),
        Job::Bench(options) => bench::run(&house, &options),
        Job::Sim(options) => sim::run(&house, &options),
        Job::Mutants(options) => mutants::run(&house, &options),
        Job::CheckMobile { build_std } => mobile::run(&house, build_std),
    });
    match end {
        Ok(code) => code,
        Err(error) => {
            // A step that failed has already shown how.
            if !error.is::<Failed>() {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_commands_of_the_readme_are_understood() {
        for line in [
            "xtask demo",
            "xtask demo --lan --port 8443",
            "xtask demo --headless --seconds 10 --json target/demo/report.json",
            "xtask test",
            "xtask test --only kotlin",
            "xtask test --only swift",
            "xtask sim --seed 7",
            "xtask sim --stories 1000",
            "xtask sim --seed 7 --keep 0,3",
            "xtask bench machine",
            "xtask mutants --shard 0/10",
            "xtask check-mobile",
            "xtask bench",
            "xtask bench setup",
            "xtask bench ffi --rounds 1 --seconds 10",
            "xtask bench size",
            "xtask proof bindings",
            "xtask bindings",
            "xtask package android --abi arm64-v8a --abi x86",
            "xtask package ios",
            "xtask bench memory --calls 300",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap();
        }
        assert!(Cli::try_parse_from(["xtask", "test", "--only", "cobol"]).is_err());
    }
}
