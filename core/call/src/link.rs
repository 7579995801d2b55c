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
    /// Our camera has a place on this connection; until that is agreed it is taken for granted.
    video: bool,
    /// Our screen has a place on this connection: agreed, or both ends know it.
    pub(crate) screen: bool,
    /// `a=fingerprint` (RFC 8122 §5) of the other end's last description: another one means that
    /// the other end has begun anew.
    fingerprint: Option<String>,
    /// When an offer was asked for that a path is to come of.
    asked_at: Option<Instant>,
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

/// What a connection opens with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) part: Part,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) screen: bool,
    pub(crate) media: LocalMedia,
    pub(crate) held: bool,
}

impl Link {
    /// Opens the connection; nothing is offered yet.
    pub(crate) fn open(pair: Pair, opening: Opening, cx: &mut Cx<'_>) -> Self {
        cx.out.push(Effect::Open {
            key: pair.key,
            connection: pair.connection,
            peer: pair.peer.clone(),
            ice_servers: opening.ice_servers,
            policy: IcePolicy::All,
            screen: opening.screen,
        });
        let link = Self {
            pair,
            part: opening.part,
            video: true,
            screen: opening.screen,
            fingerprint: None,
            asked_at: None,
            negotiation: Negotiation::new(),
            path: Path::New,
            was_up: false,
            opened_at: cx.now,
            repairs: 0,
            next_repair: cx.now,
            quality: None,
        };
        link.set_media(opening.media, opening.held, cx);
        link
    }

    /// Begins to negotiate: offers with the number after `rounds`, or asks the offerer to.
    pub(crate) fn begin(&mut self, rounds: &mut u64, cx: &mut Cx<'_>) {
        match self.part {
            Part::Offerer => self.offer(false, rounds, cx),
            Part::Answerer => self.ask_for_offer(NegotiateReason::Restart, rounds, cx),
        }
    }

    pub(crate) fn close(self, cx: &mut Cx<'_>) {
        cx.out.push(Effect::Close {
            connection: self.pair.connection,
        });
    }

    /// Opens the gates: the call is accepted, or there would be no connection. On hold all are
    /// closed.
    pub(crate) fn set_media(&self, media: LocalMedia, held: bool, cx: &mut Cx<'_>) {
        cx.out.push(Effect::SetMedia {
            connection: self.pair.connection,
            send_audio: media.microphone && !held,
            send_video: media.camera && !held,
            send_screen: media.screen && self.screen && !held,
            receive: !held,
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

    /// Another network: what is silent counts as lost, and what is lost is repaired at once.
    pub(crate) fn network_changed(&mut self, now: Instant) {
        self.grace_over(now);
        if self.lost_since().is_some() {
            self.next_repair = now;
        }
    }

    fn path(&mut self, state: PathState, now: Instant) {
        match (state, self.path) {
            (PathState::Connected, _) => {
                self.path = Path::Up;
                self.was_up = true;
                self.asked_at = None;
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
            Path::New => {
                let waits_since = self.negotiation.unanswered_since().or(self.asked_at);
                waits_since.map(|since| since + timers::ICE_RESTART_INTERVAL)
            }
            Path::Up | Path::Disturbed { .. } => None,
        }
    }

    /// Offers again, or asks the offerer to. True when a lost path is being repaired.
    pub(crate) fn repair(&mut self, rounds: &mut u64, cx: &mut Cx<'_>) -> bool {
        if self.lost_since().is_none() {
            if self.negotiation.unanswered_since().is_some() {
                self.negotiation.say_again(&self.pair, cx);
            } else {
                self.ask_for_offer(NegotiateReason::Restart, rounds, cx);
            }
            return false;
        }
        self.repairs = self.repairs.saturating_add(1);
        self.next_repair = cx.now + timers::ICE_RESTART_INTERVAL;
        match self.part {
            Part::Offerer => self.offer(true, rounds, cx),
            Part::Answerer => self.ask_for_offer(NegotiateReason::Restart, rounds, cx),
        }
        true
    }

    fn offer(&mut self, restart: bool, rounds: &mut u64, cx: &mut Cx<'_>) {
        let highest = self.negotiation.highest().unwrap_or(0).max(*rounds);
        *rounds = highest.saturating_add(1);
        self.negotiation.offer(*rounds, restart, &self.pair, cx);
    }

    /// The answerer asks, where the other end understands that; towards an older peer it offers
    /// itself, and gives its offer up where they cross (perfect negotiation, W3C WebRTC §10.7).
    fn ask_for_offer(&mut self, reason: NegotiateReason, rounds: &mut u64, cx: &mut Cx<'_>) {
        if !self.was_up {
            self.asked_at = Some(cx.now);
        }
        if self.pair.peer_negotiates && cx.line.knows(&Capability::Negotiate) {
            cx.tell(ClientEvent::Negotiate(AskNegotiate {
                call_id: self.pair.call.clone(),
                to: self.pair.peer.clone(),
                reason,
            }));
        } else {
            self.offer(reason != NegotiateReason::Tracks, rounds, cx);
        }
    }

    /// The camera comes on in a connection that has no place for it: one is negotiated.
    pub(crate) fn make_place_for_video(&mut self, rounds: &mut u64, cx: &mut Cx<'_>) {
        if self.video {
            return;
        }
        self.video = true;
        match self.part {
            Part::Offerer => self.offer(false, rounds, cx),
            Part::Answerer => self.ask_for_offer(NegotiateReason::Tracks, rounds, cx),
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
        match signal.body {
            SignalBody::Offer { ref sdp, .. } | SignalBody::IceRestart { ref sdp }
                if self.begins_anew(sdp) =>
            {
                Step::Anew(Box::new(signal))
            }
            SignalBody::Answer { ref sdp }
                if self.negotiation.awaits_answer(round) && self.begins_anew(sdp) =>
            {
                Step::Anew(Box::new(signal))
            }
            SignalBody::Offer { sdp, .. } | SignalBody::IceRestart { sdp } => {
                let fingerprint = fingerprint(&sdp);
                let polite = self.part == Part::Answerer;
                if self
                    .negotiation
                    .take_offer(round, sdp, polite, &self.pair, cx)
                {
                    self.fingerprint = fingerprint.or(self.fingerprint.take());
                }
                Step::None
            }
            SignalBody::Answer { sdp } => {
                let fingerprint = fingerprint(&sdp);
                let step = self.negotiation.take_answer(round, sdp, &self.pair, cx);
                if step == Step::Answered {
                    self.fingerprint = fingerprint.or(self.fingerprint.take());
                }
                step
            }
            SignalBody::Candidate {
                candidate,
                sdp_m_line_index,
                sdp_mid,
            } => {
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
            // Something that we do not know.
            SignalBody::Unknown { .. } => Step::None,
        }
    }

    /// True for a description of another connection than the one that this one has met.
    fn begins_anew(&self, sdp: &str) -> bool {
        matches!((&self.fingerprint, fingerprint(sdp)), (Some(met), Some(now)) if *met != now)
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
            ConnectionEvent::RestartDropped => {
                if self.was_up {
                    self.path(PathState::Broken, cx.now);
                    // Not before their offer is answered.
                    self.next_repair = cx.now + timers::PATH_GRACE;
                }
                Step::None
            }
            ConnectionEvent::Agreed { video, screen } => {
                self.video = video;
                self.screen = screen;
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

/// The first `a=fingerprint` of a description.
fn fingerprint(sdp: &str) -> Option<String> {
    let line = sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=fingerprint:"))?;
    Some(line.trim().to_owned())
}
