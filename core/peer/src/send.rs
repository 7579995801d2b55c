//! The sending half of a connection: its tracks, and a task for each that gives packets their headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Acquire, Ordering::Release};

use bytes::Bytes;
use ringwire_media::Rotation;
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
use crate::config::VideoCodec;
use crate::engine;
use crate::event::PeerError;
use crate::video_source::{VideoOutlet, VideoPackets};

/// No payload type was agreed.
const NONE: u8 = u8::MAX;
/// No header extension was agreed; zero is no identifier of one (RFC 8285 §4.2).
const NO_EXTENSION: u8 = 0;

/// A track of ours and its sender.
pub(crate) struct Sender {
    writer: Arc<Writer>,
    sender: Arc<dyn RtpSender>,
    identity: Identity,
    /// The codec that the engine's chain was told of; it cannot be told another.
    bound: Option<VideoCodec>,
}

/// What stays the same whatever the codec.
#[derive(Clone)]
struct Identity {
    kind: RtpCodecKind,
    ssrc: u32,
    track_id: String,
}

/// What a sending task holds.
pub(crate) struct Writer {
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: AtomicU8,
    /// Identifier of the video-orientation extension.
    orientation: AtomicU8,
}

/// SSRC of the retransmissions of a track of ours.
pub(crate) fn rtx_ssrc(ssrc: u32) -> u32 {
    ssrc.wrapping_add(1)
}

/// Adds the track for sound.
pub(crate) async fn add_audio(
    connection: &Arc<dyn PeerConnection>,
    ssrc: u32,
) -> Result<Sender, PeerError> {
    add_track(connection, RtpCodecKind::Audio, ssrc, engine::opus()).await
}

/// Adds a track for pictures, which offers all of `codecs`.
pub(crate) async fn add_video(
    connection: &Arc<dyn PeerConnection>,
    ssrc: u32,
    codecs: &[VideoCodec],
) -> Result<Sender, PeerError> {
    let refused = |error: webrtc::error::Error| PeerError::SetUp(error.to_string());
    let preferred = codecs.first();
    let codec = preferred.and_then(|codec| engine::video_codec(*codec));
    let codec = codec.ok_or_else(|| PeerError::SetUp("no video codec".into()))?;
    let sender = add_track(connection, RtpCodecKind::Video, ssrc, codec).await?;
    let id = sender.sender.id();
    for transceiver in connection.get_transceivers().await {
        if transceiver.id() == id.into() {
            let codecs = engine::video_codecs(codecs);
            let listed = transceiver.set_codec_preferences(codecs).await;
            listed.map_err(refused)?;
        }
    }
    Ok(sender)
}

async fn add_track(
    connection: &Arc<dyn PeerConnection>,
    kind: RtpCodecKind,
    ssrc: u32,
    codec: RTCRtpCodec,
) -> Result<Sender, PeerError> {
    let identity = Identity {
        kind,
        ssrc,
        track_id: format!("{kind}-{ssrc:08x}"),
    };
    let track = Arc::new(TrackLocalStaticRTP::new(identity.track(Some(codec))));
    let sender = connection.add_track(track.clone()).await;
    let sender = sender.map_err(|error| PeerError::SetUp(error.to_string()))?;
    let writer = Writer {
        track,
        ssrc,
        payload_type: AtomicU8::new(NONE),
        orientation: AtomicU8::new(NO_EXTENSION),
    };
    Ok(Sender {
        writer: Arc::new(writer),
        sender,
        identity,
        bound: None,
    })
}

impl Identity {
    /// The track as the engine knows it; without a codec one that its chain is not told of.
    fn track(&self, codec: Option<RTCRtpCodec>) -> MediaStreamTrack {
        let ssrc = self.ssrc;
        let rtx = (self.kind == RtpCodecKind::Video).then(|| RTCRtpRtxParameters {
            ssrc: rtx_ssrc(ssrc),
        });
        let encodings = codec.map(|codec| RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                rtx: rtx.clone(),
                ..Default::default()
            },
            codec,
            active: true,
            ..Default::default()
        });
        MediaStreamTrack::new(
            "ringwire".to_owned(),
            self.track_id.clone(),
            self.kind.to_string(),
            self.kind,
            encodings.into_iter().collect(),
        )
    }
}

impl Sender {
    pub(crate) fn writer(&self) -> Arc<Writer> {
        self.writer.clone()
    }

    /// The codec of our pictures that was agreed first, and stays.
    pub(crate) fn codec(&self) -> Option<VideoCodec> {
        self.bound
    }

    /// To be called before a description is applied by which pictures are sent as `codec`, or not at all: the engine
    /// tells its chain of the track then, once, with the codec that the track has.
    pub(crate) async fn prepare(&self, codec: Option<VideoCodec>) {
        if self.bound.is_some() {
            return;
        }
        let track = self.identity.track(codec.and_then(engine::video_codec));
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        if let Err(error) = self.sender.replace_track(track).await {
            tracing::warn!(%error, "the track keeps its codec");
        }
    }

    /// Learns what was agreed; to be called when a negotiation came to its end. `codec` for pictures.
    /// Whether anything was.
    pub(crate) async fn settle(&mut self, codec: Option<VideoCodec>) -> bool {
        let name = match self.identity.kind {
            RtpCodecKind::Audio => Some(engine::opus().mime_type),
            _ => codec.and_then(engine::video_codec).map(|c| c.mime_type),
        };
        self.bound = self.bound.or(codec);
        let (Ok(parameters), Some(name)) = (self.sender.get_parameters().await, name) else {
            self.writer.payload_type.store(NONE, Release);
            return false;
        };
        let parameters = parameters.rtp_parameters;
        let mut codecs = parameters.codecs.iter();
        let agreed = codecs.find(|held| held.rtp_codec.mime_type.eq_ignore_ascii_case(&name));
        let payload_type = agreed.map_or(NONE, |codec| codec.payload_type);
        self.writer.payload_type.store(payload_type, Release);
        let mut extensions = parameters.header_extensions.iter();
        let orientation = extensions.find(|held| held.uri == engine::VIDEO_ORIENTATION_URI);
        let id = orientation.and_then(|held| u8::try_from(held.id).ok());
        let id = id.unwrap_or(NO_EXTENSION);
        self.writer.orientation.store(id, Release);
        payload_type != NONE
    }
}

impl Writer {
    /// The identifier of the video-orientation extension, if it was agreed.
    pub(crate) fn orientation(&self) -> Option<u8> {
        let id = self.orientation.load(Acquire);
        (id != NO_EXTENSION).then_some(id)
    }

    /// `Err` when the engine has ended.
    async fn write(
        &self,
        sequence_number: u16,
        timestamp: u32,
        marker: bool,
        payload: Bytes,
        rotation: Option<Rotation>,
    ) -> webrtc::error::Result<()> {
        let mut header = rtp::header::Header {
            version: 2,
            payload_type: self.payload_type.load(Acquire),
            sequence_number,
            timestamp,
            marker,
            ssrc: self.ssrc,
            ..Default::default()
        };
        if let (Some(rotation), Some(id)) = (rotation, self.orientation()) {
            header.set_extension(id, Bytes::copy_from_slice(&[rotation.to_cvo()]))?;
        }
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
            .write(sequence_number, timestamp, marker, packet.payload, None)
            .await;
        if sent.is_err() {
            return;
        }
        sequence_number = sequence_number.wrapping_add(1);
    }
}

/// Sends pictures until their source lets go or the engine ends. The rotation goes with the last packet of each key
/// frame and of each frame that has another one than the last (3GPP TS 26.114 §7.4.5).
pub(crate) async fn send_video(
    writer: Arc<Writer>,
    outlet: Arc<VideoOutlet>,
    mut frames: mpsc::Receiver<Arc<VideoPackets>>,
) {
    let mut sequence_number: u16 = rand::random();
    let mut turned = None;
    while let Some(frame) = frames.recv().await {
        let has_turned = turned.replace(frame.rotation) != Some(frame.rotation);
        let is_news = frame.key_frame || has_turned;
        for payload in &frame.payloads {
            if !outlet.is_open() {
                outlet.set_broken();
                break;
            }
            let (timestamp, marker) = (frame.timestamp, payload.marker);
            let rotation = (is_news && marker).then_some(frame.rotation);
            let data = payload.data.clone();
            let sent = writer
                .write(sequence_number, timestamp, marker, data, rotation)
                .await;
            if sent.is_err() {
                return;
            }
            sequence_number = sequence_number.wrapping_add(1);
        }
    }
}
