//! Runs one long command: progress while it runs, its time when it ends, its last lines and how to run it again when it fails.
//! All of its output goes to a log under `target/xtask/`.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::counts::{Counts, Reader};
use crate::house::House;

/// How often a step that writes no terminal line says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// How long output may still come after the command itself has ended, from a process that it left behind.
const LINGER: Duration = Duration::from_secs(2);
/// How many of its last lines a failing step shows.
const TAIL: usize = 60;
/// How many characters of the command's newest line the spinner shows.
const GLIMPSE: usize = 60;

/// A command with a name.
pub(crate) struct Step {
    name: String,
    log: String,
    command: Command,
}

/// How a step ended well.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    /// The tests that it ran.
    pub(crate) counts: Counts,
}

/// How a step ended badly. What went wrong has been printed.
#[derive(Debug)]
pub(crate) struct Failed {
    name: String,
    /// The tests that it ran.
    pub(crate) counts: Counts,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.name)
    }
}

impl std::error::Error for Failed {}

impl Step {
    /// The name is shown to people; the log's file name is made from it.
    pub(crate) fn new(name: &str, command: Command) -> Self {
        Self {
            name: name.to_owned(),
            log: file_name(name),
            command,
        }
    }

    /// Shows another name, and keeps the log's.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Runs to the end.
    pub(crate) fn run(self, house: &House) -> Result<Done> {
        let Self {
            name,
            log,
            mut command,
        } = self;
        let again = shown(&command);
        let log = house.target("xtask").join(log);
        let mut file = create(&log)?;
        let started = Instant::now();
        let progress = Progress::start(&name, started);

        let (reader, writer) = io::pipe().context("cannot make a pipe")?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone().context("cannot share a pipe")?)
            .stderr(writer);
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        // The command holds the writing ends; the lines end when all of its holders have gone.
        drop(command);
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut line = Vec::new();
            while reader
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });

        let mut heard = Heard::default();
        let status = listen(
            &lines,
            &progress,
            &mut |line| heard.line(line, &mut file),
            || child.try_wait(),
        )?;
        let status = match status {
            Some(status) => status,
            None => child.wait().context("cannot wait for the command")?,
        };
        let seconds = started.elapsed().as_secs();
        if status.success() {
            progress.end(&format!("ok    {name} ({seconds} s)"));
            for line in &heard.closing {
                println!("      {line}");
            }
            return Ok(Done {
                counts: heard.counts,
            });
        }
        progress.end(&format!("FAIL  {name} ({seconds} s): {status}"));
        for line in &heard.tail {
            println!("      | {line}");
        }
        println!("      all of it: {}", log.display());
        println!("      by hand:   {again}");
        Err(Failed {
            name,
            counts: heard.counts,
        }
        .into())
    }
}

/// What a step's output has told so far.
#[derive(Default)]
struct Heard {
    tail: VecDeque<String>,
    closing: Vec<String>,
    reader: Reader,
    counts: Counts,
}

impl Heard {
    fn line(&mut self, line: String, log: &mut File) {
        // A full disk must not look like a failing step: the log is a comfort, the result is not read from it.
        let _ = writeln!(log, "{line}");
        if let Some(counts) = self.reader.line(&line) {
            self.counts += counts;
            if !counts.none() {
                self.closing.push(line.trim().to_owned());
            }
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

/// Passes lines on until the command has ended and its output too, or is late.
fn listen(
    lines: &Receiver<String>,
    progress: &Progress,
    line: &mut dyn FnMut(String),
    mut ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
) -> Result<Option<ExitStatus>> {
    let mut end: Option<(ExitStatus, Instant)> = None;
    let mut beat = Instant::now();
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(text) => {
                progress.glimpse(&text);
                line(text);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(end.map(|(status, _)| status)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if beat.elapsed() >= HEARTBEAT {
            beat = Instant::now();
            progress.beat();
        }
        if end.is_none() {
            end = ended()
                .context("cannot wait for the command")?
                .map(|status| (status, Instant::now()));
        }
        if let Some((status, at)) = end
            && at.elapsed() >= LINGER
        {
            return Ok(Some(status));
        }
    }
}

/// One moving line on a terminal, plain lines elsewhere.
struct Progress {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn start(name: &str, started: Instant) -> Self {
        let bar = on_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {msg:.dim}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            println!("...   {name}");
        }
        Self {
            name: name.to_owned(),
            started,
            bar,
        }
    }

    fn glimpse(&self, line: &str) {
        if let Some(bar) = &self.bar
            && !line.trim().is_empty()
        {
            bar.set_message(line.trim().chars().take(GLIMPSE).collect::<String>());
        }
    }

    fn beat(&self) {
        if self.bar.is_none() {
            println!(
                "...   {} ({} s)",
                self.name,
                self.started.elapsed().as_secs()
            );
        }
    }

    fn end(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        println!("{line}");
    }
}

fn on_terminal() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

fn create(path: &PathBuf) -> Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

fn file_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    format!("{plain}.log")
}

/// The command as a person would type it, with the variables that were set for it.
fn shown(command: &Command) -> String {
    let mut words: Vec<String> = Vec::new();
    if let Some(folder) = command.get_current_dir() {
        words.push(format!("cd {} &&", quoted(&folder.to_string_lossy())));
    }
    words.extend(command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value)))
    }));
    words.push(quoted(&command.get_program().to_string_lossy()));
    words.extend(command.get_args().map(|arg| quoted(&arg.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_step_counts_the_tests_that_its_output_reports() {
        let folder = tempfile::tempdir().unwrap();
        let house = House::at(folder.path());
        let script = "echo 'test result: ok. 3 passed; 0 failed; 1 ignored'; echo more >&2";
        let done = Step::new("Some tests", shell(script)).run(&house).unwrap();
        assert_eq!((done.counts.passed, done.counts.failed), (3, 0));
        let log = fs::read_to_string(house.target("xtask/some-tests.log")).unwrap();
        assert!(log.contains("3 passed") && log.contains("more"), "{log}");
    }

    #[test]
    fn a_failing_step_is_an_error_that_carries_its_counts() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored'; exit 3";
        let error = Step::new("bad", shell(script))
            .run(&House::at(folder.path()))
            .unwrap_err();
        assert_eq!(error.to_string(), "bad failed");
        assert_eq!(error.downcast::<Failed>().unwrap().counts.failed, 2);
    }

    #[test]
    fn a_process_left_behind_does_not_hold_up_the_step() {
        let folder = tempfile::tempdir().unwrap();
        let started = Instant::now();
        // The background process ends by itself; the step must not wait for it.
        Step::new("leaves one", shell("sleep 20 & echo done"))
            .run(&House::at(folder.path()))
            .unwrap();
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_program_that_cannot_start_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Step::new("none", Command::new("ringwire-no-such-program"))
            .run(&House::at(folder.path()))
            .unwrap_err();
        assert_eq!(error.to_string(), "cannot start ringwire-no-such-program");
    }

    #[test]
    fn the_command_to_run_by_hand_is_quoted_for_the_shell_and_carries_its_variables() {
        let mut command = Command::new("cargo");
        command
            .args(["test", "it's", ""])
            .env("A", "b c")
            .env_remove("D");
        assert_eq!(shown(&command), r"A='b c' cargo test 'it'\''s' ''");
    }
}
