//! The people and conversations of `--demo`, and how a page asks Echo to call it.

use ringwire_life::ConversationKind;
use ringwire_protocol::{ConversationId, PeerId};

use crate::database::Store;
use crate::error::GatewayError;

/// Somebody asks Echo to call them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EchoRequest {
    /// Where Echo shall call.
    pub conversation_id: ConversationId,
    /// Who asked.
    pub user_id: PeerId,
}

/// `(id, username, display name)` of the demo people.
pub const PEOPLE: [(&str, &str, &str); 4] = [
    ("65a1f0c2d3e4b5a697880001", "alice", "Alice"),
    ("65a1f0c2d3e4b5a697880002", "bob", "Bob"),
    ("65a1f0c2d3e4b5a697880003", "carol", "Carol"),
    ("65a1f0c2d3e4b5a697880004", "echo", "Echo"),
];

/// Id of the group of Alice, Bob and Carol.
pub const GROUP: &str = "65a1f0c2d3e4b5a6978800ff";

/// The demo person of this username.
pub fn person(username: &str) -> Option<PeerId> {
    let (id, _, _) = PEOPLE.iter().find(|(_, name, _)| *name == username)?;
    PeerId::new(id).ok()
}

/// Id of the direct conversation of two demo people, by username.
pub fn direct(one: &str, other: &str) -> Option<ConversationId> {
    let place = |username: &str| PEOPLE.iter().position(|(_, name, _)| *name == username);
    let (one, other) = (place(one)?, place(other)?);
    let (low, high) = (one.min(other) + 1, one.max(other) + 1);
    ConversationId::new(format!("65a1f0c2d3e4b5a697881{low:01x}{high:02x}")).ok()
}

/// Writes the demo people into the database, unless they are there.
pub(crate) async fn settle(store: &Store) -> Result<(), GatewayError> {
    let id = |text: &str| PeerId::new(text).expect("24 hex digits obey the rules of all ids");
    for (user, username, name) in PEOPLE {
        store
            .add_user(&id(user), username, Some(name), false)
            .await?;
    }
    for (place, (_, one, _)) in PEOPLE.iter().enumerate() {
        for (_, other, _) in &PEOPLE[place + 1..] {
            let conversation = direct(one, other).expect("both are demo people");
            let members = [one, other].map(|name| person(name).expect("a demo person"));
            store
                .add_conversation(&conversation, ConversationKind::Direct, None, &members)
                .await?;
        }
    }
    let group = ConversationId::new(GROUP).expect("24 hex digits obey the rules of all ids");
    let members: Vec<_> = PEOPLE[..3].iter().map(|(user, _, _)| id(user)).collect();
    store
        .add_conversation(
            &group,
            ConversationKind::Group,
            Some("Alice, Bob and Carol"),
            &members,
        )
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_its_own_conversation_whoever_is_named_first() {
        let mut seen = std::collections::HashSet::new();
        for (_, one, _) in PEOPLE {
            for (_, other, _) in PEOPLE {
                if one < other {
                    let id = direct(one, other).unwrap();
                    assert_eq!(id.as_str().len(), 24);
                    assert_eq!(direct(other, one), Some(id.clone()));
                    assert!(seen.insert(id));
                }
            }
        }
        assert_eq!(seen.len(), 6);
        assert_eq!(direct("alice", "nobody"), None);
    }
}
