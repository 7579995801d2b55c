//! What a client is started with.

use ringwire_peer::VideoCodec;
use ringwire_protocol::auth::Identity;
use ringwire_protocol::{Auth, Capability, ClientInfo, DeviceId};

/// What a [`crate::CallClient`] is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the gateway: `https://calls.example.org`, `http://127.0.0.1:8080`.
    pub url: String,
    /// Who calls.
    pub identity: Identity,
    /// This installation: the same at every start.
    pub device: DeviceId,
    /// Name of the app, for the gateway's logs.
    pub name: String,
    /// Version of the app.
    pub version: String,
    /// `android`, `ios`, `jvm`, `linux`…
    pub platform: String,
    /// Certificates in PEM that are trusted beside the public ones; a gateway on a local network.
    pub extra_roots: Option<String>,
    /// Local addresses of media, `address:port`; empty for every interface of both families.
    pub bind: Vec<String>,
    /// A second call may ring while one is going on; else it is declined as busy by itself.
    pub call_waiting: bool,
    /// What the phone can encode and decode, the preferred first. Not empty.
    pub video_codecs: Vec<VideoCodec>,
}

impl Config {
    /// A user with a JWT on a device.
    pub fn user(url: impl Into<String>, token: impl Into<String>, device: DeviceId) -> Self {
        Self {
            url: url.into(),
            identity: Identity::User {
                auth_token: token.into(),
                token_type: ringwire_protocol::auth::TokenType::Jwt,
            },
            device,
            name: "ringwire".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            platform: std::env::consts::OS.into(),
            extra_roots: None,
            bind: Vec::new(),
            call_waiting: true,
            video_codecs: vec![VideoCodec::Vp8],
        }
    }

    /// What this core knows beyond the basic contract.
    pub(crate) fn capabilities() -> Vec<Capability> {
        vec![
            Capability::Ringing,
            Capability::Negotiate,
            Capability::Version,
            Capability::Screen,
            Capability::Hold,
        ]
    }

    pub(crate) fn auth(&self, identity: Identity) -> Auth {
        Auth {
            identity,
            client: Some(ClientInfo {
                name: self.name.clone(),
                version: self.version.clone(),
                platform: self.platform.clone(),
                device_id: self.device.clone(),
                capabilities: Self::capabilities(),
            }),
        }
    }
}
