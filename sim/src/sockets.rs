//! A device's socket: it opens, carries frames, is lost and tries again.

use ringwire_call::{AckFailure, Input, OpId};

use crate::device::{Line, NEVER};
use crate::network::{Down, Link, Up};
use crate::queue::Time;
use crate::world::{Parcel, World};

/// A client that is refused or alone tries again after at most so long, ms.
const BACKOFF_MAX: Time = 7_000;
/// A socket that does not open is given up after this, ms.
const OPENING: Time = 15_000;
/// An ack that does not come, ms.
const ACK: Time = 8_000;

impl World {
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
    pub(crate) fn lost(&mut self, link: usize, why: &str) {
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

    pub(crate) fn send_up(
        &mut self,
        d: usize,
        op: Option<OpId>,
        event: ringwire_protocol::ClientEvent,
    ) {
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

    pub(crate) fn device_hears(&mut self, d: usize, link: usize, frame: Down) {
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
}
