//! Calls that go on without this device, and that it may join: the winner of a glare, and a call in
//! which this device was before it was restarted.

use ringwire_protocol::client::{End, OfCall};
use ringwire_protocol::{
    CallEndReason, CallId, CallSession, CallType, ClientEvent, ErrorCode, PeerId, timers,
};

use super::state::{Ended, Incoming, Offered, Standing, State};
use super::{Call, not_possible};
use crate::early::EarlySignals;
use crate::goodbye::say_goodbye;
use crate::outbox::Cx;
use crate::{CallEvent, CallKey, Direction, LocalMedia};

/// The call that won a glare, as far as it is known.
#[derive(Debug)]
pub(crate) struct Winner {
    pub(crate) id: CallId,
    pub(crate) initiator: Option<PeerId>,
    pub(crate) call_type: Option<CallType>,
    pub(crate) conversation_type: Option<String>,
    /// Its ring here, or an earlier offer of it.
    pub(crate) before: Option<Box<Call>>,
    /// It rings for me.
    pub(crate) rings: bool,
}

impl Call {
    /// A call in which the server has this device, after a restart.
    pub(crate) fn found(key: CallKey, session: &CallSession, cx: &mut Cx<'_>) -> Self {
        let mine = cx.line.is_me(&session.initiator_id);
        let direction = if mine {
            Direction::Outgoing
        } else {
            Direction::Incoming
        };
        let media = LocalMedia {
            microphone: true,
            camera: session.call_type() == CallType::Video,
            screen: false,
        };
        let mut call = Self::new(
            key,
            session.conversation_id.clone(),
            session.call_type(),
            direction,
            media,
            State::Offered(offered(Standing::Inside, EarlySignals::default(), cx)),
            cx.now,
        );
        call.name(session.id.clone(), cx);
        call.session(session, cx);
        cx.notify(CallEvent::JoinOffered { key });
        call
    }

    /// It rings, and the server has this device in it: the app died in it, and a push came late.
    pub(super) fn found_inside(&mut self, cx: &mut Cx<'_>) {
        cx.notify(CallEvent::StopRinging { key: self.key });
        let early = EarlySignals::default();
        self.state = State::Offered(offered(Standing::Inside, early, cx));
        cx.notify(CallEvent::JoinOffered { key: self.key });
    }

    /// My call lost a glare: from here on it is the winner. `joins`: it is joined without asking.
    pub(crate) fn becomes(&mut self, winner: Winner, joins: bool, cx: &mut Cx<'_>) {
        let mine = winner
            .initiator
            .as_ref()
            .is_some_and(|it| cx.line.is_me(it));
        self.direction = if mine {
            Direction::Outgoing
        } else {
            Direction::Incoming
        };
        self.name(winner.id, cx);
        self.initiator = winner.initiator;
        self.call_type = winner.call_type.unwrap_or(self.call_type.clone());
        self.conversation_type = winner.conversation_type.or(self.conversation_type.take());
        let mut early = EarlySignals::default();
        let mut offered_before = None;
        if let Some(mut before) = winner.before {
            if let State::Incoming(Incoming { early: kept, .. })
            | State::Offered(Offered { early: kept, .. }) = &mut before.state
            {
                early = std::mem::take(kept);
            }
            if let State::Offered(offered) = &before.state {
                offered_before = Some(offered.standing);
            }
            self.initiator = self.initiator.take().or(before.initiator);
            self.people = before.people;
            self.title = before.title;
            self.ice = before.ice;
            self.version = before.version;
        }
        if let Some(initiator) = self.initiator.clone().filter(|_| !mine)
            && let Some(person) = self.people.entry(&initiator)
        {
            person.joined = true;
        }
        if joins {
            let rejoins = offered_before == Some(Standing::Inside);
            return self.enter(early, rejoins, cx);
        }
        let standing = match offered_before {
            Some(standing) => standing,
            None if winner.rings => Standing::Rung,
            None => Standing::Outside,
        };
        self.state = State::Offered(offered(standing, early, cx));
        cx.notify(CallEvent::JoinOffered { key: self.key });
        // The session says whether the server has this device in it already.
        cx.check_by(cx.now);
    }

    /// Joins a call that is offered.
    pub(crate) fn join_offered(&mut self, media: LocalMedia, cx: &mut Cx<'_>) {
        let State::Offered(offered) = &mut self.state else {
            if self.is_incoming() {
                return self.accept(media, cx);
            }
            if !self.is_talk() && !self.is_ended() {
                let error = not_possible(
                    ErrorCode::CallStateConflict,
                    "this call is yours and was not answered: there is nothing to join",
                );
                cx.fail(Some(self.key), error);
            }
            return;
        };
        let rejoins = offered.standing == Standing::Inside;
        // What was kept for an earlier life is of no use to a new connection.
        let early = match rejoins {
            true => EarlySignals::default(),
            false => std::mem::take(&mut offered.early),
        };
        self.media = media;
        self.enter(early, rejoins, cx);
    }

    /// Says that an offer is not taken: leaves, declines, or nothing where nobody waits for me.
    pub(super) fn say_offer_declined(&self, standing: Standing, cx: &mut Cx<'_>) {
        let Some(id) = self.call_id().cloned() else {
            return;
        };
        let event = match standing {
            Standing::Outside => return,
            Standing::Rung => ClientEvent::End(End {
                call_id: id.clone(),
                reason: Some(CallEndReason::Rejected),
            }),
            Standing::Inside => ClientEvent::Leave(OfCall {
                call_id: id.clone(),
            }),
        };
        say_goodbye(id, event, cx);
    }

    /// True when check-active lists this call for as long as the offer stands.
    pub(crate) fn is_listed(&self) -> bool {
        match &self.state {
            State::Offered(offered) => offered.standing == Standing::Inside,
            _ => true,
        }
    }

    /// Ends a call that nobody here has heard of.
    pub(super) fn end_unheard(&mut self, reason: CallEndReason, cx: &mut Cx<'_>) {
        self.state = State::Ended(Ended {
            reason: reason.clone(),
            at: cx.now,
            active_since: None,
        });
        self.timeline.ended = Some(cx.now);
        if let Some(id) = self.call_id().cloned() {
            cx.past.bury(&id);
            let end = End {
                call_id: id.clone(),
                reason: Some(reason.clone()),
            };
            say_goodbye(id, ClientEvent::End(end), cx);
        }
        cx.notify(CallEvent::Ended {
            key: self.key,
            reason,
        });
    }
}

fn offered(standing: Standing, early: EarlySignals, cx: &Cx<'_>) -> Offered {
    Offered {
        until: cx.now + timers::HEARTBEAT_TIMEOUT,
        standing,
        early,
    }
}
