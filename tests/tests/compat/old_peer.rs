//! A client of the first design's day and a core of today, through our gateway: one with real
//! media whose every word to the gateway is one of the first design.

use anyhow::Result;
use ringwire_client::CallState;
use ringwire_tests::peers::{NodePeer, have_node, seed_peer};
use ringwire_tests::tap::{Frame, Log, Packet, Tap, Way};
use ringwire_tests::{Lab, Person, VIDEO};

/// Alice's client is an old one, Bob's one of today.
struct Stage {
    lab: Lab,
    log: Log,
    alice: Person,
    bob: Person,
    _tap: Tap,
    _peer: NodePeer,
}

impl Stage {
    async fn set() -> Result<Self> {
        let (lab, log) = (Lab::start().await?, Log::default());
        let tap = lab.tap("alice", &log).await?;
        let peer = seed_peer(&tap.url()).await?;
        let mut alice = lab.device_at(&peer.url(), "alice", "unheard-of").await?;
        let mut bob = lab.person("bob").await?;
        alice.film()?;
        bob.film()?;
        Ok(Self {
            lab,
            log,
            alice,
            bob,
            _tap: tap,
            _peer: peer,
        })
    }

    /// What the old client said beyond the first design: nothing.
    fn additions(&self) -> Vec<String> {
        let known = [
            "call:initiate",
            "call:join",
            "call:leave",
            "call:signal",
            "call:toggle-audio",
            "call:toggle-video",
        ];
        let beyond = |frame: &Frame| match &frame.packet {
            Packet::Event { name, payload, ack } => {
                let signal = &payload["signal"];
                let added = ["negotiationId", "fromDevice", "toDevice"]
                    .iter()
                    .any(|field| !signal[field].is_null());
                !known.contains(&name.as_str())
                    || ack.is_some()
                    || added
                    || !payload["deviceId"].is_null()
            }
            Packet::Connect(auth) => !auth["client"].is_null(),
            _ => false,
        };
        let frames = self.log.frames();
        let up = frames.iter().filter(|frame| frame.way == Way::Up);
        up.filter(|frame| beyond(frame))
            .map(|frame| frame.packet.write())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_client_calls_a_core_they_see_each_other_and_the_core_hangs_up() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    let (alice, bob) = (&stage.alice, &stage.bob);
    let mine = alice.call(&stage.lab.conversation("alice", "bob")?)?;
    let theirs = bob.until_rings().await?;
    bob.client.accept(theirs, VIDEO)?;
    alice.until_active(mine).await?;
    bob.until_active(theirs).await?;
    alice.until_picture(mine).await?;
    bob.until_picture(theirs).await?;
    alice.until_sound(mine).await?;
    bob.until_sound(theirs).await?;

    alice.client.set_microphone(mine, false)?;
    bob.until_call("muted there", |call| {
        call.people.iter().any(|p| !p.audio_enabled)
    })
    .await?;
    bob.client.set_camera(theirs, false)?;
    // The gateway names the member, and the old client has nothing but user ids: it stays unaware.
    bob.client.hang_up(theirs)?;
    assert_eq!(bob.until_ended(theirs).await?, "completed");
    assert_eq!(alice.until_ended(mine).await?, "completed");
    assert_eq!(stage.additions(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_calls_an_old_client_they_see_each_other_and_the_old_client_hangs_up() -> Result<()>
{
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    let (alice, bob) = (&stage.alice, &stage.bob);
    let mine = bob.call(&stage.lab.conversation("alice", "bob")?)?;
    let theirs = alice.until_rings().await?;
    alice.client.accept(theirs, VIDEO)?;
    bob.until_active(mine).await?;
    alice.until_active(theirs).await?;
    bob.until_picture(mine).await?;
    alice.until_picture(theirs).await?;
    alice.client.hang_up(theirs)?;
    assert_eq!(alice.until_ended(theirs).await?, "completed");
    assert_eq!(bob.until_ended(mine).await?, "completed");
    assert_eq!(stage.additions(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_gives_up_while_it_rings() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    let (alice, bob) = (&stage.alice, &stage.bob);
    let conversation = stage.lab.conversation("alice", "bob")?;

    let mine = alice.call(&conversation)?;
    let theirs = bob.until_rings().await?;
    alice.client.hang_up(mine)?;
    assert_eq!(bob.until_ended(theirs).await?, "cancelled");

    let mine = alice.call(&conversation)?;
    let theirs = bob.until_rings().await?;
    bob.client.decline(theirs)?;
    assert_eq!(alice.until_ended(mine).await?, "rejected");

    let mine = bob.call(&conversation)?;
    let theirs = alice.until_rings().await?;
    // Nobody tells a caller that an old client rings.
    assert!(matches!(
        bob.client.snapshot().call(mine).map(|call| &call.state),
        Some(CallState::Calling)
    ));
    bob.client.hang_up(mine)?;
    assert_eq!(alice.until_ended(theirs).await?, "cancelled");
    Ok(())
}
