//! What a connection measures, in plain numbers; and how they are read from the engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringwire_media::AudioReceiverStatistics;
use rtc::peer_connection::transport::RTCIceCandidateType;
use rtc::statistics::stats::ice_candidate_pair::RTCIceCandidatePairStats;
use webrtc::peer_connection::{PeerConnection, RTCStatsReport, RTCStatsReportEntry, StatsSelector};

use crate::link::Counters;
use crate::receive::VideoTally;

/// Counters run since the connection opened, ICE restarts included.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct PeerStats {
    /// Round trip of the selected path, from its last connectivity check. `None` before there is one.
    pub rtt: Option<Duration>,
    /// What the path is thought to carry, in bits per second.
    pub available_outgoing_bps: u64,
    /// Kinds of the selected candidates.
    pub path: Option<SelectedPath>,
    /// Sound.
    pub audio: StreamStats,
    /// Pictures of the cameras.
    pub video: StreamStats,
    /// Pictures of the screens.
    pub screen: StreamStats,
    /// Frames pushed into the camera's source since it was made, sent or not.
    pub frames_pushed: u64,
    /// Of these, key frames.
    pub key_frames_pushed: u64,
    /// Whole frames received of the other end's camera.
    pub frames_received: u64,
    /// Of these, key frames.
    pub key_frames_received: u64,
    /// Frames of the other end's camera of which only parts arrived, or that the shell did not take in time.
    pub frames_dropped: u64,
    /// Key frames that we asked for, of camera and screen.
    pub plis_sent: u64,
    /// Key frames that the other end asked for, by PLI or FIR, of camera and screen.
    pub plis_received: u64,
    /// The jitter buffer: samples played and concealed, delays.
    pub playout: AudioReceiverStatistics,
}

/// One kind of media in both directions, retransmissions included.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StreamStats {
    /// RTP packets.
    pub packets_sent: u64,
    /// With RTP headers.
    pub bytes_sent: u64,
    /// RTP packets.
    pub packets_received: u64,
    /// With RTP headers.
    pub bytes_received: u64,
    /// NACK messages to the other end.
    pub nacks_sent: u64,
    /// NACK messages from the other end.
    pub nacks_received: u64,
    /// How we receive.
    pub inbound: Loss,
    /// How the other end receives, as it reports.
    pub outbound: Loss,
}

/// Loss and jitter of one direction (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loss {
    /// Since the stream began.
    pub packets_lost: u64,
    /// 0 to 1, over the last report interval.
    pub fraction_lost: f32,
    /// Interarrival jitter.
    pub jitter: Duration,
}

/// The candidates that media travels between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectedPath {
    /// Ours.
    pub local: CandidateKind,
    /// The other end's.
    pub remote: CandidateKind,
}

/// RFC 8445 §5.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// An address of the machine.
    Host,
    /// An address that a STUN server saw.
    ServerReflexive,
    /// An address that the other end saw.
    PeerReflexive,
    /// An address of a TURN server.
    Relay,
}

pub(crate) struct Sources {
    pub(crate) counters: Counters,
    pub(crate) target_bps: u64,
    /// Frames and key frames.
    pub(crate) pushed: (u64, u64),
    pub(crate) sink_dropped: u64,
    pub(crate) playout: AudioReceiverStatistics,
}

pub(crate) async fn read(
    connection: &Arc<dyn PeerConnection>,
    sources: Sources,
    tally: &parking_lot::Mutex<VideoTally>,
) -> PeerStats {
    let report = connection
        .get_stats(Instant::now(), StatsSelector::None)
        .await;
    let selected = report.candidate_pairs().filter(|pair| pair.nominated);
    // Pairs of before a restart stay nominated.
    let selected = selected.max_by_key(|pair| pair.last_packet_sent_timestamp);
    let round_trip = selected.map(|pair| pair.current_round_trip_time);
    let tally = tally.lock();
    PeerStats {
        rtt: round_trip
            .filter(|rtt| *rtt > 0.0)
            .map(Duration::from_secs_f64),
        available_outgoing_bps: sources.target_bps,
        path: selected.map(|pair| path(&report, pair)),
        audio: sources.counters.audio,
        video: sources.counters.video,
        screen: sources.counters.screen,
        frames_pushed: sources.pushed.0,
        key_frames_pushed: sources.pushed.1,
        frames_received: tally.frames(),
        key_frames_received: tally.key_frames(),
        frames_dropped: tally.frames_dropped() + sources.sink_dropped,
        plis_sent: sources.counters.plis_sent,
        plis_received: sources.counters.plis_received,
        playout: sources.playout,
    }
}

/// The engine keys candidates by other names than it gives them in pairs. One that it does not know was learnt
/// from a connectivity check.
fn path(report: &RTCStatsReport, pair: &RTCIceCandidatePairStats) -> SelectedPath {
    let kind = |prefix: &str, id: &str| match report.get(&format!("{prefix}_{id}")) {
        Some(
            RTCStatsReportEntry::LocalCandidate(known)
            | RTCStatsReportEntry::RemoteCandidate(known),
        ) => match known.candidate_type {
            RTCIceCandidateType::Host => CandidateKind::Host,
            RTCIceCandidateType::Srflx => CandidateKind::ServerReflexive,
            RTCIceCandidateType::Relay => CandidateKind::Relay,
            _ => CandidateKind::PeerReflexive,
        },
        _ => CandidateKind::PeerReflexive,
    };
    SelectedPath {
        local: kind("RTCLocalIceCandidate", &pair.local_candidate_id),
        remote: kind("RTCRemoteIceCandidate", &pair.remote_candidate_id),
    }
}
