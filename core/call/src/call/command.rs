//! Taps: starting, accepting, declining, hanging up, microphone and camera.

use ringwire_protocol::client::Initiate as InitiateEvent;
use ringwire_protocol::{
    CallEndReason, CallError, CallType, ClientEvent, ConversationId, ErrorCode, timers,
};

use super::{Call, Calling, Goodbye, Initiate, Membership, State};
use crate::outbox::{Cx, Purpose};
use crate::{CallEvent, CallKey, Direction, LocalMedia};

/// The error of a command that does not fit.
pub(crate) fn not_possible(code: ErrorCode, message: &str) -> CallError {
    CallError::new(code, message)
}

impl Call {
    /// Starts a call.
    pub(crate) fn start(
        key: CallKey,
        conversation: ConversationId,
        call_type: CallType,
        media: LocalMedia,
        cx: &mut Cx<'_>,
    ) -> Self {
        let calling = Calling {
            initiate: Initiate::Queued,
            no_answer: cx.now + timers::NO_ANSWER,
            tries: 0,
        };
        let mut call = Self::new(
            key,
            conversation,
            call_type,
            Direction::Outgoing,
            media,
            State::Calling(calling),
            cx.now,
        );
        cx.notify(CallEvent::Changed { key });
        call.say_initiate(cx);
        call
    }

    /// Says `call:initiate`; without a socket it stays queued.
    pub(super) fn say_initiate(&mut self, cx: &mut Cx<'_>) {
        let settings = self.settings();
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        if !cx.line.is_up() {
            return;
        }
        calling.initiate = Initiate::Said;
        calling.tries += 1;
        self.told = self.media;
        cx.ask(
            Purpose::Initiate(self.key),
            ClientEvent::Initiate(InitiateEvent {
                conversation_id: self.conversation.clone(),
                call_type: self.call_type.clone(),
                settings: Some(settings),
            }),
        );
    }

    pub(crate) fn accept(&mut self, media: LocalMedia, another_is_busy: bool, cx: &mut Cx<'_>) {
        match &mut self.state {
            State::Incoming(_) if another_is_busy => {
                let error = not_possible(
                    ErrorCode::AlreadyInCall,
                    "hang up the other call before this one is accepted",
                );
                cx.fail(Some(self.key), error);
            }
            State::Incoming(incoming) => {
                let early = std::mem::take(&mut incoming.early);
                self.media = media;
                let membership = if cx.line.is_up() {
                    Membership::Asked
                } else {
                    Membership::Wanted
                };
                cx.notify(CallEvent::StopRinging { key: self.key });
                self.begin_talk(membership, early, cx);
                if membership == Membership::Asked {
                    self.say_join(cx);
                }
            }
            State::Calling(_) | State::Ringing(_) => {
                let error = not_possible(
                    ErrorCode::CallStateConflict,
                    "this call is yours: only an incoming call can be accepted",
                );
                cx.fail(Some(self.key), error);
            }
            // Accepted already, or over.
            State::Connecting(_) | State::Active(_) | State::Reconnecting(_) | State::Ended(_) => {}
        }
    }

    pub(crate) fn decline(&mut self, cx: &mut Cx<'_>) {
        match &self.state {
            State::Incoming(_) => self.end(CallEndReason::Rejected, Goodbye::Say, cx),
            State::Ended(_) => {}
            State::Calling(_)
            | State::Ringing(_)
            | State::Connecting(_)
            | State::Active(_)
            | State::Reconnecting(_) => {
                let error = not_possible(
                    ErrorCode::CallStateConflict,
                    "this call does not ring here: hang up instead of declining",
                );
                cx.fail(Some(self.key), error);
            }
        }
    }

    pub(crate) fn hang_up(&mut self, cx: &mut Cx<'_>) {
        let reason = match &self.state {
            State::Calling(_) | State::Ringing(_) => CallEndReason::Cancelled,
            State::Incoming(_) => CallEndReason::Rejected,
            // Nobody has heard of the accept yet.
            State::Connecting(talk) if talk.membership == Membership::Wanted => {
                CallEndReason::Rejected
            }
            State::Connecting(_) | State::Active(_) | State::Reconnecting(_) => {
                CallEndReason::Completed
            }
            State::Ended(_) => return,
        };
        self.end(reason, Goodbye::Say, cx);
    }

    pub(crate) fn set_microphone(&mut self, on: bool, cx: &mut Cx<'_>) {
        let media = LocalMedia {
            microphone: on,
            ..self.media
        };
        self.set_media(media, cx);
    }

    pub(crate) fn set_camera(&mut self, on: bool, cx: &mut Cx<'_>) {
        let media = LocalMedia {
            camera: on,
            ..self.media
        };
        self.set_media(media, cx);
    }

    fn set_media(&mut self, media: LocalMedia, cx: &mut Cx<'_>) {
        if self.is_ended() || self.media == media {
            return;
        }
        self.media = media;
        if let Some(link) = self.state.talk().and_then(|talk| talk.link.as_ref()) {
            link.set_media(media, cx);
        }
        self.tell_media(cx);
    }
}
