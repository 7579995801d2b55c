//! One page: scripts in it, pictures of it. Pages of a browser take turns, since a WebDriver session
//! looks at one window at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fantoccini::Locator;
use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// Time between two looks at a condition.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Runs the body of an async function and answers with its result or its error.
const RUN: &str = "
    const [body, args, done] = arguments;
    const run = Object.getPrototypeOf(async function () {}).constructor;
    Promise.resolve()
        .then(() => new run('args', body)(args))
        .then((value) => done({ value: value ?? null }),
              (error) => done({ error: String(error?.stack ?? error) }));
";

/// A page in a window of its own. A clone is the same page.
#[derive(Debug, Clone)]
pub struct Page {
    session: Arc<Mutex<fantoccini::Client>>,
    window: WindowHandle,
}

impl Page {
    pub(super) fn new(session: Arc<Mutex<fantoccini::Client>>, window: WindowHandle) -> Self {
        Self { session, window }
    }

    /// Opens another address and waits until it has loaded.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn goto(&self, address: &str) -> Result<()> {
        let session = self.look().await?;
        session
            .goto(address)
            .await
            .with_context(|| format!("opening {address}"))
    }

    /// Runs the body of an async function, `return await ringwire.stats()`, and returns its result as JSON.
    ///
    /// # Errors
    /// The script threw, its promise was rejected, or it took over a minute.
    pub async fn eval_json(&self, script: &str) -> Result<Value> {
        self.eval_with(script, json!({})).await
    }

    /// The same, with `args` in the script's reach.
    ///
    /// # Errors
    /// As [`Page::eval_json`].
    pub async fn eval_with(&self, script: &str, args: Value) -> Result<Value> {
        let session = self.look().await?;
        let mut answer = session
            .execute_async(RUN, vec![json!(script), args])
            .await
            .with_context(|| format!("running {script:?}"))?;
        if let Some(error) = answer.get("error").and_then(Value::as_str) {
            bail!("{script:?} in the page: {error}");
        }
        Ok(answer.get_mut("value").map(Value::take).unwrap_or_default())
    }

    /// Runs a script again and again until its result is true in JavaScript's sense, and returns that.
    ///
    /// # Errors
    /// It was not within `limit`, or the script failed.
    pub async fn until(&self, script: &str, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let value = self.eval_json(script).await?;
            if is_true(&value) {
                return Ok(value);
            }
            if Instant::now() >= deadline {
                bail!("not within {limit:?} in the page: {script}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Clicks what a CSS selector finds first, as a person does: the browser takes it for a tap.
    ///
    /// # Errors
    /// There is nothing, or it cannot be clicked.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let session = self.look().await?;
        session
            .find(Locator::Css(selector))
            .await
            .with_context(|| format!("finding {selector}"))?
            .click()
            .await
            .with_context(|| format!("clicking {selector}"))
    }

    /// Loads the page anew.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn reload(&self) -> Result<()> {
        let session = self.look().await?;
        session.refresh().await.context("reloading the page")
    }

    /// A picture of the window, as PNG.
    ///
    /// # Errors
    /// The browser has gone.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        self.look()
            .await?
            .screenshot()
            .await
            .context("taking a picture of the page")
    }

    /// Gives the window another size.
    ///
    /// # Errors
    /// The browser has gone.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.look()
            .await?
            .set_window_size(width, height)
            .await
            .context("resizing the page")
    }

    /// Closes the window; other pages stay.
    ///
    /// # Errors
    /// The browser has gone.
    pub async fn close(self) -> Result<()> {
        self.look()
            .await?
            .close_window()
            .await
            .context("closing the page")
    }

    async fn look(&self) -> Result<MutexGuard<'_, fantoccini::Client>> {
        let session = self.session.lock().await;
        session
            .switch_to_window(self.window.clone())
            .await
            .context("finding the page's window")?;
        Ok(session)
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
