//! How people leave and calls end: leaving, declining, hanging up, and the one end of a call.

use ringwire_protocol::server::{Ended, ForcedOut, Missed, ParticipantLeft};
use ringwire_protocol::{CallEndReason, ErrorCode, PeerId, ServerEvent};

use crate::command::Actor;
use crate::record::End;
use crate::step::{Standing, Step};
use crate::transition::{Audience, Refused, Reply};

impl Step<'_> {
    /// `call:leave` and `call:end`: whoever is in the call leaves it, whoever is awaited declines,
    /// and for everybody else there is nothing to do.
    pub(crate) fn leave(
        &mut self,
        by: &Actor,
        given: Option<CallEndReason>,
    ) -> Result<Reply, Refused> {
        match self.standing(by) {
            Standing::Stranger => return Err(self.stranger()),
            Standing::Present(index) => {
                let reason = self.reason(by, given);
                self.depart(index, reason, Some(by.peer.clone()));
            }
            Standing::Invited => self.decline(by, given),
            // Who says so without a name is in it: the guess was wrong.
            Standing::Elsewhere(index) if self.call.people[index].guessed && !by.named => {
                let reason = self.reason(by, given);
                self.depart(index, reason, Some(by.peer.clone()));
            }
            Standing::Elsewhere(_) | Standing::Out => {}
        }
        Ok(Reply::Done)
    }

    /// Declines where it rings, on whatever device.
    pub(crate) fn decline_only(
        &mut self,
        by: &Actor,
        given: Option<CallEndReason>,
    ) -> Result<Reply, Refused> {
        match self.standing(by) {
            Standing::Stranger => return Err(self.stranger()),
            Standing::Invited => self.decline(by, given),
            Standing::Present(_) | Standing::Elsewhere(_) => {
                let message = "you are in this call: leave it on the socket";
                return Err(self.refuse(ErrorCode::CallStateConflict, message));
            }
            Standing::Out => {}
        }
        Ok(Reply::Done)
    }

    /// `call:force-leave`: leaves on whatever device this person is in the call.
    pub(crate) fn force_leave(&mut self, by: &Actor) -> Result<Reply, Refused> {
        let index = match self.standing(by) {
            Standing::Present(index) => index,
            Standing::Elsewhere(index) => {
                let person = &self.call.people[index];
                let device = Audience::Device(person.peer.clone(), person.device.clone());
                let event = ServerEvent::ForceLeave(ForcedOut {
                    code: Some(CallEndReason::Completed),
                    call_id: self.call.id.clone(),
                    reason: Some("you have left on another device".into()),
                });
                self.tell(device, event);
                index
            }
            Standing::Stranger => return Err(self.stranger()),
            Standing::Invited | Standing::Out => return Ok(Reply::Done),
        };
        let reason = self.reason(by, None);
        self.depart(index, reason, Some(by.peer.clone()));
        Ok(Reply::Done)
    }

    /// Takes somebody out of the call, and ends it where that is its end.
    pub(crate) fn depart(&mut self, index: usize, reason: CallEndReason, by: Option<PeerId>) {
        let now = self.now;
        let person = self.at(index);
        person.left_at = Some(now);
        let peer = person.peer.clone();
        self.call.mailbox.forget(&peer);
        self.tell_left(index);
        if self.call.is_direct() || self.call.present().next().is_none() {
            self.finish(reason, by);
            return;
        }
        self.tell_over_for(peer, reason, by);
        self.see_whether_alone();
    }

    /// Ends the call: once, with one reason, told once to everybody whom it concerns.
    pub(crate) fn finish(&mut self, reason: CallEndReason, by: Option<PeerId>) {
        if self.call.end.is_some() {
            return;
        }
        let now = self.now;
        self.call.end = Some(End {
            at: now,
            reason: reason.clone(),
            by: by.clone(),
        });
        let ended = ServerEvent::Ended(Ended {
            call_id: self.call.id.clone(),
            duration: self.call.duration(now),
            ended_by: by,
            reason: Some(reason.clone()),
            version: None,
        });
        let untold: Vec<PeerId> = self
            .call
            .members
            .iter()
            .map(|m| m.peer.clone())
            .filter(|peer| !self.call.told.contains(peer))
            .collect();
        for peer in &untold {
            self.tell(Audience::User(peer.clone()), ended.clone());
        }
        if reason == CallEndReason::Missed {
            for peer in untold {
                let never_came = !self.call.people.iter().any(|p| p.peer == peer);
                if never_came {
                    self.tell_missed(peer);
                }
            }
        }
        let call = &mut self.call;
        for person in &mut call.people {
            person.left_at.get_or_insert(now);
        }
        call.told = call.members.iter().map(|m| m.peer.clone()).collect();
        call.ringing.clear();
        call.answers.clear();
        call.alone_since = None;
        call.mailbox.clear();
    }

    /// `call:missed` to every device of somebody who did not come.
    pub(crate) fn tell_missed(&mut self, peer: PeerId) {
        let caller = self.call.member(&self.call.initiator);
        let event = ServerEvent::Missed(Missed {
            call_id: self.call.id.clone(),
            conversation_id: self.call.conversation.id.clone(),
            caller_id: self.call.initiator.clone(),
            caller_name: caller
                .map(|m| m.display_name.clone().unwrap_or(m.username.clone()))
                .unwrap_or_default(),
        });
        self.tell(Audience::User(peer), event);
    }

    /// `call:participant-left` to everybody who is still in the call.
    pub(crate) fn tell_left(&mut self, index: usize) {
        let person = &self.call.people[index];
        let anonymous = self.call.member(&person.peer).is_some_and(|m| m.anonymous);
        let left = ServerEvent::ParticipantLeft(ParticipantLeft {
            call_id: self.call.id.clone(),
            participant_id: person.row.clone(),
            user_id: (!anonymous).then(|| person.peer.clone()),
            anonymous_id: anonymous.then(|| person.peer.clone()),
            mode: self.call.mode.clone(),
            version: None,
        });
        self.tell_others(index, &left);
    }

    /// Starts the clock of somebody who is alone in a group call that others had joined; a join
    /// stops it.
    pub(crate) fn see_whether_alone(&mut self) {
        let call = &mut self.call;
        if !call.is_direct() && call.was_joined() && call.present().count() == 1 {
            call.alone_since.get_or_insert(self.now);
        }
    }

    fn decline(&mut self, by: &Actor, given: Option<CallEndReason>) {
        let reason = match given {
            Some(CallEndReason::Busy) => CallEndReason::Busy,
            _ => CallEndReason::Rejected,
        };
        let call = &mut self.call;
        call.declined.push(by.peer.clone());
        call.ringing.retain(|r| r.peer != by.peer);
        call.answers.retain(|(peer, _)| *peer != by.peer);
        call.mailbox.forget(&by.peer);
        match call.is_direct() {
            true => self.finish(reason, Some(by.peer.clone())),
            false => self.tell_over_for(by.peer.clone(), reason, Some(by.peer.clone())),
        }
    }

    /// Tells one person that a group call, which goes on, is over for them.
    fn tell_over_for(&mut self, peer: PeerId, reason: CallEndReason, by: Option<PeerId>) {
        let event = ServerEvent::Ended(Ended {
            call_id: self.call.id.clone(),
            duration: self.call.duration(self.now),
            ended_by: by,
            reason: Some(reason),
            version: None,
        });
        if !self.call.told.contains(&peer) {
            self.call.told.push(peer.clone());
        }
        self.tell(Audience::User(peer), event);
    }

    /// Why a call ends that somebody in it leaves: the client's reason where it can be true.
    fn reason(&self, by: &Actor, given: Option<CallEndReason>) -> CallEndReason {
        use CallEndReason::{Cancelled, Completed, ConnectionLost, Failed, Missed};
        let initiator = by.peer == self.call.initiator;
        if self.call.answered_at.is_some() {
            match given {
                Some(reason @ (Failed | ConnectionLost)) => reason,
                _ => Completed,
            }
        } else if self.call.was_joined() || !initiator {
            match given {
                Some(reason @ (Failed | ConnectionLost)) => reason,
                Some(Cancelled) if initiator => Cancelled,
                _ => Completed,
            }
        } else {
            match given {
                Some(reason @ (Failed | Missed)) => reason,
                _ => Cancelled,
            }
        }
    }
}
