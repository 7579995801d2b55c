//! The world of a simulation: two phones, their sockets, the media network and the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use ringwire_protocol::{CallEndReason, ClientEvent, Instant, ServerEvent};

use crate::tests::phone::{all_capabilities, secs};
use crate::{
    CallEvent, CallKey, CallStore, Command, Config, ConnectionEvent, ConnectionId, Effect, Input,
    OpId, PathState,
};

pub(super) const NAMES: [&str; 2] = ["ann", "bob"];

/// What is on its way, and to whom.
pub(super) enum Parcel {
    /// Over the socket of this epoch.
    ToPhone(usize, u64, Input),
    ToGateway(usize, u64, Option<OpId>, ClientEvent),
    /// Inside one life of a device, or over the media network.
    Inside(usize, u64, Input),
}

pub(super) struct Phone {
    pub(super) store: CallStore,
    pub(super) socket: bool,
    pub(super) epoch: u64,
    /// How often the app was started.
    pub(super) life: u64,
    /// Open connections, and the remote connection that each has negotiated with.
    pub(super) connections: BTreeMap<ConnectionId, Option<Remote>>,
    pub(super) up: BTreeMap<ConnectionId, bool>,
    pub(super) ends: BTreeMap<CallKey, CallEndReason>,
}

/// A connection of one life of a phone.
pub(super) type Remote = (usize, u64, ConnectionId);

#[derive(Default)]
pub(super) struct Made {
    pub(super) id: u64,
    pub(super) initiator: usize,
    pub(super) joined: [bool; 2],
    pub(super) audio: [bool; 2],
    pub(super) held: [bool; 2],
    pub(super) answered: bool,
    pub(super) version: u64,
    pub(super) rings: bool,
    pub(super) ended: bool,
    pub(super) since: Instant,
    pub(super) gone: [Option<Instant>; 2],
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) phones: [Phone; 2],
    pub(super) calls: Vec<Made>,
    pub(super) parcels: BTreeMap<(Instant, u64), Parcel>,
    pub(super) sequence: u64,
    pub(super) media: bool,
    pub(super) dice: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let phone = |name: &str| Phone {
            store: store(name, seed),
            socket: false,
            epoch: 0,
            life: 0,
            connections: BTreeMap::new(),
            up: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        let mut world = Self {
            now: Instant::from_millis(1),
            phones: NAMES.map(phone),
            calls: Vec::new(),
            parcels: BTreeMap::new(),
            sequence: 0,
            media: true,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        };
        for phone in 0..2 {
            world.connect(phone);
        }
        world
    }

    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % below
    }

    pub(super) fn send(&mut self, after: Duration, parcel: Parcel) {
        self.sequence += 1;
        self.parcels
            .insert((self.now + after, self.sequence), parcel);
    }

    pub(super) fn connect(&mut self, phone: usize) {
        if !self.phones[phone].socket {
            self.phones[phone].socket = true;
            self.phones[phone].epoch += 1;
            for call in &mut self.calls {
                call.gone[phone] = None;
            }
            let user = NAMES[phone].parse().unwrap();
            let capabilities = all_capabilities();
            self.feed(phone, Input::SocketUp { user, capabilities });
        }
    }

    pub(super) fn disconnect(&mut self, phone: usize) {
        if self.phones[phone].socket {
            self.phones[phone].socket = false;
            let now = self.now;
            for call in &mut self.calls {
                call.gone[phone] = Some(now);
            }
            self.feed(phone, Input::SocketDown);
        }
    }

    /// The app dies and starts again: nothing is left of what it knew.
    pub(super) fn restart(&mut self, phone: usize) {
        self.disconnect(phone);
        let it = &mut self.phones[phone];
        it.life += 1;
        it.store = store(NAMES[phone], it.life);
        it.connections.clear();
        it.up.clear();
        it.ends.clear();
        self.look_at_paths();
        self.connect(phone);
    }

    pub(super) fn set_media(&mut self, flows: bool) {
        if self.media != flows {
            self.media = flows;
            self.look_at_paths();
        }
    }

    pub(super) fn command(&mut self, phone: usize, command: Command) {
        self.feed(phone, Input::Command(command));
    }

    pub(super) fn feed(&mut self, at: usize, input: Input) {
        let now = self.now;
        self.phones[at].store.handle(input, now);
        while let Some(effect) = self.phones[at].store.poll_effect() {
            self.carry_out(at, effect);
        }
    }

    pub(super) fn carry_out(&mut self, at: usize, effect: Effect) {
        let soon = Duration::from_millis(3);
        let life = self.phones[at].life;
        let inside =
            |connection, event| Parcel::Inside(at, life, Input::Connection { connection, event });
        let describe = |connection: ConnectionId| {
            let name = format!("{at} {life} {}", connection.get());
            format!("{name}\na=fingerprint:{name}")
        };
        match effect {
            Effect::Send { op, event } => {
                let epoch = self.phones[at].epoch;
                self.send(
                    Duration::from_millis(20),
                    Parcel::ToGateway(at, epoch, op, event),
                );
            }
            Effect::Open { connection, .. } => {
                self.phones[at].connections.insert(connection, None);
            }
            Effect::Offer { connection, op, .. } => {
                let sdp = describe(connection);
                self.send(
                    soon,
                    inside(connection, ConnectionEvent::OfferMade { op, sdp }),
                );
            }
            Effect::AcceptOffer {
                connection,
                op,
                sdp,
            } => {
                self.pair(at, connection, &sdp);
                let sdp = describe(connection);
                self.send(
                    soon,
                    inside(connection, ConnectionEvent::AnswerMade { op, sdp }),
                );
            }
            Effect::AcceptAnswer {
                connection,
                op,
                sdp,
            } => {
                self.pair(at, connection, &sdp);
                self.send(soon, inside(connection, ConnectionEvent::Applied { op }));
                self.look_at_paths();
            }
            Effect::Close { connection } => {
                self.phones[at].connections.remove(&connection);
                self.phones[at].up.remove(&connection);
                self.look_at_paths();
            }
            Effect::Notify(CallEvent::Ended { key, reason }) => {
                assert!(
                    self.phones[at].ends.insert(key, reason).is_none(),
                    "ended twice"
                );
            }
            Effect::AddCandidate { .. }
            | Effect::SetIceServers { .. }
            | Effect::SetMedia { .. }
            | Effect::Notify(_)
            | Effect::Publish => {}
        }
    }

    pub(super) fn pair(&mut self, at: usize, connection: ConnectionId, sdp: &str) {
        let name = sdp.lines().next().unwrap().split(' ');
        let numbers: Vec<u64> = name.map(|it| it.parse().unwrap()).collect();
        let [phone, life, remote] = numbers[..] else {
            panic!("not a description: {sdp}")
        };
        let slot = self.phones[at].connections.get_mut(&connection).unwrap();
        *slot = Some((phone as usize, life, ConnectionId::from_raw(remote)));
    }

    /// A path is there while media flows between two connections that know each other.
    pub(super) fn look_at_paths(&mut self) {
        for at in 0..2 {
            let connections = self.phones[at].connections.clone();
            for (connection, remote) in connections {
                let me = Some((at, self.phones[at].life, connection));
                let known = remote.is_some_and(|(phone, life, remote)| {
                    let phone = &self.phones[phone];
                    phone.life == life && phone.connections.get(&remote) == Some(&me)
                });
                let up = known && self.media;
                let before = self.phones[at].up.insert(connection, up).unwrap_or(false);
                let states: &[(u64, PathState)] = match (before, up) {
                    (false, true) => &[(30, PathState::Connected)],
                    (true, false) => &[(500, PathState::Disturbed), (5_000, PathState::Broken)],
                    _ => &[],
                };
                for (after, state) in states {
                    let event = ConnectionEvent::Path(*state);
                    let input = Input::Connection { connection, event };
                    let life = self.phones[at].life;
                    self.send(
                        Duration::from_millis(*after),
                        Parcel::Inside(at, life, input),
                    );
                }
            }
        }
    }

    /// A report of a path that has changed again since is not made.
    pub(super) fn still_true(&self, at: usize, input: &Input) -> bool {
        match input {
            Input::Connection {
                connection,
                event: ConnectionEvent::Path(state),
            } => self.phones[at].up.get(connection) == Some(&(*state == PathState::Connected)),
            _ => true,
        }
    }

    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let parcel = self.parcels.keys().next().copied();
            let wake = (0..2)
                .filter_map(|it| Some((self.phones[it].store.wake_at()?, it)))
                .min();
            let sweep = self.now + secs(1);
            let parcel_at = parcel.map(|(at, _)| at);
            let next = [parcel_at, wake.map(|(at, _)| at), Some(sweep)]
                .into_iter()
                .flatten()
                .min()
                .unwrap();
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if parcel_at == Some(next) {
                let parcel = self.parcels.remove(&parcel.unwrap()).unwrap();
                self.deliver(parcel);
            } else if let Some((_, phone)) = wake.filter(|(at, _)| *at == next) {
                self.feed(phone, Input::Tick);
            }
            self.gateway_time();
        }
        self.now = end;
    }

    pub(super) fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::ToPhone(to, epoch, input) => {
                if self.phones[to].socket && self.phones[to].epoch == epoch {
                    self.feed(to, input);
                }
            }
            Parcel::ToGateway(from, epoch, op, event) => {
                // What was sent before the socket broke may or may not arrive.
                let arrives = self.phones[from].socket && self.phones[from].epoch == epoch
                    || self.roll(2) == 0;
                if arrives {
                    self.gateway(from, epoch, op, event);
                }
            }
            Parcel::Inside(at, life, input) => {
                if self.phones[at].life == life && self.still_true(at, &input) {
                    self.feed(at, input);
                }
            }
        }
    }

    pub(super) fn tell(&mut self, to: usize, event: ServerEvent) {
        let epoch = self.phones[to].epoch;
        self.send(
            Duration::from_millis(20),
            Parcel::ToPhone(to, epoch, Input::Event(event)),
        );
    }
}

fn store(name: &str, seed: u64) -> CallStore {
    CallStore::new(Config {
        device: format!("{name}-1").parse().unwrap(),
        capabilities: all_capabilities(),
        seed,
        call_waiting: true,
    })
}
