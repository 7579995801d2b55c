//! Releases pictures at a steady rate instead of in bursts; sound and RTCP go straight through.
//! Whoever pushes pictures reads the backlog from the link and stops pushing; nothing is judged here.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use crate::link::Link;

/// A key frame may leave faster than the estimate, as in libwebrtc.
const HEADROOM: f64 = 2.5;
/// Shortest pause between two bursts.
const INTERVAL: Duration = Duration::from_millis(5);
/// Bound of each queue; what comes when it is full is dropped.
const LIMIT: usize = 2_048;

pub(super) struct Pacer {
    link: Arc<Link>,
    /// SSRCs of sound.
    audio: HashSet<u32>,
    /// Retransmissions go before new pictures: someone waits for them.
    repairs: VecDeque<TaggedPacket>,
    pictures: VecDeque<TaggedPacket>,
    /// What both queues hold.
    backlog_bytes: usize,
    /// What may leave now; below zero when the last packet overdrew it.
    budget_bytes: f64,
    refilled: Option<Instant>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Pacer {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            audio: HashSet::new(),
            repairs: VecDeque::new(),
            pictures: VecDeque::new(),
            backlog_bytes: 0,
            budget_bytes: 0.0,
            refilled: None,
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }

    fn bytes_per_second(&self) -> f64 {
        self.link.target_bps() as f64 * HEADROOM / 8.0
    }

    fn refill(&mut self, now: Instant) {
        let rate = self.bytes_per_second();
        let burst = rate * INTERVAL.as_secs_f64();
        let earned = match self.refilled {
            Some(before) => rate * now.saturating_duration_since(before).as_secs_f64(),
            None => burst,
        };
        self.budget_bytes = (self.budget_bytes + earned).min(burst);
        self.refilled = Some(now);
    }

    /// Lets go what the budget allows; the last packet may overdraw it.
    fn release(&mut self, now: Instant) {
        while self.budget_bytes > 0.0 {
            let next = self
                .repairs
                .pop_front()
                .or_else(|| self.pictures.pop_front());
            let Some(mut packet) = next else { break };
            let bytes = size(&packet);
            self.budget_bytes -= bytes as f64;
            self.backlog_bytes = self.backlog_bytes.saturating_sub(bytes);
            // The send history takes this for the instant of departure.
            packet.now = now;
            self.write.push_back(packet);
        }
        self.link.set_backlog_bytes(self.backlog_bytes);
    }

    fn is_waiting(&self) -> bool {
        !(self.repairs.is_empty() && self.pictures.is_empty())
    }
}

fn size(packet: &TaggedPacket) -> usize {
    match &packet.message.packet {
        Packet::Rtp(rtp) => rtp.marshal_size(),
        _ => 0,
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Pacer {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        let ssrc = match &packet.message.packet {
            Packet::Rtp(rtp) => rtp.header.ssrc,
            _ => {
                self.write.push_back(packet);
                return Ok(());
            }
        };
        if self.audio.contains(&ssrc) {
            self.write.push_back(packet);
            return Ok(());
        }
        let (now, bytes) = (packet.now, size(&packet));
        let queue = if packet.message.has(&Attribute::Retransmission) {
            &mut self.repairs
        } else {
            &mut self.pictures
        };
        if queue.len() < LIMIT {
            queue.push_back(packet);
            self.backlog_bytes += bytes;
        }
        self.refill(now);
        self.release(now);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.is_waiting() {
            self.refill(now);
            self.release(now);
        }
        Ok(())
    }

    /// When the budget is positive again; never before the instant of the last refill plus one millisecond.
    fn poll_timeout(&mut self) -> Option<Instant> {
        if !self.is_waiting() {
            return None;
        }
        let overdrawn =
            Duration::from_secs_f64(-self.budget_bytes.min(0.0) / self.bytes_per_second());
        self.refilled
            .map(|refilled| refilled + overdrawn.max(INTERVAL))
    }
}

impl Interceptor for Pacer {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if info.mime_type.starts_with("audio/") {
            self.audio.insert(info.ssrc);
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.audio.remove(&info.ssrc);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::interceptor::AttributedPacket;
    use rtc::rtp;
    use rtc::shared::TransportContext;

    use super::*;

    const AUDIO: u32 = 1;
    const VIDEO: u32 = 2;

    fn pacer() -> (Pacer, Arc<Link>) {
        let link = Arc::new(Link::new(|_| ()));
        link.set_target_bps(400_000);
        let mut pacer = Pacer::new(link.clone());
        pacer.bind_local_stream(&StreamInfo {
            ssrc: AUDIO,
            mime_type: "audio/opus".into(),
            ..Default::default()
        });
        (pacer, link)
    }

    fn packet(now: Instant, ssrc: u32) -> TaggedPacket {
        let header = rtp::header::Header {
            version: 2,
            ssrc,
            ..Default::default()
        };
        TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: AttributedPacket::new(Packet::Rtp(rtp::Packet {
                header,
                payload: Bytes::from_static(&[0; 1_000]),
            })),
        }
    }

    fn released(pacer: &mut Pacer) -> Vec<u32> {
        let mut ssrcs = Vec::new();
        while let Some(packet) = pacer.poll_write() {
            let Packet::Rtp(rtp) = packet.message.packet else {
                continue;
            };
            ssrcs.push(rtp.header.ssrc);
        }
        ssrcs
    }

    #[test]
    fn sound_overtakes_pictures_that_wait() {
        let (mut pacer, link) = pacer();
        let now = Instant::now();
        for _ in 0..50 {
            pacer.handle_write(packet(now, VIDEO)).unwrap();
        }
        assert!(released(&mut pacer).len() < 5);
        assert!(link.backlog_bytes() > 40_000);
        pacer.handle_write(packet(now, AUDIO)).unwrap();
        assert_eq!(released(&mut pacer), [AUDIO]);
    }

    #[test]
    fn pictures_leave_at_two_and_a_half_times_the_estimate() {
        let (mut pacer, link) = pacer();
        let start = Instant::now();
        for _ in 0..500 {
            pacer.handle_write(packet(start, VIDEO)).unwrap();
        }
        let mut sent = released(&mut pacer).len();
        while let Some(at) = pacer.poll_timeout() {
            if at > start + Duration::from_secs(2) {
                break;
            }
            pacer.handle_timeout(at).unwrap();
            sent += released(&mut pacer).len();
        }
        // 1 Mbit/s for two seconds in packets of 1,012 bytes.
        assert!((240..=255).contains(&sent), "{sent}");
        assert_eq!(link.backlog_bytes(), (500 - sent) * 1_012);
    }

    #[test]
    fn retransmissions_go_before_new_pictures() {
        let (mut pacer, _link) = pacer();
        let now = Instant::now();
        for _ in 0..10 {
            pacer.handle_write(packet(now, VIDEO)).unwrap();
        }
        released(&mut pacer);
        let mut repair = packet(now, 3);
        repair.message.add(Attribute::Retransmission);
        pacer.handle_write(repair).unwrap();
        let at = pacer.poll_timeout().unwrap();
        pacer.handle_timeout(at).unwrap();
        assert_eq!(released(&mut pacer).first(), Some(&3));
    }

    #[test]
    fn an_idle_pacer_asks_for_no_wake_up() {
        let (mut pacer, _link) = pacer();
        assert_eq!(pacer.poll_timeout(), None);
        pacer.handle_write(packet(Instant::now(), VIDEO)).unwrap();
        assert_eq!(pacer.poll_timeout(), None);
    }
}
