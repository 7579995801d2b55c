//! Time. Nothing is armed and nothing is cancelled: what is due follows from the state, so no
//! timer can be left behind.

use ringwire_protocol::client::{OfCall, Reconnect};
use ringwire_protocol::limits::MAX_RECONNECT_ATTEMPT;
use ringwire_protocol::{CallEndReason, CallError, ClientEvent, ErrorCode, Instant, timers};

use super::{Active, Call, Goodbye, Initiate, Membership, Reconnecting, Standing, State, Talk};
use crate::line::{Line, Socket};
use crate::outbox::{Cx, Purpose};

/// What time does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nobody has answered.
    NoAnswer,
    /// The ring here is over, or the offer to join.
    RingOver,
    /// Accepted, and no path in time.
    NotConnected,
    /// No path for too long.
    Lost,
    /// A silent path counts as lost.
    GraceOver,
    /// ICE is restarted, or an offer said again.
    Repair,
    Heartbeat,
    RefreshIce,
    /// The other left, and no `call:ended` came.
    Alone,
    /// An ended call leaves the list.
    Vanish,
}

impl Call {
    /// What is due first, and when.
    pub(crate) fn due(&self, line: &Line) -> Option<(Instant, Due)> {
        match &self.state {
            State::Calling(calling) => Some((calling.no_answer, Due::NoAnswer)),
            State::Ringing(ringing) => Some((ringing.no_answer, Due::NoAnswer)),
            State::Incoming(incoming) => Some((incoming.deadline, Due::RingOver)),
            State::Offered(offered) => Some((offered.until, Due::RingOver)),
            State::Ended(ended) => Some((ended.at + timers::ENDED_SHOWN, Due::Vanish)),
            State::Connecting(talk) | State::Active(Active { talk, .. }) => {
                self.due_in_talk(talk, None, line)
            }
            State::Reconnecting(Reconnecting {
                lost_since, talk, ..
            }) => self.due_in_talk(talk, Some(*lost_since), line),
        }
    }

    fn due_in_talk(
        &self,
        talk: &Talk,
        lost_since: Option<Instant>,
        line: &Line,
    ) -> Option<(Instant, Due)> {
        let link = talk.link.as_ref();
        let alone = if self.is_group() {
            timers::ALONE
        } else {
            timers::PATH_GRACE
        };
        let mut first: Option<(Instant, Due)> = None;
        let mut see = |at: Option<Instant>, due| {
            if let Some(at) = at
                && first.is_none_or(|(earliest, _)| at < earliest)
            {
                first = Some((at, due));
            }
        };
        see(lost_since.map(|since| since + timers::RECONNECT), Due::Lost);
        see(talk.connect_by(line), Due::NotConnected);
        see(talk.alone_since.map(|since| since + alone), Due::Alone);
        see(link.and_then(|link| link.grace_ends()), Due::GraceOver);
        if line.is_up() && talk.membership == Membership::In {
            see(link.and_then(|link| link.repair_at()), Due::Repair);
            see(Some(talk.heartbeat_at), Due::Heartbeat);
            see(self.ice.refresh_at(), Due::RefreshIce);
        }
        first
    }

    /// Does what is due. `Due::Vanish` is the store's.
    pub(crate) fn fire(&mut self, due: Due, cx: &mut Cx<'_>) {
        match due {
            Due::NoAnswer => self.no_answer(cx),
            Due::RingOver => self.ring_over(cx),
            Due::NotConnected => self.not_connected(cx),
            Due::Lost => self.end(CallEndReason::ConnectionLost, Goodbye::Say, cx),
            Due::Alone => self.end(CallEndReason::Completed, Goodbye::Say, cx),
            Due::GraceOver => {
                if let Some(link) = self.state.talk_mut().and_then(|talk| talk.link.as_mut()) {
                    link.grace_over(cx.now);
                }
            }
            Due::Repair => self.repair(cx),
            Due::Heartbeat => self.say_heartbeat(cx),
            Due::RefreshIce => self.ask_for_ice_servers(cx),
            Due::Vanish => {}
        }
    }

    /// A ring, or an offer that nobody took. The server may have this device in an offered call: it
    /// learns that nobody is there.
    fn ring_over(&mut self, cx: &mut Cx<'_>) {
        if let State::Offered(offered) = &self.state
            && offered.standing == Standing::Inside
        {
            self.say_offer_declined(Standing::Inside, cx);
        }
        self.end(CallEndReason::Missed, Goodbye::Silent, cx);
    }

    fn no_answer(&mut self, cx: &mut Cx<'_>) {
        match self.nameless() {
            // The server never said that there is a call.
            Some(Initiate::Queued | Initiate::Said | Initiate::Doubtful) => self.unreached(cx),
            Some(Initiate::Made) | None => self.end(CallEndReason::Missed, Goodbye::Say, cx),
        }
    }

    pub(super) fn unreached(&mut self, cx: &mut Cx<'_>) {
        let error = CallError::new(
            ErrorCode::ConnectionFailed,
            "the call did not reach the server",
        );
        cx.fail(Some(self.key), error);
        self.end(CallEndReason::Failed, Goodbye::Say, cx);
    }

    fn not_connected(&mut self, cx: &mut Cx<'_>) {
        if !cx.line.is_up() {
            return self.end(CallEndReason::ConnectionLost, Goodbye::Say, cx);
        }
        let error = CallError::new(
            ErrorCode::IceConnectionFailed,
            "no path to the other end was found",
        );
        cx.fail(Some(self.key), error);
        self.end(CallEndReason::Failed, Goodbye::Say, cx);
    }

    fn repair(&mut self, cx: &mut Cx<'_>) {
        let participant = self.participant_id(cx);
        let id = self.call_id().cloned();
        let reconnecting = matches!(self.state, State::Reconnecting(_));
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        let Some(link) = &mut talk.link else { return };
        if !link.repair(&mut self.rounds, cx) || !reconnecting {
            return;
        }
        if let (Some(call_id), Some(participant_id)) = (id, participant) {
            let attempt = link.repairs.clamp(1, MAX_RECONNECT_ATTEMPT);
            talk.told_reconnecting = Some(attempt);
            cx.tell(ClientEvent::Reconnecting(Reconnect {
                call_id,
                participant_id,
                attempt,
            }));
        }
    }

    /// The next heartbeat comes then.
    pub(crate) fn heartbeat_at(&mut self, at: Instant) {
        if let Some(talk) = self.state.talk_mut() {
            talk.heartbeat_at = at;
        }
    }

    fn say_heartbeat(&mut self, cx: &mut Cx<'_>) {
        let id = self.call_id().cloned();
        if let Some(talk) = self.state.talk_mut() {
            talk.heartbeat_at = cx.now + timers::HEARTBEAT;
            if let Some(call_id) = id {
                cx.ask(
                    Purpose::Heartbeat(self.key),
                    ClientEvent::Heartbeat(OfCall { call_id }),
                );
            }
        }
    }
}

impl Talk {
    /// When a call that never had a path has failed; `None` once it had one, or when nobody is
    /// left to connect to. While the socket is away no path can be found, so it counts from there.
    fn connect_by(&self, line: &Line) -> Option<Instant> {
        let begun = match &self.link {
            Some(link) if link.was_up => return None,
            Some(link) => self.accepted_at.max(link.opened_at),
            None if self.alone_since.is_some() => return None,
            None => self.accepted_at,
        };
        let (since, span) = match line.socket {
            Socket::Up { since } => (since, timers::CONNECT),
            Socket::Down { since } => (since, timers::RECONNECT),
        };
        Some(begun.max(since) + span)
    }
}
