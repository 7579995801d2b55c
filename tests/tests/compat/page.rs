//! The page in Chromium and a core through a server of the first design's day. The page comes from
//! our gateway, which also signs it in; a tap leads its socket to the old server.

use anyhow::{Context, Result};
use ringwire_client::CallKey;
use ringwire_demo::browser::{Browser, Options, Page};
use ringwire_tests::peers::{SeedServer, have_node};
use ringwire_tests::tap::{Log, Tap};
use ringwire_tests::{DEADLINE, Lab, Person, VIDEO};
use serde_json::Value;

/// The page as Alice, a core as Bob.
struct Stage {
    lab: Lab,
    _server: SeedServer,
    _tap: Tap,
    browser: Browser,
    alice: Page,
    bob: Person,
}

impl Stage {
    async fn set() -> Result<Self> {
        let (lab, server) = (Lab::start().await?, SeedServer::start().await?);
        let pages = lab.gateway.address();
        let tap = Tap::start("alice", server.address(), pages, &Log::default()).await?;
        let browser = Browser::start(Options::default()).await?;
        let alice = open(&browser, &tap.url(), "alice").await?;
        let mut bob = lab.device_at(&server.url(), "bob", "phone").await?;
        bob.film()?;
        Ok(Self {
            lab,
            _server: server,
            _tap: tap,
            browser,
            alice,
            bob,
        })
    }

    async fn both_see(&self, key: CallKey) -> Result<()> {
        self.bob.until_active(key).await?;
        until(&self.alice, "state().call?.status === 'active'").await?;
        until(&self.alice, "stats().then((s) => s.framesDecoded > 10)").await?;
        until(&self.alice, "stats().then((s) => s.audioEnergy > 0)").await?;
        self.bob.until_picture(key).await?;
        self.bob.until_sound(key).await
    }

    async fn page_ended(&self) -> Result<String> {
        let over = "state().call === null && state().lastEnded !== null";
        until(&self.alice, over).await?;
        let reason = run(&self.alice, "state().lastEnded.reason").await?;
        let reason = reason.as_str().context("the page says no reason")?;
        Ok(reason.to_owned())
    }

    async fn strike(self) -> Result<()> {
        self.bob.client.close().await;
        self.browser.close().await?;
        self.lab.gateway.shutdown().await;
        Ok(())
    }
}

/// Opens the page and waits until it is connected.
pub(crate) async fn open(browser: &Browser, url: &str, username: &str) -> Result<Page> {
    let page = browser.open(&format!("{url}/?as={username}&raw")).await?;
    until(&page, "state().socket === 'connected'").await?;
    Ok(page)
}

/// Lets the page do something.
pub(crate) async fn run(page: &Page, what: &str) -> Result<Value> {
    page.eval_json(&format!("return await window.ringwire.{what}"))
        .await
}

/// Waits until it is so in the page.
pub(crate) async fn until(page: &Page, what: &str) -> Result<()> {
    let script = format!("const {{ state, stats }} = window.ringwire; return await ({what})");
    match page.until(&script, DEADLINE).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let state = run(page, "state()").await.unwrap_or_default();
            Err(error.context(format!("the page is {state:#}")))
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_calls_a_core_through_an_old_server_and_the_core_hangs_up() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    run(&stage.alice, "call('bob', { video: true })").await?;
    let key = stage.bob.until_rings().await?;
    stage.bob.client.accept(key, VIDEO)?;
    stage.both_see(key).await?;

    run(&stage.alice, "setMicrophone(false)").await?;
    stage
        .bob
        .until_call("muted there", |call| {
            call.people.iter().any(|p| !p.audio_enabled)
        })
        .await?;
    stage.bob.client.set_camera(key, false)?;
    until(&stage.alice, "state().call?.remote.videoEnabled === false").await?;

    stage.bob.client.hang_up(key)?;
    assert_eq!(stage.bob.until_ended(key).await?, "completed");
    assert_eq!(stage.page_ended().await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_calls_the_page_through_an_old_server_and_the_page_hangs_up() -> Result<()> {
    if !have_node()? {
        return Ok(());
    }
    let stage = Stage::set().await?;
    let key = stage.bob.call(&stage.lab.conversation("alice", "bob")?)?;
    until(&stage.alice, "state().call !== null").await?;
    run(&stage.alice, "accept()").await?;
    stage.both_see(key).await?;
    run(&stage.alice, "hangUp()").await?;
    assert_eq!(stage.page_ended().await?, "completed");
    assert_eq!(stage.bob.until_ended(key).await?, "completed");
    stage.strike().await
}
