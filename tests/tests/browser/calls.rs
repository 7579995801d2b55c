//! Calls between the page and the core: every way in and out, in both directions.

use anyhow::Result;
use ringwire_client::{CallKey, CallState, CallView};
use ringwire_demo::browser::Page;
use ringwire_tests::{Person, VIDEO};

use crate::stage::{ACTIVE, STANDS_STILL, Stage, ended, moves, run, tap, until};

/// The page signed in as Alice, and Bob with a core whose camera films.
pub(crate) struct Pair {
    pub(crate) stage: Stage,
    pub(crate) alice: Page,
    pub(crate) bob: Person,
}

impl Pair {
    pub(crate) async fn set() -> Result<Self> {
        let stage = Stage::set().await?;
        let alice = stage.page("alice").await?;
        let mut bob = stage.lab.person("bob").await?;
        bob.film()?;
        Ok(Self { stage, alice, bob })
    }

    /// Alice calls in the page, Bob's core rings; returns Bob's call.
    pub(crate) async fn page_calls(&self) -> Result<CallKey> {
        run(&self.alice, "call('bob', { video: true })").await?;
        self.bob.until_rings().await
    }

    /// Bob's core calls, the page rings; returns Bob's call.
    pub(crate) async fn core_calls(&self) -> Result<CallKey> {
        let key = self
            .bob
            .call(&self.stage.lab.conversation("alice", "bob")?)?;
        until(&self.alice, "state().call?.status === 'incoming'").await?;
        Ok(key)
    }

    /// Waits until both show the call as active and pictures of both have come.
    pub(crate) async fn both_see(&self, key: CallKey) -> Result<()> {
        self.bob.until_active(key).await?;
        until(&self.alice, ACTIVE).await?;
        moves(&self.alice).await?;
        self.bob.until_picture(key).await
    }

    pub(crate) async fn strike(self) -> Result<()> {
        self.bob.client.close().await;
        self.stage.strike().await
    }
}

fn other(call: &CallView, seen: impl Fn(bool, bool) -> bool) -> bool {
    call.people
        .iter()
        .any(|person| seen(person.audio_enabled, person.video_enabled))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_calls_the_core_answers_and_the_core_hangs_up() -> Result<()> {
    let pair = Pair::set().await?;
    let key = pair.page_calls().await?;
    until(&pair.alice, "state().call?.status === 'ringing'").await?;
    pair.bob.client.accept(key, VIDEO)?;
    pair.both_see(key).await?;
    until(&pair.alice, "stats().then((s) => s.audioEnergy > 0)").await?;
    pair.bob.until_sound(key).await?;
    pair.bob.client.hang_up(key)?;
    assert_eq!(pair.bob.until_ended(key).await?, "completed");
    assert_eq!(ended(&pair.alice).await?, "completed");
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_core_calls_the_page_answers_and_the_page_hangs_up() -> Result<()> {
    let pair = Pair::set().await?;
    let key = pair.core_calls().await?;
    pair.bob
        .until_call("ringing there", |call| call.state == CallState::Ringing)
        .await?;
    run(&pair.alice, "accept()").await?;
    pair.both_see(key).await?;
    until(&pair.alice, "stats().then((s) => s.audioEnergy > 0)").await?;
    pair.bob.until_sound(key).await?;
    tap(&pair.alice, "hang-up").await?;
    assert_eq!(ended(&pair.alice).await?, "completed");
    assert_eq!(pair.bob.until_ended(key).await?, "completed");
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_is_told_to_the_caller_in_both_directions() -> Result<()> {
    let pair = Pair::set().await?;
    let key = pair.page_calls().await?;
    pair.bob.client.decline(key)?;
    assert_eq!(ended(&pair.alice).await?, "rejected");
    assert_eq!(pair.bob.until_ended(key).await?, "rejected");

    let key = pair.core_calls().await?;
    tap(&pair.alice, "decline").await?;
    assert_eq!(pair.bob.until_ended(key).await?, "rejected");
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_while_it_rings_silences_the_other_in_both_directions() -> Result<()> {
    let pair = Pair::set().await?;
    let key = pair.page_calls().await?;
    until(&pair.alice, "state().call?.status === 'ringing'").await?;
    tap(&pair.alice, "hang-up").await?;
    assert_eq!(pair.bob.until_ended(key).await?, "cancelled");
    assert_eq!(ended(&pair.alice).await?, "cancelled");

    let key = pair.core_calls().await?;
    pair.bob.client.hang_up(key)?;
    assert_eq!(pair.bob.until_ended(key).await?, "cancelled");
    until(&pair.alice, "state().call === null").await?;
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_answers_is_missed_in_both_directions() -> Result<()> {
    let pair = Pair::set().await?;
    let carol = pair.stage.page("carol").await?;
    let echo = pair.stage.lab.person("echo").await?;
    // Both at once: each takes as long as a caller waits.
    let rings = pair.page_calls().await?;
    let calls = echo.call(&pair.stage.lab.conversation("carol", "echo")?)?;
    until(&carol, "state().call !== null").await?;
    assert_eq!(echo.until_ended(calls).await?, "missed");
    assert_eq!(pair.bob.until_ended(rings).await?, "missed");
    assert_eq!(ended(&pair.alice).await?, "missed");
    until(
        &carol,
        "state().call === null && state().lastEnded?.reason === 'missed'",
    )
    .await?;
    echo.client.close().await;
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mute_and_camera_are_seen_at_the_other_end_in_both_directions() -> Result<()> {
    let pair = Pair::set().await?;
    let key = pair.page_calls().await?;
    pair.bob.client.accept(key, VIDEO)?;
    pair.both_see(key).await?;

    tap(&pair.alice, "microphone").await?;
    pair.bob
        .until_call("muted there", |call| other(call, |audio, _| !audio))
        .await?;
    tap(&pair.alice, "camera").await?;
    pair.bob
        .until_call("no camera there", |call| other(call, |_, video| !video))
        .await?;
    run(&pair.alice, "setMicrophone(true)").await?;
    run(&pair.alice, "setCamera(true)").await?;
    pair.bob
        .until_call("both on there", |call| {
            other(call, |audio, video| audio && video)
        })
        .await?;
    pair.bob.until_picture(key).await?;

    pair.bob.client.set_microphone(key, false)?;
    until(&pair.alice, "state().call?.remote.audioEnabled === false").await?;
    pair.bob.client.set_camera(key, false)?;
    until(&pair.alice, "state().call?.remote.videoEnabled === false").await?;
    until(&pair.alice, STANDS_STILL).await?;
    let frozen = run(&pair.alice, "stats()").await?["framesDecoded"].as_u64();
    pair.bob.client.set_microphone(key, true)?;
    pair.bob.client.set_camera(key, true)?;
    until(
        &pair.alice,
        "state().call?.remote.audioEnabled && state().call?.remote.videoEnabled",
    )
    .await?;
    let moving = format!(
        "stats().then((s) => s.framesDecoded > {})",
        frozen.unwrap_or(0) + 10
    );
    until(&pair.alice, &moving).await?;

    pair.bob.client.hang_up(key)?;
    ended(&pair.alice).await?;
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_closed_leaves_its_call() -> Result<()> {
    let pair = Pair::set().await?;
    let key = pair.page_calls().await?;
    pair.bob.client.accept(key, VIDEO)?;
    pair.both_see(key).await?;
    pair.alice.goto("about:blank").await?;
    let left = pair.bob.until_ended(key).await?;
    assert_eq!(left, "completed");
    pair.strike().await
}
