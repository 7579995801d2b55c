//! One call between two languages, each end a program of its own with the real library: Kotlin's `Between`
//! (`tests/kotlin`) and Swift's (`tests/swift`). `cargo xtask test --only swift` compiles both and says where they lie.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use ringwire_tests::{DEADLINE, Lab};
use serde_json::Value;
use tokio::process::Command;

/// How each language begins its program: a JSON array of words.
const KOTLIN: &str = "RINGWIRE_BETWEEN_KOTLIN";
const SWIFT: &str = "RINGWIRE_BETWEEN_SWIFT";

const CONVERSATION: &str = "alice-bob";

/// One end, as its language starts it.
fn end(language: &str, lab: &Lab, words: &[&str]) -> Result<Command> {
    let given = std::env::var(language)
        .with_context(|| format!("{language} is not set: run `cargo xtask test --only swift`"))?;
    let given: Vec<String> = serde_json::from_str(&given)?;
    let (program, first) = given.split_first().context("no program")?;
    let mut command = Command::new(program);
    command
        .args(first)
        .args(words)
        .env("RINGWIRE_LAB", lab.offer()?.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs one end and checks what it says it saw and heard.
async fn run(name: &str, mut command: Command) -> Result<()> {
    let output = tokio::time::timeout(2 * DEADLINE, command.output());
    let output = output.await.with_context(|| format!("{name} hangs"))??;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{name} ended with {}: {text}",
        output.status
    );
    let line = text
        .lines()
        .last()
        .with_context(|| format!("{name} printed nothing"))?;
    println!("{name}: {line}");
    let said: Value =
        serde_json::from_str(line).with_context(|| format!("{name} printed no JSON: {line}"))?;
    ensure!(
        said["pictures"].as_u64() >= Some(60),
        "{name} saw too little: {line}"
    );
    ensure!(
        said["loudest"].as_i64() >= Some(1_000),
        "{name} heard nothing: {line}"
    );
    ensure!(said["ended"] == "completed", "{name}: {line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kotlin_calls_swift_and_both_see_and_hear() -> Result<()> {
    let lab = Lab::start().await?;
    let swift = end(SWIFT, &lab, &["callee", CONVERSATION, "bob"])?;
    let kotlin = end(KOTLIN, &lab, &["caller", CONVERSATION])?;
    tokio::try_join!(run("Swift", swift), run("Kotlin", kotlin))?;
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swift_calls_kotlin_and_both_see_and_hear() -> Result<()> {
    let lab = Lab::start().await?;
    let kotlin = end(KOTLIN, &lab, &["callee", CONVERSATION])?;
    let swift = end(SWIFT, &lab, &["caller", CONVERSATION, "alice"])?;
    tokio::try_join!(run("Swift", swift), run("Kotlin", kotlin))?;
    lab.gateway.shutdown().await;
    Ok(())
}
