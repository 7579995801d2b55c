//! Guests: links that let them into a conversation, and their sessions.

use std::time::Duration;

use ringwire_protocol::{ConversationId, PeerId};

use crate::database::NewGuest;
use crate::error::GatewayError;
use crate::gateway::Guest;
use crate::ids;
use crate::shared::{Shared, now};
use crate::tokens::{self, Invite};

/// Most guests that one link lets in.
pub(crate) const MAX_GUESTS: i64 = 16;
/// Longest life of a link.
pub(crate) const MAX_INVITE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Life of a link when nothing is said.
pub(crate) const INVITE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Longest name of a guest, characters.
pub(crate) const MAX_NAME: usize = 64;

/// Lets a guest into a conversation that exists; `None` when it has no room, or the link has let in
/// as many as it may.
pub(crate) async fn admit(
    shared: &Shared,
    conversation: &ConversationId,
    name: &str,
    invite: Option<&Invite>,
) -> Result<Option<Guest>, GatewayError> {
    let expires = now() + tokens::LIFE;
    let guest = NewGuest {
        id: ids::id::<PeerId>(),
        name: name.to_owned(),
        expires,
        invite: invite.map(|invite| invite.id.clone()),
    };
    let session_token = shared.tokens.mint(&guest.id, true, expires)?;
    let let_in = shared
        .store
        .add_guest(conversation, &guest, MAX_GUESTS)
        .await?;
    Ok(let_in.then_some(Guest {
        id: guest.id,
        session_token,
    }))
}
