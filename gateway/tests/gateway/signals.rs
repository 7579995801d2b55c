//! Signals: from whom, to whom, and what is kept for those who are not there.

use serde_json::json;

use crate::client::{Lab, call_bob, candidate, connect, direct, id, signal};

#[tokio::test]
async fn an_offer_made_before_the_callee_is_there_reaches_them_when_they_join() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let made = alice
        .ask(
            "call:initiate",
            json!({ "conversationId": direct("alice", "bob"), "type": "video" }),
        )
        .await;
    let call = made["data"]["callId"].clone();
    for signal in [
        signal("offer", "alice", "bob", 1),
        candidate("alice", "bob", 1, 5_000),
        candidate("alice", "bob", 1, 5_001),
    ] {
        let sent = alice
            .ask("call:signal", json!({ "callId": call, "signal": signal }))
            .await;
        assert_eq!(sent, json!({ "success": true }));
    }
    let mut bob = lab.join("bob", "phone").await;
    bob.event("call:initiated").await;
    bob.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(bob.event("call:signal").await["signal"]["type"], "offer");
    for port in ["5000", "5001"] {
        let got = bob.event("call:signal").await;
        assert!(got["signal"]["candidate"].as_str().unwrap().contains(port));
    }
    lab.stop().await;
}

#[tokio::test]
async fn an_offer_for_a_ringing_device_goes_to_that_device_only() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut phone = lab.join("bob", "phone").await;
    let mut tablet = lab.join("bob", "tablet").await;
    let call = call_bob(&mut alice, &mut phone).await;
    for (client, device) in [(&mut phone, "phone"), (&mut tablet, "tablet")] {
        client
            .ask(
                "call:ringing",
                json!({ "callId": call, "deviceId": device }),
            )
            .await;
        assert_eq!(alice.event("call:ringing").await["deviceId"], device);
    }
    let mut offer = signal("offer", "alice", "bob", 1);
    offer["toDevice"] = json!("tablet");
    alice
        .ask("call:signal", json!({ "callId": call, "signal": offer }))
        .await;
    assert_eq!(
        tablet.event("call:signal").await["signal"]["toDevice"],
        "tablet"
    );
    // The answer before the accept does not make the call active; the accept does.
    let answer = signal("answer", "bob", "alice", 1);
    tablet
        .ask("call:signal", json!({ "callId": call, "signal": answer }))
        .await;
    assert_eq!(
        alice.event("call:signal").await["signal"]["fromDevice"],
        "tablet"
    );
    let beat = alice.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "ringing");
    let joined = tablet.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(joined["data"]["callSession"]["status"], "active");
    assert!(!phone.rest().await.contains(&"call:signal".to_owned()));
    assert!(!tablet.rest().await.contains(&"call:signal".to_owned()));
    lab.stop().await;
}

#[tokio::test]
async fn what_was_sent_to_a_lost_socket_comes_with_the_next_one() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    bob.drop_socket().await;
    let restart = signal("ice-restart", "alice", "bob", 2);
    let sent = alice
        .ask("call:signal", json!({ "callId": call, "signal": restart }))
        .await;
    assert_eq!(sent, json!({ "success": true }));
    let mut bob = lab.join("bob", "phone").await;
    let got = bob.event("call:signal").await;
    assert_eq!(got["signal"]["type"], "ice-restart");
    assert_eq!(got["signal"]["negotiationId"], 2);
    lab.stop().await;
}

#[tokio::test]
async fn forged_and_misdirected_signals_are_refused() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    let mut device = signal("offer", "alice", "bob", 2);
    device["fromDevice"] = json!("another");
    let mut elsewhere = signal("offer", "alice", "bob", 2);
    elsewhere["toDevice"] = json!("another");
    for (signal, code) in [
        (signal("offer", "bob", "alice", 2), "SIGNAL_SENDER_MISMATCH"),
        (device, "SIGNAL_SENDER_MISMATCH"),
        (signal("offer", "alice", "carol", 2), "TARGET_NOT_FOUND"),
        (elsewhere, "TARGET_NOT_FOUND"),
    ] {
        let refused = alice
            .ask("call:signal", json!({ "callId": call, "signal": signal }))
            .await;
        assert_eq!(refused["error"]["code"], code, "{refused}");
        assert_eq!(refused["error"]["callId"], call.as_str());
    }
    assert_eq!(bob.rest().await, vec!["call:join".to_owned()]);
    lab.stop().await;
}

#[tokio::test]
async fn the_one_who_does_not_offer_asks_for_an_offer() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    bob.tell(
        "call:negotiate",
        json!({ "callId": call, "to": id("alice"), "reason": "restart" }),
    )
    .await;
    let asked = alice.event("call:negotiate").await;
    assert_eq!(asked["from"], id("bob"));
    assert_eq!(asked["to"], id("alice"));
    assert_eq!(asked["reason"], "restart");
    lab.stop().await;
}
