//! The sending half of a connection: two tracks, and a task for each that gives packets their headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Acquire, Ordering::Release};

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters,
    RtpCodecKind,
};
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

use crate::audio_source::{AudioOutlet, AudioPacket};
use crate::config::PeerConfig;
use crate::engine;
use crate::event::PeerError;
use crate::video_source::{VideoOutlet, VideoPackets};

/// No payload type was agreed.
const NONE: u8 = u8::MAX;

/// A track of ours, its sender and the payload type that was agreed for it.
pub(crate) struct Sender {
    writer: Arc<Writer>,
    sender: Arc<dyn RtpSender>,
    mime_type: String,
}

/// What a sending task holds.
pub(crate) struct Writer {
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: AtomicU8,
}

/// Adds both tracks. An offer then holds sound and pictures, both directions, and toggles never renegotiate.
pub(crate) async fn add_tracks(
    connection: &Arc<dyn PeerConnection>,
    config: &PeerConfig,
) -> Result<(Sender, Sender), PeerError> {
    let preferred = config.video_codecs.first();
    let codec = preferred.and_then(|codec| engine::video_codec(*codec));
    let codec = codec.ok_or_else(|| PeerError::SetUp("no video codec".into()))?;
    let audio = add_track(connection, RtpCodecKind::Audio, engine::opus()).await?;
    let video = add_track(connection, RtpCodecKind::Video, codec).await?;
    Ok((audio, video))
}

async fn add_track(
    connection: &Arc<dyn PeerConnection>,
    kind: RtpCodecKind,
    codec: RTCRtpCodec,
) -> Result<Sender, PeerError> {
    let mime_type = codec.mime_type.clone();
    let ssrc: u32 = rand::random();
    let rtx = (kind == RtpCodecKind::Video).then(|| RTCRtpRtxParameters {
        ssrc: ssrc.wrapping_add(1),
    });
    let coding = RTCRtpCodingParameters {
        ssrc: Some(ssrc),
        rtx,
        ..Default::default()
    };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: coding,
        codec,
        active: true,
        ..Default::default()
    };
    let (stream_id, track_id) = ("ringwire".to_owned(), format!("{kind}-{ssrc:08x}"));
    let track = MediaStreamTrack::new(stream_id, track_id, kind.to_string(), kind, vec![encoding]);
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let sender = connection.add_track(track.clone()).await;
    let sender = sender.map_err(|error| PeerError::SetUp(error.to_string()))?;
    let writer = Writer {
        track,
        ssrc,
        payload_type: AtomicU8::new(NONE),
    };
    Ok(Sender {
        writer: Arc::new(writer),
        sender,
        mime_type,
    })
}

impl Sender {
    pub(crate) fn writer(&self) -> Arc<Writer> {
        self.writer.clone()
    }

    /// Learns which payload type was agreed; to be called after each negotiation. `false` if none was.
    pub(crate) async fn refresh(&self) -> bool {
        let Ok(parameters) = self.sender.get_parameters().await else {
            return false;
        };
        let agreed = parameters.rtp_parameters.codecs.iter().find(|codec| {
            let name = &codec.rtp_codec.mime_type;
            name.eq_ignore_ascii_case(&self.mime_type)
        });
        let payload_type = agreed.map_or(NONE, |codec| codec.payload_type);
        self.writer.payload_type.store(payload_type, Release);
        payload_type != NONE
    }
}

impl Writer {
    /// `Err` when the engine has ended.
    async fn write(
        &self,
        sequence_number: u16,
        timestamp: u32,
        marker: bool,
        payload: Bytes,
    ) -> webrtc::error::Result<()> {
        let header = rtp::header::Header {
            version: 2,
            payload_type: self.payload_type.load(Acquire),
            sequence_number,
            timestamp,
            marker,
            ssrc: self.ssrc,
            ..Default::default()
        };
        self.track.write_rtp(rtp::Packet { header, payload }).await
    }
}

/// Sends sound until its source lets go or the engine ends.
pub(crate) async fn send_audio(
    writer: Arc<Writer>,
    outlet: Arc<AudioOutlet>,
    mut packets: mpsc::Receiver<AudioPacket>,
) {
    let mut sequence_number: u16 = rand::random();
    while let Some(packet) = packets.recv().await {
        if !outlet.is_open() {
            continue;
        }
        let (timestamp, marker) = (packet.timestamp, packet.marker);
        let sent = writer
            .write(sequence_number, timestamp, marker, packet.payload)
            .await;
        if sent.is_err() {
            return;
        }
        sequence_number = sequence_number.wrapping_add(1);
    }
}

/// Sends pictures until their source lets go or the engine ends.
pub(crate) async fn send_video(
    writer: Arc<Writer>,
    outlet: Arc<VideoOutlet>,
    mut frames: mpsc::Receiver<Arc<VideoPackets>>,
) {
    let mut sequence_number: u16 = rand::random();
    while let Some(frame) = frames.recv().await {
        for payload in &frame.payloads {
            if !outlet.is_open() {
                outlet.set_broken();
                break;
            }
            let (timestamp, marker) = (frame.timestamp, payload.marker);
            let sent = writer
                .write(sequence_number, timestamp, marker, payload.data.clone())
                .await;
            if sent.is_err() {
                return;
            }
            sequence_number = sequence_number.wrapping_add(1);
        }
    }
}
