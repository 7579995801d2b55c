//! Ends that must not be, or not twice: two devices, two reasons, an error of another call.

use std::time::Duration;

use anyhow::{Context, Result};
use ringwire_tests::VIDEO;
use ringwire_tests::tap::{Frame, Packet, Verdict, Way};
use serde_json::json;

use crate::scene::{Scene, candidate, event};

/// Failure 5. Two sockets of one user were in one call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_device_in_a_call_takes_the_place_of_the_first() -> Result<()> {
    let scene = Scene::set().await?;
    let mut alice = scene.seat("alice").await?;
    let phone = scene.device("bob", "phone").await?;
    let tablet = scene.device("bob", "tablet").await?;
    alice.person.film()?;
    // Nobody tells the tablet that the phone has answered.
    tablet.tap.rule(|way, packet| match packet.name() {
        Some("call:already-answered") if way == Way::Down => Verdict::Drop,
        _ => Verdict::Pass,
    });
    let (mine, first) = scene.talking((&alice, "alice"), (&phone, "bob")).await?;
    phone.person.until_picture(first).await?;
    let second = tablet.person.until_rings().await?;
    let call = alice.call_id()?;

    tablet.person.client.accept(second, VIDEO)?;
    phone
        .person
        .until("out of the call", |now| {
            now.calls
                .iter()
                .all(|call| matches!(call.state, ringwire_client::CallState::Ended { .. }))
        })
        .await?;
    tablet.person.until_active(second).await?;
    tablet.person.until_picture(second).await?;
    let refused = phone
        .tap
        .ask("call:signal", candidate(&call, "bob", "alice"))
        .await?;
    assert_eq!(refused["error"]["code"], "NOT_A_PARTICIPANT", "{refused}");
    let now = alice.person.client.snapshot();
    let people = &now.call(mine).context("Alice's call is gone")?.people;
    let inside: Vec<_> = people.iter().filter(|person| person.joined).collect();
    assert_eq!(inside.len(), 1);
    let device = inside[0].device.as_ref().map(|device| device.as_str());
    assert_eq!(device, Some("tablet"));

    alice.person.client.hang_up(mine)?;
    assert_eq!(tablet.person.until_ended(second).await?, "completed");
    assert_eq!((alice.ends(), phone.ends(), tablet.ends()), (1, 1, 1));
    Ok(())
}

/// Failure 6. Time-out and hang-up raced, and the call ended twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_out_and_a_hang_up_that_race_end_the_call_once() -> Result<()> {
    let scene =
        Scene::set_with(|config| config.timers.ring_deadline = Duration::from_secs(4)).await?;
    let (alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    let conversation = scene.lab.conversation("alice", "bob")?;
    let hold_back = |name: &'static str| {
        move |way, packet: &Packet| match packet.name() {
            Some(said) if way == Way::Up && said == name => Verdict::Hold,
            _ => Verdict::Pass,
        }
    };

    // The hang-up is on its way when the server's time is up.
    alice.tap.rule(hold_back("call:end"));
    let mine = alice.person.call(&conversation)?;
    let theirs = bob.person.until_rings().await?;
    let timed_out = alice.until_named().await?;
    alice.person.client.hang_up(mine)?;
    assert_eq!(alice.person.until_ended(mine).await?, "cancelled");
    assert_eq!(bob.person.until_ended(theirs).await?, "missed");
    alice.tap.release();
    alice.tap.pass_all();
    let mut late = None;
    for frame in scene.log.frames() {
        if let Packet::Event { name, ack, .. } = frame.packet
            && name == "call:end"
        {
            late = ack;
        }
    }
    let late = late.context("a hang-up wants an ack")?;
    let heard = |frame: &Frame| matches!(frame.packet, Packet::Ack { id, .. } if id == late);
    let heard = scene
        .log
        .until_one("the answer to the hang-up", heard)
        .await?;
    assert_eq!(heard.packet.payload()["success"], true);

    // The hang-up is in before the time is up.
    let mine = alice.person.call(&conversation)?;
    let theirs = bob.person.until_rings().await?;
    let hung_up = alice.until_named().await?;
    alice.person.client.hang_up(mine)?;
    assert_eq!(bob.person.until_ended(theirs).await?, "cancelled");

    // The accept is on its way when the time is up; by then that of the call before is up as well.
    bob.tap.rule(hold_back("call:join"));
    let mine = alice.person.call(&conversation)?;
    let theirs = bob.person.until_rings().await?;
    let too_late = alice.until_named().await?;
    bob.person.client.accept(theirs, VIDEO)?;
    assert_eq!(alice.person.until_ended(mine).await?, "missed");
    bob.person.until_ended(theirs).await?;
    bob.tap.release();
    bob.tap.pass_all();
    let refused = |frame: &Frame| {
        frame.by == "bob" && frame.packet.payload()["error"]["code"] == "CALL_ENDED"
    };
    scene
        .log
        .until_one("the answer to the accept", refused)
        .await?;

    assert_eq!((alice.ends(), bob.ends()), (3, 3));
    for call in [timed_out, hung_up, too_late] {
        for who in ["alice", "bob"] {
            let ended = |frame: &Frame| {
                frame.is_told(who, "call:ended")
                    && frame.packet.payload()["callId"] == call.as_str()
            };
            assert_eq!(scene.log.count(ended), 1, "{who}");
        }
    }
    Ok(())
}

/// Failure 11. An error for call A ended call B.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_one_call_leaves_the_other_alone() -> Result<()> {
    let scene = Scene::set().await?;
    let (mut alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    alice.person.film()?;
    let (_, theirs) = scene.talking((&alice, "alice"), (&bob, "bob")).await?;
    let another = "65a1f0c2d3e4b5a69788dead";
    // Refused by the gateway, and told to Alice.
    alice
        .tap
        .add(Way::Up, event("call:leave", json!({ "callId": another })))?;
    alice.tap.add(Way::Up, event("call:leave", json!({})))?;
    scene
        .log
        .until_many("two errors", 2, |frame| {
            frame.is_told("alice", "call:error")
        })
        .await?;
    // What another server might say.
    for code in [
        "CALL_ENDED",
        "CALL_NOT_FOUND",
        "NOT_IN_CALL",
        "SIGNAL_FAILED",
    ] {
        let error = json!({ "code": code, "message": "of another call", "callId": another });
        alice.tap.add(Way::Down, event("call:error", error))?;
    }
    let over = json!({ "callId": another, "duration": 0, "reason": "failed" });
    alice.tap.add(Way::Down, event("call:ended", over))?;

    bob.person.client.set_microphone(theirs, false)?;
    alice.until_muted(true).await?;
    bob.person.until_picture(theirs).await?;
    assert_eq!((alice.ends(), bob.ends()), (0, 0));
    Ok(())
}
