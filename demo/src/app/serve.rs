//! Gateway and Echo behind JSON lines, for a process that counts from outside what they leave open.
//! One command a line on standard input, its end is the end; one [`Line`] a line on standard output.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ringwire_demo::echo::{Measurements, Update, unix_ms};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::sync::broadcast::error::RecvError;

use super::house::{House, Plan};

/// What the serving process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// It has begun.
    Ready {
        /// Address of the page.
        url: String,
    },
    /// Something happened.
    Update(Update),
    /// Answer to [`Command::Measure`].
    Measured {
        /// All calls, the oldest first.
        calls: Vec<Measurements>,
        /// Tasks of the runtime that gateway and Echo run on.
        runtime_tasks: usize,
        /// Milliseconds since the Unix epoch.
        at_ms: i64,
    },
    /// Everything is closed.
    Closed,
}

/// What the serving process is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    /// Say what was measured so far.
    Measure,
}

pub(crate) async fn run(out: &Path, port: Option<u16>, dump: PathBuf) -> Result<()> {
    let plan = Plan {
        out,
        port: Some(port.unwrap_or(0)),
        lan: None,
        dump_dir: Some(dump),
    };
    let house = House::start(plan, &mut |_| {}).await?;
    let mut updates = house.echo().updates();
    say(&Line::Ready {
        url: house.url().to_owned(),
    })
    .await?;
    let mut commands = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            command = commands.next_line() => {
                let Some(command) = command? else { break };
                let command = serde_json::from_str(&command).context("reading a command")?;
                match command {
                    Command::Measure => {
                        let calls = house.echo().calls();
                        let runtime_tasks =
                            tokio::runtime::Handle::current().metrics().num_alive_tasks();
                        say(&Line::Measured { calls, runtime_tasks, at_ms: unix_ms() }).await?;
                    }
                }
            }
            update = updates.recv() => match update {
                Ok(update) => say(&Line::Update(update)).await?,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            }
        }
    }
    house.close().await;
    say(&Line::Closed).await
}

async fn say(line: &Line) -> Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    let mut out = stdout();
    out.write_all(&text).await?;
    Ok(out.flush().await?)
}
