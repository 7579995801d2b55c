//! The server's half of what went wrong in production elsewhere, by its number in the contract.
//! Failure 6 is in `glare`, failure 7 in `process`, failure 9 in `pushes`.

use ringwire_gateway::demo;
use serde_json::{Value, json};

use crate::client::{
    Client, Lab, call, call_bob, candidate, connect, direct, id, negotiate, signal,
};

#[tokio::test]
async fn failure_1_a_woken_device_signals_before_it_rings_and_before_it_joins() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    // Woken by a push: it knows the call's id, and says everything at once.
    let mut bob = lab.join("bob", "phone").await;
    let early = json!({ "callId": call, "signal": candidate("bob", "alice", 1, 9) });
    let ringing = json!({ "callId": call, "deviceId": "phone" });
    for (event, payload) in [
        ("call:signal", early.clone()),
        ("call:ringing", ringing),
        ("call:signal", early),
        ("call:request-ice-servers", json!({ "callId": call })),
        ("call:join", json!({ "callId": call })),
    ] {
        let answer = bob.ask(event, payload).await;
        assert_eq!(answer["success"], true, "{event}: {answer}");
    }
    for _ in 0..2 {
        let got = alice.event("call:signal").await;
        assert_eq!(got["signal"]["type"], "ice-candidate");
    }
    lab.stop().await;
}

#[tokio::test]
async fn failure_2_a_burst_of_candidates_hits_no_limit_and_a_limit_ends_no_call() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    let port = |n: u16| json!({ "callId": call, "signal": candidate("alice", "bob", 1, n) });
    for n in 0..150 {
        let sent = alice.ask("call:signal", port(n)).await;
        assert_eq!(sent["success"], true, "{n}: {sent}");
    }
    // Beyond it: told to wait, and nothing else is counted with it.
    let mut limited = Value::Null;
    for n in 150..1_000 {
        limited = alice.ask("call:signal", port(n)).await;
        if limited["success"] == false {
            break;
        }
    }
    assert_eq!(limited["error"]["code"], "RATE_LIMIT_EXCEEDED", "{limited}");
    assert_eq!(limited["error"]["callId"], call.as_str());
    let wait = limited["error"]["retryAfter"].as_f64().unwrap();
    assert!(wait > 0.0 && wait <= 5.0, "{wait}");
    let restart = json!({ "callId": call, "signal": signal("ice-restart", "alice", "bob", 2) });
    assert_eq!(alice.ask("call:signal", restart).await["success"], true);
    let beat = bob.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "active");
    lab.stop().await;
}

#[tokio::test]
async fn failure_4_an_offer_for_a_socket_that_is_not_there_yet_is_kept() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    let offer = json!({ "callId": call, "signal": signal("offer", "alice", "bob", 1) });
    assert_eq!(alice.ask("call:signal", offer).await["success"], true);
    let mut bob = lab.join("bob", "phone").await;
    bob.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(bob.event("call:signal").await["signal"]["type"], "offer");
    // The answer, too: the caller's socket is away.
    alice.drop_socket().await;
    let answer = json!({ "callId": call, "signal": signal("answer", "bob", "alice", 1) });
    assert_eq!(bob.ask("call:signal", answer).await["success"], true);
    let mut alice = lab.join("alice", "alice-1").await;
    assert_eq!(alice.event("call:signal").await["signal"]["type"], "answer");
    lab.stop().await;
}

#[tokio::test]
async fn failure_5_of_two_sockets_of_one_user_one_is_in_the_call() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut phone = lab.join("bob", "phone").await;
    let mut tablet = lab.join("bob", "tablet").await;
    let call = call_bob(&mut alice, &mut phone).await;
    connect(&call, &mut alice, &mut phone).await;
    tablet.ask("call:join", json!({ "callId": call })).await;
    let out = phone.event("call:force-leave").await;
    assert_eq!(
        (&out["callId"], &out["code"]),
        (&json!(call), &json!("answeredElsewhere"))
    );
    // The one that is out is heard no more, and ends nothing when it goes.
    for (event, payload) in [
        ("call:heartbeat", json!({ "callId": call })),
        ("call:hold", json!({ "callId": call, "enabled": true })),
    ] {
        let refused = phone.ask(event, payload).await;
        assert_eq!(refused["error"]["code"], "NOT_IN_CALL", "{event}");
    }
    let stray = json!({ "callId": call, "signal": signal("offer", "bob", "alice", 9) });
    let refused = phone.ask("call:signal", stray).await;
    assert_eq!(refused["error"]["code"], "NOT_A_PARTICIPANT");
    phone.ask("call:leave", json!({ "callId": call })).await;
    phone.drop_socket().await;
    let session = crate::client::session(lab.address(), &lab.token("alice"), &call).await;
    let here: Vec<&Value> = session["participants"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["leftAt"].is_null() && p["userId"] == id("bob"))
        .map(|p| &p["deviceId"])
        .collect();
    assert_eq!(here, ["tablet"], "{session}");
    assert_eq!(session["status"], "active");
    lab.stop().await;
}

#[tokio::test]
async fn failure_5_two_sockets_of_one_device_are_one_and_either_may_go() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut old = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut old).await;
    connect(&call, &mut alice, &mut old).await;
    let restart = json!({ "callId": call, "signal": signal("ice-restart", "alice", "bob", 2) });
    // Its next socket is there before the old one is known to be dead.
    let mut new = lab.join("bob", "phone").await;
    let again = new.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(again["success"], true, "{again}");
    alice.ask("call:signal", restart).await;
    assert_eq!(
        new.event("call:signal").await["signal"]["type"],
        "ice-restart"
    );
    let version = |beat: &Value| beat["version"].as_u64().unwrap();
    let beat = json!({ "callId": call });
    let before = version(&alice.ask("call:heartbeat", beat.clone()).await);
    old.send("41".into()).await;
    old.closes().await;
    // The farewell of the old one is through when a socket that came after it is greeted.
    let mut other = lab.join("bob", "watch").await;
    other.rest().await;
    let told = new.rest().await;
    assert!(
        !told.contains(&"call:signal".to_owned()),
        "sent twice: {told:?}"
    );
    let after = alice.ask("call:heartbeat", beat).await;
    assert_eq!(
        (&after["status"], version(&after)),
        (&json!("active"), before)
    );
    lab.stop().await;
}

#[tokio::test]
async fn failure_5_two_sockets_without_a_device_of_their_own() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    let auth = json!({ "authToken": lab.token("bob"), "tokenType": "jwt" });
    let mut one = Client::connect(lab.address(), auth.clone()).await.unwrap();
    let mut two = Client::connect(lab.address(), auth).await.unwrap();
    one.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(
        two.event("call:already-answered").await["callId"],
        call.as_str()
    );
    two.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(
        one.event("call:force-leave").await["code"],
        "answeredElsewhere"
    );
    negotiate(&call, &mut alice, &mut two).await;
    assert!(!one.rest().await.contains(&"call:signal".to_owned()));
    lab.stop().await;
}

#[tokio::test]
async fn failure_8_reconnecting_before_an_answer_means_nothing() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    bob.ask("call:join", json!({ "callId": call })).await;
    for event in ["call:reconnecting", "call:reconnected"] {
        let own = json!({ "callId": call, "participantId": "own", "attempt": 1 });
        assert_eq!(alice.ask(event, own).await["success"], true);
    }
    let beat = bob.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "initiated");
    let told = bob.rest().await;
    assert!(
        !told.iter().any(|name| name.starts_with("call:reconnect")),
        "{told:?}"
    );
    negotiate(&call, &mut alice, &mut bob).await;
    let beat = bob.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "active");
    lab.stop().await;
}

#[tokio::test]
async fn failure_10_already_answered_comes_with_the_accept_and_with_nothing_before_it() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut phone = lab.join("bob", "phone").await;
    let mut tablet = lab.join("bob", "tablet").await;
    let call = call_bob(&mut alice, &mut phone).await;
    let answered = "call:already-answered".to_owned();
    let ringing = json!({ "callId": call, "deviceId": "phone" });
    phone.ask("call:ringing", ringing).await;
    let offer = json!({ "callId": call, "signal": signal("offer", "alice", "bob", 1) });
    alice.ask("call:signal", offer).await;
    let answer = json!({ "callId": call, "signal": signal("answer", "bob", "alice", 1) });
    assert_eq!(phone.ask("call:signal", answer).await["success"], true);
    for client in [&mut phone, &mut tablet, &mut alice] {
        assert!(!client.rest().await.contains(&answered));
    }
    phone.ask("call:join", json!({ "callId": call })).await;
    let told = tablet.event("call:already-answered").await;
    assert_eq!(
        (&told["callId"], &told["deviceId"]),
        (&json!(call), &json!("phone"))
    );
    for client in [&mut phone, &mut alice] {
        assert!(!client.rest().await.contains(&answered));
    }
    lab.stop().await;
}

#[tokio::test]
async fn failure_11_every_error_names_the_call_that_it_is_about() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    let of = |extra: Value| {
        let mut payload = json!({ "callId": "another-call" });
        payload
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        payload
    };
    for (event, payload) in [
        ("call:join", of(json!({}))),
        ("call:leave", of(json!({}))),
        ("call:heartbeat", of(json!({}))),
        ("call:request-ice-servers", of(json!({}))),
        ("call:subscribe", of(json!({ "wants": [] }))),
        ("call:hold", of(json!({ "enabled": true }))),
        (
            "call:signal",
            of(json!({ "signal": signal("offer", "alice", "bob", 1) })),
        ),
        // Not well-formed, and still about that call.
        ("call:hold", of(json!({ "enabled": "yes" }))),
        ("call:signal", of(json!({ "signal": { "type": "offer" } }))),
    ] {
        let refused = alice.ask(event, payload.clone()).await;
        assert_eq!(refused["success"], false, "{event}: {refused}");
        assert_eq!(
            refused["error"]["callId"], "another-call",
            "{event}: {refused}"
        );
        alice.tell(event, payload).await;
        assert_eq!(
            alice.event("call:error").await["callId"],
            "another-call",
            "{event}"
        );
    }
    let beat = bob.ask("call:heartbeat", json!({ "callId": call })).await;
    assert_eq!(beat["status"], "active");
    lab.stop().await;
}

#[tokio::test]
async fn failure_13_one_decline_hang_up_or_answer_ends_no_groups_ring() {
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "phone").await;
    let mut carol = lab.join("carol", "carol-1").await;
    let call = call(&mut alice, demo::GROUP).await;
    carol.event("call:initiated").await;
    let named = json!({ "callId": call });
    bob.ask("call:end", json!({ "callId": call, "reason": "rejected" }))
        .await;
    let rings = async |client: &mut Client| {
        let active = client.ask("call:check-active", Value::Null).await;
        active["calls"]
            .as_array()
            .unwrap()
            .iter()
            .any(|c| c["id"] == call.as_str())
    };
    assert!(rings(&mut carol).await);
    // He thinks better of it, joins, and hangs up again.
    assert_eq!(bob.ask("call:join", named.clone()).await["success"], true);
    assert!(rings(&mut carol).await);
    bob.ask("call:leave", named.clone()).await;
    assert!(rings(&mut carol).await);
    assert!(!carol.rest().await.contains(&"call:ended".to_owned()));
    assert_eq!(carol.ask("call:join", named).await["success"], true);
    assert!(!alice.rest().await.contains(&"call:ended".to_owned()));
    lab.stop().await;
}
