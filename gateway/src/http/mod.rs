//! The REST routes and the page.

mod api;
mod bearer;
mod demo;
mod guests;
mod page;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use ringwire_protocol::{CallError, ErrorCode, limits};
use serde_json::{Value, json};

use crate::error::GatewayError;
use crate::shared::Shared;

/// The hand-kept description of the routes.
const OPENAPI: &str = include_str!("openapi.json");

/// All routes but those of Socket.IO.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    let mut routes = Router::new()
        .route("/healthz", get(api::health))
        .route("/api/openapi.json", get(openapi))
        .route("/api/conversations", get(api::conversations))
        .route("/api/conversations/{id}/invites", post(guests::invite))
        .route("/api/guests", post(guests::enter))
        .route("/api/calls", get(api::calls))
        .route("/api/calls/{id}", get(api::call))
        .route("/api/calls/{id}/decline", post(api::decline))
        .route("/api/devices", post(api::keep_device))
        .route("/api/devices/{id}", delete(api::drop_device));
    if shared.demo {
        routes = routes
            .route("/api/demo/people", get(demo::people))
            .route("/api/demo/login", post(demo::login))
            .route("/api/demo/echo/call", post(demo::echo_call));
    }
    page::serve(routes, &shared)
        .layer(DefaultBodyLimit::max(limits::MAX_FRAME))
        .with_state(shared)
}

async fn openapi() -> impl IntoResponse {
    ([("content-type", "application/json")], OPENAPI)
}

/// An answer that is an error: `{error: {code, message, …}}`.
#[derive(Debug)]
pub(crate) struct Wrong {
    status: StatusCode,
    error: Box<CallError>,
}

impl Wrong {
    fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            error: Box::new(CallError::new(code, message)),
        }
    }

    /// A field that is missing or wrong.
    fn field(field: &str, problem: impl std::fmt::Display) -> Self {
        let message = format!("{field}: {problem}");
        let mut wrong = Self::new(StatusCode::BAD_REQUEST, ErrorCode::ValidationError, message);
        wrong.error.details = Some(json!({ "field": field }));
        wrong
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let body: Value = json!({ "error": self.error });
        (self.status, Json(body)).into_response()
    }
}

impl From<Box<CallError>> for Wrong {
    fn from(error: Box<CallError>) -> Self {
        let status = match error.code {
            ErrorCode::NotAuthenticated => StatusCode::UNAUTHORIZED,
            ErrorCode::CallNotFound | ErrorCode::ConversationNotFound => StatusCode::NOT_FOUND,
            ErrorCode::NotAParticipant | ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
            ErrorCode::RateLimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::ValidationError => StatusCode::BAD_REQUEST,
            _ => StatusCode::CONFLICT,
        };
        Self { status, error }
    }
}

impl From<GatewayError> for Wrong {
    fn from(error: GatewayError) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::CallStateConflict,
            "the gateway could not do this now",
        )
    }
}

/// Reads a JSON body, naming the field that is wrong.
fn body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Wrong> {
    let reader = &mut serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        // serde names a missing field in back-quotes only.
        let missing = problem
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split_once('`'));
        match missing {
            Some((field, _)) => Wrong::field(field, "is missing"),
            None if path == "." => Wrong::field("payload", problem),
            None => Wrong::field(&path, problem),
        }
    })
}
