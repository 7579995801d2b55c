//! What people in a call say of themselves: toggles, heartbeats, quality, paths, sockets.

use ringwire_protocol::client::{QualityStats, Segment};
use ringwire_protocol::server::{
    MediaToggled, PeerPresence, PeerReconnect, QualityAlert, TranslatedSegment,
};
use ringwire_protocol::{CallStatus, ErrorCode, MediaType, ServerEvent};

use crate::command::Actor;
use crate::step::{Standing, Step};
use crate::transition::{Audience, Refused, Reply};

/// Percent of lost packets above which a report is bad.
pub(crate) const BAD_PACKET_LOSS: f64 = 5.0;
/// Round trip, ms, above which a report is bad.
pub(crate) const BAD_RTT_MS: f64 = 400.0;

impl Step<'_> {
    pub(crate) fn toggle(
        &mut self,
        by: &Actor,
        media: MediaType,
        on: bool,
    ) -> Result<Reply, Refused> {
        let index = self.present(by)?;
        let person = self.at(index);
        let place = match &media {
            MediaType::Audio => &mut person.audio,
            MediaType::Video => &mut person.video,
            MediaType::Screen => &mut person.screen,
            MediaType::Hold => &mut person.held,
            MediaType::Unknown(_) => {
                return Err(self.refuse(ErrorCode::MediaToggleFailed, "there is no such toggle"));
            }
        };
        if *place == on {
            return Ok(Reply::Done);
        }
        *place = on;
        let toggled = ServerEvent::MediaToggled(MediaToggled {
            call_id: self.call.id.clone(),
            participant_id: self.call.membership(&by.peer),
            user_id: Some(by.peer.clone()),
            media_type: media,
            enabled: on,
            version: None,
        });
        self.tell_others(index, &toggled);
        Ok(Reply::Done)
    }

    /// Answers with status and version, also after the end: that is how a client learns of it.
    pub(crate) fn heartbeat(&mut self, by: &Actor) -> Result<Reply, Refused> {
        if self.call.end.is_none() {
            let index = self.present(by)?;
            self.at(index).heartbeat = Some(self.now);
        } else if self.call.member(&by.peer).is_none() {
            return Err(self.stranger());
        }
        // The step fills in what is true when it closes.
        Ok(Reply::Heartbeat {
            status: CallStatus::Ended,
            version: 0,
        })
    }

    /// Keeps the report; the second bad one in a row is told to the others.
    pub(crate) fn quality(&mut self, by: &Actor, stats: QualityStats) -> Result<Reply, Refused> {
        let index = self.present(by)?;
        let bad = if stats.packet_loss > BAD_PACKET_LOSS {
            Some(("packetLoss", stats.packet_loss, BAD_PACKET_LOSS))
        } else if stats.rtt > BAD_RTT_MS {
            Some(("rtt", stats.rtt, BAD_RTT_MS))
        } else {
            None
        };
        let person = self.at(index);
        person.quality = Some(stats);
        person.bad_reports = match bad {
            Some(_) => person.bad_reports.saturating_add(1),
            None => 0,
        };
        let second = person.bad_reports == 2;
        if let Some((metric, value, threshold)) = bad.filter(|_| second) {
            let alert = ServerEvent::QualityAlert(QualityAlert {
                call_id: self.call.id.clone(),
                participant_id: self.call.membership(&by.peer),
                user_id: Some(by.peer.clone()),
                metric: metric.into(),
                value,
                threshold,
            });
            self.tell_others(index, &alert);
        }
        Ok(Reply::Done)
    }

    /// `call:reconnecting` and `call:reconnected`; before an answer they mean nothing.
    pub(crate) fn path(&mut self, by: &Actor, lost: bool, attempt: u32) -> Result<Reply, Refused> {
        let index = self.present(by)?;
        if self.call.answered_at.is_none() {
            return Ok(Reply::Done);
        }
        self.at(index).path_lost = lost;
        let reconnect = PeerReconnect {
            call_id: self.call.id.clone(),
            participant_id: self.call.membership(&by.peer),
            user_id: Some(by.peer.clone()),
            attempt,
            version: None,
        };
        let event = match lost {
            true => ServerEvent::Reconnecting(reconnect),
            false => ServerEvent::Reconnected(reconnect),
        };
        self.tell_others(index, &event);
        Ok(Reply::Done)
    }

    pub(crate) fn background(&mut self, by: &Actor, hidden: bool) -> Result<Reply, Refused> {
        let index = self.present(by)?;
        self.at(index).background = hidden;
        let presence = PeerPresence {
            call_id: self.call.id.clone(),
            participant_id: self.call.membership(&by.peer),
            user_id: Some(by.peer.clone()),
        };
        let event = match hidden {
            true => ServerEvent::Backgrounded(presence),
            false => ServerEvent::Foregrounded(presence),
        };
        self.tell_others(index, &event);
        Ok(Reply::Done)
    }

    /// What somebody said goes to all, under their own name.
    pub(crate) fn said(&mut self, by: &Actor, mut segment: Segment) -> Result<Reply, Refused> {
        self.present(by)?;
        segment.speaker_id = Some(by.peer.clone());
        let event = ServerEvent::TranslatedSegment(TranslatedSegment {
            call_id: self.call.id.clone(),
            segment,
            translation: None,
        });
        self.tell_others(usize::MAX, &event);
        Ok(Reply::Done)
    }

    /// A lost socket is no hang-up: it only starts a clock.
    pub(crate) fn socket_lost(&mut self, by: &Actor) -> Result<Reply, Refused> {
        if let (None, Standing::Present(index)) = (&self.call.end, self.standing(by)) {
            let now = self.now;
            self.at(index).socket_lost.get_or_insert(now);
        }
        Ok(Reply::Done)
    }

    /// The device is there again: it gets what was sent while it was away.
    pub(crate) fn socket_back(&mut self, by: &Actor) -> Result<Reply, Refused> {
        if self.call.end.is_some() {
            return Ok(Reply::Done);
        }
        match self.standing(by) {
            Standing::Present(index) => self.come_back_to(by, index),
            // A client that names no device has a new one with each socket.
            Standing::Elsewhere(index) => {
                let person = self.at(index);
                if person.socket_lost.is_some() && !person.named && !by.named {
                    person.device = by.device.clone();
                    person.guessed = true;
                    self.come_back_to(by, index);
                }
            }
            _ => {}
        }
        Ok(Reply::Done)
    }

    pub(crate) fn come_back(&mut self, index: usize) {
        self.at(index).socket_lost = None;
    }

    fn come_back_to(&mut self, by: &Actor, index: usize) {
        self.come_back(index);
        if by.peer == self.call.initiator {
            let to = Audience::Device(by.peer.clone(), by.device.clone());
            for ringing in self.call.ringing.clone() {
                let event = self.ringing_at(ringing.peer, ringing.device, &ringing.capabilities);
                self.tell(to.clone(), event);
            }
        }
        self.hand_out(by, true);
    }
}
