//! Faults that can be put into the system, one at a time, to see that the laws catch them. They sit
//! at the seams: between a machine and the world, in what goes in and in what comes out, so that
//! the machines themselves stay as they ship.

use ringwire_call::{AckFailure, CallEvent, CallState, ConnectionId, Effect, IcePolicy, Input};
use ringwire_life::{Audience, Command, Emit, Transition};
use ringwire_protocol::client::{Nothing, SendSignal};
use ringwire_protocol::{
    CallEndReason, ClientEvent, ErrorCode, Instant, MediaType, ServerEvent, Signal, SignalBody,
};

use crate::gateway::Cause;
use crate::world::World;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $name,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

faults! {
    // In the device's call store.
    /// A ring is told twice.
    RingsTwice,
    /// The end of a ring is not told.
    RingNotStopped,
    /// The end of a call is told twice.
    EndToldTwice,
    /// The end of a call is not told.
    EndNotTold,
    /// An end is told with another reason.
    OtherReason,
    /// `call:ended` does nothing.
    EndedNotHeard,
    /// `call:already-answered` does nothing.
    AnsweredElsewhereNotHeard,
    /// The ring's timer is not armed.
    RingTimerNotArmed,
    /// The wait for an answer has no limit.
    NoAnswerTimerNotArmed,
    /// A lost path has no limit.
    LostTimerNotArmed,
    /// The timer of a call that is over is not cancelled.
    TimerNotCancelled,
    /// What is said of one call is taken for the other's.
    WordOfAnotherCall,
    /// A late answer is taken for the answer to the newest question.
    EpochNotChecked,
    /// A refusal is taken for an answer that nobody can read.
    RefusalUnreadable,
    /// A hang-up is not told to the gateway.
    HangUpNotSaid,
    /// A decline is not told to the gateway.
    DeclineNotSaid,
    /// Heartbeats are not sent.
    NoHeartbeat,
    /// A connection is not closed with its call.
    ConnectionLeft,
    /// A microphone's change is not told.
    MuteNotTold,
    /// A hold is not told.
    HoldNotTold,
    /// A candidate is taken before its description.
    CandidateTooEarly,
    /// What was missed is not asked for.
    NoCheckActive,
    /// A broken path is never repaired.
    NoRestart,
    /// Media flows while it rings.
    MediaTooEarly,
    /// A direct address is told while it rings.
    AddressTooEarly,
    /// Something is sent without a socket.
    SendsWithoutSocket,
    // In the gateway.
    /// Two calls in one conversation.
    NoClaim,
    /// After a start, the clocks of lost sockets do not run.
    NoResume,
    /// Deadlines are left to the sweep.
    DeadlinesLeftToSweep,
    /// A lost socket is a hang-up.
    LossIsHangUp,
    /// The person's other devices are not told.
    OtherDevicesNotTold,
    /// Only who is in the call hears of its end.
    EndToldToFew,
    /// Duration counts from the ring.
    DurationFromStart,
    /// An end is told with another reason than is kept.
    EndRetold,
    /// A toggle is kept and not told.
    ToggleNotTold,
    /// The version stands still.
    VersionStandsStill,
    /// A device that comes back does not hear what rings.
    GreetsWithoutRings,
    /// Answers of the offer are not counted.
    AnswerNotCounted,
}

impl World {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(crate) fn has_fault_no_claim(&self) -> bool {
        self.has(Fault::NoClaim)
    }

    pub(crate) fn has_fault_no_resume(&self) -> bool {
        self.has(Fault::NoResume)
    }

    pub(crate) fn has_fault_no_rings(&self) -> bool {
        self.has(Fault::GreetsWithoutRings)
    }

    /// When a store wants to be woken, as a faulty one says it.
    pub(crate) fn store_wake(&self, d: usize) -> Option<Instant> {
        let device = &self.devices[d];
        let wake = device.store.wake_at();
        let shows = |wanted: fn(&CallState) -> bool| {
            device.snapshot.calls.iter().any(|call| wanted(&call.state))
        };
        let forgotten = match self.fault {
            Some(Fault::RingTimerNotArmed) => shows(|it| *it == CallState::Incoming),
            Some(Fault::NoAnswerTimerNotArmed) => {
                shows(|it| matches!(it, CallState::Calling | CallState::Ringing))
            }
            Some(Fault::LostTimerNotArmed) => {
                shows(|it| matches!(it, CallState::Reconnecting { .. }))
            }
            Some(Fault::TimerNotCancelled) if shows(|it| matches!(it, CallState::Ended { .. })) => {
                return Some(device.instant(self.now));
            }
            _ => false,
        };
        wake.filter(|_| !forgotten)
    }

    /// What a faulty store takes of an input: nothing, it, or another one.
    pub(crate) fn faulty_input(&mut self, d: usize, input: Input) -> Option<Input> {
        let Some(fault) = self.fault else {
            return Some(input);
        };
        Some(match (fault, input) {
            (Fault::EndedNotHeard, Input::Event(ServerEvent::Ended(_)))
            | (Fault::AnsweredElsewhereNotHeard, Input::Event(ServerEvent::AlreadyAnswered(_))) => {
                return None;
            }
            (Fault::WordOfAnotherCall, Input::Event(ServerEvent::Ended(mut said))) => {
                let other = self.devices[d]
                    .live()
                    .find_map(|call| call.id.clone().filter(|id| *id != said.call_id));
                said.call_id = other.unwrap_or(said.call_id);
                Input::Event(ServerEvent::Ended(said))
            }
            (Fault::EpochNotChecked, Input::Ack { op, outcome }) => {
                let op = self.devices[d]
                    .awaited
                    .last()
                    .map_or(op, |(newest, _)| *newest);
                Input::Ack { op, outcome }
            }
            (
                Fault::RefusalUnreadable,
                Input::Ack {
                    op,
                    outcome: Err(AckFailure::Refused(error)),
                },
            ) if error.code != ErrorCode::RateLimitExceeded => Input::Ack {
                op,
                outcome: Err(AckFailure::Malformed(error.message)),
            },
            (_, input) => input,
        })
    }

    /// What a faulty store wants done.
    #[expect(clippy::collapsible_match, reason = "a fault reads: on this, if that")]
    pub(crate) fn faulty_effects(&mut self, d: usize, effects: &mut Vec<Effect>) {
        let Some(fault) = self.fault else { return };
        let twice = effects.iter().find(|it| {
            matches!(
                (fault, it),
                (
                    Fault::RingsTwice,
                    Effect::Notify(CallEvent::Incoming { .. })
                ) | (Fault::EndToldTwice, Effect::Notify(CallEvent::Ended { .. }))
            )
        });
        if let Some(effect) = twice.cloned() {
            effects.push(effect);
        }
        effects.retain(|it| match (fault, it) {
            (Fault::RingNotStopped, Effect::Notify(CallEvent::StopRinging { .. }))
            | (Fault::EndNotTold, Effect::Notify(CallEvent::Ended { .. }))
            | (Fault::ConnectionLeft, Effect::Close { .. }) => false,
            (
                Fault::NoRestart,
                Effect::Offer {
                    ice_restart: true, ..
                },
            ) => false,
            (fault, Effect::Send { event, .. }) => !matches!(
                (fault, event),
                (Fault::HangUpNotSaid, ClientEvent::Leave(_))
                    | (Fault::DeclineNotSaid, ClientEvent::End(_))
                    | (Fault::NoHeartbeat, ClientEvent::Heartbeat(_))
                    | (Fault::MuteNotTold, ClientEvent::ToggleAudio(_))
                    | (Fault::HoldNotTold, ClientEvent::Hold(_))
                    | (Fault::NoCheckActive, ClientEvent::CheckActive(_))
            ),
            _ => true,
        });
        let mut more = Vec::new();
        for (place, effect) in effects.iter_mut().enumerate() {
            match (fault, effect) {
                (Fault::OtherReason, Effect::Notify(CallEvent::Ended { reason, .. })) => {
                    if *reason == CallEndReason::Completed {
                        *reason = CallEndReason::Failed;
                    }
                }
                (Fault::CandidateTooEarly, Effect::AcceptOffer { connection, .. }) => {
                    let candidate = Effect::AddCandidate {
                        connection: *connection,
                        candidate: String::new(),
                        sdp_mid: None,
                        sdp_m_line_index: None,
                    };
                    more.push((place, candidate));
                }
                (Fault::MediaTooEarly, Effect::Notify(CallEvent::Incoming { key })) => {
                    let connection = ConnectionId::from_raw(1_000_000 + key.get());
                    let open = Effect::Open {
                        key: *key,
                        connection,
                        peer: self.devices[d].peer.clone(),
                        ice_servers: Vec::new(),
                        policy: IcePolicy::Relay,
                        screen: false,
                    };
                    let media = Effect::SetMedia {
                        connection,
                        send_audio: false,
                        send_video: false,
                        send_screen: false,
                        receive: true,
                    };
                    more.extend([(place, media), (place, open)]);
                }
                (Fault::AddressTooEarly, Effect::Send { event, .. }) => {
                    if let ClientEvent::Ringing(said) = event {
                        let me = self.devices[d].peer.clone();
                        let signal = Signal {
                            from: me.clone(),
                            to: me,
                            negotiation_id: None,
                            from_device: None,
                            to_device: None,
                            connection: None,
                            body: SignalBody::Candidate {
                                candidate: "candidate:1 1 udp 2 192.0.2.1 9 typ host".to_owned(),
                                sdp_m_line_index: None,
                                sdp_mid: None,
                            },
                        };
                        let call_id = said.call_id.clone();
                        let event = ClientEvent::Signal(SendSignal { call_id, signal });
                        more.push((place, Effect::Send { op: None, event }));
                    }
                }
                (Fault::SendsWithoutSocket, Effect::Notify(CallEvent::Ended { .. })) => {
                    let event = ClientEvent::CheckActive(Nothing::default());
                    more.push((place, Effect::Send { op: None, event }));
                }
                _ => {}
            }
        }
        for (place, effect) in more {
            effects.insert(place, effect);
        }
    }

    /// What a faulty gateway makes of a step.
    #[expect(clippy::collapsible_match, reason = "a fault reads: on this, if that")]
    pub(crate) fn faulty_transition(
        &mut self,
        at: usize,
        cause: &Cause,
        mut made: Transition,
    ) -> Transition {
        let Some(fault) = self.fault else { return made };
        let before = &self.gateway.calls[at].call;
        match fault {
            Fault::DeadlinesLeftToSweep => made.next_deadline = None,
            Fault::LossIsHangUp => {
                if let Cause::SocketLost(by) = cause
                    && let Ok(left) = before.act(
                        by,
                        Command::Leave,
                        crate::gateway::timestamp(self.now),
                        &ringwire_life::Timers::default(),
                    )
                {
                    made = left;
                }
            }
            Fault::OtherDevicesNotTold => {
                made.emits
                    .retain(|it| !matches!(it.to, Audience::OtherDevices(..)));
            }
            Fault::EndToldToFew => {
                let inside: Vec<_> = before.present().map(|it| it.peer.clone()).collect();
                made.emits.retain(|Emit { to, event }| {
                    !matches!(event, ServerEvent::Ended(_)) || inside.contains(to.peer())
                });
            }
            Fault::DurationFromStart => {
                let started = made.call.started_at;
                for emit in &mut made.emits {
                    if let (ServerEvent::Ended(said), Some(end)) = (&mut emit.event, &made.call.end)
                    {
                        said.duration = end.at.saturating_since(started).as_secs();
                    }
                }
            }
            Fault::AnswerNotCounted => {
                if before.answered_at.is_none() {
                    made.call.answered_at = None;
                }
            }
            Fault::EndRetold => {
                for emit in &mut made.emits {
                    if let ServerEvent::Ended(said) = &mut emit.event {
                        said.reason = Some(CallEndReason::Failed);
                    }
                }
            }
            Fault::ToggleNotTold => {
                made.emits.retain(|it| match &it.event {
                    ServerEvent::MediaToggled(said) => said.media_type != MediaType::Audio,
                    _ => true,
                });
            }
            Fault::VersionStandsStill => {
                made.call.version = 1;
            }
            _ => {}
        }
        made
    }
}
