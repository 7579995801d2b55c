//! What a device does: told once, in order, nothing before the accept.

use std::sync::Arc;

use ringwire_call::{CallEvent, Effect, Snapshot};
use ringwire_protocol::{CallEndReason, CallId, ClientEvent, SignalBody};

use crate::device::{Device, Line, Told};
use crate::laws::{About, Law};
use crate::world::World;

impl World {
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
}
