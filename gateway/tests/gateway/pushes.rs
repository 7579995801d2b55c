//! Pushes: posted to a receiver on the loopback, as an operator's would take them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use ringwire_gateway::{Config, Timers, Turn, Webhook};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::client::{Client, Lab, PATIENCE, call, call_bob, connect, direct, id, request};

/// What receives pushes.
struct Hook {
    url: String,
    posts: mpsc::UnboundedReceiver<(HeaderMap, Value)>,
    /// How the next posts are answered; 200 when there is nothing.
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Hook {
    async fn start() -> Self {
        let (sender, posts) = mpsc::unbounded_channel();
        let answers = Arc::<Mutex<VecDeque<StatusCode>>>::default();
        let script = answers.clone();
        let take = async move |headers: HeaderMap, axum::Json(body): axum::Json<Value>| {
            let _ = sender.send((headers, body));
            script.lock().pop_front().unwrap_or(StatusCode::OK)
        };
        let routes = axum::Router::new().route("/push", axum::routing::post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            url,
            posts,
            answers,
            server,
        }
    }

    /// The gateway's side of it.
    fn configure(&self, config: &mut Config) {
        let webhook = Webhook::new(&self.url, Some(&"let me in".into())).unwrap();
        config.push = Some(Arc::new(webhook));
    }

    fn answer(&self, answers: &[StatusCode]) {
        self.answers.lock().extend(answers);
    }

    async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.posts.recv()).await;
        let (headers, body) = next.expect("no push in time").unwrap();
        assert_eq!(headers["authorization"], "Bearer let me in");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(body["priority"], "high");
        body
    }

    /// The next push: what it is, and for which device.
    async fn said(&mut self) -> String {
        said(&self.next().await)
    }

    /// What else has come, once nothing more can.
    fn rest(mut self) -> Vec<String> {
        self.server.abort();
        let mut rest = Vec::new();
        while let Ok((_, body)) = self.posts.try_recv() {
            rest.push(said(&body));
        }
        rest
    }
}

fn said(body: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (kind, channel) = (text(&body["data"]["type"]), text(&body["channel"]));
    format!("{kind} {} by {channel}", text(&body["deviceId"]))
}

/// A gateway that pushes to the hook.
async fn lab(hook: &Hook, timers: Timers) -> Lab {
    Lab::changed(|config| {
        hook.configure(config);
        config.timers = timers;
        config.turn = Some(Turn {
            urls: vec!["turn:turn.example:3478".into()],
            secret: "north".into(),
        });
    })
    .await
}

async fn register(lab: &Lab, who: &str, device: Value) {
    let token = lab.token(who);
    let reply = request(
        lab.address(),
        "POST",
        "/api/devices",
        Some(&token),
        Some(device),
    )
    .await;
    assert_eq!(reply.status, 204, "{}", reply.body);
}

fn iphone(device: &str) -> Value {
    json!({
        "deviceId": device, "platform": "ios", "token": format!("apns-{device}"),
        "voipToken": format!("voip-{device}"), "environment": "sandbox",
    })
}

fn android(device: &str) -> Value {
    json!({
        "deviceId": device, "platform": "android", "token": format!("fcm-{device}"),
        "environment": "production",
    })
}

fn patient() -> Timers {
    Timers {
        push_grace: Duration::from_secs(3_600),
        ..Timers::default()
    }
}

#[tokio::test]
async fn a_sleeping_phone_is_woken_at_once_and_silenced_when_the_caller_gives_up() {
    let mut hook = Hook::start().await;
    let lab = lab(&hook, patient()).await;
    register(&lab, "bob", iphone("iphone")).await;
    register(&lab, "alice", android("own")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    let ring = hook.next().await;
    assert_eq!(said(&ring), "call iphone by apnsVoip");
    assert_eq!(ring["token"], "voip-iphone");
    assert_eq!(
        (&ring["userId"], &ring["platform"]),
        (&json!(id("bob")), &json!("ios"))
    );
    assert_eq!(ring["environment"], "sandbox");
    let data = &ring["data"];
    assert_eq!(data["callId"], call.as_str());
    assert_eq!(data["conversationId"], direct("alice", "bob"));
    assert_eq!(
        (&data["callerName"], &data["callerUserId"]),
        (&json!("Alice"), &json!(id("alice")))
    );
    assert_eq!(
        (&data["callerAvatar"], &data["isVideo"]),
        (&json!(""), &json!("true"))
    );
    assert_eq!(data["ringDeadline"], ring["expiresAt"]);
    // TURN for two hours, under the callee's name.
    let servers: Value = serde_json::from_str(data["iceServers"].as_str().unwrap()).unwrap();
    let username = servers[0]["username"].as_str().unwrap();
    let (expiry, user) = username.split_once(':').unwrap();
    assert_eq!(user, id("bob"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let life = expiry
        .parse::<u64>()
        .unwrap()
        .saturating_sub(now.unwrap().as_secs());
    assert!((7_100..=7_200).contains(&life), "{life}");

    alice.tell("call:leave", json!({ "callId": call })).await;
    let stop = hook.next().await;
    assert_eq!(said(&stop), "call_cancel iphone by apns");
    assert_eq!(stop["token"], "apns-iphone");
    assert_eq!(
        stop["data"],
        json!({ "type": "call_cancel", "callId": call })
    );
    lab.stop().await;
    assert_eq!(hook.rest(), Vec::<String>::new());
}

#[tokio::test]
async fn a_device_with_a_socket_is_woken_only_when_it_does_not_ring_in_time() {
    let mut hook = Hook::start().await;
    let grace = Duration::from_secs(3);
    let timers = Timers {
        push_grace: grace,
        ..Timers::default()
    };
    let lab = lab(&hook, timers).await;
    for device in ["phone", "tablet", "watch"] {
        register(&lab, "bob", android(device)).await;
    }
    let mut alice = lab.join("alice", "alice-1").await;
    let mut phone = lab.join("bob", "phone").await;
    let mut tablet = lab.join("bob", "tablet").await;
    let begin = tokio::time::Instant::now();
    let call = call_bob(&mut alice, &mut phone).await;
    let ringing = json!({ "callId": call, "deviceId": "tablet" });
    tablet.ask("call:ringing", ringing).await;
    let in_time = begin.elapsed() < grace;
    assert_eq!(hook.said().await, "call watch by fcm");
    let mut woken = vec![hook.said().await];
    if !in_time {
        woken.push(hook.said().await);
    }
    assert!(woken.contains(&"call phone by fcm".to_owned()), "{woken:?}");
    assert!(begin.elapsed() >= grace);
    alice.tell("call:leave", json!({ "callId": call })).await;
    let mut stopped = Vec::new();
    for _ in 0..=woken.len() {
        stopped.push(hook.said().await);
    }
    stopped.sort();
    assert_eq!(stopped[0], "call_cancel phone by fcm");
    assert_eq!(stopped.last().unwrap(), "call_cancel watch by fcm");
    lab.stop().await;
    assert_eq!(hook.rest(), Vec::<String>::new());
}

#[tokio::test]
async fn a_phone_in_the_background_of_another_call_is_woken_at_once() {
    let mut hook = Hook::start().await;
    let lab = lab(&hook, patient()).await;
    register(&lab, "bob", android("phone")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let mut carol = lab.join("carol", "carol-1").await;
    let first = call_bob(&mut alice, &mut bob).await;
    connect(&first, &mut alice, &mut bob).await;
    let hidden = json!({ "callId": first, "participantId": "own" });
    bob.ask("call:backgrounded", hidden).await;
    call(&mut carol, &direct("bob", "carol")).await;
    assert_eq!(hook.said().await, "call phone by fcm");
    lab.stop().await;
}

#[tokio::test]
async fn an_answer_silences_the_devices_that_were_woken_but_for_the_one_that_answers() {
    let mut hook = Hook::start().await;
    let lab = lab(&hook, patient()).await;
    register(&lab, "bob", iphone("iphone")).await;
    register(&lab, "bob", android("tablet")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    let mut woken = [hook.said().await, hook.said().await];
    woken.sort();
    assert_eq!(woken, ["call iphone by apnsVoip", "call tablet by fcm"]);
    let mut iphone = lab.join("bob", "iphone").await;
    let joined = iphone.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(joined["success"], true, "{joined}");
    let stop = hook.next().await;
    assert_eq!(said(&stop), "call_answered_elsewhere tablet by fcm");
    assert_eq!(stop["data"]["callId"], call.as_str());
    lab.stop().await;
    assert_eq!(hook.rest(), Vec::<String>::new());
}

#[tokio::test]
async fn a_decline_by_rest_silences_the_other_devices() {
    let mut hook = Hook::start().await;
    let lab = lab(&hook, patient()).await;
    register(&lab, "bob", android("phone")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    assert_eq!(hook.said().await, "call phone by fcm");
    let path = format!("/api/calls/{call}/decline");
    let token = lab.token("bob");
    let reply = request(lab.address(), "POST", &path, Some(&token), None).await;
    assert_eq!(reply.status, 204);
    assert_eq!(hook.said().await, "call_cancel phone by fcm");
    lab.stop().await;
}

#[tokio::test]
async fn a_push_that_is_not_taken_is_tried_again_and_a_dead_token_forgotten() {
    let mut hook = Hook::start().await;
    let lab = lab(&hook, patient()).await;
    register(&lab, "bob", android("phone")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let down = StatusCode::SERVICE_UNAVAILABLE;
    hook.answer(&[down, StatusCode::TOO_MANY_REQUESTS, StatusCode::OK]);
    let first = call(&mut alice, &direct("alice", "bob")).await;
    for _ in 0..3 {
        assert_eq!(hook.said().await, "call phone by fcm");
    }
    hook.answer(&[StatusCode::GONE]);
    alice.tell("call:leave", json!({ "callId": first })).await;
    assert_eq!(hook.said().await, "call_cancel phone by fcm");
    // The device is gone: to the next call it is not there any more.
    let token = lab.token("bob");
    let until = tokio::time::Instant::now() + PATIENCE;
    let devices = async || {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM devices")
            .fetch_one(&lab.database().await)
            .await
            .unwrap();
        count
    };
    while devices().await > 0 {
        assert!(tokio::time::Instant::now() < until, "the device stays");
    }
    let path = "/api/devices/phone";
    let reply = request(lab.address(), "DELETE", path, Some(&token), None).await;
    assert_eq!(reply.status, 404);
    lab.stop().await;
    assert_eq!(hook.rest(), Vec::<String>::new());
}

#[tokio::test]
async fn failure_9_no_ring_comes_after_its_cancel() {
    let mut hook = Hook::start().await;
    let lab = lab(&hook, patient()).await;
    register(&lab, "bob", android("phone")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    hook.answer(&[StatusCode::SERVICE_UNAVAILABLE; 2]);
    let call = call(&mut alice, &direct("alice", "bob")).await;
    assert_eq!(hook.said().await, "call phone by fcm");
    alice.ask("call:leave", json!({ "callId": call })).await;
    let mut next = hook.said().await;
    while next == "call phone by fcm" {
        next = hook.said().await;
    }
    assert_eq!(next, "call_cancel phone by fcm");
    lab.stop().await;
    let rest = hook.rest();
    assert!(
        !rest.iter().any(|said| said.starts_with("call ")),
        "{rest:?}"
    );
}

#[tokio::test]
async fn what_could_not_be_pushed_before_a_restart_is_pushed_after_it() {
    let lab = Lab::changed(|config| {
        // Nobody listens there.
        let webhook = Webhook::new("http://127.0.0.1:1/push", None).unwrap();
        config.push = Some(Arc::new(webhook));
    })
    .await;
    register(&lab, "bob", android("phone")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    let Lab { gateway, folder } = lab;
    gateway.shutdown().await;
    let mut hook = Hook::start().await;
    let lab = Lab::on(folder, |config| hook.configure(config)).await;
    assert_eq!(hook.said().await, "call phone by fcm");
    let mut alice: Client = lab.join("alice", "alice-1").await;
    // A stop that a restart comes in between with is not lost either.
    hook.answer(&[StatusCode::SERVICE_UNAVAILABLE; 9]);
    alice.ask("call:leave", json!({ "callId": call })).await;
    assert_eq!(hook.said().await, "call_cancel phone by fcm");
    let Lab { gateway, folder } = lab;
    gateway.shutdown().await;
    let mut hook = Hook::start().await;
    let lab = Lab::on(folder, |config| hook.configure(config)).await;
    assert_eq!(hook.said().await, "call_cancel phone by fcm");
    lab.stop().await;
}

#[tokio::test]
async fn a_phone_that_changes_hands_rings_for_its_new_owner_only() {
    let mut hook = Hook::start().await;
    let lab = lab(&hook, patient()).await;
    register(&lab, "bob", android("phone")).await;
    register(&lab, "carol", android("phone")).await;
    let mut alice = lab.join("alice", "alice-1").await;
    call(&mut alice, &direct("alice", "bob")).await;
    call(&mut alice, &direct("alice", "carol")).await;
    let ring = hook.next().await;
    assert_eq!(ring["userId"], id("carol"));
    lab.stop().await;
    assert_eq!(hook.rest(), Vec::<String>::new());
}
