//! Links that let guests in: a member makes one, whoever has it comes in under a name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ringwire_life::ConversationKind;
use ringwire_protocol::limits::RATE_JOIN;
use ringwire_protocol::{CallError, ConversationId, ErrorCode, PeerId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::guests::{INVITE_LIFE, MAX_GUESTS, MAX_INVITE_LIFE, MAX_NAME, admit};
use crate::http::api::member_of;
use crate::http::bearer::Me;
use crate::http::{Wrong, body};
use crate::shared::{Shared, now};
use crate::tokens;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewInvite {
    /// Seconds.
    expires_in: Option<u64>,
}

/// Makes a link.
pub(crate) async fn invite(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), Wrong> {
    let conversation = ConversationId::new(id).map_err(|error| Wrong::field("id", error))?;
    let wanted: NewInvite = match bytes.is_empty() {
        true => NewInvite::default(),
        false => body(&bytes)?,
    };
    let life = wanted.expires_in.map_or(INVITE_LIFE, Duration::from_secs);
    if life.is_zero() || life > MAX_INVITE_LIFE {
        let most = MAX_INVITE_LIFE.as_secs();
        return Err(Wrong::field(
            "expiresIn",
            format!("from 1 to {most} seconds"),
        ));
    }
    let denied = |message| Wrong::new(StatusCode::FORBIDDEN, ErrorCode::PermissionDenied, message);
    if me.anonymous {
        return Err(denied("guests invite nobody"));
    }
    let place = member_of(&shared, &me, &conversation).await?;
    if place.conversation.kind == ConversationKind::Direct {
        return Err(denied("guests come into groups only"));
    }
    let expires = now() + life;
    let invite = shared.tokens.mint_invite(&conversation, expires)?;
    let answer = json!({ "invite": invite, "expiresAt": expires });
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
struct Entry {
    invite: String,
    name: String,
}

/// Comes in by a link.
pub(crate) async fn enter(
    State(shared): State<Arc<Shared>>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), Wrong> {
    let entry: Entry = body(&bytes)?;
    let name = entry.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        let problem = format!("from 1 to {MAX_NAME} characters that can be shown");
        return Err(Wrong::field("name", problem));
    }
    let invite = shared
        .tokens
        .check_invite(&entry.invite, now())
        .map_err(|why| Wrong::field("invite", why))?;
    let counted = PeerId::new(&invite.id).map_err(|error| Wrong::field("invite", error))?;
    let bucket = ("guest", RATE_JOIN);
    if let Err(wait) = shared.rates.admit(&counted, bucket, None, Instant::now()) {
        let message = "too many guests come by this link at once";
        let mut error = CallError::new(ErrorCode::RateLimitExceeded, message);
        error.retry_after = Some(wait.as_secs_f64().ceil());
        return Err(Box::new(error).into());
    }
    let conversation = &invite.conversation;
    let gone = || Wrong::field("invite", "its conversation is closed");
    let place = shared.store.place(conversation).await?.ok_or_else(gone)?;
    if place.closed {
        return Err(gone());
    }
    let Some(guest) = admit(&shared, conversation, name, Some(&invite)).await? else {
        return Err(Wrong::new(
            StatusCode::FORBIDDEN,
            ErrorCode::PermissionDenied,
            format!(
                "full: a link lets in {MAX_GUESTS} guests, and a conversation holds 256 people"
            ),
        ));
    };
    let answer = json!({
        "sessionToken": guest.session_token,
        "sessionType": "anonymous",
        "expiresIn": tokens::LIFE.as_secs(),
        "guest": { "id": guest.id, "displayName": name },
        "conversationId": conversation,
    });
    Ok((StatusCode::CREATED, Json(answer)))
}
