//! Both ends: what is known at one is known at the other as soon as it can be.

use ringwire_call::{CallState, CallView};

use crate::device::{Device, Line, is_over};
use crate::gateway::timestamp;
use crate::laws::Law;
use crate::queue::Time;
use crate::world::World;

/// With several calls some heartbeats meet the limit; never all for so long, ms.
const SILENCE: Time = 70_000;

impl World {
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
