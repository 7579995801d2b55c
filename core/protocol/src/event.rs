//! How events are declared, written and read: name and payload, by one macro for both directions.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{ErrorCode, ProtocolError};
use crate::limits::MAX_FRAME;
use crate::reader;

/// A rule that serde's types do not say.
pub(crate) trait Check {
    /// The field that breaks a rule, and how.
    fn check(&self) -> Result<(), Broken> {
        Ok(())
    }
}

/// A broken rule: the field, relative to the payload, and what is wrong.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) field: &'static str,
    pub(crate) problem: String,
    pub(crate) code: ErrorCode,
}

impl Broken {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
            code: ErrorCode::ValidationError,
        }
    }
}

/// Reads the text of a frame as JSON within the limits of the contract.
///
/// # Errors
/// Over 1 MiB, not JSON, or nested deeper than 128.
pub fn parse_frame(text: &str) -> Result<Value, ProtocolError> {
    if text.len() > MAX_FRAME {
        let problem = format!("{} bytes, at most {MAX_FRAME} are allowed", text.len());
        return Err(ProtocolError::new(
            "frame",
            "payload",
            problem,
            ErrorCode::ValidationError,
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        ProtocolError::new(
            "frame",
            "payload",
            error.to_string(),
            ErrorCode::ValidationError,
        )
    })
}

/// Reads a payload, naming the field that is wrong.
pub(crate) fn read<T: DeserializeOwned + Check>(
    event: &str,
    payload: Value,
) -> Result<T, ProtocolError> {
    let payload = match payload {
        // A body that may be left out reads as an empty one.
        Value::Null => Value::Object(Default::default()),
        Value::Object(_) => payload,
        _ => {
            let problem = "an object is expected";
            return Err(ProtocolError::new(
                event,
                "payload",
                problem,
                ErrorCode::ValidationError,
            ));
        }
    };
    let read: T = reader::from_value(payload)
        .map_err(|(path, error)| bad_field(event, &path, &error.to_string()))?;
    match read.check() {
        Ok(()) => Ok(read),
        Err(Broken {
            field,
            problem,
            code,
        }) => Err(ProtocolError::new(event, field, problem, code)),
    }
}

/// Puts the field that a message names in back-quotes behind the path at which reading stopped.
fn bad_field(event: &str, path: &str, problem: &str) -> ProtocolError {
    let named = problem
        .strip_prefix("missing field ")
        .or(Some(problem))
        .and_then(|rest| rest.strip_prefix('`'))
        .and_then(|rest| rest.split_once('`'))
        .map(|(name, _)| name);
    let field = match (path, named) {
        ("", Some(name)) => name.to_owned(),
        (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
        ("", None) => "payload".to_owned(),
        (path, _) => path.to_owned(),
    };
    let code = match field.split('.').next() {
        Some("signal") if problem.contains("at most") => ErrorCode::SignalTooLarge,
        Some("signal") => ErrorCode::InvalidSignal,
        _ => ErrorCode::ValidationError,
    };
    ProtocolError::new(event, field, problem, code)
}

/// Declares the events of one direction: an enum of payloads, their names, reading and writing.
macro_rules! events {
    ($(#[$meta:meta])* $enum:ident { $($(#[$vmeta:meta])* $variant:ident($payload:ty) = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $enum {
            $($(#[$vmeta])* $variant($payload),)+
            /// An event of a newer or another peer: ignored, never an error.
            Unknown {
                /// Its name.
                name: String,
            },
        }

        impl $enum {
            /// Names of all events that this version knows.
            pub const NAMES: &[&str] = &[$($name,)+];

            /// The event's name on the wire.
            pub fn name(&self) -> &str {
                match self {
                    $($enum::$variant(_) => $name,)+
                    $enum::Unknown { name } => name,
                }
            }

            /// The event's payload on the wire.
            pub fn payload(&self) -> serde_json::Value {
                match self {
                    // Strings, numbers and maps with string keys: writing cannot fail.
                    $($enum::$variant(payload) => serde_json::to_value(payload).unwrap_or_default(),)+
                    $enum::Unknown { .. } => serde_json::Value::Null,
                }
            }

            /// Reads an event. One that this version does not know is [`Self::Unknown`].
            ///
            /// # Errors
            /// [`crate::ProtocolError`] names the field that is missing, wrong or over a limit.
            pub fn parse(name: &str, payload: serde_json::Value) -> Result<Self, crate::ProtocolError> {
                Ok(match name {
                    $($name => $enum::$variant(crate::event::read(name, payload)?),)+
                    other => $enum::Unknown { name: other.to_owned() },
                })
            }
        }
    };
}

pub(crate) use events;
