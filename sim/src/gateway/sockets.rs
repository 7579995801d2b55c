//! Who comes and goes: greetings, and the clocks of lost sockets.

use ringwire_life::Command;
use ringwire_protocol::{IceServer, PeerId, ServerEvent};

use crate::gateway::{Cause, timestamp};
use crate::network::Down;
use crate::world::{Parcel, World};

impl World {
    pub(crate) fn hello(&mut self, link: usize) {
        if self.links[link].is_cut() {
            return;
        }
        if !self.gateway.up {
            let at = self.now + self.delay();
            return self.queue.put(at, Parcel::Refused { link });
        }
        self.links[link].open = true;
        match self.setup.json {
            true => self.session_hello(link),
            false => self.greet(link),
        }
    }

    /// Who you are, what was sent while you were away, what rings for you.
    pub(crate) fn greet(&mut self, link: usize) {
        self.links[link].at_gateway = true;
        match self.setup.json {
            true => self.session_greeting(link),
            false => self.frame_down(link, Down::Greeting),
        }
        let actor = self.links[link].actor.clone();
        for at in self.calls_of(&actor.peer) {
            let kept = &self.gateway.calls[at];
            if kept.call.rings_for(&actor.peer, timestamp(self.now)) {
                if !self.has_fault_no_rings() {
                    self.ring_again(link, at);
                }
            } else {
                let cause = Cause::Said(actor.clone(), Command::SocketBack);
                let _ = self.step(at, &cause, None);
            }
        }
    }

    /// A socket is gone: the call in which its device is begins to wait for it.
    pub(crate) fn farewell(&mut self, link: usize) {
        self.links[link].open = false;
        if !std::mem::take(&mut self.links[link].at_gateway) {
            return;
        }
        let actor = self.links[link].actor.clone();
        for at in self.calls_of(&actor.peer) {
            if self.gateway.calls[at].call.person(&actor.peer).is_some() {
                let _ = self.step(at, &Cause::SocketLost(actor.clone()), None);
            }
        }
    }

    pub(crate) fn calls_of(&self, peer: &PeerId) -> Vec<usize> {
        let now = timestamp(self.now);
        let mine = |at: &usize| self.gateway.calls[*at].call.concerns(peer, now);
        self.gateway.live.iter().copied().filter(mine).collect()
    }

    pub(crate) fn ring_again(&mut self, link: usize, at: usize) {
        let mut initiated = self.gateway.calls[at].call.initiated();
        initiated.ice_servers = Some(self.ice_servers());
        self.tell_link(link, ServerEvent::Initiated(initiated));
    }

    pub(crate) fn ice_servers(&self) -> Vec<IceServer> {
        let turn = IceServer {
            urls: vec!["turn:192.0.2.9".to_owned()],
            username: Some("u".to_owned()),
            credential: Some("c".to_owned()),
        };
        if self.setup.turn {
            vec![turn]
        } else {
            Vec::new()
        }
    }
}
