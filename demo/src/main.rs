//! `ringwire-demo`: gateway, page and Echo in one process; with `--headless` it drives Chromium by
//! itself and measures. `cargo xtask demo` installs what is needed and runs it.

#![forbid(unsafe_code)]

mod app;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A video call between a browser and a Rust core.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask demo", version)]
struct Arguments {
    /// Port of the page; 8080 or any free one without.
    #[arg(long)]
    port: Option<u16>,
    /// Serve the local network over TLS, so that a phone can open the page.
    #[arg(long, conflicts_with = "headless")]
    lan: bool,
    /// Drive Chromium by itself, measure, and write a report.
    #[arg(long)]
    headless: bool,
    /// How long to measure, with --headless.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=3_600), requires = "headless")]
    seconds: u32,
    /// Write the numbers here as JSON, with --headless.
    #[arg(long, requires = "headless")]
    json: Option<PathBuf>,
    /// Folder of clip, dumps and report.
    #[arg(long, default_value = "target/demo")]
    out: PathBuf,
    #[command(subcommand)]
    command: Option<Inside>,
}

/// Payloads of packets and whole frames, tokens included, are logged by these: never more than this level, whatever
/// `RINGWIRE_LOG` says of them or of what is in them.
const CAPPED: [(&str, LevelFilter); 3] = [
    ("webrtc::peer_connection::driver", LevelFilter::OFF),
    ("tungstenite", LevelFilter::INFO),
    ("tokio_tungstenite", LevelFilter::INFO),
];

#[derive(Debug, Subcommand)]
enum Inside {
    /// Gateway and Echo for --headless: JSON lines on standard input and output.
    #[command(hide = true)]
    Serve {
        /// Write what Echo receives here.
        #[arg(long)]
        dump: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let quiet = if arguments.command.is_some() {
        "warn"
    } else {
        "error"
    };
    let said = std::env::var("RINGWIRE_LOG").ok();
    logs(said.as_deref(), quiet).init();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ringwire-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs to standard error: as `said`, or `quiet` if that is nothing or makes no sense.
fn logs(said: Option<&str>, quiet: &str) -> impl Subscriber + Send + Sync {
    let asked = said.filter(|said| !said.trim().is_empty());
    let asked = asked.and_then(|said| EnvFilter::try_new(said).ok());
    tracing_subscriber::registry()
        .with(asked.unwrap_or_else(|| quiet.into()))
        .with(filter_fn(|what| is_safe(what.target(), *what.level())))
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
}

fn is_safe(target: &str, level: Level) -> bool {
    CAPPED.iter().all(|(capped, most)| {
        let inside = target.strip_prefix(capped);
        inside.is_none_or(|rest| !rest.is_empty() && !rest.starts_with("::")) || level <= *most
    })
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    // Threads that wait for files or names go soon, so that an idle process is soon told from a leaking one.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_keep_alive(Duration::from_secs(1))
        .enable_all()
        .build()?;
    let Arguments {
        port,
        lan,
        headless,
        seconds,
        json,
        out,
        command,
    } = arguments;
    let code = runtime.block_on(async {
        match command {
            Some(Inside::Serve { dump }) => app::serve::run(&out, port, dump)
                .await
                .map(|()| ExitCode::SUCCESS),
            None if headless => app::headless::run(&out, port, seconds, json.as_deref()).await,
            None => app::terminal::run(&out, port, lan)
                .await
                .map(|()| ExitCode::SUCCESS),
        }
    });
    runtime.shutdown_background();
    code
}

#[cfg(test)]
mod tests {
    use tracing::enabled;

    use super::*;

    #[test]
    fn secrets_are_not_logged_whatever_is_asked_for() {
        let all = [
            "trace",
            "trace,tungstenite=trace,webrtc::peer_connection::driver=trace",
            "trace,tungstenite::protocol=trace,webrtc::peer_connection::driver::turn=trace",
        ];
        for said in all {
            tracing::subscriber::with_default(logs(Some(said), "warn"), || {
                assert!(enabled!(target: "webrtc::ice", Level::TRACE), "{said}");
                assert!(
                    enabled!(target: "tungstenite::protocol", Level::INFO),
                    "{said}"
                );
                assert!(!enabled!(target: "webrtc::peer_connection::driver", Level::ERROR));
                assert!(!enabled!(target: "webrtc::peer_connection::driver::turn", Level::ERROR));
                assert!(!enabled!(target: "tungstenite::protocol", Level::DEBUG));
                assert!(!enabled!(target: "tokio_tungstenite", Level::DEBUG));
            });
        }
    }

    #[test]
    fn nonsense_is_as_quiet_as_nothing() {
        for said in [None, Some(""), Some("a=b=c")] {
            tracing::subscriber::with_default(logs(said, "warn"), || {
                assert!(enabled!(target: "ringwire_peer", Level::WARN), "{said:?}");
                assert!(!enabled!(target: "ringwire_peer", Level::INFO), "{said:?}");
            });
        }
    }
}
