//! What a call holds in memory and what is left after many: one client in a process of its own, looked at from outside
//! in `/proc`; gateway and the other end are in this one.
//!
//! Idle is connected and not in a call, and looked at twice: before the process has had any call, and after a first.
//! In a call, the picture is 640x360 at 30 frames a second and sound flows, both ways.

pub(crate) mod core;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ringwire_demo::open_handles::OpenHandles;
use ringwire_tests::{DEADLINE, Lab, Person, assets, assets_folder};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use self::core::{Line, Who};
use crate::figures::{self, median, rounded};

/// How long a state is looked at, and how often; the median counts.
const LOOKS: usize = 20;
const LOOK: Duration = Duration::from_millis(250);
/// From the first picture to the first look: jitter buffers and histories have filled.
const IN_CALL: Duration = Duration::from_secs(10);
/// After a call, before the first look: nothing of a call is waited for longer.
const REST: Duration = Duration::from_secs(5);
/// Longest that a process takes to close what a call had open.
const SETTLE: Duration = Duration::from_secs(20);

/// What a process has at one moment.
#[derive(Debug, Clone, PartialEq)]
struct State {
    /// Median of resident memory, MB of 1,000,000 bytes.
    rss_mb: f64,
    threads: usize,
    sockets: usize,
    files: usize,
    tasks: usize,
}

pub(crate) async fn run(out: &Path, calls: u32) -> Result<()> {
    let lab = Lab::start_with(|config| config.rate_factor = 1_000).await?;
    // Made here, so that the process under measurement only reads them.
    assets()?;
    let mut alice = lab.person("alice").await?;
    alice.film()?;
    let mut bob = Measured::start(&lab, "bob").await?;

    println!("Idle, before any call");
    let cold = bob.look().await?;
    println!("A first call");
    let first = bob.call(&lab, &alice, IN_CALL).await?;
    sleep(REST).await;
    println!("Idle, after a call");
    let before = bob.look().await?;
    println!("In a call again");
    let connected = bob.call(&lab, &alice, IN_CALL).await?;
    println!("{calls} calls in a row");
    let mut every_tenth = Vec::new();
    for number in 1..=calls {
        bob.brief_call(&lab, &alice).await?;
        if number % 10 == 0 {
            let rss = bob.rss_mb()?;
            println!("  {number} of {calls}, {rss:.1} MB");
            every_tenth.push(rounded(rss, 2));
        }
    }
    bob.settle(&before).await?;
    sleep(REST).await;
    let after = bob.look().await?;
    bob.close().await?;
    alice.client.close().await;
    lab.gateway.shutdown().await;

    let delta = first.rss_mb - cold.rss_mb;
    let states = [
        ("idle, before any call", &cold),
        ("in the first call", &first),
        ("idle, after it", &before),
        ("in the second call", &connected),
        ("idle, after all", &after),
    ];
    let mut rows = vec![
        ["", "RSS in MB", "threads", "sockets", "files", "tasks"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(states.map(|(name, state)| state.row(name)));
    print!("\n{}", figures::table(&rows));
    println!(
        "\na first call holds {delta:.1} MB above idle, a later one {:.1} (goal: under 12); {calls} calls leave {:+.1} MB",
        connected.rss_mb - before.rss_mb,
        after.rss_mb - before.rss_mb,
    );
    let figures = json!({
        "unit": "MB of 1,000,000 bytes",
        "idle_rss_mb": rounded(cold.rss_mb, 2),
        "connected_rss_mb": rounded(first.rss_mb, 2),
        "delta_mb": rounded(delta, 2),
        "warm_idle_rss_mb": rounded(before.rss_mb, 2),
        "warm_connected_rss_mb": rounded(connected.rss_mb, 2),
        "warm_delta_mb": rounded(connected.rss_mb - before.rss_mb, 2),
        "calls": calls,
        "threads_before": before.threads,
        "threads_after": after.threads,
        "sockets_before": before.sockets,
        "sockets_after": after.sockets,
        "files_before": before.files,
        "files_after": after.files,
        "tasks_before": before.tasks,
        "tasks_after": after.tasks,
        "rss_before_mb": rounded(before.rss_mb, 2),
        "rss_after_mb": rounded(after.rss_mb, 2),
        "rss_after_every_tenth_call_mb": every_tenth,
        "machine": figures::machine(),
    });
    figures::write(out, "memory", &figures)
}

impl State {
    fn row(&self, name: &str) -> Vec<String> {
        vec![
            name.to_owned(),
            format!("{:.2}", self.rss_mb),
            self.threads.to_string(),
            self.sockets.to_string(),
            self.files.to_string(),
            self.tasks.to_string(),
        ]
    }
}

/// The process under measurement.
struct Measured {
    child: Child,
    pid: u32,
    username: &'static str,
    questions: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Measured {
    async fn start(lab: &Lab, username: &'static str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("core")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("it has ended already")?;
        let mut questions = child.stdin.take().context("it has no input")?;
        let lines = BufReader::new(child.stdout.take().context("it has no output")?).lines();
        let who = Who {
            url: lab.url(),
            token: lab.token(username)?,
            assets: assets_folder(),
        };
        let mut text = serde_json::to_vec(&who)?;
        text.push(b'\n');
        questions.write_all(&text).await?;
        let mut this = Self {
            child,
            pid,
            username,
            questions,
            lines,
        };
        this.until(Line::Connected).await?;
        Ok(this)
    }

    /// A call that lasts; what the process has in it.
    async fn call(&mut self, lab: &Lab, other: &Person, lasts: Duration) -> Result<State> {
        let key = other.call(&lab.conversation("alice", self.username)?)?;
        self.until(Line::Picture).await?;
        other.until_picture(key).await?;
        let watching = tokio::spawn({
            let sink = other.client.video_sink(key);
            async move { while sink.next_async().await.is_some() {} }
        });
        sleep(lasts).await;
        let state = self.look().await?;
        other.client.hang_up(key)?;
        other.until_ended(key).await?;
        self.until(Line::Ended).await?;
        watching.await?;
        Ok(state)
    }

    /// A call that ends when each has seen the other.
    async fn brief_call(&mut self, lab: &Lab, other: &Person) -> Result<()> {
        let key = other.call(&lab.conversation("alice", self.username)?)?;
        self.until(Line::Picture).await?;
        other.until_picture(key).await?;
        other.client.hang_up(key)?;
        other.until_ended(key).await?;
        self.until(Line::Ended).await
    }

    /// Waits until it has no more open than before; what then still is open shows in the figures.
    async fn settle(&mut self, before: &State) -> Result<()> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let open = OpenHandles::of(self.pid)?;
            let tasks = self.tasks().await?;
            let back = open.tasks <= before.threads
                && open.sockets <= before.sockets
                && tasks <= before.tasks;
            if back || Instant::now() >= deadline {
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }

    async fn look(&mut self) -> Result<State> {
        let mut rss = Vec::with_capacity(LOOKS);
        for _ in 0..LOOKS {
            sleep(LOOK).await;
            rss.push(self.rss_mb()?);
        }
        let open = OpenHandles::of(self.pid)?;
        Ok(State {
            rss_mb: median(&rss),
            threads: open.tasks,
            sockets: open.sockets,
            files: open.files,
            tasks: self.tasks().await?,
        })
    }

    /// `VmRSS` of `/proc/PID/status`.
    fn rss_mb(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kib: f64 = kib.context("no VmRSS in /proc")?.trim().parse()?;
        Ok(kib * 1_024.0 / 1e6)
    }

    async fn tasks(&mut self) -> Result<usize> {
        self.questions.write_all(b"\n").await?;
        loop {
            if let Line::Tasks(count) = self.line().await? {
                return Ok(count);
            }
        }
    }

    async fn until(&mut self, wanted: Line) -> Result<()> {
        while self.line().await? != wanted {}
        Ok(())
    }

    async fn line(&mut self) -> Result<Line> {
        let line = timeout(DEADLINE, self.lines.next_line())
            .await
            .context("the core says nothing")??;
        let Some(line) = line else {
            bail!("the core has ended");
        };
        serde_json::from_str(&line).with_context(|| format!("reading {line:?}"))
    }

    /// The end of its input is its end.
    async fn close(self) -> Result<()> {
        let Self {
            mut child,
            questions,
            ..
        } = self;
        drop(questions);
        let status = timeout(DEADLINE, child.wait())
            .await
            .context("the core did not end")??;
        ensure!(status.success(), "the core ended with {status}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_a_row_of_the_table() {
        let state = State {
            rss_mb: 12.345,
            threads: 4,
            sockets: 1,
            files: 9,
            tasks: 3,
        };
        assert_eq!(state.row("idle"), ["idle", "12.35", "4", "1", "9", "3"]);
    }
}
