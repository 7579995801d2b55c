//! The driver against Node's `socket.io` server, in a process of its own. Where it lies says the
//! variable RINGWIRE_NODE_MODULES, which `cargo xtask test` sets; without it these tests are
//! skipped, and fail where CI=true.

#![allow(clippy::unwrap_used)]

use std::process::Stdio;
use std::time::Duration;

use ringwire_protocol::auth::{Identity, TokenType};
use ringwire_protocol::client::{End, Join, Nothing, OfCall, OfConversation, Segment};
use ringwire_protocol::client::{Toggle, Transcription};
use ringwire_protocol::{
    Ack, Auth, CallEndReason, CallId, ClientEvent, ConversationId, ErrorCode, ServerEvent,
};
use ringwire_signaling::{
    AckFailure, DriverConfig, EmitError, Signaling, SignalingEvent as E, limits,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server, ended with the handle on it.
struct Server {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Server {
    /// `None` where Node's modules are not named.
    async fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let Some(modules) = std::env::var_os("RINGWIRE_NODE_MODULES") else {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "RINGWIRE_NODE_MODULES is not set");
            eprintln!("skipped: RINGWIRE_NODE_MODULES does not say where socket.io lies");
            return None;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server.cjs");
        let mut child = Command::new("node")
            .arg(script)
            .env("RINGWIRE_NODE_MODULES", modules)
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut server = Self {
            child,
            said,
            port: 0,
        };
        let port = server.says("port").await;
        server.port = u16::try_from(port.as_u64().unwrap()).unwrap();
        Some(server)
    }

    /// Waits until the server says `key`; what it says of it.
    async fn says(&mut self, key: &str) -> Value {
        let search = async {
            loop {
                let line = self.said.next_line().await.unwrap();
                let line: Value = serde_json::from_str(&line.expect("the server lives")).unwrap();
                if let Some(value) = line.get(key) {
                    return value.clone();
                }
            }
        };
        let said = timeout(PATIENCE, search).await;
        said.unwrap_or_else(|_| panic!("the server says nothing of {key}"))
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    #[cfg(target_os = "linux")]
    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
    }
}

/// A connection and what it tells.
struct Client {
    signaling: Signaling,
    events: mpsc::Receiver<E>,
}

impl Client {
    fn to(url: String, token: &str, extra_roots: Option<String>) -> Self {
        let config = DriverConfig {
            url,
            auth: auth(token),
            seed: 11,
            extra_roots,
        };
        let runtime = tokio::runtime::Handle::current();
        let (signaling, events) = Signaling::connect(config, &runtime).unwrap();
        Self { signaling, events }
    }

    fn new(server: &Server, token: &str) -> Self {
        Self::to(format!("http://127.0.0.1:{}", server.port), token, None)
    }

    async fn connected(server: &Server) -> Self {
        let mut client = Self::new(server, "alice");
        client.until(|event| matches!(event, E::Connected(_))).await;
        client
    }

    async fn next(&mut self) -> E {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("not closed")
    }

    /// The first event that is wanted; the ones before are passed over.
    async fn until(&mut self, wanted: impl Fn(&E) -> bool) -> E {
        let mut before = Vec::new();
        loop {
            match timeout(PATIENCE, self.events.recv()).await {
                Ok(Some(event)) if wanted(&event) => return event,
                Ok(Some(event)) => before.push(event),
                other => panic!("{other:?} after {before:?}"),
            }
        }
    }

    async fn lost(&mut self) -> String {
        match self.until(|event| matches!(event, E::Lost { .. })).await {
            E::Lost { reason, .. } => reason,
            _ => unreachable!("only the lost are let through"),
        }
    }

    async fn ack(&mut self, event: ClientEvent) -> Result<Ack, AckFailure> {
        self.signaling.emit(event, Some(5)).unwrap();
        match self.until(|event| matches!(event, E::Ack { .. })).await {
            E::Ack { op: 5, outcome } => outcome,
            other => panic!("{other:?} is of another"),
        }
    }
}

fn auth(token: &str) -> Auth {
    Auth {
        identity: Identity::User {
            auth_token: token.into(),
            token_type: TokenType::Jwt,
        },
        client: None,
    }
}

fn call() -> CallId {
    CallId::new("c1").unwrap()
}

fn heartbeat() -> ClientEvent {
    ClientEvent::Heartbeat(OfCall { call_id: call() })
}

/// A text of `up` letters, answered with one of `down` letters of two bytes.
fn segment(up: usize, down: u64) -> ClientEvent {
    ClientEvent::TranscriptionSegment(Transcription {
        call_id: call(),
        segment: Segment {
            id: None,
            text: "x".repeat(up),
            speaker_id: None,
            start_ms: 0,
            end_ms: down,
            is_final: true,
            confidence: None,
            language: "fr".into(),
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_connects_authenticates_and_says_goodbye() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::new(&server, "alice");
    assert_eq!(client.next().await, E::Connecting { attempt: 1 });
    let E::Connected(who) = client.next().await else {
        panic!("not connected");
    };
    assert_eq!(who.user.id.as_str(), "alice");
    assert_eq!(who.version.as_deref(), Some("node"));
    assert_eq!(server.says("connect").await, json!("alice"));

    client.signaling.close().await;
    assert_eq!(
        server.says("disconnect").await,
        json!("client namespace disconnect")
    );
    assert_eq!(client.next().await, E::Closed);
    assert_eq!(client.events.recv().await, None);
    assert_eq!(
        client.signaling.emit(heartbeat(), None),
        Err(EmitError::Closed)
    );
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_or_the_receiver_ends_the_connection() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let client = Client::connected(&server).await;
    drop(client.signaling);
    server.says("disconnect").await;
    let client = Client::connected(&server).await;
    drop(client.events);
    server.says("disconnect").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_waits_for_another() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::new(&server, "bad1");
    let refused = |event: &E| matches!(event, E::Refused { .. });
    let E::Refused { code, message } = client.until(refused).await else {
        unreachable!("only the refused are let through");
    };
    assert_eq!(code, ErrorCode::NotAuthenticated);
    assert_eq!(message, "jwt malformed");
    assert_eq!(server.says("connect").await, json!("bad1"));

    client.signaling.set_auth(auth("bad2"));
    client.until(refused).await;
    assert_eq!(server.says("connect").await, json!("bad2"));
    client.signaling.set_auth(auth("bob"));
    client.until(|event| matches!(event, E::Connected(_))).await;
    assert_eq!(server.says("connect").await, json!("bob"));
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_waits_for_another() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    let leave = ClientEvent::ForceLeave(OfConversation {
        conversation_id: ConversationId::new("v").unwrap(),
    });
    client.signaling.emit(leave, None).unwrap();
    let expired = client.next().await;
    assert!(matches!(expired, E::TokenExpired { code, .. } if code == "TOKEN_EXPIRED"));
    client.signaling.set_auth(auth("fresh"));
    client.until(|event| matches!(event, E::Connected(_))).await;
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_authenticated_is_taken_at_its_answer() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    // {"sub":"alice"}
    let mut client = Client::new(&server, "e30.eyJzdWIiOiJhbGljZSJ9.sig");
    let connected = client.until(|event| matches!(event, E::Connected(_))).await;
    assert!(matches!(connected, E::Connected(who) if who.user.id.as_str() == "alice"));
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_acked_refused_or_time_out() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    let Ok(Ack::Heartbeat(beat)) = client.ack(heartbeat()).await else {
        panic!("no answer to the heartbeat");
    };
    assert_eq!(beat.version, Some(7));
    let active = client.ack(ClientEvent::CheckActive(Nothing {})).await;
    assert!(matches!(active, Ok(Ack::Active(_))));
    // The ack alone: the event has no payload.
    assert_eq!(server.says("checkActiveArgs").await, json!(1));
    let join = ClientEvent::Join(Join {
        call_id: call(),
        settings: None,
        device_id: None,
    });
    let refused = client.ack(join).await;
    assert!(
        matches!(refused, Err(AckFailure::Refused(error)) if error.code == ErrorCode::CallEnded)
    );
    let end = ClientEvent::End(End {
        call_id: call(),
        reason: Some(CallEndReason::Completed),
    });
    assert_eq!(client.ack(end).await, Err(AckFailure::Timeout));
    server.says("end").await;
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_the_server_come_through_and_odd_ones_break_nothing() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    let toggle = ClientEvent::ToggleAudio(Toggle {
        call_id: call(),
        enabled: false,
    });
    client.signaling.emit(toggle, None).unwrap();
    // The unknown event is left out.
    let E::Event(ServerEvent::Error(error)) = client.next().await else {
        panic!("no error");
    };
    assert_eq!(error.message, "plus lentement ☎");
    assert!(matches!(
        client.next().await,
        E::Event(ServerEvent::MediaToggled(_))
    ));
    // A packet with an attachment, the attachment, and one whose `callId` is missing.
    for (count, word) in [(1, "binary"), (2, "binary"), (3, "callId")] {
        let E::BadFrame { problem, count: n } = client.next().await else {
            panic!("no bad frame");
        };
        assert!(problem.contains(word) && n == count, "{n}: {problem}");
    }
    assert!(matches!(
        client.next().await,
        E::Event(ServerEvent::Ended(_))
    ));
    // The server asked for an ack and has got an empty one.
    assert_eq!(server.says("answer").await, json!(true));
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_payloads_pass_and_too_large_ones_break_the_connection_only() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    client
        .signaling
        .emit(segment(900_000, 450_000), None)
        .unwrap();
    assert_eq!(server.says("text").await, json!(900_000));
    let E::Event(ServerEvent::TranslatedSegment(translated)) = client.next().await else {
        panic!("no segment");
    };
    let filler = &translated.translation.unwrap()["filler"];
    assert_eq!(filler.as_str().unwrap().len(), 900_000);

    // Over the server's maxPayload: it would end the connection, so it is not sent.
    client.signaling.emit(segment(1_000_000, 0), None).unwrap();
    assert!(matches!(client.next().await, E::BadFrame { .. }));

    client.signaling.emit(segment(1, 600_000), None).unwrap();
    let reason = client.lost().await;
    assert!(reason.contains("WebSocket"), "{reason}");
    client.until(|event| matches!(event, E::Connected(_))).await;
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_pings_are_answered() {
    let settings = [("PING_INTERVAL", "100"), ("PING_TIMEOUT", "5000")];
    let Some(mut server) = Server::start(&settings).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    for _ in 0..10 {
        server.says("pong").await;
    }
    client.signaling.close().await;
    assert_eq!(client.next().await, E::Closed);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_is_lost_and_found_again() {
    use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
    let settings = [("PING_INTERVAL", "500"), ("PING_TIMEOUT", "500")];
    let Some(server) = Server::start(&settings).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    server.signal(SIGSTOP);
    assert_eq!(client.lost().await, "the server fell silent");
    server.signal(SIGCONT);
    client.until(|event| matches!(event, E::Connected(_))).await;
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_by_the_server_is_followed_by_a_connection() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    let leave = ClientEvent::Leave(OfCall { call_id: call() });
    client.signaling.emit(leave, None).unwrap();
    assert_eq!(client.lost().await, "the server disconnected us");
    client.until(|event| matches!(event, E::Connected(_))).await;
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_started_again_is_found() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let port = server.port.to_string();
    let mut client = Client::connected(&server).await;
    server.kill().await;
    client.lost().await;
    client.signaling.emit(heartbeat(), Some(9)).unwrap();
    let failed = client.until(|event| matches!(event, E::Ack { .. })).await;
    assert!(matches!(
        failed,
        E::Ack {
            op: 9,
            outcome: Err(AckFailure::Disconnected)
        }
    ));
    let again = |event: &E| matches!(event, E::Connecting { attempt } if *attempt >= 3);
    client.until(again).await;
    let server = Server::start(&[("PORT", &port)]).await.unwrap();
    client.signaling.network_changed();
    client.until(|event| matches!(event, E::Connected(_))).await;
    assert!(client.ack(heartbeat()).await.is_ok());
    client.signaling.close().await;
    server.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_change_probes_the_server_and_keeps_the_connection() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let mut client = Client::connected(&server).await;
    client.signaling.network_changed();
    server.says("probe").await;
    // Node answered the probe: the connection is still there when its time is over.
    let silent = timeout(limits::PROBE + Duration::from_secs(1), client.events.recv());
    assert!(silent.await.is_err());
    assert!(client.ack(heartbeat()).await.is_ok());
    client.signaling.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_only_a_server_that_a_root_vouches_for_is_trusted() {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let signed = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
    let settings = [("CERTIFICATE", &*certificate), ("KEY", &*key)];
    let Some(server) = Server::start(&settings).await else {
        return;
    };
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}", server.port);
        let mut client = Client::to(url.clone(), "alice", Some(certificate.clone()));
        client.until(|event| matches!(event, E::Connected(_))).await;
        assert!(client.ack(heartbeat()).await.is_ok());
        client.signaling.close().await;

        let mut stranger = Client::to(url, "alice", None);
        let reason = stranger.lost().await;
        assert!(reason.starts_with("TLS: "), "{reason}");
        stranger.signaling.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_reads_no_events_can_still_close() {
    let settings = [("PING_INTERVAL", "300"), ("PING_TIMEOUT", "300000")];
    let Some(mut server) = Server::start(&settings).await else {
        return;
    };
    let client = Client::connected(&server).await;
    let toggle = ClientEvent::ToggleAudio(Toggle {
        call_id: call(),
        enabled: false,
    });
    // Each makes six events; none is taken.
    let mut sent = 0;
    while sent * 6 < limits::MAX_EVENTS * 2 {
        match client.signaling.emit(toggle.clone(), None) {
            Ok(()) => sent += 1,
            Err(EmitError::Full) => {
                if client.events.len() == limits::MAX_EVENTS {
                    break;
                }
                tokio::task::yield_now().await;
            }
            Err(EmitError::Closed) => panic!("closed"),
        }
    }
    timeout(PATIENCE, async {
        while client.events.len() < limits::MAX_EVENTS {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the queue fills up");
    timeout(PATIENCE, client.signaling.close())
        .await
        .expect("it closes in time");
    server.says("disconnect").await;
}
