//! `ringwire-lab COMMAND …`: runs a command beside a gateway and Echo, both on loopback and both gone when the command
//! ends. Echo answers every call after a fifth of a second. What the command finds in the variable `RINGWIRE_LAB` is
//! said at `Lab::offer`. The lab ends as the command ends.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use ringwire_demo::echo::{Answer, Echo, EchoConfig};
use ringwire_tests::{DEADLINE, Lab, assets};
use tokio::process::Command;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("usage: ringwire-lab COMMAND …")?;
    let lab = Lab::start_with(|config| config.rate_factor = 1_000).await?;
    let mut config = EchoConfig::new(lab.url(), lab.token("echo")?, assets()?);
    config.answer = Answer::Accept {
        after: Duration::from_millis(200),
    };
    let echo = Echo::start(config).await?;
    echo.connected(DEADLINE).await?;

    let mut command = Command::new(program);
    command
        .args(words)
        .env("RINGWIRE_LAB", lab.offer()?.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = command.status().await.context("cannot start the command")?;
    echo.close().await;
    lab.gateway.shutdown().await;
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
