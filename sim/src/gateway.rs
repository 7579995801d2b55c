//! The gateway of a story: the real `ringwire-life`, and around it what `gateway/src` does: a store
//! with the first claim of a conversation and a revision check, limits, greetings, a clock with its
//! sweep, crashes and restarts.

use ringwire_life::{
    Actor, Audience, Call, Command, Conversation, ConversationKind, Emit, Mailbox, Member, Refused,
    Reply, Start, Timers, Transition,
};
use ringwire_protocol::ack::{ActiveCalls, HeartbeatData, InitiateData, JoinData};
use ringwire_protocol::client::Initiate;
use ringwire_protocol::server::IceServersRefreshed;
use ringwire_protocol::{
    Ack, CallError, CallId, CallParticipantId, Capability, ClientEvent, ConversationId, ErrorCode,
    IceServer, MediaType, ParticipantId, PeerId, ServerEvent, Timestamp, timers,
};

use crate::device::NEVER;
use crate::model::Model;
use crate::network::{Down, Up};
use crate::plan::{PEOPLE, Setup};
use crate::pushes::PushRow;
use crate::queue::Time;
use crate::rates::Rates;
use crate::world::{Parcel, World};

/// How often a step is tried when others write the same call.
const TRIES: usize = 8;
/// The calendar at the beginning of every story, ms.
const BEGINNING: i64 = 1_800_000_000_000;

/// A call as the store keeps it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) call: Call,
    revision: u64,
    deadline: Time,
    pub(crate) model: Model,
    /// Since when each person's part in it is as it is.
    pub(crate) changed_at: Time,
    pub(crate) over_at: Option<Time>,
}

/// The gateway and its store.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The store; it outlives a crash. A call's id is its place.
    pub(crate) calls: Vec<Kept>,
    live: Vec<usize>,
    places: Vec<(Conversation, Vec<usize>)>,
    pub(crate) up: bool,
    pub(crate) up_since: Time,
    pub(crate) rates: Rates,
    sweep_at: Time,
    rows: u64,
    /// The next commit is the last thing before a crash of this length.
    crash_at_commit: Option<Time>,
    pub(crate) timers: Timers,
    pub(crate) pushes: Vec<PushRow>,
}

/// What makes a call change.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    Said(Actor, Command),
    /// The last socket of a device is gone, unless another one has come.
    SocketLost(Actor),
    Time,
    Restart,
}

/// Whom an answer goes to.
type Asker = Option<(usize, Option<u64>)>;

impl Gateway {
    pub(crate) fn new(setup: &Setup) -> Self {
        let present = |person: &usize| setup.devices.iter().any(|it| it.person == *person);
        let everybody: Vec<usize> = (0..PEOPLE.len()).filter(present).collect();
        let mut places = Vec::new();
        for (at, one) in everybody.iter().enumerate() {
            for other in &everybody[at + 1..] {
                places.push((vec![*one, *other], ConversationKind::Direct));
            }
        }
        if everybody.len() > 2 {
            places.push((everybody, ConversationKind::Group));
        }
        let places = places.into_iter().map(|(people, kind)| {
            let name: String = people.iter().map(|it| &PEOPLE[*it][..1]).collect();
            let conversation = Conversation {
                id: ConversationId::new(name).expect("letters are an id"),
                kind,
                title: None,
            };
            (conversation, people)
        });
        Self {
            calls: Vec::new(),
            live: Vec::new(),
            places: places.collect(),
            up: true,
            up_since: 0,
            rates: Rates::default(),
            sweep_at: 30_000,
            rows: 0,
            crash_at_commit: None,
            timers: Timers::default(),
            pushes: Vec::new(),
        }
    }

    /// What this gateway knows beyond the basic contract.
    pub(crate) fn capabilities(&self) -> Vec<Capability> {
        vec![
            Capability::Ringing,
            Capability::Negotiate,
            Capability::Version,
            Capability::Screen,
            Capability::Hold,
        ]
    }

    /// The conversations of somebody; those with one other come first.
    pub(crate) fn places_of(&self, person: usize) -> Vec<ConversationId> {
        let mine = self
            .places
            .iter()
            .filter(|(_, people)| people.contains(&person));
        mine.map(|(place, _)| place.id.clone()).collect()
    }

    pub(crate) fn call(&self, id: &CallId) -> Option<&Kept> {
        self.calls.get(number(id)?)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Kept> {
        self.live.iter().map(|at| &self.calls[*at])
    }

    pub(crate) fn live_in(&self, place: &ConversationId) -> Option<&Kept> {
        self.live().find(|kept| kept.call.conversation.id == *place)
    }

    /// When the gateway's clock has something to do.
    pub(crate) fn timer(&self) -> Time {
        if !self.up {
            return NEVER;
        }
        let calls = self.live().map(|kept| kept.deadline).min().unwrap_or(NEVER);
        let pushes = self
            .pushes
            .iter()
            .map(|row| row.next)
            .min()
            .unwrap_or(NEVER);
        match self.live.is_empty() {
            true => pushes,
            false => calls.min(self.sweep_at).min(pushes),
        }
    }
}

pub(crate) fn timestamp(now: Time) -> Timestamp {
    Timestamp::from_millis(BEGINNING + now as i64)
}

pub(crate) fn time_of(at: Timestamp) -> Time {
    (at.as_millis() - BEGINNING).max(0) as Time
}

fn number(id: &CallId) -> Option<usize> {
    id.as_str().strip_prefix('c')?.parse().ok()
}

/// Who has this name.
pub(crate) fn person(name: &str) -> usize {
    PEOPLE
        .iter()
        .position(|it| *it == name)
        .unwrap_or(usize::MAX)
}

impl World {
    // Sockets.

    pub(crate) fn hello(&mut self, link: usize) {
        if self.links[link].is_cut() {
            return;
        }
        if !self.gateway.up {
            let at = self.now + self.delay();
            return self.queue.put(at, Parcel::Refused { link });
        }
        self.links[link].open = true;
        match self.setup.json {
            true => self.session_hello(link),
            false => self.greet(link),
        }
    }

    /// Who you are, what was sent while you were away, what rings for you.
    pub(crate) fn greet(&mut self, link: usize) {
        self.links[link].at_gateway = true;
        match self.setup.json {
            true => self.session_greeting(link),
            false => self.frame_down(link, Down::Greeting),
        }
        let actor = self.links[link].actor.clone();
        for at in self.calls_of(&actor.peer) {
            let kept = &self.gateway.calls[at];
            if kept.call.rings_for(&actor.peer, timestamp(self.now)) {
                if !self.has_fault_no_rings() {
                    self.ring_again(link, at);
                }
            } else {
                let cause = Cause::Said(actor.clone(), Command::SocketBack);
                let _ = self.step(at, &cause, None);
            }
        }
    }

    /// A socket is gone: the call in which its device is begins to wait for it.
    pub(crate) fn farewell(&mut self, link: usize) {
        self.links[link].open = false;
        if !std::mem::take(&mut self.links[link].at_gateway) {
            return;
        }
        let actor = self.links[link].actor.clone();
        for at in self.calls_of(&actor.peer) {
            if self.gateway.calls[at].call.person(&actor.peer).is_some() {
                let _ = self.step(at, &Cause::SocketLost(actor.clone()), None);
            }
        }
    }

    fn calls_of(&self, peer: &PeerId) -> Vec<usize> {
        let now = timestamp(self.now);
        let mine = |at: &usize| self.gateway.calls[*at].call.concerns(peer, now);
        self.gateway.live.iter().copied().filter(mine).collect()
    }

    fn ring_again(&mut self, link: usize, at: usize) {
        let mut initiated = self.gateway.calls[at].call.initiated();
        initiated.ice_servers = Some(self.ice_servers());
        self.tell_link(link, ServerEvent::Initiated(initiated));
    }

    pub(crate) fn ice_servers(&self) -> Vec<IceServer> {
        let turn = IceServer {
            urls: vec!["turn:192.0.2.9".to_owned()],
            username: Some("u".to_owned()),
            credential: Some("c".to_owned()),
        };
        if self.setup.turn {
            vec![turn]
        } else {
            Vec::new()
        }
    }

    // What devices say.

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

    // Steps.

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
    fn finish_step(&mut self, at: usize, transition: Transition, asker: Asker) {
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

    fn answer_to(&mut self, asker: Asker, outcome: Result<Ack, Refused>) {
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

    // Time, crashes and restarts.

    pub(crate) fn gateway_time(&mut self) {
        let sweeps = self.gateway.sweep_at <= self.now;
        for at in self.gateway.live.clone() {
            if sweeps || self.gateway.calls[at].deadline <= self.now {
                let _ = self.step(at, &Cause::Time, None);
            }
        }
        self.push_time();
        while self.gateway.sweep_at <= self.now {
            self.gateway.sweep_at += 30_000;
        }
    }

    pub(crate) fn gateway_crash(&mut self, span: Time, at_commit: bool) {
        match at_commit {
            true => self.gateway.crash_at_commit = Some(span),
            false if self.gateway.up => self.gateway_dies(span),
            false => {}
        }
    }

    pub(crate) fn crash_no_more(&mut self) {
        self.gateway.crash_at_commit = None;
    }

    fn gateway_dies(&mut self, span: Time) {
        self.gateway.up = false;
        self.gateway.rates = Rates::default();
        self.tell_crash();
        let slowest = self.setup.delay.1;
        for link in 0..self.links.len() {
            self.links[link].at_gateway = false;
            if std::mem::take(&mut self.links[link].open) {
                self.links[link].cut(self.now, slowest, &mut self.dice);
                let at = self.now + self.delay() + self.dice.below(500);
                self.queue.put(at, Parcel::DeviceNotices { link });
            }
        }
        self.queue.put(self.now + span, Parcel::GatewayStarts);
    }

    pub(crate) fn gateway_starts(&mut self) {
        self.gateway.up = true;
        self.gateway.up_since = self.now;
        self.gateway.sweep_at = self.now + 30_000;
        for at in self.gateway.live.clone() {
            let now = self.now;
            self.gateway.calls[at].model.restarts(now);
            if !self.has_fault_no_resume() {
                let _ = self.step(at, &Cause::Restart, None);
            }
        }
        for row in &mut self.gateway.pushes {
            row.next = self.now;
        }
        self.look_soon();
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

/// As the database keeps a call and gives it back.
fn through_json(call: &Call) -> Call {
    let kept = serde_json::to_string(call).and_then(|text| serde_json::from_str::<Call>(&text));
    let mailbox = serde_json::to_string(&call.mailbox)
        .and_then(|text| serde_json::from_str::<Mailbox>(&text));
    let mut back = kept.expect("a call can be written and read");
    back.mailbox = mailbox.expect("a mailbox can be written and read");
    back
}
