//! Faults that can be put into the system, one at a time, to see that the laws catch them. They sit
//! at the seams: between a machine and the world, in what goes in and in what comes out, so that
//! the machines themselves stay as they ship.

use ringwire_call::{AckFailure, CallEvent, CallState, Effect, IcePolicy, Input};
use ringwire_life::{Audience, Command, Emit, Transition};
use ringwire_protocol::{CallEndReason, ClientEvent, MediaType, ServerEvent};

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
    /// The ring's own timer is not armed.
    RingTimerNotArmed,
    /// The wait for an answer has no limit.
    NoAnswerTimerNotArmed,
    /// A timer that was done with fires again and again.
    TimerNotCancelled,
    /// A lost path has no limit.
    LostTimerNotArmed,
    /// An error of one call is taken for the other's.
    ErrorOfAnotherCall,
    /// A refusal is taken for a yes.
    AckTrustedBlindly,
    /// A late answer is taken for the answer to the newest question.
    EpochNotChecked,
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
    /// Candidates are handed on before their description.
    CandidateTooEarly,
    /// Nothing is sent again after the socket was lost.
    NoRejoin,
    /// What is missed is not asked for.
    NoCheckActive,
    /// An ICE restart never comes.
    NoRestart,
    /// Media flows while it rings.
    MediaTooEarly,
    /// Direct candidates are used while it rings.
    AddressTooEarly,
    // In the gateway.
    /// Two calls in one conversation.
    NoClaim,
    /// A call is written over what another node wrote.
    NoRevision,
    /// After a start, clocks of lost sockets do not run.
    NoResume,
    /// The ring deadline is left to the sweep.
    RingLeftToSweep,
    /// A lost socket is a hang-up.
    LossIsHangUp,
    /// The person's other devices are not told.
    OtherDevicesNotTold,
    /// Only who is in the call hears of its end.
    EndToldToFew,
    /// Duration counts from the ring.
    DurationFromStart,
    /// Signals for who is not there yet are not kept.
    NoMailbox,
    /// An end is told with another reason than is kept.
    EndRetold,
    /// A toggle is kept and not told.
    ToggleNotTold,
    /// The version stands still.
    VersionStandsStill,
}

impl World {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(crate) fn has_fault_no_claim(&self) -> bool {
        self.has(Fault::NoClaim)
    }

    pub(crate) fn has_fault_no_revision(&self) -> bool {
        self.has(Fault::NoRevision)
    }

    pub(crate) fn has_fault_no_resume(&self) -> bool {
        self.has(Fault::NoResume)
    }

    /// What a faulty store takes of an input: nothing, it, or another one.
    pub(crate) fn faulty_input(&mut self, d: usize, input: Input) -> Option<Input> {
        let Some(fault) = self.fault else {
            return Some(input);
        };
        let shows =
            |wanted: fn(&CallState) -> bool| self.devices[d].live().any(|call| wanted(&call.state));
        let dropped = match (fault, &input) {
            (Fault::EndedNotHeard, Input::Event(ServerEvent::Ended(_)))
            | (Fault::AnsweredElsewhereNotHeard, Input::Event(ServerEvent::AlreadyAnswered(_))) => {
                true
            }
            (Fault::RingTimerNotArmed, Input::Tick) => shows(|it| *it == CallState::Incoming),
            (Fault::NoAnswerTimerNotArmed, Input::Tick) => {
                shows(|it| matches!(it, CallState::Calling | CallState::Ringing))
            }
            (Fault::LostTimerNotArmed, Input::Tick) => {
                shows(|it| matches!(it, CallState::Reconnecting { .. }))
            }
            _ => false,
        };
        if dropped {
            return None;
        }
        Some(match (fault, input) {
            (Fault::ErrorOfAnotherCall, Input::Event(ServerEvent::Ended(mut said))) => {
                let other = self.devices[d]
                    .live()
                    .find_map(|call| call.id.clone().filter(|id| *id != said.call_id));
                said.call_id = other.unwrap_or(said.call_id);
                Input::Event(ServerEvent::Ended(said))
            }
            (
                Fault::AckTrustedBlindly,
                Input::Ack {
                    op,
                    outcome: Err(AckFailure::Refused(_)),
                },
            ) => {
                let outcome = Err(AckFailure::Malformed("it was a yes".to_owned()));
                Input::Ack { op, outcome }
            }
            (_, input) => input,
        })
    }

    /// What a faulty store wants done.
    pub(crate) fn faulty_effects(&mut self, d: usize, effects: &mut Vec<Effect>) {
        let Some(fault) = self.fault else { return };
        let twice = effects.iter().find(|it| match (fault, it) {
            (Fault::RingsTwice, Effect::Notify(CallEvent::Incoming { .. }))
            | (Fault::EndToldTwice, Effect::Notify(CallEvent::Ended { .. })) => true,
            _ => false,
        });
        if let Some(effect) = twice.cloned() {
            effects.push(effect);
        }
        effects.retain(|it| {
            let dropped = match (fault, it) {
                (Fault::RingNotStopped, Effect::Notify(CallEvent::StopRinging { .. }))
                | (Fault::EndNotTold, Effect::Notify(CallEvent::Ended { .. }))
                | (Fault::ConnectionLeft, Effect::Close { .. })
                | (
                    Fault::NoRestart,
                    Effect::Offer {
                        ice_restart: true, ..
                    },
                ) => true,
                (fault, Effect::Send { event, .. }) => matches!(
                    (fault, event),
                    (Fault::HangUpNotSaid, ClientEvent::Leave(_))
                        | (Fault::DeclineNotSaid, ClientEvent::End(_))
                        | (Fault::NoHeartbeat, ClientEvent::Heartbeat(_))
                        | (Fault::MuteNotTold, ClientEvent::ToggleAudio(_))
                        | (Fault::NoCheckActive, ClientEvent::CheckActive(_))
                ),
                _ => false,
            };
            !dropped
        });
        if fault == Fault::NoRejoin {
            let again = self.devices[d]
                .live()
                .any(|call| call.active_since.is_some());
            effects.retain(|it| {
                !(again
                    && matches!(
                        it,
                        Effect::Send {
                            event: ClientEvent::Join(_),
                            ..
                        }
                    ))
            });
        }
        for effect in effects.iter_mut() {
            match (fault, effect) {
                (Fault::OtherReason, Effect::Notify(CallEvent::Ended { reason, .. })) => {
                    if *reason == CallEndReason::Completed {
                        *reason = CallEndReason::Failed;
                    }
                }
                _ => {}
            }
        }
    }

    /// What a faulty gateway makes of a step.
    pub(crate) fn faulty_transition(
        &mut self,
        at: usize,
        cause: &Cause,
        mut made: Transition,
    ) -> Transition {
        let Some(fault) = self.fault else { return made };
        let before = &self.gateway.calls[at].call;
        match fault {
            Fault::RingLeftToSweep => {
                if made.next_deadline == Some(made.call.ring_deadline) {
                    made.next_deadline = None;
                }
            }
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
            Fault::NoMailbox => made.call.mailbox = ringwire_life::Mailbox::default(),
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

    /// True when a faulty connection leaks or fires where a good one does not.
    pub(crate) fn faulty_policy(&self, policy: IcePolicy) -> IcePolicy {
        match self.fault {
            Some(Fault::AddressTooEarly) => IcePolicy::All,
            _ => policy,
        }
    }
}
