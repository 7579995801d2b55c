//! The world of a story: the clock, what is on its way, and what people and misfortune do. Devices,
//! gateway, network and media are in the modules of their names.

use std::collections::VecDeque;

use ringwire_call::{ConnectionEvent, ConnectionId, Effect, Input, PathState};
use ringwire_protocol::Push;
use ringwire_signaling::Input as Wire;

use crate::coverage::Coverage;
use crate::device::{Device, Line, NEVER};
use crate::dice::Dice;
use crate::faults::Fault;
use crate::gateway::Gateway;
use crate::laws::Violation;
use crate::network::{Down, Link, Up};
use crate::plan::{Plan, Setup};
use crate::queue::{Queue, Time};
use crate::words::Words;

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
    pub(crate) effects: Vec<Effect>,
    /// What stores have handed to their sessions while they were being fed: a session's task takes
    /// it up afterwards.
    pub(crate) emits: VecDeque<(usize, Wire)>,
    pub(crate) feeding: bool,
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
