//! The last offer or answer of each sender to each recipient, with its candidates, kept for a
//! recipient who is not there yet. What may be sent to whom is not decided here.

use std::time::Duration;

use ringwire_protocol::{DeviceId, PeerId, Signal, SignalBody, Timestamp};
use serde::{Deserialize, Serialize};

/// Most candidates that are kept of one sender for one recipient.
pub const MAX_CANDIDATES: usize = 64;
/// Most characters of SDP and candidates in all; the oldest letters make room.
pub const MAX_CHARACTERS: usize = 1 << 20;

/// A kept signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Letter {
    signal: Signal,
    at: Timestamp,
    /// The device that it was sent to when it came, or since.
    handed: Option<DeviceId>,
}

/// Kept signals of one call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mailbox {
    letters: Vec<Letter>,
}

impl Mailbox {
    /// True when nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Keeps a signal that was sent to `handed` just now, or to nobody yet. A description takes
    /// the place of the one before it; an answer also of the offer that it answers.
    pub(crate) fn post(
        &mut self,
        signal: Signal,
        handed: Option<DeviceId>,
        now: Timestamp,
        keep: Duration,
    ) {
        self.letters.retain(|l| now.saturating_since(l.at) < keep);
        if signal.is_candidate() {
            let kept = self
                .letters
                .iter()
                .filter(|l| l.signal.is_candidate() && same_lane(&l.signal, &signal))
                .count();
            if kept >= MAX_CANDIDATES {
                return;
            }
        } else {
            self.letters
                .retain(|l| !same_lane(&l.signal, &signal) || is_newer(&l.signal, &signal));
            if matches!(signal.body, SignalBody::Answer { .. }) {
                self.letters.retain(|l| !is_answered(l, &signal));
            }
        }
        self.letters.push(Letter {
            signal,
            at: now,
            handed,
        });
        while self.letters.iter().map(|l| size(&l.signal)).sum::<usize>() > MAX_CHARACTERS {
            self.letters.remove(0);
        }
    }

    /// What lies here for a device, in the order in which it came: all of it, or only what the
    /// device was not sent. `undirected` adds what names no device.
    pub(crate) fn collect(
        &mut self,
        peer: &PeerId,
        device: &DeviceId,
        undirected: bool,
        again: bool,
        now: Timestamp,
        keep: Duration,
    ) -> Vec<Signal> {
        self.letters.retain(|l| now.saturating_since(l.at) < keep);
        let mut found = Vec::new();
        for letter in &mut self.letters {
            let mine = letter.signal.to == *peer
                && match &letter.signal.to_device {
                    Some(to) => to == device,
                    None => undirected,
                };
            if mine && (again || letter.handed.as_ref() != Some(device)) {
                letter.handed = Some(device.clone());
                found.push(letter.signal.clone());
            }
        }
        found
    }

    /// Drops what other devices of this person sent or would get: `device` is the one in the call.
    pub(crate) fn keep_for(&mut self, peer: &PeerId, device: &DeviceId) {
        self.letters.retain(|Letter { signal, .. }| {
            let to_another =
                signal.to == *peer && signal.to_device.as_ref().is_some_and(|to| to != device);
            let from_another = signal.from == *peer
                && signal
                    .from_device
                    .as_ref()
                    .is_some_and(|from| from != device);
            !to_another && !from_another
        });
    }

    /// Drops what this person sent or would get.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.letters
            .retain(|l| l.signal.from != *peer && l.signal.to != *peer);
    }

    pub(crate) fn clear(&mut self) {
        self.letters.clear();
    }
}

/// The same sender's device to the same recipient's.
fn same_lane(a: &Signal, b: &Signal) -> bool {
    a.from == b.from
        && a.to == b.to
        && a.from_device == b.from_device
        && a.to_device == b.to_device
        && a.connection == b.connection
}

/// A candidate of a negotiation that begins with, or after, this description: it came first.
fn is_newer(candidate: &Signal, description: &Signal) -> bool {
    candidate.is_candidate()
        && description.negotiation_id.is_some()
        && candidate.negotiation_id >= description.negotiation_id
}

/// What the sender of an answer must have had: the other's description, and its candidates that
/// were handed over.
fn is_answered(letter: &Letter, answer: &Signal) -> bool {
    let Letter { signal, handed, .. } = letter;
    let other_way = signal.from == answer.to
        && signal.to == answer.from
        && signal.connection == answer.connection
        && (signal.to_device.is_none()
            || answer.from_device.is_none()
            || signal.to_device == answer.from_device);
    other_way && (!signal.is_candidate() || handed.is_some())
}

fn size(signal: &Signal) -> usize {
    match &signal.body {
        SignalBody::Offer { sdp, .. }
        | SignalBody::Answer { sdp }
        | SignalBody::IceRestart { sdp } => sdp.len(),
        SignalBody::Candidate { candidate, .. } => candidate.len(),
        SignalBody::Unknown { kind } => kind.len(),
    }
}
