//! Error codes, errors as they go over the wire, and what is said of bad input.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::text_enum::text_enum;
use crate::{CallId, CallStatus, CallType, PeerId};

text_enum! {
    /// Stable error codes of the contract.
    ErrorCode {
        /// No or no valid token.
        NotAuthenticated = "NOT_AUTHENTICATED",
        /// The socket could not be connected.
        ConnectionFailed = "CONNECTION_FAILED",
        /// A peer connection failed.
        PeerConnectionFailed = "PEER_CONNECTION_FAILED",
        /// No path between the two was found.
        IceConnectionFailed = "ICE_CONNECTION_FAILED",
        /// A signal could not be delivered.
        SignalFailed = "SIGNAL_FAILED",
        /// Camera or microphone are not allowed.
        MediaPermissionDenied = "MEDIA_PERMISSION_DENIED",
        /// No such conversation.
        ConversationNotFound = "CONVERSATION_NOT_FOUND",
        /// The conversation takes no calls any more.
        ConversationClosed = "CONVERSATION_CLOSED",
        /// Not a member of the conversation, or not in the call.
        NotAParticipant = "NOT_A_PARTICIPANT",
        /// No such call.
        CallNotFound = "CALL_NOT_FOUND",
        /// The conversation has a call already; the error names it.
        CallAlreadyActive = "CALL_ALREADY_ACTIVE",
        /// The call is over.
        CallEnded = "CALL_ENDED",
        /// The call is full.
        MaxParticipantsReached = "MAX_PARTICIPANTS_REACHED",
        /// Leaving by force failed.
        ForceLeaveError = "FORCE_LEAVE_ERROR",
        /// Not possible in this mode.
        InvalidCallMode = "INVALID_CALL_MODE",
        /// Neither video nor audio.
        UnsupportedCallType = "UNSUPPORTED_CALL_TYPE",
        /// In another call already.
        AlreadyInCall = "ALREADY_IN_CALL",
        /// Not in this call.
        NotInCall = "NOT_IN_CALL",
        /// The call is in a state that does not allow it.
        CallStateConflict = "CALL_STATE_CONFLICT",
        /// A toggle failed.
        MediaToggleFailed = "MEDIA_TOGGLE_FAILED",
        /// The conversation takes no video calls.
        VideoCallsNotSupported = "VIDEO_CALLS_NOT_SUPPORTED",
        /// The browser cannot make calls.
        BrowserNotSupported = "BROWSER_NOT_SUPPORTED",
        /// Too many of these; wait `retryAfter` seconds.
        RateLimitExceeded = "RATE_LIMIT_EXCEEDED",
        /// A field is missing or wrong.
        ValidationError = "VALIDATION_ERROR",
        /// A signal is malformed.
        InvalidSignal = "INVALID_SIGNAL",
        /// `from` of a signal is not its sender.
        SignalSenderMismatch = "SIGNAL_SENDER_MISMATCH",
        /// A signal is over the limits.
        SignalTooLarge = "SIGNAL_TOO_LARGE",
        /// The addressee of a signal is not in the call.
        TargetNotFound = "TARGET_NOT_FOUND",
        /// Not allowed.
        PermissionDenied = "PERMISSION_DENIED",
    }
}

/// `call:error`, and `error` of a failed ack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallError {
    /// The stable code.
    pub code: ErrorCode,
    /// What happened, for people.
    #[serde(default)]
    pub message: String,
    /// Anything else that the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// The call that it concerns; of CALL_ALREADY_ACTIVE the call that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Seconds to wait after RATE_LIMIT_EXCEEDED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
    /// CALL_ALREADY_ACTIVE: who started the call that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator_id: Option<PeerId>,
    /// CALL_ALREADY_ACTIVE: its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CallStatus>,
    /// CALL_ALREADY_ACTIVE: its type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub call_type: Option<CallType>,
    /// CALL_ALREADY_ACTIVE: `direct` or `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_type: Option<String>,
}

impl CallError {
    /// An error with a code and a message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            call_id: None,
            retry_after: None,
            initiator_id: None,
            status: None,
            call_type: None,
            conversation_type: None,
        }
    }

    /// The same, about a call.
    #[must_use]
    pub fn about(mut self, call: &CallId) -> Self {
        self.call_id = Some(call.clone());
        self
    }
}

/// Bad input from the other end: which field, what is wrong with it, and the code to answer with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event}: {field}: {problem}")]
pub struct ProtocolError {
    /// The event's name, or what else was read: `frame`, `ack`, `auth`.
    pub event: String,
    /// Path of the field, such as `signal.sdp`; `payload` for the whole.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What a gateway answers.
    pub code: ErrorCode,
}

impl ProtocolError {
    pub(crate) fn new(
        event: &str,
        field: impl Into<String>,
        problem: impl Into<String>,
        code: ErrorCode,
    ) -> Self {
        Self {
            event: event.to_owned(),
            field: field.into(),
            problem: problem.into(),
            code,
        }
    }

    /// As `VALIDATION_ERROR`, `INVALID_SIGNAL` or `SIGNAL_TOO_LARGE` on the wire, with the field
    /// in `details`.
    pub fn to_call_error(&self) -> CallError {
        let mut details = Map::new();
        details.insert("event".into(), self.event.clone().into());
        details.insert("field".into(), self.field.clone().into());
        let mut error = CallError::new(
            self.code.clone(),
            format!("{}: {}", self.field, self.problem),
        );
        error.details = Some(Value::Object(details));
        error
    }
}
