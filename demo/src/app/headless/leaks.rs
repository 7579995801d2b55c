//! What the serving process has open beyond what it had before, counted from outside. The counts
//! before are those of an idle process whose database pool is full, so that nothing grows by habit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ringwire_demo::open_handles::OpenHandles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::server::Server;
use crate::app::findings::Leaks;

/// What is still open so long after the last hang-up is a leak.
const LIMIT: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Counts that stay the same for so many looks are those of an idle process: longer than its
/// waiting threads live.
const IDLE_LOOKS: usize = 20;
/// Requests at once, and how often: more than the pool has connections.
const REQUESTS: usize = 16;
const ROUNDS: usize = 8;

/// Counts of an idle process.
pub(super) struct Idle {
    pub(super) open: OpenHandles,
    runtime_tasks: usize,
}

/// Lets the gateway open all the connections to its database that it ever will.
pub(super) async fn fill_pool(url: &str) -> Result<()> {
    let host = url
        .strip_prefix("http://")
        .context("the gateway's address is not http")?
        .to_owned();
    for _ in 0..ROUNDS {
        let mut requests = JoinSet::new();
        for _ in 0..REQUESTS {
            requests.spawn(ask_health(host.clone()));
        }
        while let Some(answer) = requests.join_next().await {
            answer??;
        }
    }
    Ok(())
}

async fn ask_health(host: String) -> Result<()> {
    let mut stream = TcpStream::connect(&host).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!(
            "the gateway is not well: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    Ok(())
}

/// Waits until the counts stay the same.
pub(super) async fn idle(server: &mut Server) -> Result<Idle> {
    let deadline = Instant::now() + LIMIT;
    let mut last = OpenHandles::of(server.pid())?;
    let mut same = 0;
    while same < IDLE_LOOKS {
        tokio::time::sleep(LOOK_AGAIN).await;
        let now = OpenHandles::of(server.pid())?;
        same = if now == last { same + 1 } else { 0 };
        last = now;
        if Instant::now() >= deadline {
            bail!("gateway and Echo do not come to rest: {last:?}");
        }
    }
    Ok(Idle {
        open: last,
        runtime_tasks: server.measure().await?.runtime_tasks,
    })
}

/// After the calls, with the page still there: waits until nothing is open beyond `before`.
pub(super) async fn settle(
    server: &Server,
    before: OpenHandles,
    in_call: OpenHandles,
) -> Result<Leaks> {
    let started = Instant::now();
    let mut after = OpenHandles::of(server.pid())?;
    while !after.is_back_to(&before) && started.elapsed() < LIMIT {
        tokio::time::sleep(LOOK_AGAIN).await;
        after = OpenHandles::of(server.pid())?;
    }
    let mut leaks = Leaks::default();
    leaks.compare(&before, &after);
    if after.is_back_to(&before) {
        leaks.settled_ms = u64::try_from(started.elapsed().as_millis()).ok();
    }
    (leaks.before, leaks.in_call, leaks.after) = (before, in_call, after);
    Ok(leaks)
}

/// After the browser has gone: now connections that the gateway accepted and tasks inside must be
/// as few as before it came.
pub(super) async fn settle_alone(
    server: &mut Server,
    alone: Idle,
    leaks: &mut Leaks,
) -> Result<()> {
    let started = Instant::now();
    loop {
        let now = OpenHandles::of(server.pid())?;
        let runtime_tasks = server.measure().await?.runtime_tasks;
        let back = now.is_back_to(&alone.open)
            && now.accepted <= alone.open.accepted
            && runtime_tasks <= alone.runtime_tasks;
        if back || started.elapsed() >= LIMIT {
            leaks.compare(&alone.open, &now);
            leaks.sockets = leaks
                .sockets
                .max(now.accepted.saturating_sub(alone.open.accepted));
            leaks.runtime_tasks = runtime_tasks.saturating_sub(alone.runtime_tasks);
            (leaks.alone, leaks.alone_again) = (alone.open, now);
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
