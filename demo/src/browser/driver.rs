//! chromedriver as a child process: its port, and its end. Chromium is a grandchild, recognised by
//! the profile that nobody else uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const START_LIMIT: Duration = Duration::from_secs(30);
const END_LIMIT: Duration = Duration::from_secs(5);

/// A running chromedriver. Its end is also that of its browsers.
#[derive(Debug)]
pub(super) struct Driver {
    child: Child,
    group: Option<Pid>,
    port: u16,
    profile: PathBuf,
}

impl Driver {
    pub(super) async fn start(program: &Path, profile: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let group = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .map(Pid::from_raw);
        let output = child.stdout.take().context("chromedriver has no output")?;
        let mut lines = BufReader::new(output).lines();
        let port = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(port) = port_in(&line) {
                    return Ok(port);
                }
            }
            bail!("chromedriver ended before it was ready")
        };
        let port = tokio::time::timeout(START_LIMIT, port)
            .await
            .context("chromedriver did not say its port")??;
        // Read on, so that it never waits for a full pipe; ends with the driver.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            child,
            group,
            port,
            profile: profile.to_owned(),
        })
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends the driver and waits until no browser of it is left.
    pub(super) async fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(END_LIMIT, self.child.wait())
            .await
            .is_err()
        {
            self.signal(Signal::SIGKILL);
            let _ = self.child.wait().await;
        }
        self.group = None;
        self.end_browsers();
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may have ended by itself.
            let _ = killpg(group, signal);
        }
    }

    /// Ends what still runs with our profile: Chromium leaves the driver's process group.
    fn end_browsers(&self) {
        for pid in processes_with(&self.profile) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.end_browsers();
    }
}

fn processes_with(profile: &Path) -> Vec<Pid> {
    let wanted = format!("--user-data-dir={}", profile.display());
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let command = fs::read(process.path().join("cmdline")).ok()?;
            let ours = command
                .split(|byte| *byte == 0)
                .any(|word| word == wanted.as_bytes());
            ours.then(|| Pid::from_raw(pid))
        })
        .collect()
}

/// `ChromeDriver was started successfully on port 41234.`
fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("successfully on port ")?;
    rest.trim_end_matches(['.', ' ', '\r']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_line_that_names_it() {
        assert_eq!(
            port_in("ChromeDriver was started successfully on port 41234."),
            Some(41234)
        );
        assert_eq!(port_in("Starting ChromeDriver 156.0 on port 0"), None);
    }
}
