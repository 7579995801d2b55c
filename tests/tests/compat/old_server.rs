//! Two cores through a server of the first design's day: no acks, no versions, no ringing.

use anyhow::Result;
use ringwire_client::{CallKey, CallState, SocketState};
use ringwire_tests::peers::{SeedServer, have_node};
use ringwire_tests::{Lab, Person, VIDEO};

/// Two people at a server of that day. The lab's gateway only makes their tokens.
struct Stage {
    lab: Lab,
    server: SeedServer,
    alice: Person,
    bob: Person,
}

impl Stage {
    async fn set() -> Result<Self> {
        let (lab, server) = (Lab::start().await?, SeedServer::start().await?);
        let alice = lab.device_at(&server.url(), "alice", "phone").await?;
        let bob = lab.device_at(&server.url(), "bob", "phone").await?;
        Ok(Self {
            lab,
            server,
            alice,
            bob,
        })
    }

    /// Alice calls, and it rings at Bob.
    async fn ringing(&self) -> Result<(CallKey, CallKey)> {
        let mine = self.alice.call(&self.lab.conversation("alice", "bob")?)?;
        Ok((mine, self.bob.until_rings().await?))
    }

    /// Alice calls, Bob accepts, and both are in the call.
    async fn talking(&self) -> Result<(CallKey, CallKey)> {
        let (mine, theirs) = self.ringing().await?;
        self.bob.client.accept(theirs, VIDEO)?;
        self.alice.until_active(mine).await?;
        self.bob.until_active(theirs).await?;
        Ok((mine, theirs))
    }
}

fn other(person: &Person, audio: bool, video: bool) -> bool {
    let now = person.client.snapshot();
    let mut people = now.calls.iter().flat_map(|call| &call.people);
    people.any(|p| p.audio_enabled == audio && p.video_enabled == video)
}

async fn until_other(person: &Person, audio: bool, video: bool) -> Result<()> {
    person
        .until("the other's toggle", |_| other(person, audio, video))
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_flows_both_ways_and_either_side_hangs_up_call_after_call() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let mut stage = Stage::set().await?;
    stage.alice.film()?;
    stage.bob.film()?;
    for caller_ends in [true, false] {
        let (mine, theirs) = stage.talking().await?;
        stage.alice.until_picture(mine).await?;
        stage.bob.until_picture(theirs).await?;
        stage.alice.until_sound(mine).await?;
        stage.bob.until_sound(theirs).await?;
        match caller_ends {
            true => stage.alice.client.hang_up(mine)?,
            false => stage.bob.client.hang_up(theirs)?,
        }
        assert_eq!(stage.alice.until_ended(mine).await?, "completed");
        assert_eq!(stage.bob.until_ended(theirs).await?, "completed");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microphone_and_camera_are_seen_at_the_other_end() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    let (mine, theirs) = stage.talking().await?;
    let pairs = [
        (&stage.alice, mine, &stage.bob),
        (&stage.bob, theirs, &stage.alice),
    ];
    for (who, key, seen_by) in pairs {
        who.client.set_microphone(key, false)?;
        until_other(seen_by, false, true).await?;
        who.client.set_camera(key, false)?;
        until_other(seen_by, false, false).await?;
        who.client.set_microphone(key, true)?;
        who.client.set_camera(key, true)?;
        until_other(seen_by, true, true).await?;
    }
    // The server tells a toggle to everybody, also to who made it: that one's view of the other
    // stays as it was.
    stage.alice.client.set_microphone(mine, false)?;
    until_other(&stage.bob, false, true).await?;
    assert!(other(&stage.alice, true, true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_silences_the_ring_and_frees_the_conversation() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    for _ in 0..2 {
        let (mine, theirs) = stage.ringing().await?;
        stage.alice.client.hang_up(mine)?;
        assert_eq!(stage.alice.until_ended(mine).await?, "cancelled");
        assert_eq!(stage.bob.until_ended(theirs).await?, "cancelled");
    }
    Ok(())
}

/// The first design has no word for a decline: the ring stops on that device, and the caller waits
/// until nobody has answered, as with one who is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_declines_or_does_not_answer_is_missed_and_the_conversation_is_free_again() -> Result<()>
{
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    let url = stage.server.url();
    let carol = stage.lab.device_at(&url, "carol", "phone").await?;
    let echo = stage.lab.device_at(&url, "echo", "phone").await?;

    // Both at once: each takes as long as a caller waits.
    let (mine, theirs) = stage.ringing().await?;
    let declined = carol.call(&stage.lab.conversation("carol", "echo")?)?;
    let ring = echo.until_rings().await?;
    echo.client.decline(ring)?;
    assert_eq!(echo.until_ended(ring).await?, "rejected");

    assert_eq!(stage.alice.until_ended(mine).await?, "missed");
    assert_eq!(carol.until_ended(declined).await?, "missed");
    // Why it ended the server does not say, only that the caller left.
    assert_eq!(stage.bob.until_ended(theirs).await?, "cancelled");

    stage.talking().await?;
    let again = carol.call(&stage.lab.conversation("carol", "echo")?)?;
    let ring = echo.until_rings().await?;
    echo.client.accept(ring, VIDEO)?;
    carol.until_active(again).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_flows_while_the_server_restarts_and_the_call_goes_on() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let mut stage = Stage::set().await?;
    stage.alice.film()?;
    let (mine, theirs) = stage.talking().await?;
    stage.bob.until_picture(theirs).await?;

    stage.server.restart().await?;
    stage.bob.until_picture(theirs).await?;
    for person in [&stage.alice, &stage.bob] {
        person
            .until("connected again", |now| {
                now.socket == SocketState::Connected
                    && now.calls.iter().all(|call| call.state == CallState::Active)
            })
            .await?;
    }
    stage.alice.client.set_microphone(mine, false)?;
    until_other(&stage.bob, false, true).await?;
    stage.bob.until_picture(theirs).await?;
    stage.bob.client.hang_up(theirs)?;
    assert_eq!(stage.alice.until_ended(mine).await?, "completed");
    assert_eq!(stage.bob.until_ended(theirs).await?, "completed");
    Ok(())
}
