//! Every end of a call: once, with one reason, told once, and what is said to the server of it.

use ringwire_protocol::client::{End, OfCall};
use ringwire_protocol::{
    CallEndReason, CallError, ClientEvent, DeviceId, ErrorCode, Instant, PeerId,
};

use super::{Active, Call, Ended, Initiate, Membership, Reconnecting, Standing, State};
use crate::goodbye::say_goodbye;
use crate::outbox::Cx;
use crate::{CallEvent, Direction};

/// Does the server have to be told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// Yes: it ends here.
    Say,
    /// No: it is the server that told us, or it knows by itself.
    Silent,
}

impl Call {
    /// Ends the call here and now. An ended call stays as it ended.
    pub(crate) fn end(&mut self, reason: CallEndReason, goodbye: Goodbye, cx: &mut Cx<'_>) {
        if self.is_ended() {
            return;
        }
        let ended = Ended {
            reason: reason.clone(),
            at: cx.now,
            active_since: self.active_since(),
        };
        let before = std::mem::replace(&mut self.state, State::Ended(ended));
        self.timeline.ended = Some(cx.now);
        if matches!(before, State::Incoming(_)) {
            cx.notify(CallEvent::StopRinging { key: self.key });
        }
        if let State::Offered(offered) = &before
            && goodbye == Goodbye::Say
        {
            self.say_offer_declined(offered.standing, cx);
        } else if goodbye == Goodbye::Say {
            self.say_goodbye(&before, &reason, cx);
        }
        if let Some(id) = self.call_id() {
            cx.past.bury(id);
        }
        close(before, cx);
        cx.notify(CallEvent::Ended {
            key: self.key,
            reason,
        });
    }

    fn say_goodbye(&self, before: &State, reason: &CallEndReason, cx: &mut Cx<'_>) {
        let Some(id) = self.call_id().cloned() else {
            match before {
                State::Calling(calling) if calling.initiate == Initiate::Queued => {}
                _ => cx
                    .past
                    .cancelled_nameless(self.conversation.clone(), cx.now),
            }
            return;
        };
        let joined = match before {
            State::Connecting(talk)
            | State::Active(Active { talk, .. })
            | State::Reconnecting(Reconnecting { talk, .. }) => {
                talk.membership != Membership::Wanted
            }
            State::Calling(_)
            | State::Ringing(_)
            | State::Incoming(_)
            | State::Offered(_)
            | State::Ended(_) => false,
        };
        // Who has not joined declines, whatever it was that ended the ring.
        let declined = !joined && self.direction == Direction::Incoming;
        let reason = match reason {
            CallEndReason::Busy => &CallEndReason::Busy,
            _ if declined => &CallEndReason::Rejected,
            reason => reason,
        };
        // A server of the first contract knows no other word of who is in the call.
        let in_it = joined || self.direction == Direction::Outgoing;
        let leaves = match cx.line.is_extended() {
            true => joined && *reason == CallEndReason::Completed,
            false => in_it,
        };
        let event = if leaves {
            ClientEvent::Leave(OfCall {
                call_id: id.clone(),
            })
        } else {
            ClientEvent::End(End {
                call_id: id.clone(),
                reason: Some(reason.clone()),
            })
        };
        say_goodbye(id, event, cx);
    }

    pub(super) fn active_since(&self) -> Option<Instant> {
        match &self.state {
            State::Active(active) => Some(active.since),
            State::Reconnecting(reconnecting) => Some(reconnecting.active_since),
            State::Ended(ended) => ended.active_since,
            State::Calling(_)
            | State::Ringing(_)
            | State::Incoming(_)
            | State::Offered(_)
            | State::Connecting(_) => None,
        }
    }

    /// The call is over on the server: what that means here.
    pub(crate) fn ended_by_server(
        &mut self,
        reason: Option<&CallEndReason>,
        by: Option<&PeerId>,
        cx: &mut Cx<'_>,
    ) {
        let by_me = by.is_some_and(|by| cx.line.is_me(by));
        let seen = match &self.state {
            State::Incoming(_) | State::Offered(_) => Seen::Ring,
            State::Calling(_) | State::Ringing(_) => Seen::Caller,
            State::Connecting(_) => Seen::Inside { answered: false },
            State::Active(_) | State::Reconnecting(_) => Seen::Inside { answered: true },
            State::Ended(_) => return,
        };
        let offered = matches!(self.state, State::Offered(_));
        let reason = match (seen, reason) {
            // It was the other who declined a call of my other device.
            (Seen::Ring, Some(said @ (CallEndReason::Rejected | CallEndReason::Busy)))
                if offered && by.is_some() && !by_me =>
            {
                said.clone()
            }
            // It is the first contract's servers that say so of a call which nobody answered.
            (Seen::Caller, Some(CallEndReason::Completed)) if cx.line.is_extended() => {
                CallEndReason::Completed
            }
            _ => reason_for(reason, by.is_some(), by_me, seen),
        };
        self.end(reason, Goodbye::Silent, cx);
    }

    /// I am put out of the call, by another device of mine or by the server.
    pub(crate) fn forced_out(&mut self, code: Option<&CallEndReason>, cx: &mut Cx<'_>) {
        let reason = match &self.state {
            _ if code == Some(&CallEndReason::AnsweredElsewhere) => {
                CallEndReason::AnsweredElsewhere
            }
            State::Incoming(_) => CallEndReason::DeclinedElsewhere,
            State::Calling(_) | State::Ringing(_) | State::Offered(_) => CallEndReason::Cancelled,
            State::Connecting(_) | State::Active(_) | State::Reconnecting(_) | State::Ended(_) => {
                CallEndReason::Completed
            }
        };
        self.end(reason, Goodbye::Silent, cx);
    }

    /// I leave whatever is mine in this conversation; what rings goes on ringing.
    pub(crate) fn left_by_force(&mut self, cx: &mut Cx<'_>) {
        let reason = match &self.state {
            State::Incoming(_) | State::Ended(_) => return,
            State::Calling(_) | State::Ringing(_) | State::Offered(_) => CallEndReason::Cancelled,
            State::Connecting(_) | State::Active(_) | State::Reconnecting(_) => {
                CallEndReason::Completed
            }
        };
        // A call whose name is still to come is cancelled when it comes.
        let goodbye = if self.nameless().is_some() {
            Goodbye::Say
        } else {
            Goodbye::Silent
        };
        // What was said may be lost with the socket: then check-active lists the call again.
        if let Some(id) = self.call_id().cloned() {
            let leave = ClientEvent::Leave(OfCall {
                call_id: id.clone(),
            });
            cx.past.keep_goodbye(id, leave, cx.now);
        }
        self.end(reason, goodbye, cx);
    }

    /// The server has this call no longer and does not say why.
    pub(crate) fn lost_by_server(&mut self, cx: &mut Cx<'_>) {
        let reason = match &self.state {
            State::Incoming(_) => CallEndReason::Missed,
            State::Offered(offered) if offered.standing != Standing::Inside => {
                CallEndReason::Missed
            }
            State::Connecting(talk) if !talk.membership.was_in() => CallEndReason::Missed,
            State::Calling(_)
            | State::Ringing(_)
            | State::Offered(_)
            | State::Connecting(_)
            | State::Active(_)
            | State::Reconnecting(_)
            | State::Ended(_) => CallEndReason::ConnectionLost,
        };
        self.end(reason, Goodbye::Silent, cx);
    }

    /// The server says that a device of mine has answered.
    pub(crate) fn already_answered(&mut self, device: Option<&DeviceId>, cx: &mut Cx<'_>) {
        if device == Some(&cx.line.device) {
            return;
        }
        let elsewhere = match &self.state {
            State::Incoming(_) => true,
            State::Offered(offered) => offered.standing != Standing::Outside,
            // Another device of mine has taken the call over. One that does not say which it is
            // may be this one; and while a join is on its way its answer decides.
            State::Connecting(talk)
            | State::Active(Active { talk, .. })
            | State::Reconnecting(Reconnecting { talk, .. }) => {
                device.is_some()
                    && talk.membership.was_in()
                    && self.direction == Direction::Incoming
            }
            State::Calling(_) | State::Ringing(_) | State::Ended(_) => false,
        };
        if elsewhere {
            self.end(CallEndReason::AnsweredElsewhere, Goodbye::Silent, cx);
        }
    }
}

fn close(before: State, cx: &mut Cx<'_>) {
    match before {
        State::Connecting(talk)
        | State::Active(Active { talk, .. })
        | State::Reconnecting(Reconnecting { talk, .. }) => {
            if let Some(link) = talk.link {
                link.close(cx);
            }
        }
        State::Calling(_)
        | State::Ringing(_)
        | State::Incoming(_)
        | State::Offered(_)
        | State::Ended(_) => {}
    }
}

/// Where this device stood when the call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It rang here.
    Ring,
    /// It was mine, and nobody had accepted.
    Caller,
    /// It was accepted.
    Inside { answered: bool },
}

/// True when an error says that there is no such call any more, or that I am not in it.
pub(crate) fn says_gone(error: &CallError) -> bool {
    matches!(
        error.code,
        ErrorCode::CallEnded | ErrorCode::CallNotFound | ErrorCode::NotInCall
    )
}

/// The server's reason, as it is for this device. Servers of the basic contract give none, or
/// `completed` for a call that nobody answered.
pub(crate) fn reason_for(
    said: Option<&CallEndReason>,
    somebody: bool,
    by_me: bool,
    seen: Seen,
) -> CallEndReason {
    use CallEndReason::{
        AnsweredElsewhere, Busy, Cancelled, Completed, DeclinedElsewhere, Failed, Missed, Rejected,
    };
    match (seen, said) {
        // Somebody declined, and it was not this device.
        (Seen::Ring, Some(Rejected | Busy)) => DeclinedElsewhere,
        (Seen::Ring, None | Some(Completed)) if by_me => AnsweredElsewhere,
        (Seen::Ring, None) if somebody => Cancelled,
        (Seen::Ring, None | Some(Completed)) => Missed,
        (Seen::Caller, None | Some(Completed)) if by_me => Cancelled,
        (Seen::Caller, None | Some(Completed)) if somebody => Rejected,
        (Seen::Caller, None | Some(Completed)) => Missed,
        (Seen::Inside { answered: true }, None) => Completed,
        (Seen::Inside { answered: false }, None) if somebody => Completed,
        (Seen::Inside { answered: false }, None) => Failed,
        (_, Some(reason)) => reason.clone(),
    }
}
