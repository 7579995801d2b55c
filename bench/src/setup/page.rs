//! The page with a script before its own that marks when an accepted call came how far.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringwire_demo::browser::{Browser, Page};
use ringwire_tests::DEADLINE;
use serde_json::{Value, json};

use super::{Marks, STAGES};

/// `(name, text)` of what is put beside the page's own files.
const SCRIPTS: [(&str, &str); 2] = [
    ("measure.js", include_str!("../../web/measure.js")),
    (
        "measure-worker.js",
        include_str!("../../web/measure-worker.js"),
    ),
];
/// Ahead of this, so that the script runs before the page's modules.
const BEFORE: &str = "<script type=\"module\"";

/// A copy of the page's folder, `RINGWIRE_WEB`, that measures.
pub(super) fn measuring_page() -> Result<tempfile::TempDir> {
    let web = std::env::var_os("RINGWIRE_WEB").map_or_else(|| PathBuf::from("web"), PathBuf::from);
    let folder = tempfile::tempdir()?;
    copy(&web, folder.path()).with_context(|| format!("copying {}", web.display()))?;
    for (name, text) in SCRIPTS {
        fs::write(folder.path().join(name), text)?;
    }
    let index = folder.path().join("index.html");
    let page = fs::read_to_string(&index)?;
    ensure!(page.contains(BEFORE), "index.html has no module to run");
    let script = format!("<script src=\"/measure.js\"></script>\n  {BEFORE}");
    fs::write(&index, page.replacen(BEFORE, &script, 1))?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let goal = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&goal)?;
            copy(&entry.path(), &goal)?;
        } else {
            fs::copy(entry.path(), &goal)?;
        }
    }
    Ok(())
}

/// Somebody in the page.
pub(super) struct MeasuredPage {
    page: Page,
}

impl MeasuredPage {
    pub(super) async fn open(browser: &Browser, url: &str, username: &str) -> Result<Self> {
        let page = browser.open(&format!("{url}/?as={username}&raw")).await?;
        let this = Self { page };
        this.until("state().socket === 'connected'").await?;
        Ok(this)
    }

    pub(super) async fn calls(&self, username: &str) -> Result<()> {
        let script = "return await window.ringwire.call(args.who, { video: true })";
        self.page
            .eval_with(script, json!({ "who": username }))
            .await?;
        // The camera films while it rings, as the core's does.
        self.until("state().call?.status === 'ringing'").await
    }

    /// It rings, the button is clicked, the other's first picture is there.
    pub(super) async fn accepts(&self, quick_hand: Duration) -> Result<Marks> {
        self.until("state().call?.status === 'incoming'").await?;
        tokio::time::sleep(quick_hand).await;
        let script = "document.querySelector('[data-action=accept]').click(); return await window.measured.firstFrame";
        let marks = self.page.eval_json(script).await?;
        let since = |name: &str| {
            let at = |name: &str| marks.get(name).and_then(Value::as_f64);
            Some(at(name)? - at("accept")?)
        };
        let taken = since("firstFrame").with_context(|| format!("the page says {marks}"))?;
        let mut all = STAGES.map(since);
        all[STAGES.len() - 1] = Some(taken);
        Ok(all)
    }

    pub(super) async fn hangs_up(&self) -> Result<()> {
        self.page
            .eval_json("return window.ringwire.hangUp()")
            .await
            .map(|_| ())
    }

    pub(super) async fn until_over(&self) -> Result<()> {
        self.until("state().call === null").await
    }

    async fn until(&self, what: &str) -> Result<()> {
        let script = format!("const {{ state }} = window.ringwire; return {what}");
        self.page.until(&script, DEADLINE).await.map(|_| ())
    }
}
