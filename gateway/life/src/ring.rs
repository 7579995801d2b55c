//! How a call begins: made, ringing on devices, joined. Accepting is joining, and only that.

use ringwire_protocol::server::{AlreadyAnswered, Ended, ForcedOut, ParticipantJoined, RingingAt};
use ringwire_protocol::{
    CallEndReason, CallError, CallMode, CallParticipantId, CallType, Capability, ErrorCode,
    MediaSettings, Role, ServerEvent, Timestamp, limits,
};

use crate::command::{Actor, Start};
use crate::mailbox::Mailbox;
use crate::record::{Call, MAX_PEOPLE, MAX_RINGING, Person, RingingDevice};
use crate::step::{Standing, Step};
use crate::timers::Timers;
use crate::transition::{Audience, Refused, Reply, Transition};

impl Call {
    /// Makes a call and rings everybody else in the conversation. That the conversation has no
    /// other call is for the gateway's database to see to.
    ///
    /// # Errors
    /// UNSUPPORTED_CALL_TYPE; NOT_A_PARTICIPANT for somebody who is no member.
    pub fn initiate(
        start: Start,
        by: &Actor,
        now: Timestamp,
        timers: &Timers,
    ) -> Result<Transition, Refused> {
        if start.call_type.is_unknown() {
            let message = "the type of a call is video or audio";
            return Err(Box::new(CallError::new(
                ErrorCode::UnsupportedCallType,
                message,
            )));
        }
        let call = Call {
            id: start.call,
            conversation: start.conversation,
            call_type: start.call_type,
            mode: CallMode::P2p,
            version: 1,
            initiator: by.peer.clone(),
            members: start.members,
            people: Vec::new(),
            ringing: Vec::new(),
            rang: false,
            answers: Vec::new(),
            declined: Vec::new(),
            told: Vec::new(),
            started_at: now,
            ring_deadline: now + timers.ring_deadline,
            ring_over: false,
            answered_at: None,
            alone_since: None,
            end: None,
            mailbox: Mailbox::default(),
        };
        let mut step = Step::new(call, now, timers);
        if step.call.member(&by.peer).is_none() {
            return Err(step.stranger());
        }
        let person = step.newcomer(by, start.row, Role::Initiator, &start.settings);
        step.call.people.push(person);
        let initiated = step.call.initiated();
        let everybody: Vec<_> = step.call.members.iter().map(|m| m.peer.clone()).collect();
        for peer in everybody {
            step.tell(
                Audience::User(peer),
                ServerEvent::Initiated(initiated.clone()),
            );
        }
        Ok(step.close(Reply::Initiated))
    }
}

impl Step<'_> {
    /// A device rings: it joins the ringing set and the initiator is told; nothing else changes.
    pub(crate) fn ringing(&mut self, by: &Actor) -> Result<Reply, Refused> {
        self.open()?;
        match self.standing(by) {
            Standing::Stranger => return Err(self.stranger()),
            Standing::Present(_) => return Ok(Reply::Done),
            Standing::Elsewhere(index) => {
                self.silence(by, index);
                return Ok(Reply::Done);
            }
            Standing::Out => {
                self.tell_over(by);
                return Ok(Reply::Done);
            }
            Standing::Invited => {}
        }
        self.call.rang = true;
        let known = self
            .call
            .ringing
            .iter()
            .any(|r| r.peer == by.peer && r.device == by.device);
        if !known {
            if self.call.ringing.len() >= MAX_RINGING {
                return Ok(Reply::Done);
            }
            self.call.ringing.push(RingingDevice {
                peer: by.peer.clone(),
                device: by.device.clone(),
                capabilities: by.capabilities.clone(),
            });
        }
        if let Some(initiator) = self.call.person(&self.call.initiator) {
            let to = Audience::Device(initiator.peer.clone(), initiator.device.clone());
            let ringing = self.ringing_at(by.peer.clone(), by.device.clone(), &by.capabilities);
            self.tell(to, ringing);
        }
        self.hand_out(by, known);
        Ok(Reply::Done)
    }

    /// `call:ringing` for the initiator.
    pub(crate) fn ringing_at(
        &self,
        peer: ringwire_protocol::PeerId,
        device: ringwire_protocol::DeviceId,
        capabilities: &[ringwire_protocol::Capability],
    ) -> ServerEvent {
        ServerEvent::Ringing(RingingAt {
            call_id: self.call.id.clone(),
            user_id: peer,
            device_id: device,
            capabilities: capabilities.to_vec(),
            version: None,
        })
    }

    /// Accepts the call, comes back to it, or moves it to another device.
    pub(crate) fn join(
        &mut self,
        by: &Actor,
        row: CallParticipantId,
        settings: &MediaSettings,
    ) -> Result<Reply, Refused> {
        self.open()?;
        match self.standing(by) {
            Standing::Stranger => return Err(self.stranger()),
            Standing::Present(index) => {
                self.come_back(index);
                return Ok(Reply::Joined);
            }
            Standing::Elsewhere(index) => self.evict(index),
            Standing::Invited | Standing::Out => {
                if self.call.present().count() >= limits::MAX_MESH {
                    return Err(self.refuse(
                        ErrorCode::MaxParticipantsReached,
                        "the call has as many people as it can hold",
                    ));
                }
                let other = Audience::OtherDevices(by.peer.clone(), by.device.clone());
                self.tell(other, self.already_answered(by));
            }
        }
        let role = match by.peer == self.call.initiator {
            true => Role::Initiator,
            false => Role::Participant,
        };
        let mut person = self.newcomer(by, row, role, settings);
        let call = &mut self.call;
        person.answered = call
            .answers
            .iter()
            .any(|(peer, device)| *peer == by.peer && *device == by.device);
        call.answers.retain(|(peer, _)| *peer != by.peer);
        call.ringing.retain(|r| r.peer != by.peer);
        call.declined.retain(|peer| *peer != by.peer);
        call.told.retain(|peer| *peer != by.peer);
        call.alone_since = None;
        call.mailbox.keep_for(&by.peer, &by.device);
        call.people.push(person);
        self.forget_oldest();
        let index = self.call.people.len() - 1;
        let joined = ServerEvent::ParticipantJoined(ParticipantJoined {
            call_id: self.call.id.clone(),
            participant: self.call.participant(&self.call.people[index]),
            mode: self.call.mode.clone(),
            ice_servers: None,
            version: None,
        });
        self.tell_others(index, &joined);
        self.hand_out(by, false);
        self.see_whether_answered();
        self.see_whether_alone();
        Ok(Reply::Joined)
    }

    /// The call is active once somebody else has joined and answered the offer, in either order.
    pub(crate) fn see_whether_answered(&mut self) {
        let answered = self
            .call
            .present()
            .any(|p| p.answered && p.peer != self.call.initiator);
        if self.call.answered_at.is_none() && answered {
            self.call.answered_at = Some(self.now);
        }
    }

    /// Tells a device whose owner is in the call on another one.
    fn silence(&mut self, by: &Actor, index: usize) {
        let event = ServerEvent::AlreadyAnswered(AlreadyAnswered {
            call_id: self.call.id.clone(),
            device_id: self.device_of(index),
            version: None,
        });
        self.tell(Audience::Device(by.peer.clone(), by.device.clone()), event);
    }

    /// Tells a device that rings although its owner has declined or left.
    fn tell_over(&mut self, by: &Actor) {
        let declined = self.call.declined.contains(&by.peer);
        let reason = match declined {
            true => CallEndReason::Rejected,
            false => CallEndReason::Completed,
        };
        let event = ServerEvent::Ended(Ended {
            call_id: self.call.id.clone(),
            duration: self.call.duration(self.now),
            ended_by: Some(by.peer.clone()),
            reason: Some(reason),
            version: None,
        });
        self.tell(Audience::Device(by.peer.clone(), by.device.clone()), event);
    }

    fn already_answered(&self, by: &Actor) -> ServerEvent {
        ServerEvent::AlreadyAnswered(AlreadyAnswered {
            call_id: self.call.id.clone(),
            device_id: by.named.then(|| by.device.clone()),
            version: None,
        })
    }

    fn device_of(&self, index: usize) -> Option<ringwire_protocol::DeviceId> {
        let person = &self.call.people[index];
        person.named.then(|| person.device.clone())
    }

    /// A second device takes the place of the first: that one's row ends.
    fn evict(&mut self, index: usize) {
        let now = self.now;
        let person = self.at(index);
        person.left_at = Some(now);
        let device = Audience::Device(person.peer.clone(), person.device.clone());
        self.tell(
            device,
            ServerEvent::ForceLeave(ForcedOut {
                code: Some(CallEndReason::AnsweredElsewhere),
                call_id: self.call.id.clone(),
                reason: Some("you have joined on another device".into()),
            }),
        );
        self.tell_left(index);
    }

    fn newcomer(
        &self,
        by: &Actor,
        row: CallParticipantId,
        role: Role,
        settings: &MediaSettings,
    ) -> Person {
        Person {
            row,
            peer: by.peer.clone(),
            device: by.device.clone(),
            named: by.named,
            guessed: false,
            capabilities: by.capabilities.clone(),
            role,
            joined_at: self.now,
            left_at: None,
            audio: settings.audio_enabled.unwrap_or(true),
            video: settings
                .video_enabled
                .unwrap_or(self.call.call_type == CallType::Video),
            screen: settings.screen_share_enabled.unwrap_or(false),
            held: false,
            answered: false,
            path_lost: false,
            socket_lost: None,
            // Whoever knows `version` sends heartbeats: one who dies before the first is missed too.
            heartbeat: by
                .capabilities
                .contains(&Capability::Version)
                .then_some(self.now),
            background: false,
            bad_reports: 0,
            quality: None,
        }
    }

    /// Keeps the rows within their bound: the oldest who left goes.
    fn forget_oldest(&mut self) {
        if self.call.people.len() > MAX_PEOPLE
            && let Some(oldest) = self.call.people.iter().position(|p| p.left_at.is_some())
        {
            self.call.people.remove(oldest);
        }
    }
}
