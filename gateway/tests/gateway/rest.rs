//! The routes for apps that sleep, and those of the demo.

use serde_json::{Value, json};

use crate::client::{Lab, call_bob, connect, direct, id, request};

async fn login(lab: &Lab, username: &str) -> String {
    let body = json!({ "username": username });
    let reply = request(lab.address(), "POST", "/api/demo/login", None, Some(body)).await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(body["user"]["id"], id(username));
    body["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn demo_people_sign_in_and_see_their_conversations() {
    let lab = Lab::start().await;
    let people = request(lab.address(), "GET", "/api/demo/people", None, None).await;
    assert_eq!(people.json()["people"].as_array().unwrap().len(), 4);
    let token = login(&lab, "alice").await;
    let reply = request(
        lab.address(),
        "GET",
        "/api/conversations",
        Some(&token),
        None,
    )
    .await;
    let body = reply.json();
    let conversations = body["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), 4);
    let with_bob = conversations
        .iter()
        .find(|c| c["id"] == direct("alice", "bob"))
        .unwrap();
    assert_eq!(with_bob["type"], "direct");
    assert_eq!(with_bob["members"][1]["username"], "bob");
    assert!(with_bob["members"][1]["participantId"].is_string());
    lab.stop().await;
}

#[tokio::test]
async fn requests_without_a_good_token_or_field_are_turned_away() {
    let lab = Lab::start().await;
    let address = lab.address();
    for token in [None, Some("nonsense")] {
        let reply = request(address, "GET", "/api/conversations", token, None).await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.json()["error"]["code"], "NOT_AUTHENTICATED");
    }
    let nobody = json!({ "username": "mallory" });
    let reply = request(address, "POST", "/api/demo/login", None, Some(nobody)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["details"]["field"], "username");
    let token = login(&lab, "alice").await;
    let half = json!({ "deviceId": "phone", "platform": "android" });
    let reply = request(address, "POST", "/api/devices", Some(&token), Some(half)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["details"]["field"], "token");
    let path = format!("/api/calls?conversationId={}", direct("bob", "carol"));
    let reply = request(address, "GET", &path, Some(&token), None).await;
    assert_eq!(reply.status, 404);
    lab.stop().await;
}

#[tokio::test]
async fn a_sleeping_device_declines_and_history_says_so() {
    let lab = Lab::start().await;
    let address = lab.address();
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "tablet").await;
    let token = login(&lab, "bob").await;
    let call = call_bob(&mut alice, &mut bob).await;
    let path = format!("/api/calls?conversationId={}", direct("alice", "bob"));
    let before = request(address, "GET", &path, Some(&token), None)
        .await
        .json();
    assert_eq!(before["active"][0]["id"], call);
    let decline = format!("/api/calls/{call}/decline");
    let body = json!({ "reason": "busy", "deviceId": "phone" });
    let reply = request(address, "POST", &decline, Some(&token), Some(body)).await;
    assert_eq!(reply.status, 204, "{}", reply.body);
    assert_eq!(alice.event("call:ended").await["reason"], "busy");
    assert_eq!(bob.event("call:ended").await["endedBy"], id("bob"));
    let after = request(address, "GET", &path, Some(&token), None)
        .await
        .json();
    assert_eq!(after["active"], json!([]));
    assert_eq!(after["calls"][0]["endReason"], "busy");
    let one = request(
        address,
        "GET",
        &format!("/api/calls/{call}"),
        Some(&token),
        None,
    )
    .await;
    assert_eq!(one.json()["status"], "ended");
    lab.stop().await;
}

#[tokio::test]
async fn a_call_that_i_am_in_is_not_declined_from_outside() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "tablet").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    let token = login(&lab, "bob").await;
    let decline = format!("/api/calls/{call}/decline");
    let reply = request(lab.address(), "POST", &decline, Some(&token), None).await;
    assert_eq!(reply.status, 409);
    let beat = alice.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "active");
    lab.stop().await;
}

#[tokio::test]
async fn devices_come_and_go() {
    let lab = Lab::start().await;
    let address = lab.address();
    let token = login(&lab, "alice").await;
    let device = json!({
        "deviceId": "phone", "platform": "ios", "token": "abc", "voipToken": "def",
        "environment": "sandbox",
    });
    for _ in 0..2 {
        let body = Some(device.clone());
        let reply = request(address, "POST", "/api/devices", Some(&token), body).await;
        assert_eq!(reply.status, 204, "{}", reply.body);
    }
    let gone = request(address, "DELETE", "/api/devices/phone", Some(&token), None).await;
    assert_eq!(gone.status, 204);
    let again = request(address, "DELETE", "/api/devices/phone", Some(&token), None).await;
    assert_eq!(again.status, 404);
    lab.stop().await;
}

#[tokio::test]
async fn echo_is_asked_to_call() {
    let lab = Lab::start().await;
    let token = login(&lab, "alice").await;
    let body = |one, other| Some(json!({ "conversationId": direct(one, other) }));
    let path = "/api/demo/echo/call";
    let with_echo = body("alice", "echo");
    let absent = request(lab.address(), "POST", path, Some(&token), with_echo.clone()).await;
    assert_eq!(absent.status, 503);
    let mut requests = lab.gateway.echo_requests();
    let asked = request(lab.address(), "POST", path, Some(&token), with_echo).await;
    assert_eq!(asked.status, 202);
    let got = requests.recv().await.unwrap();
    assert_eq!(got.user_id.as_str(), id("alice"));
    assert_eq!(got.conversation_id.as_str(), direct("alice", "echo"));
    let wrong = request(
        lab.address(),
        "POST",
        path,
        Some(&token),
        body("alice", "bob"),
    )
    .await;
    assert_eq!(wrong.status, 400);
    lab.stop().await;
}

#[tokio::test]
async fn the_description_of_the_routes_names_every_route() {
    let lab = Lab::start().await;
    let reply = request(lab.address(), "GET", "/api/openapi.json", None, None).await;
    let api: Value = reply.json();
    for path in [
        "/healthz",
        "/api/conversations",
        "/api/conversations/{id}/invites",
        "/api/guests",
        "/api/calls",
        "/api/calls/{id}",
        "/api/calls/{id}/decline",
        "/api/devices",
        "/api/devices/{id}",
        "/api/demo/people",
        "/api/demo/login",
        "/api/demo/echo/call",
    ] {
        assert!(api["paths"][path].is_object(), "{path}");
    }
    let health = request(lab.address(), "GET", "/healthz", None, None).await;
    assert_eq!(health.json()["status"], "ok");
    lab.stop().await;
}
