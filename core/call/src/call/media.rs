//! Signals, and what connections report.

use ringwire_protocol::client::{QualityReport, QualityStats};
use ringwire_protocol::{
    CallEndReason, CallError, ClientEvent, ErrorCode, PeerId, Signal, SignalBody, timers,
};

use super::{Call, Goodbye, Membership, State};
use crate::link::{Link, Part};
use crate::negotiation::Step;
use crate::outbox::Cx;
use crate::{CallEvent, ConnectionEvent, ConnectionId};

impl Call {
    fn link(&self) -> Option<&Link> {
        self.state.talk()?.link.as_ref()
    }

    pub(crate) fn has_connection(&self, connection: ConnectionId) -> bool {
        self.link()
            .is_some_and(|link| link.pair.connection == connection)
    }

    /// True when a signal of this round of this connection is still worth saying.
    pub(crate) fn still_says(&self, connection: ConnectionId, round: Option<u64>) -> bool {
        self.has_connection(connection) && self.link().is_some_and(|link| link.still_says(round))
    }

    /// Takes a signal; one that is not for this device, or not from the other end, is dropped.
    pub(super) fn signal(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        let mine = cx.line.is_me(&signal.to) && !cx.line.is_me(&signal.from);
        let here = signal
            .to_device
            .as_ref()
            .is_none_or(|device| *device == cx.line.device);
        if !mine || !here {
            return;
        }
        let offer = matches!(
            signal.body,
            SignalBody::Offer { .. } | SignalBody::IceRestart { .. }
        );
        if offer && !cx.line.is_extended() && self.is_joining() {
            // A server of the basic contract lets nobody offer to who is not in.
            self.is_in(cx);
        }
        if self.keeps_early(&signal) {
            return;
        }
        let Some(talk) = self.state.talk() else {
            return;
        };
        let opens = offer && self.part() == Part::Answerer && talk.membership.was_in();
        if opens && talk.link.is_none() {
            let from = signal.from.clone();
            self.open_link(&from, cx);
        }
        let Some(link) = self
            .state
            .talk_mut()
            .and_then(|talk| talk.link.as_mut())
            .filter(|link| is_from(&signal, link))
        else {
            return;
        };
        let step = link.signal(signal, cx);
        self.step(step, cx);
    }

    /// Keeps what comes before the join is through. True when it was kept.
    fn keeps_early(&mut self, signal: &Signal) -> bool {
        if self.initiator.as_ref() != Some(&signal.from) {
            return false;
        }
        match &mut self.state {
            State::Incoming(incoming) => incoming.early.keep(signal.clone()),
            State::Offered(offered) => offered.early.keep(signal.clone()),
            State::Connecting(talk) if talk.link.is_none() && talk.membership != Membership::In => {
                talk.early.keep(signal.clone());
            }
            _ => return false,
        }
        true
    }

    /// Takes what was kept.
    pub(super) fn replay_early(&mut self, cx: &mut Cx<'_>) {
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        for signal in talk.early.take() {
            self.signal(signal, cx);
        }
    }

    fn step(&mut self, step: Step, cx: &mut Cx<'_>) {
        match step {
            Step::None => {}
            Step::Answered => {
                if let Some(talk) = self.state.talk_mut() {
                    talk.answered = true;
                }
            }
            Step::Anew(signal) => self.begins_anew(*signal, cx),
            // A path that was there is repaired; one that never was has failed.
            Step::Failed => {
                if self.link().is_some_and(|link| !link.was_up) {
                    let error = CallError::new(
                        ErrorCode::PeerConnectionFailed,
                        "the connection could not be negotiated",
                    );
                    cx.fail(Some(self.key), error);
                    self.end(CallEndReason::Failed, Goodbye::Say, cx);
                }
            }
        }
    }

    /// The other end has lost its connection and made another: so do we. An offer is taken there,
    /// an answer to an offer of the old one is not, and the next offer follows at once.
    fn begins_anew(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        self.close_link(cx);
        let from = signal.from.clone();
        if !self.open_link(&from, cx) {
            return;
        }
        let offer = !matches!(signal.body, SignalBody::Answer { .. });
        match self.state.talk_mut().and_then(|talk| talk.link.as_mut()) {
            Some(link) if offer => {
                link.signal(signal, cx);
            }
            _ => self.begin_link(cx),
        }
    }

    /// Takes a report of this call's connection.
    pub(crate) fn report(&mut self, event: ConnectionEvent, cx: &mut Cx<'_>) {
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        let Some(link) = &mut talk.link else { return };
        let peer = link.pair.peer.clone();
        let key = self.key;
        match event {
            ConnectionEvent::FirstAudio => {
                self.timeline.first_audio.get_or_insert(cx.now);
                cx.notify(CallEvent::FirstAudio { key, peer });
            }
            ConnectionEvent::FirstVideo => {
                self.timeline.first_frame.get_or_insert(cx.now);
                cx.notify(CallEvent::FirstVideo { key, peer });
            }
            event => {
                let agreed = matches!(event, ConnectionEvent::Agreed { .. });
                let step = link.report(event, cx);
                if agreed {
                    // A screen that has no place is not shared.
                    link.set_media(self.media, self.held, cx);
                    self.tell_media(cx);
                    return;
                }
                if link.is_up() {
                    // Where there is a path, offer and answer have met.
                    talk.answered = true;
                    self.timeline.ice_connected.get_or_insert(cx.now);
                }
                self.step(step, cx);
            }
        }
    }

    /// Takes a measurement, and reports one every `timers::QUALITY_REPORT`.
    pub(crate) fn quality(&mut self, stats: QualityStats, cx: &mut Cx<'_>) {
        let id = self.call_id().cloned();
        let answered = matches!(self.state, State::Active(_) | State::Reconnecting(_));
        let Some(talk) = self.state.talk_mut() else {
            return;
        };
        let Some(link) = &mut talk.link else { return };
        let stats = within_limits(stats);
        link.quality = Some(stats.clone());
        let due = answered && talk.membership == Membership::In && cx.now >= talk.report_at;
        if let (true, Some(call_id)) = (due && cx.line.is_up(), id) {
            talk.report_at = cx.now + timers::QUALITY_REPORT;
            cx.tell(ClientEvent::QualityReport(QualityReport { call_id, stats }));
        }
    }
}

fn is_from(signal: &Signal, link: &Link) -> bool {
    let device = match (&signal.from_device, &link.pair.peer_device) {
        (Some(from), Some(expected)) => from == expected,
        (None, _) | (_, None) => true,
    };
    let peer: &PeerId = &link.pair.peer;
    signal.from == *peer && device
}

/// The server refuses percentages beyond 100 and times before 0.
fn within_limits(mut stats: QualityStats) -> QualityStats {
    let finite = |value: f64| {
        if value.is_finite() {
            value.max(0.0)
        } else {
            0.0
        }
    };
    stats.packet_loss = finite(stats.packet_loss).min(100.0);
    stats.rtt = finite(stats.rtt);
    stats.jitter = stats.jitter.map(finite);
    stats
}
