//! One call: its states as types, what all of them share, and the one place where a state follows
//! from what is known. What each kind of input does stands in the modules beside.
//!
//! | module | takes |
//! | --- | --- |
//! | `command` | taps |
//! | `ring` | rings, as events and pushes tell them |
//! | `offer` | calls that this device may join |
//! | `event` | events of the gateway |
//! | `session` | sessions, as acks and check-active tell them |
//! | `join` | nothing by itself: getting in, and the connection that follows |
//! | `state` | nothing: holds the states |
//! | `tell` | nothing: tells the others what this device sends |
//! | `answer` | acks, and the socket's coming and going |
//! | `media` | signals, and what connections report |
//! | `timer` | time |
//! | `end` | every end |
//! | `show` | nothing: makes the view |

mod answer;
mod command;
mod end;
mod event;
mod join;
mod media;
mod offer;
mod ring;
mod session;
mod show;
mod state;
mod tell;
mod timer;

pub(crate) use command::not_possible;
pub(crate) use end::{Goodbye, says_gone};
#[cfg(test)]
pub(crate) use end::{Seen, reason_for};
pub(crate) use event::{Row, is_here};
pub(crate) use offer::Winner;
pub(crate) use ring::from_push;
pub(crate) use state::Initiate;
use state::Standing;
pub(crate) use timer::Due;

use ringwire_protocol::client::Reconnect;
use ringwire_protocol::server::Initiated;
use ringwire_protocol::{
    CallEndReason, CallId, CallType, ClientEvent, ConversationId, Instant, ParticipantId, PeerId,
    Timestamp,
};

use state::{Active, Calling, Ended, Incoming, Membership, Reconnecting, Ringing, State, Talk};
use tell::Told;

use crate::ice::IceServers;
use crate::link::Part;
use crate::outbox::Cx;
use crate::people::People;
use crate::{CallEvent, CallKey, Direction, LocalMedia, OpId, Timeline};

/// What every state of a call has.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) id: Option<Named>,
    pub(crate) conversation: ConversationId,
    title: Option<String>,
    /// `direct` or `group`, where the server has said it.
    conversation_type: Option<String>,
    call_type: CallType,
    pub(crate) direction: Direction,
    /// Who started it; of an outgoing call, I.
    initiator: Option<PeerId>,
    people: People,
    /// My membership of the conversation, where the server has said it.
    my_participant: Option<ParticipantId>,
    media: LocalMedia,
    /// I have put it on hold.
    held: bool,
    /// What the server thinks that I send.
    told: Told,
    /// The highest version of the session that was seen.
    version: Option<u64>,
    ice: IceServers,
    /// Rounds of negotiation that I have begun in this call.
    rounds: u64,
    initiated_at: Instant,
    answered_at: Option<Timestamp>,
    timeline: Timeline,
    state: State,
    /// A call that rings in the same conversation while mine has no name: it does not ring before
    /// the server has said which of the two there is.
    pub(crate) rival: Option<Box<Rival>>,
}

/// A ring that waits for the fate of a call of mine.
#[derive(Debug)]
pub(crate) struct Rival {
    pub(crate) said: Initiated,
    /// The last operation before it was heard: only what was asked later can say that it is over.
    pub(crate) after: OpId,
}

/// The server's name of the call.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) id: CallId,
    /// The last operation before the name was known: only what was asked later can say that the
    /// server no longer has this call.
    pub(crate) after: OpId,
}

impl Call {
    fn new(
        key: CallKey,
        conversation: ConversationId,
        call_type: CallType,
        direction: Direction,
        media: LocalMedia,
        state: State,
        now: Instant,
    ) -> Self {
        Self {
            key,
            id: None,
            conversation,
            title: None,
            conversation_type: None,
            call_type,
            direction,
            initiator: None,
            people: People::default(),
            my_participant: None,
            media,
            held: false,
            told: Told { media, held: false },
            version: None,
            ice: IceServers::default(),
            rounds: 0,
            initiated_at: now,
            answered_at: None,
            timeline: Timeline {
                initiate: Some(now),
                ..Timeline::default()
            },
            state,
            rival: None,
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// Started or accepted here: another call that rings has to wait.
    pub(crate) fn is_going_on(&self) -> bool {
        self.is_unanswered() || self.is_talk()
    }

    /// Mine, and nobody has answered.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Calling(_) | State::Ringing(_))
    }

    /// Accepted on both sides.
    pub(crate) fn is_talk(&self) -> bool {
        self.state.talk().is_some()
    }

    pub(crate) fn initiator(&self) -> Option<PeerId> {
        self.initiator.clone()
    }

    pub(crate) fn conversation_type(&self) -> Option<String> {
        self.conversation_type.clone()
    }

    fn is_group(&self) -> bool {
        self.conversation_type.as_deref() == Some("group")
    }

    /// It goes on under this name. One that has ended here has left it to `past`: the call itself may
    /// be entered again.
    pub(crate) fn has_id(&self, id: &CallId) -> bool {
        !self.is_ended() && self.id.as_ref().is_some_and(|named| named.id == *id)
    }

    pub(crate) fn call_id(&self) -> Option<&CallId> {
        self.id.as_ref().map(|named| &named.id)
    }

    /// Mine, and the server may have made it without us knowing its name.
    pub(crate) fn waits_for_name(&self, conversation: &ConversationId) -> bool {
        self.conversation == *conversation
            && matches!(self.nameless(), Some(Initiate::Said | Initiate::Doubtful))
    }

    pub(crate) fn is_incoming(&self) -> bool {
        matches!(self.state, State::Incoming(_))
    }

    pub(crate) fn is_offered(&self) -> bool {
        matches!(self.state, State::Offered(_))
    }

    /// A join is on its way, or would have to be.
    pub(crate) fn is_joining(&self) -> bool {
        self.state
            .talk()
            .is_some_and(|talk| talk.membership != Membership::In)
    }

    /// How far an initiate without a name has come; `None` for every other call.
    pub(crate) fn nameless(&self) -> Option<Initiate> {
        match &self.state {
            State::Calling(calling) if self.id.is_none() => Some(calling.initiate),
            _ => None,
        }
    }

    fn name(&mut self, id: CallId, cx: &Cx<'_>) {
        self.id = Some(Named {
            id,
            after: cx.out.last_op(),
        });
    }

    /// Exactly one side of each pair offers: the initiator.
    fn part(&self) -> Part {
        match self.direction {
            Direction::Outgoing => Part::Offerer,
            Direction::Incoming => Part::Answerer,
        }
    }

    /// Takes the state that follows from what is known. Called after every input of a call.
    pub(crate) fn settle(&mut self, cx: &mut Cx<'_>) {
        if self.is_unsettled() {
            let ended = Ended {
                reason: CallEndReason::Failed,
                at: cx.now,
                active_since: None,
            };
            let before = std::mem::replace(&mut self.state, State::Ended(ended));
            self.state = before.followed(cx.now);
            cx.notify(CallEvent::Changed { key: self.key });
        }
        self.take_back_reconnecting(cx);
    }

    /// Another state follows from what is known.
    fn is_unsettled(&self) -> bool {
        match &self.state {
            State::Connecting(talk) => {
                let connects = talk.link.is_some() || self.people.anybody_joined();
                talk.answered && talk.membership.was_in() && connects
            }
            State::Active(active) => active.talk.lost_since().is_some(),
            State::Reconnecting(reconnecting) => reconnecting.talk.is_up(),
            State::Calling(_)
            | State::Ringing(_)
            | State::Incoming(_)
            | State::Offered(_)
            | State::Ended(_) => false,
        }
    }

    /// Tells that the path is there again, where its loss was told.
    fn take_back_reconnecting(&mut self, cx: &mut Cx<'_>) {
        let participant_id = self.participant_id(cx);
        let id = self.call_id().cloned();
        let State::Active(Active { talk, .. }) = &mut self.state else {
            return;
        };
        let ready = talk.is_up() && talk.membership == Membership::In && cx.line.is_up();
        if ready
            && let (Some(call_id), Some(participant_id)) = (id, participant_id)
            && let Some(attempt) = talk.told_reconnecting.take()
        {
            cx.tell(ClientEvent::Reconnected(Reconnect {
                call_id,
                participant_id,
                attempt,
            }));
        }
    }

    /// My membership of the conversation; for servers that never say it, my user id.
    fn participant_id(&self, cx: &Cx<'_>) -> Option<ParticipantId> {
        self.my_participant.clone().or_else(|| {
            let me = cx.line.me.as_ref()?;
            ParticipantId::new(me.as_str()).ok()
        })
    }
}
