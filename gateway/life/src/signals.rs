//! Who may send a signal to whom, to which device it goes, and when the call counts as answered.

use ringwire_protocol::client::NegotiateReason;
use ringwire_protocol::server::{NegotiateAsked, ReceivedSignal};
use ringwire_protocol::{DeviceId, ErrorCode, PeerId, ServerEvent, Signal, SignalBody};

use crate::command::Actor;
use crate::record::MAX_RINGING;
use crate::step::{Standing, Step};
use crate::transition::{Audience, Refused, Reply};

impl Step<'_> {
    /// Passes a signal on to the addressee's device, and keeps it for one that is not there yet.
    /// A device that rings, or is about to, speaks with the initiator only.
    pub(crate) fn signal(&mut self, by: &Actor, mut signal: Signal) -> Result<Reply, Refused> {
        self.open()?;
        let forged = by.named && signal.from_device.as_ref().is_some_and(|d| *d != by.device);
        if signal.from != by.peer || forged {
            return Err(self.refuse(
                ErrorCode::SignalSenderMismatch,
                "from is not the sender of this signal",
            ));
        }
        let standing = self.standing(by);
        let device = self.addressee(by, standing, &signal.to, signal.to_device.as_ref())?;
        if matches!(signal.body, SignalBody::Unknown { .. }) {
            return Ok(Reply::Done);
        }
        signal.from_device = by.named.then(|| by.device.clone());
        if let Some(device) = &device {
            let to = Audience::Device(signal.to.clone(), device.clone());
            self.tell(to, self.received(signal.clone()));
        }
        let answer = matches!(signal.body, SignalBody::Answer { .. });
        let to = signal.to.clone();
        self.call
            .mailbox
            .post(signal, device, self.now, self.timers.signal_buffer);
        if answer {
            self.note_answer(by, standing, &to);
        }
        Ok(Reply::Done)
    }

    /// Asks somebody in the call for an offer.
    pub(crate) fn negotiate(
        &mut self,
        by: &Actor,
        to: PeerId,
        reason: NegotiateReason,
    ) -> Result<Reply, Refused> {
        self.open()?;
        let standing = self.standing(by);
        let Some(device) = self.addressee(by, standing, &to, None)? else {
            return Err(self.refuse(ErrorCode::TargetNotFound, "to is not in the call"));
        };
        let asked = ServerEvent::Negotiate(NegotiateAsked {
            call_id: self.call.id.clone(),
            from: by.peer.clone(),
            to: Some(to.clone()),
            reason,
        });
        self.tell(Audience::Device(to, device), asked);
        Ok(Reply::Done)
    }

    /// Gives a device what was kept for it: all of it `again`, or what it was not sent yet.
    pub(crate) fn hand_out(&mut self, by: &Actor, again: bool) {
        let undirected = match self.call.person(&by.peer) {
            Some(person) => person.device == by.device,
            None => self.sole_ringing(&by.peer).as_ref() == Some(&by.device),
        };
        let kept = self.call.mailbox.collect(
            &by.peer,
            &by.device,
            undirected,
            again,
            self.now,
            self.timers.signal_buffer,
        );
        for signal in kept {
            let to = Audience::Device(by.peer.clone(), by.device.clone());
            self.tell(to, self.received(signal));
        }
    }

    /// The device that a signal goes to; none when it is to be kept until there is one.
    fn addressee(
        &self,
        by: &Actor,
        standing: Standing,
        to: &PeerId,
        to_device: Option<&DeviceId>,
    ) -> Result<Option<DeviceId>, Refused> {
        let initiator = by.peer == self.call.initiator;
        match standing {
            Standing::Present(_) => {}
            Standing::Invited if *to == self.call.initiator => {}
            Standing::Invited => {
                return Err(self.refuse(
                    ErrorCode::TargetNotFound,
                    "before joining, only the initiator can be reached",
                ));
            }
            Standing::Stranger => return Err(self.stranger()),
            Standing::Elsewhere(_) | Standing::Out => {
                return Err(
                    self.refuse(ErrorCode::NotAParticipant, "this device is not in the call")
                );
            }
        }
        if let Some(person) = self.call.person(to)
            && *to != by.peer
        {
            return match to_device {
                Some(device) if *device != person.device && person.named => Err(self.refuse(
                    ErrorCode::TargetNotFound,
                    "to is in the call on another device",
                )),
                _ => Ok(Some(person.device.clone())),
            };
        }
        if !initiator || !self.call.is_invited(to) {
            return Err(self.refuse(ErrorCode::TargetNotFound, "to is not in the call"));
        }
        let rings = |device: &&DeviceId| {
            self.call
                .ringing
                .iter()
                .any(|r| r.peer == *to && r.device == **device)
        };
        Ok(match to_device {
            Some(device) => Some(device).filter(rings).cloned(),
            None => self.sole_ringing(to),
        })
    }

    /// The only device on which it rings for somebody.
    fn sole_ringing(&self, peer: &PeerId) -> Option<DeviceId> {
        let mut devices = self.call.ringing.iter().filter(|r| r.peer == *peer);
        match (devices.next(), devices.next()) {
            (Some(only), None) => Some(only.device.clone()),
            _ => None,
        }
    }

    /// An answer between the initiator and somebody counts for that somebody, whoever sent it.
    fn note_answer(&mut self, by: &Actor, standing: Standing, to: &PeerId) {
        match standing {
            Standing::Present(index) if by.peer != self.call.initiator => {
                self.at(index).answered = true;
            }
            Standing::Present(_) => {
                let other = self
                    .call
                    .people
                    .iter_mut()
                    .find(|p| p.peer == *to && p.left_at.is_none());
                if let Some(other) = other {
                    other.answered = true;
                }
            }
            _ => {
                let entry = (by.peer.clone(), by.device.clone());
                if !self.call.answers.contains(&entry) && self.call.answers.len() < MAX_RINGING {
                    self.call.answers.push(entry);
                }
            }
        }
        self.see_whether_answered();
    }

    fn received(&self, signal: Signal) -> ServerEvent {
        ServerEvent::Signal(ReceivedSignal {
            call_id: self.call.id.clone(),
            signal,
        })
    }
}
