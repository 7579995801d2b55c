//! The gateway as a process that is killed, on a database that may be in trouble.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use parking_lot::Mutex;
use ringwire_gateway::{Gateway, Timers};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::client::{
    Client, PATIENCE, SECRET, call, call_bob, config, connect, database, direct, id, request,
    signal,
};

/// `ringwire-gateway` with demo people.
struct Process {
    child: Child,
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Process {
    async fn start(folder: &tempfile::TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ringwire-gateway"))
            .args(["--demo", "--listen", "127.0.0.1:0", "--database"])
            .arg(folder.path().join("gateway.db"))
            .env("RINGWIRE_JWT_SECRET", SECRET)
            .env("RUST_LOG", "error")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (kept, mut out) = (
            lines.clone(),
            BufReader::new(child.stdout.take().unwrap()).lines(),
        );
        let (found, address) = tokio::sync::oneshot::channel();
        let reader = tokio::spawn(async move {
            let mut found = Some(found);
            while let Ok(Some(line)) = out.next_line().await {
                if let Some(address) = line.strip_prefix("http://") {
                    found
                        .take()
                        .unwrap()
                        .send(address.parse().unwrap())
                        .unwrap();
                }
                kept.lock().push(line);
            }
        });
        let address = tokio::time::timeout(PATIENCE, address)
            .await
            .expect("it does not start")
            .expect("it ended at once");
        Self {
            child,
            address,
            lines,
            reader,
        }
    }

    /// SIGKILL: no farewell, nothing is written any more. What it had logged.
    async fn kill(mut self) -> Vec<String> {
        self.child.kill().await.unwrap();
        self.reader.await.unwrap();
        std::mem::take(&mut self.lines.lock())
    }

    async fn join(&self, username: &str, device: &str) -> Client {
        Client::sign_in(self.address, &self.token(username).await, username, device).await
    }

    async fn token(&self, username: &str) -> String {
        let body = Some(json!({ "username": username }));
        let reply = request(self.address, "POST", "/api/demo/login", None, body).await;
        reply.json()["token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn failure_7_a_gateway_killed_in_mid_call_ends_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    let mut bob = process.join("bob", "phone").await;
    let call = call_bob(&mut alice, &mut bob).await;
    connect(&call, &mut alice, &mut bob).await;
    bob.ask(
        "call:toggle-audio",
        json!({ "callId": call, "enabled": false }),
    )
    .await;
    // What waits for somebody whose socket is gone waits in the database.
    bob.drop_socket().await;
    let restart = signal("ice-restart", "alice", "bob", 2);
    let sent = alice
        .ask("call:signal", json!({ "callId": call, "signal": restart }))
        .await;
    assert_eq!(sent, json!({ "success": true }));
    let before = alice.ask("call:heartbeat", json!({ "callId": call })).await;
    process.kill().await;
    alice.closes().await;

    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    let mut bob = process.join("bob", "phone").await;
    let got = bob.event("call:signal").await;
    assert_eq!(got["signal"]["type"], "ice-restart");
    for client in [&mut alice, &mut bob] {
        let joined = client.ask("call:join", json!({ "callId": call })).await;
        assert_eq!(joined["success"], true, "{joined}");
    }
    let active = alice.ask("call:check-active", Value::Null).await;
    let session = &active["calls"][0];
    assert_eq!(
        (&session["id"], &session["status"]),
        (&json!(call), &json!("active"))
    );
    assert!(session["version"].as_u64() >= before["version"].as_u64());
    let rows = session["participants"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{session}");
    let bobs = rows.iter().find(|p| p["userId"] == id("bob")).unwrap();
    assert_eq!(bobs["isAudioEnabled"], false);
    alice.tell("call:leave", json!({ "callId": call })).await;
    assert_eq!(bob.event("call:ended").await["reason"], "completed");
    process.kill().await;
}

#[tokio::test]
async fn a_gateway_killed_while_it_rings_rings_on_until_the_same_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    let mut bob = process.join("bob", "phone").await;
    let call = call(&mut alice, &direct("alice", "bob")).await;
    let deadline = bob.event("call:initiated").await["ringDeadline"].clone();
    let ringing = json!({ "callId": call, "deviceId": "phone" });
    bob.ask("call:ringing", ringing.clone()).await;
    let offer = json!({ "callId": call, "signal": signal("offer", "alice", "bob", 1) });
    alice.ask("call:signal", offer).await;
    process.kill().await;

    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    // The caller learns again who rings, and the callee what was offered.
    assert_eq!(alice.event("call:ringing").await["deviceId"], "phone");
    let mut bob = process.join("bob", "phone").await;
    let ring = bob.event("call:initiated").await;
    assert_eq!(
        (&ring["callId"], &ring["ringDeadline"]),
        (&json!(call), &deadline)
    );
    bob.ask("call:ringing", ringing).await;
    assert_eq!(bob.event("call:signal").await["signal"]["type"], "offer");
    let answer = json!({ "callId": call, "signal": signal("answer", "bob", "alice", 1) });
    bob.ask("call:signal", answer).await;
    assert_eq!(alice.event("call:signal").await["signal"]["type"], "answer");
    let joined = bob.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(joined["data"]["callSession"]["status"], "active");
    alice.event("call:participant-joined").await;
    process.kill().await;
}

#[tokio::test]
async fn what_was_committed_and_told_to_nobody_is_found_by_those_who_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    let mut bob = process.join("bob", "phone").await;
    let over = call_bob(&mut alice, &mut bob).await;
    connect(&over, &mut alice, &mut bob).await;
    // Another process on the same database commits, and tells none of this one's sockets: as this
    // one would leave it, killed between the two.
    let other = Gateway::start(config(&folder, Timers::default()))
        .await
        .unwrap();
    let token = other.mint_token("bob").unwrap();
    let mut elsewhere = Client::sign_in(other.address(), &token, "bob", "phone").await;
    elsewhere.ask("call:leave", json!({ "callId": over })).await;
    let token = other.mint_token("carol").unwrap();
    let mut carol = Client::sign_in(other.address(), &token, "carol", "carol-1").await;
    let rings = call(&mut carol, &direct("alice", "carol")).await;
    other.shutdown().await;
    assert!(!alice.rest().await.contains(&"call:ended".to_owned()));
    process.kill().await;

    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    assert_eq!(
        alice.event("call:initiated").await["callId"],
        rings.as_str()
    );
    let active = alice.ask("call:check-active", Value::Null).await;
    let calls = active["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "a ghost: {active}");
    assert_eq!(calls[0]["id"], rings.as_str());
    let beat = alice.ask("call:heartbeat", json!({ "callId": over })).await;
    assert_eq!(beat["status"], "ended");
    // Nobody is blocked.
    call(&mut alice, &direct("alice", "bob")).await;
    process.kill().await;
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_set_aside_and_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    let broken = call(&mut alice, &direct("alice", "bob")).await;
    let mut carol = process.join("carol", "carol-1").await;
    let sound = call(&mut carol, &direct("alice", "carol")).await;
    let database = database(&folder).await;
    sqlx::query("UPDATE calls SET state = '{\"id\":' WHERE id = ?")
        .bind(&broken)
        .execute(&database)
        .await
        .unwrap();
    sqlx::query("UPDATE calls SET mailbox = 'no' WHERE id = ?")
        .bind(&sound)
        .execute(&database)
        .await
        .unwrap();
    // Its people are told so, and nothing else suffers.
    for event in ["call:heartbeat", "call:leave", "call:join"] {
        let refused = alice.ask(event, json!({ "callId": broken })).await;
        assert_eq!(refused["error"]["code"], "CALL_NOT_FOUND", "{event}");
        assert_eq!(refused["error"]["callId"], broken.as_str());
    }
    let active = alice.ask("call:check-active", Value::Null).await;
    assert_eq!(active["calls"].as_array().unwrap().len(), 1);
    assert_eq!(active["calls"][0]["id"], sound.as_str());
    let freed = json!({ "conversationId": direct("alice", "bob") });
    assert_eq!(alice.ask("call:force-leave", freed).await["success"], true);
    let next = call(&mut alice, &direct("alice", "bob")).await;
    assert_ne!(next, broken);
    let history = request(
        process.address,
        "GET",
        "/api/calls",
        Some(&process.token("alice").await),
        None,
    )
    .await
    .json();
    let ids: Vec<&Value> = history["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["id"])
        .collect();
    assert_eq!(ids, [&json!(next), &json!(sound)]);
    let mut logged = process.kill().await;

    // Broken again while nobody looks: a start is not stopped either.
    sqlx::query("UPDATE calls SET state = '' WHERE id = ?")
        .bind(&next)
        .execute(&database)
        .await
        .unwrap();
    let process = Process::start(&folder).await;
    let mut alice = process.join("alice", "alice-1").await;
    call(&mut alice, &direct("alice", "bob")).await;
    logged.extend(process.kill().await);
    let said = |call: &str, what: &str| {
        let hit = |line: &&String| line.contains(call) && line.contains(what);
        logged.iter().filter(hit).count()
    };
    assert_eq!(
        said(
            &broken,
            "SELECT * FROM calls WHERE set_aside_at IS NOT NULL"
        ),
        1
    );
    assert_eq!(said(&next, "was set aside"), 1, "{logged:#?}");
    assert_eq!(said(&sound, "were dropped"), 1);
    // The rows are kept as they were.
    let kept: Vec<(String, String)> =
        sqlx::query_as("SELECT id, state FROM calls WHERE set_aside_at IS NOT NULL ORDER BY rowid")
            .fetch_all(&database)
            .await
            .unwrap();
    assert_eq!(
        kept,
        [(broken, "{\"id\":".to_owned()), (next, String::new())]
    );
}
