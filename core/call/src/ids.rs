//! Local ids: of calls, connections and operations. None is ever used twice, so that a late result
//! is recognised and ignored. Ids of the wire are in `ringwire-protocol`.

use std::fmt;

/// Key of a call on this device, stable from the first tap to the end. Even ones are made by the
/// caller of the store for outgoing calls, odd ones by the store for incoming ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallKey(u64);

impl CallKey {
    /// Key of the `n`th outgoing call: `2n`. The caller never uses an `n` twice.
    pub const fn outgoing(n: u64) -> Self {
        Self(n.wrapping_mul(2))
    }

    pub(crate) const fn incoming(n: u64) -> Self {
        Self(n.wrapping_mul(2).wrapping_add(1))
    }

    /// The key as a number, for a border that knows numbers only.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The key with this number.
    pub const fn from_raw(number: u64) -> Self {
        Self(number)
    }

    /// True for keys of outgoing calls.
    pub const fn is_outgoing(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0)
    }
}

macro_rules! counted {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// The id as a number, for a room that knows numbers only.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The id with this number.
            pub const fn from_raw(number: u64) -> Self {
                Self(number)
            }
        }
    };
}

counted!(
    /// One connection with one peer, from [`Effect::Open`](crate::Effect::Open) to
    /// [`Effect::Close`](crate::Effect::Close).
    ConnectionId
);
counted!(
    /// One operation that an answer is wanted of: an event with an ack, or a step of a negotiation.
    OpId
);
