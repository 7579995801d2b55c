//! ICE servers for a reader: what is configured, and TURN with credentials of their own.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ringwire_protocol::{IceServer, PeerId, Timestamp};
use sha1::Sha1;

use crate::config::Turn;

/// Makes ICE servers.
#[derive(Debug)]
pub(crate) struct IceServers {
    pub(crate) fixed: Vec<IceServer>,
    pub(crate) turn: Option<Turn>,
}

impl IceServers {
    /// The servers for somebody; credentials live for `ttl`.
    pub(crate) fn of(&self, peer: &PeerId, now: Timestamp, ttl: Duration) -> Vec<IceServer> {
        let mut servers = self.fixed.clone();
        if let Some(turn) = &self.turn {
            let expiry = (now + ttl).as_millis() / 1_000;
            let username = format!("{expiry}:{peer}");
            servers.push(IceServer {
                urls: turn.urls.clone(),
                credential: Some(credential(turn.secret.reveal(), &username)),
                username: Some(username),
            });
        }
        servers
    }
}

/// `base64(HMAC-SHA1(secret, username))`, as coturn's `use-auth-secret` checks it.
fn credential(secret: &str, username: &str) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_that_coturn_makes() {
        // echo -n '1700000000:507f1f77bcf86cd799439011' | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(
            credential("north", "1700000000:507f1f77bcf86cd799439011"),
            "+cz7pkX5WpSkK2Xv33okHfZs3oc="
        );
    }

    #[test]
    fn a_turn_server_gets_a_name_that_says_when_it_expires() {
        let servers = IceServers {
            fixed: vec![],
            turn: Some(Turn {
                urls: vec!["turn:turn.example:3478".into()],
                secret: "north".into(),
            }),
        };
        let peer = PeerId::new("alice").unwrap();
        let made = servers.of(
            &peer,
            Timestamp::from_millis(5_500),
            Duration::from_secs(60),
        );
        assert_eq!(made[0].username.as_deref(), Some("65:alice"));
    }
}
