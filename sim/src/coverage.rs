//! Which inputs the machines have taken in which states.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringwire_call::{CallState, Command, ConnectionEvent, Input, PathState, Snapshot};
use ringwire_protocol::Push;

use crate::gateway::Cause;
use crate::laws::About;
use crate::world::World;

/// States of a call on a device, in the order of the table.
pub const STATES: [&str; 9] = [
    "none",
    "calling",
    "ringing",
    "incoming",
    "offered",
    "connecting",
    "active",
    "reconnecting",
    "ended",
];

/// States of a call at the gateway.
pub const STATUSES: [&str; 6] = [
    "none",
    "initiated",
    "ringing",
    "active",
    "reconnecting",
    "ended",
];

/// How often each pair was met, and which changes of state there were.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Of the call store: (input, state) to times.
    pub call: BTreeMap<(String, &'static str), u64>,
    /// Of `life`: (command, status) to times.
    pub life: BTreeMap<(String, &'static str), u64>,
    /// Changes of state on devices: (from, to) to the inputs that made them, with times.
    pub changes: BTreeMap<(&'static str, &'static str), BTreeMap<String, u64>>,
    input: String,
}

impl Coverage {
    /// Takes in what another run has met.
    pub fn add(&mut self, other: Self) {
        for (pair, times) in other.call {
            *self.call.entry(pair).or_default() += times;
        }
        for (pair, times) in other.life {
            *self.life.entry(pair).or_default() += times;
        }
        for (change, inputs) in other.changes {
            let mine = self.changes.entry(change).or_default();
            for (input, times) in inputs {
                *mine.entry(input).or_default() += times;
            }
        }
    }
}

pub(crate) fn state(state: &CallState) -> &'static str {
    match state {
        CallState::Calling => "calling",
        CallState::Ringing => "ringing",
        CallState::Incoming => "incoming",
        CallState::Offered => "offered",
        CallState::Connecting => "connecting",
        CallState::Active => "active",
        CallState::Reconnecting { .. } => "reconnecting",
        CallState::Ended { .. } => "ended",
    }
}

/// What an input is called in the table.
pub(crate) fn input(input: &Input) -> String {
    match input {
        Input::Command(command) => match command {
            Command::Call { .. } => "call",
            Command::Accept { .. } => "accept",
            Command::Join { .. } => "join",
            Command::Decline { busy: false, .. } => "decline",
            Command::Decline { busy: true, .. } => "decline, busy",
            Command::HangUp { .. } => "hang up",
            Command::SetMicrophone { .. } => "microphone",
            Command::SetCamera { .. } => "camera",
            Command::SetScreen { .. } => "screen",
            Command::Hold { on: true, .. } => "hold",
            Command::Hold { on: false, .. } => "take up again",
            Command::Background(true) => "to the background",
            Command::Background(false) => "to the front",
            Command::ForceLeave { .. } => "leave by force",
            Command::Push(Push::Ring(_)) => "push of the ring",
            Command::Push(Push::Cancel(_)) => "push of its cancel",
            Command::Push(Push::AnsweredElsewhere(_)) => "push of an answer elsewhere",
        },
        Input::SocketUp { .. } => "socket up",
        Input::SocketDown => "socket down",
        Input::Event(event) => return format!("`{}`", event.name()),
        Input::Ack { outcome, .. } => match outcome {
            Ok(_) => "good answer",
            Err(ringwire_call::AckFailure::Refused(_)) => "refusal",
            Err(_) => "no answer",
        },
        Input::Connection { event, .. } => match event {
            ConnectionEvent::OfferMade { .. } => "offer made",
            ConnectionEvent::AnswerMade { .. } => "answer made",
            ConnectionEvent::Applied { .. } => "answer taken",
            ConnectionEvent::Agreed { .. } => "what is carried",
            ConnectionEvent::Failed { .. } => "connection failed",
            ConnectionEvent::RestartDropped => "restart dropped",
            ConnectionEvent::Candidate { .. } => "own candidate",
            ConnectionEvent::Path(PathState::Connected) => "path connected",
            ConnectionEvent::Path(PathState::Disturbed) => "path disturbed",
            ConnectionEvent::Path(PathState::Broken) => "path broken",
            ConnectionEvent::Path(PathState::Connecting) => "path connecting",
            ConnectionEvent::FirstAudio | ConnectionEvent::FirstVideo => "first media",
        },
        Input::Quality { .. } => "measurement",
        Input::NetworkChanged => "another network",
        Input::Calendar(_) => "calendar",
        Input::Tick => "time",
    }
    .to_owned()
}

impl World {
    pub(crate) fn cover_input(&mut self, d: usize, given: &Input, about: &About) {
        let Some(coverage) = &mut self.coverage else {
            return;
        };
        coverage.input = input(given);
        let snapshot = &self.devices[d].snapshot;
        let mut count = |state: &'static str| {
            *coverage
                .call
                .entry((coverage.input.clone(), state))
                .or_default() += 1;
        };
        match about.key {
            Some(key) => count(snapshot.call(key).map_or("none", |call| state(&call.state))),
            None if about.all && !snapshot.calls.is_empty() => {
                for call in &snapshot.calls {
                    count(state(&call.state));
                }
            }
            None => count("none"),
        }
    }

    pub(crate) fn cover_change(&mut self, d: usize, before: &Arc<Snapshot>) {
        let Some(coverage) = &mut self.coverage else {
            return;
        };
        let after = &self.devices[d].snapshot;
        if Arc::ptr_eq(before, after) {
            return;
        }
        let mut changed = Vec::new();
        for call in &after.calls {
            let was = before
                .call(call.key)
                .map_or("none", |was| state(&was.state));
            let is = state(&call.state);
            if was != is {
                changed.push((was, is));
            }
        }
        for call in &before.calls {
            if after.call(call.key).is_none() {
                changed.push((state(&call.state), "none"));
            }
        }
        for change in changed {
            let inputs = coverage.changes.entry(change).or_default();
            *inputs.entry(coverage.input.clone()).or_default() += 1;
        }
    }

    pub(crate) fn cover_step(&mut self, at: usize, cause: &Cause) {
        if self.coverage.is_none() {
            return;
        }
        let name = match cause {
            Cause::Said(_, command) => command_name(command),
            Cause::SocketLost(_) => "socket lost",
            Cause::Time => "time",
            Cause::Restart => "restart",
        };
        let status = self.gateway.calls[at].call.status();
        let status = STATUSES
            .into_iter()
            .find(|it| *it == status.as_str())
            .unwrap_or("none");
        if let Some(coverage) = &mut self.coverage {
            *coverage.life.entry((name.to_owned(), status)).or_default() += 1;
        }
    }
}

fn command_name(command: &ringwire_life::Command) -> &'static str {
    use ringwire_life::Command;
    match command {
        Command::Ringing => "ringing",
        Command::Join { .. } => "join",
        Command::Leave => "leave",
        Command::End { .. } => "end",
        Command::Decline { .. } => "decline",
        Command::ForceLeave => "force leave",
        Command::Signal(_) => "signal",
        Command::Negotiate { .. } => "negotiate",
        Command::Toggle { .. } => "toggle",
        Command::Heartbeat => "heartbeat",
        Command::Quality(_) => "quality",
        Command::Reconnecting { .. } => "reconnecting",
        Command::Reconnected { .. } => "reconnected",
        Command::Backgrounded => "backgrounded",
        Command::Foregrounded => "foregrounded",
        Command::Said(_) => "said",
        Command::SocketLost => "socket lost",
        Command::SocketBack => "socket back",
    }
}
