//! Who a token says we are, for servers that never send `authenticated`. Nothing is verified here:
//! the server has accepted the token before anybody asks.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringwire_protocol::auth::{AuthenticatedUser, Identity};
use ringwire_protocol::{Authenticated, PeerId};
use serde_json::Value;

/// `authenticated` made of the claims `userId`, `sub` or `id` of a JWT (RFC 7519 §4), first come;
/// `None` for guests and for tokens that are no JWT or name nobody.
pub(crate) fn authenticated(identity: &Identity) -> Option<Authenticated> {
    let Identity::User { auth_token, .. } = identity else {
        return None;
    };
    let payload = auth_token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let id = ["userId", "sub", "id"]
        .iter()
        .find_map(|name| PeerId::new(claims.get(name)?.as_str()?).ok())?;
    Some(Authenticated {
        success: true,
        user: AuthenticatedUser {
            id,
            language: None,
            is_anonymous: false,
        },
        version: None,
        capabilities: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwire_protocol::auth::TokenType;

    fn user(auth_token: String) -> Identity {
        Identity::User {
            auth_token,
            token_type: TokenType::Jwt,
        }
    }

    #[test]
    fn a_jwt_names_its_user() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"bob","userId":"alice","exp":1}"#);
        let who = authenticated(&user(format!("e30.{payload}.sig"))).unwrap();
        assert_eq!(who.user.id.as_str(), "alice");
        assert!(who.capabilities.is_empty());
    }

    #[test]
    fn what_is_no_jwt_names_nobody() {
        for token in ["", "opaque", "a.b.c", "..", "e30.e30.e30", "é.é.é"] {
            assert_eq!(authenticated(&user(token.into())), None, "{token}");
        }
        let guest = Identity::Guest {
            session_token: "e30.e30.e30".into(),
            session_type: TokenType::Anonymous,
        };
        assert_eq!(authenticated(&guest), None);
    }
}
