//! Builds the engine of a connection: codecs, header extensions, settings, sockets.
//! The choices that webrtc-rs 0.21.1 forces on us are made here and in `chain`.

use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MediaEngine,
};
use rtc::peer_connection::configuration::setting_engine::{SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sdp::extmap;
use tokio::sync::mpsc;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, RTCConfiguration, RTCConfigurationBuilder, RTCIceServer,
    RTCIceTransportPolicy,
};

use crate::chain;
use crate::codec::H264_FMTP;
use crate::config::{IcePolicy, IceServer, PeerConfig, VideoCodec};
use crate::event::PeerError;
use crate::handler::{Handler, Notice};
use crate::link::Link;
use crate::nudge::Nudge;
use crate::runtime::PeerRuntime;

const OPUS_PAYLOAD_TYPE: u8 = 111;
/// Payload types of the first video codec and its RTX; the next codecs follow in pairs.
const FIRST_VIDEO_PAYLOAD_TYPE: u8 = 96;
/// How the picture must be turned (3GPP TS 26.114 §7.4.5).
pub(crate) const VIDEO_ORIENTATION_URI: &str = "urn:3gpp:video-orientation";
/// Pace of connectivity checks; the default of 200 ms makes setting up slow.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// Checks of one pair before it is given up: 1.4 s, as long as the default pace takes for its seven, so that a slow path is
/// not given up before its first answer.
const CHECKS: u16 = 70;

/// A connection without tracks, its sockets bound.
pub(crate) async fn build(
    config: &PeerConfig,
    link: &Arc<Link>,
    notices: &mpsc::UnboundedSender<Notice>,
    nudge: &Nudge,
) -> Result<Arc<dyn PeerConnection>, PeerError> {
    if config.mdns {
        match build_with(config, link, notices, nudge, MulticastDnsMode::QueryOnly).await {
            Ok(connection) => return Ok(connection),
            Err(error) => tracing::debug!(%error, "no mDNS here, going on without"),
        }
    }
    build_with(config, link, notices, nudge, MulticastDnsMode::Disabled).await
}

async fn build_with(
    config: &PeerConfig,
    link: &Arc<Link>,
    notices: &mpsc::UnboundedSender<Notice>,
    nudge: &Nudge,
    mdns: MulticastDnsMode,
) -> Result<Arc<dyn PeerConnection>, PeerError> {
    let refused = |error: webrtc::error::Error| PeerError::SetUp(error.to_string());
    let connection = PeerConnectionBuilder::new()
        .with_configuration(configuration(&config.ice_servers, config.ice_policy))
        .with_media_engine(media_engine(&config.video_codecs).map_err(refused)?)
        .with_interceptor_registry(chain::registry(link))
        .with_setting_engine(settings(mdns))
        .with_runtime(Arc::new(PeerRuntime::new(notices.clone(), nudge.clone())))
        .with_handler(Arc::new(Handler {
            notices: notices.clone(),
            nudge: nudge.clone(),
        }))
        .with_udp_addrs(config.bind.clone())
        .build()
        .await
        .map_err(refused)?;
    Ok(Arc::new(connection))
}

pub(crate) fn configuration(servers: &[IceServer], policy: IcePolicy) -> RTCConfiguration {
    let servers = servers.iter().map(|server| RTCIceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.clone(),
    });
    RTCConfigurationBuilder::new()
        .with_ice_servers(servers.collect())
        .with_ice_transport_policy(match policy {
            IcePolicy::All => RTCIceTransportPolicy::All,
            IcePolicy::Relay => RTCIceTransportPolicy::Relay,
        })
        .build()
}

fn settings(mdns: MulticastDnsMode) -> SettingEngine {
    SettingEngineBuilder::new()
        // Without it the role that was agreed is lost when the offerer changes, and Chromium refuses the answer.
        .with_answering_dtls_role(RTCDtlsRole::Server)
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        // A restart binds the interfaces that there are now.
        .with_discard_local_candidates_during_ice_restart(true)
        .with_multicast_dns_mode(mdns)
        .build()
}

/// Opus, and each video codec with its RTX, with the feedback and header extensions that both directions need.
fn media_engine(video: &[VideoCodec]) -> webrtc::error::Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    let opus = RTCRtpCodecParameters {
        rtp_codec: opus(),
        payload_type: OPUS_PAYLOAD_TYPE,
    };
    engine.register_codec(opus, RtpCodecKind::Audio)?;
    for codec in video_codecs(video) {
        engine.register_codec(codec, RtpCodecKind::Video)?;
    }
    for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
        for uri in [extmap::TRANSPORT_CC_URI, extmap::SDES_MID_URI] {
            register_extension(&mut engine, uri, kind)?;
        }
    }
    register_extension(&mut engine, VIDEO_ORIENTATION_URI, RtpCodecKind::Video)?;
    Ok(engine)
}

fn register_extension(
    engine: &mut MediaEngine,
    uri: &str,
    kind: RtpCodecKind,
) -> webrtc::error::Result<()> {
    let extension = RTCRtpHeaderExtensionCapability {
        uri: uri.to_owned(),
    };
    engine.register_header_extension(extension, kind, None)
}

/// What our offers list for pictures: each codec and its RTX, in this order.
pub(crate) fn video_codecs(video: &[VideoCodec]) -> Vec<RTCRtpCodecParameters> {
    let mut codecs = Vec::new();
    for (payload_type, codec) in (FIRST_VIDEO_PAYLOAD_TYPE..).step_by(2).zip(video) {
        let Some(rtp_codec) = video_codec(*codec) else {
            continue;
        };
        let rtx = RTCRtpCodec {
            mime_type: MIME_TYPE_RTX.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: format!("apt={payload_type}"),
            rtcp_feedback: Vec::new(),
        };
        codecs.push(RTCRtpCodecParameters {
            rtp_codec,
            payload_type,
        });
        codecs.push(RTCRtpCodecParameters {
            rtp_codec: rtx,
            payload_type: payload_type + 1,
        });
    }
    codecs
}

pub(crate) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![feedback("transport-cc", "")],
    }
}

/// `None` for a codec that `media` knows and this room does not.
pub(crate) fn video_codec(codec: VideoCodec) -> Option<RTCRtpCodec> {
    let (mime_type, sdp_fmtp_line) = match codec {
        VideoCodec::Vp8 => (MIME_TYPE_VP8, ""),
        VideoCodec::H264 => (MIME_TYPE_H264, H264_FMTP),
        _ => return None,
    };
    Some(RTCRtpCodec {
        mime_type: mime_type.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: sdp_fmtp_line.to_owned(),
        rtcp_feedback: vec![
            feedback("transport-cc", ""),
            feedback("ccm", "fir"),
            feedback("nack", ""),
            feedback("nack", "pli"),
        ],
    })
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback {
        typ: typ.to_owned(),
        parameter: parameter.to_owned(),
    }
}
