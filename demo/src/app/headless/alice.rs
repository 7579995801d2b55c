//! Alice in Chromium: signs in, calls, accepts, hangs up, through the page's own face and buttons.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringwire_demo::browser::{Browser, Page};
use serde::Deserialize;
use serde_json::Value;

use super::until;

pub(crate) struct Alice {
    page: Page,
}

/// Totals of `ringwire.stats()` since the connection began.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PageStats {
    /// Milliseconds since the Unix epoch.
    pub(crate) at: f64,
    pub(crate) frames_decoded: u64,
    pub(crate) audio_energy: f64,
    pub(crate) packets_lost: f64,
    pub(crate) packets_received: f64,
    pub(crate) rtt_ms: Option<f64>,
    pub(crate) bytes_received: f64,
}

impl Alice {
    /// Without echo cancelling and the like: they would take the fake microphone's beep for noise.
    pub(crate) async fn sign_in(browser: &Browser, url: &str) -> Result<Self> {
        let page = browser.open(&format!("{url}/?as=alice&raw")).await?;
        until(
            &page,
            "Alice could not sign in",
            "const s = window.ringwire?.state(); return s?.signedInAs === 'alice' && s.socket === 'connected'
                && ringwire.people().some(({ username }) => username === 'echo')",
        )
        .await?;
        Ok(Self { page })
    }

    pub(crate) fn page(&self) -> &Page {
        &self.page
    }

    pub(crate) async fn state(&self) -> Result<Value> {
        self.page.eval_json("return ringwire.state()").await
    }

    pub(crate) async fn stats(&self) -> Result<PageStats> {
        let stats = self.page.eval_json("return await ringwire.stats()").await?;
        serde_json::from_value(stats).context("reading the page's statistics")
    }

    pub(crate) async fn call_echo(&self) -> Result<()> {
        self.page
            .eval_json("ringwire.call('echo', { video: true })")
            .await?;
        Ok(())
    }

    pub(crate) async fn let_echo_call(&self) -> Result<()> {
        self.click("dismiss").await?;
        self.click("echo-calls-me").await?;
        until(
            &self.page,
            "Echo did not ring",
            "return ringwire.state().call?.direction === 'incoming'",
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn accept(&self) -> Result<()> {
        self.click("accept").await
    }

    pub(crate) async fn sees_echo(&self) -> Result<()> {
        until(
            &self.page,
            "no picture of Echo came to the page",
            "return ringwire.state().timeline.firstFrame !== null",
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn hang_up(&self) -> Result<()> {
        self.page.eval_json("ringwire.hangUp()").await?;
        until(
            &self.page,
            "the page's call did not end",
            "return ringwire.state().call === null",
        )
        .await?;
        Ok(())
    }

    /// Echo's picture as the page shows it, as PNG.
    pub(crate) async fn snapshot_of_echo(&self) -> Result<Option<Vec<u8>>> {
        let address = self
            .page
            .eval_json("return ringwire.snapshotRemote()")
            .await?;
        let Some(encoded) = address
            .as_str()
            .and_then(|text| text.split_once(";base64,"))
        else {
            return Ok(None);
        };
        Ok(Some(
            STANDARD
                .decode(encoded.1)
                .context("reading the page's picture")?,
        ))
    }

    async fn click(&self, action: &str) -> Result<()> {
        let script = format!(
            "const button = document.querySelector('button[data-action=\"{action}\"]');
             if (!button) throw new Error('there is no button {action}');
             button.click();"
        );
        self.page.eval_json(&script).await?;
        Ok(())
    }
}
