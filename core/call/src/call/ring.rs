//! A call rings here: as the gateway says it, and as a push says it before or after that.

use ringwire_protocol::client::Ringing as RingingHere;
use ringwire_protocol::push::RingPush;
use ringwire_protocol::server::{Initiated, Initiator};
use ringwire_protocol::{
    CallEndReason, CallMode, CallType, Capability, ClientEvent, IceServer, timers,
};

use super::{Call, Goodbye, Incoming, Membership, Standing, State};
use crate::early::EarlySignals;
use crate::outbox::{Cx, Purpose};
use crate::{CallEvent, CallKey, Direction, LocalMedia};

/// A ring as a push says it. What it leaves out comes with the event.
pub(crate) fn from_push(push: RingPush) -> Initiated {
    let call_type = if push.is_video {
        CallType::Video
    } else {
        CallType::Audio
    };
    Initiated {
        call_id: push.call_id,
        conversation_id: push.conversation_id,
        mode: CallMode::P2p,
        call_type,
        initiator: Initiator {
            user_id: push.caller_user_id,
            username: String::new(),
            display_name: Some(push.caller_name).filter(|name| !name.is_empty()),
            avatar: push.caller_avatar,
        },
        participants: Vec::new(),
        ice_servers: Some(push.ice_servers),
        conversation_type: None,
        conversation_title: None,
        ring_deadline: push.ring_deadline,
        version: None,
    }
}

impl Call {
    /// A call rings here.
    pub(crate) fn ring(key: CallKey, said: Initiated, cx: &mut Cx<'_>) -> Self {
        let mut call = Self::rung(key, said, cx);
        cx.notify(CallEvent::Incoming { key });
        call.say_ringing(cx);
        call
    }

    /// A call that would ring here is declined because another is going on: it is shown as ended.
    pub(crate) fn ring_when_busy(key: CallKey, said: Initiated, cx: &mut Cx<'_>) -> Self {
        let mut call = Self::rung(key, said, cx);
        call.end_unheard(CallEndReason::Busy, cx);
        call
    }

    fn rung(key: CallKey, said: Initiated, cx: &mut Cx<'_>) -> Self {
        // The server says that it rings: a calendar that holds it for over is wrong.
        let rings_for = Some(cx.line.rings_for(said.ring_deadline, cx.now))
            .filter(|left| !left.is_zero())
            .unwrap_or(timers::RING_DEADLINE);
        let incoming = Incoming {
            deadline: cx.now + rings_for,
            early: EarlySignals::default(),
        };
        let media = LocalMedia {
            microphone: true,
            camera: said.call_type == CallType::Video,
            screen: false,
        };
        let mut call = Self::new(
            key,
            said.conversation_id.clone(),
            said.call_type.clone(),
            Direction::Incoming,
            media,
            State::Incoming(incoming),
            cx.now,
        );
        call.name(said.call_id.clone(), cx);
        call.timeline.ringing = Some(cx.now);
        call.initiator = Some(said.initiator.user_id.clone());
        call.told_again(said, cx);
        call
    }

    /// A ring of a call that is known, as an event or as a push: what it says more is taken.
    pub(crate) fn told_again(&mut self, said: Initiated, cx: &mut Cx<'_>) {
        if self.is_ended() {
            return;
        }
        if self.conversation_type.is_none() {
            self.conversation_type = said.conversation_type;
        }
        if self.title.is_none() {
            self.title = said.conversation_title;
        }
        if self.version.is_none() {
            self.version = said.version;
        }
        if self.ice.is_empty() {
            self.take_ice_servers(said.ice_servers, cx);
        }
        if let State::Offered(offered) = &mut self.state
            && offered.standing == Standing::Outside
        {
            offered.standing = Standing::Rung;
        }
        let State::Incoming(incoming) = &mut self.state else {
            return;
        };
        let left = cx.line.rings_for(said.ring_deadline, cx.now);
        if !left.is_zero() {
            incoming.deadline = incoming.deadline.min(cx.now + left);
        }
        for participant in &said.participants {
            self.take_person(participant, cx);
        }
        if let Some(caller) = self.people.entry(&said.initiator.user_id) {
            caller.joined = true;
            let username = Some(said.initiator.username).filter(|name| !name.is_empty());
            caller.username = caller.username.take().or(username);
            caller.display_name = said.initiator.display_name.or(caller.display_name.take());
            caller.avatar = said.initiator.avatar.or(caller.avatar.take());
        }
    }

    fn take_ice_servers(&mut self, servers: Option<Vec<IceServer>>, cx: &Cx<'_>) {
        self.ice.set(servers.unwrap_or_default(), None, cx.now);
    }

    pub(super) fn say_ringing(&mut self, cx: &mut Cx<'_>) {
        if let Some(id) = self.call_id().cloned()
            && cx.line.knows(&Capability::Ringing)
        {
            let ringing = RingingHere {
                call_id: id,
                device_id: cx.line.device.clone(),
            };
            cx.ask(Purpose::Ringing(self.key), ClientEvent::Ringing(ringing));
        }
    }

    /// A push says that it rings no more. What is accepted and told is the socket's business.
    pub(crate) fn silenced(&mut self, reason: CallEndReason, cx: &mut Cx<'_>) {
        let silenced = match &self.state {
            State::Incoming(_) => true,
            State::Connecting(talk) => talk.membership == Membership::Wanted,
            State::Calling(_)
            | State::Ringing(_)
            | State::Offered(_)
            | State::Active(_)
            | State::Reconnecting(_)
            | State::Ended(_) => false,
        };
        if silenced {
            self.end(reason, Goodbye::Silent, cx);
        }
    }
}
