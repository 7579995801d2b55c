//! What a transcript keeps of what was said: names for ids, one instant, the kinds of media of a
//! description, and an order that is the same every day.
//!
//! Left out or made the same, because it differs from run to run:
//!
//! - ids are named after what they are (`call-1`, `alice`, `alice-bob`, `bob in call-1`), instants
//!   are one instant, durations 0, tokens `token`, versions of programs `0.0.0`, measurements 0;
//! - a description keeps the kinds of its media; of the candidates of one side one line is kept; of
//!   repeated or later offers and answers of a pair the first; of what a client says again, because
//!   the server may not have heard it, the first;
//! - pings, `call:check-active` after the first, what the path does (`call:reconnecting` and the
//!   like) are left out; so are heartbeats and reports of quality, but for the first of each in a
//!   transcript that waits for them;
//! - within a step lines stand in the order of [`rank`]; what one end sees in another order is a
//!   fault, not another transcript.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use ringwire_gateway::demo::{PEOPLE, direct};
use ringwire_protocol::Timestamp;
use ringwire_tests::tap::{Frame, Packet, Way};
use serde_json::{Map, Value, json};

const INSTANT: &str = "2000-01-01T00:00:00Z";

/// A part of a transcript: its title, and where in the log it begins.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) title: String,
    pub(crate) begins: usize,
    /// Heartbeats and reports of quality belong here.
    pub(crate) beats: bool,
}

/// The text of a transcript: a JSON object for each line.
pub(crate) fn text(frames: &[Frame], steps: &[Step]) -> Result<String> {
    let names = names(frames);
    let mut lines = Vec::new();
    let mut requests: HashMap<(String, u64), (usize, u32, String)> = HashMap::new();
    let mut seen = HashSet::new();
    let mut last: HashMap<(String, Way, usize), (u32, String)> = HashMap::new();
    for (place, frame) in frames.iter().enumerate() {
        let step = steps.iter().rposition(|step| step.begins <= place);
        let step = step.context("a frame before the first step")?;
        let by = frame.by.clone();
        let way = match frame.way {
            Way::Up => "up",
            Way::Down => "down",
        };
        let mut line = vec![("by", json!(by)), ("way", json!(way))];
        let payload = normal(frame.packet.payload(), None, &names);
        match &frame.packet {
            Packet::Connect(_) if frame.way == Way::Up => {
                line.push(("connect", payload));
                lines.push(((step, 0, 0, way, by), line));
            }
            Packet::Event { name, ack, .. } => {
                let Some(once) = kept_once(frame, &payload, &mut seen, steps) else {
                    continue;
                };
                let step = match once {
                    Kept::Here => step,
                    Kept::WithBeats(step) => step,
                };
                let rank = rank(frame.way, name, &payload).with_context(|| format!("{name}?"))?;
                if !frame.packet.is_signal("ice-candidate") && once == Kept::Here {
                    let stream = (by.clone(), frame.way, step);
                    if let Some((before, other)) = last.get(&stream) {
                        ensure!(*before <= rank, "{by} {way}: {name} after {other}");
                    }
                    last.insert(stream, (rank, name.clone()));
                }
                line.push(("event", json!(name)));
                if let Some(ack) = ack {
                    line.push(("wantsAck", json!(true)));
                    requests.insert((by.clone(), *ack), (step, rank, name.clone()));
                }
                if !payload.is_null() {
                    line.push(("payload", payload));
                }
                lines.push(((step, rank, 0, way, by), line));
            }
            Packet::Ack { id, .. } => {
                let Some((step, rank, name)) = requests.remove(&(by.clone(), *id)) else {
                    continue;
                };
                line.push(("ackOf", json!(name)));
                line.push(("payload", payload));
                lines.push(((step, rank, 1, way, by), line));
            }
            Packet::Refused(_) => bail!("a client was refused"),
            Packet::Connect(_) | Packet::Disconnect | Packet::Open(_) | Packet::Engine(_) => {}
        }
    }
    // Stable: what has the same rank stays in the order in which it came.
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut text = String::new();
    let mut current = None;
    for ((step, ..), line) in lines {
        if current != Some(step) {
            text += &object(&[("step", json!(steps[step].title))]);
            current = Some(step);
        }
        text += &object(&line);
    }
    if let Some(id) = words(&text).find(|word| is_raw_id(word)) {
        bail!("an id without a name: {id} in\n{text}");
    }
    Ok(text)
}

/// A line of the transcript.
fn object(fields: &[(&str, Value)]) -> String {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{name:?}:{value}"));
    format!("{{{}}}\n", fields.collect::<Vec<_>>().join(","))
}

/// Which step a frame is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Here,
    WithBeats(usize),
}

/// Where a frame is kept; `None` for what is left out.
fn kept_once(
    frame: &Frame,
    payload: &Value,
    seen: &mut HashSet<String>,
    steps: &[Step],
) -> Option<Kept> {
    let name = frame.packet.name()?;
    let signal = &payload["signal"];
    let once = match name {
        "call:heartbeat" | "call:quality-report" => {
            let beats = steps.iter().position(|step| step.beats)?;
            let first = seen.insert(format!("{} {name}", frame.by));
            return first.then_some(Kept::WithBeats(beats));
        }
        "call:reconnecting" | "call:reconnected" | "call:negotiate" | "call:quality-alert" => {
            return None;
        }
        "call:check-active" => name.to_owned(),
        // Said again where the server may not have heard it.
        "call:toggle-audio" | "call:toggle-video" => format!("{name} {payload}"),
        "call:initiated" | "call:join" | "call:ringing" | "call:leave" | "call:end" => {
            format!("{name} {}", payload["callId"])
        }
        "call:signal" => {
            // An offer that restarts ICE is a later one.
            let kind = signal["type"].as_str()?;
            if kind == "ice-restart" {
                return None;
            }
            format!("{name} {} {kind} {}", payload["callId"], signal["from"])
        }
        _ => return Some(Kept::Here),
    };
    let first = seen.insert(format!("{} {:?} {once}", frame.by, frame.way));
    first.then_some(Kept::Here)
}

/// Where an event stands in the story that a step tells: causes before what follows from them.
fn rank(way: Way, name: &str, payload: &Value) -> Option<u32> {
    let down = u32::from(way == Way::Down);
    Some(match name {
        "authenticated" => 1,
        "call:check-active" => 2,
        "call:initiate" => 10,
        "call:initiated" => 11,
        "call:ringing" => 12 + down,
        "call:request-ice-servers" => 14,
        "call:join" => 20 + down,
        "call:already-answered" => 22,
        "call:participant-joined" => 23,
        "call:signal" => {
            let kind = match payload["signal"]["type"].as_str()? {
                "offer" => 30,
                "answer" => 32,
                "ice-candidate" => 34,
                _ => return None,
            };
            kind + down
        }
        "call:toggle-audio" | "call:toggle-video" => 40,
        "call:media-toggled" => 41,
        "call:heartbeat" => 44,
        "call:quality-report" => 45,
        "call:leave" | "call:end" => 50,
        "call:participant-left" => 51,
        "call:ended" => 52,
        "call:missed" => 53,
        "call:error" => 60,
        _ => return None,
    })
}

/// Names of all ids that were said, by their texts.
fn names(frames: &[Frame]) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> = PEOPLE
        .iter()
        .map(|(id, username, _)| ((*id).to_owned(), (*username).to_owned()))
        .collect();
    for (place, (_, one, _)) in PEOPLE.iter().enumerate() {
        for (_, other, _) in &PEOPLE[place + 1..] {
            if let Some(id) = direct(one, other) {
                names.insert(id.to_string(), format!("{one}-{other}"));
            }
        }
    }
    let mut calls = 0;
    for frame in frames {
        collect(frame.packet.payload(), &mut names, &mut calls);
    }
    names
}

fn collect(value: &Value, names: &mut BTreeMap<String, String>, calls: &mut u32) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, names, calls)),
        Value::Object(fields) => {
            let field = |name: &str| fields.get(name).and_then(Value::as_str);
            if let Some(call) = field("callId").or(field("callSessionId"))
                && !names.contains_key(call)
            {
                *calls += 1;
                names.insert(call.to_owned(), format!("call-{calls}"));
            }
            if let (Some(row), Some(call), Some(user)) =
                (field("id"), field("callSessionId"), field("userId"))
            {
                let user = names.get(user).cloned().unwrap_or_default();
                let call = names.get(call).cloned().unwrap_or_default();
                if let Some(member) = field("participantId") {
                    let label = format!("{user} as a member");
                    names.entry(member.to_owned()).or_insert(label);
                }
                names
                    .entry(row.to_owned())
                    .or_insert(format!("{user} in {call}"));
            }
            if let Some(device) = field("deviceId").filter(|device| device.starts_with("web-")) {
                names.insert(device.to_owned(), "web".to_owned());
            }
            fields
                .values()
                .for_each(|value| collect(value, names, calls));
        }
        _ => {}
    }
}

/// A payload as it is kept.
fn normal(value: &Value, key: Option<&str>, names: &BTreeMap<String, String>) -> Value {
    match (key, value) {
        (Some("authToken"), _) => json!("token"),
        (Some("sdp"), Value::String(sdp)) => json!(kinds(sdp)),
        (Some("candidate"), Value::String(_)) => {
            json!("candidate:1 1 udp 1 192.0.2.1 9 typ host")
        }
        (Some("version"), Value::String(_)) => json!("0.0.0"),
        (Some("duration"), Value::Number(_)) => json!(0),
        (Some("stats"), Value::Object(_)) => json!({ "packetLoss": 0.0, "rtt": 0.0 }),
        (_, Value::String(text)) => match names.get(text) {
            Some(name) => json!(name),
            None if text.len() >= 20 && Timestamp::parse(text).is_some() => json!(INSTANT),
            None => value.clone(),
        },
        (_, Value::Array(values)) => values.iter().map(|v| normal(v, None, names)).collect(),
        (_, Value::Object(fields)) => fields
            .iter()
            // Whether a report was in before somebody asked is chance.
            .filter(|(name, _)| *name != "connectionQuality")
            .map(|(name, v)| (name.clone(), normal(v, Some(name), names)))
            // By name, whatever order the library keeps.
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}

/// A description with nothing but the kinds of its media.
fn kinds(sdp: &str) -> String {
    let media = sdp.lines().filter_map(|line| line.strip_prefix("m="));
    let kinds = media.filter_map(|line| line.split(' ').next());
    let lines = kinds.map(|kind| format!("m={kind}\r\n"));
    format!("v=0\r\n{}", lines.collect::<String>())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
}

/// 24 hex digits with a letter and a digit among them.
fn is_raw_id(word: &str) -> bool {
    word.len() == 24
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
}

/// Holds today's transcript against the golden one, or writes it anew with RINGWIRE_RECORD=1.
pub(crate) fn hold(name: &str, today: &str) -> Result<()> {
    let path = folder().join(name);
    if std::env::var_os("RINGWIRE_RECORD").is_some() {
        return Ok(std::fs::write(&path, today)?);
    }
    let golden = std::fs::read_to_string(&path)
        .with_context(|| format!("reading {}; RINGWIRE_RECORD=1 writes it", path.display()))?;
    let mut lines = golden.lines().zip(today.lines()).enumerate();
    let hint = "if that is meant, RINGWIRE_RECORD=1 writes the transcript anew";
    if let Some((line, (then, now))) = lines.find(|(_, (then, now))| then != now) {
        bail!("{name}:{}: {hint}\nthen {then}\nnow  {now}", line + 1);
    }
    let (then, now) = (golden.lines().count(), today.lines().count());
    ensure!(
        then == now,
        "{name}: {then} lines then, {now} now: {hint}\n{today}"
    );
    Ok(())
}

/// Where the golden transcripts lie.
pub(crate) fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}
