//! The laws: what holds after every step. What holds when nothing happens any more is in `rest`.

use std::fmt;
use std::sync::Arc;

use ringwire_call::{
    CallEvent, CallKey, CallState, CallView, Command, Effect, Input, MAX_CALLS, Snapshot,
};
use ringwire_life::{Call, ConversationKind};
use ringwire_protocol::{
    Ack, CallEndReason, CallId, ClientEvent, ConversationId, Push, ServerEvent, SignalBody, timers,
};

use crate::device::{Device, Line, NEVER, Told, is_over};
use crate::gateway::{Cause, person, timestamp};
use crate::queue::Time;
use crate::world::World;

/// A law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Law {
    /// A ring, its end and a call's end are each told once to each device, and in this order.
    ToldOnce,
    /// No device rings past its deadline, nor for a call that is over for its person longer than
    /// it takes to know.
    Rings,
    /// What concerns one call changes no other.
    Apart,
    /// No media before the accept.
    MediaAfterAccept,
    /// No direct address leaves a device before the accept.
    Addresses,
    /// A call ends with one reason, and both ends show the same.
    OneReason,
    /// What is over at one end is over at the other as soon as it can know.
    Agreement,
    /// A conversation has one call at a time: who call each other end in one.
    OneCall,
    /// Nobody is blocked from calling by a call that is over.
    Free,
    /// No call looks for a path for longer than 60 s, nor for an answer for longer than 40 s.
    Limits,
    /// Every timer that is armed is fired or cancelled, and nothing is left open.
    Timers,
    /// Duration counts from the answer.
    Duration,
    /// Every bound of the design holds.
    Bounds,
    /// The gateway's call is what the model says.
    Model,
    /// Versions only grow, and an ended call stays as it ended.
    Versions,
    /// A refusal is taken at its word, and told once with the gateway's code.
    Refusals,
    /// Connections are used between their opening and their closing, sockets while they are up.
    Order,
    /// What one end writes the other can read.
    Wire,
    /// A call whose trouble ends in time goes on.
    Lives,
    /// A machine does not panic.
    Panic,
    /// A story comes to rest: in the end all are in the same calls, with sound both ways, or in none.
    Rest,
}

/// With several calls some heartbeats meet the limit; never all for so long, ms.
const SILENCE: Time = 70_000;

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// When, ms since the beginning of the story.
    pub at: Time,
    /// How.
    pub how: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / 1_000.0;
        write!(f, "{seconds:.3} s: {:?}: {}", self.law, self.how)
    }
}

/// What an input is about.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) key: Option<CallKey>,
    pub(crate) id: Option<CallId>,
    /// Calls of one conversation may turn out to be the same one.
    place: Option<ConversationId>,
    /// It may concern every call.
    pub(crate) all: bool,
    /// A tap that takes the microphone from other calls.
    takes_over: bool,
    /// `call:ended` with its reason, and whether my own person ended it.
    ended: Option<(Option<CallEndReason>, bool)>,
}

impl About {
    pub(crate) fn of(device: &Device, input: &Input) -> Self {
        let mut about = Self::default();
        match input {
            Input::Command(command) => match command {
                Command::Call { key, .. }
                | Command::Accept { key, .. }
                | Command::Join { key, .. }
                | Command::Hold { key, .. } => {
                    about.key = Some(*key);
                    about.takes_over = true;
                }
                Command::Decline { key, .. }
                | Command::HangUp { key }
                | Command::SetMicrophone { key, .. }
                | Command::SetCamera { key, .. }
                | Command::SetScreen { key, .. } => about.key = Some(*key),
                Command::Background(_) => about.all = true,
                Command::ForceLeave { conversation } => {
                    about.place = Some(conversation.clone());
                }
                Command::Push(push) => {
                    about.id = Some(push.call_id().clone());
                    if let Push::Ring(ring) = push {
                        about.place = Some(ring.conversation_id.clone());
                    }
                }
            },
            Input::Event(event) => {
                about.id = event.call_id().cloned();
                // An error without a call may be about any.
                about.all = about.id.is_none();
                if let ServerEvent::Initiated(said) = event {
                    about.place = Some(said.conversation_id.clone());
                }
                if let ServerEvent::Ended(said) = event {
                    let by_me = said.ended_by.as_ref() == Some(&device.peer);
                    about.ended = Some((said.reason.clone(), by_me));
                }
            }
            Input::Connection { connection, .. } | Input::Quality { connection, .. } => {
                let mine = device.connections.iter().find(|it| it.id == *connection);
                about.key = mine.map(|it| it.key);
            }
            Input::Ack { outcome, .. } => match outcome {
                Ok(Ack::Joined(said)) => about.id = Some(said.call_session.id.clone()),
                _ => about.all = true,
            },
            Input::SocketUp { .. }
            | Input::SocketDown
            | Input::NetworkChanged
            | Input::Calendar(_)
            | Input::Tick => about.all = true,
        }
        if about.key.is_none()
            && let Some(id) = &about.id
        {
            let view = device
                .snapshot
                .calls
                .iter()
                .find(|it| it.id.as_ref() == Some(id));
            about.key = view.map(|it| it.key);
        }
        about
    }
}

impl World {
    /// A law is broken: the story ends here. The first one counts.
    pub(crate) fn broken(&mut self, law: Law, how: String) {
        if self.violation.is_none() {
            let at = self.now;
            self.violation = Some(Violation { law, at, how });
        }
    }

    /// After every input of a device.
    pub(crate) fn law_of_input(&mut self, d: usize, about: &About, before: &Arc<Snapshot>) {
        let after = Arc::clone(&self.devices[d].snapshot);
        if !Arc::ptr_eq(before, &after) {
            self.law_of_views(d, about, before, &after);
        }
        let device = &self.devices[d];
        let now = device.instant(self.now);
        if device.wake.is_some_and(|at| at <= now) {
            let how = format!(
                "{} has a timer that is due and does not fire",
                device.name()
            );
            self.broken(Law::Timers, how);
        }
    }

    /// Of everything that a device's store wants done.
    pub(crate) fn law_of_effect(&mut self, d: usize, effect: &Effect) {
        let now = self.now;
        let device = &mut self.devices[d];
        let name = |device: &Device| device.name();
        match effect {
            Effect::Notify(CallEvent::Incoming { key }) => {
                if device.told_of(*key).is_some() {
                    let how = format!("{} is told twice that {key} rings", name(device));
                    return self.broken(Law::ToldOnce, how);
                }
                device.told.push(Told {
                    key: *key,
                    id: None,
                    since: now,
                    rings: true,
                    accepted: false,
                    ended: None,
                });
            }
            Effect::Notify(CallEvent::StopRinging { key }) => {
                let rings = device
                    .told_of(*key)
                    .is_some_and(|it| std::mem::take(&mut it.rings));
                if !rings {
                    let how = format!("{} stops {key}, which does not ring", name(device));
                    self.broken(Law::ToldOnce, how);
                }
            }
            Effect::Notify(CallEvent::JoinOffered { key }) => {
                if device.told_of(*key).is_none() {
                    device.told.push(Told {
                        key: *key,
                        id: None,
                        since: now,
                        rings: false,
                        accepted: false,
                        ended: None,
                    });
                }
            }
            Effect::Notify(CallEvent::Merged { key, .. }) => {
                let rings = device.told_of(*key).is_some_and(|it| it.rings);
                device.told.retain(|it| it.key != *key);
                if rings {
                    let how = format!(
                        "{}: {key} is merged, and its ring does not end",
                        name(device)
                    );
                    self.broken(Law::ToldOnce, how);
                }
            }
            Effect::Notify(CallEvent::Ended { key, reason }) => {
                if *reason == CallEndReason::Busy && device.told_of(*key).is_none() {
                    // Declined before anybody heard it ring.
                    device.told.push(Told {
                        key: *key,
                        id: None,
                        since: now,
                        rings: false,
                        accepted: false,
                        ended: None,
                    });
                }
                let Some(told) = device.told_of(*key) else {
                    let how = format!("{}: {key} ends and never began", name(device));
                    return self.broken(Law::ToldOnce, how);
                };
                let again = told.ended.replace((reason.clone(), now)).is_some();
                let rings = told.rings;
                if again {
                    let how = format!("{} is told twice that {key} ends", name(device));
                    self.broken(Law::ToldOnce, how);
                } else if rings {
                    let how = format!("{}: {key} ends, and its ring does not", name(device));
                    self.broken(Law::ToldOnce, how);
                }
            }
            Effect::Notify(_) | Effect::Publish => {}
            Effect::Send { event, .. } => {
                self.note_question(d, effect);
                self.law_of_sending(d, event);
            }
            Effect::Open { connection, .. } => {
                if device.connections.iter().any(|it| it.id == *connection) {
                    let how = format!("{} opens a connection twice", name(device));
                    self.broken(Law::Order, how);
                }
            }
            Effect::SetMedia {
                connection,
                send_audio,
                send_video,
                send_screen,
                receive,
            } => {
                if *send_audio || *send_video || *send_screen || *receive {
                    self.law_of_media(d, *connection);
                }
            }
            Effect::AddCandidate { connection, .. } => {
                let known = device.connections.iter().find(|it| it.id == *connection);
                if known.is_some_and(|it| !it.described) {
                    let how = format!("{} takes a candidate before its description", name(device));
                    self.broken(Law::Order, how);
                }
            }
            Effect::Offer { .. }
            | Effect::AcceptOffer { .. }
            | Effect::AcceptAnswer { .. }
            | Effect::SetIceServers { .. }
            | Effect::Close { .. } => {}
        }
    }

    fn law_of_sending(&mut self, d: usize, event: &ClientEvent) {
        let device = &self.devices[d];
        if !matches!(device.line, Line::Up { .. }) && device.session.is_none() {
            let how = format!("{} sends {} without a socket", device.name(), event.name());
            return self.broken(Law::Order, how);
        }
        if let ClientEvent::Signal(said) = event
            && let SignalBody::Candidate { candidate, .. } = &said.signal.body
            && candidate.contains("typ host")
        {
            let accepted = self.is_accepted(d, &said.call_id);
            if !accepted {
                let how = format!(
                    "{} tells its address in {} before the accept",
                    self.devices[d].name(),
                    said.call_id
                );
                self.broken(Law::Addresses, how);
            }
        }
    }

    fn law_of_media(&mut self, d: usize, connection: ringwire_call::ConnectionId) {
        let device = &self.devices[d];
        let key = device
            .connections
            .iter()
            .find(|it| it.id == connection)
            .map(|it| it.key);
        let call = key.and_then(|key| device.snapshot.call(key));
        let id = call.and_then(|call| call.id.clone());
        if !id.is_some_and(|id| self.is_accepted(d, &id)) {
            let how = format!("{}: media flows before the accept", self.devices[d].name());
            self.broken(Law::MediaAfterAccept, how);
        }
    }

    /// Who was called has accepted: here by a tap, at the caller by the gateway's word.
    fn is_accepted(&self, d: usize, id: &CallId) -> bool {
        let device = &self.devices[d];
        let mut views = device
            .snapshot
            .calls
            .iter()
            .filter(|it| it.id.as_ref() == Some(id));
        let tapped = views.any(|view| {
            // Who called and lost the glare has tapped as well.
            let accepted = |told: &Told| told.key == view.key && told.accepted;
            view.key.is_outgoing() || device.told.iter().any(accepted)
        });
        let at_gateway = self.gateway.call(id);
        let called = at_gateway.is_some_and(|kept| kept.call.initiator != device.peer);
        match called {
            true => tapped,
            false => at_gateway.is_some_and(|kept| kept.model.was_accepted()),
        }
    }

    fn law_of_views(&mut self, d: usize, about: &About, before: &Snapshot, after: &Snapshot) {
        let device = &self.devices[d];
        let mut connected: Vec<_> = device.connections.iter().map(|it| it.key).collect();
        connected.sort_unstable();
        connected.dedup();
        if connected.len() < device.connections.len() || device.awaited.len() > 256 {
            let how = format!("{} has a connection too many", device.name());
            self.broken(Law::Bounds, how);
        }
        if after.calls.len() > MAX_CALLS {
            let how = format!(
                "{} lists {} calls",
                self.devices[d].name(),
                after.calls.len()
            );
            self.broken(Law::Bounds, how);
        }
        for was in &before.calls {
            let is = after.call(was.key);
            self.law_of_view(d, about, was, is);
        }
        let mut must_change_by = NEVER;
        for call in &after.calls {
            if let (Some(id), Some(told)) = (&call.id, self.devices[d].told_of(call.key)) {
                told.id.get_or_insert_with(|| id.clone());
            }
            must_change_by = must_change_by.min(self.change_due(d, call));
            let told = self.devices[d].told.iter().find(|it| it.key == call.key);
            let rings = call.state == CallState::Incoming;
            let over = is_over(call);
            let ended = told.is_some_and(|it| it.ended.is_some());
            if let (Some((said, _)), CallState::Ended { reason }) =
                (told.and_then(|it| it.ended.as_ref()), &call.state)
                && said != reason
            {
                let how = format!(
                    "{} shows {reason}, and tells {said}",
                    self.devices[d].name()
                );
                self.broken(Law::OneReason, how);
            }
            let told = self.devices[d].told.iter().find(|it| it.key == call.key);
            if told.is_none_or(|it| it.rings != rings) || ended != over {
                let how = format!(
                    "{} shows {} as {:?}, and the app was told {told:?}",
                    self.devices[d].name(),
                    call.key,
                    call.state
                );
                self.broken(Law::ToldOnce, how);
            }
        }
        self.devices[d].must_change_by = must_change_by;
    }

    /// One call, before and after an input.
    fn law_of_view(&mut self, d: usize, about: &About, was: &CallView, is: Option<&CallView>) {
        let name = |world: &Self| world.devices[d].name();
        let Some(is) = is else {
            if !is_over(was) && self.devices[d].told_of(was.key).is_some() {
                let how = format!("{}: {} vanishes without an end", name(self), was.key);
                self.broken(Law::ToldOnce, how);
            }
            return;
        };
        let concerned = about.all || about.key == Some(was.key) || about.takes_over;
        let also = about.id.is_some() && (was.id == about.id || is.id == about.id);
        let place = about.place.as_ref() == Some(&was.conversation);
        let is_same = is.state == was.state
            && is.media == was.media
            && is.held == was.held
            && is.people == was.people
            && is.id == was.id;
        if !concerned && !also && !place && !is_same {
            let how = format!(
                "{}: {} was {:?} and is {:?}, by something about {:?}",
                name(self),
                was.key,
                was.state,
                is.state,
                about.id
            );
            self.broken(Law::Apart, how);
        }
        if let CallState::Ended { reason } = &was.state
            && is.state != was.state
        {
            let how = format!(
                "{}: {} ended as {reason}, and is {:?}",
                name(self),
                was.key,
                is.state
            );
            self.broken(Law::OneReason, how);
        }
        if let (Some(was), Some(is)) = (&was.id, &is.id)
            && was != is
        {
            let how = format!("{}: {was} has become {is}", name(self));
            self.broken(Law::Apart, how);
        }
        if let (Some((said, by_me)), true) = (&about.ended, also && !is_over(was)) {
            self.law_of_end(d, was, is, said.as_ref(), *by_me);
        }
    }

    /// The gateway's `call:ended` and what the device makes of it.
    fn law_of_end(
        &mut self,
        d: usize,
        was: &CallView,
        is: &CallView,
        said: Option<&CallEndReason>,
        by_me: bool,
    ) {
        use CallEndReason::{
            AnsweredElsewhere, Busy, Completed, DeclinedElsewhere, Missed, Rejected,
        };
        let CallState::Ended { reason } = &is.state else {
            let how = format!(
                "{} hears that {} is over, and goes on",
                self.devices[d].name(),
                is.key
            );
            return self.broken(Law::Agreement, how);
        };
        let offered = was.state == CallState::Offered;
        let rang = offered || was.state == CallState::Incoming;
        let right = match said {
            Some(Rejected | Busy) if rang && by_me => *reason == DeclinedElsewhere,
            Some(Completed) if rang && by_me => *reason == AnsweredElsewhere,
            Some(Completed) if offered => *reason == Missed,
            Some(said) => reason == said || (rang && *reason == Missed),
            None => true,
        };
        if !right {
            let how = format!(
                "{}: the gateway says {said:?}, and it shows {reason}",
                self.devices[d].name()
            );
            self.broken(Law::OneReason, how);
        }
    }

    /// By when a call must be in another state.
    fn change_due(&self, d: usize, call: &CallView) -> Time {
        let device = &self.devices[d];
        let after = |at, span: std::time::Duration| device.time_of(at + span) + 1;
        match &call.state {
            CallState::Incoming => after(call.initiated_at, timers::RING_DEADLINE),
            CallState::Calling | CallState::Ringing => {
                after(call.initiated_at, timers::NO_ANSWER_MAX)
            }
            CallState::Reconnecting { since, .. } => after(*since, timers::RECONNECT),
            CallState::Ended { .. } => call
                .timeline
                .ended
                .map_or(NEVER, |at| after(at, timers::ENDED_SHOWN)),
            CallState::Offered | CallState::Connecting | CallState::Active => NEVER,
        }
    }

    /// As time passes: nothing lasts longer than it may.
    pub(crate) fn law_of_time(&mut self) {
        for d in 0..self.devices.len() {
            let device = &self.devices[d];
            if device.must_change_by < self.now
                && device.running
                && device.asleep_until < self.now
                && device.awake_since < self.now
            {
                let late = device
                    .live()
                    .find(|call| self.change_due(d, call) < self.now);
                let what = late.map_or("a call that is over".to_owned(), |it| {
                    format!("{:?}", it.state)
                });
                let law = match late.map(|it| &it.state) {
                    Some(CallState::Incoming) => Law::Rings,
                    _ => Law::Limits,
                };
                let how = format!("{} shows {what} for too long", device.name());
                self.broken(law, how);
            }
        }
    }

    /// After every step of the gateway.
    pub(crate) fn law_of_step(&mut self, at: usize, cause: &Cause, before: &Call) {
        let now = self.now;
        let heard = match cause {
            Cause::SocketLost(by) if self.has_device(by) => None,
            Cause::SocketLost(by) => Some((by.clone(), ringwire_life::Command::SocketLost)),
            Cause::Said(by, command) => Some((by.clone(), command.clone())),
            Cause::Time | Cause::Restart => None,
        };
        let kept = &mut self.gateway.calls[at];
        match (heard, cause) {
            (Some((by, command)), _) => {
                let who = person(by.peer.as_str());
                let here = kept
                    .call
                    .person(&by.peer)
                    .is_some_and(|it| it.device == by.device);
                if matches!(command, ringwire_life::Command::SocketBack) && here && !by.named {
                    kept.model.renamed(who, &by.device);
                }
                kept.model.hears(who, &by.device, &command, now);
            }
            (None, Cause::Time) => {
                if self.gateway.up_since + 2_000 < now && kept.model.is_late(now) {
                    let how = format!("{}: the gateway's clock comes too late", kept.call.id);
                    return self.broken(Law::Limits, how);
                }
                kept.model.waits(now);
            }
            (None, _) => {}
        }
        let call = &kept.call;
        if let Some(how) = kept.model.differs(call, person) {
            let how = format!("{}: {how}", call.id);
            return self.broken(Law::Model, how);
        }
        if call.version < before.version || (before.end.is_some() && call.end != before.end) {
            let how = format!("{}: it goes back, or ends again", call.id);
            return self.broken(Law::Versions, how);
        }
        let mut people: Vec<_> = call.present().map(|it| &it.peer).collect();
        people.dedup();
        let mut declined = call.declined.clone();
        declined.dedup();
        let over = call.end.is_some();
        let kept = call.present().count() + call.ringing.len() + call.answers.len();
        if people.len() < call.present().count()
            || declined.len() < call.declined.len()
            || call.ringing.len() > 64
            || call.answers.len() > 64
            || call.people.len() > 256
            || (over && (kept > 0 || !call.mailbox.is_empty()))
        {
            let how = format!("{}: more is kept than there may be", call.id);
            self.broken(Law::Bounds, how);
        }
    }

    /// Of everything that a call tells.
    pub(crate) fn law_of_emit(&mut self, at: usize, event: &ServerEvent) {
        let kept = &self.gateway.calls[at];
        if has_version(event) && event.version() != Some(kept.call.version) {
            let (id, version) = (&kept.call.id, event.version());
            let how = format!("{id}: {} carries version {version:?}", event.name());
            return self.broken(Law::Versions, how);
        }
        if let ServerEvent::Ended(said) = event {
            let ended = kept.over_at.unwrap_or(self.now);
            let end = kept.call.end.as_ref().map(|it| &it.reason);
            let direct = kept.call.conversation.kind == ConversationKind::Direct;
            if direct && said.reason.as_ref() != end {
                let how = format!(
                    "{}: it ended as {end:?}, {:?} is told",
                    kept.call.id, said.reason
                );
                return self.broken(Law::OneReason, how);
            }
            let kept = &self.gateway.calls[at];
            let should = kept.model.answered.map_or(0, |from| (ended - from) / 1_000);
            if said.duration != should {
                let how = format!(
                    "{} lasted {should} s, and {} s are told",
                    kept.call.id, said.duration
                );
                self.broken(Law::Duration, how);
            }
        }
    }

    /// After every new call.
    pub(crate) fn law_of_claims(&mut self) {
        let mut places: Vec<_> = self
            .gateway
            .live()
            .map(|it| it.call.conversation.id.clone())
            .collect();
        let all = places.len();
        places.sort();
        places.dedup();
        if places.len() < all {
            self.broken(Law::OneCall, "a conversation has two calls".to_owned());
        }
    }

    /// When both ends have had the time to know: what is over at one is over at the other.
    pub(crate) fn law_of_agreement(&mut self) {
        if !self.gateway.up {
            return;
        }
        let patience = self.patience();
        for d in 0..self.devices.len() {
            let Some(in_touch) = self.in_touch_since(d) else {
                continue;
            };
            let device = &self.devices[d];
            let mut found = None;
            for call in &device.snapshot.calls {
                let Some(kept) = call.id.as_ref().and_then(|id| self.gateway.call(id)) else {
                    continue;
                };
                let told = device.told.iter().find(|it| it.key == call.key);
                let here = kept
                    .call
                    .person(&device.peer)
                    .filter(|it| it.device == device.id || !it.named);
                // An offer to join that is not taken runs out by itself.
                if call.state == CallState::Offered {
                    continue;
                }
                // A push may have said so later than the gateway.
                let heard = told.map_or(0, |it| it.since).max(in_touch);
                if let Some(over) = kept.over_at
                    && !is_over(call)
                    && over.max(heard) + patience < self.now
                {
                    let law = match call.state {
                        CallState::Incoming => Law::Rings,
                        _ => Law::Agreement,
                    };
                    found = Some((
                        law,
                        format!("shows {} of {} which is over", state(call), kept.call.id),
                    ));
                } else if call.state == CallState::Incoming
                    && kept.call.person(&device.peer).is_some()
                    && kept.changed_at.max(heard) + patience < self.now
                {
                    let how = format!("rings for {}, which its person has accepted", kept.call.id);
                    found = Some((Law::Rings, how));
                } else if let Some(ended) = last_end(device, call)
                    && !device.live().any(|it| it.id == call.id)
                    && here.is_some_and(|it| it.named)
                    && ended.max(in_touch) + patience < self.now
                {
                    let how = format!("has ended {}, and the gateway has it in", kept.call.id);
                    found = Some((Law::Agreement, how));
                }
            }
            found = found
                .or_else(|| self.unheard_ring(d, in_touch, patience))
                .or_else(|| self.unheard_heart(d, in_touch));
            if let Some((law, how)) = found {
                let how = format!("{} {how}", self.devices[d].name());
                return self.broken(law, how);
            }
        }
    }

    /// A call rings for a person, and a device of theirs has never heard of it.
    fn unheard_ring(&self, d: usize, in_touch: Time, patience: Time) -> Option<(Law, String)> {
        let device = &self.devices[d];
        let unheard = self.gateway.live().find(|kept| {
            let id = Some(&kept.call.id);
            let heard = device.told.iter().any(|it| it.id.as_ref() == id)
                || device.live().any(|call| call.id.is_none());
            kept.call.rings_for(&device.peer, timestamp(self.now))
                && !heard
                && kept.changed_at.max(in_touch) + patience < self.now
        })?;
        let how = format!("does not hear that {} rings", unheard.call.id);
        Some((Law::Rings, how))
    }

    /// A call goes on, and no heartbeat of it gets through.
    fn unheard_heart(&self, d: usize, in_touch: Time) -> Option<(Law, String)> {
        let device = &self.devices[d];
        let long_ago = timestamp(self.now.saturating_sub(SILENCE));
        let silent = device.live().find(|call| {
            let since = call.active_since.map_or(self.now, |at| device.time_of(at));
            let person = call
                .id
                .as_ref()
                .and_then(|id| self.gateway.call(id))
                .and_then(|kept| kept.call.person(&device.peer));
            since.max(in_touch) + SILENCE < self.now
                && person.is_some_and(|it| {
                    it.device == device.id && it.heartbeat.is_none_or(|at| at < long_ago)
                })
        })?;
        let how = format!("sends no heartbeat of {}", silent.key);
        Some((Law::Agreement, how))
    }

    /// Since when device and gateway hear each other; `None` while they do not.
    pub(crate) fn in_touch_since(&self, d: usize) -> Option<Time> {
        let device = &self.devices[d];
        let Line::Up { link, since } = device.line else {
            return None;
        };
        let good = self.gateway.up
            && !self.links[link].is_cut()
            && self.links[link].at_gateway
            && device.running
            && !device.is_asleep(self.now)
            && device.limited_until < self.now;
        good.then(|| since.max(device.awake_since).max(device.limited_until))
    }
}

/// An event that says what has become of a call, and so carries its version.
fn has_version(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::Initiated(_)
            | ServerEvent::Ringing(_)
            | ServerEvent::ParticipantJoined(_)
            | ServerEvent::ParticipantLeft(_)
            | ServerEvent::MediaToggled(_)
            | ServerEvent::AlreadyAnswered(_)
            | ServerEvent::Reconnecting(_)
            | ServerEvent::Reconnected(_)
            | ServerEvent::Ended(_)
    )
}

fn state(call: &CallView) -> String {
    match &call.state {
        CallState::Ended { reason } => format!("ended, {reason}"),
        state => format!("{state:?}").to_lowercase(),
    }
}

/// When the device was told the last time that this call has ended; a call may be entered again under another key.
fn last_end(device: &Device, call: &CallView) -> Option<Time> {
    let entered = device.told.iter().filter(|it| it.id == call.id);
    entered
        .filter_map(|it| it.ended.as_ref().map(|(_, at)| *at))
        .max()
}
