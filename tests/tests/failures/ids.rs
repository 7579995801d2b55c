//! Ids of different kinds whose texts are equal or swapped.

use anyhow::Result;
use ringwire_tests::VIDEO;
use ringwire_tests::tap::{Packet, Verdict, Way};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

use crate::scene::{Scene, Seat, event, id};

/// Failure 15. Ids of one kind were used as another. For Alice every id has the text of another one's:
/// the call, her device, her row and her membership that of Bob's user id, Bob's row and membership
/// that of her own; and the devices of both are named as the other's user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_one_kind_are_never_taken_for_another() -> Result<()> {
    let scene = Scene::set().await?;
    let (alice_id, bob_id) = (id("alice"), id("bob"));
    let tap = scene.lab.tap("alice", &scene.log).await?;
    let world = Arc::new(Mutex::new(Swapped {
        alice: alice_id.clone(),
        bob: bob_id.clone(),
        call: None,
        anonymous: false,
        endless: false,
    }));
    let inside = Arc::clone(&world);
    tap.rule(move |way, packet| {
        let mut world = inside.lock().unwrap_or_else(PoisonError::into_inner);
        world.rule(way, packet)
    });
    let person = scene.lab.device_at(&tap.url(), "alice", &bob_id).await?;
    let alice = Seat { person, tap };
    let mut bob = scene.device("bob", &alice_id).await?;
    bob.person.film()?;

    let (mine, theirs) = scene.talking((&alice, "alice"), (&bob, "bob")).await?;
    assert_eq!(alice.call_id()?, bob_id, "the call is called as Bob");
    alice.person.until_picture(mine).await?;
    bob.person.client.set_microphone(theirs, false)?;
    alice.until_muted(true).await?;
    alice.person.client.set_microphone(mine, false)?;
    bob.until_muted(true).await?;

    // From here on events name the member, or the row, and nobody's user.
    let mut change = world.lock().unwrap_or_else(PoisonError::into_inner);
    (change.anonymous, change.endless) = (true, true);
    drop(change);
    bob.person.client.set_microphone(theirs, true)?;
    alice.until_muted(false).await?;
    bob.person.client.hang_up(theirs)?;
    alice
        .person
        .until_call("without Bob", |call| {
            call.people.iter().all(|person| !person.joined)
        })
        .await?;
    let end = json!({ "callId": bob_id, "duration": 0, "endedBy": bob_id });
    alice.tap.add(Way::Down, event("call:ended", end))?;
    assert_eq!(alice.person.until_ended(mine).await?, "completed");
    assert_eq!((alice.ends(), bob.ends()), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_named_as_another_user_ring_and_end_as_their_own() -> Result<()> {
    let scene = Scene::set().await?;
    let alice = scene.device("alice", &id("bob")).await?;
    let bob = scene.device("bob", &id("carol")).await?;
    let carol = scene.device("carol", &id("alice")).await?;
    let (mine, theirs) = scene.ringing((&alice, "alice"), (&bob, "bob")).await?;
    bob.person.client.accept(theirs, VIDEO)?;
    alice.person.until_active(mine).await?;
    bob.person.client.hang_up(theirs)?;
    assert_eq!(alice.person.until_ended(mine).await?, "completed");
    carol.tap.ask("call:check-active", Value::Null).await?;
    assert!(carol.person.client.snapshot().calls.is_empty());
    Ok(())
}

/// What Alice is told and says, with texts exchanged.
struct Swapped {
    alice: String,
    bob: String,
    /// The call's real id.
    call: Option<String>,
    /// Toggles and leaves do not say whose.
    anonymous: bool,
    /// The call's end is lost.
    endless: bool,
}

impl Swapped {
    fn rule(&mut self, way: Way, packet: &Packet) -> Verdict {
        let mut packet = packet.clone();
        let name = packet.name().unwrap_or_default().to_owned();
        let (Packet::Event { payload, .. } | Packet::Ack { payload, .. }) = &mut packet else {
            return Verdict::Pass;
        };
        match way {
            Way::Down => self.down(payload),
            Way::Up => self.up(payload),
        }
        let of_somebody = matches!(
            name.as_str(),
            "call:media-toggled" | "call:participant-left"
        );
        if self.anonymous
            && of_somebody
            && let Some(fields) = payload.as_object_mut()
        {
            fields.remove("userId");
        }
        if self.endless && name == "call:ended" {
            return Verdict::Drop;
        }
        Verdict::Replace(vec![packet])
    }

    /// The other one's user id.
    fn other(&self, user: &str) -> Option<String> {
        match user {
            user if user == self.alice => Some(self.bob.clone()),
            user if user == self.bob => Some(self.alice.clone()),
            _ => None,
        }
    }

    fn down(&mut self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.down(value)),
            Value::Object(fields) => {
                for name in ["callId", "callSessionId"] {
                    if let Some(call) = fields.get_mut(name) {
                        self.call = call.as_str().map(str::to_owned);
                        *call = Value::from(self.bob.clone());
                    }
                }
                if fields.contains_key("initiatorId")
                    && let Some(call) = fields.get_mut("id")
                {
                    *call = Value::from(self.bob.clone());
                }
                let user = fields.get("userId").and_then(Value::as_str);
                if let Some(other) = user.and_then(|user| self.other(user)) {
                    if fields.contains_key("callSessionId") {
                        fields.insert("id".into(), other.clone().into());
                    }
                    if let Some(member) = fields.get_mut("participantId") {
                        *member = other.into();
                    }
                }
                fields.values_mut().for_each(|value| self.down(value));
            }
            _ => {}
        }
    }

    fn up(&self, value: &mut Value) {
        if let (Some(call), Some(real)) = (value.get_mut("callId"), &self.call)
            && *call == self.bob.as_str()
        {
            *call = Value::from(real.clone());
        }
    }
}
