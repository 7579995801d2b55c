//! One phone on virtual time: a store, what it has done, and words for what happens to it. It is
//! Ann's; the other one is Bob. The call is `c1`, in the conversation `v1`.

use std::time::Duration;

use ringwire_protocol::{
    Ack, AckKind, CallError, CallStatus, CallType, Capability, ClientEvent, ErrorCode, Instant,
    PeerId, Push, ServerEvent, SignalBody, parse_frame,
};

use crate::{
    AckFailure, CallEvent, CallKey, CallState, CallStore, CallView, Command, Config,
    ConnectionEvent, ConnectionId, Effect, Input, LocalMedia, OpId, PathState, Snapshot,
};

pub(super) const MINE: CallKey = CallKey::outgoing(1);
pub(super) const FIRST_RING: CallKey = CallKey::incoming(0);
pub(super) const BOTH_ON: LocalMedia = LocalMedia {
    microphone: true,
    camera: true,
    screen: false,
};

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn all_capabilities() -> Vec<Capability> {
    vec![
        Capability::Ringing,
        Capability::Negotiate,
        Capability::Version,
        Capability::Screen,
        Capability::Hold,
    ]
}

pub(super) struct Phone {
    pub(super) store: CallStore,
    pub(super) now: Instant,
    /// All effects so far.
    pub(super) done: Vec<Effect>,
    /// Those of the last input.
    pub(super) last: Vec<Effect>,
    capabilities: Vec<Capability>,
}

impl Phone {
    /// Without a socket.
    pub(super) fn offline(capabilities: Vec<Capability>) -> Self {
        Self::made(capabilities, true)
    }

    /// With a socket, and without call waiting.
    pub(super) fn without_call_waiting() -> Self {
        let mut phone = Self::made(all_capabilities(), false);
        phone.socket_up();
        phone
    }

    fn made(capabilities: Vec<Capability>, call_waiting: bool) -> Self {
        Self {
            store: CallStore::new(Config {
                device: "ann-1".parse().unwrap(),
                capabilities: all_capabilities(),
                seed: 7,
                call_waiting,
            }),
            now: Instant::from_millis(1_000_000),
            done: Vec::new(),
            last: Vec::new(),
            capabilities,
        }
    }

    pub(super) fn new() -> Self {
        let mut phone = Self::offline(all_capabilities());
        phone.socket_up();
        phone
    }

    /// Against a server of the basic contract.
    pub(super) fn with_old_server() -> Self {
        let mut phone = Self::offline(Vec::new());
        phone.socket_up();
        phone
    }

    pub(super) fn feed(&mut self, input: Input) {
        self.last.clear();
        self.store.handle(input, self.now);
        while let Some(effect) = self.store.poll_effect() {
            self.last.push(effect.clone());
            self.done.push(effect);
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        self.feed(Input::Command(command));
    }

    pub(super) fn socket_up(&mut self) {
        self.feed(Input::SocketUp {
            user: "ann".parse().unwrap(),
            capabilities: self.capabilities.clone(),
        });
    }

    pub(super) fn event(&mut self, name: &str, payload: &str) {
        let event = ServerEvent::parse(name, parse_frame(payload).unwrap()).unwrap();
        self.feed(Input::Event(event));
    }

    /// Lets time pass, waking the store whenever it asked for that.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        let mut seen = Vec::new();
        while let Some(at) = self.store.wake_at().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.feed(Input::Tick);
            seen.append(&mut self.last);
        }
        self.now = end;
        self.feed(Input::Tick);
        seen.append(&mut self.last);
        self.last = seen;
    }

    pub(super) fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        self.store.snapshot()
    }

    pub(super) fn view(&self, key: CallKey) -> CallView {
        self.snapshot()
            .call(key)
            .expect("the call is listed")
            .clone()
    }

    pub(super) fn state(&self, key: CallKey) -> CallState {
        self.view(key).state
    }

    /// The socket is back, and the server's list holds this session, if any; I join again.
    pub(super) fn socket_returns(&mut self, listed: &str) {
        self.socket_up();
        self.ack("call:check-active", &format!(r#"{{"calls":[{listed}]}}"#));
    }

    /// Names of the events that the last input made.
    pub(super) fn said(&self) -> Vec<&str> {
        said(&self.last)
    }

    /// The last event of this name, and its op.
    pub(super) fn last_said(&self, name: &str) -> (Option<OpId>, ClientEvent) {
        self.done
            .iter()
            .rev()
            .find_map(|effect| match effect {
                Effect::Send { op, event } if event.name() == name => Some((*op, event.clone())),
                _ => None,
            })
            .unwrap_or_else(|| panic!("{name} was not said"))
    }

    pub(super) fn times_said(&self, name: &str) -> usize {
        said(&self.done)
            .iter()
            .filter(|said| **said == name)
            .count()
    }

    pub(super) fn news(&self) -> Vec<CallEvent> {
        news(&self.last)
    }

    /// The good answer to the last event of this name.
    pub(super) fn ack(&mut self, name: &str, answer: &str) {
        let (op, event) = self.last_said(name);
        let kind: AckKind = event.ack_kind().expect("it is acked");
        let outcome = kind
            .parse(parse_frame(answer).unwrap())
            .expect("a good answer")
            .map_err(AckFailure::Refused);
        self.feed(Input::Ack {
            op: op.expect("an ack was wanted"),
            outcome,
        });
    }

    pub(super) fn fail(&mut self, name: &str, failure: AckFailure) {
        let (op, _) = self.last_said(name);
        self.feed(Input::Ack {
            op: op.expect("an ack was wanted"),
            outcome: Err(failure),
        });
    }

    pub(super) fn refuse(&mut self, name: &str, code: ErrorCode) {
        self.fail(name, AckFailure::Refused(CallError::new(code, "no")));
    }

    /// A rate limit refuses it, for so many seconds.
    pub(super) fn slow_down(&mut self, name: &str, seconds: f64) {
        let mut limit = CallError::new(ErrorCode::RateLimitExceeded, "slowly");
        limit.retry_after = Some(seconds);
        self.fail(name, AckFailure::Refused(limit));
    }

    pub(super) fn done_ack(&mut self, name: &str) {
        let (op, _) = self.last_said(name);
        self.feed(Input::Ack {
            op: op.expect("an ack was wanted"),
            outcome: Ok(Ack::Done),
        });
    }

    pub(super) fn connection(&self) -> ConnectionId {
        self.done
            .iter()
            .rev()
            .find_map(|effect| match effect {
                Effect::Open { connection, .. } => Some(*connection),
                _ => None,
            })
            .expect("a connection was opened")
    }

    pub(super) fn report(&mut self, event: ConnectionEvent) {
        let connection = self.connection();
        self.feed(Input::Connection { connection, event });
    }

    pub(super) fn path(&mut self, state: PathState) {
        self.report(ConnectionEvent::Path(state));
    }

    /// Op of the last effect that `find` recognises.
    pub(super) fn op_of(&self, find: impl Fn(&Effect) -> Option<OpId>) -> OpId {
        self.done
            .iter()
            .rev()
            .find_map(find)
            .expect("such an operation was begun")
    }

    /// The last offer that the store asked for is made.
    pub(super) fn offer_made(&mut self) {
        let op = self.op_of(|effect| match effect {
            Effect::Offer { op, .. } => Some(*op),
            _ => None,
        });
        self.report(ConnectionEvent::OfferMade {
            op,
            sdp: sdp("offer"),
        });
    }

    pub(super) fn answer_made(&mut self) {
        let op = self.op_of(|effect| match effect {
            Effect::AcceptOffer { op, .. } => Some(*op),
            _ => None,
        });
        self.report(ConnectionEvent::AnswerMade {
            op,
            sdp: sdp("answer"),
        });
    }

    pub(super) fn answer_applied(&mut self) {
        let op = self.op_of(|effect| match effect {
            Effect::AcceptAnswer { op, .. } => Some(*op),
            _ => None,
        });
        self.report(ConnectionEvent::Applied { op });
    }

    /// Bob signals.
    pub(super) fn signal(&mut self, fields: &str) {
        self.event(
            "call:signal",
            &format!(r#"{{"callId":"c1","signal":{{"from":"bob","to":"ann",{fields}}}}}"#),
        );
    }

    pub(super) fn bob_offers(&mut self, round: u64) {
        let sdp = sdp("bob").replace("\r\n", "\\r\\n");
        self.signal(&format!(
            r#""type":"offer","sdp":"{sdp}","negotiationId":{round}"#
        ));
    }

    pub(super) fn bob_answers(&mut self, round: u64) {
        let sdp = sdp("bob").replace("\r\n", "\\r\\n");
        self.signal(&format!(
            r#""type":"answer","sdp":"{sdp}","negotiationId":{round}"#
        ));
    }

    pub(super) fn bobs_candidate(&mut self, name: &str, round: u64) {
        self.signal(&format!(
            r#""type":"ice-candidate","candidate":"candidate:{name}","sdpMid":"0","sdpMLineIndex":0,"negotiationId":{round}"#
        ));
    }

    pub(super) fn call(&mut self) {
        self.command(Command::Call {
            key: MINE,
            conversation: "v1".parse().unwrap(),
            call_type: CallType::Video,
            media: BOTH_ON,
        });
    }

    pub(super) fn initiate_acked(&mut self) {
        self.ack("call:initiate", INITIATE_ACK);
    }

    pub(super) fn bob_rings(&mut self) {
        self.event(
            "call:ringing",
            r#"{"callId":"c1","userId":"bob","deviceId":"bob-1","capabilities":["ringing","negotiate","screen","hold"],"version":2}"#,
        );
    }

    pub(super) fn bob_joins(&mut self) {
        self.event(
            "call:participant-joined",
            &format!(r#"{{"callId":"c1","mode":"p2p","version":3,"participant":{BOB}}}"#),
        );
    }

    pub(super) fn bob_calls(&mut self) {
        self.event("call:initiated", INITIATED);
    }

    /// Somebody else's call, `c2` in the conversation `v2`.
    pub(super) fn bob_calls_from(&mut self, who: &str) {
        let rings = INITIATED.replace("c1", "c2").replace("v1", "v2");
        self.event("call:initiated", &rings.replace("bob", who));
    }

    /// A push of Bob's call, of this type.
    pub(super) fn push(&mut self, kind: &str) {
        self.push_with(kind, &[]);
    }

    /// The same with further fields.
    pub(super) fn push_with(&mut self, kind: &str, more: &[(&str, &str)]) {
        let fields = [
            ("type", kind),
            ("callId", "c1"),
            ("conversationId", "v1"),
            ("callerName", "Bob"),
            ("callerUserId", "bob"),
            ("isVideo", "true"),
        ];
        let data = fields
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let push = Push::parse(&data).unwrap().unwrap();
        self.command(Command::Push(push));
    }

    pub(super) fn accept(&mut self) {
        self.command(Command::Accept {
            key: FIRST_RING,
            media: BOTH_ON,
        });
    }

    pub(super) fn join_acked(&mut self) {
        self.ack(
            "call:join",
            &format!(
                r#"{{"success":true,"data":{{"callSession":{},"iceServers":[{TURN}]}}}}"#,
                session_of_bob("ringing")
            ),
        );
    }

    pub(super) fn ended(&mut self, rest: &str) {
        self.event("call:ended", &format!(r#"{{"callId":"c1"{rest}}}"#));
    }

    /// Ann has called, Bob has answered, media flows.
    pub(super) fn in_own_call() -> Self {
        let mut phone = Self::new();
        phone.call();
        phone.initiate_acked();
        phone.bob_rings();
        phone.bob_joins();
        phone.offer_made();
        phone.bob_answers(1);
        phone.answer_applied();
        phone.path(PathState::Connected);
        assert_eq!(phone.state(MINE), CallState::Active);
        phone
    }

    /// Bob has called, Ann has answered, media flows.
    pub(super) fn in_bobs_call() -> Self {
        let mut phone = Self::new();
        phone.bob_calls();
        phone.accept();
        phone.join_acked();
        phone.bob_offers(1);
        phone.answer_made();
        phone.path(PathState::Connected);
        assert_eq!(phone.state(FIRST_RING), CallState::Active);
        phone
    }
}

pub(super) const TURN: &str =
    r#"{"urls":["turn:turn.example:3478"],"username":"9:ann","credential":"x"}"#;
pub(super) const INITIATE_ACK: &str = r#"{"success":true,"data":{"callId":"c1","mode":"p2p","ttl":1000,"iceServers":[{"urls":["turn:turn.example:3478"],"username":"9:ann","credential":"x"}]}}"#;
pub(super) const BOB: &str = r#"{"id":"row-bob","callSessionId":"c1","userId":"bob","participantId":"member-bob","role":"participant","joinedAt":"2026-11-23T09:30:00Z","isAudioEnabled":true,"isVideoEnabled":true,"deviceId":"bob-1","capabilities":["ringing","negotiate","screen","hold"],"displayName":"Bob"}"#;
pub(super) const ANN: &str = r#"{"id":"row-ann","callSessionId":"c1","userId":"ann","participantId":"member-ann","role":"participant","joinedAt":"2026-11-23T09:30:00Z","isAudioEnabled":true,"isVideoEnabled":true,"deviceId":"ann-1"}"#;
pub(super) const INITIATED: &str = r#"{"callId":"c1","conversationId":"v1","mode":"p2p","type":"video","initiator":{"userId":"bob","username":"bob","displayName":"Bob"},"version":1,"participants":[]}"#;

/// CALL_ALREADY_ACTIVE that names `c1`, which rings, of this person and kind of conversation.
pub(super) fn glare(initiator: &str, conversation_type: &str) -> CallError {
    let id = "c1".parse().unwrap();
    let mut error = CallError::new(ErrorCode::CallAlreadyActive, "there is one").about(&id);
    error.initiator_id = Some(initiator.parse().unwrap());
    error.status = Some(CallStatus::Ringing);
    error.conversation_type = Some(conversation_type.into());
    error
}

/// Bob's call, with both in it.
pub(super) fn session_of_bob(status: &str) -> String {
    session("bob", status, 3)
}

pub(super) fn session(initiator: &str, status: &str, version: u64) -> String {
    format!(
        r#"{{"id":"c1","conversationId":"v1","mode":"p2p","status":"{status}","version":{version},"initiatorId":"{initiator}","startedAt":"2026-11-23T09:30:00Z","participants":[{BOB},{ANN}]}}"#
    )
}

/// A connection with the one ICE server that came with the ack.
pub(super) fn opens_with_a_server(effect: &Effect) -> bool {
    matches!(effect, Effect::Open { ice_servers, .. } if ice_servers.len() == 1)
}

pub(super) fn sdp(name: &str) -> String {
    format!("v=0\r\ns={name}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n")
}

pub(super) fn said(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { event, .. } => Some(event.name()),
            _ => None,
        })
        .collect()
}

pub(super) fn news(effects: &[Effect]) -> Vec<CallEvent> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notify(event) => Some(event.clone()),
            _ => None,
        })
        .collect()
}

/// What a sent signal says, and its round.
pub(super) fn signal_in(event: &ClientEvent) -> (SignalBody, Option<u64>, PeerId) {
    match event {
        ClientEvent::Signal(sent) => (
            sent.signal.body.clone(),
            sent.signal.negotiation_id,
            sent.signal.to.clone(),
        ),
        other => panic!("no signal: {other:?}"),
    }
}
