//! Conversations, calls and devices.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use ringwire_life::{Actor, Command, Member};
use ringwire_protocol::limits::RATE_LEAVE;
use ringwire_protocol::{
    CallEndReason, CallId, CallSession, ConversationId, DeviceId, ErrorCode, Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::calls::not_found;
use crate::database::{Device, Place, User};
use crate::events::admit;
use crate::http::bearer::Me;
use crate::http::{Wrong, body};
use crate::ids;
use crate::shared::{Shared, now};

/// Calls on a page of history.
const PAGE: i64 = 50;
/// Longest push token, characters.
const MAX_TOKEN: usize = 4_096;

pub(crate) async fn health(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let (status, word) = match shared.store.is_well().await {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "no database"),
    };
    let body = json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    (status, Json(body))
}

pub(crate) async fn conversations(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
) -> Result<Json<Value>, Wrong> {
    let places = shared.store.places_of(&me.id).await?;
    let conversations: Vec<Value> = places.iter().map(conversation).collect();
    Ok(Json(json!({ "conversations": conversations })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct History {
    conversation_id: Option<String>,
    before: Option<String>,
    limit: Option<i64>,
}

/// History, the newest first, and the call that goes on.
pub(crate) async fn calls(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
    Query(query): Query<History>,
) -> Result<Json<Value>, Wrong> {
    let conversation = match &query.conversation_id {
        Some(text) => {
            Some(ConversationId::new(text).map_err(|error| Wrong::field("conversationId", error))?)
        }
        None => None,
    };
    let before = match &query.before {
        Some(text) => Timestamp::parse(text)
            .ok_or_else(|| Wrong::field("before", "not an instant in RFC 3339"))?,
        None => Timestamp::from_millis(i64::MAX),
    };
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Wrong::field("limit", format!("from 1 to {PAGE}")));
    }
    if let Some(conversation) = &conversation {
        member_of(&shared, &me, conversation).await?;
    }
    let history = shared
        .store
        .history(&me.id, conversation.as_ref(), before, limit)
        .await?;
    let active: Vec<CallSession> = shared
        .calls_of(&me.id)
        .await?
        .iter()
        .filter(|call| {
            conversation
                .as_ref()
                .is_none_or(|id| call.conversation.id == *id)
        })
        .map(|call| call.session())
        .collect();
    let calls: Vec<CallSession> = history.iter().map(|call| call.session()).collect();
    Ok(Json(json!({ "calls": calls, "active": active })))
}

pub(crate) async fn call(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Result<Json<CallSession>, Wrong> {
    let id = CallId::new(id).map_err(|error| Wrong::field("id", error))?;
    match shared.store.call(&id).await? {
        Some(kept) if kept.call.member(&me.id).is_some() => Ok(Json(kept.call.session())),
        _ => Err(not_found(&id).into()),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decline {
    reason: Option<CallEndReason>,
    device_id: Option<DeviceId>,
}

/// Declines from a device that has no socket.
pub(crate) async fn decline(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, Wrong> {
    let id = CallId::new(id).map_err(|error| Wrong::field("id", error))?;
    let given: Decline = match bytes.is_empty() {
        true => Decline::default(),
        false => body(&bytes)?,
    };
    let actor = Actor {
        peer: me.id,
        named: given.device_id.is_some(),
        device: given.device_id.unwrap_or_else(ids::id),
        capabilities: Vec::new(),
    };
    admit(&shared, &actor, ("leave", RATE_LEAVE), Some(&id))?;
    let reason = given.reason;
    shared
        .act(&id, &actor, Command::Decline { reason }, |_| {})
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn keep_device(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
    bytes: Bytes,
) -> Result<StatusCode, Wrong> {
    let device: Device = body(&bytes)?;
    for (field, text, most) in [
        ("platform", device.platform.as_str(), 32),
        ("token", &device.token, MAX_TOKEN),
        (
            "voipToken",
            device.voip_token.as_deref().unwrap_or_default(),
            MAX_TOKEN,
        ),
        ("environment", &device.environment, 32),
    ] {
        if text.len() > most {
            return Err(Wrong::field(field, format!("at most {most} characters")));
        }
    }
    match shared.store.keep_device(&me.id, &device, now()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Wrong::new(
            StatusCode::CONFLICT,
            ErrorCode::PermissionDenied,
            "you have too many devices",
        )),
    }
}

pub(crate) async fn drop_device(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Result<StatusCode, Wrong> {
    let device = DeviceId::new(id).map_err(|error| Wrong::field("id", error))?;
    match shared.store.drop_device(&me.id, &device).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Wrong::new(
            StatusCode::NOT_FOUND,
            ErrorCode::ValidationError,
            "you have no such device",
        )),
    }
}

/// The conversation, for a member of it.
pub(crate) async fn member_of(
    shared: &Shared,
    me: &User,
    conversation: &ConversationId,
) -> Result<Place, Wrong> {
    match shared.store.place(conversation).await? {
        Some(place) if place.members.iter().any(|m| m.peer == me.id) => Ok(place),
        // A stranger learns no more than that there is nothing for them.
        _ => Err(Wrong::new(
            StatusCode::NOT_FOUND,
            ErrorCode::ConversationNotFound,
            "there is no such conversation",
        )),
    }
}

fn conversation(place: &Place) -> Value {
    let members: Vec<Value> = place.members.iter().map(member).collect();
    json!({
        "id": place.conversation.id,
        "type": place.conversation.kind.as_str(),
        "title": place.conversation.title,
        "closed": place.closed,
        "members": members,
    })
}

fn member(member: &Member) -> Value {
    json!({
        "userId": member.peer,
        "participantId": member.participant,
        "username": member.username,
        "displayName": member.display_name,
        "avatar": member.avatar,
        "isAnonymous": member.anonymous,
    })
}
