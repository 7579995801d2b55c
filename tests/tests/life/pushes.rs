//! A phone that sleeps is woken by a push. Its line to the gateway is cut until the story opens it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use ringwire_client::{CallKey, CallState, CallView};
use ringwire_protocol::push::RingPush;
use ringwire_protocol::{CallId, Push};
use ringwire_tests::{Lab, Line, Person, VIDEO};

/// Bob's phone sleeps while Alice calls.
struct Asleep {
    lab: Lab,
    alice: Person,
    mine: CallKey,
    bob: Person,
    line: Line,
    call: CallId,
}

async fn asleep() -> Result<Asleep> {
    let lab = Lab::start().await?;
    let line = lab.line(false).await?;
    let alice = lab.person("alice").await?;
    let bob = lab.device_with("bob", "bob-phone", |config| config.url = line.url())?;
    let mine = alice.call(&lab.conversation("alice", "bob")?)?;
    let made = alice.until_call("made", |call| call.id.is_some()).await?;
    Ok(Asleep {
        lab,
        alice,
        mine,
        bob,
        line,
        call: made.id.context("it has an id")?,
    })
}

impl Asleep {
    fn ring(&self) -> Result<BTreeMap<String, String>> {
        let alice = ringwire_gateway::demo::person("alice").context("a demo person")?;
        Ok(Push::Ring(RingPush {
            call_id: self.call.clone(),
            conversation_id: self.lab.conversation("alice", "bob")?,
            caller_name: "Alice".into(),
            caller_user_id: alice,
            caller_avatar: None,
            is_video: true,
            ice_servers: Vec::new(),
            ring_deadline: None,
        })
        .to_data())
    }

    fn wake(&self) -> Result<()> {
        self.line.open();
        Ok(self.bob.client.network_changed()?)
    }
}

fn rings(call: &CallView) -> bool {
    call.state == CallState::Incoming
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_rings_before_the_socket_is_up_and_the_accept_is_done_as_soon_as_it_is() -> Result<()>
{
    let it = asleep().await?;
    assert!(it.bob.client.push_received(&it.ring()?)?);
    let ring = it.bob.until_call("ringing by push", rings).await?;
    assert_eq!(ring.id.as_ref(), Some(&it.call));
    it.bob.client.accept(ring.key, VIDEO)?;
    it.bob
        .until_call("accepted", |call| call.state == CallState::Connecting)
        .await?;
    it.wake()?;
    it.alice.until_active(it.mine).await?;
    it.bob.until_active(ring.key).await?;
    assert_eq!(it.bob.client.snapshot().calls.len(), 1);
    it.lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_before_and_after_its_event_is_one_ring() -> Result<()> {
    let it = asleep().await?;
    it.bob.client.push_received(&it.ring()?)?;
    let ring = it.bob.until_call("ringing by push", rings).await?;
    it.wake()?;
    // The gateway hears that it rings here.
    it.alice
        .until_call("ringing there", |call| call.state == CallState::Ringing)
        .await?;
    it.bob.client.push_received(&it.ring()?)?;
    it.bob.client.decline(ring.key)?;
    assert_eq!(it.bob.until_ended(ring.key).await?, "rejected");
    assert_eq!(it.alice.until_ended(it.mine).await?, "rejected");
    it.lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_before_its_ring_silences_that_ring() -> Result<()> {
    let it = asleep().await?;
    let cancel = Push::Cancel(it.call.clone()).to_data();
    assert!(it.bob.client.push_received(&cancel)?);
    it.bob.client.push_received(&it.ring()?)?;
    it.wake()?;
    it.bob.until("connected", |now| now.me.is_some()).await?;
    // All that the gateway has said on the way comes before this.
    let carol = it.lab.person("carol").await?;
    let other = it.bob.call(&it.lab.conversation("bob", "carol")?)?;
    carol.until_rings().await?;
    it.bob
        .until_call("ringing at Carol's", |call| {
            call.key == other && call.state == CallState::Ringing
        })
        .await?;
    assert_eq!(it.bob.client.snapshot().calls.len(), 1);
    let at_alice = it.alice.client.snapshot();
    assert_eq!(
        at_alice.call(it.mine).map(|call| call.state.clone()),
        Some(CallState::Calling),
        "Bob's phone never said that it rings"
    );
    it.lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_of_a_call_that_is_over_stops_when_the_gateway_has_spoken() -> Result<()> {
    let it = asleep().await?;
    it.alice.client.hang_up(it.mine)?;
    assert_eq!(it.alice.until_ended(it.mine).await?, "cancelled");
    it.bob.client.push_received(&it.ring()?)?;
    let ring = it.bob.until_call("ringing by push", rings).await?;
    it.wake()?;
    assert_eq!(it.bob.until_ended(ring.key).await?, "missed");
    it.lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_cannot_be_read_is_told_which_field_is_wrong() -> Result<()> {
    let it = asleep().await?;
    let mut ring = it.ring()?;
    ring.remove("callerUserId");
    let error = it
        .bob
        .client
        .push_received(&ring)
        .err()
        .context("refused")?;
    assert!(error.to_string().contains("callerUserId"), "{error}");
    let other = BTreeMap::from([("type".to_owned(), "message".to_owned())]);
    assert!(!it.bob.client.push_received(&other)?);
    it.lab.gateway.shutdown().await;
    Ok(())
}
