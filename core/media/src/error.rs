//! The one error of this crate: what was wrong with bytes or arguments that came from outside.
//! Nothing here is fatal; the caller drops the packet or the frame and goes on.

use thiserror::Error;

use crate::frame::VideoCodec;

/// Why a packet, a frame or an argument was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The bytes end in the middle of the named field.
    #[error("{field} is cut short")]
    Truncated {
        /// Name of the field in its specification.
        field: &'static str,
    },
    /// The named field or argument holds a value that it may not have.
    #[error("{field} is not valid")]
    Invalid {
        /// Name of the field in its specification, or of the argument.
        field: &'static str,
    },
    /// The frame's codec is not the one that is to be sent.
    #[error("a frame of {given} where {wanted} is wanted")]
    WrongCodec {
        /// Of the frame.
        given: VideoCodec,
        /// What is to be sent.
        wanted: VideoCodec,
    },
    /// The Opus codec refused the operation.
    #[error("opus: {reason}")]
    Opus {
        /// What the codec said.
        reason: String,
    },
}
