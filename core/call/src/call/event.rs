//! Events of the gateway about one call.

use ringwire_protocol::client::NegotiateReason;
use ringwire_protocol::server::{
    MediaToggled, ParticipantJoined, ParticipantLeft, PeerReconnect, QualityAlert, RingingAt,
};
use ringwire_protocol::{
    CallEndReason, CallError, CallParticipant, Capability, PeerId, ServerEvent, timers,
};

use super::{Call, Calling, Goodbye, Membership, Ringing, Standing, State, says_gone};
use crate::CallEvent;
use crate::line::Line;
use crate::link::Part;
use crate::outbox::Cx;

/// A row of mine in a call: of this device, of another one, or of one that is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    Here,
    Elsewhere,
    Unsaid,
}

/// My row in a call that I have not left; `None` when I am not in it.
pub(crate) fn is_here(participants: &[CallParticipant], line: &Line) -> Option<Row> {
    let mine = participants.iter().find(|participant| {
        participant.left_at.is_none() && participant.peer().is_some_and(|peer| line.is_me(peer))
    })?;
    Some(match &mine.device_id {
        Some(device) if *device == line.device => Row::Here,
        Some(_) => Row::Elsewhere,
        None => Row::Unsaid,
    })
}

impl Call {
    /// Takes an event that names this call.
    pub(crate) fn event(&mut self, event: ServerEvent, cx: &mut Cx<'_>) {
        if self.is_ended() {
            return;
        }
        let stale = self.is_stale(event.version(), cx);
        match event {
            ServerEvent::Ended(said) => {
                self.ended_by_server(said.reason.as_ref(), said.ended_by.as_ref(), cx);
            }
            ServerEvent::Missed(_) => match &self.state {
                State::Incoming(_) | State::Offered(_) | State::Calling(_) | State::Ringing(_) => {
                    self.end(CallEndReason::Missed, Goodbye::Silent, cx);
                }
                State::Connecting(_)
                | State::Active(_)
                | State::Reconnecting(_)
                | State::Ended(_) => {}
            },
            ServerEvent::AlreadyAnswered(said) => {
                self.already_answered(said.device_id.as_ref(), cx);
            }
            ServerEvent::ForceLeave(said) => self.forced_out(said.code.as_ref(), cx),
            ServerEvent::Joined(said) => self.joined(said, cx),
            ServerEvent::Signal(said) => self.signal(said.signal, cx),
            ServerEvent::Negotiate(said) => self.asked_for_offer(&said.from, &said.reason, cx),
            ServerEvent::IceServersRefreshed(said) => {
                self.fresh_ice_servers(said.ice_servers, said.ttl, cx);
            }
            ServerEvent::QualityAlert(said) => self.quality_alert(said, cx),
            ServerEvent::Error(said) => self.error(said, cx),
            ServerEvent::Ringing(said) if !stale => self.rings_there(said, cx),
            ServerEvent::ParticipantJoined(said) if !stale => self.participant_joined(said, cx),
            ServerEvent::ParticipantLeft(said) if !stale => self.participant_left(&said, cx),
            ServerEvent::MediaToggled(said) if !stale => self.media_toggled(&said, cx),
            ServerEvent::Reconnecting(said) if !stale => self.reconnects_there(&said, true),
            ServerEvent::Reconnected(said) if !stale => self.reconnects_there(&said, false),
            // Older than what is known.
            ServerEvent::Ringing(_)
            | ServerEvent::ParticipantJoined(_)
            | ServerEvent::ParticipantLeft(_)
            | ServerEvent::MediaToggled(_)
            | ServerEvent::Reconnecting(_)
            | ServerEvent::Reconnected(_) => {}
            // Known already, not of one call, or nothing that a call between two acts on.
            ServerEvent::Initiated(_)
            | ServerEvent::Authenticated(_)
            | ServerEvent::TokenExpired(_)
            | ServerEvent::ModeChanged(_)
            | ServerEvent::TranslatedSegment(_)
            | ServerEvent::Backgrounded(_)
            | ServerEvent::Foregrounded(_)
            | ServerEvent::Unknown { .. } => {}
        }
    }

    /// True for a version below the highest seen. A gap means that something was missed.
    pub(super) fn is_stale(&mut self, said: Option<u64>, cx: &mut Cx<'_>) -> bool {
        let Some(said) = said else { return false };
        if let Some(seen) = self.version {
            if said < seen {
                return true;
            }
            if said > seen.saturating_add(1) && cx.line.knows(&Capability::Version) {
                cx.check_by(cx.now + timers::PATH_GRACE);
            }
        }
        self.version = Some(said);
        false
    }

    fn rings_there(&mut self, said: RingingAt, cx: &mut Cx<'_>) {
        if cx.line.is_me(&said.user_id) {
            return;
        }
        if let Some(person) = self.people.entry(&said.user_id) {
            if !person.joined {
                person.device = Some(said.device_id);
            }
            person.capabilities = said.capabilities;
        }
        self.is_ringing(cx);
    }

    /// A device rings: the wait for an answer begins again, within its limit.
    pub(super) fn is_ringing(&mut self, cx: &mut Cx<'_>) {
        let State::Calling(Calling { .. }) = &self.state else {
            return;
        };
        let longest = self.initiated_at + timers::NO_ANSWER_MAX;
        let no_answer = (cx.now + timers::NO_ANSWER).min(longest);
        self.state = State::Ringing(Ringing { no_answer });
        self.timeline.ringing.get_or_insert(cx.now);
        cx.notify(CallEvent::Changed { key: self.key });
    }

    fn participant_joined(&mut self, said: ParticipantJoined, cx: &mut Cx<'_>) {
        let Some(peer) = said.participant.peer().cloned() else {
            return;
        };
        if let Some(servers) = said.ice_servers
            && !cx.line.is_me(&peer)
        {
            self.ice.set(servers, None, cx.now);
        }
        self.take_person(&said.participant, cx);
        match is_here(std::slice::from_ref(&said.participant), cx.line) {
            Some(row) => self.i_joined(row, cx),
            None if cx.line.is_me(&peer) => {}
            None => {
                self.close_reloaded(&peer, cx);
                self.other_joined(&peer, cx);
            }
        }
    }

    /// Somebody without a device id who joins again while the path is lost has reloaded: no ICE
    /// restart brings back what was there.
    fn close_reloaded(&mut self, peer: &PeerId, cx: &mut Cx<'_>) {
        let link = self.state.talk().and_then(|talk| talk.link.as_ref());
        let reloaded = link.is_some_and(|link| {
            link.pair.peer == *peer
                && link.pair.peer_device.is_none()
                && link.lost_since().is_some()
        });
        if reloaded {
            self.close_link(cx);
        }
    }

    /// Takes what is said of one person, me or another.
    pub(super) fn take_person(&mut self, said: &CallParticipant, cx: &Cx<'_>) {
        match said.peer() {
            Some(peer) if cx.line.is_me(peer) => {
                if said.participant_id.is_some() {
                    self.my_participant.clone_from(&said.participant_id);
                }
            }
            _ => self.people.merge(said),
        }
    }

    /// The server says that I am in the call, on this device or on another one.
    pub(super) fn i_joined(&mut self, row: Row, cx: &mut Cx<'_>) {
        match (&self.state, row) {
            (State::Incoming(_), Row::Elsewhere | Row::Unsaid) => {
                self.end(CallEndReason::AnsweredElsewhere, Goodbye::Silent, cx);
            }
            (
                State::Connecting(_) | State::Active(_) | State::Reconnecting(_),
                Row::Here | Row::Unsaid,
            ) => {
                // An ack, where there will be one, brings ICE servers as well.
                let ready = !self.ice.is_empty() || !cx.line.is_extended();
                if ready
                    && (self.membership_is(Membership::Asked)
                        || self.membership_is(Membership::Returning))
                {
                    self.is_in(cx);
                }
            }
            (State::Connecting(_) | State::Active(_) | State::Reconnecting(_), Row::Elsewhere) => {
                // While a join is on its way its answer decides.
                if self.membership_is(Membership::In) || self.membership_is(Membership::Away) {
                    self.end(CallEndReason::AnsweredElsewhere, Goodbye::Silent, cx);
                }
            }
            (State::Offered(offered), Row::Elsewhere) => {
                if offered.standing != Standing::Outside {
                    self.end(CallEndReason::AnsweredElsewhere, Goodbye::Silent, cx);
                }
            }
            // The app died in it, and has called the same conversation since.
            (State::Offered(_), Row::Here) => {
                if let State::Offered(offered) = &mut self.state {
                    offered.standing = Standing::Inside;
                }
            }
            (State::Incoming(_), Row::Here) => self.found_inside(cx),
            (State::Offered(_), Row::Unsaid)
            | (State::Calling(_) | State::Ringing(_) | State::Ended(_), _) => {}
        }
    }

    fn membership_is(&self, membership: Membership) -> bool {
        self.state
            .talk()
            .is_some_and(|talk| talk.membership == membership)
    }

    fn participant_left(&mut self, said: &ParticipantLeft, cx: &mut Cx<'_>) {
        if said.peer().is_some_and(|peer| cx.line.is_me(peer)) {
            // Another device of mine left, or this one was put out: the session tells.
            return cx.check_by(cx.now);
        }
        let Some(person) = self.people.leaving(said.peer(), &said.participant_id) else {
            return;
        };
        person.joined = false;
        person.reconnecting = false;
        let peer = person.peer.clone();
        let alone = !self.people.anybody_joined();
        let link = self.state.talk().and_then(|talk| talk.link.as_ref());
        if link.is_some_and(|link| link.pair.peer == peer) {
            self.close_link(cx);
        }
        // The server's `call:ended` follows and says why; a while later the call ends without it.
        if alone && let Some(talk) = self.state.talk_mut() {
            talk.alone_since.get_or_insert(cx.now);
        }
    }

    fn media_toggled(&mut self, said: &MediaToggled, cx: &mut Cx<'_>) {
        let Some(person) = self
            .people
            .named(said.user_id.as_ref(), &said.participant_id)
        else {
            return;
        };
        if person.toggle(&said.media_type, said.enabled) {
            cx.notify(person.media_news(self.key));
        }
    }

    fn reconnects_there(&mut self, said: &PeerReconnect, reconnecting: bool) {
        if let Some(person) = self
            .people
            .named(said.user_id.as_ref(), &said.participant_id)
        {
            person.reconnecting = reconnecting;
        }
    }

    fn quality_alert(&mut self, said: QualityAlert, cx: &mut Cx<'_>) {
        if self.state.talk().is_none() {
            return;
        }
        let person = self
            .people
            .named(said.user_id.as_ref(), &said.participant_id);
        cx.notify(CallEvent::QualityAlert {
            key: self.key,
            peer: person.map(|person| person.peer.clone()),
            metric: said.metric,
            value: said.value,
            threshold: said.threshold,
        });
    }

    /// `call:error` that names this call.
    fn error(&mut self, said: CallError, cx: &mut Cx<'_>) {
        if !says_gone(&said) {
            return match self.is_being_joined() {
                true => self.join_refused(said, cx),
                false => cx.fail(Some(self.key), said),
            };
        }
        match cx.line.knows(&Capability::Version) {
            true => cx.check_by(cx.now),
            false => self.lost_by_server(cx),
        }
    }

    fn is_being_joined(&self) -> bool {
        self.membership_is(Membership::Asked)
    }

    pub(super) fn asked_for_offer(
        &mut self,
        from: &PeerId,
        reason: &NegotiateReason,
        cx: &mut Cx<'_>,
    ) {
        if self.part() == Part::Offerer
            && let Some(talk) = self.state.talk_mut()
            && let Some(link) = &mut talk.link
            && link.pair.peer == *from
        {
            link.asked_for_offer(reason, &mut self.rounds, cx);
        }
    }
}
