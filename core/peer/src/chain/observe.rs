//! Counts what passes and hears what the other end asks for: losses, NACKs, PLIs, FIRs.
//! Changes nothing; the engine's own counters of these stay at zero.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use crate::event::TrackKind;
use crate::link::Link;
use crate::stats::Loss;

#[derive(Clone, Copy)]
struct Stream {
    kind: TrackKind,
    clock_rate: u32,
}

pub(super) struct Observer {
    link: Arc<Link>,
    local: HashMap<u32, Stream>,
    remote: HashMap<u32, Stream>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

type RtcpPackets = [Box<dyn rtc::rtcp::Packet>];

impl Observer {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            local: HashMap::new(),
            remote: HashMap::new(),
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }

    fn rtcp_received(&self, packets: &RtcpPackets) {
        for packet in packets {
            let packet = packet.as_any();
            if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                self.reported(&report.reports);
            } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
                self.reported(&report.reports);
            } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                if let Some(stream) = self.local.get(&nack.media_ssrc) {
                    self.link.count(|c| c.of(stream.kind).nacks_received += 1);
                }
            } else if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
                self.key_frame_asked(&[pli.media_ssrc]);
            } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
                let ssrcs: Vec<u32> = fir.fir.iter().map(|entry| entry.ssrc).collect();
                self.key_frame_asked(&ssrcs);
            }
        }
    }

    fn key_frame_asked(&self, ssrcs: &[u32]) {
        for stream in ssrcs.iter().filter_map(|ssrc| self.local.get(ssrc)) {
            self.link.count(|c| c.plis_received += 1);
            self.link.ask_for_key_frame(stream.kind);
        }
    }

    /// How the other end receives us.
    fn reported(&self, reports: &[ReceptionReport]) {
        for report in reports {
            if let Some(stream) = self.local.get(&report.ssrc) {
                let reception = reception(report, stream.clock_rate);
                self.link.count(|c| c.of(stream.kind).outbound = reception);
            }
        }
    }

    fn rtcp_sent(&self, packets: &RtcpPackets) {
        for packet in packets {
            let packet = packet.as_any();
            if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                for report in &report.reports {
                    if let Some(stream) = self.remote.get(&report.ssrc) {
                        let reception = reception(report, stream.clock_rate);
                        self.link.count(|c| c.of(stream.kind).inbound = reception);
                    }
                }
            } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                if let Some(stream) = self.remote.get(&nack.media_ssrc) {
                    self.link.count(|c| c.of(stream.kind).nacks_sent += 1);
                }
            } else if packet.is::<PictureLossIndication>() {
                self.link.count(|c| c.plis_sent += 1);
            }
        }
    }
}

fn reception(report: &ReceptionReport, clock_rate: u32) -> Loss {
    Loss {
        packets_lost: u64::from(report.total_lost),
        fraction_lost: f32::from(report.fraction_lost) / 256.0,
        jitter: Duration::from_secs_f64(f64::from(report.jitter) / f64::from(clock_rate.max(1))),
    }
}

/// The stream's primary SSRC, and that of its retransmissions which are counted as its own.
fn bind(streams: &mut HashMap<u32, Stream>, info: &StreamInfo, link: &Link) {
    let kind = if info.mime_type.starts_with("audio/") {
        TrackKind::Audio
    } else {
        link.kind_of_pictures(info.ssrc)
    };
    let stream = Stream {
        kind,
        clock_rate: info.clock_rate,
    };
    streams.insert(info.ssrc, stream);
    if let Some(rtx) = info.ssrc_rtx {
        streams.insert(rtx, stream);
    }
}

fn unbind(streams: &mut HashMap<u32, Stream>, info: &StreamInfo) {
    streams.remove(&info.ssrc);
    if let Some(rtx) = info.ssrc_rtx {
        streams.remove(&rtx);
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Observer {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        match &packet.message.packet {
            Packet::Rtcp(packets) => self.rtcp_received(packets),
            Packet::Rtp(rtp) => {
                if let Some(stream) = self.remote.get(&rtp.header.ssrc) {
                    self.link.count(|c| {
                        let counters = c.of(stream.kind);
                        counters.packets_received += 1;
                        counters.bytes_received += rtp.marshal_size() as u64;
                    });
                }
            }
            _ => {}
        }
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        match &packet.message.packet {
            Packet::Rtcp(packets) => self.rtcp_sent(packets),
            Packet::Rtp(rtp) => {
                if let Some(stream) = self.local.get(&rtp.header.ssrc) {
                    self.link.count(|c| {
                        let counters = c.of(stream.kind);
                        counters.packets_sent += 1;
                        counters.bytes_sent += rtp.marshal_size() as u64;
                    });
                }
            }
            _ => {}
        }
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for Observer {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        bind(&mut self.local, info, &self.link);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        unbind(&mut self.local, info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        bind(&mut self.remote, info, &self.link);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        unbind(&mut self.remote, info);
    }
}
