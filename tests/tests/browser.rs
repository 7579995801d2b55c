//! Calls between the page in Chromium, with its fake camera and microphone, and the core: through a
//! real gateway, on loopback. Each test starts a gateway and a browser of its own.

use anyhow::{Context, Result};
use ringwire_client::{CallKey, CallState, CallView};
use ringwire_demo::browser::{Browser, Options, Page};
use ringwire_tests::{DEADLINE, Lab, Person, VIDEO};
use serde_json::{Value, json};

/// Whether the page decoded no picture and heard no sound for a while; concealment of the last sound fades first.
const STANDS_STILL: &str = "stats().then(async (before) => {
    await new Promise((done) => setTimeout(done, 700));
    const after = await stats();
    return after.framesDecoded === before.framesDecoded
        && after.audioEnergy - before.audioEnergy <= 1e-4;
})";

/// A browser with the page signed in as Alice, and Bob with a core whose camera films.
struct Stage {
    lab: Lab,
    browser: Browser,
    alice: Page,
    bob: Person,
}

impl Stage {
    async fn set() -> Result<Self> {
        let lab = Lab::start().await?;
        let browser = Browser::start(Options::default()).await?;
        let alice = browser
            .open(&format!("{}/?as=alice&raw", lab.url()))
            .await?;
        until(&alice, "state().socket === 'connected'").await?;
        let mut bob = lab.person("bob").await?;
        bob.film()?;
        Ok(Self {
            lab,
            browser,
            alice,
            bob,
        })
    }

    /// Alice calls in the page, Bob's core rings; returns Bob's call.
    async fn page_calls(&self) -> Result<CallKey> {
        run(&self.alice, "call('bob', { video: true })").await?;
        self.bob.until_rings().await
    }

    /// Bob's core calls, the page rings; returns Bob's call.
    async fn core_calls(&self) -> Result<CallKey> {
        let key = self.bob.call(&self.lab.conversation("alice", "bob")?)?;
        until(
            &self.alice,
            "state().call?.status === 'ringing' || state().call?.status === 'incoming'",
        )
        .await?;
        Ok(key)
    }

    /// Waits until both show the call as active and pictures of both have come.
    async fn both_see(&self, key: CallKey) -> Result<()> {
        self.bob.until_active(key).await?;
        until(&self.alice, "state().call?.status === 'active'").await?;
        until(&self.alice, "stats().then((s) => s.framesDecoded > 10)").await?;
        self.bob.until_picture(key).await
    }

    /// Waits until the page has no call any more; returns why the last one ended.
    async fn page_ended(&self) -> Result<String> {
        until(
            &self.alice,
            "state().call === null && state().lastEnded !== null",
        )
        .await?;
        let reason = run(&self.alice, "state().lastEnded.reason").await?;
        Ok(reason
            .as_str()
            .context("the page says no reason")?
            .to_owned())
    }

    async fn strike(self) -> Result<()> {
        self.bob.client.close().await;
        self.browser.close().await?;
        self.lab.gateway.shutdown().await;
        Ok(())
    }
}

async fn run(page: &Page, what: &str) -> Result<Value> {
    page.eval_json(&format!("return await window.ringwire.{what}"))
        .await
}

async fn until(page: &Page, what: &str) -> Result<()> {
    let script = format!("const {{ state, stats }} = window.ringwire; return await ({what})");
    match page.until(&script, DEADLINE).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let state = run(page, "state()").await.unwrap_or_default();
            Err(error.context(format!("the page is {state:#}")))
        }
    }
}

fn other(call: &CallView, seen: impl Fn(bool, bool) -> bool) -> bool {
    call.people
        .iter()
        .any(|person| seen(person.audio_enabled, person.video_enabled))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_calls_the_core_answers_and_the_core_hangs_up() -> Result<()> {
    let stage = Stage::set().await?;
    let key = stage.page_calls().await?;
    until(&stage.alice, "state().call?.status === 'ringing'").await?;
    stage.bob.client.accept(key, VIDEO)?;
    stage.both_see(key).await?;
    until(&stage.alice, "stats().then((s) => s.audioEnergy > 0)").await?;
    stage.bob.until_sound(key).await?;
    stage.bob.client.hang_up(key)?;
    assert_eq!(stage.bob.until_ended(key).await?, "completed");
    assert_eq!(stage.page_ended().await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_core_calls_the_page_answers_and_the_page_hangs_up() -> Result<()> {
    let stage = Stage::set().await?;
    let key = stage.core_calls().await?;
    stage
        .bob
        .until_call("ringing there", |call| call.state == CallState::Ringing)
        .await?;
    run(&stage.alice, "accept()").await?;
    stage.both_see(key).await?;
    until(&stage.alice, "stats().then((s) => s.audioEnergy > 0)").await?;
    stage.bob.until_sound(key).await?;
    stage
        .alice
        .eval_json("document.querySelector('[data-action=hang-up]').click()")
        .await?;
    assert_eq!(stage.page_ended().await?, "completed");
    assert_eq!(stage.bob.until_ended(key).await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_is_told_to_the_caller_in_both_directions() -> Result<()> {
    let stage = Stage::set().await?;
    let key = stage.page_calls().await?;
    stage.bob.client.decline(key)?;
    assert_eq!(stage.page_ended().await?, "rejected");
    assert_eq!(stage.bob.until_ended(key).await?, "rejected");

    let key = stage.core_calls().await?;
    stage
        .alice
        .eval_json("document.querySelector('[data-action=decline]').click()")
        .await?;
    assert_eq!(stage.bob.until_ended(key).await?, "rejected");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_while_it_rings_silences_the_other_in_both_directions() -> Result<()> {
    let stage = Stage::set().await?;
    let key = stage.page_calls().await?;
    until(&stage.alice, "state().call?.status === 'ringing'").await?;
    stage
        .alice
        .eval_json("document.querySelector('[data-action=hang-up]').click()")
        .await?;
    assert_eq!(stage.bob.until_ended(key).await?, "cancelled");
    assert_eq!(stage.page_ended().await?, "cancelled");

    let key = stage.core_calls().await?;
    stage.bob.client.hang_up(key)?;
    assert_eq!(stage.bob.until_ended(key).await?, "cancelled");
    until(&stage.alice, "state().call === null").await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_answers_is_missed_in_both_directions() -> Result<()> {
    let stage = Stage::set().await?;
    let carol = stage
        .browser
        .open(&format!("{}/?as=carol&raw", stage.lab.url()))
        .await?;
    until(&carol, "state().socket === 'connected'").await?;
    let echo = stage.lab.person("echo").await?;
    // Both at once: each takes as long as a caller waits.
    let rings = stage.page_calls().await?;
    let calls = echo.call(&stage.lab.conversation("carol", "echo")?)?;
    until(&carol, "state().call !== null").await?;
    assert_eq!(echo.until_ended(calls).await?, "missed");
    assert_eq!(stage.bob.until_ended(rings).await?, "missed");
    assert_eq!(stage.page_ended().await?, "missed");
    until(
        &carol,
        "state().call === null && state().lastEnded?.reason === 'missed'",
    )
    .await?;
    echo.client.close().await;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mute_and_camera_are_seen_at_the_other_end_in_both_directions() -> Result<()> {
    let stage = Stage::set().await?;
    let key = stage.page_calls().await?;
    stage.bob.client.accept(key, VIDEO)?;
    stage.both_see(key).await?;

    stage
        .alice
        .eval_json("document.querySelector('[data-action=microphone]').click()")
        .await?;
    stage
        .bob
        .until_call("muted there", |call| other(call, |audio, _| !audio))
        .await?;
    stage
        .alice
        .eval_json("document.querySelector('[data-action=camera]').click()")
        .await?;
    stage
        .bob
        .until_call("no camera there", |call| other(call, |_, video| !video))
        .await?;
    run(&stage.alice, "setMicrophone(true)").await?;
    run(&stage.alice, "setCamera(true)").await?;
    stage
        .bob
        .until_call("both on there", |call| {
            other(call, |audio, video| audio && video)
        })
        .await?;
    stage.bob.until_picture(key).await?;

    stage.bob.client.set_microphone(key, false)?;
    until(&stage.alice, "state().call?.remote.audioEnabled === false").await?;
    stage.bob.client.set_camera(key, false)?;
    until(&stage.alice, "state().call?.remote.videoEnabled === false").await?;
    until(&stage.alice, STANDS_STILL).await?;
    let frozen = run(&stage.alice, "stats()").await?["framesDecoded"].as_u64();
    stage.bob.client.set_microphone(key, true)?;
    stage.bob.client.set_camera(key, true)?;
    until(
        &stage.alice,
        "state().call?.remote.audioEnabled && state().call?.remote.videoEnabled",
    )
    .await?;
    let moving = format!(
        "stats().then((s) => s.framesDecoded > {})",
        frozen.unwrap_or(0) + 10
    );
    until(&stage.alice, &moving).await?;

    stage.bob.client.hang_up(key)?;
    stage.page_ended().await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_closed_leaves_its_call() -> Result<()> {
    let stage = Stage::set().await?;
    let key = stage.page_calls().await?;
    stage.bob.client.accept(key, VIDEO)?;
    stage.both_see(key).await?;
    stage.alice.goto("about:blank").await?;
    let left = stage.bob.until_ended(key).await?;
    assert_eq!(left, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_pages_see_each_other() -> Result<()> {
    let stage = Stage::set().await?;
    let carol = stage
        .browser
        .open(&format!("{}/?as=carol&raw", stage.lab.url()))
        .await?;
    until(&carol, "state().socket === 'connected'").await?;
    carol
        .eval_with(
            "return await window.ringwire.call(args.who, { video: true })",
            json!({ "who": "alice" }),
        )
        .await?;
    until(&stage.alice, "state().call !== null").await?;
    run(&stage.alice, "accept()").await?;
    until(&carol, "stats().then((s) => s.framesDecoded > 10)").await?;
    until(&stage.alice, "stats().then((s) => s.framesDecoded > 10)").await?;
    run(&carol, "hangUp()").await?;
    assert_eq!(stage.page_ended().await?, "completed");
    stage.strike().await
}
