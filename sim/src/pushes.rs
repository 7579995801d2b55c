//! Pushes: the gateway asks the real `ringwire-life` whom to wake and whom to silence, and a push
//! service brings that late, twice, out of order or never. A push wakes a device.

use ringwire_call::{Command, Input};
use ringwire_life::{PushState, PushStep};
use ringwire_protocol::Push;

use crate::device::{Line, NEVER};
use crate::gateway::timestamp;
use crate::queue::Time;
use crate::world::{Parcel, World};

/// What cannot be done now is tried again after this, ms.
const RETRY: Time = 1_000;
/// The push service takes a push within this time, ms.
const TAKEN: Time = 100;

/// What the gateway keeps of one device and one call.
#[derive(Debug)]
pub(crate) struct PushRow {
    call: usize,
    device: usize,
    due: Time,
    pub(crate) next: Time,
    pushed: bool,
    settled: bool,
    rang: bool,
    under_way: bool,
    gone: bool,
}

impl World {
    /// A new call: who is to be woken, and when.
    pub(crate) fn plan_pushes(&mut self, call: usize) {
        if !self.setup.pushes {
            return;
        }
        let kept = &self.gateway.calls[call].call;
        let mut rows = Vec::new();
        for (device, it) in self.devices.iter().enumerate() {
            let called = it.peer != kept.initiator && kept.member(&it.peer).is_some();
            // A laptop has no push service, an older app no token.
            if !called || it.plan.old || it.plan.kind == 2 {
                continue;
            }
            let online = self.has_device(&it.actor(0));
            let due = if online { self.now + 2_000 } else { self.now };
            rows.push(PushRow {
                call,
                device,
                due,
                next: due,
                pushed: false,
                settled: false,
                rang: false,
                under_way: false,
                gone: false,
            });
        }
        self.gateway.pushes.extend(rows);
    }

    pub(crate) fn push_time(&mut self) {
        for row in 0..self.gateway.pushes.len() {
            if self.gateway.pushes[row].next <= self.now {
                self.look_at_push(row);
            }
        }
    }

    /// The rings of a call have changed.
    pub(crate) fn look_at_pushes(&mut self, call: usize) {
        for row in 0..self.gateway.pushes.len() {
            if self.gateway.pushes[row].call == call {
                self.look_at_push(row);
            }
        }
    }

    fn look_at_push(&mut self, at: usize) {
        let row = &self.gateway.pushes[at];
        if row.gone {
            self.gateway.pushes[at].next = NEVER;
            return;
        }
        let device = &self.devices[row.device];
        let call = &self.gateway.calls[row.call].call;
        let state = PushState {
            due: timestamp(row.due),
            pushed: row.pushed,
            settled: row.settled,
            rang: row.rang,
            online: self.has_device(&device.actor(0)),
        };
        let step = call.push(&device.peer, &device.id, state, timestamp(self.now));
        let rang = call.rings_on(&device.peer, &device.id);
        let (d, now) = (row.device, self.now);
        let servers = self.ice_servers();
        let row = &mut self.gateway.pushes[at];
        row.rang |= rang;
        row.next = now + RETRY;
        if row.under_way {
            return;
        }
        match step {
            PushStep::Nothing => {
                row.gone = true;
                row.next = NEVER;
            }
            PushStep::Wait(until) => row.next = crate::gateway::time_of(until).max(now + 1),
            PushStep::Ring(mut ring) => {
                ring.ice_servers = servers;
                row.pushed = true;
                row.under_way = true;
                self.send_push(d, &Push::Ring(*ring));
                self.queue.put(now + TAKEN, Parcel::Pushed { row: at });
            }
            PushStep::Stop(stop) => {
                row.gone = true;
                row.next = NEVER;
                self.send_push(d, &stop);
            }
        }
    }

    pub(crate) fn push_settled(&mut self, at: usize) {
        let row = &mut self.gateway.pushes[at];
        row.under_way = false;
        row.settled = true;
        row.next = self.now;
    }

    /// The push service: most pushes come soon, some late, some twice, some never.
    fn send_push(&mut self, device: usize, push: &Push) {
        let copies = match self.dice.below(20) {
            0 | 1 => 0,
            2 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let late = match self.dice.below(8) {
                0 => self.dice.below(60_000),
                1 => self.dice.below(10_000),
                _ => self.dice.between(50, 1_000),
            };
            let push = Box::new(push.clone());
            self.queue
                .put(self.now + late, Parcel::Push { device, push });
        }
    }

    pub(crate) fn push_arrives(&mut self, d: usize, push: Push) {
        if !self.devices[d].network {
            // It is brought when there is a network again.
            let again = self.now + 1_000;
            let push = Box::new(push);
            return self.queue.put(again, Parcel::Push { device: d, push });
        }
        self.tell_push(d, &push);
        if !self.devices[d].running {
            self.start(d);
        }
        if self.devices[d].is_asleep(self.now) {
            self.devices[d].asleep_until = self.now;
            self.queue.put(self.now, Parcel::Wake { device: d });
        }
        if let Line::Down { .. } = self.devices[d].line {
            self.hurry(d);
        }
        let calendar = self.devices[d].calendar(self.now);
        self.feed(d, Input::Calendar(calendar));
        let push = match self.setup.json {
            true => Push::parse(&push.to_data()).ok().flatten().unwrap_or(push),
            false => push,
        };
        self.feed(d, Input::Command(Command::Push(push)));
        self.set_timer(d);
    }
}
