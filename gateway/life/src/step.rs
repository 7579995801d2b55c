//! One step: the working copy of a call, who is told, and how the version grows.

use ringwire_protocol::{CallError, ErrorCode, ServerEvent, Timestamp};

use crate::command::{Actor, Command};
use crate::record::{Call, Person};
use crate::timers::Timers;
use crate::transition::{Audience, Emit, Refused, Reply, Transition};

/// A call that is being changed.
pub(crate) struct Step<'a> {
    pub(crate) call: Call,
    pub(crate) now: Timestamp,
    pub(crate) timers: &'a Timers,
    pub(crate) emits: Vec<Emit>,
}

/// What an actor is to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In the call, on this device; index into `people`.
    Present(usize),
    /// In the call, on another device; index into `people`.
    Elsewhere(usize),
    /// A member who is awaited.
    Invited,
    /// A member who declined or left; after the end, every member.
    Out,
    /// No member.
    Stranger,
}

impl Call {
    /// Carries out what somebody says.
    ///
    /// # Errors
    /// A [`CallError`] about this call; nothing has changed then.
    pub fn act(
        &self,
        by: &Actor,
        command: Command,
        now: Timestamp,
        timers: &Timers,
    ) -> Result<Transition, Refused> {
        let mut step = Step::new(self.clone(), now, timers);
        let reply = step.command(by, command)?;
        Ok(step.done(self, reply))
    }
}

impl Call {
    /// A step in which nothing happens.
    pub fn unchanged(&self, timers: &Timers) -> Transition {
        Transition {
            call: self.clone(),
            emits: Vec::new(),
            reply: Reply::Done,
            next_deadline: self.next_deadline(timers),
        }
    }
}

impl<'a> Step<'a> {
    pub(crate) fn new(call: Call, now: Timestamp, timers: &'a Timers) -> Self {
        Self {
            call,
            now,
            timers,
            emits: Vec::new(),
        }
    }

    fn command(&mut self, by: &Actor, command: Command) -> Result<Reply, Refused> {
        match command {
            Command::Ringing => self.ringing(by),
            Command::Join { row, settings } => self.join(by, row, &settings),
            Command::Leave => self.leave(by, None),
            Command::End { reason } => self.leave(by, reason),
            Command::Decline { reason } => self.decline_only(by, reason),
            Command::ForceLeave => self.force_leave(by),
            Command::Signal(signal) => self.signal(by, signal),
            Command::Negotiate { to, reason } => self.negotiate(by, to, reason),
            Command::Toggle { media, on } => self.toggle(by, media, on),
            Command::Heartbeat => self.heartbeat(by),
            Command::Quality(stats) => self.quality(by, stats),
            Command::Reconnecting { attempt } => self.path(by, true, attempt),
            Command::Reconnected { attempt } => self.path(by, false, attempt),
            Command::Backgrounded => self.background(by, true),
            Command::Foregrounded => self.background(by, false),
            Command::Said(segment) => self.said(by, segment),
            Command::SocketLost => self.socket_lost(by),
            Command::SocketBack => self.socket_back(by),
        }
    }

    /// Closes the step: a change that clients can see makes a new version, and events carry it.
    pub(crate) fn done(mut self, before: &Call, reply: Reply) -> Transition {
        if self.call.seen() != before.seen() {
            self.call.version = before.version.saturating_add(1);
        }
        self.close(reply)
    }

    pub(crate) fn close(mut self, reply: Reply) -> Transition {
        let version = self.call.version;
        for emit in &mut self.emits {
            stamp(&mut emit.event, version);
        }
        let reply = match reply {
            Reply::Heartbeat { .. } => Reply::Heartbeat {
                status: self.call.status(),
                version,
            },
            other => other,
        };
        Transition {
            next_deadline: self.call.next_deadline(self.timers),
            call: self.call,
            emits: self.emits,
            reply,
        }
    }

    /// Tells one audience.
    pub(crate) fn tell(&mut self, to: Audience, event: ServerEvent) {
        self.emits.push(Emit { to, event });
    }

    /// Tells everybody in the call but one row.
    pub(crate) fn tell_others(&mut self, except: usize, event: &ServerEvent) {
        let devices: Vec<Audience> = self
            .call
            .people
            .iter()
            .enumerate()
            .filter(|(index, p)| *index != except && p.left_at.is_none())
            .map(|(_, p)| Audience::Device(p.peer.clone(), p.device.clone()))
            .collect();
        for to in devices {
            self.tell(to, event.clone());
        }
    }

    pub(crate) fn standing(&self, by: &Actor) -> Standing {
        let call = &self.call;
        let here = call
            .people
            .iter()
            .position(|p| p.peer == by.peer && p.left_at.is_none());
        match here {
            Some(index) if call.people[index].device == by.device => Standing::Present(index),
            Some(index) => Standing::Elsewhere(index),
            None if call.member(&by.peer).is_none() => Standing::Stranger,
            None if call.is_invited(&by.peer) => Standing::Invited,
            None => Standing::Out,
        }
    }

    /// The row of somebody who must be in a call that goes on.
    pub(crate) fn present(&mut self, by: &Actor) -> Result<usize, Refused> {
        self.open()?;
        match self.standing(by) {
            Standing::Present(index) => Ok(index),
            Standing::Stranger => Err(self.stranger()),
            _ => Err(self.refuse(ErrorCode::NotInCall, "this device is not in the call")),
        }
    }

    pub(crate) fn at(&mut self, index: usize) -> &mut Person {
        &mut self.call.people[index]
    }

    /// Refuses what comes after the end.
    pub(crate) fn open(&self) -> Result<(), Refused> {
        match self.call.end {
            Some(_) => Err(self.refuse(ErrorCode::CallEnded, "the call is over")),
            None => Ok(()),
        }
    }

    pub(crate) fn refuse(&self, code: ErrorCode, message: &str) -> Refused {
        Box::new(CallError::new(code, message).about(&self.call.id))
    }

    pub(crate) fn stranger(&self) -> Refused {
        self.refuse(
            ErrorCode::NotAParticipant,
            "you are not a member of this conversation",
        )
    }
}

/// Writes the version into events that have a place for it.
fn stamp(event: &mut ServerEvent, version: u64) {
    let place = match event {
        ServerEvent::Ringing(p) => &mut p.version,
        ServerEvent::ParticipantJoined(p) => &mut p.version,
        ServerEvent::ParticipantLeft(p) => &mut p.version,
        ServerEvent::MediaToggled(p) => &mut p.version,
        ServerEvent::Ended(p) => &mut p.version,
        ServerEvent::AlreadyAnswered(p) => &mut p.version,
        ServerEvent::Reconnecting(p) | ServerEvent::Reconnected(p) => &mut p.version,
        _ => return,
    };
    *place = Some(version);
}
