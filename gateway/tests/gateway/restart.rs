//! A gateway that stops and starts again, or whose database is in trouble: its calls go on.

use std::time::Duration;

use ringwire_gateway::Timers;
use serde_json::json;

use crate::client::{Client, Lab, call_bob, connect, direct, ended};

#[tokio::test]
async fn a_restart_in_mid_call_keeps_the_call() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    let lab = lab.restart(Timers::default()).await;
    alice.closes().await;
    bob.closes().await;

    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    for client in [&mut alice, &mut bob] {
        let joined = client.ask("call:join", json!({ "callId": call })).await;
        assert_eq!(joined["success"], true, "{joined}");
    }
    let beat = alice.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "active");
    alice.tell("call:leave", json!({ "callId": call })).await;
    assert_eq!(bob.event("call:ended").await["reason"], "completed");
    lab.stop().await;
}

#[tokio::test]
async fn timers_run_again_after_a_restart() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    let timers = Timers {
        reconnect: Duration::from_millis(200),
        ..Timers::default()
    };
    let lab = lab.restart(timers).await;
    let session = ended(lab.address(), &lab.token("alice"), &call).await;
    assert_eq!(session["endReason"], "connectionLost");
    lab.stop().await;
}

#[tokio::test]
async fn a_call_that_cannot_be_read_hides_no_other() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut made = Vec::new();
    for username in ["bob", "carol"] {
        let mut caller = lab.join(username, username).await;
        let initiate = json!({ "conversationId": direct("alice", username), "type": "video" });
        let answer = caller.ask("call:initiate", initiate).await;
        made.push(answer["data"]["callId"].as_str().unwrap().to_owned());
        alice.event("call:initiated").await;
    }
    let database = lab.database().await;
    sqlx::query("UPDATE calls SET state = '{' WHERE id = ?")
        .bind(&made[0])
        .execute(&database)
        .await
        .unwrap();
    let active = alice.ask("call:check-active", json!({})).await;
    let calls = active["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "{active}");
    assert_eq!(calls[0]["id"], made[1].as_str());
    lab.stop().await;
}

#[tokio::test]
async fn a_database_in_trouble_is_no_refusal_of_the_token() {
    let lab = Lab::start().await;
    let database = lab.database().await;
    let away = sqlx::query("ALTER TABLE users RENAME TO elsewhere");
    away.execute(&database).await.unwrap();
    let token = lab.gateway.mint_token("alice").unwrap();
    let auth = json!({ "authToken": token, "tokenType": "jwt" });
    let error = Client::connect(lab.address(), auth).await.err().unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("CONNECTION_FAILED: "), "{message}");
    let back = sqlx::query("ALTER TABLE elsewhere RENAME TO users");
    back.execute(&database).await.unwrap();
    lab.join("alice", "alice-1").await;
    lab.stop().await;
}
