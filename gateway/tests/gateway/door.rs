//! Who is let in, and with what they are turned away.

use ringwire_gateway::{Config, Gateway, Timers, Tls, Turn, demo};
use ringwire_protocol::ConversationId;
use serde_json::{Value, json};

use crate::client::{Client, Lab, PATIENCE, SECRET, call_bob, config, direct, id, request};

#[tokio::test]
async fn a_bad_token_gets_a_connect_error() {
    let lab = Lab::start().await;
    for auth in [
        json!({ "authToken": "a.b.c", "tokenType": "jwt" }),
        json!({ "authToken": lab.gateway.mint_token("nobody").unwrap(), "tokenType": "jwt" }),
        json!({ "authToken": lab.gateway.mint_token("alice").unwrap(), "tokenType": "other" }),
        json!({ "sessionToken": lab.gateway.mint_token("alice").unwrap(), "sessionType": "anonymous" }),
        json!({}),
    ] {
        let error = Client::connect(lab.address(), auth.clone())
            .await
            .err()
            .unwrap_or_else(|| panic!("let in with {auth}"));
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("NOT_AUTHENTICATED: "), "{message}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_client_of_the_seeds_day_is_let_in_without_a_device() {
    let lab = Lab::start().await;
    let token = lab.gateway.mint_token("alice").unwrap();
    let auth = json!({ "authToken": token, "tokenType": "jwt" });
    let mut alice = Client::connect(lab.address(), auth).await.unwrap();
    let greeting = alice.event("authenticated").await;
    assert_eq!(greeting["success"], true);
    assert_eq!(greeting["user"]["isAnonymous"], false);
    assert!(
        greeting["capabilities"]
            .as_array()
            .unwrap()
            .contains(&json!("ringing"))
    );
    lab.stop().await;
}

#[tokio::test]
async fn a_guest_calls_with_a_session_token() {
    let lab = Lab::start().await;
    let group = ConversationId::new(demo::GROUP).unwrap();
    let guest = lab.gateway.invite_guest(&group, "Gil").await.unwrap();
    let mut bob = lab.join("bob", "phone").await;
    let auth = json!({ "sessionToken": guest.session_token, "sessionType": "anonymous" });
    let mut gil = Client::connect(lab.address(), auth).await.unwrap();
    assert_eq!(
        gil.event("authenticated").await["user"]["isAnonymous"],
        true
    );
    gil.ask(
        "call:initiate",
        json!({ "conversationId": demo::GROUP, "type": "audio" }),
    )
    .await;
    let initiated = bob.event("call:initiated").await;
    assert_eq!(initiated["initiator"]["displayName"], "Gil");
    assert_eq!(
        initiated["participants"][0]["anonymousId"],
        guest.id.as_str()
    );
    lab.stop().await;
}

#[tokio::test]
async fn over_tls_the_gateway_speaks_http_1_with_the_given_certificate() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let config = Config {
        tls: Some(Tls {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem().into(),
        }),
        ..Config::default()
    };
    let gateway = Gateway::start(config).await.unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(gateway.address())
        .await
        .unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client))
        .connect(name, stream)
        .await
        .unwrap();
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // Whether the server says goodbye at the end of TLS is not of interest here.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    drop(stream);
    gateway.shutdown().await;
}

#[tokio::test]
async fn without_demo_there_are_no_demo_people() {
    let gateway = Gateway::start(Config::default()).await.unwrap();
    let address = gateway.address();
    let people = request(address, "GET", "/api/demo/people", None, None).await;
    assert_eq!(people.status, 404);
    let login = json!({ "username": "alice" });
    let login = request(address, "POST", "/api/demo/login", None, Some(login)).await;
    assert_eq!(login.status, 404);
    gateway.shutdown().await;
}

#[tokio::test]
async fn a_token_that_runs_out_is_told_and_the_socket_closes() {
    let lab = Lab::start().await;
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    // The shortest life that is long enough to come in.
    let mut lives = [2, 10, 40].into_iter();
    let mut alice = loop {
        let life = lives.next().expect("too slow to come in");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let claims = json!({ "sub": id("alice"), "exp": now.unwrap().as_secs() + life });
        let header = jsonwebtoken::Header::default();
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        let auth = json!({ "authToken": token, "tokenType": "jwt" });
        match Client::connect(lab.address(), auth).await {
            Ok(alice) => break alice,
            Err(error) => assert!(error["message"].as_str().unwrap().contains("expired")),
        }
    };
    assert_eq!(
        alice.event("auth:token-expired").await["code"],
        "NOT_AUTHENTICATED"
    );
    alice.closes().await;
    lab.stop().await;
}

#[tokio::test]
async fn people_in_a_call_get_turn_credentials_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(Config {
        turn: Some(Turn {
            urls: vec!["turn:turn.example:3478".into()],
            secret: "north".into(),
        }),
        ..config(&folder, Timers::default())
    })
    .await
    .unwrap();
    let lab = Lab { gateway, folder };
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    let initiate = json!({ "conversationId": direct("alice", "bob"), "type": "video" });
    let made = alice.ask("call:initiate", initiate).await;
    assert_eq!(made["data"]["ttl"], 86_400);
    let own = |server: &Value, who: &str| {
        let name = server["username"].as_str().unwrap().to_owned();
        assert!(name.ends_with(&format!(":{}", id(who))), "{name}");
        assert!(server["credential"].is_string());
    };
    own(&made["data"]["iceServers"][0], "alice");
    own(&bob.event("call:initiated").await["iceServers"][0], "bob");
    let call = made["data"]["callId"].clone();
    bob.tell("call:request-ice-servers", json!({ "callId": call }))
        .await;
    let fresh = bob.event("call:ice-servers-refreshed").await;
    own(&fresh["iceServers"][0], "bob");
    let joined = bob.ask("call:join", json!({ "callId": call })).await;
    own(&joined["data"]["iceServers"][0], "bob");
    own(
        &alice.event("call:participant-joined").await["iceServers"][0],
        "alice",
    );
    lab.stop().await;
}

#[tokio::test]
async fn nothing_runs_on_after_a_shutdown() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    assert_eq!(tasks(), 0);
    let lab = Lab::start().await;
    let mut alice = lab.join("alice", "alice-1").await;
    let mut bob = lab.join("bob", "bob-1").await;
    call_bob(&mut alice, &mut bob).await;
    assert!(tasks() > 4);
    lab.stop().await;
    alice.closes().await;
    bob.closes().await;
    let until = tokio::time::Instant::now() + PATIENCE;
    while tasks() > 0 {
        assert!(tokio::time::Instant::now() < until, "{} run on", tasks());
        tokio::task::yield_now().await;
    }
}
