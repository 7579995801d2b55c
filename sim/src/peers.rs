//! The media network: connections as the call store steers them, without media. Two that know each
//! other's newest description have a path while there is a way between their devices; one that was
//! broken needs an ICE restart.

use ringwire_call::{CallKey, ConnectionEvent, ConnectionId, IcePolicy, OpId, PathState};

use crate::queue::Time;
use crate::world::{Parcel, World};

/// A silent path is told after this, ms.
const DISTURBED: Time = 500;
/// A silent path is broken after this, ms.
const BROKEN: Time = 5_000;
/// From matching descriptions to a path, ms.
const FOUND: Time = 30;

/// The other end, as its description names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    device: usize,
    life: u32,
    connection: u64,
    /// Which of its ICE credentials.
    ice: u32,
}

/// One connection of one device.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) key: CallKey,
    policy: IcePolicy,
    screen: bool,
    ice: u32,
    remote: Option<End>,
    /// The other end's description was taken: candidates may follow.
    pub(crate) described: bool,
    pub(crate) up: bool,
    broken: bool,
    /// Counts changes of the path, so that a report of an older one is not made.
    changes: u32,
    pub(crate) sends: bool,
    pub(crate) receives: bool,
    heard: bool,
}

impl World {
    pub(crate) fn open(
        &mut self,
        d: usize,
        key: CallKey,
        id: ConnectionId,
        (policy, screen): (IcePolicy, bool),
    ) {
        self.devices[d].connections.push(Connection {
            id,
            key,
            policy,
            screen,
            ice: 0,
            remote: None,
            described: false,
            up: false,
            broken: false,
            changes: 0,
            sends: false,
            receives: false,
            heard: false,
        });
    }

    pub(crate) fn close(&mut self, d: usize, id: ConnectionId) {
        self.devices[d].connections.retain(|it| it.id != id);
        self.look_at_paths();
    }

    pub(crate) fn connection(&mut self, d: usize, id: ConnectionId) -> Option<&mut Connection> {
        self.devices[d]
            .connections
            .iter_mut()
            .find(|it| it.id == id)
    }

    /// Makes an offer or an answer, then candidates.
    pub(crate) fn describe(
        &mut self,
        d: usize,
        id: ConnectionId,
        op: OpId,
        fresh: bool,
        offer: bool,
    ) {
        let life = self.devices[d].life;
        let Some(it) = self.connection(d, id) else {
            return;
        };
        if fresh || it.ice == 0 {
            it.ice += 1;
        }
        if offer {
            it.described = false;
        }
        let sdp = format!("v=0\r\nm=audio\r\n{d} {life} {} {}", id.get(), it.ice);
        let event = match offer {
            true => ConnectionEvent::OfferMade { op, sdp },
            false => ConnectionEvent::AnswerMade { op, sdp },
        };
        let (policy, screen) = (it.policy, it.screen);
        if self.fails(d, id, op) {
            return;
        }
        self.report(d, id, 3, event);
        if !offer {
            let video = true;
            self.report(d, id, 3, ConnectionEvent::Agreed { video, screen });
        }
        let relayed = "candidate:2 1 udp 1 198.51.100.1 9 typ relay";
        let direct = "candidate:1 1 udp 2 192.0.2.1 9 typ host";
        let candidates: &[&str] = match policy {
            IcePolicy::All => &[direct, relayed, ""],
            IcePolicy::Relay => &[relayed, ""],
        };
        for (place, candidate) in candidates.iter().enumerate() {
            let event = ConnectionEvent::Candidate {
                candidate: (*candidate).to_owned(),
                sdp_mid: Some("0".to_owned()),
                sdp_m_line_index: Some(0),
            };
            self.report(d, id, 5 + 4 * place as Time, event);
        }
    }

    /// Takes the other end's description. True when its credentials are others than before.
    pub(crate) fn take_description(&mut self, d: usize, id: ConnectionId, sdp: &str) -> bool {
        let mut numbers = sdp
            .lines()
            .last()
            .unwrap_or_default()
            .split(' ')
            .map(|number| number.parse::<u64>().unwrap_or(u64::MAX));
        let mut next = || numbers.next().unwrap_or(u64::MAX);
        let end = End {
            device: next() as usize,
            life: next() as u32,
            connection: next(),
            ice: next() as u32,
        };
        let Some(it) = self.connection(d, id) else {
            return false;
        };
        it.described = true;
        let restarted = it.remote.is_some() && it.remote != Some(end);
        if restarted {
            it.broken = false;
        }
        it.remote = Some(end);
        self.look_at_paths();
        restarted
    }

    pub(crate) fn applied(&mut self, d: usize, id: ConnectionId, op: OpId) {
        if self.fails(d, id, op) {
            return;
        }
        let screen = self.connection(d, id).is_some_and(|it| it.screen);
        let video = true;
        self.report(d, id, 3, ConnectionEvent::Applied { op });
        self.report(d, id, 3, ConnectionEvent::Agreed { video, screen });
    }

    pub(crate) fn set_media(&mut self, d: usize, id: ConnectionId, sends: bool, receives: bool) {
        if let Some(it) = self.connection(d, id) {
            (it.sends, it.receives) = (sends, receives);
        }
        self.look_at_media();
    }

    fn fails(&mut self, d: usize, id: ConnectionId, op: OpId) -> bool {
        let fails = self.setup.fragile > 0 && self.dice.in_thousand(self.setup.fragile);
        if fails {
            let message = "it does not work".to_owned();
            let op = Some(op);
            self.report(d, id, 3, ConnectionEvent::Failed { op, message });
        }
        fails
    }

    fn report(&mut self, d: usize, connection: ConnectionId, after: Time, event: ConnectionEvent) {
        let life = self.devices[d].life;
        let at = self.now + after;
        self.queue.put(
            at,
            Parcel::Report {
                device: d,
                life,
                connection,
                event,
            },
        );
    }

    /// True while media finds its way to and from a device.
    fn is_reachable(&self, d: usize) -> bool {
        let device = &self.devices[d];
        self.way && device.network && device.running && !device.is_asleep(self.now)
    }

    /// Looks which paths there are now, and has it told.
    pub(crate) fn look_at_paths(&mut self) {
        for d in 0..self.devices.len() {
            for at in 0..self.devices[d].connections.len() {
                let it = &self.devices[d].connections[at];
                let here = End {
                    device: d,
                    life: self.devices[d].life,
                    connection: it.id.get(),
                    ice: it.ice,
                };
                let up = it.remote.is_some_and(|end| {
                    let other = self
                        .devices
                        .get(end.device)
                        .filter(|it| it.life == end.life);
                    other.is_some_and(|other| {
                        other.connections.iter().any(|that| {
                            that.id.get() == end.connection
                                && that.ice == end.ice
                                && that.remote == Some(here)
                                && !that.broken
                        })
                    }) && self.is_reachable(d)
                        && self.is_reachable(end.device)
                }) && !it.broken;
                self.path(d, at, up);
            }
        }
        self.look_at_media();
    }

    fn path(&mut self, d: usize, at: usize, up: bool) {
        let life = self.devices[d].life;
        let it = &mut self.devices[d].connections[at];
        if it.up == up {
            return;
        }
        it.up = up;
        it.changes += 1;
        let (connection, changes) = (it.id, it.changes);
        let states: &[(Time, PathState)] = match up {
            true => &[(FOUND, PathState::Connected)],
            false => &[
                (DISTURBED, PathState::Disturbed),
                (BROKEN, PathState::Broken),
            ],
        };
        for (after, state) in states {
            let parcel = Parcel::Path {
                device: d,
                life,
                connection,
                changes,
                state: *state,
            };
            self.queue.put(self.now + after, parcel);
        }
    }

    /// The report of a path, unless it has changed again since.
    pub(crate) fn path_report(
        &mut self,
        d: usize,
        id: ConnectionId,
        changes: u32,
        state: PathState,
    ) -> bool {
        let Some(it) = self.connection(d, id).filter(|it| it.changes == changes) else {
            return false;
        };
        if state == PathState::Broken {
            it.broken = true;
        }
        true
    }

    /// The first sound arrives where there is a path, somebody sends and somebody listens.
    fn look_at_media(&mut self) {
        for d in 0..self.devices.len() {
            for at in 0..self.devices[d].connections.len() {
                let it = &self.devices[d].connections[at];
                if it.heard || !it.up || !it.receives {
                    continue;
                }
                let sent = it.remote.is_some_and(|end| {
                    self.devices[end.device]
                        .connections
                        .iter()
                        .any(|that| that.id.get() == end.connection && that.sends)
                });
                if sent {
                    self.devices[d].connections[at].heard = true;
                    let id = self.devices[d].connections[at].id;
                    self.report(d, id, 40, ConnectionEvent::FirstAudio);
                }
            }
        }
    }
}
