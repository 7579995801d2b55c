//! A device's machine: its store is fed, what comes out is held against the laws and done, and it is
//! woken in time.

use ringwire_call::{AckFailure, CallEvent, Effect, Input};

use crate::device::{Line, NEVER};
use crate::laws::About;
use crate::world::World;

impl World {
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

    pub(crate) fn device_time(&mut self, d: usize) {
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
}
