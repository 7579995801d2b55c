//! Tokens of users and sessions of guests: JWT (RFC 7519), HS256.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use ringwire_protocol::{ConversationId, PeerId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::error::GatewayError;
use crate::ids;

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

/// What a link for guests says.
#[derive(Debug, Serialize, Deserialize)]
struct InviteClaims {
    invite: ConversationId,
    jti: String,
    exp: i64,
}

/// A link for guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invite {
    /// Where it leads.
    pub(crate) conversation: ConversationId,
    /// The link's own id.
    pub(crate) id: String,
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

    pub(crate) fn mint_invite(
        &self,
        conversation: &ConversationId,
        expires: Timestamp,
    ) -> Result<String, GatewayError> {
        let claims = InviteClaims {
            invite: conversation.clone(),
            jti: ids::fresh(),
            exp: expires.as_millis() / 1_000,
        };
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.sign)?)
    }

    /// Where a link leads; the error says why it leads nowhere, for people.
    pub(crate) fn check_invite(&self, token: &str, now: Timestamp) -> Result<Invite, String> {
        let claims: InviteClaims = self
            .read(token)
            .map_err(|()| "the link is not valid".to_owned())?;
        if Timestamp::from_millis(claims.exp.saturating_mul(1_000)) <= now {
            return Err("the link has expired".to_owned());
        }
        Ok(Invite {
            conversation: claims.invite,
            id: claims.jti,
        })
    }

    /// Who a token speaks for; the error says why it does not, for people.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Bearer, String> {
        let claims: Claims = self
            .read(token)
            .map_err(|()| "the token is not valid".to_owned())?;
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

    /// Expiry is left to the caller: by our own clock, and without leeway.
    fn read<T: serde::de::DeserializeOwned>(&self, token: &str) -> Result<T, ()> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        decode::<T>(token, &self.check, &validation)
            .map(|read| read.claims)
            .map_err(|_| ())
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

    #[test]
    fn a_link_is_no_token_and_a_token_is_no_link() {
        let tokens = Tokens::new(&"one".into());
        let at = Timestamp::from_millis;
        let place = ConversationId::new("place").unwrap();
        let link = tokens.mint_invite(&place, at(10_000)).unwrap();
        let invite = tokens.check_invite(&link, at(9_999)).unwrap();
        assert_eq!(invite.conversation, place);
        assert!(tokens.check_invite(&link, at(10_000)).is_err());
        assert!(tokens.check(&link, at(0)).is_err());
        let peer = PeerId::new("alice").unwrap();
        let token = tokens.mint(&peer, true, at(10_000)).unwrap();
        assert!(tokens.check_invite(&token, at(0)).is_err());
    }
}
