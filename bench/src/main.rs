//! `ringwire-bench`: figures for `docs/performance.md`, each from real calls through a real gateway on this machine.
//! `cargo xtask bench NAME` sets up what is needed and runs it.

#![forbid(unsafe_code)]

mod commands;
mod ffi;
mod figures;
mod memory;
mod setup;
mod steps;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::steps::Steps;

#[derive(Debug, Parser)]
#[command(name = "ringwire-bench")]
struct Arguments {
    /// Folder of the JSON files.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Accept to first remote picture, between cores and browsers.
    Setup {
        /// Calls of each pair that count.
        #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        rounds: u32,
    },
    /// What a call holds in memory, and what is left after many of them.
    Memory {
        /// Calls in a row.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        calls: u32,
    },
    /// How long a command takes, from many threads at once, in a live call.
    Commands,
    /// What the border to Kotlin and Swift costs in a call.
    Ffi {
        /// Calls of each language.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
        rounds: u32,
        /// How long a call lasts; the first five seconds do not count.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(7..=3_600))]
        seconds: u64,
    },
    /// The Rust end of `ffi`.
    #[command(hide = true)]
    FfiRust,
    /// The process that `memory` looks at from outside: JSON lines on standard input and output.
    #[command(hide = true)]
    Core,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ringwire-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    if matches!(arguments.bench, Bench::Core) {
        return memory::core::run();
    }
    if matches!(arguments.bench, Bench::FfiRust) {
        let lab = serde_json::from_str(&std::env::var("RINGWIRE_LAB")?)?;
        let seconds = std::env::var("RINGWIRE_BENCH_SECONDS")?.parse()?;
        return ffi::rust::run(&lab, seconds);
    }
    let steps = Steps::default();
    let said = EnvFilter::try_from_env("RINGWIRE_LOG").unwrap_or_else(|_| "error".into());
    tracing_subscriber::registry()
        .with(steps.clone().with_filter(steps::filter()))
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_filter(said),
        )
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let out = &arguments.out;
    let done = runtime.block_on(async {
        match arguments.bench {
            Bench::Setup { rounds } => setup::run(out, rounds, &steps).await,
            Bench::Memory { calls } => memory::run(out, calls).await,
            Bench::Commands => commands::run(out).await,
            Bench::Ffi { rounds, seconds } => ffi::run(out, rounds, seconds).await,
            Bench::Core | Bench::FfiRust => Ok(()),
        }
    });
    runtime.shutdown_background();
    done
}
