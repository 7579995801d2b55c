//! Golden transcripts: what two ends and a server say to each other in the usual calls, kept as
//! text in `tests/transcripts`. Today's run must say the same, see [`crate::transcript`].
//! RINGWIRE_RECORD=1 writes them anew.

use anyhow::{Context, Result, ensure};
use ringwire_protocol::{AckKind, Auth, ClientEvent, ServerEvent};
use ringwire_tests::peers::{SeedServer, have_node, seed_peer};
use ringwire_tests::tap::{Frame, Log, Packet, Tap, Way};
use ringwire_tests::{Lab, Person, VIDEO};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

use crate::transcript::{Step, folder, hold, text};

/// The log of all lines, and the steps so far.
pub(crate) struct Recorder {
    pub(crate) log: Log,
    steps: Vec<Step>,
    /// The server acks.
    acks: bool,
}

impl Recorder {
    pub(crate) fn new(acks: bool) -> Self {
        Self {
            log: Log::default(),
            steps: Vec::new(),
            acks,
        }
    }

    /// What is said from now on belongs to this step; all that was asked before is answered.
    pub(crate) async fn step(&mut self, title: &str) -> Result<()> {
        self.settled().await?;
        self.steps.push(Step {
            title: title.to_owned(),
            begins: self.log.frames().len(),
            beats: false,
        });
        Ok(())
    }

    /// Waits until all that was asked is answered.
    async fn settled(&self) -> Result<()> {
        let settled = |frames: &[Frame]| {
            let mut open = HashSet::new();
            for frame in frames {
                match &frame.packet {
                    Packet::Event { ack: Some(ack), .. } => open.insert((&frame.by, *ack)),
                    Packet::Ack { id, .. } => open.remove(&(&frame.by, *id)),
                    _ => continue,
                };
            }
            (!self.acks || open.is_empty()).then_some(())
        };
        self.log.until("the last answer", settled).await
    }

    /// Waits until everybody of these has said a heartbeat and a report of quality.
    async fn beats(&mut self, who: &[&str]) -> Result<()> {
        self.step("heartbeats and reports").await?;
        if let Some(step) = self.steps.last_mut() {
            step.beats = true;
        }
        for who in who {
            for name in ["call:heartbeat", "call:quality-report"] {
                let beat = |frame: &Frame| frame.is_said(who, name);
                self.log.until_one(name, beat).await?;
            }
        }
        Ok(())
    }

    /// Waits until somebody was told something so many times in all.
    pub(crate) async fn told(&self, who: &str, name: &str, times: usize) -> Result<()> {
        let told = |frame: &Frame| frame.is_told(who, name);
        self.log.until_many(name, times, told).await?;
        Ok(())
    }

    /// Waits until somebody has said something so many times in all.
    pub(crate) async fn said(&self, who: &str, name: &str, times: usize) -> Result<()> {
        let said = |frame: &Frame| frame.is_said(who, name);
        self.log.until_many(name, times, said).await?;
        Ok(())
    }

    /// Waits until offers and answers have met in so many calls, and candidates came both ways.
    pub(crate) async fn negotiated(&self, who: &str, calls: usize) -> Result<()> {
        for (kind, way) in [
            ("answer", None),
            ("ice-candidate", Some(Way::Up)),
            ("ice-candidate", Some(Way::Down)),
        ] {
            let met = |frames: &[Frame]| {
                let of = frames.iter().filter(|frame| {
                    let way = way.is_none_or(|way| frame.way == way);
                    frame.by == who && way && frame.packet.is_signal(kind)
                });
                let ids = of.map(|frame| frame.packet.payload()["callId"].to_string());
                (ids.collect::<HashSet<_>>().len() >= calls).then_some(())
            };
            self.log.until(kind, met).await?;
        }
        Ok(())
    }

    /// Holds all that was said against the golden transcript.
    pub(crate) async fn hold(self, name: &str) -> Result<()> {
        self.settled().await?;
        let frames: Vec<Frame> = self.log.frames();
        hold(name, &text(&frames, &self.steps)?)
    }
}

/// Alice and Bob, each with a tap.
struct Pair {
    lab: Lab,
    alice: Person,
    bob: Person,
    _taps: [Tap; 2],
}

/// A call from Alice to Bob from the ring to the hang-up. With `echo` the server is one of the first
/// design: it tells a toggle also to who made it.
async fn usual_call(
    pair: &Pair,
    recorder: &mut Recorder,
    beats: &[&str],
    echo: bool,
) -> Result<()> {
    let (alice, bob) = (&pair.alice, &pair.bob);
    recorder.step("Alice calls, and it rings at Bob").await?;
    let mine = alice.call(&pair.lab.conversation("alice", "bob")?)?;
    let theirs = bob.until_rings().await?;
    recorder.told("alice", "call:initiated", 1).await?;
    match echo {
        false => recorder.told("alice", "call:ringing", 1).await?,
        // Nobody has told Alice of ICE servers.
        true => {
            let asked = "call:request-ice-servers";
            recorder.said("alice", asked, 1).await?;
        }
    }
    recorder.step("Bob accepts").await?;
    bob.client.accept(theirs, VIDEO)?;
    alice.until_active(mine).await?;
    bob.until_active(theirs).await?;
    for who in ["alice", "bob"] {
        recorder.negotiated(who, 1).await?;
    }
    let connected = |call: &ringwire_client::CallView| call.connected;
    alice.until_call("connected", connected).await?;
    bob.until_call("connected", connected).await?;
    let toggles: [(&str, &Person, &str, usize); 2] = [
        ("Alice mutes", alice, "bob", 1),
        (
            "Bob turns his camera off",
            bob,
            "alice",
            if echo { 2 } else { 1 },
        ),
    ];
    for (title, who, other, times) in toggles {
        recorder.step(title).await?;
        match title.starts_with("Alice") {
            true => who.client.set_microphone(mine, false)?,
            false => who.client.set_camera(theirs, false)?,
        }
        recorder.told(other, "call:media-toggled", times).await?;
        if echo {
            let own = if other == "bob" { "alice" } else { "bob" };
            recorder.told(own, "call:media-toggled", times).await?;
        }
    }
    if !beats.is_empty() {
        recorder.beats(beats).await?;
    }
    recorder.step("Alice hangs up").await?;
    alice.client.hang_up(mine)?;
    bob.until_ended(theirs).await?;
    for who in ["alice", "bob"] {
        recorder.told(who, "call:ended", 1).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cores_say_what_they_said() -> Result<()> {
    let mut recorder = Recorder::new(true);
    let lab = Lab::start().await?;
    recorder.step("both connect").await?;
    let taps = [
        lab.tap("alice", &recorder.log).await?,
        lab.tap("bob", &recorder.log).await?,
    ];
    let alice = lab
        .device_at(&taps[0].url(), "alice", "alice-phone")
        .await?;
    let bob = lab.device_at(&taps[1].url(), "bob", "bob-phone").await?;
    for who in ["alice", "bob"] {
        recorder.said(who, "call:check-active", 1).await?;
    }
    let pair = Pair {
        lab,
        alice,
        bob,
        _taps: taps,
    };
    usual_call(&pair, &mut recorder, &["alice", "bob"], false).await?;

    let conversation = pair.lab.conversation("alice", "bob")?;
    recorder.step("Bob calls, and it rings at Alice").await?;
    let mine = pair.bob.call(&conversation)?;
    let theirs = pair.alice.until_rings().await?;
    recorder.told("bob", "call:initiated", 2).await?;
    recorder.told("bob", "call:ringing", 1).await?;
    recorder.step("Alice declines").await?;
    pair.alice.client.decline(theirs)?;
    pair.bob.until_ended(mine).await?;
    for who in ["alice", "bob"] {
        recorder.told(who, "call:ended", 2).await?;
    }
    recorder.step("Bob calls again").await?;
    let mine = pair.bob.call(&conversation)?;
    pair.alice.until_rings().await?;
    recorder.told("bob", "call:initiated", 3).await?;
    recorder.told("bob", "call:ringing", 2).await?;
    recorder.step("Bob cancels").await?;
    pair.bob.client.hang_up(mine)?;
    for who in ["alice", "bob"] {
        recorder.told(who, "call:ended", 3).await?;
    }
    recorder.hold("two_cores.jsonl").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cores_and_an_old_server_say_what_they_said() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let mut recorder = Recorder::new(false);
    let (lab, server) = (Lab::start().await?, SeedServer::start().await?);
    recorder.step("both connect").await?;
    let at = server.address();
    let taps = [
        Tap::start("alice", at, at, &recorder.log).await?,
        Tap::start("bob", at, at, &recorder.log).await?,
    ];
    let alice = lab
        .device_at(&taps[0].url(), "alice", "alice-phone")
        .await?;
    let bob = lab.device_at(&taps[1].url(), "bob", "bob-phone").await?;
    for who in ["alice", "bob"] {
        recorder.said(who, "call:check-active", 1).await?;
    }
    let pair = Pair {
        lab,
        alice,
        bob,
        _taps: taps,
    };
    usual_call(&pair, &mut recorder, &[], true).await?;
    recorder.step("Bob calls, and it rings at Alice").await?;
    let mine = pair.bob.call(&pair.lab.conversation("alice", "bob")?)?;
    pair.alice.until_rings().await?;
    recorder.told("bob", "call:initiated", 2).await?;
    recorder.said("bob", "call:request-ice-servers", 1).await?;
    recorder.step("Bob cancels").await?;
    pair.bob.client.hang_up(mine)?;
    for who in ["alice", "bob"] {
        recorder.told(who, "call:ended", 2).await?;
    }
    recorder.hold("two_cores_old_server.jsonl").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_client_and_a_core_say_what_they_said() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let mut recorder = Recorder::new(true);
    let lab = Lab::start().await?;
    recorder.step("both connect").await?;
    let taps = [
        lab.tap("alice", &recorder.log).await?,
        lab.tap("bob", &recorder.log).await?,
    ];
    let peer = seed_peer(&taps[0].url()).await?;
    let alice = lab.device_at(&peer.url(), "alice", "unheard-of").await?;
    let bob = lab.device_at(&taps[1].url(), "bob", "bob-phone").await?;
    recorder.said("bob", "call:check-active", 1).await?;
    let pair = Pair {
        lab,
        alice,
        bob,
        _taps: taps,
    };
    usual_call(&pair, &mut recorder, &[], false).await?;
    recorder.hold("old_client_and_core.jsonl").await
}

/// Every frame that was ever recorded is read by the protocol room without anything unknown, and
/// written as it was.
#[test]
fn recorded_frames_are_read_and_written_as_they_stand() -> Result<()> {
    let mut files: Vec<_> = std::fs::read_dir(folder())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    ensure!(files.len() == 4, "four transcripts, not {files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let mut kinds = HashMap::new();
        for (line, text) in text.lines().enumerate() {
            let line = format!("{}:{}", file.display(), line + 1);
            let value: Value = serde_json::from_str(text).with_context(|| line.clone())?;
            check(&value, &mut kinds).with_context(|| format!("{line}: {text}"))?;
        }
        ensure!(!kinds.is_empty(), "nothing is asked in {}", file.display());
    }
    Ok(())
}

/// Reads one line and writes it again.
fn check(line: &Value, kinds: &mut HashMap<String, AckKind>) -> Result<()> {
    if line["step"].is_string() {
        return Ok(());
    }
    let payload = &line["payload"];
    let (read, written) = if line["connect"].is_object() {
        let auth = Auth::parse(line["connect"].clone())?;
        let written = serde_json::to_value(&auth)?;
        ensure!(same(&line["connect"], &written), "written as {written}");
        return Ok(());
    } else if let Some(of) = line["ackOf"].as_str() {
        let kind = kinds
            .get(of)
            .with_context(|| format!("{of} was not asked"))?;
        match kind.parse(payload.clone())? {
            Ok(ack) => (format!("{ack:?}"), ack.to_json()),
            Err(error) => (format!("{error:?}"), error.to_ack()),
        }
    } else {
        let name = line["event"].as_str().context("neither event nor ack")?;
        match line["way"].as_str() {
            Some("up") => {
                let event = ClientEvent::parse(name, payload.clone())?;
                if line["wantsAck"] == true {
                    // Our gateway acks whatever is asked to be acked; the page asks so for its toggles.
                    let kind = event.ack_kind().unwrap_or(AckKind::Done);
                    kinds.insert(name.to_owned(), kind);
                }
                (format!("{event:?}"), event.payload())
            }
            _ => {
                let event = ServerEvent::parse(name, payload.clone())?;
                (format!("{event:?}"), event.payload())
            }
        }
    };
    ensure!(!read.contains("Unknown"), "read as {read}");
    ensure!(same(payload, &written), "written as {written}");
    Ok(())
}

/// True for equal JSON. An absent list is an empty one, an absent body an empty one, and 0 is 0.0.
fn same(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Object(a), Value::Object(b)) => {
            let all = b.iter().all(|(name, b)| match a.get(name) {
                Some(a) => same(a, b),
                None => *b == json!([]),
            });
            all && a.keys().all(|name| b.contains_key(name))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Null, written) => *written == json!({}),
        _ => read == written,
    }
}
