//! A gateway and a browser, pages signed in as demo people, and what tests say to them.

use anyhow::{Context, Result};
use ringwire_demo::browser::{Browser, Options, Page};
use ringwire_tests::{DEADLINE, Lab};
use serde_json::Value;

/// Whether the page in front decoded no picture and heard no sound for a while; concealment of the
/// last sound fades first.
pub(crate) const STANDS_STILL: &str = "stats().then(async (before) => {
    await new Promise((done) => setTimeout(done, 700));
    const after = await stats();
    return after.framesDecoded === before.framesDecoded
        && after.audioEnergy - before.audioEnergy <= 1e-4;
})";

/// Whether the call in front is active.
pub(crate) const ACTIVE: &str = "state().call?.status === 'active'";

pub(crate) struct Stage {
    pub(crate) lab: Lab,
    pub(crate) browser: Browser,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self> {
        let lab = Lab::start().await?;
        let browser = Browser::start(Options::default()).await?;
        Ok(Self { lab, browser })
    }

    /// A page signed in as a demo person.
    pub(crate) async fn page(&self, who: &str) -> Result<Page> {
        self.page_at(&self.lab.url(), who).await
    }

    /// The same at another address of the gateway; `who` may be followed by more of the query.
    pub(crate) async fn page_at(&self, url: &str, who: &str) -> Result<Page> {
        let page = self.browser.open(&format!("{url}/?raw&as={who}")).await?;
        let there = "state().socket === 'connected' && window.ringwire.people().length > 0";
        until(&page, there).await?;
        Ok(page)
    }

    pub(crate) async fn strike(self) -> Result<()> {
        self.browser.close().await?;
        self.lab.gateway.shutdown().await;
        Ok(())
    }
}

/// Asks the page's face: `state()`, `call('bob')`.
pub(crate) async fn run(page: &Page, what: &str) -> Result<Value> {
    page.eval_json(&format!("return await window.ringwire.{what}"))
        .await
}

/// Waits until an expression over `state` and `stats` is true.
pub(crate) async fn until(page: &Page, what: &str) -> Result<()> {
    let script = format!(
        "const {{ state, stats }} = window.ringwire ?? {{}}; return state && await ({what})"
    );
    match page.until(&script, DEADLINE).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let state = run(page, "state()").await.unwrap_or_default();
            Err(error.context(format!("the page is {state:#}")))
        }
    }
}

/// Taps a button that can be seen, by its action.
pub(crate) async fn tap(page: &Page, action: &str) -> Result<()> {
    let script = format!(
        "const seen = [...document.querySelectorAll('[data-action={action}]')].find((one) => one.checkVisibility());
         if (!seen) throw new Error('{action} is not to be seen');
         seen.click();"
    );
    page.eval_json(&script).await.map(drop)
}

/// A call of one page to another, from the tap to pictures at both ends.
pub(crate) async fn talk(caller: &Page, callee: &Page, name: &str) -> Result<()> {
    run(caller, &format!("call('{name}')")).await?;
    until(callee, "state().call?.status === 'incoming'").await?;
    run(callee, "accept()").await?;
    both_see(caller, callee).await
}

pub(crate) async fn both_see(one: &Page, other: &Page) -> Result<()> {
    for page in [one, other] {
        until(page, ACTIVE).await?;
        moves(page).await?;
    }
    Ok(())
}

/// Waits for more pictures than there have been.
pub(crate) async fn moves(page: &Page) -> Result<()> {
    more(page, "framesDecoded").await
}

/// Waits until a figure of `stats()` has grown by more than ten.
pub(crate) async fn more(page: &Page, figure: &str) -> Result<()> {
    let before = run(page, "stats()").await?[figure].as_u64().unwrap_or(0);
    let grown = format!("stats().then((s) => s.{figure} > {})", before + 10);
    until(page, &grown).await
}

/// Waits until the page has no call any more; returns why the last one ended.
pub(crate) async fn ended(page: &Page) -> Result<String> {
    until(page, "state().call === null && state().lastEnded !== null").await?;
    let reason = run(page, "state().lastEnded.reason").await?;
    let reason = reason.as_str().context("the page says no reason")?;
    Ok(reason.to_owned())
}
