//! A small Socket.IO 5 client over a WebSocket, and one request of HTTP: what the stories need.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use ringwire_gateway::{Config, Database, Gateway, Timers, demo};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The secret of tokens here.
pub(crate) const SECRET: &str = "a secret of these tests";

/// A gateway with demo people on a fresh database, whose file goes with it.
pub(crate) struct Lab {
    pub(crate) gateway: Gateway,
    pub(crate) folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::with(Timers::default()).await
    }

    pub(crate) async fn with(timers: Timers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway = Gateway::start(config(&folder, timers)).await.unwrap();
        Self { gateway, folder }
    }

    /// With anything else in its configuration.
    pub(crate) async fn changed(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::on(folder, change).await
    }

    /// Stops the gateway and starts another one on the same database.
    pub(crate) async fn restart(self, timers: Timers) -> Self {
        self.gateway.shutdown().await;
        Self::on(self.folder, |config| config.timers = timers).await
    }

    /// On a database that may be there.
    pub(crate) async fn on(folder: tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&folder, Timers::default());
        change(&mut config);
        let gateway = Gateway::start(config).await.unwrap();
        Self { gateway, folder }
    }

    /// The token of a demo person.
    pub(crate) fn token(&self, username: &str) -> String {
        self.gateway.mint_token(username).unwrap()
    }

    /// The database, from outside.
    pub(crate) async fn database(&self) -> sqlx::SqlitePool {
        database(&self.folder).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Signs somebody in on a device.
    pub(crate) async fn join(&self, username: &str, device: &str) -> Client {
        Client::sign_in(self.address(), &self.token(username), username, device).await
    }

    pub(crate) async fn stop(self) {
        self.gateway.shutdown().await;
    }
}

pub(crate) fn config(folder: &tempfile::TempDir, timers: Timers) -> Config {
    Config {
        database: Database::File(folder.path().join("gateway.db")),
        demo: true,
        jwt_secret: Some(SECRET.into()),
        timers,
        ..Config::default()
    }
}

/// The database of a gateway, from outside.
pub(crate) async fn database(folder: &tempfile::TempDir) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join("gateway.db"))
        .busy_timeout(PATIENCE);
    sqlx::SqlitePool::connect_with(options).await.unwrap()
}

/// Id of a demo person.
pub(crate) fn id(username: &str) -> String {
    demo::person(username).unwrap().to_string()
}

/// Id of the direct conversation of two demo people.
pub(crate) fn direct(one: &str, other: &str) -> String {
    demo::direct(one, other).unwrap().to_string()
}

/// A Socket.IO client.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_ack: u64,
    /// Events that nobody has asked for yet.
    events: VecDeque<(String, Value)>,
    acks: Vec<(u64, Value)>,
    closed: bool,
}

impl Client {
    /// Signs a demo person in on a device.
    pub(crate) async fn sign_in(
        address: SocketAddr,
        token: &str,
        username: &str,
        device: &str,
    ) -> Self {
        let auth = json!({
            "authToken": token,
            "tokenType": "jwt",
            "client": {
                "name": "story", "version": "1", "platform": "test", "deviceId": device,
                "capabilities": ["ringing", "negotiate", "version"],
            },
        });
        let mut client = Self::connect(address, auth).await.unwrap();
        let greeting = client.event("authenticated").await;
        assert_eq!(greeting["user"]["id"], id(username), "{greeting}");
        client
    }

    /// Connects; the error is the payload of CONNECT_ERROR.
    pub(crate) async fn connect(address: SocketAddr, auth: Value) -> Result<Self, Value> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async(url).await.unwrap();
        let mut client = Self {
            socket,
            next_ack: 0,
            events: VecDeque::new(),
            acks: Vec::new(),
            closed: false,
        };
        let open = client.frame().await.unwrap();
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        assert_eq!(open["pingInterval"], 25_000);
        assert_eq!(open["pingTimeout"], 20_000);
        assert_eq!(open["maxPayload"], 1 << 20);
        client.send(format!("40{auth}")).await;
        let answer = client.frame().await.unwrap();
        match answer.strip_prefix("44") {
            Some(error) => Err(serde_json::from_str(error).unwrap()),
            None => {
                assert!(answer.starts_with("40"), "{answer}");
                Ok(client)
            }
        }
    }

    /// Sends a frame as it is.
    pub(crate) async fn send(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Says it and waits for no answer.
    pub(crate) async fn tell(&mut self, event: &str, payload: Value) {
        self.send(format!("42{}", json!([event, payload]))).await;
    }

    /// Says it and waits for the ack.
    pub(crate) async fn ask(&mut self, event: &str, payload: Value) -> Value {
        let id = self.next_ack;
        self.next_ack += 1;
        self.send(format!("42{id}{}", json!([event, payload])))
            .await;
        loop {
            if let Some(place) = self.acks.iter().position(|(ack, _)| *ack == id) {
                return self.acks.remove(place).1;
            }
            assert!(self.read().await, "closed instead of the ack of {event}");
        }
    }

    /// The next event of this name; others wait for their turn.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(place) = self.events.iter().position(|(event, _)| event == name) {
                return self.events.remove(place).unwrap().1;
            }
            assert!(self.read().await, "closed instead of {name}");
        }
    }

    /// Names of all events that have come and were not asked for, once everything sent so far
    /// has been answered.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        self.ask("call:check-active", Value::Null).await;
        self.events.drain(..).map(|(name, _)| name).collect()
    }

    /// Waits until the server closes.
    pub(crate) async fn closes(&mut self) {
        while self.read().await {}
    }

    /// The socket is gone, without a word.
    pub(crate) async fn drop_socket(self) {
        drop(self.socket);
    }

    /// One more packet; false when the socket is closed.
    async fn read(&mut self) -> bool {
        let Some(frame) = self.frame().await else {
            self.closed = true;
            return false;
        };
        if frame == "41" {
            self.closed = true;
            return false;
        }
        let (kind, rest) = frame.split_at(2.min(frame.len()));
        let begin = rest.find('[').unwrap_or(rest.len());
        let (id, body) = rest.split_at(begin);
        match kind {
            "42" => {
                let mut body: Vec<Value> = serde_json::from_str(body).unwrap();
                let name = body[0].as_str().unwrap().to_owned();
                let payload = if body.len() > 1 {
                    body.remove(1)
                } else {
                    Value::Null
                };
                self.events.push_back((name, payload));
            }
            "43" => {
                let mut body: Vec<Value> = serde_json::from_str(body).unwrap();
                self.acks.push((id.parse().unwrap(), body.remove(0)));
            }
            _ => panic!("not awaited: {frame}"),
        }
        true
    }

    /// One more frame that is no ping.
    async fn frame(&mut self) -> Option<String> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("nothing came in time");
            match message {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    self.send("3".into()).await;
                }
                Some(Ok(Message::Text(text))) if text.as_str() == "1" => return None,
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// The answer of a request.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// A header, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// One request over a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> Reply {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let bearer = token
        .map(|token| format!("authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{bearer}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .expect("no answer in time")
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Reply {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Somebody calls somebody else: the call's id, before anybody has read of it.
pub(crate) async fn call(caller: &mut Client, conversation: &str) -> String {
    let initiate = json!({ "conversationId": conversation, "type": "video" });
    let made = caller.ask("call:initiate", initiate).await;
    assert_eq!(made["success"], true, "{made}");
    made["data"]["callId"].as_str().unwrap().to_owned()
}

/// The session of a call, by REST.
pub(crate) async fn session(address: SocketAddr, token: &str, call: &str) -> Value {
    let path = format!("/api/calls/{call}");
    let reply = request(address, "GET", &path, Some(token), None).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// Waits until a call has ended: its session.
pub(crate) async fn ended(address: SocketAddr, token: &str, call: &str) -> Value {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let session = session(address, token, call).await;
        if session["status"] == "ended" {
            return session;
        }
        assert!(tokio::time::Instant::now() < until, "it goes on: {session}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Alice calls Bob: the call's id, and what each of them was told at first.
pub(crate) async fn call_bob(alice: &mut Client, bob: &mut Client) -> String {
    let made = alice
        .ask(
            "call:initiate",
            json!({ "conversationId": direct("alice", "bob"), "type": "video" }),
        )
        .await;
    assert_eq!(made["success"], true, "{made}");
    let call = made["data"]["callId"].as_str().unwrap().to_owned();
    assert_eq!(alice.event("call:initiated").await["callId"], call);
    assert_eq!(bob.event("call:initiated").await["callId"], call);
    call
}

/// A description that passes for one.
pub(crate) fn signal(kind: &str, from: &str, to: &str, negotiation: u64) -> Value {
    json!({
        "type": kind, "from": id(from), "to": id(to), "negotiationId": negotiation,
        "sdp": format!("v=0\r\ns={kind}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"),
    })
}

/// A candidate that passes for one.
pub(crate) fn candidate(from: &str, to: &str, negotiation: u64, port: u16) -> Value {
    json!({
        "type": "ice-candidate", "from": id(from), "to": id(to), "negotiationId": negotiation,
        "candidate": format!("candidate:1 1 udp 1 127.0.0.1 {port} typ host"),
        "sdpMid": "0", "sdpMLineIndex": 0,
    })
}

/// Bob joins and answers Alice's offer.
pub(crate) async fn connect(call: &str, alice: &mut Client, bob: &mut Client) {
    let joined = bob.ask("call:join", json!({ "callId": call })).await;
    assert_eq!(joined["success"], true, "{joined}");
    alice.event("call:participant-joined").await;
    negotiate(call, alice, bob).await;
}

/// Alice offers, Bob answers.
pub(crate) async fn negotiate(call: &str, alice: &mut Client, bob: &mut Client) {
    for (from, to, kind) in [("alice", "bob", "offer"), ("bob", "alice", "answer")] {
        let (sender, receiver) = match from {
            "alice" => (&mut *alice, &mut *bob),
            _ => (&mut *bob, &mut *alice),
        };
        let payload = json!({ "callId": call, "signal": signal(kind, from, to, 1) });
        let sent = sender.ask("call:signal", payload).await;
        assert_eq!(sent, json!({ "success": true }));
        assert_eq!(receiver.event("call:signal").await["signal"]["type"], kind);
    }
}
