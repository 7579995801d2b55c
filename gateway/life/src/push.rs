//! Which device is woken for a ring, and whose ring a push stops. What was sent is kept by the
//! gateway; what follows from it and from the call is decided here, so that a gateway which starts
//! again comes to the same answer.

use ringwire_protocol::push::RingPush;
use ringwire_protocol::{CallType, DeviceId, PeerId, Push, Timestamp};

use crate::record::Call;

/// What is known of one registered device of somebody who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushState {
    /// When it is to be woken: at once without a socket in the foreground, else after
    /// [`crate::Timers::push_grace`].
    pub due: Timestamp,
    /// A ring was pushed to it, or may have been.
    pub pushed: bool,
    /// The push of the ring has been dealt with: sent, or given up.
    pub settled: bool,
    /// It has said `call:ringing`.
    pub rang: bool,
    /// It has a socket now.
    pub online: bool,
}

/// What is to be done for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushStep {
    /// Look again then, or when the call changes.
    Wait(Timestamp),
    /// Push this ring. ICE servers are left out: the gateway makes them for each reader.
    Ring(Box<RingPush>),
    /// Push this stop; after it there is nothing more to do.
    Stop(Push),
    /// There is nothing more to do.
    Nothing,
}

impl Call {
    /// What is to be done for a device of `peer` now.
    pub fn push(
        &self,
        peer: &PeerId,
        device: &DeviceId,
        state: PushState,
        now: Timestamp,
    ) -> PushStep {
        if self.rings_for(peer, now) {
            let silent = state.settled || self.rings_on(peer, device);
            return match silent {
                true => PushStep::Wait(self.ring_deadline),
                false if now < state.due => PushStep::Wait(state.due),
                false => PushStep::Ring(Box::new(self.ring_push())),
            };
        }
        let answered_here = self
            .people
            .iter()
            .any(|p| p.peer == *peer && p.device == *device);
        let may_ring = state.pushed || (state.rang && !state.online);
        if answered_here || !may_ring {
            return PushStep::Nothing;
        }
        let answered = self.people.iter().any(|p| p.peer == *peer);
        PushStep::Stop(match answered {
            true => Push::AnsweredElsewhere(self.id.clone()),
            false => Push::Cancel(self.id.clone()),
        })
    }

    /// True when this device has said that it rings, and the ring still goes on.
    pub fn rings_on(&self, peer: &PeerId, device: &DeviceId) -> bool {
        self.ringing
            .iter()
            .any(|r| r.peer == *peer && r.device == *device)
    }

    /// True when it rings for others, or on other devices, than it did `before`.
    pub fn rings_otherwise_than(&self, before: &Self) -> bool {
        self.ringing != before.ringing
            || self.end != before.end
            || self.ring_over != before.ring_over
            || self.declined != before.declined
            || self.people.len() != before.people.len()
    }

    fn ring_push(&self) -> RingPush {
        let caller = self.member(&self.initiator);
        RingPush {
            call_id: self.id.clone(),
            conversation_id: self.conversation.id.clone(),
            caller_name: caller
                .map(|m| m.display_name.clone().unwrap_or(m.username.clone()))
                .unwrap_or_default(),
            caller_user_id: self.initiator.clone(),
            caller_avatar: caller.and_then(|m| m.avatar.clone()),
            is_video: self.call_type == CallType::Video,
            ice_servers: Vec::new(),
            ring_deadline: Some(self.ring_deadline),
        }
    }
}
