//! Tells stories: many seeds, or one of them in words.

mod bench;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use ringwire_sim::{
    Ending, Plan, Violation, Wanted, coverage_of, picture, shrink, table, tell_safely,
};

#[derive(Debug, Parser)]
#[command(about = "Tells stories that a call can live, and holds them against the laws")]
struct Options {
    /// The first seed; alone, its story is told in words
    #[arg(long)]
    seed: Option<u64>,
    /// How many stories
    #[arg(long)]
    stories: Option<u64>,
    /// Only these acts of the seed's story, as a shrunk story names them
    #[arg(long, value_delimiter = ',')]
    keep: Option<Vec<usize>>,
    /// All of it through the real session and real JSON
    #[arg(long)]
    json: bool,
    /// Draw docs/call-states.svg and docs/call-coverage.md from the first stories
    #[arg(long)]
    draw: bool,
    /// Write target/bench/machine.json
    #[arg(long)]
    bench: Option<PathBuf>,
    /// Threads; as many as there are cores unless said
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.draw {
        return draw();
    }
    if let Some(file) = &options.bench {
        return bench::run(file, options.stories.unwrap_or(1_000_000), options.threads);
    }
    match (options.seed, options.stories) {
        (Some(seed), None) => one(seed, options.json, options.keep.as_deref()),
        (seed, stories) => many(
            seed.unwrap_or(1),
            stories.unwrap_or(20_000),
            options.threads,
        ),
    }
}

fn one(seed: u64, json: bool, keep: Option<&[usize]>) -> ExitCode {
    let mut plan = Plan::of(seed);
    if json {
        plan = plan.in_json();
    }
    let whole = plan.clone();
    if let Some(keep) = keep {
        plan = plan.keep(keep);
    }
    let wanted = Wanted {
        words: true,
        ..Wanted::default()
    };
    let ending = tell_safely(&plan, wanted);
    for line in &ending.words {
        println!("{line}");
    }
    println!("{} steps, {} calls", ending.steps, ending.calls);
    match (&ending.violation, keep) {
        (None, _) => ExitCode::SUCCESS,
        (Some(broken), Some(_)) => {
            println!("BROKEN at {broken}");
            ExitCode::FAILURE
        }
        (Some(broken), None) => {
            report(whole, broken);
            ExitCode::FAILURE
        }
    }
}

/// Shrinks a broken story and says how to see it again.
fn report(plan: Plan, broken: &Violation) {
    let (seed, json) = (plan.seed, plan.is_in_json());
    let kept = shrink(&plan, broken.law, None);
    let list: Vec<String> = kept.iter().map(ToString::to_string).collect();
    let wanted = Wanted {
        words: true,
        ..Wanted::default()
    };
    let ending = tell_safely(&plan.keep(&kept), wanted);
    println!("\nseed {seed} breaks a law; the short story:");
    let from = ending.words.len().saturating_sub(120);
    for line in &ending.words[from..] {
        println!("{line}");
    }
    if let Some(broken) = &ending.violation {
        println!("BROKEN at {broken}");
    }
    let json = if json { " --json" } else { "" };
    println!(
        "again: cargo xtask sim --seed {seed}{json} --keep {}\n",
        list.join(",")
    );
}

fn many(first: u64, stories: u64, threads: Option<usize>) -> ExitCode {
    let threads =
        threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |it| it.get()));
    let begun = Instant::now();
    let (next, steps, least) = (
        AtomicU64::new(0),
        AtomicU64::new(0),
        AtomicU64::new(u64::MAX),
    );
    let tell = || {
        let mut broken = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= stories {
                return broken;
            }
            let seed = first + at;
            let Ending {
                violation,
                steps: taken,
                ..
            } = tell_safely(&Plan::of(seed), Wanted::default());
            steps.fetch_add(taken, Ordering::Relaxed);
            least.fetch_min(taken, Ordering::Relaxed);
            broken.extend(violation.map(|it| (seed, it)));
        }
    };
    let mut broken: Vec<(u64, Violation)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(tell)).collect();
        running
            .into_iter()
            .flat_map(|it| it.join().unwrap_or_default())
            .collect()
    });
    broken.sort_by_key(|(seed, _)| *seed);
    let seconds = begun.elapsed().as_secs_f64();
    let steps = steps.into_inner();
    for (seed, violation) in broken.iter().take(40) {
        println!("{seed}: {violation}");
    }
    if let Some((seed, violation)) = broken.first() {
        report(Plan::of(*seed), violation);
    }
    println!(
        "{stories} stories, {} broken, {steps} steps (least {}), {:.0} stories/s on {threads} threads, {:.0} ns per step",
        broken.len(),
        least.into_inner(),
        stories as f64 / seconds,
        seconds * 1e9 * threads as f64 / steps as f64,
    );
    if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Writes the picture and the table into `docs/`.
fn draw() -> ExitCode {
    let coverage = coverage_of(ringwire_sim::DRAWN);
    let files = [
        ("docs/call-states.svg", picture(&coverage)),
        ("docs/call-coverage.md", table(&coverage)),
    ];
    for (file, text) in files {
        if let Err(error) = std::fs::write(Path::new(file), text) {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
        println!("{file}");
    }
    ExitCode::SUCCESS
}
