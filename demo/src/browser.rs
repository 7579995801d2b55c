//! Chromium, driven through chromedriver: one browser with any number of pages. Knows nothing of
//! what a page does.

mod driver;
mod page;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use fantoccini::ClientBuilder;
use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::tools;
use driver::Driver;

pub use page::Page;

/// Longest that one script may run.
const SCRIPT_LIMIT: Duration = Duration::from_secs(60);
/// Longest that closing is waited for before everything is ended by force.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What Chromium is started with on a machine without camera, screen or a second user.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--no-first-run",
    "--mute-audio",
    "--hide-scrollbars",
];

/// What a browser is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Program of chromedriver.
    pub chromedriver: PathBuf,
    /// Program of Chromium; chromedriver looks for one without.
    pub chromium: Option<PathBuf>,
    /// Width and height of the window in pixels, its frame included.
    pub size: (u32, u32),
    /// `prefers-color-scheme: dark`.
    pub dark: bool,
    /// Takes certificates that nobody has signed.
    pub accept_insecure_certs: bool,
    /// More flags, after our own.
    pub flags: Vec<String>,
}

impl Default for Options {
    /// The programs that the environment names, 1280x800, light.
    fn default() -> Self {
        Self {
            chromedriver: tools::chromedriver().into(),
            chromium: tools::chromium().map(PathBuf::from),
            size: (1280, 800),
            dark: false,
            accept_insecure_certs: false,
            flags: Vec::new(),
        }
    }
}

/// A running Chromium with a profile of its own. Dropping it ends it; [`Browser::close`] does so gently.
#[derive(Debug)]
pub struct Browser {
    session: Arc<Mutex<fantoccini::Client>>,
    driver: Driver,
    // After the driver, so that the profile is removed when nobody writes to it any more.
    profile: TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port and Chromium with an empty profile.
    ///
    /// # Errors
    /// One of the programs is missing or does not start.
    pub async fn start(options: Options) -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("ringwire-browser-")
            .tempdir()?;
        let driver = Driver::start(&options.chromedriver, profile.path()).await?;
        let session = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&options, &profile)?)
            .connect(&driver.address())
            .await
            .context("starting Chromium")?;
        session
            .update_timeouts(TimeoutConfiguration::new(
                Some(SCRIPT_LIMIT),
                Some(SCRIPT_LIMIT),
                None,
            ))
            .await
            .context("setting time limits")?;
        Ok(Self {
            session: Arc::new(Mutex::new(session)),
            driver,
            profile,
        })
    }

    /// A page in a window of its own, at an address.
    ///
    /// # Errors
    /// The browser has gone, or the address cannot be opened.
    pub async fn open(&self, address: &str) -> Result<Page> {
        let window = {
            let session = self.session.lock().await;
            // The one that was looked at last may be closed.
            let windows = session.windows().await.context("listing the windows")?;
            let one = windows.first().context("no window is left")?;
            session.switch_to_window(one.clone()).await?;
            session
                .new_window(false)
                .await
                .context("opening a window")?
                .handle
        };
        let page = Page::new(Arc::clone(&self.session), window);
        page.goto(address).await?;
        Ok(page)
    }

    /// Closes all pages, Chromium and chromedriver, and removes the profile.
    ///
    /// # Errors
    /// The profile cannot be removed.
    pub async fn close(mut self) -> Result<()> {
        let session = self.session.lock().await.clone();
        // A browser that does not answer is ended by the driver's process group.
        let _ = tokio::time::timeout(CLOSE_LIMIT, session.close()).await;
        self.driver.end().await;
        self.profile
            .close()
            .context("removing the browser's profile")
    }
}

fn capabilities(options: &Options, profile: &TempDir) -> Result<Capabilities> {
    let (width, height) = options.size;
    let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    flags.push(format!("--user-data-dir={}", profile.path().display()));
    flags.push(format!("--window-size={width},{height}"));
    if options.dark {
        flags.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    flags.extend(options.flags.iter().cloned());
    let mut chrome = json!({ "args": flags });
    if let Some(chromium) = &options.chromium {
        chrome["binary"] = json!(chromium);
    }
    let capabilities = json!({
        "browserName": "chrome",
        "acceptInsecureCerts": options.accept_insecure_certs,
        "goog:chromeOptions": chrome,
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    Ok(serde_json::from_value(capabilities)?)
}
