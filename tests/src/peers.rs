//! Peers in Node, each in a process of its own: a server and a client of the day of the first
//! design. Where their libraries lie says RINGWIRE_NODE_MODULES, which `cargo xtask test` sets.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use ringwire_gateway::demo::{PEOPLE, direct};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::DEADLINE;

/// A process of Node that listens on loopback, until dropped.
pub struct NodePeer {
    child: Child,
    address: SocketAddr,
    reading: JoinHandle<()>,
}

/// A server of the first design's day: its events and nothing else. Calls outlive a restart.
pub struct SeedServer {
    node: NodePeer,
    folder: tempfile::TempDir,
}

/// False, and said so, where Node's modules are not named; a fault where CI=true.
///
/// # Errors
/// They are not named, and CI=true.
pub fn have_node() -> Result<bool> {
    let named = std::env::var_os("RINGWIRE_NODE_MODULES").is_some();
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    ensure!(named || !ci, "RINGWIRE_NODE_MODULES is not set");
    if !named {
        eprintln!("skipped: RINGWIRE_NODE_MODULES does not say where socket.io lies");
    }
    Ok(named)
}

impl NodePeer {
    async fn start(script: &str, settings: &[(&str, String)]) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("peers")
            .join(script);
        let mut child = Command::new("node")
            .arg(script)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting node")?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut said = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(DEADLINE, said.next_line()).await;
        let first = first.context("node says nothing")??;
        let first: Value = serde_json::from_str(&first.context("node has ended")?)?;
        let port = first["port"].as_u64().context("node says no port")?;
        // What it says later is for people who run it by hand; a full pipe would stop it.
        let reading =
            tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Ok(Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], u16::try_from(port)?)),
            reading,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for a client.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn kill(&mut self) -> Result<()> {
        self.reading.abort();
        Ok(self.child.kill().await?)
    }
}

impl SeedServer {
    /// Starts it with the demo people and their direct conversations.
    ///
    /// # Errors
    /// Node does not start.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let node = Self::run(&folder, 0).await?;
        Ok(Self { node, folder })
    }

    async fn run(folder: &tempfile::TempDir, port: u16) -> Result<NodePeer> {
        let people: Vec<Value> = PEOPLE
            .iter()
            .map(|(id, username, name)| json!({ "id": id, "username": username, "displayName": name }))
            .collect();
        let mut conversations = Vec::new();
        for (place, (one_id, one, _)) in PEOPLE.iter().enumerate() {
            for (other_id, other, _) in &PEOPLE[place + 1..] {
                let id = direct(one, other).context("both are demo people")?;
                conversations.push(json!({ "id": id, "members": [one_id, other_id] }));
            }
        }
        let database = folder.path().join("calls.json");
        let settings = [
            ("SEED_PEOPLE", Value::from(people).to_string()),
            ("SEED_CONVERSATIONS", Value::from(conversations).to_string()),
            ("SEED_DATABASE", database.to_string_lossy().into_owned()),
            ("PORT", port.to_string()),
        ];
        NodePeer::start("seed-server/server.cjs", &settings).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// Its address for a client.
    pub fn url(&self) -> String {
        self.node.url()
    }

    /// Kills it, and starts it again at the same address with the same calls.
    ///
    /// # Errors
    /// Node does not start again.
    pub async fn restart(&mut self) -> Result<()> {
        self.node.kill().await?;
        self.node = Self::run(&self.folder, self.address().port()).await?;
        Ok(())
    }
}

/// Starts a client of the first design's day, which serves clients of today as a server of that day
/// and speaks for them to the gateway at `url`.
///
/// # Errors
/// Node does not start.
pub async fn seed_peer(url: &str) -> Result<NodePeer> {
    NodePeer::start("seed-peer/peer.cjs", &[("GATEWAY", url.to_owned())]).await
}
