//! What the border costs: the functions of a call that apps call all the time, from Rust, Kotlin and Swift in turn, each
//! in a process of its own, in a call of its own at 30 pictures and 100 blocks of sound a second. Kotlin and Swift also
//! ask the library how much of each call was spent inside; what is left is the border.

pub(crate) mod rust;

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use ringwire_tests::Lab;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use crate::figures::{self, median, rounded};

/// Command lines of the programs, JSON arrays of words, as xtask knows them.
const KOTLIN: &str = "RINGWIRE_BENCH_KOTLIN";
const SWIFT: &str = "RINGWIRE_BENCH_SWIFT";
const SECONDS: &str = "RINGWIRE_BENCH_SECONDS";

/// What is measured, and how often each happens in a second of a call.
const FUNCTIONS: [(&str, f64); 5] = [
    ("video_push", 30.0),
    ("video_next", 30.0),
    ("audio_push", 100.0),
    ("audio_pull", 100.0),
    // A screen that draws itself anew ten times a second.
    ("snapshot", 10.0),
];

/// Goals: the share of one core, in percent.
const GOALS: [(&str, f64); 2] = [("kotlin", 1.0), ("swift", 0.3)];

pub(crate) async fn run(out: &Path, rounds: u32, seconds: u64) -> Result<()> {
    let this = std::env::current_exe()?.to_string_lossy().into_owned();
    let rust = vec![this, "ffi-rust".to_owned()];
    let languages = [
        ("rust", rust),
        ("kotlin", given(KOTLIN)?),
        ("swift", given(SWIFT)?),
    ];
    let mut taken: Vec<Vec<Value>> = vec![Vec::new(); languages.len()];
    for round in 1..=rounds {
        for ((name, words), taken) in languages.iter().zip(&mut taken) {
            println!("round {round} of {rounds}: {name}, {seconds} s");
            taken.push(
                call(words, seconds)
                    .await
                    .with_context(|| (*name).to_owned())?,
            );
        }
    }
    report(out, seconds, &languages.map(|(name, _)| name), &taken)
}

fn given(variable: &str) -> Result<Vec<String>> {
    let words = std::env::var(variable)
        .with_context(|| format!("{variable} is not set: run `cargo xtask bench ffi`"))?;
    Ok(serde_json::from_str(&words)?)
}

/// One call in a process of its own, with a gateway of its own.
async fn call(words: &[String], seconds: u64) -> Result<Value> {
    let (program, words) = words.split_first().context("no program")?;
    let lab = Lab::start().await?;
    let output = Command::new(program)
        .args(words)
        .env("RINGWIRE_LAB", lab.offer()?.to_string())
        .env(SECONDS, seconds.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {program}"))?;
    lab.gateway.shutdown().await;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "it ended with {}: {text}",
        output.status
    );
    let line = text.lines().last().context("it printed nothing")?;
    let said: Value =
        serde_json::from_str(line).with_context(|| format!("it printed no JSON: {line}"))?;
    for (function, _) in FUNCTIONS {
        let figures = &said[function];
        ensure!(
            figures["n"].as_u64() > Some(10) && figures["cpu_us_mean"].is_number(),
            "{function} was not measured: {line}"
        );
    }
    Ok(said)
}

fn report(out: &Path, seconds: u64, names: &[&str], taken: &[Vec<Value>]) -> Result<()> {
    let mut rows = vec![vec!["us of processor per call".to_owned()]];
    rows.extend(FUNCTIONS.map(|(function, _)| vec![function.to_owned()]));
    let mut file = Map::new();
    file.insert("machine".to_owned(), figures::machine());
    file.insert("rounds".to_owned(), json!(taken[0].len()));
    file.insert("seconds".to_owned(), json!(seconds));
    let mut shares = Vec::new();
    for (name, rounds) in names.iter().zip(taken) {
        let goal = GOALS.iter().find(|(of, _)| of == name);
        rows[0].push((*name).to_owned());
        if goal.is_some() {
            rows[0].extend(["inside", "border"].map(str::to_owned));
        }
        let mut entry = Map::new();
        // Microseconds in a second.
        let mut border = 0.0;
        for ((function, per_second), row) in FUNCTIONS.iter().zip(&mut rows[1..]) {
            let mut figures = Map::new();
            let mut shown = vec!["cpu_us_mean"];
            for figure in ["cpu_us_mean", "cpu_us_median", "wall_us_median", "n"] {
                figures.insert(figure.to_owned(), json!(of(rounds, function, figure)?));
            }
            if goal.is_some() {
                for figure in ["inside_us_mean", "border_us_mean"] {
                    figures.insert(figure.to_owned(), json!(of(rounds, function, figure)?));
                    shown.push(figure);
                }
                border += of(rounds, function, "border_us_mean")? * per_second;
            }
            let text =
                |figure: &&str| format!("{:.2}", figures[*figure].as_f64().unwrap_or_default());
            row.extend(shown.iter().map(text));
            entry.insert((*function).to_owned(), Value::Object(figures));
        }
        if let Some((_, goal)) = goal {
            // In percent of the second.
            let share = border / 1e4;
            shares.push(format!(
                "{name}: the border takes {share:.3} % of a core in a call; the goal is under {goal} %"
            ));
            entry.insert("core_share".to_owned(), json!(rounded(share, 4)));
            entry.insert("goal".to_owned(), json!(goal));
        }
        file.insert((*name).to_owned(), Value::Object(entry));
    }
    print!("\n{}", figures::table(&rows));
    println!("{}", shares.join("\n"));
    figures::write(out, "ffi", &Value::Object(file))
}

/// The median of the rounds. The border is what was not spent inside.
fn of(rounds: &[Value], function: &str, figure: &str) -> Result<f64> {
    let one = |round: &Value, figure: &str| {
        let number = round[function][figure].as_f64();
        number.with_context(|| format!("{function} has no {figure}"))
    };
    let all: Result<Vec<f64>> = rounds
        .iter()
        .map(|round| match figure {
            "border_us_mean" => Ok(one(round, "cpu_us_mean")? - one(round, "inside_us_mean")?),
            _ => one(round, figure),
        })
        .collect();
    Ok(rounded(median(&all?), 2))
}
