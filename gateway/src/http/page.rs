//! The page and its modules: files, with headers that keep anything else out of the browser.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::shared::Shared;

/// `(name, value)` of the headers of every answer.
const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob:; \
         img-src 'self' data: blob:; style-src 'self'; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self'",
    ),
    ("cache-control", "no-cache"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(self), microphone=(self)"),
];

/// Adds the page, where there is one, and the headers.
pub(crate) fn serve(mut routes: Router<Arc<Shared>>, shared: &Shared) -> Router<Arc<Shared>> {
    if let Some(vendor) = &shared.web_vendor {
        routes = routes.nest_service("/vendor", ServeDir::new(vendor));
    }
    if let Some(root) = &shared.web_root {
        routes = routes.fallback_service(ServeDir::new(root));
    }
    for (name, value) in HEADERS {
        routes = routes.layer(SetResponseHeaderLayer::overriding(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ));
    }
    routes
}
