//! Offers and answers of one connection (RFC 8829), with the rounds of `negotiationId` and the
//! candidates that go with them. Which side offers, and when again, is decided in `link`.

use std::collections::VecDeque;

use ringwire_protocol::client::SendSignal;
use ringwire_protocol::{CallId, ClientEvent, DeviceId, Instant, PeerId, Signal, SignalBody};

use crate::outbox::{Cx, Purpose};
use crate::{CallKey, ConnectionId, Effect, OpId};

/// Remote candidates that wait for their description; further ones are dropped. As many of ours
/// are kept to be said again after the socket was lost.
pub(crate) const MAX_CANDIDATES: usize = 64;

/// The two ends of a connection, as signals name them.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) key: CallKey,
    pub(crate) call: CallId,
    pub(crate) connection: ConnectionId,
    pub(crate) me: PeerId,
    pub(crate) peer: PeerId,
    pub(crate) peer_device: Option<DeviceId>,
    /// The peer takes `ice-restart` and `call:negotiate`.
    pub(crate) peer_negotiates: bool,
}

#[derive(Debug)]
pub(crate) struct Negotiation {
    /// The round that is under way or settled; `None` before the first, and with a peer that does
    /// not count.
    round: Option<u64>,
    /// The highest round of an offer of theirs.
    heard: Option<u64>,
    phase: Phase,
    /// Our last description and its candidates.
    said: Option<Said>,
    /// The remote description of this round is in.
    described: bool,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Our offer is being made.
    Making {
        op: OpId,
        restart: bool,
    },
    /// Our offer is out.
    Offered {
        since: Instant,
    },
    /// Their answer is being taken.
    Closing {
        op: OpId,
    },
    /// Our answer is being made.
    Answering {
        op: OpId,
    },
    Settled,
}

#[derive(Debug)]
struct Said {
    round: Option<u64>,
    description: SignalBody,
    candidates: Vec<SignalBody>,
}

#[derive(Debug)]
struct Waiting {
    round: Option<u64>,
    candidate: String,
    sdp_mid: Option<String>,
    sdp_m_line_index: Option<u16>,
}

/// What a step of a negotiation led to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Nothing to tell.
    None,
    /// Offer and answer have met: the answer is out, or is in.
    Answered,
    /// The operation of this round failed.
    Failed,
    /// The other end has begun anew with this description: a connection that has met another
    /// cannot take it.
    Anew(Box<Signal>),
}

impl Negotiation {
    pub(crate) fn new() -> Self {
        Self {
            round: None,
            heard: None,
            phase: Phase::Idle,
            said: None,
            described: false,
            waiting: VecDeque::new(),
        }
    }

    /// Begins a round of our own, numbered `round`.
    pub(crate) fn offer(&mut self, round: u64, restart: bool, pair: &Pair, cx: &mut Cx<'_>) {
        let op = cx.out.op();
        self.round = Some(round);
        self.phase = Phase::Making { op, restart };
        self.described = false;
        self.waiting.clear();
        cx.out.push(Effect::Offer {
            connection: pair.connection,
            op,
            ice_restart: restart,
        });
    }

    /// The highest round of either end so far.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.round.max(self.heard)
    }

    /// Since when our offer has waited for its answer.
    pub(crate) fn unanswered_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Offered { since } => Some(since),
            _ => None,
        }
    }

    /// True while a round of our own is younger than `span`, or being worked on.
    pub(crate) fn is_fresh(&self, now: Instant, span: std::time::Duration) -> bool {
        match self.phase {
            Phase::Making { .. } | Phase::Closing { .. } => true,
            Phase::Offered { since } => now.saturating_since(since) < span,
            Phase::Idle | Phase::Answering { .. } | Phase::Settled => false,
        }
    }

    pub(crate) fn offer_made(
        &mut self,
        op: OpId,
        sdp: String,
        pair: &Pair,
        cx: &mut Cx<'_>,
    ) -> Step {
        let restart = match self.phase {
            Phase::Making { op: made, restart } if made == op => restart,
            _ => return Step::None,
        };
        let description = if restart && pair.peer_negotiates {
            SignalBody::IceRestart { sdp }
        } else {
            SignalBody::Offer { sdp, tracks: None }
        };
        self.say(description, pair, cx);
        self.phase = Phase::Offered { since: cx.now };
        Step::None
    }

    /// Takes an offer; false when it is left out. A round that is over is ignored; one that is
    /// answered is answered again with the same words. Where it crosses an offer of ours, the polite
    /// end gives its own up and the other ignores it (perfect negotiation, W3C WebRTC §10.7).
    pub(crate) fn take_offer(
        &mut self,
        round: Option<u64>,
        sdp: String,
        polite: bool,
        pair: &Pair,
        cx: &mut Cx<'_>,
    ) -> bool {
        if let (Some(theirs), Some(heard)) = (round, self.heard) {
            if theirs < heard {
                return false;
            }
            if theirs == heard {
                if self.phase == Phase::Settled && self.round == round {
                    self.say_again(pair, cx);
                }
                return false;
            }
        }
        let crosses = matches!(self.phase, Phase::Making { .. } | Phase::Offered { .. });
        if crosses && !polite {
            return false;
        }
        self.heard = round.or(self.heard);
        let op = cx.out.op();
        self.round = round;
        self.phase = Phase::Answering { op };
        self.described = false;
        self.waiting
            .retain(|waiting| waiting.round.is_none() || waiting.round >= round);
        cx.out.push(Effect::AcceptOffer {
            connection: pair.connection,
            op,
            sdp,
        });
        true
    }

    pub(crate) fn answer_made(
        &mut self,
        op: OpId,
        sdp: String,
        pair: &Pair,
        cx: &mut Cx<'_>,
    ) -> Step {
        if self.phase != (Phase::Answering { op }) {
            return Step::None;
        }
        self.say(SignalBody::Answer { sdp }, pair, cx);
        self.settle(pair, cx);
        Step::Answered
    }

    /// An offer of this round is out; a peer that does not count answers the last one.
    pub(crate) fn awaits_answer(&self, round: Option<u64>) -> bool {
        let mine = round.is_none() || round == self.round;
        mine && matches!(self.phase, Phase::Offered { .. })
    }

    /// Takes an answer to the offer that is out; one to another round is dropped.
    pub(crate) fn take_answer(
        &mut self,
        round: Option<u64>,
        sdp: String,
        pair: &Pair,
        cx: &mut Cx<'_>,
    ) -> Step {
        if !self.awaits_answer(round) {
            return Step::None;
        }
        let op = cx.out.op();
        self.phase = Phase::Closing { op };
        cx.out.push(Effect::AcceptAnswer {
            connection: pair.connection,
            op,
            sdp,
        });
        Step::Answered
    }

    pub(crate) fn applied(&mut self, op: OpId, pair: &Pair, cx: &mut Cx<'_>) -> Step {
        if self.phase == (Phase::Closing { op }) {
            self.settle(pair, cx);
        }
        Step::None
    }

    pub(crate) fn failed(&mut self, op: OpId) -> Step {
        match self.phase {
            Phase::Making { op: current, .. }
            | Phase::Closing { op: current }
            | Phase::Answering { op: current }
                if current == op =>
            {
                self.phase = Phase::Idle;
                Step::Failed
            }
            _ => Step::None,
        }
    }

    fn settle(&mut self, pair: &Pair, cx: &mut Cx<'_>) {
        self.phase = Phase::Settled;
        self.described = true;
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.round.is_none() || waiting.round == self.round {
                add(waiting, pair, cx);
            } else {
                self.waiting.push_back(waiting);
            }
        }
    }

    /// Takes a candidate of theirs: now, or when its description is in.
    pub(crate) fn take_candidate(
        &mut self,
        round: Option<u64>,
        candidate: String,
        sdp_mid: Option<String>,
        sdp_m_line_index: Option<u16>,
        pair: &Pair,
        cx: &mut Cx<'_>,
    ) {
        if matches!((round, self.round), (Some(theirs), Some(ours)) if theirs < ours) {
            return;
        }
        let waiting = Waiting {
            round,
            candidate,
            sdp_mid,
            sdp_m_line_index,
        };
        if self.described && (round.is_none() || round == self.round) {
            add(waiting, pair, cx);
        } else if self.waiting.len() < MAX_CANDIDATES {
            self.waiting.push_back(waiting);
        }
    }

    /// Sends a candidate of ours with the description that it belongs to.
    pub(crate) fn own_candidate(&mut self, candidate: SignalBody, pair: &Pair, cx: &mut Cx<'_>) {
        let Some(said) = &mut self.said else { return };
        if said.candidates.len() < MAX_CANDIDATES {
            said.candidates.push(candidate.clone());
        }
        let round = said.round;
        send(round, candidate, pair, cx);
    }

    fn say(&mut self, description: SignalBody, pair: &Pair, cx: &mut Cx<'_>) {
        self.said = Some(Said {
            round: self.round,
            description: description.clone(),
            candidates: Vec::new(),
        });
        send(self.round, description, pair, cx);
    }

    /// Says the last description and its candidates once more, should they have been lost.
    pub(crate) fn say_again(&mut self, pair: &Pair, cx: &mut Cx<'_>) {
        if let Phase::Offered { since } = &mut self.phase {
            *since = cx.now;
        }
        let Some(said) = self.said.as_ref().filter(|said| said.round == self.round) else {
            return;
        };
        send(said.round, said.description.clone(), pair, cx);
        for candidate in &said.candidates {
            send(said.round, candidate.clone(), pair, cx);
        }
    }

    /// The round of our last description: signals of another need not be said again.
    pub(crate) fn said_round(&self) -> Option<u64> {
        self.said.as_ref().and_then(|said| said.round)
    }
}

fn add(waiting: Waiting, pair: &Pair, cx: &mut Cx<'_>) {
    cx.out.push(Effect::AddCandidate {
        connection: pair.connection,
        candidate: waiting.candidate,
        sdp_mid: waiting.sdp_mid,
        sdp_m_line_index: waiting.sdp_m_line_index,
    });
}

fn send(round: Option<u64>, body: SignalBody, pair: &Pair, cx: &mut Cx<'_>) {
    let extended = cx.line.is_extended();
    let signal = Signal {
        from: pair.me.clone(),
        to: pair.peer.clone(),
        negotiation_id: round,
        from_device: extended.then(|| cx.line.device.clone()),
        to_device: pair.peer_device.clone().filter(|_| extended),
        connection: None,
        body,
    };
    let purpose = Purpose::Signal {
        key: pair.key,
        connection: pair.connection,
        round,
    };
    cx.ask(
        purpose,
        ClientEvent::Signal(SendSignal {
            call_id: pair.call.clone(),
            signal,
        }),
    );
}
