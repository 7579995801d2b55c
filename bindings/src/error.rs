//! One coarse error: a kind that never changes its meaning, a code for programs, and a reason for people.

use ringwire_client::{ClientError, NotAnswered};

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum CallErrorKind {
    /// Something that the app gave is malformed; the reason names it.
    InvalidInput,
    /// The client is closed.
    Closed,
    /// Too much at once; nothing was done.
    Overloaded,
    /// The system gave no thread, memory or randomness.
    System,
    /// The call is over; the code is its end reason, such as `rejected`.
    Ended,
    /// The gateway or this device refused; the code is that of `CallFailed` or `TokenNeeded`, such as
    /// `CONVERSATION_NOT_FOUND`.
    Refused,
    /// There is no such call, or it was not accepted, or it ended a while ago.
    UnknownCall,
    /// It was given up because the app said so.
    Cancelled,
    /// The core broke: the client ends with `ClientFailed`. A bug of ours.
    Internal,
}

/// The error of every function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallError {
    /// It failed.
    #[error("{reason}")]
    Failed {
        /// What kind of thing went wrong.
        kind: CallErrorKind,
        /// A stable word for programs, where the kind says that there is one.
        code: Option<String>,
        /// What happened and what to do, for people.
        reason: String,
    },
}

impl CallError {
    pub(crate) fn new(kind: CallErrorKind, reason: impl std::fmt::Display) -> Self {
        Self::Failed {
            kind,
            code: None,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn invalid(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(CallErrorKind::InvalidInput, format!("{field}: {problem}"))
    }

    /// A panic below.
    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(
            CallErrorKind::Internal,
            format!("the core broke, and the client ends: {message}"),
        )
    }
}

impl From<ClientError> for CallError {
    fn from(error: ClientError) -> Self {
        let kind = match error {
            ClientError::Config(_) | ClientError::Push(_) => CallErrorKind::InvalidInput,
            ClientError::Closed => CallErrorKind::Closed,
            ClientError::Overloaded => CallErrorKind::Overloaded,
            _ => CallErrorKind::System,
        };
        Self::new(kind, error)
    }
}

impl From<NotAnswered> for CallError {
    fn from(why: NotAnswered) -> Self {
        let (kind, code) = match &why {
            NotAnswered::Ended(reason) => (CallErrorKind::Ended, Some(reason.to_string())),
            NotAnswered::Refused(error) => (CallErrorKind::Refused, Some(error.code.to_string())),
            NotAnswered::Closed => (CallErrorKind::Closed, None),
            _ => (CallErrorKind::UnknownCall, None),
        };
        Self::Failed {
            kind,
            code,
            reason: why.to_string(),
        }
    }
}
