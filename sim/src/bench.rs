//! The bench: many stories, how many of them in a second of one core, and what a call weighs.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ringwire_sim::{Ending, Plan, Wanted, bytes_per_call, tell_safely};
use serde_json::json;

/// How often progress is told, stories.
const PROGRESS: u64 = 50_000;

/// Tells so many stories, prints a table and writes `file`.
pub(crate) fn run(file: &Path, stories: u64, threads: Option<usize>) -> ExitCode {
    let threads =
        threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |it| it.get()));
    let begun = Instant::now();
    let (next, steps, broken, busy) = (
        AtomicU64::new(1),
        AtomicU64::new(0),
        AtomicU64::new(0),
        AtomicU64::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > stories {
                        break;
                    }
                    let Ending {
                        violation,
                        steps: taken,
                        ..
                    } = tell_safely(&Plan::of(seed), Wanted::default());
                    steps.fetch_add(taken, Ordering::Relaxed);
                    if let Some(violation) = violation {
                        broken.fetch_add(1, Ordering::Relaxed);
                        println!("seed {seed}: {violation}");
                    }
                    if seed.is_multiple_of(PROGRESS) {
                        eprintln!("{seed} stories, {:.0} s", begun.elapsed().as_secs_f64());
                    }
                }
                busy.fetch_add(cpu_nanos().unwrap_or_default(), Ordering::Relaxed);
            });
        }
    });
    let wall = begun.elapsed().as_secs_f64();
    // A machine that does other things as well gives a thread less than its time.
    let nanos = match busy.into_inner() {
        0 => wall * 1e9 * threads as f64,
        nanos => nanos as f64,
    };
    let (steps, violations) = (steps.into_inner(), broken.into_inner());
    let per_second = stories as f64 / (nanos / 1e9);
    let figures = json!({
        "stories": stories,
        "violations": violations,
        "stories_per_s": per_second.round(),
        "ns_per_input": (nanos / steps as f64).round(),
        "bytes_per_call": bytes_per_call(),
        "inputs": steps,
        "inputs_per_story": (steps as f64 / stories as f64).round(),
        "threads": threads,
        "wall_s": wall.round(),
    });
    for (name, value) in figures.as_object().into_iter().flatten() {
        println!("{name:<18} {value}");
    }
    if let Some(folder) = file.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    if let Err(error) = std::fs::write(file, format!("{figures:#}\n")) {
        eprintln!("{}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    match violations {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What this thread has had of a core, ns; `None` where the system does not say.
fn cpu_nanos() -> Option<u64> {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split(' ').next()?.parse().ok()
}
