//! Answers to a client's events: what each event is acked with, reading and writing.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::{Check, read};
use crate::{
    CallError, CallId, CallMode, CallSession, CallStatus, ErrorCode, IceServer, ProtocolError,
};

/// Which answer an event gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckKind {
    /// `{success}`.
    Done,
    /// `{success, data:{callId, mode, iceServers, ttl}}`.
    Initiate,
    /// `{success, data:{callSession, iceServers}}`.
    Join,
    /// `{status, version}`.
    Heartbeat,
    /// `{calls:[…]}`.
    CheckActive,
}

/// The good answer to an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Ack {
    /// It was done.
    Done,
    /// The call was made.
    Initiated(InitiateData),
    /// You are in.
    Joined(JoinData),
    /// Where the call is.
    Heartbeat(HeartbeatData),
    /// Your calls.
    Active(ActiveCalls),
}

/// Answer to `call:initiate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateData {
    /// The new call.
    pub call_id: CallId,
    /// How media travels.
    pub mode: CallMode,
    /// STUN and TURN.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// Seconds that the credentials live.
    #[serde(default)]
    pub ttl: u64,
}

/// Answer to `call:join`, and the event of the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinData {
    /// The call.
    pub call_session: CallSession,
    /// STUN and TURN.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
}

/// Answer to `call:heartbeat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatData {
    /// Where the call is.
    pub status: CallStatus,
    /// Another than mine means that I missed something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Answer to `call:check-active`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveCalls {
    /// All calls that ring for me or that I am in.
    pub calls: Vec<CallSession>,
}

impl Check for InitiateData {}
impl Check for JoinData {}
impl Check for HeartbeatData {}
impl Check for ActiveCalls {}

impl Ack {
    /// As it goes over the wire.
    pub fn to_json(&self) -> Value {
        match self {
            Ack::Done => json!({ "success": true }),
            Ack::Initiated(data) => json!({ "success": true, "data": data }),
            Ack::Joined(data) => json!({ "success": true, "data": data }),
            Ack::Heartbeat(data) => serde_json::to_value(data).unwrap_or_default(),
            Ack::Active(data) => serde_json::to_value(data).unwrap_or_default(),
        }
    }
}

impl CallError {
    /// As the answer to an event that failed.
    pub fn to_ack(&self) -> Value {
        json!({ "success": false, "error": self })
    }
}

impl AckKind {
    /// Reads an answer of this kind: what was done, or the error that the gateway tells.
    ///
    /// # Errors
    /// [`ProtocolError`] names the field that is missing or wrong.
    pub fn parse(self, answer: Value) -> Result<Result<Ack, CallError>, ProtocolError> {
        if answer.get("success") == Some(&Value::Bool(false)) {
            let error = match answer.get("error") {
                Some(error @ Value::Object(_)) => read("ack", error.clone())?,
                Some(Value::String(message)) => {
                    CallError::new(ErrorCode::Unknown(String::new()), message.clone())
                }
                _ => CallError::new(
                    ErrorCode::Unknown(String::new()),
                    "the server gave no reason",
                ),
            };
            return Ok(Err(error));
        }
        Ok(Ok(match self {
            AckKind::Done => Ack::Done,
            AckKind::Initiate => Ack::Initiated(read("ack", data(answer))?),
            AckKind::Join => Ack::Joined(read("ack", data(answer))?),
            AckKind::Heartbeat => Ack::Heartbeat(read("ack", data(answer))?),
            AckKind::CheckActive => Ack::Active(read("ack", data(answer))?),
        }))
    }
}

/// `data` where there is one, else the whole.
fn data(mut answer: Value) -> Value {
    match answer.get_mut("data") {
        Some(data) => data.take(),
        None => answer,
    }
}
