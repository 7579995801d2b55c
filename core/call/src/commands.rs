//! Commands: which call each is for, and what it does to the others.

use ringwire_protocol::{CallType, ConversationId, ErrorCode, Instant};

use crate::call::{Call, not_possible};
use crate::goodbye::force_leave;
use crate::store::CallStore;
use crate::{CallKey, Command, LocalMedia};

impl CallStore {
    pub(crate) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Call {
                key,
                conversation,
                call_type,
                media,
            } => self.start(key, conversation, call_type, media, now),
            Command::Accept { key, media } => {
                if self.may_enter(key, now) {
                    self.with_call(key, now, |call, cx| call.accept(media, cx));
                }
            }
            Command::Join { key, media } => {
                if self.may_enter(key, now) {
                    self.with_call(key, now, |call, cx| call.join_offered(media, cx));
                }
            }
            // To decline or hang up what is gone already is no mistake.
            Command::Decline { key, busy } => {
                self.with_call(key, now, |call, cx| call.decline(busy, cx));
            }
            Command::HangUp { key } => self.with_call(key, now, |call, cx| call.hang_up(cx)),
            Command::SetMicrophone { key, on } => {
                if self.is_listed(key, now) {
                    self.with_call(key, now, |call, cx| call.set_microphone(on, cx));
                }
            }
            Command::SetCamera { key, on } => {
                if self.is_listed(key, now) {
                    self.with_call(key, now, |call, cx| call.set_camera(on, cx));
                }
            }
            Command::SetScreen { key, on } => {
                if self.is_listed(key, now) {
                    self.with_call(key, now, |call, cx| call.set_screen(on, cx));
                }
            }
            Command::Hold { key, on } => self.hold(key, on, now),
            Command::ForceLeave { conversation } => self.force_leave(conversation, now),
            Command::Background(background) => self.background(background, now),
            Command::Push(push) => self.push(push, now),
        }
    }

    fn start(
        &mut self,
        key: CallKey,
        conversation: ConversationId,
        call_type: CallType,
        media: LocalMedia,
        now: Instant,
    ) {
        if self.calls.iter().any(|call| call.key == key) {
            return;
        }
        let room = self.make_room();
        let unanswered = self.calls.iter().any(Call::is_unanswered);
        let refusal = if !key.is_outgoing() {
            Some((
                ErrorCode::ValidationError,
                "the key of an outgoing call is even",
            ))
        } else if unanswered {
            Some((ErrorCode::AlreadyInCall, CANCEL_FIRST))
        } else if !room {
            Some((
                ErrorCode::AlreadyInCall,
                "8 calls are listed already: end one first",
            ))
        } else {
            None
        };
        if let Some((code, message)) = refusal {
            let (_, mut cx) = self.parts(now);
            return cx.fail(Some(key), not_possible(code, message));
        }
        self.hold_others(key, now);
        let (calls, mut cx) = self.parts(now);
        let call = Call::start(key, conversation, call_type, media, &mut cx);
        calls.push(call);
    }

    /// Makes way for a call that is entered: false when there is none, or one of my own rings out.
    fn may_enter(&mut self, key: CallKey, now: Instant) -> bool {
        if !self.is_listed(key, now) {
            return false;
        }
        let enters = |call: &Call| call.key == key && (call.is_incoming() || call.is_offered());
        if !self.calls.iter().any(enters) {
            // What the command means for a call in another state, the call knows.
            return true;
        }
        if self.calls.iter().any(Call::is_unanswered) {
            let (_, mut cx) = self.parts(now);
            cx.fail(
                Some(key),
                not_possible(ErrorCode::AlreadyInCall, CANCEL_FIRST),
            );
            return false;
        }
        self.hold_others(key, now);
        true
    }

    fn hold(&mut self, key: CallKey, on: bool, now: Instant) {
        if !self.is_listed(key, now) {
            return;
        }
        let talks = |call: &Call| call.key == key && call.is_talk();
        if !on && self.calls.iter().any(talks) {
            self.hold_others(key, now);
        }
        self.with_call(key, now, |call, cx| call.hold(on, cx));
    }

    /// Nobody talks in two calls at once.
    fn hold_others(&mut self, key: CallKey, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        let others = calls.iter_mut().filter(|call| call.key != key);
        for call in others.filter(|call| call.is_talk()) {
            call.hold(true, &mut cx);
        }
    }

    /// Tells the app where it names a call that is not there.
    fn is_listed(&mut self, key: CallKey, now: Instant) -> bool {
        let (calls, mut cx) = self.parts(now);
        let listed = calls.iter().any(|call| call.key == key);
        if !listed {
            let error = not_possible(ErrorCode::CallNotFound, "there is no such call");
            cx.fail(Some(key), error);
        }
        listed
    }

    fn background(&mut self, background: bool, now: Instant) {
        if self.line.background == background {
            return;
        }
        self.line.background = background;
        let (calls, mut cx) = self.parts(now);
        for call in calls {
            call.tell_background(&mut cx);
        }
    }

    fn force_leave(&mut self, conversation: ConversationId, now: Instant) {
        let (calls, mut cx) = self.parts(now);
        force_leave(conversation.clone(), &mut cx);
        for call in calls {
            if call.conversation == conversation {
                call.left_by_force(&mut cx);
            }
        }
    }
}

const CANCEL_FIRST: &str = "a call of yours has no answer yet: cancel it first";
