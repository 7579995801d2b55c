//! Guests: invited by a link, in a call, within limits.

use ringwire_gateway::demo;
use serde_json::{Value, json};

use crate::client::{Client, Lab, call, direct, id, request};

async fn invite(lab: &Lab, who: &str, body: Option<Value>) -> crate::client::Reply {
    let path = format!("/api/conversations/{}/invites", demo::GROUP);
    request(lab.address(), "POST", &path, Some(&lab.token(who)), body).await
}

async fn link(lab: &Lab) -> Value {
    let reply = invite(lab, "alice", None).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.json()["invite"].clone()
}

async fn enter(lab: &Lab, invite: &Value, name: &str) -> crate::client::Reply {
    let body = json!({ "invite": invite, "name": name });
    request(lab.address(), "POST", "/api/guests", None, Some(body)).await
}

#[tokio::test]
async fn a_guest_comes_by_a_link_joins_a_call_and_is_named_as_anonymous() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let entered = enter(&lab, &link(&lab).await, " Gil ").await;
    assert_eq!(entered.status, 201, "{}", entered.body);
    let entered = entered.json();
    assert_eq!(entered["conversationId"], demo::GROUP);
    assert_eq!(entered["guest"]["displayName"], "Gil");
    let auth = json!({ "sessionToken": entered["sessionToken"], "sessionType": "anonymous" });
    let mut gil = Client::connect(lab.address(), auth).await.unwrap();
    let greeting = gil.event("authenticated").await;
    assert_eq!(
        greeting["user"],
        json!({ "id": entered["guest"]["id"], "isAnonymous": true })
    );

    let call = call(&mut alice, demo::GROUP).await;
    assert_eq!(gil.event("call:initiated").await["callId"], call.as_str());
    let joined = gil.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(joined["success"], true, "{joined}");
    let told = alice.event("call:participant-joined").await["participant"].clone();
    assert_eq!(told["anonymousId"], entered["guest"]["id"]);
    assert_eq!(
        (&told["userId"], &told["displayName"]),
        (&Value::Null, &json!("Gil"))
    );
    let mut offer = crate::client::signal("offer", "alice", "bob", 1);
    offer["to"] = entered["guest"]["id"].clone();
    let sent = alice
        .ask("call:signal", json!({ "callId": call, "signal": offer }))
        .await;
    assert_eq!(sent, json!({ "success": true }));
    assert_eq!(
        gil.event("call:signal").await["signal"]["from"],
        id("alice")
    );
    gil.tell("call:leave", json!({ "callId": call })).await;
    let left = alice.event("call:participant-left").await;
    assert_eq!(left["anonymousId"], entered["guest"]["id"]);
    assert_eq!(left["userId"], Value::Null);
    lab.stop().await;
}

#[tokio::test]
async fn a_link_lets_in_so_many_and_nobody_without_a_name() {
    let lab = Lab::start().await;
    let link = link(&lab).await;
    let long = "x".repeat(65);
    for name in ["", "  ", "a\nb", &long] {
        let refused = enter(&lab, &link, name).await;
        assert_eq!(refused.status, 400, "{name:?}");
        assert_eq!(refused.json()["error"]["details"]["field"], "name");
    }
    for number in 0..16 {
        assert_eq!(
            enter(&lab, &link, &format!("Guest {number}")).await.status,
            201
        );
    }
    let full = enter(&lab, &link, "One more").await;
    assert_eq!(full.status, 403);
    assert_eq!(full.json()["error"]["code"], "PERMISSION_DENIED");
    // Whoever tries on and on is told to wait.
    let mut last = full;
    for _ in 0..8 {
        last = enter(&lab, &link, "One more").await;
    }
    assert_eq!(last.status, 429);
    assert!(last.json()["error"]["retryAfter"].as_f64().unwrap() > 0.0);
    lab.stop().await;
}

#[tokio::test]
async fn links_are_made_by_members_for_groups_and_run_out() {
    let lab = Lab::start().await;
    assert_eq!(invite(&lab, "echo", None).await.status, 404, "no member");
    for wrong in [0, 8 * 24 * 3600] {
        let refused = invite(&lab, "alice", Some(json!({ "expiresIn": wrong }))).await;
        assert_eq!(refused.json()["error"]["details"]["field"], "expiresIn");
    }
    let path = format!("/api/conversations/{}/invites", direct("alice", "bob"));
    let refused = request(
        lab.address(),
        "POST",
        &path,
        Some(&lab.token("alice")),
        None,
    )
    .await;
    assert_eq!(refused.status, 403);
    for forged in [json!("a.b.c"), json!(lab.token("alice"))] {
        let refused = enter(&lab, &forged, "Gil").await;
        assert_eq!(refused.json()["error"]["details"]["field"], "invite");
    }
    // A guest invites nobody; a link is no token.
    let link = link(&lab).await;
    let session = enter(&lab, &link, "Gil").await.json()["sessionToken"].clone();
    let path = format!("/api/conversations/{}/invites", demo::GROUP);
    for (token, status) in [(&session, 403), (&link, 401)] {
        let refused = request(lab.address(), "POST", &path, token.as_str(), None).await;
        assert_eq!(refused.status, status, "{}", refused.body);
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_guest_whose_time_is_over_goes_out_of_the_conversation() {
    let lab = Lab::changed(|config| {
        config.timers.sweep_interval = std::time::Duration::from_millis(20);
    })
    .await;
    let link = link(&lab).await;
    enter(&lab, &link, "Gil").await;
    let members = async || {
        let token = lab.token("alice");
        let reply = request(
            lab.address(),
            "GET",
            "/api/conversations",
            Some(&token),
            None,
        )
        .await;
        let places = reply.json()["conversations"].as_array().unwrap().clone();
        let group = places
            .iter()
            .find(|place| place["id"] == demo::GROUP)
            .unwrap();
        group["members"].as_array().unwrap().len()
    };
    assert_eq!(members().await, 4);
    sqlx::query("UPDATE users SET expires_at = 1 WHERE expires_at IS NOT NULL")
        .execute(&lab.database().await)
        .await
        .unwrap();
    let until = tokio::time::Instant::now() + crate::client::PATIENCE;
    while members().await > 3 {
        assert!(tokio::time::Instant::now() < until, "the guest stays");
    }
    lab.stop().await;
}
