//! Taps: starting, accepting, declining, hanging up, holding, microphone, camera and screen.

use ringwire_protocol::client::Initiate as InitiateEvent;
use ringwire_protocol::{
    CallEndReason, CallError, CallType, ClientEvent, ConversationId, ErrorCode, timers,
};

use super::{Call, Calling, Goodbye, Initiate, Membership, Standing, State};
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
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        if !cx.line.is_up() {
            return;
        }
        calling.initiate = Initiate::Said;
        calling.tries += 1;
        let settings = self.tell_settings(cx);
        cx.ask(
            Purpose::Initiate(self.key),
            ClientEvent::Initiate(InitiateEvent {
                conversation_id: self.conversation.clone(),
                call_type: self.call_type.clone(),
                settings: Some(settings),
            }),
        );
    }

    /// Accepts a ring.
    pub(crate) fn accept(&mut self, media: LocalMedia, cx: &mut Cx<'_>) {
        match &mut self.state {
            State::Incoming(incoming) => {
                let early = std::mem::take(&mut incoming.early);
                self.media = media;
                cx.notify(CallEvent::StopRinging { key: self.key });
                self.enter(early, false, cx);
            }
            State::Calling(_) | State::Ringing(_) => {
                let error = not_possible(
                    ErrorCode::CallStateConflict,
                    "this call is yours: only an incoming call can be accepted",
                );
                cx.fail(Some(self.key), error);
            }
            State::Offered(_) => {
                let error = not_possible(
                    ErrorCode::CallStateConflict,
                    "this call does not ring here: join it instead of accepting",
                );
                cx.fail(Some(self.key), error);
            }
            // Accepted already, or over.
            State::Connecting(_) | State::Active(_) | State::Reconnecting(_) | State::Ended(_) => {}
        }
    }

    pub(crate) fn decline(&mut self, busy: bool, cx: &mut Cx<'_>) {
        let reason = if busy {
            CallEndReason::Busy
        } else {
            CallEndReason::Rejected
        };
        match &self.state {
            State::Incoming(_) => self.end(reason, Goodbye::Say, cx),
            State::Offered(_) => self.hang_up(cx),
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
            State::Offered(offered) => match offered.standing {
                Standing::Outside => CallEndReason::Cancelled,
                Standing::Rung => CallEndReason::Rejected,
                Standing::Inside => CallEndReason::Completed,
            },
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
        let comes_on = on && !self.media.camera;
        self.set_media(media, cx);
        if comes_on && let Some(link) = self.state.talk_mut().and_then(|talk| talk.link.as_mut()) {
            link.make_place_for_video(&mut self.rounds, cx);
        }
    }

    pub(crate) fn set_screen(&mut self, on: bool, cx: &mut Cx<'_>) {
        let link = self.state.talk().and_then(|talk| talk.link.as_ref());
        if on && link.is_some_and(|link| !link.screen) {
            let error = not_possible(
                ErrorCode::MediaToggleFailed,
                "the other end takes no screen beside the camera: send the screen as the camera",
            );
            return cx.fail(Some(self.key), error);
        }
        let media = LocalMedia {
            screen: on,
            ..self.media
        };
        self.set_media(media, cx);
    }

    /// Puts the call on hold, or takes it up again.
    pub(crate) fn hold(&mut self, on: bool, cx: &mut Cx<'_>) {
        match &self.state {
            State::Connecting(_) | State::Active(_) | State::Reconnecting(_) => {
                if self.held != on {
                    self.held = on;
                    self.media_changed(cx);
                }
            }
            State::Ended(_) => {}
            State::Calling(_) | State::Ringing(_) | State::Incoming(_) | State::Offered(_) => {
                let error = not_possible(
                    ErrorCode::CallStateConflict,
                    "only a call that is answered can be held",
                );
                cx.fail(Some(self.key), error);
            }
        }
    }

    fn set_media(&mut self, media: LocalMedia, cx: &mut Cx<'_>) {
        if self.is_ended() || self.media == media {
            return;
        }
        self.media = media;
        self.media_changed(cx);
    }

    fn media_changed(&mut self, cx: &mut Cx<'_>) {
        if let Some(link) = self.state.talk().and_then(|talk| talk.link.as_ref()) {
            link.set_media(self.media, self.held, cx);
        }
        self.tell_media(cx);
    }
}
