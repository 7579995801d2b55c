//! Calls between two cores through a real gateway, on loopback.

use anyhow::Result;
use ringwire_client::{CallKey, CallState, SocketState};
use ringwire_tests::{DEADLINE, Lab, Person, VIDEO};

/// Alice and Bob, whom she calls, with the key of the call at each.
struct Pair {
    alice: Person,
    mine: CallKey,
    bob: Person,
    theirs: CallKey,
}

/// Alice calls, and it rings at Bob.
async fn ringing(lab: &Lab) -> Result<Pair> {
    let (alice, bob) = (lab.person("alice").await?, lab.person("bob").await?);
    let mine = alice.call(&lab.conversation("alice", "bob")?)?;
    let theirs = bob.until_rings().await?;
    Ok(Pair {
        alice,
        mine,
        bob,
        theirs,
    })
}

/// Alice calls, Bob accepts, and both are in the call.
async fn talking(lab: &Lab) -> Result<Pair> {
    let pair = ringing(lab).await?;
    pair.bob.client.accept(pair.theirs, VIDEO)?;
    pair.alice.until_active(pair.mine).await?;
    pair.bob.until_active(pair.theirs).await?;
    Ok(pair)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cores_ring_answer_see_each_other_and_hang_up() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        alice,
        mine,
        bob,
        theirs,
    } = ringing(&lab).await?;
    alice
        .until_call("ringing there", |call| call.state == CallState::Ringing)
        .await?;
    bob.client.accept(theirs, VIDEO)?;
    alice.until_active(mine).await?;
    bob.until_active(theirs).await?;
    alice.until_call("connected", |call| call.connected).await?;

    alice.client.set_microphone(mine, false)?;
    bob.until_call("muted there", |call| {
        call.people.iter().any(|p| !p.audio_enabled)
    })
    .await?;

    bob.client.hang_up(theirs)?;
    assert_eq!(bob.until_ended(theirs).await?, "completed");
    assert_eq!(alice.until_ended(mine).await?, "completed");
    alice.client.close().await;
    bob.client.close().await;
    assert!(alice.client.video_sink(mine).is_closed());
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_call_is_rejected_at_both_ends() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        alice,
        mine,
        bob,
        theirs,
    } = ringing(&lab).await?;
    bob.client.decline(theirs)?;
    assert_eq!(bob.until_ended(theirs).await?, "rejected");
    assert_eq!(alice.until_ended(mine).await?, "rejected");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_cancelled_while_it_rings_stops_the_ring() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        alice,
        mine,
        bob,
        theirs,
    } = ringing(&lab).await?;
    alice.client.hang_up(mine)?;
    assert_eq!(alice.until_ended(mine).await?, "cancelled");
    assert_eq!(bob.until_ended(theirs).await?, "cancelled");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_a_client_in_a_call_ends_the_call_for_the_other() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        alice, bob, theirs, ..
    } = talking(&lab).await?;
    alice.client.close().await;
    assert_eq!(bob.until_ended(theirs).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_dropped_in_a_call_leaves_it() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        alice, bob, theirs, ..
    } = talking(&lab).await?;
    drop(alice);
    assert_eq!(bob.until_ended(theirs).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_flows_while_the_gateway_restarts_and_the_call_goes_on() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        mut alice,
        mine,
        bob,
        theirs,
    } = talking(&lab).await?;
    alice.film()?;
    bob.until_picture(theirs).await?;

    let lab = lab.restart().await?;
    bob.until_picture(theirs).await?;
    for person in [&alice, &bob] {
        person
            .until("connected again", |now| {
                now.socket == SocketState::Connected
            })
            .await?;
    }
    alice.client.set_microphone(mine, false)?;
    bob.until_call("muted there", |call| {
        call.people.iter().any(|p| !p.audio_enabled)
    })
    .await?;
    bob.until_picture(theirs).await?;
    bob.client.hang_up(theirs)?;
    assert_eq!(alice.until_ended(mine).await?, "completed");
    assert_eq!(bob.until_ended(theirs).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_a_device_that_rings_leaves_the_ring_to_the_other_device() -> Result<()> {
    let lab = Lab::start().await?;
    let alice = lab.person("alice").await?;
    let (phone, tablet) = (
        lab.device("bob", "phone").await?,
        lab.device("bob", "tablet").await?,
    );
    let mine = alice.call(&lab.conversation("alice", "bob")?)?;
    let theirs = phone.until_rings().await?;
    tablet.until_rings().await?;
    tablet.client.close().await;
    phone.client.accept(theirs, VIDEO)?;
    alice.until_active(mine).await?;
    phone.client.hang_up(theirs)?;
    assert_eq!(alice.until_ended(mine).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_call_is_refused_and_its_sink_is_closed() -> Result<()> {
    let lab = Lab::start().await?;
    let alice = lab.person("alice").await?;
    let first = alice.call(&lab.conversation("alice", "bob")?)?;
    alice
        .until_call("calling", |call| call.key == first)
        .await?;
    let second = alice.call(&lab.conversation("alice", "carol")?)?;
    let sink = alice.client.video_sink(second);
    let nothing = tokio::time::timeout(DEADLINE, sink.next_async());
    assert_eq!(nothing.await?, None);
    lab.gateway.shutdown().await;
    Ok(())
}
