//! A call from its first event to its last.

use std::time::Duration;

use ringwire_gateway::Timers;
use serde_json::json;

use crate::client::{Lab, PATIENCE, call_bob, connect, direct, id, negotiate, request};

#[tokio::test]
async fn two_people_call_ring_join_connect_toggle_and_hang_up() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;

    let rang = bob
        .ask(
            "call:ringing",
            json!({ "callId": call, "deviceId": "bob-1" }),
        )
        .await;
    assert_eq!(rang, json!({ "success": true }));
    let ringing = alice.event("call:ringing").await;
    assert_eq!(ringing["userId"], id("bob"));
    assert_eq!(ringing["deviceId"], "bob-1");
    assert_eq!(ringing["version"], 2);

    let joined = bob
        .ask("call:join", json!({ "callId": call, "deviceId": "bob-1" }))
        .await;
    assert_eq!(joined["data"]["callSession"]["status"], "ringing");
    assert_eq!(bob.event("call:join").await, joined["data"]);
    let participant = alice.event("call:participant-joined").await;
    assert_eq!(participant["participant"]["deviceId"], "bob-1");
    assert_eq!(participant["participant"]["userId"], id("bob"));
    negotiate(&call, &mut alice, &mut bob).await;

    let beat = alice.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "active");
    bob.tell(
        "call:toggle-audio",
        json!({ "callId": call, "enabled": false }),
    )
    .await;
    let toggled = alice.event("call:media-toggled").await;
    assert_eq!(toggled["mediaType"], "audio");
    assert_eq!(toggled["enabled"], false);
    assert_eq!(toggled["userId"], id("bob"));
    assert!(toggled["version"].as_u64() > beat["version"].as_u64());

    bob.tell("call:leave", json!({ "callId": call })).await;
    let left = alice.event("call:participant-left").await;
    assert_eq!(left["participantId"], participant["participant"]["id"]);
    for person in [&mut alice, &mut bob] {
        let ended = person.event("call:ended").await;
        assert_eq!(ended["reason"], "completed");
        assert_eq!(ended["endedBy"], id("bob"));
        assert_eq!(ended["callId"], call);
    }
    let again = alice.ask("call:end", json!({ "callId": call })).await;
    assert_eq!(again, json!({ "success": true }));
    let late = bob.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(late["error"]["code"], "CALL_ENDED");
    assert!(!alice.rest().await.contains(&"call:ended".to_owned()));
    lab.stop().await;
}

#[tokio::test]
async fn a_decline_ends_the_call_for_both() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    let declined = bob
        .ask("call:end", json!({ "callId": call, "reason": "rejected" }))
        .await;
    assert_eq!(declined, json!({ "success": true }));
    let ended = alice.event("call:ended").await;
    assert_eq!(ended["reason"], "rejected");
    assert_eq!(ended["duration"], 0);
    assert_eq!(bob.event("call:ended").await["endedBy"], id("bob"));
    lab.stop().await;
}

#[tokio::test]
async fn a_caller_who_gives_up_silences_the_callee() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    alice.tell("call:leave", json!({ "callId": call })).await;
    let ended = bob.event("call:ended").await;
    assert_eq!(ended["reason"], "cancelled");
    assert_eq!(ended["endedBy"], id("alice"));
    let again = call_bob(&mut alice, &mut bob).await;
    assert_ne!(again, call);
    lab.stop().await;
}

#[tokio::test]
async fn nobody_answers() {
    let timers = Timers {
        ring_deadline: Duration::from_millis(300),
        ..Timers::default()
    };
    let lab = Lab::with(timers).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    assert_eq!(alice.event("call:ended").await["reason"], "missed");
    assert_eq!(bob.event("call:ended").await["reason"], "missed");
    let missed = bob.event("call:missed").await;
    assert_eq!(missed["callId"], call);
    assert_eq!(missed["callerName"], "Alice");
    assert_eq!(missed["callerId"], id("alice"));
    assert!(!alice.rest().await.contains(&"call:missed".to_owned()));
    lab.stop().await;
}

#[tokio::test]
async fn a_caller_who_vanishes_while_it_rings_ends_the_call() {
    let timers = Timers {
        initiator_gone: Duration::from_millis(200),
        ..Timers::default()
    };
    let lab = Lab::with(timers).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    call_bob(&mut alice, &mut bob).await;
    alice.drop_socket().await;
    assert_eq!(bob.event("call:ended").await["reason"], "cancelled");
    lab.stop().await;
}

#[tokio::test]
async fn an_answered_call_waits_for_a_lost_socket() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    bob.drop_socket().await;
    let token = lab.gateway.mint_token("alice").unwrap();
    let path = format!("/api/calls/{call}");
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let session = request(lab.address(), "GET", &path, Some(&token), None).await;
        if session.json()["status"] == "reconnecting" {
            break;
        }
        assert!(
            tokio::time::Instant::now() < until,
            "the loss was never noted"
        );
    }
    let mut bob = lab.join("bob", "bob-1").await;
    let again = bob.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(again["data"]["callSession"]["status"], "active");
    let rest = alice.rest().await;
    assert!(
        !rest.contains(&"call:participant-joined".to_owned()),
        "{rest:?}"
    );
    lab.stop().await;
}

#[tokio::test]
async fn a_lost_socket_that_stays_away_ends_an_answered_call() {
    let timers = Timers {
        reconnect: Duration::from_millis(300),
        ..Timers::default()
    };
    let lab = Lab::with(timers).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    bob.drop_socket().await;
    assert_eq!(alice.event("call:ended").await["reason"], "connectionLost");
    lab.stop().await;
}

#[tokio::test]
async fn the_loser_of_glare_learns_which_call_won() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    let lost = bob
        .ask(
            "call:initiate",
            json!({ "conversationId": direct("alice", "bob"), "type": "audio" }),
        )
        .await;
    let error = &lost["error"];
    assert_eq!(error["code"], "CALL_ALREADY_ACTIVE");
    assert_eq!(error["callId"], call);
    assert_eq!(error["initiatorId"], id("alice"));
    assert_eq!(error["status"], "initiated");
    assert_eq!(error["type"], "video");
    assert_eq!(
        bob.ask("call:join", json!({ "callId": call })).await["success"],
        true
    );
    lab.stop().await;
}

#[tokio::test]
async fn one_decline_in_a_group_leaves_the_others_ringing() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let mut carol = lab.join("carol", "carol-1").await;
    let made = alice
        .ask(
            "call:initiate",
            json!({ "conversationId": ringwire_gateway::demo::GROUP, "type": "video" }),
        )
        .await;
    let call = made["data"]["callId"].as_str().unwrap().to_owned();
    bob.event("call:initiated").await;
    carol.event("call:initiated").await;
    bob.ask("call:end", json!({ "callId": call, "reason": "rejected" }))
        .await;
    assert_eq!(bob.event("call:ended").await["reason"], "rejected");
    let joined = carol.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(joined["success"], true, "{joined}");
    assert_eq!(
        alice.event("call:participant-joined").await["participant"]["userId"],
        id("carol")
    );
    assert!(!alice.rest().await.contains(&"call:ended".to_owned()));
    carol.tell("call:leave", json!({ "callId": call })).await;
    alice.event("call:participant-left").await;
    alice.tell("call:leave", json!({ "callId": call })).await;
    assert_eq!(alice.event("call:ended").await["reason"], "completed");
    assert_eq!(bob.rest().await, Vec::<String>::new());
    lab.stop().await;
}
