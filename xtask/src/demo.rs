//! `cargo xtask demo`: sets up, builds, and becomes `ringwire-demo`, so that signals and the exit code are the demo's own.
//! What the demo does is in `demo/`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::house::{House, WEB, WEB_VENDOR, WORKSPACE};
use crate::step::Step;
use crate::tools::{self, CHROMEDRIVER, CHROMIUM, ESPEAK, FFMPEG, NODE, NPM, Tool};
use crate::{apt, pins};

/// What `ringwire-demo` is started with; see there.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Be reachable over TLS for phones on the same network
    #[arg(long, conflicts_with = "headless")]
    lan: bool,
    /// Let Chromium make the call by itself, and end with a report
    #[arg(long)]
    headless: bool,
    /// How long the call lasts, with --headless
    #[arg(long, value_name = "N", requires = "headless")]
    seconds: Option<u32>,
    /// Write the figures to this file, with --headless
    #[arg(long, value_name = "FILE", requires = "headless")]
    json: Option<PathBuf>,
    /// Listen on this port
    #[arg(long, value_name = "P")]
    port: Option<u16>,
}

impl Options {
    /// The same options for `ringwire-demo`.
    fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        if self.lan {
            args.push("--lan".into());
        }
        if self.headless {
            args.push("--headless".into());
        }
        if let Some(seconds) = self.seconds {
            args.extend(["--seconds".into(), seconds.to_string().into()]);
        }
        if let Some(json) = &self.json {
            args.extend(["--json".into(), json.into()]);
        }
        if let Some(port) = self.port {
            args.extend(["--port".into(), port.to_string().into()]);
        }
        args
    }

    fn tools(&self) -> Vec<&'static Tool> {
        let mut tools = vec![&NODE, &NPM, &FFMPEG, &ESPEAK];
        if self.headless {
            tools.extend([&CHROMIUM, &CHROMEDRIVER]);
        }
        tools
    }
}

/// Returns only if the demo could not be started.
pub(crate) fn run(house: &House, options: &Options) -> Result<ExitCode> {
    let mut needed = house.compilers();
    needed.extend(options.tools());
    apt::ensure(house, &needed)?;
    let vendor = pins::web_vendor(house)?;
    let mut build = house.cargo(["build", "--bin", "ringwire-demo"]);
    build.args(WORKSPACE);
    Step::new("Build the demo", build).run(house)?;

    let mut demo = house.command(house.built("ringwire-demo"));
    // A relative --json means the folder of the person who typed it.
    demo.current_dir(std::env::current_dir().context("cannot see the current folder")?);
    demo.args(options.args())
        .arg("--out")
        .arg(house.target("demo"))
        .env(WEB, house.path("web"))
        .env(WEB_VENDOR, vendor)
        .envs(programs(&options.tools()));
    let error = demo.exec();
    Err(error).context("cannot start ringwire-demo")
}

/// The variables that tell children which browser, driver and ffmpeg to take. A tool that is not there has none.
pub(crate) fn programs(tools: &[&Tool]) -> Vec<(&'static str, PathBuf)> {
    [
        (&CHROMIUM, "RINGWIRE_CHROMIUM"),
        (&CHROMEDRIVER, "RINGWIRE_CHROMEDRIVER"),
        (&FFMPEG, "RINGWIRE_FFMPEG"),
    ]
    .into_iter()
    .filter(|(tool, _)| tools.contains(tool))
    .filter_map(|(tool, name)| Some((name, tools::locate(tool)?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_gets_the_options_that_were_typed() {
        let options = Options {
            lan: false,
            headless: true,
            seconds: Some(10),
            json: Some("a/b.json".into()),
            port: None,
        };
        assert_eq!(
            options.args(),
            ["--headless", "--seconds", "10", "--json", "a/b.json"]
        );
    }

    #[test]
    fn a_browser_is_needed_only_without_a_person() {
        let mut options = Options {
            lan: true,
            headless: false,
            seconds: None,
            json: None,
            port: None,
        };
        assert!(!options.tools().contains(&&CHROMIUM));
        options.headless = true;
        assert!(options.tools().contains(&&CHROMIUM));
    }
}
