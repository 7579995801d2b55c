//! Signals that come before this device may answer them: kept until the join is through.

use std::collections::VecDeque;

use ringwire_protocol::{Signal, SignalBody};

/// Candidates that are kept; further ones are dropped.
pub(crate) const MAX_CANDIDATES: usize = 64;

/// The last offer, and candidates that may belong to it.
#[derive(Debug, Default)]
pub(crate) struct EarlySignals {
    offer: Option<Signal>,
    candidates: VecDeque<Signal>,
}

impl EarlySignals {
    pub(crate) fn keep(&mut self, signal: Signal) {
        match &signal.body {
            SignalBody::Offer { .. } | SignalBody::IceRestart { .. } => {
                let older = |kept: &Signal| matches!((kept.negotiation_id, signal.negotiation_id), (Some(a), Some(b)) if a < b);
                if self.offer.as_ref().is_none_or(|kept| !newer(kept, &signal)) {
                    self.candidates.retain(|candidate| !older(candidate));
                    self.offer = Some(signal);
                }
            }
            SignalBody::Candidate { .. } if self.candidates.len() < MAX_CANDIDATES => {
                self.candidates.push_back(signal);
            }
            SignalBody::Candidate { .. }
            | SignalBody::Answer { .. }
            | SignalBody::Unknown { .. } => {}
        }
    }

    /// All that was kept, the offer first.
    pub(crate) fn take(&mut self) -> Vec<Signal> {
        self.offer
            .take()
            .into_iter()
            .chain(self.candidates.drain(..))
            .collect()
    }
}

fn newer(a: &Signal, b: &Signal) -> bool {
    matches!((a.negotiation_id, b.negotiation_id), (Some(a), Some(b)) if a > b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_candidates_are_kept_than_there_may_be() {
        let mut early = EarlySignals::default();
        for _ in 0..500 {
            early.keep(Signal {
                from: "bob".parse().unwrap(),
                to: "ann".parse().unwrap(),
                negotiation_id: None,
                from_device: None,
                to_device: None,
                connection: None,
                body: SignalBody::Candidate {
                    candidate: String::new(),
                    sdp_m_line_index: None,
                    sdp_mid: None,
                },
            });
        }
        assert_eq!(early.take().len(), MAX_CANDIDATES);
    }
}
