//! What happens in a story: taps, misfortune, processes that die and start.

use ringwire_call::{CallKey, CallState, Command, Input};
use ringwire_protocol::{CallType, ConversationId};

use crate::device::{Device, Line, NEVER, Told};
use crate::plan::What;
use crate::queue::Time;
use crate::world::{Parcel, World};

impl World {
    pub(crate) fn act(&mut self, what: What) {
        self.tell_act(what);
        match what {
            What::Call { device, place } => self.call(device, place),
            What::Answer { which } => self.answer(which),
            What::Decline {
                device,
                which,
                busy,
            } => self.tap(device, which, |key, _| Command::Decline { key, busy }),
            What::HangUp { device, which } => {
                self.tap(device, which, |key, _| Command::HangUp { key });
            }
            What::Microphone { device, which } => self.tap(device, which, |key, call| {
                let on = !call.media.microphone;
                Command::SetMicrophone { key, on }
            }),
            What::Camera { device, which } => self.tap(device, which, |key, call| {
                let on = !call.media.camera;
                Command::SetCamera { key, on }
            }),
            What::Screen { device, which } => self.tap(device, which, |key, call| {
                let on = !call.media.screen;
                Command::SetScreen { key, on }
            }),
            What::Hold { device, which } => self.tap(device, which, |key, call| {
                let on = !call.held;
                Command::Hold { key, on }
            }),
            What::Join { device, which } => self.join_offered(device, which),
            What::ForceLeave { device, place } => {
                if self.can_tap(device) {
                    let places = self.gateway.places_of(self.devices[device].plan.person);
                    let conversation = places[place % places.len()].clone();
                    let command = Command::ForceLeave { conversation };
                    self.feed(device, Input::Command(command));
                }
            }
            What::Background { device, span } => self.background(device, span),
            What::Cut {
                device,
                device_notices,
                gateway_notices,
            } => self.cut(device, device_notices, gateway_notices),
            What::Offline { device, span } => {
                if self.devices[device].network {
                    self.devices[device].network = false;
                    self.cut(device, 1_000, 20_000);
                    self.queue
                        .put(self.now + span, Parcel::NetworkBack { device });
                    self.look_at_paths();
                }
            }
            What::NoPath { span } => {
                if self.way {
                    self.way = false;
                    self.queue.put(self.now + span, Parcel::WayBack);
                    self.look_at_paths();
                }
            }
            What::Sleep { device, span } => {
                if self.devices[device].running && !self.devices[device].is_asleep(self.now) {
                    let until = self.now + span;
                    self.devices[device].asleep_until = until;
                    self.queue.put(until, Parcel::Wake { device });
                    self.set_timer(device);
                    // The gateway's pings find nobody.
                    if span > 20_000 {
                        self.cut(device, span + 1, 45_000);
                    }
                    self.look_at_paths();
                }
            }
            What::Crash { device, span } => self.crash(device, span),
            What::GatewayCrash { span, at_commit } => self.gateway_crash(span, at_commit),
            What::Pass => {}
        }
    }

    fn call(&mut self, d: usize, place: usize) {
        // Two devices of one person that cannot tell which of them called are not told apart by
        // anybody: with an older app among them, only the first calls.
        let person = self.devices[d].plan.person;
        let of_person = |it: &&Device| it.plan.person == person;
        let ambiguous = self.devices.iter().filter(of_person).any(|it| it.plan.old);
        if !self.can_tap(d) || (ambiguous && self.devices[d].plan.kind != 0) {
            return;
        }
        let places = self.gateway.places_of(self.devices[d].plan.person);
        let conversation = places[place % places.len()].clone();
        self.call_in(d, conversation);
    }

    pub(crate) fn call_in(&mut self, d: usize, conversation: ConversationId) {
        self.devices[d].calls_made += 1;
        let key = CallKey::outgoing(self.devices[d].calls_made);
        self.devices[d].told.push(Told {
            key,
            id: None,
            since: self.now,
            rings: false,
            accepted: false,
            ended: None,
        });
        let command = Command::Call {
            key,
            conversation,
            call_type: CallType::Video,
            media: both_on(),
        };
        self.feed(d, Input::Command(command));
    }

    /// Accepts one of the rings that somebody could accept.
    pub(crate) fn answer(&mut self, which: usize) {
        let mut rings = Vec::new();
        for (d, device) in self.devices.iter().enumerate() {
            if self.can_tap(d) {
                let ringing = device
                    .live()
                    .filter(|call| call.state == CallState::Incoming);
                rings.extend(ringing.map(|call| (d, call.key)));
            }
        }
        if let Some((d, key)) = rings.get(which % rings.len().max(1)).copied() {
            self.accept(d, key);
        }
    }

    pub(crate) fn accept(&mut self, d: usize, key: CallKey) {
        if let Some(told) = self.devices[d].told_of(key) {
            told.accepted = true;
        }
        let media = both_on();
        self.feed(d, Input::Command(Command::Accept { key, media }));
        let view = self.devices[d].snapshot.call(key);
        if view.is_some_and(|it| it.state == CallState::Incoming)
            && let Some(told) = self.devices[d].told_of(key)
        {
            // It was refused.
            told.accepted = false;
        }
    }

    fn join_offered(&mut self, d: usize, which: usize) {
        if !self.can_tap(d) {
            return;
        }
        let offered = |it: &&ringwire_call::CallView| it.state == CallState::Offered;
        let keys: Vec<_> = self.devices[d]
            .live()
            .filter(offered)
            .map(|it| it.key)
            .collect();
        if let Some(key) = keys.get(which % keys.len().max(1)).copied() {
            let now = self.now;
            if let Some(told) = self.devices[d].told_of(key) {
                // Whether it still goes on is asked only now.
                told.since = now;
                told.accepted = true;
            }
            let media = both_on();
            self.feed(d, Input::Command(Command::Join { key, media }));
        }
    }

    /// Without a call the socket closes, until the app is back or a push wakes it.
    fn background(&mut self, d: usize, span: Time) {
        if self.can_tap(d) {
            self.feed(d, Input::Command(Command::Background(true)));
            self.queue
                .put(self.now + span, Parcel::Foreground { device: d });
        }
        let busy = self.devices[d].live().next().is_some();
        if busy || !self.can_tap(d) || self.devices[d].session.is_some() {
            return;
        }
        if let Line::Up { link, .. } = self.devices[d].line {
            self.cut(d, NEVER, 0);
            self.devices[d].awaited.clear();
            self.feed(d, Input::SocketDown);
            self.devices[d].line = Line::Down {
                retry_at: self.now + span,
            };
            let _ = link;
            self.set_timer(d);
        }
    }

    fn tap(
        &mut self,
        d: usize,
        which: usize,
        command: impl Fn(CallKey, &ringwire_call::CallView) -> Command,
    ) {
        if !self.can_tap(d) {
            return;
        }
        let calls = &self.devices[d].snapshot.calls;
        if let Some(call) = calls.get(which % calls.len().max(1)) {
            let command = command(call.key, call);
            self.feed(d, Input::Command(command));
        }
    }

    pub(crate) fn can_tap(&self, d: usize) -> bool {
        self.devices[d].running && !self.devices[d].is_asleep(self.now)
    }

    pub(crate) fn comes_to_the_front(&mut self, d: usize) {
        if self.can_tap(d) {
            self.feed(d, Input::Command(Command::Background(false)));
            self.hurry(d);
        }
    }

    fn crash(&mut self, d: usize, span: Time) {
        if !self.devices[d].running || self.devices[d].is_asleep(self.now) {
            return;
        }
        self.cut(d, NEVER, 1_000);
        let seed = self.seed;
        self.devices[d].running = false;
        self.devices[d].forget(seed);
        self.devices[d].line = Line::Down { retry_at: NEVER };
        self.set_timer(d);
        self.queue.put(self.now + span, Parcel::Start { device: d });
        self.look_at_paths();
    }

    pub(crate) fn start(&mut self, d: usize) {
        self.devices[d].running = true;
        self.devices[d].awake_since = self.now;
        self.devices[d].line = Line::Down { retry_at: self.now };
        let calendar = self.devices[d].calendar(self.now);
        self.feed(d, Input::Calendar(calendar));
        if self.setup.json {
            self.start_session(d);
        }
        self.set_timer(d);
        self.look_at_paths();
    }
}

pub(crate) fn both_on() -> ringwire_call::LocalMedia {
    ringwire_call::LocalMedia {
        microphone: true,
        camera: true,
        screen: false,
    }
}
