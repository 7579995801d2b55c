//! The contract as JSON: real exchanges read and written, bad input named, strangers let pass.

use proptest::prelude::*;
use ringwire_protocol::ack::{ActiveCalls, HeartbeatData, InitiateData};
use ringwire_protocol::auth::{ConnectError, Identity};
use ringwire_protocol::*;
use serde_json::{Value, json};

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";

fn session() -> Value {
    json!({
        "id": "c1", "conversationId": "v1", "mode": "p2p", "status": "active", "version": 4,
        "initiatorId": "u1", "startedAt": "2026-11-23T09:30:00Z", "answeredAt": "2026-11-23T09:30:07.5Z",
        "participants": [{
            "id": "row1", "callSessionId": "c1", "userId": "u1", "participantId": "m1", "role": "initiator",
            "joinedAt": "2026-11-23T09:30:00Z", "isAudioEnabled": true, "isVideoEnabled": false,
            "deviceId": "d1", "capabilities": ["ringing", "teleport"], "displayName": "Alice"
        }],
        "metadata": { "type": "audio", "colour": "blue" }
    })
}

fn offer() -> Value {
    json!({ "type": "offer", "from": "u1", "to": "u2", "sdp": SDP, "negotiationId": 3, "toDevice": "d2" })
}

/// An example payload for every event of a client.
fn client_examples() -> Vec<(&'static str, Value)> {
    vec![
        (
            "call:initiate",
            json!({ "conversationId": "v1", "type": "video", "settings": { "audioEnabled": true, "videoEnabled": false } }),
        ),
        ("call:ringing", json!({ "callId": "c1", "deviceId": "d1" })),
        ("call:join", json!({ "callId": "c1", "deviceId": "d1" })),
        ("call:leave", json!({ "callId": "c1" })),
        ("call:end", json!({ "callId": "c1", "reason": "rejected" })),
        ("call:signal", json!({ "callId": "c1", "signal": offer() })),
        (
            "call:negotiate",
            json!({ "callId": "c1", "to": "u2", "reason": "restart" }),
        ),
        (
            "call:toggle-audio",
            json!({ "callId": "c1", "enabled": false }),
        ),
        (
            "call:toggle-video",
            json!({ "callId": "c1", "enabled": true }),
        ),
        (
            "call:toggle-screen",
            json!({ "callId": "c1", "enabled": true }),
        ),
        ("call:hold", json!({ "callId": "c1", "enabled": true })),
        (
            "call:subscribe",
            json!({ "callId": "c1", "wants": [{ "userId": "u2", "kind": "camera", "size": 360 }] }),
        ),
        ("call:force-leave", json!({ "conversationId": "v1" })),
        ("call:heartbeat", json!({ "callId": "c1" })),
        (
            "call:quality-report",
            json!({ "callId": "c1", "stats": { "packetLoss": 1.5, "rtt": 80.0, "bitrate": { "audio": 32.0, "video": 900.0 } } }),
        ),
        (
            "call:reconnecting",
            json!({ "callId": "c1", "participantId": "m1", "attempt": 2 }),
        ),
        (
            "call:reconnected",
            json!({ "callId": "c1", "participantId": "m1", "attempt": 2 }),
        ),
        ("call:request-ice-servers", json!({ "callId": "c1" })),
        ("call:check-active", json!({})),
        (
            "call:backgrounded",
            json!({ "callId": "c1", "participantId": "m1" }),
        ),
        (
            "call:foregrounded",
            json!({ "callId": "c1", "participantId": "m1" }),
        ),
        (
            "call:transcription-segment",
            json!({ "callId": "c1", "segment": { "text": "hello", "speakerId": "u1", "startMs": 0, "endMs": 900, "isFinal": true, "confidence": 0.9, "language": "en" } }),
        ),
    ]
}

/// An example payload for every event of a gateway.
fn server_examples() -> Vec<(&'static str, Value)> {
    let participant = session()["participants"][0].clone();
    vec![
        (
            "authenticated",
            json!({ "success": true, "user": { "id": "u1", "language": "fr", "isAnonymous": false }, "version": "1", "capabilities": ["ringing"] }),
        ),
        (
            "auth:token-expired",
            json!({ "code": "NOT_AUTHENTICATED", "message": "expired" }),
        ),
        (
            "call:initiated",
            json!({ "callId": "c1", "conversationId": "v1", "mode": "p2p", "type": "video", "initiator": { "userId": "u1", "username": "alice" }, "participants": [participant], "iceServers": [{ "urls": ["stun:192.0.2.1:3478"] }], "ringDeadline": "2026-11-23T09:30:45Z", "version": 1 }),
        ),
        (
            "call:ringing",
            json!({ "callId": "c1", "userId": "u2", "deviceId": "d2", "capabilities": ["ringing"], "version": 2 }),
        ),
        (
            "call:join",
            json!({ "callSession": session(), "iceServers": [] }),
        ),
        (
            "call:participant-joined",
            json!({ "callId": "c1", "participant": session()["participants"][0], "mode": "p2p", "version": 3 }),
        ),
        (
            "call:participant-left",
            json!({ "callId": "c1", "participantId": "row1", "userId": "u1", "mode": "p2p", "version": 5 }),
        ),
        ("call:signal", json!({ "callId": "c1", "signal": offer() })),
        (
            "call:negotiate",
            json!({ "callId": "c1", "from": "u2", "reason": "tracks" }),
        ),
        (
            "call:media-toggled",
            json!({ "callId": "c1", "participantId": "m1", "userId": "u1", "mediaType": "audio", "enabled": false, "version": 5 }),
        ),
        (
            "call:ended",
            json!({ "callId": "c1", "duration": 42, "endedBy": "u1", "reason": "completed", "version": 6 }),
        ),
        (
            "call:missed",
            json!({ "callId": "c1", "conversationId": "v1", "callerId": "u1", "callerName": "Alice" }),
        ),
        (
            "call:already-answered",
            json!({ "callId": "c1", "deviceId": "d9" }),
        ),
        (
            "call:mode-changed",
            json!({ "callId": "c1", "oldMode": "p2p", "newMode": "sfu", "reason": "third participant" }),
        ),
        (
            "call:quality-alert",
            json!({ "callId": "c1", "participantId": "m1", "userId": "u1", "metric": "packetLoss", "value": 12.0, "threshold": 10.0 }),
        ),
        (
            "call:ice-servers-refreshed",
            json!({ "callId": "c1", "iceServers": [{ "urls": ["turn:192.0.2.1:3478"], "username": "1:u1", "credential": "x" }], "ttl": 86400 }),
        ),
        (
            "call:force-leave",
            json!({ "callId": "c1", "reason": "swept" }),
        ),
        (
            "call:translated-segment",
            json!({ "callId": "c1", "segment": { "text": "hallo", "speakerId": "u1", "startMs": 0, "endMs": 900, "isFinal": true, "language": "de" } }),
        ),
        (
            "call:reconnecting",
            json!({ "callId": "c1", "participantId": "m1", "userId": "u1", "attempt": 1 }),
        ),
        (
            "call:reconnected",
            json!({ "callId": "c1", "participantId": "m1", "attempt": 1 }),
        ),
        (
            "call:backgrounded",
            json!({ "callId": "c1", "participantId": "m1" }),
        ),
        (
            "call:foregrounded",
            json!({ "callId": "c1", "participantId": "m1" }),
        ),
        (
            "call:error",
            json!({ "code": "CALL_ALREADY_ACTIVE", "message": "there is one", "callId": "c0", "initiatorId": "u9", "status": "ringing", "type": "video" }),
        ),
    ]
}

#[test]
fn every_event_of_the_contract_reads_and_writes_the_same() {
    let (clients, servers) = (client_examples(), server_examples());
    assert_eq!(
        clients.iter().map(|e| e.0).collect::<Vec<_>>(),
        ClientEvent::NAMES
    );
    assert_eq!(
        servers.iter().map(|e| e.0).collect::<Vec<_>>(),
        ServerEvent::NAMES
    );
    for (name, payload) in clients {
        let event = ClientEvent::parse(name, payload.clone()).unwrap();
        assert_eq!(event.name(), name);
        assert_same(&event.payload(), &payload, name);
        assert_eq!(ClientEvent::parse(name, event.payload()).unwrap(), event);
    }
    for (name, payload) in servers {
        let event = ServerEvent::parse(name, payload.clone()).unwrap();
        assert_eq!(event.name(), name);
        assert_eq!(ServerEvent::parse(name, event.payload()).unwrap(), event);
    }
}

/// All that was read is written again; defaults may be added.
fn assert_same(written: &Value, read: &Value, at: &str) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (key, value) in read {
                assert_same(
                    written.get(key).unwrap_or(&Value::Null),
                    value,
                    &format!("{at}.{key}"),
                );
            }
        }
        (written, read) => assert_eq!(written, read, "{at}"),
    }
}

#[test]
fn bad_input_is_an_error_that_names_the_field() {
    let long = "x".repeat(50_001);
    let mut signal = offer();
    for (name, payload, field, code) in [
        (
            "call:initiate",
            json!({ "type": "video" }),
            "conversationId",
            ErrorCode::ValidationError,
        ),
        (
            "call:initiate",
            Value::Null,
            "conversationId",
            ErrorCode::ValidationError,
        ),
        (
            "call:initiate",
            json!({ "conversationId": 7, "type": "video" }),
            "conversationId",
            ErrorCode::ValidationError,
        ),
        (
            "call:initiate",
            json!({ "conversationId": "v", "type": "video", "settings": { "audioEnabled": "yes" } }),
            "settings.audioEnabled",
            ErrorCode::ValidationError,
        ),
        (
            "call:join",
            json!({ "callId": "" }),
            "callId",
            ErrorCode::ValidationError,
        ),
        (
            "call:join",
            json!({ "callId": "x".repeat(129) }),
            "callId",
            ErrorCode::ValidationError,
        ),
        (
            "call:join",
            json!([1, 2]),
            "payload",
            ErrorCode::ValidationError,
        ),
        (
            "call:signal",
            json!({ "callId": "c", "signal": { "type": "offer", "from": "a", "to": "b" } }),
            "signal.sdp",
            ErrorCode::InvalidSignal,
        ),
        (
            "call:signal",
            json!({ "callId": "c", "signal": { "type": "offer", "from": "a", "to": "b", "sdp": long } }),
            "signal.sdp",
            ErrorCode::SignalTooLarge,
        ),
        (
            "call:signal",
            json!({ "callId": "c", "signal": { "type": "answer", "from": "a", "to": "b", "sdp": "hello" } }),
            "signal.sdp",
            ErrorCode::InvalidSignal,
        ),
        (
            "call:signal",
            json!({ "callId": "c", "signal": { "type": "ice-candidate", "from": "a", "to": "b", "candidate": "host" } }),
            "signal.candidate",
            ErrorCode::InvalidSignal,
        ),
        (
            "call:signal",
            json!({ "callId": "c", "signal": { "type": "ice-candidate", "from": "a", "to": "b", "candidate": format!("candidate:{}", "x".repeat(1000)) } }),
            "signal.candidate",
            ErrorCode::SignalTooLarge,
        ),
        (
            "call:signal",
            json!({ "callId": "c", "signal": { "type": "ice-candidate", "from": "a", "to": "b", "candidate": "", "sdpMid": "x".repeat(257) } }),
            "signal.sdpMid",
            ErrorCode::SignalTooLarge,
        ),
        (
            "call:signal",
            json!({ "callId": "c", "signal": { "type": "offer", "to": "b", "sdp": SDP } }),
            "signal.from",
            ErrorCode::InvalidSignal,
        ),
        (
            "call:quality-report",
            json!({ "callId": "c", "stats": { "packetLoss": 101, "rtt": 1 } }),
            "stats.packetLoss",
            ErrorCode::ValidationError,
        ),
        (
            "call:reconnecting",
            json!({ "callId": "c", "participantId": "m", "attempt": 11 }),
            "attempt",
            ErrorCode::ValidationError,
        ),
        (
            "call:transcription-segment",
            json!({ "callId": "c", "segment": { "text": "x".repeat(5001), "startMs": 0, "endMs": 1, "isFinal": true, "language": "en" } }),
            "segment.text",
            ErrorCode::ValidationError,
        ),
    ] {
        let error = ClientEvent::parse(name, payload).unwrap_err();
        assert_eq!(
            (error.field.as_str(), &error.code),
            (field, &code),
            "{error}"
        );
        assert!(error.to_call_error().message.contains(field), "{error}");
    }
    signal["negotiationId"] = json!("three");
    let error =
        ClientEvent::parse("call:signal", json!({ "callId": "c", "signal": signal })).unwrap_err();
    assert_eq!(error.field, "signal.negotiationId", "{error}");
    let error = ServerEvent::parse("call:ended", json!({ "duration": 1 })).unwrap_err();
    assert_eq!(error.field, "callId");
    let error =
        ServerEvent::parse("call:join", json!({ "callSession": { "id": "c" } })).unwrap_err();
    assert_eq!(error.field, "callSession.conversationId");
}

#[test]
fn a_megabyte_of_nesting_and_a_frame_over_the_limit_are_errors() {
    let error = parse_frame(&"[".repeat(1 << 20)).unwrap_err();
    assert!(error.problem.contains("recursion limit"), "{error}");
    let error = parse_frame(&" ".repeat((1 << 20) + 1)).unwrap_err();
    assert!(error.problem.contains("at most 1048576"), "{error}");
    assert!(parse_frame("{").is_err());
}

#[test]
fn unknown_events_fields_and_values_are_kept_or_ignored() {
    let event = ServerEvent::parse("call:hologram", json!({ "x": 1 })).unwrap();
    assert_eq!(
        event,
        ServerEvent::Unknown {
            name: "call:hologram".into()
        }
    );
    let event = ClientEvent::parse("call:join", json!({ "callId": "c", "mood": "good" })).unwrap();
    assert_eq!(event.call_id().unwrap().as_str(), "c");
    let mut call = session();
    call["status"] = json!("levitating");
    let call: CallSession = serde_json::from_value(call).unwrap();
    assert_eq!(call.status, CallStatus::Unknown("levitating".into()));
    assert_eq!(call.call_type(), CallType::Audio);
    assert_eq!(call.metadata.as_ref().unwrap()["colour"], "blue");
    assert!(call.participants[0].knows(&Capability::Unknown("teleport".into())));
    assert_eq!(serde_json::to_value(&call).unwrap()["status"], "levitating");
    let signal: Signal =
        serde_json::from_value(json!({ "type": "wave", "from": "a", "to": "b" })).unwrap();
    assert_eq!(
        signal.body,
        SignalBody::Unknown {
            kind: "wave".into()
        }
    );
}

#[test]
fn acks_are_read_for_what_they_answer() {
    let done = AckKind::Done.parse(json!({ "success": true })).unwrap();
    assert_eq!(done, Ok(Ack::Done));
    let made = Ack::Initiated(InitiateData {
        call_id: CallId::new("c").unwrap(),
        mode: CallMode::P2p,
        ice_servers: vec![],
        ttl: 86_400,
    });
    assert_eq!(AckKind::Initiate.parse(made.to_json()).unwrap(), Ok(made));
    let beat = Ack::Heartbeat(HeartbeatData {
        status: CallStatus::Active,
        version: Some(7),
    });
    assert_eq!(beat.to_json(), json!({ "status": "active", "version": 7 }));
    assert_eq!(AckKind::Heartbeat.parse(beat.to_json()).unwrap(), Ok(beat));
    let active = Ack::Active(ActiveCalls::default());
    assert_eq!(
        AckKind::CheckActive.parse(active.to_json()).unwrap(),
        Ok(active)
    );
    let refused = AckKind::Join.parse(json!({ "success": false, "error": { "code": "CALL_ENDED", "message": "over", "callId": "c" } })).unwrap().unwrap_err();
    assert_eq!(refused.code, ErrorCode::CallEnded);
    assert_eq!(AckKind::Join.parse(refused.to_ack()).unwrap(), Err(refused));
    assert_eq!(
        AckKind::Initiate
            .parse(json!({ "success": true, "data": {} }))
            .unwrap_err()
            .field,
        "callId"
    );
    assert!(
        AckKind::Done
            .parse(json!({ "success": false, "error": "no" }))
            .unwrap()
            .is_err()
    );
}

#[test]
fn auth_takes_users_guests_and_older_clients() {
    let auth = Auth::parse(
        json!({ "authToken": "t", "tokenType": "jwt", "client": { "name": "x", "deviceId": "d" } }),
    )
    .unwrap();
    assert!(matches!(&auth.identity, Identity::User { auth_token, .. } if auth_token == "t"));
    assert!(
        !format!("{auth:?}").contains("\"t\""),
        "a token must not reach a log"
    );
    assert!(matches!(
        Auth::parse(json!({ "sessionToken": "s" }))
            .unwrap()
            .identity,
        Identity::Guest { .. }
    ));
    assert!(Auth::parse(json!({})).is_err());
    let refused =
        ConnectError::parse(json!({ "message": "no", "data": { "code": "NOT_AUTHENTICATED" } }))
            .unwrap();
    assert_eq!(
        refused.data.unwrap().code,
        Some(ErrorCode::NotAuthenticated)
    );
}

#[test]
fn ice_credentials_do_not_reach_a_log() {
    let server: IceServer = serde_json::from_value(
        json!({ "urls": "turn:192.0.2.1", "username": "u", "credential": "secret" }),
    )
    .unwrap();
    assert_eq!(server.urls, ["turn:192.0.2.1"]);
    assert!(!format!("{server:?}").contains("secret"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("callId"),
        Just("signal"),
        Just("type"),
        Just("from"),
        Just("to"),
        Just("sdp"),
        Just("settings"),
        Just("segment"),
        Just("stats"),
        Just("wants"),
        Just("conversationId"),
        Just("callSession"),
        Just("participant"),
        Just("error"),
        Just("success"),
        Just("data"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_makes_reading_panic(payload in any_json()) {
        for name in ClientEvent::NAMES {
            if let Err(error) = ClientEvent::parse(name, payload.clone()) {
                prop_assert!(!error.field.is_empty());
            }
        }
        for name in ServerEvent::NAMES {
            if let Ok(event) = ServerEvent::parse(name, payload.clone()) {
                prop_assert_eq!(ServerEvent::parse(name, event.payload()).unwrap(), event);
            }
        }
        for kind in [AckKind::Done, AckKind::Initiate, AckKind::Join, AckKind::Heartbeat, AckKind::CheckActive] {
            let _ = kind.parse(payload.clone());
        }
        let _ = Auth::parse(payload);
    }
}
