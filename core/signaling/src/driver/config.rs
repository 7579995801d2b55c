//! What a connection needs to begin with, read and checked: the gateway's address and the roots
//! that vouch for it.

use std::fmt;
use std::sync::Arc;

use ringwire_protocol::Auth;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use crate::limits::told;

/// What a connection needs to begin with.
#[derive(Clone)]
pub struct DriverConfig {
    /// The gateway: `https://host[:port][/prefix]`, or with `http`, `ws`, `wss`.
    /// `/socket.io/?EIO=4&transport=websocket` is appended.
    pub url: String,
    /// Who we are.
    pub auth: Auth,
    /// Chance for the back-off.
    pub seed: u64,
    /// Certificates in PEM that are trusted beside those of Mozilla's root program: for a gateway
    /// of one's own that has signed itself.
    pub extra_roots: Option<String>,
}

impl fmt::Debug for DriverConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverConfig")
            .field("url", &self.url)
            .field("auth", &self.auth)
            .field("extra_roots", &self.extra_roots.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// `url` is none, or not one of a gateway.
    #[error("`url`: {0}")]
    Url(String),
    /// `extra_roots` is no PEM, or holds what is no certificate.
    #[error("`extra_roots`: {0}")]
    ExtraRoots(String),
}

impl DriverConfig {
    /// The address of the WebSocket, with scheme `ws` or `wss`.
    pub(super) fn url(&self) -> Result<Url, ConfigError> {
        let wrong = |problem: &str| Err(ConfigError::Url(problem.into()));
        let mut url = match Url::parse(&self.url) {
            Ok(url) => url,
            // The tables for such names would be a fiftieth of the library.
            Err(error) if !self.url.is_ascii() => {
                return wrong(&format!(
                    "{error}: write a host with other than ASCII letters in the form xn--…"
                ));
            }
            Err(error) => return wrong(&error.to_string()),
        };
        let scheme = match url.scheme() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            other => {
                return wrong(&told(&format!(
                    "{other} is none of http, https, ws and wss"
                )));
            }
        };
        if url.host().is_none() {
            return wrong("it has no host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("it holds a user name or password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("it holds a query or fragment");
        }
        if url.set_scheme(scheme).is_err() {
            return wrong("its scheme cannot be one of WebSocket");
        }
        let path = format!("{}/socket.io/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(Some("EIO=4&transport=websocket"));
        Ok(url)
    }

    /// TLS 1.2 and 1.3 with ring; no global provider is needed or set.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, ConfigError> {
        let wrong = |problem: String| ConfigError::ExtraRoots(problem);
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(pem) = &self.extra_roots {
            let mut count = 0;
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots
                    .add(certificate)
                    .map_err(|error| wrong(error.to_string()))?;
                count += 1;
            }
            if count == 0 {
                return Err(wrong("no certificate in it".into()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwire_protocol::auth::{Identity, TokenType};

    fn config(url: &str) -> DriverConfig {
        DriverConfig {
            url: url.into(),
            auth: Auth {
                identity: Identity::User {
                    auth_token: "secret".into(),
                    token_type: TokenType::Jwt,
                },
                client: None,
            },
            seed: 0,
            extra_roots: None,
        }
    }

    #[test]
    fn the_address_of_a_gateway_becomes_that_of_its_socket() {
        for (base, socket) in [
            ("https://call.example", "wss://call.example/socket.io/"),
            ("http://127.0.0.1:8080/", "ws://127.0.0.1:8080/socket.io/"),
            ("wss://[::1]:1/prefix/", "wss://[::1]:1/prefix/socket.io/"),
            ("ws://host", "ws://host/socket.io/"),
        ] {
            let url = config(base).url().unwrap();
            assert_eq!(url.as_str(), format!("{socket}?EIO=4&transport=websocket"));
        }
    }

    #[test]
    fn what_is_no_address_of_a_gateway_is_refused() {
        for base in [
            "",
            "call.example",
            "ftp://call.example",
            "https://user:pw@call.example",
            "https://call.example/?token=x",
            "https://call.example/#x",
            "https://",
        ] {
            assert!(
                matches!(config(base).url(), Err(ConfigError::Url(_))),
                "{base}"
            );
        }
    }

    #[test]
    fn a_host_with_other_letters_is_taken_in_ascii_and_else_the_error_says_so() {
        let url = config("https://xn--mnchen-3ya.example").url().unwrap();
        assert_eq!(url.host_str(), Some("xn--mnchen-3ya.example"));
        let error = config("https://münchen.example").url().unwrap_err();
        assert!(error.to_string().contains("xn--"), "{error}");
    }

    #[test]
    fn extra_roots_must_be_certificates() {
        for pem in [
            "",
            "no pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let config = DriverConfig {
                extra_roots: Some(pem.into()),
                ..config("https://call.example")
            };
            assert!(
                matches!(config.tls(), Err(ConfigError::ExtraRoots(_))),
                "{pem}"
            );
        }
        assert!(config("https://call.example").tls().is_ok());
    }

    #[test]
    fn a_configuration_in_a_log_holds_no_token() {
        assert!(!format!("{:?}", config("https://call.example")).contains("secret"));
    }
}
