//! The view of one call.

use super::{Active, Call, Reconnecting, State};
use crate::line::Line;
use crate::{CallState, CallView, PersonView, ReconnectCause};

impl Call {
    /// The view; `another` says that another call is going on.
    pub(crate) fn view(&self, line: &Line, another: bool) -> CallView {
        let link = self.state.talk().and_then(|talk| talk.link.as_ref());
        let quality = link.and_then(|link| link.quality.clone());
        let people = self
            .people
            .iter()
            .map(|person| PersonView {
                peer: person.peer.clone(),
                call_participant: person.call_participant.clone(),
                participant: person.participant.clone(),
                joined: person.joined,
                display_name: person.display_name.clone(),
                username: person.username.clone(),
                avatar: person.avatar.clone(),
                audio_enabled: person.audio,
                video_enabled: person.video,
                screen_enabled: person.screen,
                held: person.held,
                device: person.device.clone(),
                reconnecting: person.reconnecting,
                quality: link
                    .filter(|link| link.pair.peer == person.peer)
                    .and_then(|link| link.quality.clone()),
            })
            .collect();
        CallView {
            key: self.key,
            id: self.call_id().cloned(),
            conversation: self.conversation.clone(),
            title: self.title.clone(),
            call_type: self.call_type.clone(),
            direction: self.direction,
            initiator: self.initiator.clone(),
            state: self.shown_state(line),
            held: self.held,
            waiting: another && self.is_incoming(),
            people,
            media: self.media,
            initiated_at: self.initiated_at,
            ring_deadline: match &self.state {
                State::Calling(calling) => Some(calling.no_answer),
                State::Ringing(ringing) => Some(ringing.no_answer),
                State::Incoming(incoming) => Some(incoming.deadline),
                State::Offered(offered) => Some(offered.until),
                State::Connecting(_)
                | State::Active(_)
                | State::Reconnecting(_)
                | State::Ended(_) => None,
            },
            // Whoever calls is told who joined, not when.
            answered_at: self
                .answered_at
                .or_else(|| line.calendar_at(self.active_since()?)),
            active_since: self.active_since(),
            connected: self.state.talk().is_some_and(|talk| talk.is_up()),
            quality,
            timeline: self.timeline,
        }
    }

    fn shown_state(&self, line: &Line) -> CallState {
        match &self.state {
            State::Calling(_) => CallState::Calling,
            State::Ringing(_) => CallState::Ringing,
            State::Incoming(_) => CallState::Incoming,
            State::Offered(_) => CallState::Offered,
            State::Connecting(_) => CallState::Connecting,
            State::Active(Active { .. }) => CallState::Active,
            State::Reconnecting(Reconnecting { lost_since, .. }) => CallState::Reconnecting {
                since: *lost_since,
                why: if line.is_up() {
                    ReconnectCause::Path
                } else {
                    ReconnectCause::Socket
                },
            },
            State::Ended(ended) => CallState::Ended {
                reason: ended.reason.clone(),
            },
        }
    }
}
