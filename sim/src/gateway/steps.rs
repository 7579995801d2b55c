//! Steps: load a call, let `life` decide, save it over what was read, answer, tell.

use ringwire_life::{Actor, Audience, Call, Command, Emit, Mailbox, Refused, Reply, Transition};
use ringwire_protocol::ack::{HeartbeatData, InitiateData, JoinData};
use ringwire_protocol::{Ack, CallError, ErrorCode, ServerEvent, timers};

use crate::device::NEVER;
use crate::gateway::{Asker, Cause, time_of, timestamp};
use crate::network::Down;
use crate::world::World;

/// How often a step is tried when others write the same call.
const TRIES: usize = 8;

impl World {
    /// One step of a call: load it, let `life` decide, save it over what was read, answer, tell.
    pub(crate) fn step(&mut self, at: usize, cause: &Cause, asker: Asker) -> Result<(), Refused> {
        for attempt in 0..TRIES {
            let revision = self.gateway.calls[at].revision;
            let decided = self.decide(at, cause);
            self.steps += 1;
            self.cover_step(at, cause);
            let transition = decided?;
            // Between reading and writing the other node may write.
            let resumes = matches!(cause, Cause::Restart);
            if self.setup.two_nodes && attempt == 0 && !resumes && self.dice.in_thousand(100) {
                self.gateway_writes_elsewhere(at);
            }
            if self.gateway.calls[at].revision != revision {
                continue;
            }
            let transition = self.faulty_transition(at, cause, transition);
            self.commit(at, cause, &transition);
            if let Some(span) = self.gateway.crash_at_commit.take() {
                self.gateway_dies(span);
                return Ok(());
            }
            self.finish_step(at, transition, asker);
            return Ok(());
        }
        let message = "too many write to this call at once";
        Err(Box::new(CallError::new(
            ErrorCode::CallStateConflict,
            message,
        )))
    }

    fn decide(&self, at: usize, cause: &Cause) -> Result<Transition, Refused> {
        let (call, now, timers) = (
            &self.gateway.calls[at].call,
            timestamp(self.now),
            &self.gateway.timers,
        );
        match cause {
            Cause::Said(by, command) => call.act(by, command.clone(), now, timers),
            Cause::SocketLost(by) if self.has_device(by) => Ok(call.unchanged(timers)),
            Cause::SocketLost(by) => call.act(by, Command::SocketLost, now, timers),
            Cause::Time => Ok(call.time(now, timers)),
            Cause::Restart => Ok(call.restarted(now, timers)),
        }
    }

    /// A device that has another socket has lost none.
    pub(crate) fn has_device(&self, by: &Actor) -> bool {
        self.links
            .iter()
            .any(|it| it.at_gateway && it.actor.peer == by.peer && it.actor.device == by.device)
    }

    /// The other node lets time act on the same call.
    fn gateway_writes_elsewhere(&mut self, at: usize) {
        let transition = self.gateway.calls[at]
            .call
            .time(timestamp(self.now), &self.gateway.timers);
        self.commit(at, &Cause::Time, &transition);
        self.gateway.calls[at].revision += 1;
        self.finish_step(at, transition, None);
    }

    fn commit(&mut self, at: usize, cause: &Cause, transition: &Transition) {
        let mut call = transition.call.clone();
        if self.setup.json {
            call = through_json(&call);
        }
        let kept = &mut self.gateway.calls[at];
        let before = std::mem::replace(&mut kept.call, call);
        kept.revision += 1;
        kept.deadline = transition.next_deadline.map_or(NEVER, time_of);
        if kept.call.version != before.version {
            kept.changed_at = self.now;
        }
        if kept.call.end.is_some() && before.end.is_none() {
            kept.over_at = Some(self.now);
            self.gateway.live.retain(|it| *it != at);
        }
        let rings_otherwise = kept.call.rings_otherwise_than(&before);
        let over_or_answered = kept.call.end.is_some() != before.end.is_some()
            || kept.call.people.len() != before.people.len();
        if over_or_answered {
            self.look_soon();
        }
        if rings_otherwise {
            self.look_at_pushes(at);
        }
        self.tell_step(at, &before);
        self.law_of_step(at, cause, &before);
    }

    /// Answers first, then tells everybody.
    pub(crate) fn finish_step(&mut self, at: usize, transition: Transition, asker: Asker) {
        let call = &self.gateway.calls[at].call;
        let ack = match &transition.reply {
            Reply::Done => Ack::Done,
            Reply::Initiated => Ack::Initiated(InitiateData {
                call_id: call.id.clone(),
                mode: call.mode.clone(),
                ice_servers: self.ice_servers(),
                ttl: timers::TURN_TTL.as_secs(),
            }),
            Reply::Joined => Ack::Joined(JoinData {
                call_session: call.session(),
                ice_servers: self.ice_servers(),
            }),
            Reply::Heartbeat { status, version } => Ack::Heartbeat(HeartbeatData {
                status: status.clone(),
                version: Some(*version),
            }),
        };
        if let (Ack::Joined(data), Some((link, None))) = (&ack, asker) {
            self.tell_link(link, ServerEvent::Joined(data.clone()));
        }
        self.answer_to(asker, Ok(ack));
        for emit in transition.emits {
            self.tell(at, emit);
        }
    }

    fn tell(&mut self, at: usize, Emit { to, mut event }: Emit) {
        self.law_of_emit(at, &event);
        match &mut event {
            ServerEvent::Initiated(p) => p.ice_servers = Some(self.ice_servers()),
            ServerEvent::ParticipantJoined(p) => p.ice_servers = Some(self.ice_servers()),
            _ => {}
        }
        for link in 0..self.links.len() {
            let it = &self.links[link];
            let meant = it.at_gateway
                && it.actor.peer == *to.peer()
                && match &to {
                    Audience::User(_) => true,
                    Audience::Device(_, device) => it.actor.device == *device,
                    Audience::OtherDevices(_, device) => it.actor.device != *device,
                };
            if meant {
                self.tell_link(link, event.clone());
            }
        }
    }

    pub(crate) fn tell_link(&mut self, link: usize, event: ServerEvent) {
        if self.setup.json {
            return self.session_tells(link, &event);
        }
        if self.links[link].is_cut() && !self.links[link].brings_down(self.now) {
            return;
        }
        self.frame_down(link, Down::Event(event));
    }

    pub(crate) fn answer_to(&mut self, asker: Asker, outcome: Result<Ack, Refused>) {
        let Some((link, op)) = asker else { return };
        let outcome = outcome.map_err(|error| *error);
        match (op, outcome) {
            (Some(op), outcome) if self.setup.json => self.session_acks(link, op, &outcome),
            (Some(op), outcome) => {
                let outcome = Box::new(outcome);
                self.frame_down(link, Down::Ack { op, outcome });
            }
            (None, Err(error)) => self.tell_link(link, ServerEvent::Error(error)),
            (None, Ok(_)) => {}
        }
    }
}

/// As the database keeps a call and gives it back.
fn through_json(call: &Call) -> Call {
    let kept = serde_json::to_string(call).and_then(|text| serde_json::from_str::<Call>(&text));
    let mailbox = serde_json::to_string(&call.mailbox)
        .and_then(|text| serde_json::from_str::<Mailbox>(&text));
    let mut back = kept.expect("a call can be written and read");
    back.mailbox = mailbox.expect("a mailbox can be written and read");
    back
}
