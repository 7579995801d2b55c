//! The gateway's clock, its crashes and its starts.

use crate::gateway::Cause;
use crate::queue::Time;
use crate::rates::Rates;
use crate::world::{Parcel, World};

impl World {
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

    pub(crate) fn gateway_dies(&mut self, span: Time) {
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
