//! Glare: two who call each other at the same moment.

use anyhow::Result;
use ringwire_client::CallState;
use ringwire_tests::Lab;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_call_each_other_end_up_in_one_call_without_being_asked() -> Result<()> {
    let lab = Lab::start().await?;
    let (mut alice, mut bob) = (lab.person("alice").await?, lab.person("bob").await?);
    let place = lab.conversation("alice", "bob")?;
    alice.film()?;
    bob.film()?;
    let (mine, theirs) = (alice.call(&place)?, bob.call(&place)?);
    let (at_alice, at_bob) = (
        alice.until_active(mine).await?,
        bob.until_active(theirs).await?,
    );
    assert_eq!(at_alice.id, at_bob.id);
    assert_eq!(at_alice.initiator, at_bob.initiator);
    for (person, key) in [(&alice, mine), (&bob, theirs)] {
        person.until_picture(key).await?;
        person.until_sound(key).await?;
        let now = person.client.snapshot();
        assert!(
            now.calls.iter().all(|call| call.key == key),
            "one call each: {now:?}"
        );
    }
    bob.client.hang_up(theirs)?;
    assert_eq!(alice.until_ended(mine).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_a_person_that_rings_already_has_accepted() -> Result<()> {
    let lab = Lab::start().await?;
    let (alice, bob) = (lab.person("alice").await?, lab.person("bob").await?);
    let place = lab.conversation("alice", "bob")?;
    let mine = alice.call(&place)?;
    let ring = bob.until_rings().await?;
    let theirs = bob.call(&place)?;
    alice.until_active(mine).await?;
    bob.until_active(theirs).await?;
    let now = bob.client.snapshot();
    assert!(
        now.call(ring).is_none(),
        "its ring is the same call: {now:?}"
    );
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_a_group_that_has_a_call_is_asked_to_join_it() -> Result<()> {
    let lab = Lab::start().await?;
    let (alice, bob) = (lab.person("alice").await?, lab.person("bob").await?);
    let carol = lab.person("carol").await?;
    let group = ringwire_gateway::demo::GROUP.parse()?;
    let mine = alice.call(&group)?;
    let bobs = bob.until_rings().await?;
    let ring = carol.until_rings().await?;
    bob.client.accept(bobs, ringwire_tests::VIDEO)?;
    alice.until_active(mine).await?;
    let hers = carol.call(&group)?;
    let offered = carol
        .until_call("offered", |call| call.state == CallState::Offered)
        .await?;
    assert_eq!(offered.key, hers);
    assert!(carol.client.snapshot().call(ring).is_none());
    carol.client.hang_up(hers)?;
    assert_eq!(carol.until_ended(hers).await?, "rejected");
    assert_eq!(
        alice
            .client
            .snapshot()
            .call(mine)
            .map(|it| it.state.clone()),
        Some(CallState::Active)
    );
    lab.gateway.shutdown().await;
    Ok(())
}
