//! The gateway's calls: each step against the model, and what is told of it.

use ringwire_life::{Call, ConversationKind};
use ringwire_protocol::ServerEvent;

use crate::gateway::{Cause, person};
use crate::laws::Law;
use crate::world::World;

impl World {
    /// After every step of the gateway.
    pub(crate) fn law_of_step(&mut self, at: usize, cause: &Cause, before: &Call) {
        let now = self.now;
        let heard = match cause {
            Cause::SocketLost(by) if self.has_device(by) => None,
            Cause::SocketLost(by) => Some((by.clone(), ringwire_life::Command::SocketLost)),
            Cause::Said(by, command) => Some((by.clone(), command.clone())),
            Cause::Time | Cause::Restart => None,
        };
        let kept = &mut self.gateway.calls[at];
        match (heard, cause) {
            (Some((by, command)), _) => {
                let who = person(by.peer.as_str());
                let here = kept
                    .call
                    .person(&by.peer)
                    .is_some_and(|it| it.device == by.device);
                if matches!(command, ringwire_life::Command::SocketBack) && here && !by.named {
                    kept.model.renamed(who, &by.device);
                }
                kept.model.hears(who, &by.device, &command, now);
            }
            (None, Cause::Time) => {
                if self.gateway.up_since + 2_000 < now && kept.model.is_late(now) {
                    let how = format!("{}: the gateway's clock comes too late", kept.call.id);
                    return self.broken(Law::Limits, how);
                }
                kept.model.waits(now);
            }
            (None, _) => {}
        }
        let call = &kept.call;
        if let Some(how) = kept.model.differs(call, person) {
            let how = format!("{}: {how}", call.id);
            return self.broken(Law::Model, how);
        }
        if call.version < before.version || (before.end.is_some() && call.end != before.end) {
            let how = format!("{}: it goes back, or ends again", call.id);
            return self.broken(Law::Versions, how);
        }
        let mut people: Vec<_> = call.present().map(|it| &it.peer).collect();
        people.dedup();
        let mut declined = call.declined.clone();
        declined.dedup();
        let over = call.end.is_some();
        let kept = call.present().count() + call.ringing.len() + call.answers.len();
        if people.len() < call.present().count()
            || declined.len() < call.declined.len()
            || call.ringing.len() > 64
            || call.answers.len() > 64
            || call.people.len() > 256
            || (over && (kept > 0 || !call.mailbox.is_empty()))
        {
            let how = format!("{}: more is kept than there may be", call.id);
            self.broken(Law::Bounds, how);
        }
    }

    /// Of everything that a call tells.
    pub(crate) fn law_of_emit(&mut self, at: usize, event: &ServerEvent) {
        let kept = &self.gateway.calls[at];
        if has_version(event) && event.version() != Some(kept.call.version) {
            let (id, version) = (&kept.call.id, event.version());
            let how = format!("{id}: {} carries version {version:?}", event.name());
            return self.broken(Law::Versions, how);
        }
        if let ServerEvent::Ended(said) = event {
            let ended = kept.over_at.unwrap_or(self.now);
            let end = kept.call.end.as_ref().map(|it| &it.reason);
            let direct = kept.call.conversation.kind == ConversationKind::Direct;
            if direct && said.reason.as_ref() != end {
                let how = format!(
                    "{}: it ended as {end:?}, {:?} is told",
                    kept.call.id, said.reason
                );
                return self.broken(Law::OneReason, how);
            }
            let kept = &self.gateway.calls[at];
            let should = kept.model.answered.map_or(0, |from| (ended - from) / 1_000);
            if said.duration != should {
                let how = format!(
                    "{} lasted {should} s, and {} s are told",
                    kept.call.id, said.duration
                );
                self.broken(Law::Duration, how);
            }
        }
    }

    /// After every new call.
    pub(crate) fn law_of_claims(&mut self) {
        let mut places: Vec<_> = self
            .gateway
            .live()
            .map(|it| it.call.conversation.id.clone())
            .collect();
        let all = places.len();
        places.sort();
        places.dedup();
        if places.len() < all {
            self.broken(Law::OneCall, "a conversation has two calls".to_owned());
        }
    }
}

/// An event that says what has become of a call, and so carries its version.
fn has_version(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::Initiated(_)
            | ServerEvent::Ringing(_)
            | ServerEvent::ParticipantJoined(_)
            | ServerEvent::ParticipantLeft(_)
            | ServerEvent::MediaToggled(_)
            | ServerEvent::AlreadyAnswered(_)
            | ServerEvent::Reconnecting(_)
            | ServerEvent::Reconnected(_)
            | ServerEvent::Ended(_)
    )
}
