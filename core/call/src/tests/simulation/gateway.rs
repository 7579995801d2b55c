//! The gateway of a simulation: just enough of the contract for one conversation of two.

use ringwire_protocol::ack::{ActiveCalls, HeartbeatData, InitiateData, JoinData};
use ringwire_protocol::server::{
    Ended, Initiated, Initiator, MediaToggled, NegotiateAsked, ParticipantJoined, ParticipantLeft,
    ReceivedSignal, RingingAt,
};
use ringwire_protocol::{
    Ack, CallEndReason, CallError, CallId, CallMode, CallParticipant, CallSession, CallStatus,
    CallType, ClientEvent, ErrorCode, MediaType, PeerId, Role, ServerEvent, SignalBody, Timestamp,
    timers,
};

use super::world::{Made, NAMES, Parcel, World};
use crate::tests::phone::all_capabilities;
use crate::{AckFailure, Input, OpId};
use std::time::Duration;

impl World {
    pub(super) fn gateway(
        &mut self,
        from: usize,
        epoch: u64,
        op: Option<OpId>,
        event: ClientEvent,
    ) {
        let outcome = self.answer(from, event);
        if let (Some(op), Some(outcome)) = (op, outcome) {
            let outcome = outcome.map_err(AckFailure::Refused);
            let ack = Parcel::ToPhone(from, epoch, Input::Ack { op, outcome });
            self.send(Duration::from_millis(20), ack);
        }
    }

    fn answer(&mut self, from: usize, event: ClientEvent) -> Option<Result<Ack, CallError>> {
        let other = 1 - from;
        let refuse = |code| Some(Err(CallError::new(code, "no")));
        let at = event.call_id().and_then(|id| {
            let number: u64 = id.as_str().trim_start_matches('c').parse().ok()?;
            self.calls.iter().position(|call| call.id == number)
        });
        match event {
            ClientEvent::Initiate(_) => {
                if let Some(call) = self.calls.iter().find(|call| !call.ended) {
                    let mut error = CallError::new(ErrorCode::CallAlreadyActive, "there is one");
                    error.call_id = Some(format!("c{}", call.id).parse().unwrap());
                    error.initiator_id = Some(NAMES[call.initiator].parse().unwrap());
                    error.status = Some(self.session(call).status);
                    error.conversation_type = Some("direct".into());
                    return Some(Err(error));
                }
                let mut call = Made {
                    id: self.calls.len() as u64,
                    initiator: from,
                    version: 1,
                    audio: [true; 2],
                    since: self.now,
                    ..Made::default()
                };
                call.joined[from] = true;
                self.calls.push(call);
                let at = self.calls.len() - 1;
                self.tell(other, self.initiated(at));
                Some(Ok(Ack::Initiated(InitiateData {
                    call_id: format!("c{at}").parse().unwrap(),
                    mode: CallMode::P2p,
                    ice_servers: Vec::new(),
                    ttl: 0,
                })))
            }
            ClientEvent::CheckActive(_) => {
                let live = |call: &&Made| !call.ended;
                let calls = self
                    .calls
                    .iter()
                    .filter(live)
                    .map(|call| self.session(call))
                    .collect();
                Some(Ok(Ack::Active(ActiveCalls { calls })))
            }
            _ => {
                let Some(at) = at else {
                    return refuse(ErrorCode::CallNotFound);
                };
                if self.calls[at].ended {
                    return refuse(ErrorCode::CallEnded);
                }
                self.answer_in_call(from, at, event)
            }
        }
    }

    fn answer_in_call(
        &mut self,
        from: usize,
        at: usize,
        event: ClientEvent,
    ) -> Option<Result<Ack, CallError>> {
        let other = 1 - from;
        let call_id: CallId = format!("c{at}").parse().unwrap();
        match event {
            ClientEvent::Ringing(said) => {
                if !self.calls[at].rings {
                    self.calls[at].rings = true;
                    self.calls[at].version += 1;
                }
                let version = Some(self.calls[at].version);
                self.tell(
                    other,
                    ServerEvent::Ringing(RingingAt {
                        call_id,
                        user_id: NAMES[from].parse().unwrap(),
                        device_id: said.device_id,
                        capabilities: all_capabilities(),
                        version,
                    }),
                );
                Some(Ok(Ack::Done))
            }
            ClientEvent::Join(said) => {
                if !self.calls[at].joined[from] {
                    self.calls[at].joined[from] = true;
                    let settings = said.settings.unwrap_or_default();
                    self.calls[at].audio[from] = settings.audio_enabled.unwrap_or(true);
                    self.calls[at].version += 1;
                    self.tell(
                        other,
                        ServerEvent::ParticipantJoined(ParticipantJoined {
                            call_id,
                            participant: self.participant(&self.calls[at], from),
                            mode: CallMode::P2p,
                            ice_servers: None,
                            version: Some(self.calls[at].version),
                        }),
                    );
                }
                let call_session = self.session(&self.calls[at]);
                Some(Ok(Ack::Joined(JoinData {
                    call_session,
                    ice_servers: Vec::new(),
                })))
            }
            ClientEvent::Leave(_) => {
                self.end(at, Some(from), CallEndReason::Completed);
                None
            }
            ClientEvent::End(said) => {
                self.end(
                    at,
                    Some(from),
                    said.reason.unwrap_or(CallEndReason::Completed),
                );
                Some(Ok(Ack::Done))
            }
            ClientEvent::Signal(said) => {
                if !self.calls[at].joined[from] {
                    return Some(Err(CallError::new(
                        ErrorCode::NotAParticipant,
                        "join first",
                    )));
                }
                if matches!(said.signal.body, SignalBody::Answer { .. }) && !self.calls[at].answered
                {
                    self.calls[at].answered = true;
                    self.calls[at].version += 1;
                }
                let signal = said.signal;
                self.tell(
                    other,
                    ServerEvent::Signal(ReceivedSignal { call_id, signal }),
                );
                Some(Ok(Ack::Done))
            }
            ClientEvent::Negotiate(said) => {
                self.tell(
                    other,
                    ServerEvent::Negotiate(NegotiateAsked {
                        call_id,
                        from: NAMES[from].parse().unwrap(),
                        to: None,
                        reason: said.reason,
                    }),
                );
                None
            }
            ClientEvent::ToggleAudio(said) => {
                self.calls[at].audio[from] = said.enabled;
                self.toggled(at, from, MediaType::Audio, said.enabled);
                None
            }
            ClientEvent::Hold(said) => {
                self.calls[at].held[from] = said.enabled;
                self.toggled(at, from, MediaType::Hold, said.enabled);
                None
            }
            ClientEvent::Heartbeat(_) => Some(Ok(Ack::Heartbeat(HeartbeatData {
                status: self.session(&self.calls[at]).status,
                version: Some(self.calls[at].version),
            }))),
            _ => None,
        }
    }

    fn toggled(&mut self, at: usize, from: usize, media_type: MediaType, enabled: bool) {
        self.calls[at].version += 1;
        let toggled = MediaToggled {
            call_id: format!("c{at}").parse().unwrap(),
            participant_id: format!("member-{}", NAMES[from]).parse().unwrap(),
            user_id: Some(NAMES[from].parse().unwrap()),
            media_type,
            enabled,
            version: Some(self.calls[at].version),
        };
        self.tell(1 - from, ServerEvent::MediaToggled(toggled));
    }

    fn end(&mut self, at: usize, by: Option<usize>, reason: CallEndReason) {
        let call = &mut self.calls[at];
        call.ended = true;
        call.version += 1;
        let version = Some(call.version);
        let call_id: CallId = format!("c{at}").parse().unwrap();
        if let Some(by) = by.filter(|by| self.calls[at].joined[*by]) {
            self.tell(
                1 - by,
                ServerEvent::ParticipantLeft(ParticipantLeft {
                    call_id: call_id.clone(),
                    participant_id: format!("row-{}", NAMES[by]).parse().unwrap(),
                    user_id: Some(NAMES[by].parse().unwrap()),
                    anonymous_id: None,
                    mode: CallMode::P2p,
                    version,
                }),
            );
        }
        for phone in 0..2 {
            self.tell(
                phone,
                ServerEvent::Ended(Ended {
                    call_id: call_id.clone(),
                    duration: 0,
                    ended_by: by.map(|by| NAMES[by].parse().unwrap()),
                    reason: Some(reason.clone()),
                    version,
                }),
            );
        }
    }

    pub(super) fn gateway_time(&mut self) {
        for at in 0..self.calls.len() {
            let call = &self.calls[at];
            if call.ended {
                continue;
            }
            let now = self.now;
            let gone = |phone: usize, span| {
                call.gone[phone].is_some_and(|since| now.saturating_since(since) >= span)
            };
            if call.joined == [true; 2] {
                if gone(0, timers::RECONNECT) || gone(1, timers::RECONNECT) {
                    self.end(at, None, CallEndReason::ConnectionLost);
                }
            } else if now.saturating_since(call.since) >= timers::RING_DEADLINE {
                self.end(at, None, CallEndReason::Missed);
            } else if gone(call.initiator, timers::INITIATOR_GONE) {
                self.end(at, None, CallEndReason::Cancelled);
            }
        }
    }

    fn initiated(&self, at: usize) -> ServerEvent {
        let call = &self.calls[at];
        ServerEvent::Initiated(Initiated {
            call_id: format!("c{at}").parse().unwrap(),
            conversation_id: "v1".parse().unwrap(),
            mode: CallMode::P2p,
            call_type: CallType::Video,
            initiator: Initiator {
                user_id: NAMES[call.initiator].parse().unwrap(),
                username: NAMES[call.initiator].into(),
                display_name: None,
                avatar: None,
            },
            participants: Vec::new(),
            ice_servers: None,
            conversation_type: Some("direct".into()),
            conversation_title: None,
            ring_deadline: None,
            version: Some(call.version),
        })
    }

    fn session(&self, call: &Made) -> CallSession {
        let status = match (call.answered, call.rings) {
            (true, _) => CallStatus::Active,
            (false, true) => CallStatus::Ringing,
            (false, false) => CallStatus::Initiated,
        };
        CallSession {
            id: format!("c{}", call.id).parse().unwrap(),
            conversation_id: "v1".parse().unwrap(),
            mode: CallMode::P2p,
            status,
            version: Some(call.version),
            initiator_id: NAMES[call.initiator].parse().unwrap(),
            started_at: Timestamp::from_millis(0),
            answered_at: None,
            ended_at: None,
            duration: None,
            end_reason: None,
            participants: (0..2)
                .filter(|it| call.joined[*it])
                .map(|it| self.participant(call, it))
                .collect(),
            metadata: None,
        }
    }

    fn participant(&self, call: &Made, who: usize) -> CallParticipant {
        let name = NAMES[who];
        CallParticipant {
            id: format!("row-{name}").parse().unwrap(),
            call_session_id: format!("c{}", call.id).parse().unwrap(),
            user_id: Some(name.parse::<PeerId>().unwrap()),
            anonymous_id: None,
            participant_id: Some(format!("member-{name}").parse().unwrap()),
            role: if call.initiator == who {
                Role::Initiator
            } else {
                Role::Participant
            },
            joined_at: Timestamp::from_millis(0),
            left_at: None,
            is_audio_enabled: call.audio[who],
            is_video_enabled: true,
            is_screen_sharing: None,
            held: Some(call.held[who]),
            device_id: Some(format!("{name}-1").parse().unwrap()),
            capabilities: Some(all_capabilities()),
            username: None,
            display_name: None,
            avatar: None,
            connection_quality: None,
        }
    }
}
