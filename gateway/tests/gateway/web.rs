//! The page, as it is served.

use ringwire_gateway::{Config, Gateway};

use crate::client::request;

#[tokio::test]
async fn pages_and_modules_come_with_their_types_and_a_strict_policy() {
    let root = tempfile::tempdir().unwrap();
    let vendor = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("index.html"), "<!doctype html>").unwrap();
    std::fs::write(root.path().join("app.js"), "export {};").unwrap();
    std::fs::write(vendor.path().join("a.mjs"), "export {};").unwrap();
    let config = Config {
        web_root: Some(root.path().into()),
        web_vendor: Some(vendor.path().into()),
        ..Config::default()
    };
    let gateway = Gateway::start(config).await.unwrap();
    for (path, kind) in [
        ("/", "text/html"),
        ("/app.js", "text/javascript"),
        ("/vendor/a.mjs", "application/javascript"),
    ] {
        let reply = request(gateway.address(), "GET", path, None, None).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(
            reply.header("content-type").unwrap().starts_with(kind),
            "{}",
            reply.head
        );
        let policy = reply.header("content-security-policy").unwrap();
        for part in [
            "default-src 'self'",
            "connect-src 'self' ws: wss:",
            "media-src 'self' blob:",
            "img-src 'self' data: blob:",
            "style-src 'self'",
        ] {
            assert!(policy.split("; ").any(|p| p == part), "{part}: {policy}");
        }
        assert_eq!(reply.header("cache-control"), Some("no-cache"));
    }
    let outside = request(gateway.address(), "GET", "/../Cargo.toml", None, None).await;
    assert_eq!(outside.status, 404);
    gateway.shutdown().await;
}
