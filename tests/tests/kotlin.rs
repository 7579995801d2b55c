//! A program in Kotlin on the JVM calls Echo through the bindings: `tests/kotlin/CallEcho.kt`.
//! `cargo xtask test --only kotlin` compiles it and says where it lies.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringwire_demo::echo::{Answer, Echo, EchoConfig};
use ringwire_tests::{DEADLINE, Lab, assets};
use serde_json::Value;
use tokio::process::Command;

/// The program's main class.
const PROGRAM: &str = "CallEchoKt";

fn given(variable: &str) -> Result<String> {
    std::env::var(variable)
        .with_context(|| format!("{variable} is not set: run `cargo xtask test --only kotlin`"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kotlin_program_calls_echo_sees_it_and_is_seen() -> Result<()> {
    let lab = Lab::start().await?;
    let mut config = EchoConfig::new(lab.url(), lab.token("echo")?, assets()?);
    config.answer = Answer::Accept {
        after: Duration::from_millis(200),
    };
    let echo = Echo::start(config).await?;
    echo.connected(DEADLINE).await?;

    let library = given("RINGWIRE_KOTLIN_LIBRARY_PATH")?;
    let program = Command::new(given("RINGWIRE_JAVA")?)
        .arg(format!("-Djna.library.path={library}"))
        .args(["-cp", &given("RINGWIRE_KOTLIN_CLASSPATH")?, PROGRAM])
        .args([
            lab.url(),
            lab.token("alice")?,
            lab.conversation("alice", "echo")?.to_string(),
        ])
        .arg(ringwire_tests::assets_folder().join("echo.ivf"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(2 * DEADLINE, program)
        .await
        .context("it hangs")??;
    let text = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "it ended with {}: {text}",
        output.status
    );
    let line = text.lines().last().context("it printed nothing")?;
    println!("{line}");
    let said: Value = serde_json::from_str(line).context("it printed no JSON")?;
    assert_eq!(said["stage"], "ACTIVE");
    assert!(said["pictures"].as_u64() >= Some(90), "{line}");
    assert!(said["loudest"].as_i64() >= Some(1_000), "{line}");
    assert_eq!(said["ended"], "completed");
    assert!(said["packets_sent"].as_u64() > Some(30), "{line}");
    assert_eq!(said["after"], "null", "nothing follows Closed");

    let calls = echo.calls();
    let call = calls.first().context("Echo saw no call")?;
    assert!(
        call.video.frames >= 30,
        "Echo got {} pictures",
        call.video.frames
    );
    echo.close().await;
    lab.gateway.shutdown().await;
    Ok(())
}
