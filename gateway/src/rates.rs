//! How many events of a kind a user may send: a sliding window for each user and kind.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ringwire_protocol::limits::Rate;
use ringwire_protocol::{CallId, PeerId};

/// Candidates of a user over all calls, as a multiple of those in one call: a call id may be made up.
const CANDIDATES_IN_ALL: u32 = 4;

/// Whose events of which kind; candidates are counted for each call, and under no call over all.
type Key = (PeerId, &'static str, Option<CallId>);

/// Events of the recent past.
#[derive(Debug)]
pub(crate) struct Rates {
    /// The contract's counts, so many times over.
    factor: u32,
    seen: Mutex<HashMap<Key, Window>>,
}

#[derive(Debug)]
struct Window {
    length: Duration,
    events: VecDeque<Instant>,
}

impl Rates {
    pub(crate) fn new(factor: u32) -> Self {
        Self {
            factor,
            seen: Mutex::default(),
        }
    }

    /// Counts an event, or says how long to wait.
    pub(crate) fn admit(
        &self,
        peer: &PeerId,
        (bucket, rate): (&'static str, Rate),
        call: Option<&CallId>,
        now: Instant,
    ) -> Result<(), Duration> {
        let count = rate.count.saturating_mul(self.factor);
        let mut seen = self.seen.lock();
        let Some(call) = call.filter(|_| bucket == "candidate") else {
            let key = (peer.clone(), bucket, None);
            let window = window(&mut seen, key, rate, now);
            window.room(count, now)?;
            window.events.push_back(now);
            return Ok(());
        };
        let key = (peer.clone(), bucket, None);
        let all = count.saturating_mul(CANDIDATES_IN_ALL);
        window(&mut seen, key.clone(), rate, now).room(all, now)?;
        let of_call = (peer.clone(), bucket, Some(call.clone()));
        let of_call = window(&mut seen, of_call, rate, now);
        of_call.room(count, now)?;
        of_call.events.push_back(now);
        window(&mut seen, key, rate, now).events.push_back(now);
        Ok(())
    }

    /// Drops what is too old to matter.
    pub(crate) fn sweep(&self, now: Instant) {
        self.seen.lock().retain(|_, window| {
            window.forget(now);
            !window.events.is_empty()
        });
    }
}

/// The events of a key that are not too old.
fn window(seen: &mut HashMap<Key, Window>, key: Key, rate: Rate, now: Instant) -> &mut Window {
    let window = seen.entry(key).or_insert_with(|| Window {
        length: rate.window,
        events: VecDeque::new(),
    });
    window.forget(now);
    window
}

impl Window {
    /// How long to wait when `count` events are in the window already.
    fn room(&self, count: u32, now: Instant) -> Result<(), Duration> {
        match self.events.front() {
            Some(oldest) if self.events.len() >= count as usize => {
                Err((*oldest + self.length).saturating_duration_since(now))
            }
            _ => Ok(()),
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.events.front()
            && now.saturating_duration_since(*oldest) >= self.length
        {
            self.events.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwire_protocol::limits;

    #[test]
    fn a_window_lets_through_what_fits_and_says_how_long_to_wait() {
        let rates = Rates::new(1);
        let peer = PeerId::new("alice").unwrap();
        let begin = Instant::now();
        let kind = ("initiate", limits::RATE_INITIATE);
        for second in 0..5 {
            let at = begin + Duration::from_secs(second);
            assert_eq!(rates.admit(&peer, kind, None, at), Ok(()));
        }
        let wait = rates.admit(&peer, kind, None, begin + Duration::from_secs(10));
        assert_eq!(wait, Err(Duration::from_secs(50)));
        let later = begin + Duration::from_secs(60);
        assert_eq!(rates.admit(&peer, kind, None, later), Ok(()));
        assert!(rates.admit(&peer, kind, None, later).is_err());
        let other = PeerId::new("bob").unwrap();
        assert_eq!(rates.admit(&other, kind, None, later), Ok(()));
    }

    #[test]
    fn a_factor_widens_every_limit() {
        let rates = Rates::new(3);
        let peer = PeerId::new("alice").unwrap();
        let now = Instant::now();
        let kind = ("initiate", limits::RATE_INITIATE);
        let admitted = (0..20).filter(|_| rates.admit(&peer, kind, None, now).is_ok());
        assert_eq!(admitted.count(), 15);
    }

    #[test]
    fn candidates_are_counted_for_each_call_and_old_windows_are_dropped() {
        let rates = Rates::new(1);
        let peer = PeerId::new("alice").unwrap();
        let now = Instant::now();
        let kind = ("candidate", limits::RATE_CANDIDATE);
        let (one, two) = (CallId::new("1").unwrap(), CallId::new("2").unwrap());
        for _ in 0..150 {
            assert_eq!(rates.admit(&peer, kind, Some(&one), now), Ok(()));
        }
        assert!(rates.admit(&peer, kind, Some(&one), now).is_err());
        assert_eq!(rates.admit(&peer, kind, Some(&two), now), Ok(()));
        rates.sweep(now + Duration::from_secs(5));
        assert!(rates.seen.lock().is_empty());
    }

    #[test]
    fn made_up_call_ids_let_no_more_candidates_through_than_four_calls_may_have() {
        let rates = Rates::new(1);
        let peer = PeerId::new("alice").unwrap();
        let now = Instant::now();
        let kind = ("candidate", limits::RATE_CANDIDATE);
        let made_up = |n: u32| CallId::new(format!("made-up-{n}")).unwrap();
        for n in 0..600 {
            assert_eq!(rates.admit(&peer, kind, Some(&made_up(n)), now), Ok(()));
        }
        let wait = rates.admit(&peer, kind, Some(&made_up(600)), now);
        assert_eq!(wait, Err(Duration::from_secs(5)));
        assert_eq!(
            rates.seen.lock().len(),
            601,
            "what is refused takes no room"
        );
        let later = now + Duration::from_secs(5);
        assert_eq!(rates.admit(&peer, kind, Some(&made_up(600)), later), Ok(()));
    }
}
