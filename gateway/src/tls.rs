//! TLS for the listener: rustls with ring, HTTP/1.1 only, because WebSockets are upgrades of it.

use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;
use crate::error::GatewayError;

pub(crate) fn acceptor(tls: &Tls) -> Result<RustlsConfig, GatewayError> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| {
        GatewayError::Tls(format!("the {what} is not usable: {error}"))
    };
    let chain = CertificateDer::pem_slice_iter(tls.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong("certificate", &error))?;
    let key = PrivateKeyDer::from_pem_slice(tls.key.reveal().as_bytes())
        .map_err(|error| wrong("key", &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("provider", &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong("certificate", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}
