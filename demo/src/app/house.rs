//! Gateway and Echo, started and ended together. Whoever asks in the page is called by Echo.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringwire_demo::clip::{Assets, make_assets};
use ringwire_demo::echo::{Echo, EchoConfig};
use ringwire_gateway::{Config, Gateway, GatewayError, Tls};
use tokio::task::JoinHandle;
use tracing::warn;

use super::lan::Lan;

/// Port that is tried when none is asked for.
const USUAL_PORT: u16 = 8080;
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// Longest that the parts may take to end.
const END_LIMIT: Duration = Duration::from_secs(5);

/// What a house is started with.
pub(crate) struct Plan<'a> {
    /// Folder of clip, dumps and report.
    pub(crate) out: &'a Path,
    /// `None` takes the usual one, or any that is free.
    pub(crate) port: Option<u16>,
    pub(crate) lan: Option<&'a Lan>,
    pub(crate) dump_dir: Option<PathBuf>,
}

pub(crate) struct House {
    gateway: Gateway,
    echo: Arc<Echo>,
    caller: JoinHandle<()>,
    url: String,
}

impl House {
    /// `say` is told what takes long.
    pub(crate) async fn start(plan: Plan<'_>, say: &mut dyn FnMut(&str)) -> Result<Self> {
        let assets = Arc::new(assets(plan.out, say)?);
        let gateway = start_gateway(&plan).await?;
        let port = gateway.address().port();
        let scheme = if plan.lan.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{port}");
        let token = gateway.mint_token("echo").context("a token for Echo")?;
        let mut config = EchoConfig::new(&url, token, assets);
        config.dump_dir = plan.dump_dir;
        config.extra_roots = plan.lan.map(|lan| lan.certificate.clone());
        let echo = Arc::new(Echo::start(config).await?);
        let mut requests = gateway.echo_requests();
        let caller = tokio::spawn({
            let echo = Arc::clone(&echo);
            async move {
                while let Some(request) = requests.recv().await {
                    if let Err(error) = echo.call(request.conversation_id) {
                        warn!(%error, "Echo could not call");
                    }
                }
            }
        });
        let house = Self {
            gateway,
            echo,
            caller,
            url,
        };
        if let Err(error) = house.echo.connected(CONNECT_LIMIT).await {
            house.close().await;
            return Err(error);
        }
        Ok(house)
    }

    /// Address of the page on this machine.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn port(&self) -> u16 {
        self.gateway.address().port()
    }

    pub(crate) fn echo(&self) -> &Echo {
        &self.echo
    }

    /// Hangs up, completes the files and ends everything.
    pub(crate) async fn close(self) {
        self.caller.abort();
        let _ = self.caller.await;
        let close = async {
            if let Some(echo) = Arc::into_inner(self.echo) {
                echo.close().await;
            }
            self.gateway.shutdown().await;
        };
        if tokio::time::timeout(END_LIMIT, close).await.is_err() {
            warn!("gateway and Echo did not end within {END_LIMIT:?}");
        }
    }
}

/// Echo's clip and voice in `out/assets`, made when they are missing.
pub(crate) fn assets(out: &Path, say: &mut dyn FnMut(&str)) -> Result<Assets> {
    make_assets(&out.join("assets"), say).context("making Echo's clip and voice")
}

async fn start_gateway(plan: &Plan<'_>) -> Result<Gateway> {
    let web_root = PathBuf::from(std::env::var_os("RINGWIRE_WEB").unwrap_or_else(|| "web".into()));
    ensure!(
        web_root.join("index.html").is_file(),
        "no page in {}: run this from the repository, or name the folder in RINGWIRE_WEB",
        web_root.display()
    );
    let web_vendor = std::env::var_os("RINGWIRE_WEB_VENDOR")
        .map(PathBuf::from)
        .context(
            "RINGWIRE_WEB_VENDOR does not name the folder of socket.io.esm.min.js; \
         `cargo xtask demo` makes it and sets this",
        )?;
    let host = if plan.lan.is_some() {
        Ipv4Addr::UNSPECIFIED
    } else {
        Ipv4Addr::LOCALHOST
    };
    let config = |port| Config {
        listen: SocketAddr::from((host, port)),
        web_root: Some(web_root.clone()),
        web_vendor: Some(web_vendor.clone()),
        demo: true,
        tls: plan.lan.map(|lan| Tls {
            certificate: lan.certificate.clone(),
            key: lan.key.as_str().into(),
        }),
        ..Config::default()
    };
    if let Some(port) = plan.port {
        return Gateway::start(config(port))
            .await
            .with_context(|| format!("listening on port {port}"));
    }
    match Gateway::start(config(USUAL_PORT)).await {
        Err(GatewayError::Listen(_)) => Gateway::start(config(0)).await,
        started => started,
    }
    .context("starting the gateway")
}
