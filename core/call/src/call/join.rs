//! Getting into a call: the accept, the others' coming, the connection that follows, and what the
//! server is told of microphone and camera.

use ringwire_protocol::client::{Join, Toggle};
use ringwire_protocol::{Capability, ClientEvent, MediaSettings, PeerId};

use super::{Active, Call, Membership, Reconnecting, State, Talk};
use crate::CallEvent;
use crate::early::EarlySignals;
use crate::link::{Link, Part};
use crate::negotiation::Pair;
use crate::outbox::{Cx, Purpose};

impl Call {
    pub(super) fn settings(&self) -> MediaSettings {
        MediaSettings {
            audio_enabled: Some(self.media.microphone),
            video_enabled: Some(self.media.camera),
            screen_share_enabled: None,
        }
    }

    /// Says `call:join`: the accept, and the return after a lost socket.
    pub(super) fn say_join(&mut self, cx: &mut Cx<'_>) {
        let Some(id) = self.call_id().cloned() else {
            return;
        };
        self.told = self.media;
        let join = Join {
            call_id: id,
            settings: Some(self.settings()),
            device_id: cx.line.is_extended().then(|| cx.line.device.clone()),
        };
        cx.ask(Purpose::Join(self.key), ClientEvent::Join(join));
    }

    /// Tells the server what it does not know yet of microphone and camera.
    pub(super) fn tell_media(&mut self, cx: &mut Cx<'_>) {
        let Some(id) = self.call_id().cloned() else {
            return;
        };
        let told_to_server = match &self.state {
            State::Calling(_) | State::Ringing(_) => true,
            State::Connecting(talk)
            | State::Active(Active { talk, .. })
            | State::Reconnecting(Reconnecting { talk, .. }) => talk.membership == Membership::In,
            State::Incoming(_) | State::Ended(_) => false,
        };
        if !told_to_server || !cx.line.is_up() {
            return;
        }
        if self.told.microphone != self.media.microphone {
            cx.tell(ClientEvent::ToggleAudio(Toggle {
                call_id: id.clone(),
                enabled: self.media.microphone,
            }));
        }
        if self.told.camera != self.media.camera {
            cx.tell(ClientEvent::ToggleVideo(Toggle {
                call_id: id,
                enabled: self.media.camera,
            }));
        }
        self.told = self.media;
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
        if self.part() == Part::Offerer {
            self.open_link(peer, cx);
        }
    }

    /// Closes a connection whose other end is gone: another device, or none, is there now.
    pub(super) fn close_link(&mut self, cx: &mut Cx<'_>) {
        if let Some(link) = self.state.talk_mut().and_then(|talk| talk.link.take()) {
            link.close(cx);
        }
    }

    /// Opens the connection with `peer`, unless there is one.
    pub(super) fn open_link(&mut self, peer: &PeerId, cx: &mut Cx<'_>) {
        let part = self.part();
        let servers = self.ice.list();
        let (Some(me), Some(call)) = (cx.line.me.clone(), self.call_id().cloned()) else {
            return;
        };
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        if talk.link.is_some() {
            return;
        }
        let person = self.people.get(peer);
        let pair = Pair {
            key: self.key,
            call,
            connection: cx.out.connection(),
            me,
            peer: peer.clone(),
            peer_device: person.and_then(|person| person.device.clone()),
            peer_negotiates: person.is_some_and(|person| person.knows(&Capability::Negotiate)),
        };
        talk.link = Some(Link::open(
            pair,
            part,
            servers,
            self.media,
            &mut self.rounds,
            cx,
        ));
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
        let offerer = talk.early.offerer().cloned();
        if self.part() == Part::Answerer
            && let Some(peer) = offerer.or_else(|| self.initiator.clone())
        {
            self.open_link(&peer, cx);
            self.replay_early(cx);
        }
        self.tell_media(cx);
    }
}
