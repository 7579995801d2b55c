//! One connection with one peer: who offers, how its path does, when it is repaired.

use ringwire_protocol::client::{AskNegotiate, NegotiateReason, QualityStats};
use ringwire_protocol::{Capability, ClientEvent, IceServer, Instant, Signal, SignalBody, timers};

use crate::negotiation::{Negotiation, Pair, Step};
use crate::outbox::Cx;
use crate::{ConnectionEvent, Effect, IcePolicy, LocalMedia, PathState};

/// Exactly one side of each pair offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Offerer,
    Answerer,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) pair: Pair,
    pub(crate) part: Part,
    negotiation: Negotiation,
    path: Path,
    /// Media could flow at least once.
    pub(crate) was_up: bool,
    pub(crate) opened_at: Instant,
    /// How often a repair was begun since the path was lost.
    pub(crate) repairs: u32,
    next_repair: Instant,
    pub(crate) quality: Option<QualityStats>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Never there yet.
    New,
    Up,
    /// Silent since.
    Disturbed {
        since: Instant,
    },
    /// Lost since.
    Lost {
        since: Instant,
    },
}

impl Link {
    /// Opens the connection. An offerer offers at once, with the number after `rounds`.
    pub(crate) fn open(
        pair: Pair,
        part: Part,
        ice_servers: Vec<IceServer>,
        media: LocalMedia,
        rounds: &mut u64,
        cx: &mut Cx<'_>,
    ) -> Self {
        cx.out.push(Effect::Open {
            key: pair.key,
            connection: pair.connection,
            peer: pair.peer.clone(),
            ice_servers,
            policy: IcePolicy::All,
        });
        let mut link = Self {
            pair,
            part,
            negotiation: Negotiation::new(),
            path: Path::New,
            was_up: false,
            opened_at: cx.now,
            repairs: 0,
            next_repair: cx.now,
            quality: None,
        };
        link.set_media(media, cx);
        if part == Part::Offerer {
            link.offer(false, rounds, cx);
        }
        link
    }

    pub(crate) fn close(self, cx: &mut Cx<'_>) {
        cx.out.push(Effect::Close {
            connection: self.pair.connection,
        });
    }

    /// Opens the gates: the call is accepted, or there would be no connection.
    pub(crate) fn set_media(&self, media: LocalMedia, cx: &mut Cx<'_>) {
        cx.out.push(Effect::SetMedia {
            connection: self.pair.connection,
            send_audio: media.microphone,
            send_video: media.camera,
            receive: true,
        });
    }

    pub(crate) fn set_ice_servers(&self, ice_servers: Vec<IceServer>, cx: &mut Cx<'_>) {
        cx.out.push(Effect::SetIceServers {
            connection: self.pair.connection,
            ice_servers,
        });
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.path, Path::Up | Path::Disturbed { .. }) && self.was_up
    }

    /// Since when the path is lost, once it is.
    pub(crate) fn lost_since(&self) -> Option<Instant> {
        match self.path {
            Path::Lost { since } => Some(since),
            Path::New | Path::Up | Path::Disturbed { .. } => None,
        }
    }

    /// When a path that is silent counts as lost.
    pub(crate) fn grace_ends(&self) -> Option<Instant> {
        match self.path {
            Path::Disturbed { since } => Some(since + timers::PATH_GRACE),
            Path::New | Path::Up | Path::Lost { .. } => None,
        }
    }

    pub(crate) fn grace_over(&mut self, now: Instant) {
        if let Path::Disturbed { since } = self.path {
            self.lose(since, now);
        }
    }

    fn lose(&mut self, since: Instant, now: Instant) {
        self.path = Path::Lost { since };
        self.repairs = 0;
        self.next_repair = now;
    }

    fn path(&mut self, state: PathState, now: Instant) {
        match (state, self.path) {
            (PathState::Connected, _) => {
                self.path = Path::Up;
                self.was_up = true;
            }
            (PathState::Connecting | PathState::Disturbed, Path::Up) => {
                self.path = Path::Disturbed { since: now };
            }
            (PathState::Connecting | PathState::Disturbed, _) => {}
            (PathState::Broken, Path::New | Path::Up) => self.lose(now, now),
            (PathState::Broken, Path::Disturbed { since }) => self.lose(since, now),
            (PathState::Broken, Path::Lost { .. }) => {}
        }
    }

    /// When the next repair is due: of a lost path, or of an offer that nobody answers.
    pub(crate) fn repair_at(&self) -> Option<Instant> {
        match self.path {
            Path::Lost { .. } => Some(self.next_repair),
            Path::New => self
                .negotiation
                .unanswered_since()
                .map(|since| since + timers::ICE_RESTART_INTERVAL),
            Path::Up | Path::Disturbed { .. } => None,
        }
    }

    /// Offers again, or asks the offerer to. True when a lost path is being repaired.
    pub(crate) fn repair(&mut self, rounds: &mut u64, cx: &mut Cx<'_>) -> bool {
        if self.lost_since().is_none() {
            self.negotiation.say_again(&self.pair, cx);
            return false;
        }
        self.repairs = self.repairs.saturating_add(1);
        self.next_repair = cx.now + timers::ICE_RESTART_INTERVAL;
        match self.part {
            Part::Offerer => self.offer(true, rounds, cx),
            Part::Answerer => self.ask_for_offer(cx),
        }
        true
    }

    fn offer(&mut self, restart: bool, rounds: &mut u64, cx: &mut Cx<'_>) {
        *rounds += 1;
        self.negotiation.offer(*rounds, restart, &self.pair, cx);
    }

    /// An answerer never offers: it asks, where the other end understands that.
    fn ask_for_offer(&self, cx: &mut Cx<'_>) {
        if self.pair.peer_negotiates && cx.line.knows(&Capability::Negotiate) {
            cx.tell(ClientEvent::Negotiate(AskNegotiate {
                call_id: self.pair.call.clone(),
                to: self.pair.peer.clone(),
                reason: NegotiateReason::Restart,
            }));
        }
    }

    /// The other end asks for an offer. One that is on its way is answer enough.
    pub(crate) fn asked_for_offer(
        &mut self,
        reason: &NegotiateReason,
        rounds: &mut u64,
        cx: &mut Cx<'_>,
    ) {
        let on_its_way = self.negotiation.is_fresh(cx.now, timers::PATH_GRACE);
        if self.part == Part::Offerer && !on_its_way {
            self.next_repair = cx.now + timers::ICE_RESTART_INTERVAL;
            self.offer(*reason != NegotiateReason::Tracks, rounds, cx);
        }
    }

    /// The socket is back and I am in the call: what was lost with it is said again.
    pub(crate) fn resume(&mut self, cx: &mut Cx<'_>) {
        match self.path {
            Path::Lost { .. } => self.next_repair = cx.now,
            Path::New => self.negotiation.say_again(&self.pair, cx),
            Path::Up | Path::Disturbed { .. } => {
                if self.negotiation.unanswered_since().is_some() {
                    self.negotiation.say_again(&self.pair, cx);
                }
            }
        }
    }

    pub(crate) fn signal(&mut self, signal: Signal, cx: &mut Cx<'_>) -> Step {
        let round = signal.negotiation_id;
        match (self.part, signal.body) {
            (Part::Answerer, SignalBody::Offer { sdp, .. } | SignalBody::IceRestart { sdp }) => {
                self.negotiation.take_offer(round, sdp, &self.pair, cx);
                Step::None
            }
            (Part::Offerer, SignalBody::Answer { sdp }) => {
                self.negotiation.take_answer(round, sdp, &self.pair, cx)
            }
            (
                _,
                SignalBody::Candidate {
                    candidate,
                    sdp_m_line_index,
                    sdp_mid,
                },
            ) => {
                self.negotiation.take_candidate(
                    round,
                    candidate,
                    sdp_mid,
                    sdp_m_line_index,
                    &self.pair,
                    cx,
                );
                Step::None
            }
            // The wrong side offers or answers, or says what we do not know.
            (Part::Offerer, SignalBody::Offer { .. } | SignalBody::IceRestart { .. })
            | (Part::Answerer, SignalBody::Answer { .. })
            | (_, SignalBody::Unknown { .. }) => Step::None,
        }
    }

    pub(crate) fn report(&mut self, event: ConnectionEvent, cx: &mut Cx<'_>) -> Step {
        match event {
            ConnectionEvent::OfferMade { op, sdp } => {
                self.negotiation.offer_made(op, sdp, &self.pair, cx)
            }
            ConnectionEvent::AnswerMade { op, sdp } => {
                self.negotiation.answer_made(op, sdp, &self.pair, cx)
            }
            ConnectionEvent::Applied { op } => self.negotiation.applied(op, &self.pair, cx),
            ConnectionEvent::Failed { op: Some(op), .. } => self.negotiation.failed(op),
            ConnectionEvent::Failed { op: None, .. } => {
                self.path(PathState::Broken, cx.now);
                Step::Failed
            }
            ConnectionEvent::Candidate {
                candidate,
                sdp_mid,
                sdp_m_line_index,
            } => {
                let body = SignalBody::Candidate {
                    candidate,
                    sdp_m_line_index,
                    sdp_mid,
                };
                self.negotiation.own_candidate(body, &self.pair, cx);
                Step::None
            }
            ConnectionEvent::Path(state) => {
                self.path(state, cx.now);
                Step::None
            }
            ConnectionEvent::FirstAudio | ConnectionEvent::FirstVideo => Step::None,
        }
    }

    /// True when a signal of this round is still worth saying.
    pub(crate) fn still_says(&self, round: Option<u64>) -> bool {
        self.negotiation.said_round() == round
    }
}
