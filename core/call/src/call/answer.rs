//! Acks about one call, and the socket's coming and going.

use ringwire_protocol::ack::{HeartbeatData, InitiateData, JoinData};
use ringwire_protocol::client::OfCall;
use ringwire_protocol::{CallEndReason, CallError, CallId, CallStatus, ClientEvent, IceServer};

use super::{Call, Goodbye, Initiate, Membership, State, says_gone};
use crate::outbox::Cx;

/// How often a call is said whose answer got lost.
const MAX_INITIATES: u32 = 3;

impl Call {
    /// The server has made my call.
    pub(crate) fn initiated(&mut self, said: InitiateData, cx: &mut Cx<'_>) {
        self.named_by_server(said.call_id, cx);
        self.ice.set(said.ice_servers, Some(said.ttl), cx.now);
    }

    /// The server's name of my call is known, whichever way it came.
    pub(crate) fn named_by_server(&mut self, id: CallId, cx: &mut Cx<'_>) {
        if self.id.is_some() {
            return;
        }
        if let State::Calling(calling) = &mut self.state {
            calling.initiate = Initiate::Made;
            self.initiator = cx.line.me.clone();
            self.name(id, cx);
            self.tell_media(cx);
        }
    }

    /// The same without the answer that brings ICE servers.
    pub(crate) fn adopted(
        &mut self,
        id: CallId,
        ice_servers: Option<Vec<IceServer>>,
        cx: &mut Cx<'_>,
    ) {
        self.named_by_server(id, cx);
        match ice_servers {
            Some(servers) => self.ice.set(servers, None, cx.now),
            None => self.ask_for_ice_servers(cx),
        }
    }

    /// The server refuses my call, and names no other that I could join.
    pub(crate) fn initiate_refused(&mut self, error: CallError, cx: &mut Cx<'_>) {
        if self.nameless().is_some() {
            cx.fail(Some(self.key), error);
            self.end(CallEndReason::Failed, Goodbye::Silent, cx);
        }
    }

    /// Nobody knows whether the server made my call: check-active tells, or a second try.
    pub(crate) fn initiate_in_doubt(&mut self, cx: &mut Cx<'_>) {
        if let State::Calling(calling) = &mut self.state
            && calling.initiate == Initiate::Said
        {
            calling.initiate = Initiate::Doubtful;
            cx.check_by(cx.now);
        }
    }

    /// An answer to my `call:initiate` may have been lost: the server may have made the call.
    pub(crate) fn may_have_been_made(&self) -> bool {
        matches!(
            &self.state,
            State::Calling(calling)
                if calling.tries > 1 || calling.initiate == Initiate::Doubtful
        )
    }

    /// The server does not know my call: it is said again.
    pub(crate) fn initiate_again(&mut self, cx: &mut Cx<'_>) {
        let State::Calling(calling) = &self.state else {
            return;
        };
        if calling.initiate == Initiate::Doubtful {
            if calling.tries < MAX_INITIATES {
                self.say_initiate(cx);
            } else {
                self.unreached(cx);
            }
        }
    }

    /// I am in; the answer to the join, by ack or by event.
    pub(crate) fn joined(&mut self, said: JoinData, cx: &mut Cx<'_>) {
        let Some(talk) = self.state.talk() else {
            return;
        };
        if matches!(talk.membership, Membership::Wanted | Membership::Away) {
            return;
        }
        let before = self.ice.list();
        self.ice.set(said.ice_servers, None, cx.now);
        if self.ice.list() != before {
            self.spread_ice_servers(cx);
        }
        // People first, so that the connection opens with what is known of them.
        self.session(&said.call_session, cx);
        self.is_in(cx);
    }

    /// The server does not let me in, or not again.
    pub(crate) fn join_refused(&mut self, error: CallError, cx: &mut Cx<'_>) {
        let Some(talk) = self.state.talk() else {
            return;
        };
        let gone = says_gone(&error);
        match talk.membership {
            Membership::Wanted | Membership::Asked => {
                let reason = if gone {
                    CallEndReason::Missed
                } else {
                    CallEndReason::Failed
                };
                cx.fail(Some(self.key), error);
                self.end(reason, Goodbye::Silent, cx);
            }
            Membership::In | Membership::Away | Membership::Returning if gone => {
                self.end(CallEndReason::ConnectionLost, Goodbye::Silent, cx);
            }
            // It holds that I am in already.
            Membership::Returning => self.is_in(cx),
            Membership::In | Membership::Away => {}
        }
    }

    /// The join was not answered. A server of the basic contract may never do so: who returns is in;
    /// who joins for the first time asks again, until the call fails to connect.
    pub(crate) fn join_unanswered(&mut self, cx: &mut Cx<'_>) {
        match self.state.talk().map(|talk| talk.membership) {
            Some(Membership::Returning) => self.is_in(cx),
            Some(Membership::Asked) => {
                cx.check_by(cx.now);
                self.say_join(cx);
            }
            Some(Membership::Wanted | Membership::In | Membership::Away) | None => {}
        }
    }

    /// The join was answered, and the answer cannot be read: it was no refusal.
    pub(crate) fn join_answered_somehow(&mut self, cx: &mut Cx<'_>) {
        if self.is_joining() {
            self.is_in(cx);
        }
    }

    /// The ring is over: the server refuses to hear that this device rings.
    pub(crate) fn ringing_refused(&mut self, error: &CallError, cx: &mut Cx<'_>) {
        let gone = says_gone(error);
        if gone && matches!(self.state, State::Incoming(_)) {
            self.end(CallEndReason::Missed, Goodbye::Silent, cx);
        }
    }

    pub(crate) fn heartbeat(&mut self, said: &HeartbeatData, cx: &mut Cx<'_>) {
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        if matches!(said.status, CallStatus::Active | CallStatus::Reconnecting) {
            talk.answered = true;
        }
        let missed = said.version > self.version;
        if missed || said.status.is_end() {
            cx.check_by(cx.now);
        }
    }

    pub(super) fn ask_for_ice_servers(&mut self, cx: &mut Cx<'_>) {
        if let Some(id) = self.call_id().cloned() {
            self.ice.asked(cx.now);
            cx.tell(ClientEvent::RequestIceServers(OfCall { call_id: id }));
        }
    }

    pub(super) fn fresh_ice_servers(&mut self, servers: Vec<IceServer>, ttl: u64, cx: &mut Cx<'_>) {
        self.ice.set(servers, Some(ttl), cx.now);
        self.spread_ice_servers(cx);
    }

    fn spread_ice_servers(&self, cx: &mut Cx<'_>) {
        let servers = self.ice.list();
        if let Some(link) = self.state.talk().and_then(|talk| talk.link.as_ref()) {
            link.set_ice_servers(servers, cx);
        }
    }

    pub(crate) fn socket_down(&mut self) {
        match &mut self.state {
            State::Calling(calling) if calling.initiate == Initiate::Said => {
                calling.initiate = Initiate::Doubtful;
            }
            state => {
                if let Some(talk) = state.talk_mut() {
                    talk.membership = match talk.membership {
                        Membership::Wanted | Membership::Asked => Membership::Wanted,
                        Membership::In | Membership::Away | Membership::Returning => {
                            Membership::Away
                        }
                    };
                }
            }
        }
    }

    /// The socket is back: what was queued is said, and who was in joins again. What the server
    /// knows better comes with the answers.
    pub(crate) fn socket_up(&mut self, cx: &mut Cx<'_>) {
        match &self.state {
            State::Calling(calling) if calling.initiate == Initiate::Queued => {
                self.say_initiate(cx);
            }
            State::Incoming(_) => self.say_ringing(cx),
            State::Connecting(_) | State::Active(_) | State::Reconnecting(_) => {
                let Some(talk) = self.state.talk_mut() else {
                    return;
                };
                if !talk.membership.was_in() {
                    talk.membership = Membership::Asked;
                    self.say_join(cx);
                } else if !cx.line.is_extended() {
                    self.come_back(cx);
                }
            }
            State::Calling(_) | State::Ringing(_) | State::Offered(_) | State::Ended(_) => {}
        }
    }

    /// Joins again after a lost socket. Where the server tells which device is in the call, only
    /// once it has said that no other of mine has taken it over: a join would take it back.
    pub(crate) fn come_back(&mut self, cx: &mut Cx<'_>) {
        if let Some(talk) = self.state.talk_mut()
            && talk.membership == Membership::Away
            && cx.line.is_up()
        {
            talk.membership = Membership::Returning;
            self.say_join(cx);
        }
    }

    /// Another network: a path that is lost or silent is repaired at once.
    pub(crate) fn network_changed(&mut self, cx: &mut Cx<'_>) {
        if let Some(link) = self.state.talk_mut().and_then(|talk| talk.link.as_mut()) {
            link.network_changed(cx.now);
        }
    }
}
