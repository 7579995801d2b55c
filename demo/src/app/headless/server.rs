//! Gateway and Echo in a process of their own, so that what they leave open can be counted from
//! outside.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ringwire_demo::echo::{Measurements, Update};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command as Process};
use tokio::time::{Instant, sleep, timeout};

use crate::app::serve::{Command, Line};

const START_LIMIT: Duration = Duration::from_secs(60);
const REPLY_LIMIT: Duration = Duration::from_secs(10);
const END_LIMIT: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(crate) struct Server {
    child: Child,
    pid: u32,
    url: String,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Everything that was measured so far.
pub(crate) struct Measured {
    /// The oldest first.
    pub(crate) calls: Vec<Measurements>,
    pub(crate) runtime_tasks: usize,
    /// Milliseconds since the Unix epoch.
    pub(crate) at_ms: i64,
}

impl Server {
    pub(crate) async fn start(out: &Path, dump: &Path, port: Option<u16>) -> Result<Self> {
        let mut child = Process::new(std::env::current_exe()?)
            .arg("--out")
            .arg(out)
            .args(port.map(|port| format!("--port={port}")))
            .arg("serve")
            .arg("--dump")
            .arg(dump)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("it has ended already")?;
        let commands = child.stdin.take().context("it has no input")?;
        let lines = BufReader::new(child.stdout.take().context("it has no output")?).lines();
        let mut server = Self {
            child,
            pid,
            url: String::new(),
            commands,
            lines,
        };
        match timeout(START_LIMIT, server.line())
            .await
            .context("it did not begin in time")??
        {
            Line::Ready { url } => server.url = url,
            other => bail!("it began with {other:?}"),
        }
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn measure(&mut self) -> Result<Measured> {
        let mut command = serde_json::to_vec(&Command::Measure)?;
        command.push(b'\n');
        self.commands.write_all(&command).await?;
        let reply = async {
            loop {
                match self.line().await? {
                    Line::Measured {
                        calls,
                        runtime_tasks,
                        at_ms,
                    } => {
                        return Ok(Measured {
                            calls,
                            runtime_tasks,
                            at_ms,
                        });
                    }
                    Line::Update(Update::Failed { message }) => bail!("Echo has failed: {message}"),
                    _ => {}
                }
            }
        };
        timeout(REPLY_LIMIT, reply)
            .await
            .context("gateway and Echo do not answer")?
    }

    /// Looks at the calls until `found` finds something in them.
    pub(crate) async fn wait_for<T>(
        &mut self,
        limit: Duration,
        found: impl Fn(&[Measurements]) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let calls = self.measure().await?.calls;
            if let Some(found) = found(&calls) {
                return Ok(found);
            }
            ensure!(
                Instant::now() < deadline,
                "not within {limit:?}; the calls: {calls:?}"
            );
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The end of its input is its end.
    pub(crate) async fn close(self) -> Result<()> {
        let Self {
            mut child,
            commands,
            mut lines,
            ..
        } = self;
        drop(commands);
        let end = async {
            while lines.next_line().await?.is_some() {}
            child.wait().await
        };
        let status = timeout(END_LIMIT, end)
            .await
            .context("gateway and Echo did not end")??;
        ensure!(status.success(), "gateway and Echo ended with {status}");
        Ok(())
    }

    async fn line(&mut self) -> Result<Line> {
        let line = self
            .lines
            .next_line()
            .await?
            .context("gateway and Echo have ended")?;
        serde_json::from_str(&line).with_context(|| format!("reading {line:?}"))
    }
}
