//! One person on several devices.

use serde_json::json;

use crate::client::{Lab, call_bob, connect, direct, id};

#[tokio::test]
async fn an_answer_on_one_device_silences_the_other() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut phone = lab.join("bob", "phone").await;
    let mut tablet = lab.join("bob", "tablet").await;
    let call = call_bob(&mut alice, &mut phone).await;
    tablet.event("call:initiated").await;
    phone.ask("call:join", json!({ "callId": call })).await;
    let elsewhere = tablet.event("call:already-answered").await;
    assert_eq!(elsewhere["callId"], call);
    assert_eq!(elsewhere["deviceId"], "phone");
    assert!(
        !phone
            .rest()
            .await
            .contains(&"call:already-answered".to_owned())
    );
    // Its late decline changes nothing.
    let late = tablet
        .ask("call:end", json!({ "callId": call, "reason": "rejected" }))
        .await;
    assert_eq!(late, json!({ "success": true }));
    assert!(!alice.rest().await.contains(&"call:ended".to_owned()));
    lab.stop().await;
}

#[tokio::test]
async fn a_decline_on_one_device_silences_the_other() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut phone = lab.join("bob", "phone").await;
    let mut tablet = lab.join("bob", "tablet").await;
    let call = call_bob(&mut alice, &mut phone).await;
    phone
        .ask("call:end", json!({ "callId": call, "reason": "busy" }))
        .await;
    let ended = tablet.event("call:ended").await;
    assert_eq!(ended["reason"], "busy");
    assert_eq!(ended["endedBy"], id("bob"));
    assert_eq!(alice.event("call:ended").await["reason"], "busy");
    lab.stop().await;
}

#[tokio::test]
async fn a_call_moves_to_a_second_device_and_signals_go_there_only() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut phone = lab.join("bob", "phone").await;
    let mut tablet = lab.join("bob", "tablet").await;
    let call = call_bob(&mut alice, &mut phone).await;
    connect(&call, &mut alice, &mut phone).await;
    let moved = tablet.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(moved["success"], true, "{moved}");
    assert_eq!(phone.event("call:force-leave").await["callId"], call);
    alice.event("call:participant-left").await;
    let joined = alice.event("call:participant-joined").await;
    assert_eq!(joined["participant"]["deviceId"], "tablet");
    let offer = crate::client::signal("offer", "alice", "bob", 2);
    alice
        .ask("call:signal", json!({ "callId": call, "signal": offer }))
        .await;
    let got = tablet.event("call:signal").await;
    assert_eq!(got["signal"]["negotiationId"], 2);
    assert_eq!(got["signal"]["fromDevice"], "alice-1");
    assert!(!phone.rest().await.contains(&"call:signal".to_owned()));
    let refused = phone
        .ask(
            "call:toggle-video",
            json!({ "callId": call, "enabled": false }),
        )
        .await;
    assert_eq!(refused["error"]["code"], "NOT_IN_CALL");
    lab.stop().await;
}

#[tokio::test]
async fn a_device_that_comes_while_it_rings_is_told() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let made = alice
        .ask(
            "call:initiate",
            json!({ "conversationId": direct("alice", "bob"), "type": "audio" }),
        )
        .await;
    let call = made["data"]["callId"].clone();
    let mut bob = lab.join("bob", "phone").await;
    let initiated = bob.event("call:initiated").await;
    assert_eq!(initiated["callId"], call);
    assert_eq!(initiated["type"], "audio");
    assert_eq!(initiated["conversationType"], "direct");
    let active = bob.ask("call:check-active", json!({})).await;
    assert_eq!(active["calls"][0]["id"], call);
    assert_eq!(bob.event("call:initiated").await["callId"], call);
    assert_eq!(
        alice.ask("call:check-active", json!({})).await["calls"][0]["id"],
        call
    );
    lab.stop().await;
}

#[tokio::test]
async fn a_conversation_that_a_crash_left_busy_is_freed_from_another_device() {
    let lab = Lab::start().await;
    let mut old = lab.join("alice", "page-1").await;
    let mut bob = lab.join("bob", "phone").await;
    call_bob(&mut old, &mut bob).await;
    old.drop_socket().await;
    let mut new = lab.join("alice", "page-2").await;
    let freed = new
        .ask(
            "call:force-leave",
            json!({ "conversationId": direct("alice", "bob") }),
        )
        .await;
    assert_eq!(freed, json!({ "success": true }));
    assert_eq!(bob.event("call:ended").await["reason"], "cancelled");
    call_bob(&mut new, &mut bob).await;
    lab.stop().await;
}
