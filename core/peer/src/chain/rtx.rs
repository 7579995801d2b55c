//! Turns retransmissions (RTX, RFC 4588) back into packets of the stream that they repair.
//! The engine does so too, but after its NACK generator, which then asks again for what has come.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// The stream that an RTX stream repairs.
struct Primary {
    ssrc: u32,
    payload_type: u8,
}

#[derive(Default)]
pub(super) struct RtxRestore {
    /// By the SSRC of the RTX stream.
    streams: HashMap<u32, Primary>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for RtxRestore {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(rtp) = &mut packet.message.packet
            && let Some(primary) = self.streams.get(&rtp.header.ssrc)
        {
            // Without the original sequence number it is padding that probes the bandwidth.
            let Some((&original, _)) = rtp.payload.split_first_chunk::<2>() else {
                return Ok(());
            };
            rtp.header.ssrc = primary.ssrc;
            rtp.header.payload_type = primary.payload_type;
            rtp.header.sequence_number = u16::from_be_bytes(original);
            rtp.header.padding = false;
            rtp.payload = rtp.payload.slice(2..);
        }
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for RtxRestore {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        if let (Some(rtx), Some(_)) = (info.ssrc_rtx, info.payload_type_rtx) {
            let primary = Primary {
                ssrc: info.ssrc,
                payload_type: info.payload_type,
            };
            self.streams.insert(rtx, primary);
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        if let Some(rtx) = info.ssrc_rtx {
            self.streams.remove(&rtx);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::interceptor::AttributedPacket;
    use rtc::rtp;
    use rtc::shared::TransportContext;

    use super::*;

    fn received(ssrc: u32, sequence_number: u16, payload: &'static [u8]) -> TaggedPacket {
        let header = rtp::header::Header {
            version: 2,
            ssrc,
            sequence_number,
            payload_type: 97,
            ..Default::default()
        };
        TaggedPacket {
            now: Instant::now(),
            transport: TransportContext::default(),
            message: AttributedPacket::new(Packet::Rtp(rtp::Packet {
                header,
                payload: Bytes::from_static(payload),
            })),
        }
    }

    fn restore() -> RtxRestore {
        let mut restore = RtxRestore::default();
        restore.bind_remote_stream(&StreamInfo {
            ssrc: 1,
            ssrc_rtx: Some(2),
            payload_type: 96,
            payload_type_rtx: Some(97),
            ..Default::default()
        });
        restore
    }

    #[test]
    fn a_retransmission_becomes_the_packet_that_was_lost() {
        let mut restore = restore();
        restore
            .handle_read(received(2, 9, &[0x12, 0x34, 7, 8]))
            .unwrap();
        let Some(packet) = restore.poll_read() else {
            panic!("swallowed")
        };
        let Packet::Rtp(rtp) = packet.message.packet else {
            panic!("not RTP")
        };
        assert_eq!((rtp.header.ssrc, rtp.header.payload_type), (1, 96));
        assert_eq!(rtp.header.sequence_number, 0x1234);
        assert_eq!(&rtp.payload[..], [7, 8]);
    }

    #[test]
    fn a_probe_is_swallowed_and_other_streams_pass_untouched() {
        let mut restore = restore();
        restore.handle_read(received(2, 9, &[0])).unwrap();
        assert!(restore.poll_read().is_none());
        restore.handle_read(received(1, 9, &[0, 1, 2])).unwrap();
        let Some(packet) = restore.poll_read() else {
            panic!("swallowed")
        };
        let Packet::Rtp(rtp) = packet.message.packet else {
            panic!("not RTP")
        };
        assert_eq!((rtp.header.sequence_number, rtp.payload.len()), (9, 3));
    }
}
