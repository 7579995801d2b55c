//! Descriptions and candidates: what is applied when, and what waits.

use std::sync::Arc;

use rtc::peer_connection::configuration::RTCOfferOptions;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription};

use crate::config::{PeerConfig, VideoCodec};
use crate::description::{self, Remote, Slot, Terms};
use crate::event::PeerError;
use crate::nudge::Nudge;
use crate::peer::RemoteCandidate;
use crate::receive::Formats;

/// Candidates that may come before the description they belong to.
const WAITING: usize = 64;

pub(crate) struct Negotiation {
    engine: Arc<dyn PeerConnection>,
    /// Whether `.local` names are resolved.
    mdns: bool,
    /// Our codecs, the preferred first.
    codecs: Vec<VideoCodec>,
    /// Sections in their places, as of the last negotiation that came to an end.
    slots: Vec<Slot>,
    /// Our offer that waits for its answer.
    offered: Option<Local>,
    has_remote_description: bool,
    nudge: Nudge,
    /// No candidate was added since the last remote description.
    awaits_candidate: bool,
    waiting: Vec<RemoteCandidate>,
}

/// A description of ours.
struct Local {
    text: String,
    slots: Vec<Slot>,
}

impl Negotiation {
    pub(crate) fn new(engine: Arc<dyn PeerConnection>, nudge: Nudge, config: &PeerConfig) -> Self {
        Self {
            engine,
            nudge,
            awaits_candidate: false,
            mdns: config.mdns,
            codecs: config.video_codecs.clone(),
            slots: Vec::new(),
            offered: None,
            has_remote_description: false,
            waiting: Vec::new(),
        }
    }

    /// Whether nothing was agreed on or offered yet.
    pub(crate) fn is_new(&self) -> bool {
        self.slots.is_empty() && self.offered.is_none()
    }

    /// How the other end's packets are to be read once `remote` is applied. They may come at once, so it must be
    /// known before.
    pub(crate) fn formats(&self, remote: &Remote) -> Formats {
        let codecs = match &self.offered {
            Some(offered) if !remote.is_offer() => description::receivable(&offered.text),
            _ => remote.codecs(),
        };
        Formats {
            codecs,
            orientation: remote.orientation(),
        }
    }

    /// Never through `restart_ice()`, which stops the media unless an offer follows at once.
    pub(crate) async fn create_offer(&mut self, ice_restart: bool) -> Result<String, PeerError> {
        let options = RTCOfferOptions { ice_restart };
        let offer = self.engine.create_offer(Some(options)).await.map_err(sdp)?;
        let (text, slots) = description::offer(&offer.sdp, &self.slots);
        self.engine
            .set_local_description(offer)
            .await
            .map_err(sdp)?;
        self.offered = Some(Local {
            text: text.clone(),
            slots,
        });
        Ok(text)
    }

    /// Looks through the other end's offer. `agreed` before: camera, screen.
    pub(crate) fn read_offer(
        &self,
        text: &str,
        agreed: [Option<VideoCodec>; 2],
    ) -> Result<Remote, PeerError> {
        let terms = Terms {
            ours: &self.codecs,
            agreed,
            slots: &self.slots,
        };
        Remote::offer(text, &terms)
    }

    /// Takes an offer that was looked through. One of ours that waits is rolled back.
    pub(crate) async fn accept_offer(&mut self, remote: &Remote) -> Result<String, PeerError> {
        let offer = RTCSessionDescription::offer(remote.for_engine()).map_err(sdp)?;
        if self.has_pending_offer().await {
            self.roll_back_local().await?;
        }
        self.engine
            .set_remote_description(offer)
            .await
            .map_err(sdp)?;
        match self.answer().await {
            Ok(answer) => {
                let answer = remote.answer(&answer);
                self.slots = remote.slots(&self.slots);
                self.described();
                Ok(answer)
            }
            Err(error) => {
                let rollback = RTCSessionDescription::rollback(None).map_err(sdp)?;
                if let Err(error) = self.engine.set_remote_description(rollback).await {
                    tracing::warn!(%error, "the offer could not be taken back");
                }
                Err(error)
            }
        }
    }

    async fn answer(&self) -> Result<String, PeerError> {
        let answer = self.engine.create_answer(None).await.map_err(sdp)?;
        let text = answer.sdp.clone();
        self.engine
            .set_local_description(answer)
            .await
            .map_err(sdp)?;
        Ok(text)
    }

    /// Looks through the answer to our offer. `agreed` before: camera, screen.
    pub(crate) fn read_answer(
        &self,
        text: &str,
        agreed: [Option<VideoCodec>; 2],
    ) -> Result<Remote, PeerError> {
        let Some(offered) = &self.offered else {
            return Err(PeerError::State("no offer waits for an answer"));
        };
        let terms = Terms {
            ours: &self.codecs,
            agreed,
            slots: &offered.slots,
        };
        Remote::answer_to_ours(text, &terms)
    }

    /// Takes an answer that was looked through.
    pub(crate) async fn accept_answer(&mut self, remote: &Remote) -> Result<(), PeerError> {
        let answer = RTCSessionDescription::answer(remote.for_engine()).map_err(sdp)?;
        self.engine
            .set_remote_description(answer)
            .await
            .map_err(sdp)?;
        if let Some(offered) = self.offered.take() {
            // Sections that the answer does not hold keep their places all the same.
            let mut slots = offered.slots;
            let answered = remote.slots(&slots);
            slots.splice(..answered.len(), answered);
            self.slots = slots;
        }
        self.described();
        Ok(())
    }

    pub(crate) async fn add_candidate(
        &mut self,
        candidate: RemoteCandidate,
    ) -> Result<(), PeerError> {
        if self.has_remote_description {
            return self.apply(candidate).await;
        }
        if self.waiting.len() >= WAITING {
            return Err(PeerError::Candidate(
                "too many before the description".into(),
            ));
        }
        self.waiting.push(candidate);
        Ok(())
    }

    /// To be called when a remote description was applied. Gives what was refused.
    pub(crate) async fn add_waiting_candidates(&mut self) -> Vec<PeerError> {
        let mut refused = Vec::new();
        if self.has_remote_description {
            for candidate in std::mem::take(&mut self.waiting) {
                refused.extend(self.apply(candidate).await.err());
            }
        }
        refused
    }

    fn described(&mut self) {
        self.has_remote_description = true;
        self.awaits_candidate = true;
    }

    async fn apply(&mut self, candidate: RemoteCandidate) -> Result<(), PeerError> {
        if candidate.candidate.is_empty() {
            return Ok(());
        }
        if !self.mdns && is_mdns(&candidate.candidate) {
            tracing::debug!("an mDNS candidate is left out");
            return Ok(());
        }
        // The engine takes a bare prefix for the end of candidates.
        if !candidate.candidate.starts_with("candidate:") || address(&candidate.candidate).is_none()
        {
            return Err(PeerError::Candidate("not a candidate".into()));
        }
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_m_line_index,
            ..Default::default()
        };
        let added = self.engine.add_ice_candidate(init).await;
        // The first is checked at once. Others wait for the next round: each round costs every candidate one of the few
        // checks that it gets.
        if added.is_ok() && std::mem::take(&mut self.awaits_candidate) {
            self.nudge.wake();
        }
        added.map_err(|error| PeerError::Candidate(error.to_string()))
    }

    async fn has_pending_offer(&self) -> bool {
        self.engine.pending_local_description().await.is_some()
    }

    async fn roll_back_local(&mut self) -> Result<(), PeerError> {
        self.offered = None;
        let rollback = RTCSessionDescription::rollback(None).map_err(sdp)?;
        self.engine
            .set_local_description(rollback)
            .await
            .map_err(sdp)
    }
}

fn sdp(error: webrtc::error::Error) -> PeerError {
    PeerError::Sdp(error.to_string())
}

/// The fifth field (RFC 8839 §5.1).
fn address(candidate: &str) -> Option<&str> {
    candidate.split_ascii_whitespace().nth(4)
}

/// Whether the address is a name of mDNS (draft-ietf-mmusic-mdns-ice-candidates).
fn is_mdns(candidate: &str) -> bool {
    address(candidate).is_some_and(|address| address.ends_with(".local"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mdns_candidates_are_told_by_their_address() {
        assert!(is_mdns(
            "candidate:1 1 udp 2113937151 0a-1b.local 54321 typ host"
        ));
        assert!(!is_mdns(
            "candidate:1 1 udp 2113937151 192.0.2.1 54321 typ host"
        ));
        assert!(!is_mdns("candidate:1 1"));
    }
}
