//! The call as clients see it: session, participants, `call:initiated`, CALL_ALREADY_ACTIVE.

use ringwire_protocol::server::{Initiated, Initiator};
use ringwire_protocol::{
    CallError, CallParticipant, CallSession, ErrorCode, ParticipantId, PeerId, Timestamp,
};
use serde_json::{Map, Value};

use crate::record::{Call, Person};

impl Call {
    /// The session.
    pub fn session(&self) -> CallSession {
        let mut metadata = Map::new();
        metadata.insert("type".into(), self.call_type.as_str().into());
        metadata.insert(
            "conversationType".into(),
            self.conversation.kind.as_str().into(),
        );
        if let Some(title) = &self.conversation.title {
            metadata.insert("conversationTitle".into(), title.clone().into());
        }
        CallSession {
            id: self.id.clone(),
            conversation_id: self.conversation.id.clone(),
            mode: self.mode.clone(),
            status: self.status(),
            version: Some(self.version),
            initiator_id: self.initiator.clone(),
            started_at: self.started_at,
            answered_at: self.answered_at,
            ended_at: self.end.as_ref().map(|end| end.at),
            duration: self.end.as_ref().map(|end| self.duration(end.at)),
            end_reason: self.end.as_ref().map(|end| end.reason.clone()),
            participants: self.people.iter().map(|p| self.participant(p)).collect(),
            metadata: Some(metadata),
        }
    }

    /// `call:initiated`, without ICE servers.
    pub fn initiated(&self) -> Initiated {
        let member = self.member(&self.initiator);
        Initiated {
            call_id: self.id.clone(),
            conversation_id: self.conversation.id.clone(),
            mode: self.mode.clone(),
            call_type: self.call_type.clone(),
            initiator: Initiator {
                user_id: self.initiator.clone(),
                username: member.map(|m| m.username.clone()).unwrap_or_default(),
                display_name: member.and_then(|m| m.display_name.clone()),
                avatar: member.and_then(|m| m.avatar.clone()),
            },
            participants: self.present().map(|p| self.participant(p)).collect(),
            ice_servers: None,
            conversation_type: Some(self.conversation.kind.as_str().into()),
            conversation_title: self.conversation.title.clone(),
            ring_deadline: Some(self.ring_deadline),
            version: Some(self.version),
        }
    }

    /// CALL_ALREADY_ACTIVE, naming this call.
    pub fn already_active(&self) -> CallError {
        let mut error = CallError::new(
            ErrorCode::CallAlreadyActive,
            "this conversation has a call already",
        )
        .about(&self.id);
        error.initiator_id = Some(self.initiator.clone());
        error.status = Some(self.status());
        error.call_type = Some(self.call_type.clone());
        error.conversation_type = Some(self.conversation.kind.as_str().into());
        error
    }

    /// True when this user or guest is in the call, or it rings for them.
    pub fn concerns(&self, peer: &PeerId, now: Timestamp) -> bool {
        self.end.is_none() && (self.person(peer).is_some() || self.rings_for(peer, now))
    }

    pub(crate) fn participant(&self, person: &Person) -> CallParticipant {
        let member = self.member(&person.peer);
        let anonymous = member.is_some_and(|m| m.anonymous);
        CallParticipant {
            id: person.row.clone(),
            call_session_id: self.id.clone(),
            user_id: (!anonymous).then(|| person.peer.clone()),
            anonymous_id: anonymous.then(|| person.peer.clone()),
            participant_id: member.map(|m| m.participant.clone()),
            role: person.role.clone(),
            joined_at: person.joined_at,
            left_at: person.left_at,
            is_audio_enabled: person.audio,
            is_video_enabled: person.video,
            is_screen_sharing: Some(person.screen),
            held: Some(person.held),
            device_id: person.named.then(|| person.device.clone()),
            capabilities: person.named.then(|| person.capabilities.clone()),
            username: member.map(|m| m.username.clone()),
            display_name: member.and_then(|m| m.display_name.clone()),
            avatar: member.and_then(|m| m.avatar.clone()),
            connection_quality: person
                .quality
                .as_ref()
                .and_then(|quality| serde_json::to_value(quality).ok()),
        }
    }

    /// What clients can see, without what changes all the time: the version grows when it changes.
    pub(crate) fn seen(&self) -> CallSession {
        let mut session = self.session();
        session.version = None;
        for participant in &mut session.participants {
            participant.connection_quality = None::<Value>;
        }
        session
    }

    /// Membership of somebody in the call; their own id when they are no member any more.
    pub(crate) fn membership(&self, peer: &PeerId) -> ParticipantId {
        match self.member(peer) {
            Some(member) => member.participant.clone(),
            None => ParticipantId::new(peer.as_str()).expect("a PeerId obeys the rules of all ids"),
        }
    }
}
