//! Demo people, their logins without a password, and Echo who calls when asked.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use ringwire_protocol::{ConversationId, ErrorCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::demo::{EchoRequest, PEOPLE, person};
use crate::http::api::member_of;
use crate::http::bearer::Me;
use crate::http::{Wrong, body};
use crate::shared::{Shared, now};
use crate::tokens;

pub(crate) async fn people() -> Json<Value> {
    let people: Vec<Value> = PEOPLE
        .iter()
        .map(|(id, username, name)| json!({ "id": id, "username": username, "displayName": name }))
        .collect();
    Json(json!({ "people": people }))
}

#[derive(Deserialize)]
struct Login {
    username: String,
}

pub(crate) async fn login(
    State(shared): State<Arc<Shared>>,
    bytes: Bytes,
) -> Result<Json<Value>, Wrong> {
    let login: Login = body(&bytes)?;
    let id = person(&login.username)
        .ok_or_else(|| Wrong::field("username", "is none of the demo people"))?;
    let user = shared
        .store
        .user(&id)
        .await?
        .ok_or_else(|| Wrong::field("username", "is none of the demo people"))?;
    let token = shared.tokens.mint(&id, false, now() + tokens::LIFE)?;
    Ok(Json(json!({
        "token": token,
        "user": {
            "id": user.id,
            "username": user.username,
            "displayName": user.display_name,
            "avatar": user.avatar,
        },
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EchoCall {
    conversation_id: ConversationId,
}

pub(crate) async fn echo_call(
    State(shared): State<Arc<Shared>>,
    Me(me): Me,
    bytes: Bytes,
) -> Result<StatusCode, Wrong> {
    let EchoCall { conversation_id } = body(&bytes)?;
    let place = member_of(&shared, &me, &conversation_id).await?;
    let echo = person("echo");
    if !place.members.iter().any(|m| Some(&m.peer) == echo.as_ref()) {
        return Err(Wrong::field("conversationId", "Echo is not in it"));
    }
    let request = EchoRequest {
        conversation_id,
        user_id: me.id,
    };
    let sent = match shared.echo.lock().as_ref() {
        Some(echo) => echo.try_send(request).is_ok(),
        None => false,
    };
    match sent {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(Wrong::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::ConnectionFailed,
            "Echo is not here",
        )),
    }
}
