//! The frames of all taps of one test, in the order in which the taps saw them.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::sync::watch;

use super::{Packet, Way, locked};
use crate::DEADLINE;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It went on.
    Passed,
    /// It did not.
    Dropped,
    /// It waits; when it is let go, it is noted again.
    Held,
    /// The test has sent it.
    Added,
}

/// A frame that a tap has seen.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The tap's name.
    pub by: String,
    /// Which way it went.
    pub way: Way,
    /// What it says.
    pub packet: Packet,
    /// What became of it.
    pub fate: Fate,
}

impl Frame {
    /// True for an event of this name that a client received, or would have.
    pub fn is_told(&self, by: &str, name: &str) -> bool {
        self.by == by && self.way == Way::Down && self.packet.name() == Some(name)
    }

    /// True for an event of this name that a client said.
    pub fn is_said(&self, by: &str, name: &str) -> bool {
        self.by == by && self.way == Way::Up && self.packet.name() == Some(name)
    }

    /// True where it reached the other end.
    pub fn arrived(&self) -> bool {
        matches!(self.fate, Fate::Passed | Fate::Added)
    }
}

/// The frames of all taps of one test. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct Log {
    frames: Arc<Mutex<Vec<Frame>>>,
    changed: watch::Sender<usize>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            frames: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl Log {
    pub(super) fn note(&self, frame: Frame) {
        let count = {
            let mut frames = locked(&self.frames);
            frames.push(frame);
            frames.len()
        };
        self.changed.send_replace(count);
    }

    /// All frames so far.
    pub fn frames(&self) -> Vec<Frame> {
        locked(&self.frames).clone()
    }

    /// How many frames of a kind there are so far.
    pub fn count(&self, wanted: impl Fn(&Frame) -> bool) -> usize {
        locked(&self.frames)
            .iter()
            .filter(|frame| wanted(frame))
            .count()
    }

    /// Waits until there is a frame as wanted; the first one.
    ///
    /// # Errors
    /// There was none before the deadline; the error shows what there was.
    pub async fn until_one(&self, what: &str, wanted: impl Fn(&Frame) -> bool) -> Result<Frame> {
        self.until_many(what, 1, wanted)
            .await?
            .pop()
            .context("it was there a moment ago")
    }

    /// Waits until there are so many frames as wanted; these.
    ///
    /// # Errors
    /// There were not before the deadline; the error shows what there was.
    pub async fn until_many(
        &self,
        what: &str,
        count: usize,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Result<Vec<Frame>> {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            loop {
                changed.borrow_and_update();
                let found: Vec<Frame> = locked(&self.frames)
                    .iter()
                    .filter(|frame| wanted(frame))
                    .take(count)
                    .cloned()
                    .collect();
                if found.len() == count {
                    return found;
                }
                // The sender is ours: it cannot be gone.
                let _ = changed.changed().await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting)
            .await
            .with_context(|| format!("{what} never came; there were\n{}", self.told()))
    }

    /// One line for each frame that is no ping, for the error of a test.
    fn told(&self) -> String {
        let frames = locked(&self.frames);
        let line = |frame: &Frame| {
            let what = match &frame.packet {
                Packet::Engine(_) => return None,
                Packet::Event { name, payload, ack } => {
                    let signal = payload["signal"]["type"].as_str().unwrap_or_default();
                    format!("{name} {signal} {ack:?}")
                }
                Packet::Ack { id, payload } => format!("ack {id} {}", short(payload)),
                other => short(&format!("{other:?}").into()),
            };
            Some(format!(
                "{} {:?} {:?} {what}",
                frame.by, frame.way, frame.fate
            ))
        };
        let lines: Vec<String> = frames.iter().filter_map(line).collect();
        lines.join("\n")
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(160).collect()
}
