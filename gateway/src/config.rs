//! What a gateway is started with.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ringwire_life::Timers;
use ringwire_protocol::IceServer;

use crate::push::PushSender;

/// What a gateway is started with. [`Config::default`] listens on a free port of the loopback
/// with a temporary database, no page and no demo.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where calls and people are kept.
    pub database: Database,
    /// The page, served at `/`.
    pub web_root: Option<PathBuf>,
    /// The page's third-party modules, served at `/vendor/`.
    pub web_vendor: Option<PathBuf>,
    /// Demo people, and logins without a password.
    pub demo: bool,
    /// The HS256 secret of tokens; `None` makes one that dies with the process.
    pub jwt_secret: Option<Secret>,
    /// A TURN server whose secret we share.
    pub turn: Option<Turn>,
    /// STUN servers, or any other that needs no credentials made here.
    pub ice_servers: Vec<IceServer>,
    /// Time spans; the contract's by default.
    pub timers: Timers,
    /// The contract's limits on events, so many times over: 1, or more to measure or to load.
    pub rate_factor: u32,
    /// Serve HTTPS and WSS.
    pub tls: Option<Tls>,
    /// Who sends pushes on; without one, nobody is woken.
    pub push: Option<Arc<dyn PushSender>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: Database::Temporary,
            web_root: None,
            web_vendor: None,
            demo: false,
            jwt_secret: None,
            turn: None,
            ice_servers: Vec::new(),
            timers: Timers::default(),
            rate_factor: 1,
            tls: None,
            push: None,
        }
    }
}

/// Where calls and people are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// An SQLite file; made when it is not there.
    File(PathBuf),
    /// An SQLite file that goes when the gateway does.
    Temporary,
}

/// A TURN server with a shared secret (the REST API for TURN servers, `use-auth-secret` of coturn).
#[derive(Debug, Clone)]
pub struct Turn {
    /// `turn:` and `turns:` addresses.
    pub urls: Vec<String>,
    /// The secret.
    pub secret: Secret,
}

/// A certificate chain and its key.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The chain, PEM.
    pub certificate: String,
    /// The key, PEM.
    pub key: Secret,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
