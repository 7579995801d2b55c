//! Sessions, as acks, `call:join` and check-active tell them: they put right what was missed.

use ringwire_protocol::{CallSession, CallStatus};

use super::event::Row;
use super::{Call, State, is_here};
use crate::outbox::Cx;

impl Call {
    /// Takes what the server holds of this call.
    pub(crate) fn session(&mut self, said: &CallSession, cx: &mut Cx<'_>) {
        if self.is_ended() {
            return;
        }
        if said.status.is_end() {
            let reason = said.end_reason.clone().or(match said.status {
                CallStatus::Missed => Some(ringwire_protocol::CallEndReason::Missed),
                CallStatus::Rejected => Some(ringwire_protocol::CallEndReason::Rejected),
                CallStatus::Failed => Some(ringwire_protocol::CallEndReason::Failed),
                _ => None,
            });
            return self.ended_by_server(reason.as_ref(), None, cx);
        }
        if said
            .version
            .is_some_and(|said| self.version.is_some_and(|seen| said < seen))
        {
            return;
        }
        self.version = said.version.or(self.version);
        self.answered_at = said.answered_at.or(self.answered_at);
        self.initiator.get_or_insert(said.initiator_id.clone());
        self.take_metadata(said);
        if said.status == CallStatus::Ringing {
            self.is_ringing(cx);
        }
        self.take_people(said, cx);
        if let Some(row) = is_here(&said.participants, cx.line) {
            self.take_own_row(row, said, cx);
        }
        let answered = said.answered_at.is_some()
            || matches!(said.status, CallStatus::Active | CallStatus::Reconnecting);
        if answered && let Some(talk) = self.state.talk_mut() {
            talk.answered = true;
        }
    }

    fn take_metadata(&mut self, said: &CallSession) {
        let text = |name| {
            let value = said.metadata.as_ref()?.get(name)?;
            value.as_str().map(str::to_owned)
        };
        if self.title.is_none() {
            self.title = text("conversationTitle");
        }
        if self.conversation_type.is_none() {
            self.conversation_type = text("conversationType");
        }
    }

    fn take_people(&mut self, said: &CallSession, cx: &mut Cx<'_>) {
        // Rows of those who left first: who came again has one of each.
        let (left, here): (Vec<_>, Vec<_>) = said
            .participants
            .iter()
            .partition(|participant| participant.left_at.is_some());
        for participant in left.into_iter().chain(here) {
            let Some(peer) = participant.peer().cloned() else {
                continue;
            };
            let before = self.people.get(&peer).map(|person| person.shown());
            self.take_person(participant, cx);
            if cx.line.is_me(&peer) {
                continue;
            }
            if self.is_talk()
                && let Some(person) = self.people.get(&peer)
                && before.is_some_and(|before| before != person.shown())
            {
                cx.notify(person.media_news(self.key));
            }
            if participant.left_at.is_none() {
                self.other_joined(&peer, cx);
            }
        }
    }

    /// My own row: am I in elsewhere, and does the server know what I send?
    fn take_own_row(&mut self, row: Row, said: &CallSession, cx: &mut Cx<'_>) {
        match (&self.state, row) {
            (State::Incoming(_) | State::Offered(_), _) | (_, Row::Elsewhere) => {
                self.i_joined(row, cx);
            }
            // The answer to the join says that I am in, not a look at the session.
            _ => {
                let mine = said.participants.iter().find(|it| {
                    it.left_at.is_none() && it.peer().is_some_and(|peer| cx.line.is_me(peer))
                });
                if let Some(mine) = mine {
                    self.told_by_row(mine, cx);
                }
            }
        }
    }
}
