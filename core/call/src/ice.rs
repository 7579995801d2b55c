//! STUN and TURN servers of a call, and when their credentials are refreshed.

use ringwire_protocol::{IceServer, Instant, timers};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct IceServers {
    servers: Vec<IceServer>,
    /// How long credentials of this call live, as the server said last.
    life: Option<Duration>,
    /// At 80 % of the credentials' life; `None` where there are none.
    refresh_at: Option<Instant>,
}

impl IceServers {
    /// Takes servers whose credentials live for `ttl` seconds; without one, as long as the server
    /// said before, else as the contract says. An empty list changes nothing.
    pub(crate) fn set(&mut self, servers: Vec<IceServer>, ttl: Option<u64>, now: Instant) {
        if servers.is_empty() {
            return;
        }
        if let Some(seconds) = ttl.filter(|seconds| *seconds > 0) {
            self.life = Some(Duration::from_secs(seconds).min(timers::STALE_CALL * 4));
        }
        let life = self.life.unwrap_or(timers::TURN_TTL);
        self.refresh_at = servers
            .iter()
            .any(|server| server.credential.is_some())
            .then(|| now + (life * 4 / 5).max(timers::HEARTBEAT));
        self.servers = servers;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    pub(crate) fn list(&self) -> Vec<IceServer> {
        self.servers.clone()
    }

    pub(crate) fn refresh_at(&self) -> Option<Instant> {
        self.refresh_at
    }

    /// Fresh ones were asked for; again in a minute, should none come.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.refresh_at = Some(now + timers::RECONNECT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_of_credentials_is_believed_up_to_two_days() {
        let server = IceServer {
            urls: vec!["turn:turn.example".to_owned()],
            username: Some("u".to_owned()),
            credential: Some("c".to_owned()),
        };
        let hour = 3_600;
        for (ttl, refresh) in [(10 * hour, 8 * hour), (1_000 * hour, 48 * hour * 4 / 5)] {
            let mut ice = IceServers::default();
            ice.set(vec![server.clone()], Some(ttl), Instant::ZERO);
            let at = Instant::ZERO + Duration::from_secs(refresh);
            assert_eq!(ice.refresh_at(), Some(at));
        }
    }

    #[test]
    fn credentials_without_a_life_are_believed_as_long_as_the_contract_says() {
        let server = IceServer {
            urls: vec!["turn:turn.example".to_owned()],
            username: Some("u".to_owned()),
            credential: Some("c".to_owned()),
        };
        for ttl in [None, Some(0)] {
            let mut ice = IceServers::default();
            ice.set(vec![server.clone()], ttl, Instant::ZERO);
            assert_eq!(
                ice.refresh_at(),
                Some(Instant::ZERO + timers::TURN_TTL * 4 / 5)
            );
        }
    }
}
