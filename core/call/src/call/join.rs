//! Getting into a call: the accept, the others' coming, and the connection that follows.

use ringwire_protocol::client::Join;
use ringwire_protocol::{Capability, ClientEvent, PeerId};

use super::{Call, Membership, State, Talk};
use crate::CallEvent;
use crate::early::EarlySignals;
use crate::link::{Link, Opening, Part};
use crate::negotiation::Pair;
use crate::outbox::{Cx, Purpose};

impl Call {
    /// Says `call:join`: the accept, and the return after a lost socket.
    pub(super) fn say_join(&mut self, cx: &mut Cx<'_>) {
        let Some(id) = self.call_id().cloned() else {
            return;
        };
        let settings = self.tell_settings(cx);
        let join = Join {
            call_id: id,
            settings: Some(settings),
            device_id: cx.line.is_extended().then(|| cx.line.device.clone()),
        };
        cx.ask(Purpose::Join(self.key), ClientEvent::Join(join));
    }

    /// Goes into a call that somebody else, or an earlier life of this device, has started.
    pub(super) fn enter(&mut self, early: EarlySignals, rejoins: bool, cx: &mut Cx<'_>) {
        let membership = if cx.line.is_up() {
            Membership::Asked
        } else {
            Membership::Wanted
        };
        self.begin_talk(membership, early, cx);
        if let Some(talk) = self.state.talk_mut() {
            talk.rejoins = rejoins;
        }
        if membership == Membership::Asked {
            self.say_join(cx);
        }
    }

    /// The call is accepted: ringing is over on both sides.
    pub(super) fn begin_talk(
        &mut self,
        membership: Membership,
        early: EarlySignals,
        cx: &mut Cx<'_>,
    ) {
        self.state = State::Connecting(Talk::new(membership, early, cx.now));
        self.timeline.accepted.get_or_insert(cx.now);
        cx.notify(CallEvent::Changed { key: self.key });
    }

    /// Somebody else is in the call.
    pub(super) fn other_joined(&mut self, peer: &PeerId, cx: &mut Cx<'_>) {
        match &self.state {
            State::Calling(_) | State::Ringing(_) => {
                let membership = if cx.line.is_up() {
                    Membership::In
                } else {
                    Membership::Away
                };
                self.begin_talk(membership, EarlySignals::default(), cx);
            }
            State::Connecting(_)
            | State::Active(_)
            | State::Reconnecting(_)
            | State::Incoming(_)
            | State::Offered(_)
            | State::Ended(_) => {}
        }
        let person = self.people.get(peer);
        let device = person.and_then(|person| person.device.clone());
        let negotiates = person.is_some_and(|person| person.knows(&Capability::Negotiate));
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        talk.alone_since = None;
        if let Some(link) = &mut talk.link
            && link.pair.peer == *peer
        {
            let moved = link.pair.peer_device.is_some() && link.pair.peer_device != device;
            if moved {
                self.close_link(cx);
            } else {
                link.pair.peer_device = device;
                link.pair.peer_negotiates = negotiates;
            }
        }
        if self.part() == Part::Offerer && self.open_link(peer, cx) {
            self.begin_link(cx);
        }
        // Who knows of holds may be another one now.
        self.tell_media(cx);
    }

    /// Begins to negotiate: offers, or asks for an offer.
    pub(super) fn begin_link(&mut self, cx: &mut Cx<'_>) {
        if let Some(link) = self.state.talk_mut().and_then(|talk| talk.link.as_mut()) {
            link.begin(&mut self.rounds, cx);
        }
    }

    /// Closes a connection whose other end is gone: another device, or none, is there now.
    pub(super) fn close_link(&mut self, cx: &mut Cx<'_>) {
        if let Some(link) = self.state.talk_mut().and_then(|talk| talk.link.take()) {
            link.close(cx);
        }
    }

    /// Opens the connection with `peer`; false when there is one.
    pub(super) fn open_link(&mut self, peer: &PeerId, cx: &mut Cx<'_>) -> bool {
        let part = self.part();
        let (Some(me), Some(call)) = (cx.line.me.clone(), self.call_id().cloned()) else {
            return false;
        };
        let Some(talk) = self.state.talk_mut() else {
            return false;
        };
        if talk.link.is_some() {
            return false;
        }
        let person = self.people.get(peer);
        let knows = |capability| person.is_some_and(|person| person.knows(capability));
        let pair = Pair {
            key: self.key,
            call,
            connection: cx.out.connection(),
            me,
            peer: peer.clone(),
            peer_device: person.and_then(|person| person.device.clone()),
            peer_negotiates: knows(&Capability::Negotiate),
        };
        let opening = Opening {
            part,
            ice_servers: self.ice.list(),
            screen: cx.line.knows(&Capability::Screen) && knows(&Capability::Screen),
            media: self.media,
            held: self.held,
        };
        talk.link = Some(Link::open(pair, opening, cx));
        true
    }

    /// I am in: what waited for that goes on.
    pub(super) fn is_in(&mut self, cx: &mut Cx<'_>) {
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        if talk.membership == Membership::In {
            return;
        }
        let returned = talk.membership.was_in();
        talk.membership = Membership::In;
        if returned && let Some(link) = &mut talk.link {
            link.resume(cx);
        }
        let rejoins = std::mem::take(&mut talk.rejoins);
        if self.part() == Part::Answerer
            && let Some(peer) = self.initiator.clone()
        {
            self.open_link(&peer, cx);
            self.replay_early(cx);
            if rejoins {
                // The other end has a connection, and no cause to offer.
                self.begin_link(cx);
            }
        }
        self.tell_media(cx);
        if cx.line.background {
            self.tell_background(cx);
        }
    }
}
