//! Anything at all in any order: no panic, each call ends once, and an ended call does nothing.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;

use super::phone::*;
use crate::{
    AckFailure, CallEvent, CallKey, CallState, Command, ConnectionEvent, ConnectionId, Effect,
    Input, LocalMedia, OpId, PathState,
};
use ringwire_protocol::client::QualityStats;
use ringwire_protocol::{
    Ack, AckKind, CallError, CallStatus, CallType, ErrorCode, Push, ServerEvent, Timestamp,
    parse_frame,
};

fn key() -> impl Strategy<Value = CallKey> {
    (0_u64..6).prop_map(CallKey::from_raw)
}

fn media() -> impl Strategy<Value = LocalMedia> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(microphone, camera, screen)| {
        LocalMedia {
            microphone,
            camera,
            screen,
        }
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => (key(), media(), 1_u8..3).prop_map(|(key, media, v)| Command::Call {
            key,
            conversation: format!("v{v}").parse().unwrap(),
            call_type: CallType::Video,
            media,
        }),
        4 => (key(), media()).prop_map(|(key, media)| Command::Accept { key, media }),
        2 => (key(), media()).prop_map(|(key, media)| Command::Join { key, media }),
        1 => (key(), any::<bool>()).prop_map(|(key, busy)| Command::Decline { key, busy }),
        1 => key().prop_map(|key| Command::HangUp { key }),
        1 => (key(), any::<bool>()).prop_map(|(key, on)| Command::SetMicrophone { key, on }),
        1 => (key(), any::<bool>()).prop_map(|(key, on)| Command::SetCamera { key, on }),
        1 => (key(), any::<bool>()).prop_map(|(key, on)| Command::SetScreen { key, on }),
        2 => (key(), any::<bool>()).prop_map(|(key, on)| Command::Hold { key, on }),
        1 => (1_u8..3).prop_map(|v| Command::ForceLeave { conversation: format!("v{v}").parse().unwrap() }),
        2 => push().prop_map(Command::Push),
        1 => any::<bool>().prop_map(Command::Background),
    ]
}

fn push() -> impl Strategy<Value = Push> {
    let data = |kind: &str, call: u8, v: u8| {
        let fields = [
            ("type", kind.to_owned()),
            ("callId", format!("c{call}")),
            ("conversationId", format!("v{v}")),
            ("callerUserId", "bob".to_owned()),
            ("ringDeadline", "2026-11-23T09:31:00Z".to_owned()),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Push::parse(&fields.into()).unwrap().unwrap()
    };
    let kind = prop_oneof![
        2 => Just("call"),
        1 => Just("call_cancel"),
        1 => Just("call_answered_elsewhere")
    ];
    (kind, 1_u8..4, 1_u8..3).prop_map(move |(kind, call, v)| data(kind, call, v))
}

fn event() -> impl Strategy<Value = ServerEvent> {
    let json = prop_oneof![
        Just(("call:initiated", INITIATED.to_owned())),
        Just(("call:initiated", INITIATED.replace("bob", "ann"))),
        Just(("call:ringing", r#"{"callId":"C","userId":"bob","deviceId":"bob-1"}"#.to_owned())),
        Just(("call:join", format!(r#"{{"callSession":{}}}"#, session_of_bob("active").replace("c1", "C")))),
        Just(("call:participant-joined", format!(r#"{{"callId":"C","mode":"p2p","participant":{BOB}}}"#))),
        Just(("call:participant-joined", format!(r#"{{"callId":"C","mode":"p2p","participant":{ANN}}}"#))),
        Just(("call:participant-left", r#"{"callId":"C","participantId":"row-bob","userId":"bob","mode":"p2p"}"#.to_owned())),
        Just(("call:media-toggled", r#"{"callId":"C","participantId":"bob","mediaType":"audio","enabled":false,"version":7}"#.to_owned())),
        Just(("call:ended", r#"{"callId":"C","reason":"completed"}"#.to_owned())),
        Just(("call:missed", r#"{"callId":"C","conversationId":"v1","callerId":"bob"}"#.to_owned())),
        Just(("call:already-answered", r#"{"callId":"C","deviceId":"ann-2"}"#.to_owned())),
        Just(("call:reconnecting", r#"{"callId":"C","participantId":"bob","attempt":1}"#.to_owned())),
        Just(("call:negotiate", r#"{"callId":"C","from":"bob","reason":"restart"}"#.to_owned())),
        Just(("call:ice-servers-refreshed", format!(r#"{{"callId":"C","iceServers":[{TURN}],"ttl":0}}"#))),
        Just(("call:error", r#"{"code":"RATE_LIMIT_EXCEEDED","message":"","callId":"C","retryAfter":1e300}"#.to_owned())),
        Just(("call:error", r#"{"code":"CALL_ENDED","message":"","callId":"C"}"#.to_owned())),
        Just(("call:error", r#"{"code":"CALL_ALREADY_ACTIVE","message":"","callId":"C"}"#.to_owned())),
        Just(("call:force-leave", r#"{"callId":"C","code":"answeredElsewhere"}"#.to_owned())),
        Just(("call:media-toggled", r#"{"callId":"C","participantId":"bob","mediaType":"hold","enabled":true}"#.to_owned())),
        (0_u64..4, 0_u8..2).prop_map(|(n, f)| ("call:signal", format!(
            r#"{{"callId":"C","signal":{{"from":"bob","to":"ann","type":"offer","sdp":"v=0 m=\na=fingerprint:{f}","negotiationId":{n}}}}}"#))),
        (0_u64..4, 0_u8..2).prop_map(|(n, f)| ("call:signal", format!(
            r#"{{"callId":"C","signal":{{"from":"bob","to":"ann","type":"answer","sdp":"v=0 m=\na=fingerprint:{f}","negotiationId":{n}}}}}"#))),
        (0_u64..4).prop_map(|n| ("call:signal", format!(
            r#"{{"callId":"C","signal":{{"from":"bob","to":"ann","type":"ice-candidate","candidate":"","negotiationId":{n}}}}}"#))),
    ];
    (json, 1_u8..4).prop_map(|((name, payload), call)| {
        let call = format!("c{call}");
        let payload = payload
            .replace("\"C\"", &format!("{call:?}"))
            .replace("\"c1\"", &format!("{call:?}"));
        ServerEvent::parse(name, parse_frame(&payload).unwrap()).unwrap()
    })
}

/// The refusal of a call where another one is.
fn glare(call: u8, direct: bool, mine: bool) -> CallError {
    let id = format!("c{call}").parse().unwrap();
    let mut error = CallError::new(ErrorCode::CallAlreadyActive, "").about(&id);
    error.initiator_id = Some(if mine { "ann" } else { "bob" }.parse().unwrap());
    error.status = Some(CallStatus::Ringing);
    error.conversation_type = Some(if direct { "direct" } else { "group" }.into());
    error
}

fn outcome() -> impl Strategy<Value = Result<Ack, AckFailure>> {
    let read =
        |kind: AckKind, text: String| kind.parse(parse_frame(&text).unwrap()).unwrap().unwrap();
    let listed = |status: &str| format!(r#"{{"calls":[{}]}}"#, session("ann", status, 5));
    prop_oneof![
        Just(Ok(Ack::Done)),
        Just(Ok(read(AckKind::Initiate, INITIATE_ACK.into()))),
        Just(Ok(read(
            AckKind::Join,
            format!(r#"{{"callSession":{}}}"#, session_of_bob("ringing"))
        ))),
        Just(Ok(read(
            AckKind::Heartbeat,
            r#"{"status":"active","version":9}"#.into()
        ))),
        Just(Ok(read(AckKind::CheckActive, r#"{"calls":[]}"#.into()))),
        Just(Ok(read(AckKind::CheckActive, listed("active")))),
        Just(Ok(read(AckKind::CheckActive, listed("ended")))),
        Just(Err(AckFailure::Timeout)),
        Just(Err(AckFailure::Disconnected)),
        Just(Err(AckFailure::Malformed("?".into()))),
        Just(Err(AckFailure::Refused(CallError::new(
            ErrorCode::RateLimitExceeded,
            ""
        )))),
        Just(Err(AckFailure::Refused(CallError::new(
            ErrorCode::CallEnded,
            ""
        )))),
        Just(Err(AckFailure::Refused(
            CallError::new(ErrorCode::CallAlreadyActive, "").about(&"c1".parse().unwrap())
        ))),
        (1_u8..4, any::<bool>(), any::<bool>())
            .prop_map(|(n, direct, mine)| Err(AckFailure::Refused(glare(n, direct, mine)))),
    ]
}

fn connection_event() -> impl Strategy<Value = ConnectionEvent> {
    let op = (0_u64..40).prop_map(OpId::from_raw);
    prop_oneof![
        op.clone()
            .prop_map(|op| ConnectionEvent::OfferMade { op, sdp: sdp("a") }),
        op.clone()
            .prop_map(|op| ConnectionEvent::AnswerMade { op, sdp: sdp("a") }),
        op.clone().prop_map(|op| ConnectionEvent::Applied { op }),
        op.prop_map(|op| ConnectionEvent::Failed {
            op: Some(op),
            message: String::new()
        }),
        Just(ConnectionEvent::Failed {
            op: None,
            message: String::new()
        }),
        Just(ConnectionEvent::Candidate {
            candidate: String::new(),
            sdp_mid: None,
            sdp_m_line_index: None
        }),
        (any::<bool>(), any::<bool>())
            .prop_map(|(video, screen)| ConnectionEvent::Agreed { video, screen }),
        Just(ConnectionEvent::Path(PathState::Connecting)),
        Just(ConnectionEvent::Path(PathState::Connected)),
        Just(ConnectionEvent::Path(PathState::Disturbed)),
        Just(ConnectionEvent::Path(PathState::Broken)),
        Just(ConnectionEvent::FirstAudio),
        Just(ConnectionEvent::FirstVideo),
    ]
}

/// An input, and how long after the one before.
fn step() -> impl Strategy<Value = (Input, u64)> {
    let input = prop_oneof![
        4 => command().prop_map(Input::Command),
        2 => Just(Input::SocketUp { user: "ann".parse().unwrap(), capabilities: all_capabilities() }),
        1 => Just(Input::SocketUp { user: "ann".parse().unwrap(), capabilities: Vec::new() }),
        1 => Just(Input::SocketDown),
        8 => event().prop_map(Input::Event),
        6 => (0_u64..40, outcome()).prop_map(|(op, outcome)| Input::Ack { op: OpId::from_raw(op), outcome }),
        6 => (1_u64..4, connection_event()).prop_map(|(n, event)| Input::Connection { connection: ConnectionId::from_raw(n), event }),
        1 => (1_u64..4).prop_map(|n| Input::Quality { connection: ConnectionId::from_raw(n), stats: QualityStats::default() }),
        1 => Just(Input::NetworkChanged),
        1 => (0_u64..200).prop_map(|n| Input::Calendar(
            Timestamp::parse("2026-11-23T09:29:00Z").unwrap() + secs(n)
        )),
        1 => Just(Input::Tick),
    ];
    (input, prop_oneof![Just(0), 0_u64..1_000, 0_u64..40_000])
}

/// The call that an effect works for.
#[derive(Default)]
struct Watch {
    owners: HashMap<ConnectionId, CallKey>,
    open: HashSet<ConnectionId>,
    ended: HashSet<CallKey>,
    called: HashSet<CallKey>,
    ringing: HashSet<CallKey>,
}

impl Watch {
    fn see(&mut self, effect: &Effect, socket: bool) {
        match effect {
            Effect::Open {
                key, connection, ..
            } => {
                assert!(!self.ended.contains(key), "opened for an ended call");
                assert!(
                    self.owners.insert(*connection, *key).is_none(),
                    "an id used twice"
                );
                self.open.insert(*connection);
            }
            Effect::Close { connection } => assert!(self.open.remove(connection), "closed twice"),
            Effect::Offer { connection, .. }
            | Effect::AcceptOffer { connection, .. }
            | Effect::AcceptAnswer { connection, .. }
            | Effect::AddCandidate { connection, .. }
            | Effect::SetIceServers { connection, .. }
            | Effect::SetMedia { connection, .. } => {
                assert!(
                    self.open.contains(connection),
                    "work for a closed connection"
                );
            }
            Effect::Send { .. } => assert!(socket, "sent without a socket"),
            Effect::Notify(event) => self.hear(event),
            Effect::Publish => {}
        }
    }

    fn hear(&mut self, event: &CallEvent) {
        let key = match event {
            CallEvent::Ended { key, .. } => {
                assert!(self.ended.insert(*key), "{key} ended twice");
                assert!(!self.ringing.contains(key), "ended and still rings");
                return;
            }
            CallEvent::Incoming { key } => {
                assert!(self.ringing.insert(*key));
                *key
            }
            CallEvent::StopRinging { key } => {
                assert!(self.ringing.remove(key), "stopped without ringing");
                *key
            }
            CallEvent::Merged { key, into } => {
                assert!(self.ended.insert(*key), "{key} merged after its end");
                assert!(!self.ringing.contains(key), "merged and still rings");
                *into
            }
            CallEvent::Failed { key, .. } => match key {
                // A command for a call that is not listed any more is refused.
                Some(_) | None => return,
            },
            CallEvent::Changed { key }
            | CallEvent::JoinOffered { key }
            | CallEvent::RemoteMedia { key, .. }
            | CallEvent::FirstAudio { key, .. }
            | CallEvent::FirstVideo { key, .. }
            | CallEvent::QualityAlert { key, .. } => *key,
        };
        assert!(!self.ended.contains(&key), "{event:?} of an ended call");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_store(steps in prop::collection::vec(step(), 1..80)) {
        let mut phone = Phone::offline(all_capabilities());
        phone.socket_up();
        let mut socket = true;
        let mut watch = Watch::default();
        for (input, after) in steps {
            if let Input::Command(Command::Call { key, .. }) = &input
                && key.is_outgoing() && !watch.called.insert(*key) && phone.snapshot().call(*key).is_none()
            {
                // The caller never uses a key twice.
                continue;
            }
            phone.now = phone.now + Duration::from_millis(after);
            match &input {
                Input::SocketUp { .. } => socket = true,
                Input::SocketDown => socket = false,
                _ => {}
            }
            let before = phone.snapshot();
            phone.feed(input);
            for effect in &phone.last {
                watch.see(effect, socket);
            }
            let published = phone.last.iter().filter(|it| **it == Effect::Publish).count();
            prop_assert_eq!(published, usize::from(*before != *phone.snapshot()));
            prop_assert!(phone.store.wake_at().is_none_or(|at| at > phone.now), "a timer is left due");
        }
        // Left alone without a socket, every call ends, and nothing stays open or armed; only media
        // that flows is left alone.
        phone.feed(Input::SocketDown);
        for effect in &phone.last {
            watch.see(effect, false);
        }
        phone.pass(secs(600));
        for effect in &phone.last {
            watch.see(effect, false);
        }
        let flows = phone.snapshot().calls.iter().all(|call| call.connected && matches!(call.state, CallState::Active));
        prop_assert!(flows, "{:?}", phone.snapshot());
        prop_assert_eq!(watch.open.len(), phone.snapshot().calls.len());
        prop_assert!(watch.ringing.is_empty());
    }
}
