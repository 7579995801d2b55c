//! A second call: it waits, is accepted, is declined as busy; what is on hold carries nothing.

use std::time::Duration;

use anyhow::Result;
use ringwire_tests::{Lab, VIDEO};

use crate::pair::{Pair, talking};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_call_is_accepted_and_the_first_is_held_and_taken_up_again() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        mut alice,
        mine: bobs,
        bob,
        theirs,
    } = talking(&lab).await?;
    alice.film()?;
    bob.until_picture(theirs).await?;
    bob.until_sound(theirs).await?;

    let carol = lab.person("carol").await?;
    let hers = carol.call(&lab.conversation("alice", "carol")?)?;
    let carols = alice.until_rings().await?;
    let waits = alice.client.snapshot();
    assert!(waits.call(carols).is_some_and(|call| call.waiting));

    alice.client.accept(carols, VIDEO)?;
    alice.until_active(carols).await?;
    carol.until_active(hers).await?;
    let held = alice.until_call("held", |call| call.held).await?;
    assert_eq!(held.key, bobs);
    bob.until_call("held there", |call| {
        call.key == theirs && call.people.iter().any(|person| person.held)
    })
    .await?;
    carol.until_picture(hers).await?;
    carol.until_sound(hers).await?;
    // Nothing more comes to Bob, however many pictures come to Carol.
    let shown_to_bob = bob.client.video_sink(theirs);
    loop {
        while shown_to_bob.next(Duration::ZERO).is_some() {}
        carol.until_picture(hers).await?;
        if shown_to_bob.next(Duration::ZERO).is_none() {
            break;
        }
    }

    carol.client.hang_up(hers)?;
    assert_eq!(alice.until_ended(carols).await?, "completed");
    let after = alice.client.snapshot();
    assert!(
        after.call(bobs).is_some_and(|call| call.held),
        "until it is taken up"
    );
    alice.client.hold(bobs, false)?;
    bob.until_call("taken up there", |call| {
        call.key == theirs && !call.people.iter().any(|person| person.held)
    })
    .await?;
    bob.until_picture(theirs).await?;
    bob.until_sound(theirs).await?;
    bob.client.hang_up(theirs)?;
    assert_eq!(alice.until_ended(bobs).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_call_is_declined_as_busy_at_both_ends() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair { alice, mine, .. } = talking(&lab).await?;
    let carol = lab.person("carol").await?;
    let hers = carol.call(&lab.conversation("alice", "carol")?)?;
    let carols = alice.until_rings().await?;
    alice.client.decline_busy(carols)?;
    assert_eq!(alice.until_ended(carols).await?, "busy");
    assert_eq!(carol.until_ended(hers).await?, "busy");
    let after = alice.client.snapshot();
    assert!(after.call(mine).is_some_and(|call| !call.held));
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_call_waiting_the_second_caller_is_told_that_alice_is_busy() -> Result<()> {
    let lab = Lab::start().await?;
    let alice = lab.device_with("alice", "alice-phone", |config| {
        config.call_waiting = false;
    })?;
    alice.until("connected", |now| now.me.is_some()).await?;
    let bob = lab.person("bob").await?;
    let pair = crate::pair::talk(crate::pair::rings(&lab, alice, bob).await?).await?;
    let carol = lab.person("carol").await?;
    let hers = carol.call(&lab.conversation("alice", "carol")?)?;
    assert_eq!(carol.until_ended(hers).await?, "busy");
    pair.alice.until_active(pair.mine).await?;
    lab.gateway.shutdown().await;
    Ok(())
}
