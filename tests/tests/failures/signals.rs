//! Signals and candidates: too early, too many, for somebody who is not there.

use anyhow::{Context, Result};
use ringwire_tests::VIDEO;
use ringwire_tests::tap::{Frame, Packet, Verdict, Way};
use serde_json::Value;

use crate::scene::{Scene, answers, candidate, event};

/// Failure 1. A woken device signalled before it had joined, or its ringing was acknowledged: all was
/// refused. Ours says nothing before, and a gateway takes what others say that early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_woken_device_signals_only_after_its_ringing_was_acknowledged() -> Result<()> {
    let scene = Scene::set().await?;
    let alice = scene.seat("alice").await?;
    let mine = alice
        .person
        .call(&scene.lab.conversation("alice", "bob")?)?;
    scene
        .log
        .until_one("the call", |frame| frame.is_told("alice", "call:initiated"))
        .await?;

    // The device wakes up in the middle of the ring. Nothing tells it that it has been heard.
    let tap = scene.lab.tap("bob", &scene.log).await?;
    let mut asked = Vec::new();
    tap.rule(move |way, packet| {
        let heard = answers(&mut asked, &["call:ringing", "call:join"], way, packet)
            || (way == Way::Down && packet.name() == Some("call:join"));
        if heard { Verdict::Hold } else { Verdict::Pass }
    });
    let bob = scene.lab.device_at(&tap.url(), "bob", "bob").await?;
    let theirs = bob.until_rings().await?;
    let call = alice.call_id()?;
    let early = tap
        .ask("call:signal", candidate(&call, "bob", "alice"))
        .await?;
    assert_eq!(early["success"], true, "{early}");

    bob.client.accept(theirs, VIDEO)?;
    // Alice offers, and offers again 8 s later because no answer comes: time enough to answer.
    let offer = |frame: &Frame| frame.by == "bob" && frame.packet.is_signal("offer");
    scene.log.until_many("a second offer", 2, offer).await?;
    let said = |frame: &Frame| {
        frame.is_said("bob", "call:signal") && frame.fate == ringwire_tests::tap::Fate::Passed
    };
    assert_eq!(scene.log.count(said), 0, "it signalled before it was heard");

    tap.release();
    tap.pass_all();
    alice.person.until_active(mine).await?;
    bob.until_active(theirs).await?;
    scene.log.until_one("a signal", said).await?;
    assert_eq!(scene.refusals(), Vec::<String>::new());
    Ok(())
}

/// Failure 2. A burst of 25 candidates hit a limit, and the limit killed the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_candidates_meets_no_limit_and_a_limit_ends_no_call() -> Result<()> {
    let scene = Scene::set().await?;
    let (mut alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    alice.person.film()?;
    let (mine, theirs) = scene.talking((&alice, "alice"), (&bob, "bob")).await?;
    let one = candidate(&alice.call_id()?, "alice", "bob");
    let added = one["signal"]["candidate"].clone();
    let burst = |count: usize| -> Result<()> {
        for _ in 0..count {
            alice.tap.add(Way::Up, event("call:signal", one.clone()))?;
        }
        Ok(())
    };

    burst(120)?;
    let arrived = |frame: &Frame| {
        frame.is_told("bob", "call:signal")
            && frame.packet.payload()["signal"]["candidate"] == added
    };
    scene.log.until_many("all candidates", 120, arrived).await?;
    assert_eq!(scene.refusals(), Vec::<String>::new());

    burst(400)?;
    let limited = |frame: &Frame| {
        frame.is_told("alice", "call:error")
            && frame.packet.payload()["code"] == "RATE_LIMIT_EXCEEDED"
    };
    let limit = scene.log.until_one("a limit", limited).await?;
    assert!(limit.packet.payload()["retryAfter"].as_f64() > Some(0.0));
    // What waits in the gateway is worked off before somebody is heard again.
    while alice.tap.ask("call:check-active", Value::Null).await?["calls"].is_null() {}

    alice.person.client.set_microphone(mine, false)?;
    bob.until_muted(true).await?;
    bob.person.until_picture(theirs).await?;
    assert_eq!((alice.ends(), bob.ends()), (0, 0));
    Ok(())
}

/// Failure 4. An offer was lost because the callee's socket was not in the room yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_for_a_device_that_is_not_there_yet_is_kept_for_it() -> Result<()> {
    let scene = Scene::set().await?;
    let (alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    let (mine, theirs) = scene.ringing((&alice, "alice"), (&bob, "bob")).await?;
    // Alice offers once and never again, so that only the gateway can bring the offer back.
    let mut offers = 0;
    alice.tap.rule(move |way, packet| {
        let offer =
            way == Way::Up && (packet.is_signal("offer") || packet.is_signal("ice-restart"));
        offers += u32::from(offer);
        if offer && offers > 1 {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    });
    // From Bob's accept on nothing reaches him, and then his socket is gone.
    let mut joined = false;
    bob.tap.rule(move |way, packet| {
        joined |= way == Way::Up && packet.name() == Some("call:join");
        if joined && way == Way::Down {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    });
    bob.person.client.accept(theirs, VIDEO)?;
    scene
        .log
        .until_one("the join", |frame| {
            frame.is_told("alice", "call:participant-joined")
        })
        .await?;
    bob.tap.shut(true);
    bob.tap.cut();
    let offer = scene
        .log
        .until_one("the offer", |frame| {
            frame.is_said("alice", "call:signal") && frame.packet.is_signal("offer")
        })
        .await?;
    let Packet::Event { ack, .. } = offer.packet else {
        anyhow::bail!("an offer is an event");
    };
    let ack = ack.context("an offer wants an ack")?;
    scene
        .log
        .until_one("the gateway's word for it", |frame| {
            frame.by == "alice" && matches!(frame.packet, Packet::Ack { id, .. } if id == ack)
        })
        .await?;

    bob.tap.pass_all();
    bob.tap.shut(false);
    alice.person.until_active(mine).await?;
    bob.person.until_active(theirs).await?;
    bob.person
        .until_call("connected", |call| call.connected)
        .await?;
    Ok(())
}
