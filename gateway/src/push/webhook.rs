//! The sender that posts each push as JSON to an address of the operator's, who passes it on to FCM
//! and APNs with their own credentials.

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::config::Secret;
use crate::error::GatewayError;
use crate::push::{Parcel, PushError, PushSender};

/// Longest answer that is read, so that the connection can be used again, bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Posts pushes to an address. 2xx: taken; 404 and 410: the token is good no more; 408, 425, 429 and
/// 5xx: tried again; anything else: refused.
pub struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    bearer: Option<HeaderValue>,
}

impl std::fmt::Debug for Webhook {
    /// Without the address, which may hold a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl Webhook {
    /// Posts to `url`, with `secret` as bearer token where there is one.
    ///
    /// # Errors
    /// [`GatewayError::Push`] for an address that is not `http://…` or `https://…`, and for a
    /// secret that no header can hold.
    pub fn new(url: &str, secret: Option<&Secret>) -> Result<Self, GatewayError> {
        let wrong = |problem: String| GatewayError::Push(problem);
        let parsed: Uri = url
            .parse()
            .map_err(|error| wrong(format!("its address is not one: {error}")))?;
        let web = matches!(parsed.scheme_str(), Some("http" | "https"));
        if !web || parsed.host().is_none() {
            return Err(wrong(
                "its address needs to begin with http:// or https:// and a host".into(),
            ));
        }
        let bearer = secret
            .map(|secret| HeaderValue::from_str(&format!("Bearer {}", secret.reveal())))
            .transpose()
            .map_err(|_| wrong("its secret holds characters that no header can".into()))?
            .map(|mut bearer| {
                bearer.set_sensitive(true);
                bearer
            });
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| wrong(format!("TLS: {error}")))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            url: parsed,
            bearer,
        })
    }
}

#[async_trait]
impl PushSender for Webhook {
    async fn send(&self, parcel: &Parcel) -> Result<(), PushError> {
        let refused = |error: &dyn std::fmt::Display| PushError::Refused(error.to_string());
        let body = serde_json::to_vec(parcel).map_err(|error| refused(&error))?;
        let mut request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        let request = request
            .body(Full::from(body))
            .map_err(|error| refused(&error))?;
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| PushError::Unreachable(error.to_string()))?;
        let status = answer.status();
        // What it says is of no interest, only that it is out of the way of the next request.
        let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(PushError::Gone),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Err(PushError::Unreachable(status.to_string()))
            }
            status if status.is_server_error() => Err(PushError::Unreachable(status.to_string())),
            status => Err(PushError::Refused(status.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_at_the_start() {
        for url in [
            "",
            "push.example",
            "ftp://push.example/x",
            "/push",
            "http://",
        ] {
            assert!(Webhook::new(url, None).is_err(), "{url}");
        }
        assert!(Webhook::new("http://127.0.0.1:1/x", Some(&"a\nb".into())).is_err());
        let hook = Webhook::new("https://push.example/key", Some(&"s".into())).unwrap();
        assert!(!format!("{hook:?}").contains("key"));
    }
}
