//! Busy, call waiting, hold and screen.

use ringwire_gateway::{Timers, demo};
use serde_json::{Value, json};

use crate::client::{Lab, call, call_bob, connect, direct, id, session};

#[tokio::test]
async fn busy_ends_a_direct_call_at_both_ends() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    bob.ask("call:end", json!({ "callId": call, "reason": "busy" }))
        .await;
    for client in [&mut alice, &mut bob] {
        let ended = client.event("call:ended").await;
        assert_eq!(
            (&ended["reason"], &ended["endedBy"]),
            (&json!("busy"), &json!(id("bob")))
        );
    }
    lab.stop().await;
}

#[tokio::test]
async fn busy_in_a_group_is_for_the_one_who_says_it() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let mut carol = lab.join("carol", "carol-1").await;
    let call = call(&mut alice, demo::GROUP).await;
    carol.event("call:initiated").await;
    bob.ask("call:end", json!({ "callId": call, "reason": "busy" }))
        .await;
    assert_eq!(bob.event("call:ended").await["reason"], "busy");
    for client in [&mut alice, &mut carol] {
        assert!(!client.rest().await.contains(&"call:ended".to_owned()));
    }
    let active = carol.ask("call:check-active", Value::Null).await;
    assert_eq!(active["calls"][0]["id"], call.as_str());
    assert_eq!(
        bob.ask("call:check-active", Value::Null).await["calls"],
        json!([])
    );
    lab.stop().await;
}

#[tokio::test]
async fn a_second_call_in_another_conversation_rings_and_may_be_made_meanwhile() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let mut carol = lab.join("carol", "carol-1").await;
    let first = call_bob(&mut alice, &mut bob).await;
    connect(&first, &mut alice, &mut bob).await;
    let second = call(&mut carol, &direct("bob", "carol")).await;
    assert_eq!(bob.event("call:initiated").await["callId"], second.as_str());
    bob.ask("call:hold", json!({ "callId": first, "enabled": true }))
        .await;
    let held = alice.event("call:media-toggled").await;
    assert_eq!(
        (&held["mediaType"], &held["enabled"]),
        (&json!("hold"), &json!(true))
    );
    let joined = bob.ask("call:join", json!({ "callId": second })).await;
    assert_eq!(joined["success"], true, "{joined}");
    // In both, and a third may be made; not in the same conversation.
    let third = call(&mut bob, &direct("bob", "echo")).await;
    let active = bob.ask("call:check-active", Value::Null).await;
    let ids: Vec<&Value> = active["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["id"])
        .collect();
    assert_eq!(ids, [&json!(first), &json!(second), &json!(third)]);
    let again = json!({ "conversationId": direct("alice", "bob"), "type": "video" });
    let refused = bob.ask("call:initiate", again).await;
    assert_eq!(refused["error"]["code"], "CALL_ALREADY_ACTIVE");
    assert_eq!(refused["error"]["callId"], first.as_str());
    // One that ends leaves the others alone.
    carol.tell("call:leave", json!({ "callId": second })).await;
    assert_eq!(bob.event("call:ended").await["callId"], second.as_str());
    assert!(!alice.rest().await.contains(&"call:ended".to_owned()));
    lab.stop().await;
}

#[tokio::test]
async fn hold_and_screen_are_told_kept_and_seen_in_the_session_also_after_a_restart() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    let mut version = 0;
    for (event, kind) in [("call:hold", "hold"), ("call:toggle-screen", "screen")] {
        let done = bob
            .ask(event, json!({ "callId": call, "enabled": true }))
            .await;
        assert_eq!(done, json!({ "success": true }));
        let told = alice.event("call:media-toggled").await;
        assert_eq!(
            (&told["mediaType"], &told["userId"]),
            (&json!(kind), &json!(id("bob")))
        );
        assert!(told["version"].as_u64().unwrap() > version);
        version = told["version"].as_u64().unwrap();
    }
    assert!(!bob.rest().await.contains(&"call:media-toggled".to_owned()));
    let lab = lab.restart(Timers::default()).await;
    let session = session(lab.address(), &lab.token("alice"), &call).await;
    let row = |who: &str| {
        let rows = session["participants"].as_array().unwrap();
        rows.iter()
            .find(|p| p["userId"] == id(who))
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&row("bob")["held"], &row("bob")["isScreenSharing"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&row("alice")["held"], &row("alice")["isScreenSharing"]),
        (&json!(false), &json!(false))
    );
    lab.stop().await;
}

#[tokio::test]
async fn a_version_grows_with_what_is_told_and_stands_still_when_nothing_happens() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    // Of this nobody is told: the heartbeat says that there is something to fetch.
    bob.drop_socket().await;
    let mut bob = lab.join("bob", "phone").await;
    bob.ask("call:join", json!({ "callId": call })).await;
    let mut seen = None;
    for _ in 0..4 {
        let beat = alice.ask("call:heartbeat", json!({ "callId": call })).await;
        let active = alice.ask("call:check-active", Value::Null).await;
        assert_eq!(beat["version"], active["calls"][0]["version"]);
        assert_eq!(beat["status"], "active");
        assert!(
            seen.is_none_or(|seen| seen == beat["version"]),
            "it grew by itself"
        );
        seen = Some(beat["version"].clone());
        let stats = json!({ "packetLoss": 1.0, "rtt": 20.0 });
        alice
            .ask(
                "call:quality-report",
                json!({ "callId": call, "stats": stats }),
            )
            .await;
    }
    let mut last = seen.unwrap().as_u64().unwrap();
    let own = json!({ "callId": call, "participantId": "whoever", "attempt": 1 });
    for (event, told) in [
        ("call:reconnecting", "call:reconnecting"),
        ("call:reconnected", "call:reconnected"),
        ("call:leave", "call:ended"),
    ] {
        bob.tell(event, own.clone()).await;
        let version = alice.event(told).await["version"].as_u64().unwrap();
        assert!(version > last, "{told}: {version} after {last}");
        last = version;
    }
    lab.stop().await;
}
