//! Limits and bad input: answered politely, never fatal, naming the field.

use serde_json::{Value, json};

use crate::client::{Lab, call_bob, candidate, connect, direct};

#[tokio::test]
async fn a_limit_says_how_long_to_wait_and_hurts_nothing_else() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let initiate = json!({ "conversationId": direct("alice", "echo"), "type": "video" });
    let first = alice.ask("call:initiate", initiate.clone()).await;
    assert_eq!(first["success"], true);
    for _ in 0..4 {
        let again = alice.ask("call:initiate", initiate.clone()).await;
        assert_eq!(again["error"]["code"], "CALL_ALREADY_ACTIVE");
    }
    let limited = alice.ask("call:initiate", initiate).await;
    assert_eq!(limited["error"]["code"], "RATE_LIMIT_EXCEEDED");
    let wait = limited["error"]["retryAfter"].as_f64().unwrap();
    assert!(wait > 0.0 && wait <= 60.0, "{wait}");
    let call = first["data"]["callId"].clone();
    let beat = alice.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "initiated");
    lab.stop().await;
}

#[tokio::test]
async fn a_burst_of_candidates_passes() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    for port in 0..60 {
        let signal = candidate("alice", "bob", 1, port);
        alice
            .tell("call:signal", json!({ "callId": call, "signal": signal }))
            .await;
    }
    for port in 0..60 {
        let got = bob.event("call:signal").await;
        let text = got["signal"]["candidate"].as_str().unwrap();
        assert!(text.contains(&format!(" {port} typ")), "{text}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn errors_name_the_field() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    for (event, payload, field, code) in [
        (
            "call:initiate",
            json!({ "type": "video" }),
            "conversationId",
            "VALIDATION_ERROR",
        ),
        (
            "call:initiate",
            json!({ "conversationId": "é", "type": "video" }),
            "conversationId",
            "VALIDATION_ERROR",
        ),
        (
            "call:initiate",
            Value::Null,
            "conversationId",
            "VALIDATION_ERROR",
        ),
        (
            "call:initiate",
            json!("nonsense"),
            "payload",
            "VALIDATION_ERROR",
        ),
        (
            "call:toggle-audio",
            json!({ "callId": "x", "enabled": "yes" }),
            "enabled",
            "VALIDATION_ERROR",
        ),
        (
            "call:signal",
            json!({ "callId": "x", "signal": { "type": "offer", "from": "a", "to": "b" } }),
            "signal.sdp",
            "INVALID_SIGNAL",
        ),
        (
            "call:signal",
            json!({ "callId": "x", "signal": {
                "type": "offer", "from": "a", "to": "b", "sdp": format!("v=0 m={}", "x".repeat(50_000)),
            } }),
            "signal.sdp",
            "SIGNAL_TOO_LARGE",
        ),
    ] {
        let refused = alice.ask(event, payload).await;
        assert_eq!(refused["success"], false, "{refused}");
        assert_eq!(refused["error"]["code"], code, "{refused}");
        assert_eq!(refused["error"]["details"]["field"], field, "{refused}");
    }
    // Without an ack the error comes as an event.
    alice.tell("call:leave", json!({})).await;
    let error = alice.event("call:error").await;
    assert_eq!(error["callId"], Value::Null);
    assert_eq!(error["details"]["field"], "callId");
    assert_eq!(error["details"]["event"], "call:leave");
    lab.stop().await;
}

#[tokio::test]
async fn deep_nesting_and_unknown_events_do_no_harm_and_a_megabyte_closes_the_socket() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    alice.send(format!("42[\"call:join\",{deep}]")).await;
    assert_eq!(alice.event("call:error").await["code"], "VALIDATION_ERROR");
    alice.tell("call:something-new", json!({ "a": 1 })).await;
    assert_eq!(
        alice.ask("call:check-active", json!({})).await["calls"],
        json!([])
    );
    assert_eq!(alice.rest().await, Vec::<String>::new());
    alice
        .send(format!("42[\"call:join\",\"{}\"]", "x".repeat(1 << 20)))
        .await;
    alice.closes().await;
    lab.stop().await;
}

#[tokio::test]
async fn strangers_learn_nothing_and_change_nothing() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let mut carol = lab.join("carol", "carol-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    for (event, payload) in [
        ("call:join", json!({ "callId": call })),
        ("call:end", json!({ "callId": call })),
        ("call:heartbeat", json!({ "callId": call })),
        (
            "call:toggle-hold",
            json!({ "callId": call, "enabled": true }),
        ),
    ] {
        let refused = carol.ask(event, payload).await;
        assert_eq!(refused["success"], false, "{event}: {refused}");
    }
    let elsewhere = json!({ "conversationId": direct("alice", "bob"), "type": "video" });
    let refused = carol.ask("call:initiate", elsewhere).await;
    assert_eq!(refused["error"]["code"], "NOT_A_PARTICIPANT");
    let nowhere = json!({ "conversationId": "nowhere", "type": "video" });
    let refused = carol.ask("call:initiate", nowhere).await;
    assert_eq!(refused["error"]["code"], "CONVERSATION_NOT_FOUND");
    let refused = carol.ask("call:join", json!({ "callId": "nothing" })).await;
    assert_eq!(refused["error"]["code"], "CALL_NOT_FOUND");
    assert_eq!(alice.rest().await, Vec::<String>::new());
    lab.stop().await;
}
