//! The gateway as a program: flags in, runs until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Parser;
use ringwire_gateway::config::Secret;
use ringwire_gateway::{Config, Database, Gateway, PushSender, Tls, Turn, Webhook};
use ringwire_protocol::IceServer;
use tracing_subscriber::EnvFilter;

/// The reference gateway of Ringwire.
#[derive(Debug, Parser)]
#[command(version)]
struct Flags {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The SQLite file; without it, everything is gone at the end.
    #[arg(long)]
    database: Option<PathBuf>,
    /// Demo people, who sign in without a password.
    #[arg(long)]
    demo: bool,
    /// The folder of the page.
    #[arg(long)]
    web: Option<PathBuf>,
    /// The folder of the page's third-party modules.
    #[arg(long)]
    web_vendor: Option<PathBuf>,
    /// The HS256 secret of tokens; needed without --demo.
    #[arg(long, env = "RINGWIRE_JWT_SECRET", hide_env_values = true)]
    jwt_secret: Option<Secret>,
    /// Addresses of STUN servers.
    #[arg(long)]
    stun: Vec<String>,
    /// Addresses of a TURN server.
    #[arg(long, requires = "turn_secret")]
    turn: Vec<String>,
    /// The secret that the TURN server shares with us.
    #[arg(long, env = "RINGWIRE_TURN_SECRET", hide_env_values = true)]
    turn_secret: Option<Secret>,
    /// Each push is posted here as JSON.
    #[arg(long)]
    push_url: Option<String>,
    /// Bearer token of those posts.
    #[arg(long, env = "RINGWIRE_PUSH_SECRET", hide_env_values = true)]
    push_secret: Option<Secret>,
    /// A certificate chain, PEM: serves HTTPS and WSS.
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    /// The key of the certificate, PEM.
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
}

impl Flags {
    fn config(self) -> anyhow::Result<Config> {
        if self.jwt_secret.is_none() && !self.demo {
            bail!("RINGWIRE_JWT_SECRET is not set: without --demo, tokens need a secret");
        }
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .with_context(|| format!("{} is not readable", path.display()))
        };
        let tls = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some(Tls {
                certificate: read(certificate)?,
                key: read(key)?.into(),
            }),
            _ => None,
        };
        let stun = IceServer {
            urls: self.stun,
            username: None,
            credential: None,
        };
        let push = self
            .push_url
            .map(|url| Webhook::new(&url, self.push_secret.as_ref()))
            .transpose()?
            .map(|webhook| Arc::new(webhook) as Arc<dyn PushSender>);
        let turn_urls = self.turn;
        Ok(Config {
            listen: self.listen,
            database: match self.database {
                Some(path) => Database::File(path),
                None => Database::Temporary,
            },
            web_root: self.web,
            web_vendor: self.web_vendor,
            demo: self.demo,
            jwt_secret: self.jwt_secret,
            turn: self
                .turn_secret
                .filter(|_| !turn_urls.is_empty())
                .map(|secret| Turn {
                    urls: turn_urls,
                    secret,
                }),
            ice_servers: Some(stun)
                .filter(|stun| !stun.urls.is_empty())
                .into_iter()
                .collect(),
            tls,
            push,
            ..Config::default()
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let config = Flags::parse().config()?;
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let gateway = Gateway::start(config).await?;
    println!("{scheme}://{}", gateway.address());
    wait_for_the_end().await?;
    gateway.shutdown().await;
    Ok(())
}

/// Ctrl-C, or the signal with which services are stopped.
async fn wait_for_the_end() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            done = tokio::signal::ctrl_c() => done,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
