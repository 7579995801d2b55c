//! One coarse error: a kind that never changes its meaning, and a reason for people.

use ringwire_client::ClientError;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum CallErrorKind {
    /// Something that the app gave is malformed; the reason names it.
    InvalidInput,
    /// The client or the call is closed.
    Closed,
    /// Too much at once; nothing was done.
    Overloaded,
    /// The system gave no thread, memory or randomness.
    System,
}

/// The error of every function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallError {
    /// It failed.
    #[error("{reason}")]
    Failed {
        /// What kind of thing went wrong.
        kind: CallErrorKind,
        /// What happened and what to do, for people.
        reason: String,
    },
}

impl CallError {
    pub(crate) fn invalid(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::Failed {
            kind: CallErrorKind::InvalidInput,
            reason: format!("{field}: {problem}"),
        }
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
        Self::Failed {
            kind,
            reason: error.to_string(),
        }
    }
}
