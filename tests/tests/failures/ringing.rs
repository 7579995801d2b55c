//! Rings: before the answer, on several devices, in a group, and how long they take.

use anyhow::{Context, Result};
use ringwire_client::{CallEvent, CallKey, CallState};
use ringwire_gateway::demo::GROUP;
use ringwire_protocol::{ConversationId, Timestamp};
use ringwire_tests::VIDEO;
use ringwire_tests::tap::{Frame, Verdict, Way};
use serde_json::{Value, json};
use std::time::Duration;

use crate::scene::{Scene, Seat, candidate, event, id};

/// Failure 8. A call was `reconnecting` before anybody had answered it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_reconnecting_before_an_answer() -> Result<()> {
    let scene = Scene::set_with(|config| {
        config.timers.initiator_gone = Duration::from_secs(60);
    })
    .await?;
    let (alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    let (mine, theirs) = scene.ringing((&alice, "alice"), (&bob, "bob")).await?;
    let call = alice.call_id()?;
    let status = async |seat: &Seat| -> Result<Value> {
        let calls = seat.tap.ask("call:check-active", Value::Null).await?;
        Ok(calls["calls"][0]["status"].clone())
    };
    assert_eq!(status(&alice).await?, "ringing");

    let lost = json!({ "callId": call, "participantId": id("alice"), "attempt": 1 });
    alice.tap.add(Way::Up, event("call:reconnecting", lost))?;
    assert_eq!(status(&alice).await?, "ringing");
    alice.tap.cut();
    scene
        .log
        .until_many("a second greeting", 2, |frame| {
            frame.is_told("alice", "authenticated")
        })
        .await?;
    assert_eq!(status(&alice).await?, "ringing");
    assert_eq!(status(&bob).await?, "ringing");
    let state = alice.person.client.snapshot();
    assert_eq!(
        state.call(mine).map(|call| &call.state),
        Some(&CallState::Ringing)
    );

    bob.person.client.accept(theirs, VIDEO)?;
    alice.person.until_active(mine).await?;
    bob.person.until_active(theirs).await?;
    assert_eq!(status(&bob).await?, "active");
    let told = |frame: &Frame| frame.is_told("bob", "call:reconnecting");
    assert_eq!(scene.log.count(told), 0);
    Ok(())
}

/// Failure 9. A cancel came before its ring, and the phone rang for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_comes_before_its_ring_silences_it() -> Result<()> {
    let scene = Scene::set().await?;
    let (alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    let conversation = scene.lab.conversation("alice", "bob")?;
    bob.tap.rule(|way, packet| match packet.name() {
        Some("call:initiated") if way == Way::Down => Verdict::Hold,
        _ => Verdict::Pass,
    });
    let cancelled = alice.person.call(&conversation)?;
    let ring = |frame: &Frame| frame.is_told("bob", "call:initiated");
    scene.log.until_one("the ring", ring).await?;
    alice.person.client.hang_up(cancelled)?;
    let end = |frame: &Frame| frame.is_told("bob", "call:ended");
    scene.log.until_one("the cancel", end).await?;

    bob.tap.release();
    bob.tap.pass_all();
    // What comes later rings: after that the first would have rung as well.
    let mine = alice.person.call(&conversation)?;
    let theirs = bob.person.until_rings().await?;
    bob.person.client.accept(theirs, VIDEO)?;
    alice.person.until_active(mine).await?;
    let rings = bob
        .person
        .count_told(|event| matches!(event, CallEvent::Incoming { .. }));
    assert_eq!(rings, 1);
    Ok(())
}

/// Failure 10. `already-answered` was sent on the wrong event, and a ring fell silent that nobody
/// had answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn already_answered_is_told_on_the_join_and_on_nothing_else() -> Result<()> {
    let scene = Scene::set().await?;
    let alice = scene.seat("alice").await?;
    let phone = scene.device("bob", "phone").await?;
    let tablet = scene.device("bob", "tablet").await?;
    let (mine, theirs) = scene.ringing((&alice, "alice"), (&phone, "bob")).await?;
    let elsewhere = tablet.person.until_rings().await?;
    scene
        .log
        .until_many("both rings", 2, |frame| {
            frame.is_told("alice", "call:ringing")
        })
        .await?;
    let call = alice.call_id()?;
    let early = candidate(&call, "bob", "alice");
    assert_eq!(phone.tap.ask("call:signal", early).await?["success"], true);
    assert_eq!(
        phone
            .tap
            .ask(
                "call:ringing",
                json!({ "callId": call, "deviceId": "phone" })
            )
            .await?["success"],
        true
    );
    tablet.tap.ask("call:check-active", Value::Null).await?;
    let told = |frame: &Frame| frame.packet.name() == Some("call:already-answered");
    assert_eq!(scene.log.count(told), 0);

    phone.person.client.accept(theirs, VIDEO)?;
    assert_eq!(
        tablet.person.until_ended(elsewhere).await?,
        "answeredElsewhere"
    );
    alice.person.until_active(mine).await?;
    phone.person.until_active(theirs).await?;
    let frames = scene.log.frames();
    let told: Vec<&Frame> = frames.iter().filter(|frame| told(frame)).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].by, "tablet");
    assert_eq!(told[0].packet.payload()["deviceId"], "phone");
    Ok(())
}

/// Failure 13. One decline ended a group's ring.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_decline_leaves_a_groups_ring_to_the_others() -> Result<()> {
    let scene = Scene::set().await?;
    let (alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    let carol = scene.seat("carol").await?;
    let mine = alice.person.call(&ConversationId::new(GROUP)?)?;
    let declined = bob.person.until_rings().await?;
    let theirs = carol.person.until_rings().await?;
    bob.person.client.decline(declined)?;
    assert_eq!(bob.person.until_ended(declined).await?, "rejected");
    scene
        .log
        .until_one("the decline", |frame| frame.is_told("bob", "call:ended"))
        .await?;
    let calls = carol.tap.ask("call:check-active", Value::Null).await?;
    assert_eq!(calls["calls"][0]["status"], "ringing", "{calls}");

    carol.person.client.accept(theirs, VIDEO)?;
    alice.person.until_active(mine).await?;
    carol.person.until_active(theirs).await?;
    assert_eq!((alice.ends(), bob.ends(), carol.ends()), (0, 1, 0));
    Ok(())
}

/// Failure 14. Set-up time counted the human's time to answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_up_time_leaves_out_the_humans_time_to_answer() -> Result<()> {
    /// So long does Bob look for his phone.
    const HUMAN: Duration = Duration::from_secs(2);
    let scene = Scene::set().await?;
    let (mut alice, mut bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    alice.person.film()?;
    bob.person.film()?;
    let (mine, theirs) = scene.ringing((&alice, "alice"), (&bob, "bob")).await?;
    tokio::time::sleep(HUMAN).await;
    bob.person.client.accept(theirs, VIDEO)?;
    for (seat, key) in [(&alice, mine), (&bob, theirs)] {
        let whole = |call: &ringwire_client::CallView| {
            call.key == key
                && call.timeline.first_frame.is_some()
                && call.timeline.first_audio.is_some()
        };
        seat.person.until_call("seen and heard", whole).await?;
        let marks = marks(seat, key)?;
        let [initiate, ringing, accepted, connected, heard, seen] = marks;
        let human = accepted.saturating_since(ringing);
        assert!(
            human >= HUMAN,
            "{human:?} of {HUMAN:?} lie before the accept"
        );
        assert!(initiate <= ringing && ringing < accepted);
        assert!(accepted <= connected && connected <= seen && connected <= heard);
    }
    let calls = bob.tap.ask("call:check-active", Value::Null).await?;
    let at = |field: &str| {
        let text = calls["calls"][0][field].as_str().unwrap_or_default();
        Timestamp::parse(text).with_context(|| format!("no {field} in {calls}"))
    };
    let rang = at("answeredAt")?.saturating_since(at("startedAt")?);
    assert!(rang >= HUMAN, "answered after {rang:?}");
    Ok(())
}

/// Initiated, ringing, accepted, connected, heard, seen.
fn marks(seat: &Seat, key: CallKey) -> Result<[ringwire_protocol::Instant; 6]> {
    let now = seat.person.client.snapshot();
    let line = now.call(key).context("the call is gone")?.timeline;
    let marks = [
        line.initiate,
        line.ringing,
        line.accepted,
        line.ice_connected,
        line.first_audio,
        line.first_frame,
    ];
    let all: Option<Vec<_>> = marks.into_iter().collect();
    let all = all.with_context(|| format!("a mark is missing: {line:?}"))?;
    all.try_into().ok().context("six marks")
}
