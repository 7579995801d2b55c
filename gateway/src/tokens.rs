//! Tokens of users and sessions of guests: JWT (RFC 7519), HS256.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use ringwire_protocol::{PeerId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::error::GatewayError;

/// How long a token that we make lives.
pub(crate) const LIFE: Duration = Duration::from_secs(12 * 3600);

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: PeerId,
    /// Seconds since the Unix epoch.
    exp: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    anonymous: bool,
}

/// Who a good token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) peer: PeerId,
    pub(crate) anonymous: bool,
    pub(crate) expires: Timestamp,
}

/// Makes and checks tokens.
pub(crate) struct Tokens {
    sign: EncodingKey,
    check: DecodingKey,
}

impl Tokens {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self {
            sign: EncodingKey::from_secret(secret.reveal().as_bytes()),
            check: DecodingKey::from_secret(secret.reveal().as_bytes()),
        }
    }

    pub(crate) fn mint(
        &self,
        peer: &PeerId,
        anonymous: bool,
        expires: Timestamp,
    ) -> Result<String, GatewayError> {
        let claims = Claims {
            sub: peer.clone(),
            exp: expires.as_millis() / 1_000,
            anonymous,
        };
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.sign)?)
    }

    /// Who a token speaks for; the error says why it does not, for people.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Bearer, String> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked below, by our own clock and without leeway.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &self.check, &validation)
            .map_err(|_| "the token is not valid".to_owned())?
            .claims;
        let expires = Timestamp::from_millis(claims.exp.saturating_mul(1_000));
        if expires <= now {
            return Err("the token has expired".to_owned());
        }
        Ok(Bearer {
            peer: claims.sub,
            anonymous: claims.anonymous,
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_it_expires_and_for_its_own_secret_only() {
        let tokens = Tokens::new(&"one".into());
        let peer = PeerId::new("alice").unwrap();
        let at = Timestamp::from_millis;
        let token = tokens.mint(&peer, false, at(10_000)).unwrap();
        let bearer = tokens.check(&token, at(9_999)).unwrap();
        assert_eq!((bearer.peer, bearer.expires), (peer, at(10_000)));
        assert!(tokens.check(&token, at(10_000)).is_err());
        assert!(Tokens::new(&"two".into()).check(&token, at(0)).is_err());
        assert!(tokens.check("a.b.c", at(0)).is_err());
    }
}
