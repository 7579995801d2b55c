//! Opaque ids: 1–128 printable ASCII characters, a type for each kind so that none is used as
//! another. Making ids is the gateway's and the shell's business.

use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::limits::MAX_ID;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// It has no character, or more than 128.
    #[error("an id has 1 to 128 characters, this one has {0}")]
    Length(usize),
    /// It holds something else than printable ASCII.
    #[error("an id holds printable ASCII only, this one has {0:?} in it")]
    Character(char),
}

fn check(text: &str) -> Result<(), BadId> {
    if text.is_empty() || text.len() > MAX_ID {
        return Err(BadId::Length(text.chars().count()));
    }
    match text.chars().find(|c| !matches!(c, ' '..='~')) {
        Some(c) => Err(BadId::Character(c)),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text as an id.
            ///
            /// # Errors
            /// [`BadId`] when it is empty, over 128 characters or not printable ASCII.
            pub fn new(text: impl AsRef<str>) -> Result<Self, BadId> {
                check(text.as_ref())?;
                Ok(Self(text.as_ref().into()))
            }

            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A call.
    CallId
);
id!(
    /// A conversation, in which calls are made.
    ConversationId
);
id!(
    /// A user or an anonymous guest: `from` and `to` of signals, the key of connections.
    PeerId
);
id!(
    /// Membership of a conversation.
    ParticipantId
);
id!(
    /// The row of one person in one call.
    CallParticipantId
);
id!(
    /// One installation of an app, or one load of a web page.
    DeviceId
);

impl PeerId {
    /// The reserved name of the SFU in signals.
    pub const SFU: &str = "sfu";

    /// True for the SFU itself.
    pub fn is_sfu(&self) -> bool {
        self.as_str() == Self::SFU
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_take_what_companies_use_and_refuse_the_rest() {
        assert!(CallId::new("507f1f77bcf86cd799439011").is_ok());
        assert!(CallId::new("user:42 / é".replace('é', "e")).is_ok());
        assert_eq!(CallId::new(""), Err(BadId::Length(0)));
        assert_eq!(CallId::new("x".repeat(129)), Err(BadId::Length(129)));
        assert_eq!(CallId::new("a\nb"), Err(BadId::Character('\n')));
        assert_eq!(CallId::new("é"), Err(BadId::Character('é')));
    }
}
