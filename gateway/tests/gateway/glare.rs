//! Two who call each other at the same moment, and others who race: the database decides.

use std::time::Duration;

use ringwire_gateway::{Config, Gateway, Timers};
use serde_json::{Value, json};

use crate::client::{Lab, call, config, direct, ended, id, request};

const PAIRS: [(&str, &str); 6] = [
    ("alice", "bob"),
    ("carol", "echo"),
    ("alice", "carol"),
    ("bob", "echo"),
    ("alice", "echo"),
    ("bob", "carol"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_call_each_other_at_once_one_wins_and_the_other_joins() {
    for _ in 0..4 {
        let lab = Lab::start().await;
        for (one, other) in PAIRS {
            let mut clients = [lab.join(one, one).await, lab.join(other, other).await];
            let [first, second] = &mut clients;
            let initiate = |kind| json!({ "conversationId": direct(one, other), "type": kind });
            let (a, b) = tokio::join!(
                first.ask("call:initiate", initiate("video")),
                second.ask("call:initiate", initiate("audio")),
            );
            let (won, lost, winner, loser) = match a["success"] == true {
                true => (a, b, 0, 1),
                false => (b, a, 1, 0),
            };
            assert_eq!(won["success"], true, "{won}");
            assert_eq!(lost["success"], false, "{lost}");
            let (call, error) = (&won["data"]["callId"], &lost["error"]);
            let kind = ["video", "audio"][winner];
            assert_eq!(error["code"], "CALL_ALREADY_ACTIVE");
            assert_eq!(error["callId"], *call);
            assert_eq!(error["initiatorId"], id([one, other][winner]));
            assert_eq!(error["status"], "initiated");
            assert_eq!(error["type"], kind);
            assert_eq!(error["conversationType"], "direct");
            let joined = clients[loser]
                .ask("call:join", json!({ "callId": call }))
                .await;
            assert_eq!(joined["success"], true, "{joined}");
            let participant = clients[winner].event("call:participant-joined").await;
            let loser_id = id([one, other][loser]);
            assert_eq!(participant["participant"]["userId"], loser_id);
            clients[loser]
                .tell("call:leave", json!({ "callId": call }))
                .await;
            for client in &mut clients {
                assert_eq!(client.event("call:ended").await["callId"], *call);
            }
        }
        lab.stop().await;
    }
}

/// A second gateway on the database of the first: what one process writes, the other has read before.
async fn second(lab: &Lab, timers: Timers) -> Gateway {
    let config = Config {
        demo: false,
        ..config(&lab.folder, timers)
    };
    Gateway::start(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_6_time_out_hang_up_and_decline_at_the_same_moment_make_one_end() {
    let timers = Timers {
        ring_deadline: Duration::from_millis(60),
        sweep_interval: Duration::from_millis(10),
        ..Timers::default()
    };
    let lab = Lab::with(timers).await;
    let other = second(&lab, timers).await;
    let mut reasons = std::collections::BTreeMap::<String, u32>::new();
    for (round, (caller, callee)) in (0..3).flat_map(|round| PAIRS.map(|pair| (round, pair))) {
        let mut client = lab.join(caller, caller).await;
        let call = call(&mut client, &direct(caller, callee)).await;
        // Both clocks, the caller and the callee: around the deadline, each in its own process.
        tokio::time::sleep(Duration::from_millis(30 + 15 * round)).await;
        let path = format!("/api/calls/{call}/decline");
        let token = lab.token(callee);
        let body = Some(json!({ "deviceId": "phone" }));
        let (left, declined) = tokio::join!(
            client.ask("call:leave", json!({ "callId": call })),
            request(other.address(), "POST", &path, Some(&token), body),
        );
        assert_eq!(left, json!({ "success": true }));
        assert_eq!(declined.status, 204, "{}", declined.body);
        let session = ended(lab.address(), &token, &call).await;
        let reason = session["endReason"].as_str().unwrap().to_owned();
        assert!(
            ["missed", "cancelled", "rejected"].contains(&reason.as_str()),
            "{reason}"
        );
        // Whoever comes late changes nothing, and nothing is told twice.
        let again = request(other.address(), "POST", &path, Some(&token), None).await;
        assert_eq!(again.status, 204);
        client.ask("call:end", json!({ "callId": call })).await;
        let told = client.rest().await;
        let ends = told.iter().filter(|name| *name == "call:ended").count();
        assert!(ends <= 1, "{told:?}");
        assert_eq!(
            crate::client::session(lab.address(), &token, &call).await["endReason"],
            reason.as_str()
        );
        *reasons.entry(reason).or_default() += 1;
    }
    assert_eq!(reasons.values().sum::<u32>(), 18, "{reasons:?}");
    other.shutdown().await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_write_one_call_lose_nothing() {
    let lab = Lab::start().await;
    let other = second(&lab, Timers::default()).await;
    let mut alice = lab.join("alice", "alice-1").await;
    let token = lab.token("bob");
    let call = call(&mut alice, &direct("alice", "bob")).await;
    let mut bob = crate::client::Client::sign_in(other.address(), &token, "bob", "bob-1").await;
    let joined = bob.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(joined["success"], true, "{joined}");
    let version = |session: &Value| session["version"].as_u64().unwrap();
    let before = version(&joined["data"]["callSession"]);
    let toggle = |on: bool| json!({ "callId": call, "enabled": on });
    for round in 0..20 {
        let on = round % 2 == 1;
        let (a, b) = tokio::join!(
            alice.ask("call:toggle-audio", toggle(on)),
            bob.ask("call:toggle-video", toggle(on)),
        );
        assert_eq!((&a["success"], &b["success"]), (&json!(true), &json!(true)));
    }
    let after = crate::client::session(lab.address(), &token, &call).await;
    assert_eq!(version(&after), before + 40);
    other.shutdown().await;
    lab.stop().await;
}
