//! What the stories begin with: a gateway, people whose lines are tapped, and calls between them.

use anyhow::{Context, Result};
use ringwire_client::{CallEvent, CallKey, CallState};
use ringwire_gateway::demo;
use ringwire_tests::tap::{Frame, Log, Packet, Tap, Way};
use ringwire_tests::{Lab, Person, VIDEO};
use serde_json::{Value, json};

/// A gateway and the log of everybody's line.
pub(crate) struct Scene {
    pub(crate) lab: Lab,
    pub(crate) log: Log,
}

/// A person on a device, with a tap in the line; the tap is called as the device.
pub(crate) struct Seat {
    pub(crate) person: Person,
    pub(crate) tap: Tap,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        Self::set_with(|_| ()).await
    }

    pub(crate) async fn set_with(
        change: impl FnOnce(&mut ringwire_gateway::Config),
    ) -> Result<Self> {
        Ok(Self {
            lab: Lab::start_with(change).await?,
            log: Log::default(),
        })
    }

    /// Somebody on a device of the same name.
    pub(crate) async fn seat(&self, username: &str) -> Result<Seat> {
        self.device(username, username).await
    }

    pub(crate) async fn device(&self, username: &str, device: &str) -> Result<Seat> {
        let tap = self.lab.tap(device, &self.log).await?;
        let person = self.lab.device_at(&tap.url(), username, device).await?;
        Ok(Seat { person, tap })
    }

    /// One calls the other, and it rings there; the key at each.
    pub(crate) async fn ringing(
        &self,
        (caller, calls): (&Seat, &str),
        (callee, called): (&Seat, &str),
    ) -> Result<(CallKey, CallKey)> {
        let conversation = self.lab.conversation(calls, called)?;
        let mine = caller.person.call(&conversation)?;
        let theirs = callee.person.until_rings().await?;
        let rings =
            |call: &ringwire_client::CallView| call.key == mine && call.state == CallState::Ringing;
        caller.person.until_call("ringing there", rings).await?;
        Ok((mine, theirs))
    }

    /// The same, and it is accepted.
    pub(crate) async fn talking(
        &self,
        (caller, calls): (&Seat, &str),
        (callee, called): (&Seat, &str),
    ) -> Result<(CallKey, CallKey)> {
        let (mine, theirs) = self.ringing((caller, calls), (callee, called)).await?;
        callee.person.client.accept(theirs, VIDEO)?;
        caller.person.until_active(mine).await?;
        callee.person.until_active(theirs).await?;
        Ok((mine, theirs))
    }

    /// Frames in which somebody was refused something.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let refused = |frame: &&Frame| {
            frame.way == Way::Down
                && frame.arrived()
                && (frame.packet.payload()["success"] == false
                    || frame.packet.name() == Some("call:error"))
        };
        let frames = self.log.frames();
        let found = frames.iter().filter(refused);
        found.map(|frame| frame.packet.write()).collect()
    }
}

impl Seat {
    /// The id of the only call that is not over.
    pub(crate) fn call_id(&self) -> Result<String> {
        let now = self.person.client.snapshot();
        let mut live = now
            .calls
            .iter()
            .filter(|call| !matches!(call.state, CallState::Ended { .. }));
        let id = live.next().and_then(|call| call.id.clone());
        Ok(id.context("no call with an id")?.to_string())
    }

    /// The same, once the gateway has named it.
    pub(crate) async fn until_named(&self) -> Result<String> {
        let named = |call: &ringwire_client::CallView| {
            call.id.is_some() && !matches!(call.state, CallState::Ended { .. })
        };
        let call = self.person.until_call("named", named).await?;
        Ok(call.id.context("it was there a moment ago")?.to_string())
    }

    /// How often the person was told that a call is over.
    pub(crate) fn ends(&self) -> usize {
        self.person
            .count_told(|event| matches!(event, CallEvent::Ended { .. }))
    }

    pub(crate) async fn until_muted(&self, muted: bool) -> Result<()> {
        let is_so = |call: &ringwire_client::CallView| {
            !call.people.is_empty() && call.people.iter().all(|p| p.audio_enabled != muted)
        };
        self.person.until_call("the other's toggle", is_so).await?;
        Ok(())
    }
}

/// Id of a demo person.
pub(crate) fn id(username: &str) -> String {
    demo::person(username)
        .map(|id| id.to_string())
        .unwrap_or_default()
}

/// `call:signal` with a candidate that passes for one.
pub(crate) fn candidate(call: &str, from: &str, to: &str) -> Value {
    json!({ "callId": call, "signal": {
        "type": "ice-candidate", "from": id(from), "to": id(to),
        "candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0,
    }})
}

/// An event without an ack.
pub(crate) fn event(name: &str, payload: Value) -> Packet {
    Packet::Event {
        name: name.to_owned(),
        payload,
        ack: None,
    }
}

/// True for an answer to one of these events of the same line, which `seen` remembers.
pub(crate) fn answers(seen: &mut Vec<u64>, names: &[&str], way: Way, packet: &Packet) -> bool {
    match packet {
        Packet::Event {
            name,
            ack: Some(ack),
            ..
        } if way == Way::Up && names.contains(&name.as_str()) => {
            seen.push(*ack);
            false
        }
        Packet::Ack { id, .. } => way == Way::Down && seen.contains(id),
        _ => false,
    }
}
