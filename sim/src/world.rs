//! The world of a story: the clock, what is on its way, and what people and misfortune do. Devices,
//! gateway, network and media are in the modules of their names.

use std::collections::VecDeque;

use ringwire_call::{
    AckFailure, CallEvent, CallKey, CallState, Command, ConnectionEvent, ConnectionId, Effect,
    Input, OpId, PathState,
};
use ringwire_protocol::{CallType, ConversationId, Push};
use ringwire_signaling::Input as Wire;

use crate::coverage::Coverage;
use crate::device::{Device, Line, NEVER, Told};
use crate::dice::Dice;
use crate::faults::Fault;
use crate::gateway::Gateway;
use crate::laws::{About, Violation};
use crate::network::{Down, Link, Up};
use crate::plan::{Plan, Setup, What};
use crate::queue::{Queue, Time};
use crate::words::Words;

/// A client that is refused or alone tries again after at most so long, ms.
const BACKOFF_MAX: Time = 7_000;
/// A socket that does not open is given up after this, ms.
const OPENING: Time = 15_000;
/// An ack that does not come, ms.
const ACK: Time = 8_000;

/// What is on its way, or will happen.
#[derive(Debug)]
pub(crate) enum Parcel {
    Act(usize),
    /// A new socket reaches the gateway.
    Hello {
        link: usize,
    },
    /// It does not.
    Refused {
        link: usize,
    },
    /// It is open.
    Opened {
        link: usize,
    },
    /// It has taken too long.
    GiveUp {
        link: usize,
    },
    ToGateway {
        link: usize,
        frame: Up,
    },
    ToDevice {
        link: usize,
        frame: Down,
    },
    DeviceNotices {
        link: usize,
    },
    GatewayNotices {
        link: usize,
    },
    /// Engine.IO's ping.
    Ping {
        link: usize,
    },
    Report {
        device: usize,
        life: u32,
        connection: ConnectionId,
        event: ConnectionEvent,
    },
    Path {
        device: usize,
        life: u32,
        connection: ConnectionId,
        changes: u32,
        state: PathState,
    },
    NetworkBack {
        device: usize,
    },
    Wake {
        device: usize,
    },
    Foreground {
        device: usize,
    },
    Start {
        device: usize,
    },
    GatewayStarts,
    WayBack,
    /// A push reaches a device.
    Push {
        device: usize,
        push: Box<Push>,
    },
    /// The push service has taken it.
    Pushed {
        row: usize,
    },
    /// What is known at one end must be known at the other.
    Look,
}

/// Everything there is in a story.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) setup: Setup,
    pub(crate) seed: u64,
    pub(crate) dice: Dice,
    pub(crate) queue: Queue<Parcel>,
    pub(crate) devices: Vec<Device>,
    pub(crate) links: Vec<Link>,
    pub(crate) gateway: Gateway,
    /// Media finds a way between devices.
    pub(crate) way: bool,
    pub(crate) violation: Option<Violation>,
    pub(crate) words: Option<Words>,
    pub(crate) coverage: Option<Box<Coverage>>,
    pub(crate) fault: Option<Fault>,
    /// Inputs that the machines have taken.
    pub(crate) steps: u64,
    effects: Vec<Effect>,
    /// What stores have handed to their sessions while they were being fed: a session's task takes
    /// it up afterwards.
    pub(crate) emits: VecDeque<(usize, Wire)>,
    feeding: bool,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let setup = plan.setup.clone();
        let devices = setup
            .devices
            .iter()
            .map(|it| Device::new(it, plan.seed))
            .collect();
        let mut world = Self {
            now: 1_000,
            gateway: Gateway::new(&setup),
            setup,
            seed: plan.seed,
            // Another stream than the plan's.
            dice: Dice::new(plan.seed ^ 0x5151_5151_5151_5151),
            queue: Queue::new(),
            devices,
            links: Vec::new(),
            way: true,
            violation: None,
            words: None,
            coverage: None,
            fault: None,
            steps: 0,
            effects: Vec::new(),
            emits: VecDeque::new(),
            feeding: false,
        };
        for d in 0..world.devices.len() {
            world.start(d);
        }
        world
    }

    /// Runs until then, or to the first violation.
    pub(crate) fn run_until(&mut self, end: Time, plan: Option<&Plan>) {
        while self.violation.is_none() {
            let timers = self
                .devices
                .iter()
                .map(|it| it.timer)
                .min()
                .unwrap_or(NEVER);
            let timers = timers.min(self.gateway.timer());
            let next = timers.min(self.queue.next_at().unwrap_or(NEVER));
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.law_of_time();
            // Timers first: what is due is done before anything new is heard.
            if self.gateway.timer() <= self.now {
                self.gateway_time();
            } else if let Some(d) =
                (0..self.devices.len()).find(|d| self.devices[*d].timer <= self.now)
            {
                self.device_time(d);
            } else if let Some(parcel) = self.queue.take() {
                self.deliver(parcel, plan);
            }
        }
        self.now = self.now.max(end);
    }

    fn deliver(&mut self, parcel: Parcel, plan: Option<&Plan>) {
        match parcel {
            Parcel::Act(at) => {
                if let Some(act) = plan.and_then(|plan| plan.acts.get(at)) {
                    self.act(act.what);
                }
            }
            Parcel::Hello { link } => self.hello(link),
            Parcel::Refused { link } => self.lost(link, "nobody listens"),
            Parcel::Opened { link } => self.session_opened(link),
            Parcel::GiveUp { link } => {
                if self.devices[self.links[link].device].line == (Line::Opening { link }) {
                    self.lost(link, "it takes too long");
                }
            }
            Parcel::ToGateway { link, frame } => {
                if self.links[link].open && self.links[link].brings_up(self.now) {
                    self.gateway_hears(link, frame);
                }
            }
            Parcel::ToDevice { link, frame } => {
                let of = &self.links[link];
                if !of.brings_down(self.now) {
                    return;
                }
                let d = of.device;
                if self.devices[d].is_asleep(self.now) {
                    let parcel = Parcel::ToDevice { link, frame };
                    return self.devices[d].waiting.push(parcel);
                }
                if self.devices[d].life == of.life {
                    self.device_hears(d, link, frame);
                }
            }
            Parcel::DeviceNotices { link } => {
                let d = self.links[link].device;
                match self.devices[d].is_asleep(self.now) {
                    true => self.devices[d].waiting.push(Parcel::DeviceNotices { link }),
                    false => self.lost(link, "the connection is gone"),
                }
            }
            Parcel::GatewayNotices { link } => self.farewell(link),
            Parcel::Ping { link } => self.ping(link),
            Parcel::Report {
                device,
                life,
                connection,
                event,
            } => {
                if self.devices[device].life != life
                    || self.connection(device, connection).is_none()
                {
                    return;
                }
                if self.devices[device].is_asleep(self.now) {
                    let parcel = Parcel::Report {
                        device,
                        life,
                        connection,
                        event,
                    };
                    return self.devices[device].waiting.push(parcel);
                }
                self.feed(device, Input::Connection { connection, event });
            }
            Parcel::Path {
                device,
                life,
                connection,
                changes,
                state,
            } => {
                if self.devices[device].life != life {
                    return;
                }
                if self.path_report(device, connection, changes, state) {
                    let event = ConnectionEvent::Path(state);
                    let after = Parcel::Report {
                        device,
                        life,
                        connection,
                        event,
                    };
                    self.deliver(after, plan);
                    self.look_at_paths();
                }
            }
            Parcel::NetworkBack { device } => {
                self.devices[device].network = true;
                self.hurry(device);
                self.look_at_paths();
                if self.can_tap(device) {
                    self.feed(device, Input::NetworkChanged);
                }
            }
            Parcel::Wake { device } => {
                if self.devices[device].is_asleep(self.now) {
                    return;
                }
                self.devices[device].awake_since = self.now;
                for parcel in std::mem::take(&mut self.devices[device].waiting) {
                    self.queue.put(self.now, parcel);
                }
                self.look_at_paths();
                self.look_soon();
            }
            Parcel::Foreground { device } => self.comes_to_the_front(device),
            Parcel::Start { device } => {
                if !self.devices[device].running {
                    self.start(device);
                }
            }
            Parcel::GatewayStarts => {
                if !self.gateway.up {
                    self.gateway_starts();
                }
            }
            Parcel::WayBack => {
                self.way = true;
                self.look_at_paths();
            }
            Parcel::Push { device, push } => self.push_arrives(device, *push),
            Parcel::Pushed { row } => self.push_settled(row),
            Parcel::Look => self.law_of_agreement(),
        }
    }

    // What happens in a story.

    pub(crate) fn act(&mut self, what: What) {
        self.tell_act(what);
        match what {
            What::Call { device, place } => self.call(device, place),
            What::Answer { which } => self.answer(which),
            What::Decline {
                device,
                which,
                busy,
            } => self.tap(device, which, |key, _| Command::Decline { key, busy }),
            What::HangUp { device, which } => {
                self.tap(device, which, |key, _| Command::HangUp { key });
            }
            What::Microphone { device, which } => self.tap(device, which, |key, call| {
                let on = !call.media.microphone;
                Command::SetMicrophone { key, on }
            }),
            What::Camera { device, which } => self.tap(device, which, |key, call| {
                let on = !call.media.camera;
                Command::SetCamera { key, on }
            }),
            What::Screen { device, which } => self.tap(device, which, |key, call| {
                let on = !call.media.screen;
                Command::SetScreen { key, on }
            }),
            What::Hold { device, which } => self.tap(device, which, |key, call| {
                let on = !call.held;
                Command::Hold { key, on }
            }),
            What::Join { device, which } => self.join_offered(device, which),
            What::ForceLeave { device, place } => {
                if self.can_tap(device) {
                    let places = self.gateway.places_of(self.devices[device].plan.person);
                    let conversation = places[place % places.len()].clone();
                    let command = Command::ForceLeave { conversation };
                    self.feed(device, Input::Command(command));
                }
            }
            What::Background { device, span } => self.background(device, span),
            What::Cut {
                device,
                device_notices,
                gateway_notices,
            } => self.cut(device, device_notices, gateway_notices),
            What::Offline { device, span } => {
                if self.devices[device].network {
                    self.devices[device].network = false;
                    self.cut(device, 1_000, 20_000);
                    self.queue
                        .put(self.now + span, Parcel::NetworkBack { device });
                    self.look_at_paths();
                }
            }
            What::NoPath { span } => {
                if self.way {
                    self.way = false;
                    self.queue.put(self.now + span, Parcel::WayBack);
                    self.look_at_paths();
                }
            }
            What::Sleep { device, span } => {
                if self.devices[device].running && !self.devices[device].is_asleep(self.now) {
                    let until = self.now + span;
                    self.devices[device].asleep_until = until;
                    self.queue.put(until, Parcel::Wake { device });
                    self.set_timer(device);
                    // The gateway's pings find nobody.
                    if span > 20_000 {
                        self.cut(device, span + 1, 45_000);
                    }
                    self.look_at_paths();
                }
            }
            What::Crash { device, span } => self.crash(device, span),
            What::GatewayCrash { span, at_commit } => self.gateway_crash(span, at_commit),
            What::Pass => {}
        }
    }

    fn call(&mut self, d: usize, place: usize) {
        // Two devices of one person that cannot tell which of them called are not told apart by
        // anybody: with an older app among them, only the first calls.
        let person = self.devices[d].plan.person;
        let of_person = |it: &&Device| it.plan.person == person;
        let ambiguous = self.devices.iter().filter(of_person).any(|it| it.plan.old);
        if !self.can_tap(d) || (ambiguous && self.devices[d].plan.kind != 0) {
            return;
        }
        let places = self.gateway.places_of(self.devices[d].plan.person);
        let conversation = places[place % places.len()].clone();
        self.call_in(d, conversation);
    }

    pub(crate) fn call_in(&mut self, d: usize, conversation: ConversationId) {
        self.devices[d].calls_made += 1;
        let key = CallKey::outgoing(self.devices[d].calls_made);
        self.devices[d].told.push(Told {
            key,
            id: None,
            since: self.now,
            rings: false,
            accepted: false,
            ended: None,
        });
        let command = Command::Call {
            key,
            conversation,
            call_type: CallType::Video,
            media: both_on(),
        };
        self.feed(d, Input::Command(command));
    }

    /// Accepts one of the rings that somebody could accept.
    pub(crate) fn answer(&mut self, which: usize) {
        let mut rings = Vec::new();
        for (d, device) in self.devices.iter().enumerate() {
            if self.can_tap(d) {
                let ringing = device
                    .live()
                    .filter(|call| call.state == CallState::Incoming);
                rings.extend(ringing.map(|call| (d, call.key)));
            }
        }
        if let Some((d, key)) = rings.get(which % rings.len().max(1)).copied() {
            self.accept(d, key);
        }
    }

    pub(crate) fn accept(&mut self, d: usize, key: CallKey) {
        if let Some(told) = self.devices[d].told_of(key) {
            told.accepted = true;
        }
        let media = both_on();
        self.feed(d, Input::Command(Command::Accept { key, media }));
        let view = self.devices[d].snapshot.call(key);
        if view.is_some_and(|it| it.state == CallState::Incoming)
            && let Some(told) = self.devices[d].told_of(key)
        {
            // It was refused.
            told.accepted = false;
        }
    }

    fn join_offered(&mut self, d: usize, which: usize) {
        if !self.can_tap(d) {
            return;
        }
        let offered = |it: &&ringwire_call::CallView| it.state == CallState::Offered;
        let keys: Vec<_> = self.devices[d]
            .live()
            .filter(offered)
            .map(|it| it.key)
            .collect();
        if let Some(key) = keys.get(which % keys.len().max(1)).copied() {
            let now = self.now;
            if let Some(told) = self.devices[d].told_of(key) {
                // Whether it still goes on is asked only now.
                told.since = now;
                told.accepted = true;
            }
            let media = both_on();
            self.feed(d, Input::Command(Command::Join { key, media }));
        }
    }

    /// Without a call the socket closes, until the app is back or a push wakes it.
    fn background(&mut self, d: usize, span: Time) {
        if self.can_tap(d) {
            self.feed(d, Input::Command(Command::Background(true)));
            self.queue
                .put(self.now + span, Parcel::Foreground { device: d });
        }
        let busy = self.devices[d].live().next().is_some();
        if busy || !self.can_tap(d) || self.devices[d].session.is_some() {
            return;
        }
        if let Line::Up { link, .. } = self.devices[d].line {
            self.cut(d, NEVER, 0);
            self.devices[d].awaited.clear();
            self.feed(d, Input::SocketDown);
            self.devices[d].line = Line::Down {
                retry_at: self.now + span,
            };
            let _ = link;
            self.set_timer(d);
        }
    }

    fn tap(
        &mut self,
        d: usize,
        which: usize,
        command: impl Fn(CallKey, &ringwire_call::CallView) -> Command,
    ) {
        if !self.can_tap(d) {
            return;
        }
        let calls = &self.devices[d].snapshot.calls;
        if let Some(call) = calls.get(which % calls.len().max(1)) {
            let command = command(call.key, call);
            self.feed(d, Input::Command(command));
        }
    }

    pub(crate) fn can_tap(&self, d: usize) -> bool {
        self.devices[d].running && !self.devices[d].is_asleep(self.now)
    }

    pub(crate) fn comes_to_the_front(&mut self, d: usize) {
        if self.can_tap(d) {
            self.feed(d, Input::Command(Command::Background(false)));
            self.hurry(d);
        }
    }

    fn crash(&mut self, d: usize, span: Time) {
        if !self.devices[d].running || self.devices[d].is_asleep(self.now) {
            return;
        }
        self.cut(d, NEVER, 1_000);
        let seed = self.seed;
        self.devices[d].running = false;
        self.devices[d].forget(seed);
        self.devices[d].line = Line::Down { retry_at: NEVER };
        self.set_timer(d);
        self.queue.put(self.now + span, Parcel::Start { device: d });
        self.look_at_paths();
    }

    pub(crate) fn start(&mut self, d: usize) {
        self.devices[d].running = true;
        self.devices[d].awake_since = self.now;
        self.devices[d].line = Line::Down { retry_at: self.now };
        let calendar = self.devices[d].calendar(self.now);
        self.feed(d, Input::Calendar(calendar));
        if self.setup.json {
            self.start_session(d);
        }
        self.set_timer(d);
        self.look_at_paths();
    }

    // The device's machine.

    /// Gives a device's store one input, holds what comes out against the laws, and does it.
    pub(crate) fn feed(&mut self, d: usize, input: Input) {
        if self.violation.is_some() {
            return;
        }
        let refusal = self.refusal(d, &input);
        let Some(input) = self.faulty_input(d, input) else {
            return;
        };
        let nested = std::mem::replace(&mut self.feeding, true);
        self.steps += 1;
        let about = About::of(&self.devices[d], &input);
        self.cover_input(d, &input, &about);
        let now = self.now;
        let device = &mut self.devices[d];
        let before = std::sync::Arc::clone(&device.snapshot);
        device.store.handle(input, device.instant(now));
        let mut effects = std::mem::take(&mut self.effects);
        while let Some(effect) = device.store.poll_effect() {
            effects.push(effect);
        }
        device.snapshot = device.store.snapshot();
        self.faulty_effects(d, &mut effects);
        if let Some(refusal) = refusal {
            self.law_of_refusal(d, refusal, &before, &effects);
        }
        for effect in effects.drain(..) {
            self.law_of_effect(d, &effect);
            self.carry_out(d, effect);
        }
        self.effects = effects;
        self.devices[d].wake = self.store_wake(d);
        self.law_of_input(d, &about, &before);
        self.cover_change(d, &before);
        self.set_timer(d);
        self.feeding = nested;
        while let (false, Some((d, wire))) = (nested, self.emits.pop_front()) {
            self.session_takes(d, wire);
        }
    }

    fn carry_out(&mut self, d: usize, effect: Effect) {
        match effect {
            Effect::Send { op, event } => self.send_up(d, op, event),
            Effect::Open {
                key,
                connection,
                policy,
                screen,
                ..
            } => self.open(d, key, connection, (policy, screen)),
            Effect::Offer {
                connection,
                op,
                ice_restart,
            } => self.describe(d, connection, op, ice_restart, true),
            Effect::AcceptOffer {
                connection,
                op,
                sdp,
            } => {
                let fresh = self.take_description(d, connection, &sdp);
                self.describe(d, connection, op, fresh, false);
                self.look_at_paths();
            }
            Effect::AcceptAnswer {
                connection,
                op,
                sdp,
            } => {
                self.take_description(d, connection, &sdp);
                self.applied(d, connection, op);
            }
            Effect::SetMedia {
                connection,
                send_audio,
                receive,
                ..
            } => self.set_media(d, connection, send_audio, receive),
            Effect::Close { connection } => self.close(d, connection),
            Effect::Notify(event) => {
                if let CallEvent::Ended { .. } = event {
                    self.look_soon();
                }
                self.tell_news(d, &event);
            }
            Effect::AddCandidate { .. } | Effect::SetIceServers { .. } | Effect::Publish => {}
        }
    }

    fn device_time(&mut self, d: usize) {
        let now = self.now;
        if let Line::Down { retry_at } = self.devices[d].line
            && retry_at <= now
            && self.devices[d].session.is_none()
        {
            self.connect(d);
        }
        let late = self.devices[d]
            .awaited
            .iter()
            .position(|(_, deadline)| *deadline <= now);
        if let Some(at) = late {
            let (op, _) = self.devices[d].awaited.remove(at);
            let outcome = Err(AckFailure::Timeout);
            return self.feed(d, Input::Ack { op, outcome });
        }
        self.session_time(d);
        let device = &self.devices[d];
        if device.wake.is_some_and(|at| at <= device.instant(now)) {
            return self.feed(d, Input::Tick);
        }
        self.set_timer(d);
    }

    /// Works out when the device has to be woken next.
    pub(crate) fn set_timer(&mut self, d: usize) {
        let now = self.now;
        let device = &mut self.devices[d];
        if !device.running {
            device.timer = NEVER;
            return;
        }
        let mut timer = device.wake.map_or(NEVER, |at| device.time_of(at));
        if let Some((_, deadline)) = device.awaited.first() {
            timer = timer.min(*deadline);
        }
        match &device.session {
            Some(session) => {
                let at = session
                    .poll_timeout()
                    .map_or(NEVER, |at| device.time_of(at));
                timer = timer.min(at);
            }
            None => {
                if let Line::Down { retry_at } = device.line {
                    timer = timer.min(retry_at);
                }
            }
        }
        if now < device.asleep_until {
            timer = timer.max(device.asleep_until);
        }
        device.timer = timer;
    }

    // The device's socket.

    pub(crate) fn delay(&mut self) -> Time {
        let (shortest, longest) = self.setup.delay;
        self.dice.between(shortest, longest)
    }

    /// Opens a socket.
    pub(crate) fn connect(&mut self, d: usize) {
        let device = &self.devices[d];
        let link = self.links.len();
        self.links
            .push(Link::new(d, device.life, device.actor(link)));
        self.devices[d].line = Line::Opening { link };
        // TCP, TLS and the upgrade.
        let way = 3 * self.delay();
        let at = self.links[link].up(self.now, way);
        match self.devices[d].network {
            true => self.queue.put(at, Parcel::Hello { link }),
            false => self.queue.put(self.now + 1_000, Parcel::Refused { link }),
        }
        if self.devices[d].session.is_none() {
            self.queue.put(self.now + OPENING, Parcel::GiveUp { link });
        }
        self.set_timer(d);
    }

    /// The device's end of a connection is gone.
    fn lost(&mut self, link: usize, why: &str) {
        let d = self.links[link].device;
        if self.devices[d].life != self.links[link].life || !self.devices[d].running {
            return;
        }
        let was_up = match self.devices[d].line {
            Line::Up { link: up, .. } if up == link => true,
            Line::Opening { link: opening } if opening == link => false,
            _ => return,
        };
        let slowest = self.setup.delay.1;
        self.links[link].cut(self.now, slowest, &mut self.dice);
        if self.devices[d].session.is_some() {
            return self.session_lost(d, why);
        }
        self.devices[d].failures = if was_up {
            1
        } else {
            self.devices[d].failures + 1
        };
        let bound = (300 << self.devices[d].failures.min(5)).min(BACKOFF_MAX);
        let retry_at = self.now + self.dice.below(bound) + 1;
        if was_up {
            // As the session tells it: first what is not answered any more, then the loss.
            for (op, _) in std::mem::take(&mut self.devices[d].awaited) {
                let outcome = Err(AckFailure::Disconnected);
                self.feed(d, Input::Ack { op, outcome });
            }
            self.feed(d, Input::SocketDown);
            self.devices[d].awaited.clear();
        }
        self.devices[d].line = Line::Down { retry_at };
        self.set_timer(d);
    }

    /// A new network: the next attempt comes at once.
    pub(crate) fn hurry(&mut self, d: usize) {
        if let Line::Down { retry_at } = &mut self.devices[d].line
            && *retry_at != NEVER
        {
            *retry_at = self.now;
        }
        self.session_hurries(d);
        self.set_timer(d);
    }

    /// Breaks the device's connection.
    pub(crate) fn cut(&mut self, d: usize, device_notices: Time, gateway_notices: Time) {
        let (Line::Up { link, .. } | Line::Opening { link }) = self.devices[d].line else {
            return;
        };
        if self.links[link].is_cut() {
            return;
        }
        let slowest = self.setup.delay.1;
        self.links[link].cut(self.now, slowest, &mut self.dice);
        if device_notices != NEVER {
            let at = self.now + device_notices;
            self.queue.put(at, Parcel::DeviceNotices { link });
        }
        let at = self.now + gateway_notices + slowest;
        self.queue.put(at, Parcel::GatewayNotices { link });
    }

    fn send_up(&mut self, d: usize, op: Option<OpId>, event: ringwire_protocol::ClientEvent) {
        self.tell_said(d, &event);
        if self.devices[d].session.is_some() {
            return self.session_emits(d, op, event);
        }
        let Line::Up { link, .. } = self.devices[d].line else {
            return;
        };
        if let Some(op) = op {
            let deadline = self.now + ACK;
            self.devices[d].awaited.push((op, deadline));
        }
        let op = op.map(OpId::get);
        self.frame_up(link, Up::Event { op, event });
    }

    pub(crate) fn frame_up(&mut self, link: usize, frame: Up) {
        let delay = self.delay();
        let at = self.links[link].up(self.now, delay);
        self.queue.put(at, Parcel::ToGateway { link, frame });
    }

    pub(crate) fn frame_down(&mut self, link: usize, frame: Down) {
        let delay = self.delay();
        let at = self.links[link].down(self.now, delay);
        self.queue.put(at, Parcel::ToDevice { link, frame });
    }

    fn device_hears(&mut self, d: usize, link: usize, frame: Down) {
        let current = match self.devices[d].line {
            Line::Up { link, .. } | Line::Opening { link } => link,
            Line::Down { .. } => return,
        };
        if current != link {
            return;
        }
        match frame {
            Down::Greeting => {
                let capabilities = self.gateway.capabilities();
                self.connected(d, link, capabilities);
            }
            Down::Event(event) => {
                self.tell_heard(d, &event);
                self.feed(d, Input::Event(event));
            }
            Down::Ack { op, outcome } => {
                let awaited = &mut self.devices[d].awaited;
                let Some(at) = awaited.iter().position(|(it, _)| it.get() == op) else {
                    return;
                };
                let (op, _) = awaited.remove(at);
                self.tell_ack(d, op, &outcome);
                let outcome = outcome.map_err(AckFailure::Refused);
                self.feed(d, Input::Ack { op, outcome });
            }
            Down::Text(text) => self.session_hears(d, text),
        }
    }

    /// The gateway has said who we are.
    pub(crate) fn connected(
        &mut self,
        d: usize,
        link: usize,
        capabilities: Vec<ringwire_protocol::Capability>,
    ) {
        self.devices[d].line = Line::Up {
            link,
            since: self.now,
        };
        self.devices[d].failures = 0;
        let user = self.devices[d].peer.clone();
        self.tell_connected(d);
        self.feed(d, Input::SocketUp { user, capabilities });
        self.look_soon();
    }

    /// Has both ends compared as soon as both can know.
    pub(crate) fn look_soon(&mut self) {
        let at = self.now + self.patience() + 1;
        self.queue.put(at, Parcel::Look);
    }

    /// Within this time what is known at one end is known at the other, ms: three ways, and what a
    /// device asks itself first.
    pub(crate) fn patience(&self) -> Time {
        4 * self.setup.delay.1 + 100
    }
}

pub(crate) fn both_on() -> ringwire_call::LocalMedia {
    ringwire_call::LocalMedia {
        microphone: true,
        camera: true,
        screen: false,
    }
}
