//! How a story ends: the troubles stop, and all come to rest; then everybody hangs up, and two who
//! were in it call once more, to see that nothing of the past stands in the way.

use ringwire_call::{CallState, CallView, Command, Input};
use ringwire_life::ConversationKind;
use ringwire_protocol::{CallEndReason, CallId, CallStatus};

use crate::device::{Device, Line, is_over};
use crate::gateway::{Kept, person};
use crate::laws::Law;
use crate::queue::Time;
use crate::rates::Rates;
use crate::world::{Parcel, World};

/// A story rests within this time after its last trouble, ms: the sweep of what nobody answered is
/// the longest that anything lasts.
const REST: Time = 150_000;
/// A path that was lost before can be found too late, ms.
const LOST_SINCE: Time = 30_000;
/// How often it is looked whether it rests, ms.
const LOOK: Time = 5_000;
/// A story has at least so many steps: two call each other until it has.
const SHORTEST: u64 = 100;
/// From a hang-up to the end of everything, ms: ended calls are shown for 3 s.
const OVER: Time = 5_000;
/// An app that has died in the background is missed, and who is left alone a while later, ms.
const GHOST: Time = 361_000;
/// A push may come so late that a call is shown as over once more, ms.
const LATE_PUSH: Time = 65_000;

impl World {
    /// Everything after the last act.
    pub(crate) fn come_to_rest(&mut self) {
        self.calm();
        let limit = self.now + REST;
        let alive = self.calls_that_go_on();
        let mut freed = false;
        loop {
            self.run_until(self.now + LOOK, None);
            if self.violation.is_some() {
                return;
            }
            match self.unrest() {
                None => break,
                Some(_) if self.now >= limit && !freed => {
                    self.leave_ghosts();
                    freed = true;
                }
                Some(how) if self.now >= limit => return self.broken(Law::Rest, how),
                Some(_) => {}
            }
        }
        self.law_of_lives(&alive);
        self.hang_up_everything();
        self.law_of_emptiness();
        let mut again = true;
        while again && self.violation.is_none() {
            self.call_once_more();
            self.hang_up_everything();
            self.law_of_emptiness();
            again = self.steps < SHORTEST;
        }
    }

    /// All troubles end now.
    fn calm(&mut self) {
        self.crash_no_more();
        self.setup.fragile = 0;
        if !self.gateway.up {
            self.gateway_starts();
        }
        self.way = true;
        for d in 0..self.devices.len() {
            self.devices[d].network = true;
            if self.devices[d].is_asleep(self.now) {
                self.devices[d].asleep_until = self.now;
                self.queue.put(self.now, Parcel::Wake { device: d });
            }
            if !self.devices[d].running {
                self.queue.put(self.now, Parcel::Start { device: d });
            }
            self.set_timer(d);
            self.comes_to_the_front(d);
        }
        self.look_at_paths();
    }

    /// Calls of two that both show as answered, with half of the time to find a path again.
    fn calls_that_go_on(&self) -> Vec<CallId> {
        let shown = |device: &&Device, id: &CallId| {
            device.live().any(|call| {
                let lasts = match call.state {
                    CallState::Active => call.connected,
                    CallState::Reconnecting { since, .. } => {
                        device.time_of(since) + LOST_SINCE > self.now
                    }
                    _ => false,
                };
                lasts && call.id.as_ref() == Some(id)
            })
        };
        let hears = |device: &&Device| {
            let d = self.devices.iter().position(|it| it.id == device.id);
            d.is_some_and(|d| self.in_touch_since(d).is_some())
        };
        let direct = self.gateway.live().filter(|kept| {
            kept.call.conversation.kind == ConversationKind::Direct
                && kept
                    .call
                    .present()
                    .all(|it| it.named && it.socket_lost.is_none())
                && kept.call.status() != CallStatus::Ringing
        });
        let id = |kept: &Kept| kept.call.id.clone();
        direct
            .map(id)
            .filter(|id| {
                let both = self.devices.iter().filter(|it| shown(it, id) && hears(it));
                both.count() == 2
            })
            .collect()
    }

    /// Older apps that have died in a call come back without a name: nobody can know that they are
    /// not in it any more. Their people leave it by force.
    fn leave_ghosts(&mut self) {
        let mut ghosts = Vec::new();
        for kept in self.gateway.live() {
            let shown = |it: &Device| {
                it.live()
                    .any(|call| call.id.as_ref() == Some(&kept.call.id))
            };
            if kept.call.present().any(|it| it.named) || self.devices.iter().any(shown) {
                continue;
            }
            for it in kept.call.present() {
                let device = self.devices.iter().position(|d| d.peer == it.peer);
                ghosts.extend(device.map(|d| (d, kept.call.conversation.id.clone())));
            }
        }
        for (d, conversation) in ghosts {
            self.feed(d, Input::Command(Command::ForceLeave { conversation }));
        }
    }

    /// Nobody has hung up since the troubles ended.
    fn law_of_lives(&mut self, alive: &[CallId]) {
        for id in alive {
            let over = self
                .gateway
                .call(id)
                .and_then(|kept| kept.call.end.as_ref());
            if let Some(end) = over.filter(|end| end.reason == CallEndReason::ConnectionLost) {
                let how = format!("{id} ends as {} although its trouble was over", end.reason);
                return self.broken(Law::Lives, how);
            }
        }
    }

    /// What is not at rest yet.
    fn unrest(&self) -> Option<String> {
        for (d, device) in self.devices.iter().enumerate() {
            if self.in_touch_since(d).is_none() {
                return Some(format!(
                    "{} has no socket: {:?}",
                    device.name(),
                    device.line
                ));
            }
            for call in device.live() {
                if let Some(how) = self.is_unsettled(d, call) {
                    return Some(format!("{}: {how}", device.name()));
                }
            }
        }
        for kept in self.gateway.live() {
            if kept.call.conversation.kind == ConversationKind::Group {
                continue;
            }
            if kept.call.present().count() < 2 {
                return Some(format!("one is alone in {}", kept.call.id));
            }
            for it in kept.call.present() {
                let who = person(it.peer.as_str());
                let shown = self.devices.iter().any(|device| {
                    device.plan.person == who
                        && device
                            .live()
                            .any(|call| call.id.as_ref() == Some(&kept.call.id))
                });
                if !shown {
                    return Some(format!(
                        "{} is in {} and does not know",
                        it.peer, kept.call.id
                    ));
                }
            }
        }
        None
    }

    fn is_unsettled(&self, d: usize, call: &CallView) -> Option<String> {
        let Some(kept) = call.id.as_ref().and_then(|id| self.gateway.call(id)) else {
            return Some(format!("{} has no name", call.key));
        };
        let id = &kept.call.id;
        if kept.over_at.is_some() {
            return Some(format!("{id} is over, and shown as {:?}", call.state));
        }
        if kept.call.conversation.kind == ConversationKind::Group {
            return None;
        }
        if call.state != CallState::Active || !call.connected {
            return Some(format!(
                "{id} is {:?}, connected: {}",
                call.state, call.connected
            ));
        }
        let me = &self.devices[d].peer;
        if !kept
            .call
            .person(me)
            .is_some_and(|it| it.device == self.devices[d].id || !it.named)
        {
            return Some(format!("{id} is shown, and its person is not in it here"));
        }
        let server = kept
            .call
            .person(me)
            .map(|it| (it.audio, it.video, it.screen, it.held));
        let media = call.media;
        let old = self.devices[d].plan.old;
        let mine = (media.microphone, media.camera, media.screen, call.held);
        // To who does not know `call:hold`, a held call has all turned off.
        let off = call.held && server == Some((false, false, false, false));
        // Nor does an older app take a screen.
        let older = self.devices.iter().any(|it| it.plan.old);
        let no_screen = older && server == Some((mine.0, mine.1, false, mine.3));
        if server != Some(mine) && !old && !off && !no_screen {
            return Some(format!("{id} sends {mine:?}, the gateway has {server:?}"));
        }
        for it in &call.people {
            let theirs = kept
                .call
                .person(&it.peer)
                .map(|it| (it.audio, it.video, it.screen, it.held));
            let shown = (
                it.audio_enabled,
                it.video_enabled,
                it.screen_enabled,
                it.held,
            );
            if theirs.is_some_and(|theirs| theirs != shown) {
                return Some(format!("{id}: what {} sends is shown otherwise", it.peer));
            }
        }
        None
    }

    fn hang_up_everything(&mut self) {
        if self.violation.is_some() {
            return;
        }
        self.gateway.rates = Rates::default();
        for d in 0..self.devices.len() {
            let keys: Vec<_> = self.devices[d].live().map(|call| call.key).collect();
            for key in keys {
                self.feed(d, Input::Command(Command::HangUp { key }));
            }
        }
        self.run_until(self.now + OVER, None);
        // Of a group, somebody whose app has died may be left.
        let group = |kept: &Kept| kept.call.conversation.kind == ConversationKind::Group;
        if self.gateway.live().any(group) {
            self.run_until(self.now + GHOST, None);
            self.leave_ghosts();
            self.run_until(self.now + OVER, None);
        }
        let until = self.now + LATE_PUSH;
        let listed = |device: &Device| !device.snapshot.calls.is_empty();
        while self.devices.iter().any(listed) && self.now < until && self.violation.is_none() {
            self.run_until(self.now + OVER, None);
        }
    }

    /// Nothing is left anywhere.
    fn law_of_emptiness(&mut self) {
        let left = self.gateway.live().next().map(|kept| kept.call.id.clone());
        if let Some(id) = left {
            let how = format!("{id} goes on after everybody has hung up");
            return self.broken(Law::Agreement, how);
        }
        let mut found = None;
        for device in &self.devices {
            let left = device.snapshot.calls.len();
            let open = device.connections.len();
            let timer = device.store.wake_at();
            if left + open > 0 || timer.is_some() {
                found = Some(format!(
                    "{} is left with {left} calls, {open} connections, and a timer at {timer:?}",
                    device.name()
                ));
            }
        }
        if let Some(how) = found {
            self.broken(Law::Timers, how);
        }
    }

    /// Ann calls Bob as if nothing had been.
    fn call_once_more(&mut self) {
        let device_of = |who: usize| {
            self.devices
                .iter()
                .position(|it| it.plan.person == who && matches!(it.line, Line::Up { .. }))
        };
        let (Some(ann), Some(bob)) = (device_of(0), device_of(1)) else {
            return self.broken(Law::Free, "somebody has no socket".to_owned());
        };
        self.gateway.rates = Rates::default();
        let place = self.gateway.places_of(0)[0].clone();
        self.call_in(ann, place);
        self.run_until(self.now + 2 * self.patience(), None);
        let ring = self.devices[bob]
            .live()
            .find(|call| call.state == CallState::Incoming);
        let Some(key) = ring.map(|call| call.key) else {
            return self.broken(
                Law::Free,
                "Ann calls, and it does not ring at Bob's".to_owned(),
            );
        };
        self.accept(bob, key);
        self.run_until(self.now + 3 * self.patience() + 500, None);
        for d in [ann, bob] {
            let active = self.devices[d]
                .live()
                .any(|call| call.state == CallState::Active && call.connected);
            if !active {
                let states: Vec<_> = self.devices[d]
                    .snapshot
                    .calls
                    .iter()
                    .map(|it| &it.state)
                    .collect();
                let how = format!(
                    "{} does not get into a call: {states:?}",
                    self.devices[d].name()
                );
                return self.broken(Law::Free, how);
            }
        }
        let elsewhere = self.devices.iter().enumerate().find(|(d, it)| {
            *d != ann && *d != bob && it.snapshot.calls.iter().any(|call| !is_over(call))
        });
        if let Some(name) = elsewhere.map(|(_, device)| device.name()) {
            let how = format!("{name} shows a call that others are in");
            self.broken(Law::Agreement, how);
        }
    }
}
