//! What devices say: limits, and which call each word is for.

use ringwire_life::{Actor, Call, Command, ConversationKind, Member, Refused, Start};
use ringwire_protocol::ack::ActiveCalls;
use ringwire_protocol::client::Initiate;
use ringwire_protocol::server::IceServersRefreshed;
use ringwire_protocol::{
    Ack, CallError, CallId, CallParticipantId, ClientEvent, ErrorCode, MediaType, ParticipantId,
    PeerId, ServerEvent, timers,
};

use crate::device::NEVER;
use crate::gateway::{Asker, Cause, Kept, number, person, time_of, timestamp};
use crate::model::Model;
use crate::network::Up;
use crate::plan::PEOPLE;
use crate::world::World;

impl World {
    pub(crate) fn gateway_hears(&mut self, link: usize, frame: Up) {
        if !self.gateway.up {
            return;
        }
        match frame {
            Up::Event { op, event } => self.event(link, op, event),
            Up::Text(text) => self.gateway_reads(link, &text),
        }
    }

    pub(crate) fn event(&mut self, link: usize, op: Option<u64>, event: ClientEvent) {
        let actor = self.links[link].actor.clone();
        let (who, rate, now) = (person(actor.peer.as_str()), event.rate(), self.now);
        let asker = Some((link, op));
        if let Err(wait) = self.gateway.rates.admit(who, rate, event.call_id(), now) {
            let mut error = CallError::new(ErrorCode::RateLimitExceeded, "too many of these");
            error.call_id = event.call_id().cloned();
            error.retry_after = Some(wait as f64 / 1_000.0);
            if rate.0 != "heartbeat" {
                let d = self.links[link].device;
                self.devices[d].limited_until = now + wait + 10_000;
            }
            return self.answer_to(asker, Err(Box::new(error)));
        }
        if let Err(error) = self.dispatch(link, &actor, event, op) {
            self.answer_to(asker, Err(error));
        }
    }

    fn dispatch(
        &mut self,
        link: usize,
        by: &Actor,
        event: ClientEvent,
        op: Option<u64>,
    ) -> Result<(), Refused> {
        let asker = Some((link, op));
        let toggle = |media, on| Command::Toggle { media, on };
        let (call, command) = match event {
            ClientEvent::Initiate(said) => return self.initiate(by, said, asker),
            ClientEvent::Join(said) => {
                let settings = said.settings.unwrap_or_default();
                let row = self.fresh_row();
                (said.call_id, Command::Join { row, settings })
            }
            ClientEvent::ForceLeave(said) => {
                let there = self.gateway.live_in(&said.conversation_id);
                let Some(at) = there.and_then(|kept| number(&kept.call.id)) else {
                    self.answer_to(asker, Ok(Ack::Done));
                    return Ok(());
                };
                let cause = Cause::Said(by.clone(), Command::ForceLeave);
                return self.step(at, &cause, asker);
            }
            ClientEvent::CheckActive(_) => {
                self.check_active(link, by, asker);
                return Ok(());
            }
            ClientEvent::RequestIceServers(of) => {
                let refreshed = IceServersRefreshed {
                    call_id: of.call_id,
                    ice_servers: self.ice_servers(),
                    ttl: timers::TURN_TTL.as_secs(),
                };
                self.tell_link(link, ServerEvent::IceServersRefreshed(refreshed));
                self.answer_to(asker, Ok(Ack::Done));
                return Ok(());
            }
            ClientEvent::Ringing(p) => (p.call_id, Command::Ringing),
            ClientEvent::Leave(p) => (p.call_id, Command::Leave),
            ClientEvent::End(p) => (p.call_id, Command::End { reason: p.reason }),
            ClientEvent::Signal(p) => (p.call_id, Command::Signal(p.signal)),
            ClientEvent::Negotiate(p) => {
                let (to, reason) = (p.to, p.reason);
                (p.call_id, Command::Negotiate { to, reason })
            }
            ClientEvent::ToggleAudio(p) => (p.call_id, toggle(MediaType::Audio, p.enabled)),
            ClientEvent::ToggleVideo(p) => (p.call_id, toggle(MediaType::Video, p.enabled)),
            ClientEvent::ToggleScreen(p) => (p.call_id, toggle(MediaType::Screen, p.enabled)),
            ClientEvent::Hold(p) => (p.call_id, toggle(MediaType::Hold, p.enabled)),
            ClientEvent::Heartbeat(p) => (p.call_id, Command::Heartbeat),
            ClientEvent::QualityReport(p) => (p.call_id, Command::Quality(p.stats)),
            ClientEvent::Reconnecting(p) => {
                let attempt = p.attempt;
                (p.call_id, Command::Reconnecting { attempt })
            }
            ClientEvent::Reconnected(p) => {
                let attempt = p.attempt;
                (p.call_id, Command::Reconnected { attempt })
            }
            ClientEvent::Backgrounded(p) => (p.call_id, Command::Backgrounded),
            ClientEvent::Foregrounded(p) => (p.call_id, Command::Foregrounded),
            ClientEvent::TranscriptionSegment(p) => (p.call_id, Command::Said(p.segment)),
            ClientEvent::Subscribe(_) | ClientEvent::Unknown { .. } => {
                let message = "this is not known here";
                return Err(Box::new(CallError::new(
                    ErrorCode::ValidationError,
                    message,
                )));
            }
        };
        let Some(at) = number(&call).filter(|at| *at < self.gateway.calls.len()) else {
            let error = CallError::new(ErrorCode::CallNotFound, "there is no such call");
            return Err(Box::new(error.about(&call)));
        };
        self.step(at, &Cause::Said(by.clone(), command), asker)
    }

    fn fresh_row(&mut self) -> CallParticipantId {
        self.gateway.rows += 1;
        CallParticipantId::new(format!("row-{}", self.gateway.rows)).expect("a number is an id")
    }

    fn initiate(&mut self, by: &Actor, said: Initiate, asker: Asker) -> Result<(), Refused> {
        let place = self
            .gateway
            .places
            .iter()
            .find(|(place, _)| place.id == said.conversation_id)
            .cloned();
        let Some((conversation, people)) = place else {
            let message = "there is no such conversation";
            return Err(Box::new(CallError::new(
                ErrorCode::ConversationNotFound,
                message,
            )));
        };
        let start = Start {
            call: CallId::new(format!("c{}", self.gateway.calls.len())).expect("a number is an id"),
            row: self.fresh_row(),
            members: people.iter().map(|it| member(PEOPLE[*it])).collect(),
            conversation,
            call_type: said.call_type,
            settings: said.settings.unwrap_or_default(),
        };
        let direct = start.conversation.kind == ConversationKind::Direct;
        let there = self.gateway.live_in(&start.conversation.id);
        if let Some(kept) = there
            && !self.has_fault_no_claim()
        {
            return Err(Box::new(kept.call.already_active()));
        }
        let made = Call::initiate(start, by, timestamp(self.now), &self.gateway.timers)?;
        self.steps += 1;
        let at = self.gateway.calls.len();
        self.gateway.calls.push(Kept {
            model: Model::begins(
                direct,
                person(by.peer.as_str()),
                by.device.clone(),
                self.now,
            ),
            call: made.call.clone(),
            revision: 1,
            deadline: made.next_deadline.map_or(NEVER, time_of),
            changed_at: self.now,
            over_at: None,
        });
        self.gateway.live.push(at);
        self.law_of_claims();
        self.look_soon();
        self.plan_pushes(at);
        self.finish_step(at, made, asker);
        Ok(())
    }

    /// All calls that ring for somebody or that they are in; those that ring are told again.
    fn check_active(&mut self, link: usize, by: &Actor, asker: Asker) {
        let calls = self.calls_of(&by.peer);
        let sessions = calls
            .iter()
            .map(|at| self.gateway.calls[*at].call.session());
        let active = ActiveCalls {
            calls: sessions.collect(),
        };
        self.answer_to(asker, Ok(Ack::Active(active)));
        for at in calls {
            let kept = &self.gateway.calls[at];
            if kept.call.rings_for(&by.peer, timestamp(self.now)) && !self.has_fault_no_rings() {
                self.ring_again(link, at);
            }
        }
    }
}

fn member(name: &str) -> Member {
    Member {
        peer: PeerId::new(name).expect("a name is an id"),
        anonymous: false,
        participant: ParticipantId::new(format!("member-{name}")).expect("a name is an id"),
        username: name.to_owned(),
        display_name: None,
        avatar: None,
    }
}
