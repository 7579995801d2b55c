//! Who a request speaks for: a bearer token, as the socket takes it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use ringwire_protocol::ErrorCode;

use crate::database::User;
use crate::http::Wrong;
use crate::shared::{Shared, now};

/// The user or guest of a request.
pub(crate) struct Me(pub(crate) User);

impl FromRequestParts<Arc<Shared>> for Me {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Wrong> {
        let refuse = |message: &str| {
            Wrong::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::NotAuthenticated,
                message,
            )
        };
        let token = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| refuse("a bearer token is needed"))?;
        let bearer = shared
            .tokens
            .check(token.trim(), now())
            .map_err(|why| refuse(&why))?;
        match shared.store.user(&bearer.peer).await? {
            Some(user) if user.anonymous == bearer.anonymous => Ok(Self(user)),
            _ => Err(refuse("nobody here has this id")),
        }
    }
}
