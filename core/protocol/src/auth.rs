//! What CONNECT carries, and how the gateway answers it.

use serde::{Deserialize, Serialize};

use crate::event::{Broken, Check, read};
use crate::limits::MAX_CAPABILITIES;
use crate::text_enum::text_enum;
use crate::{Capability, DeviceId, PeerId, ProtocolError};

/// `auth` of CONNECT.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Who.
    #[serde(flatten)]
    pub identity: Identity,
    /// With what; absent from older clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientInfo>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("identity", &self.identity)
            .field("client", &self.client)
            .finish()
    }
}

/// Proof of who connects.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Identity {
    /// A user.
    #[serde(rename_all = "camelCase")]
    User {
        /// A JWT.
        auth_token: String,
        /// `jwt`.
        #[serde(default = "jwt")]
        token_type: TokenType,
    },
    /// A guest.
    #[serde(rename_all = "camelCase")]
    Guest {
        /// The guest's session.
        session_token: String,
        /// `anonymous`.
        #[serde(default = "anonymous")]
        session_type: TokenType,
    },
}

impl std::fmt::Debug for Identity {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Identity::User { .. } => "User(…)",
            Identity::Guest { .. } => "Guest(…)",
        })
    }
}

text_enum! {
    /// What a token is.
    TokenType {
        /// A JWT (RFC 7519) of a user.
        Jwt = "jwt",
        /// A guest's session.
        Anonymous = "anonymous",
    }
}

fn jwt() -> TokenType {
    TokenType::Jwt
}

fn anonymous() -> TokenType {
    TokenType::Anonymous
}

/// The connecting device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// Name of the app or SDK.
    #[serde(default)]
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// `android`, `ios`, `web`…
    #[serde(default)]
    pub platform: String,
    /// Stable for an installation; of a page, for one load.
    pub device_id: DeviceId,
    /// What it knows beyond the basic contract.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
}

/// `authenticated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authenticated {
    /// True.
    pub success: bool,
    /// Who you are.
    pub user: AuthenticatedUser,
    /// The server's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the server knows beyond the basic contract.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
}

/// Who you are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatedUser {
    /// The user or guest.
    pub id: PeerId,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// A guest.
    #[serde(default)]
    pub is_anonymous: bool,
}

/// `auth:token-expired`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenExpired {
    /// A stable code.
    #[serde(default)]
    pub code: String,
    /// What happened, for people.
    #[serde(default)]
    pub message: String,
}

/// `CONNECT_ERROR` of Socket.IO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectError {
    /// What happened, for people.
    #[serde(default)]
    pub message: String,
    /// The code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ConnectErrorData>,
}

/// `data` of [`ConnectError`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectErrorData {
    /// The code.
    #[serde(default)]
    pub code: Option<crate::ErrorCode>,
}

impl Check for Auth {
    fn check(&self) -> Result<(), Broken> {
        match &self.client {
            Some(client) if client.capabilities.len() > MAX_CAPABILITIES => Err(Broken::new(
                "client.capabilities",
                format!("at most {MAX_CAPABILITIES} are allowed"),
            )),
            _ => Ok(()),
        }
    }
}
impl Check for Authenticated {}
impl Check for TokenExpired {}
impl Check for ConnectError {}

impl Auth {
    /// Reads the `auth` of a CONNECT.
    ///
    /// # Errors
    /// [`ProtocolError`] names the field that is missing or wrong.
    pub fn parse(auth: serde_json::Value) -> Result<Self, ProtocolError> {
        read("auth", auth)
    }
}

impl ConnectError {
    /// Reads the payload of a CONNECT_ERROR.
    ///
    /// # Errors
    /// [`ProtocolError`] names the field that is wrong.
    pub fn parse(payload: serde_json::Value) -> Result<Self, ProtocolError> {
        read("connect_error", payload)
    }
}
