//! Callbacks of webrtc-rs. They run on the driver's task, so each only forwards to the connection's task.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

use crate::event::PeerState;
use crate::nudge::Nudge;

/// What the engine tells the connection's task. Few: the channel needs no bound.
pub(crate) enum Notice {
    Candidate {
        candidate: String,
        sdp_mid: String,
        sdp_m_line_index: u16,
    },
    GatheringComplete,
    State(PeerState),
    Track(Arc<dyn TrackRemote>),
    DriverEnded,
}

pub(crate) struct Handler {
    pub(crate) notices: mpsc::UnboundedSender<Notice>,
    pub(crate) nudge: Nudge,
}

impl Handler {
    fn tell(&self, notice: Notice) {
        // The task is gone only after the engine was closed.
        let _ = self.notices.send(notice);
    }
}

/// `on_negotiation_needed` is left out: it comes late, twice or never. Offers are made when the caller asks.
#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(candidate) = event.candidate.to_json() else {
            return;
        };
        // The end of candidates is told by the gathering state.
        if candidate.candidate.is_empty() {
            return;
        }
        self.tell(Notice::Candidate {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid.unwrap_or_default(),
            sdp_m_line_index: candidate.sdp_mline_index.unwrap_or_default(),
        });
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.tell(Notice::GatheringComplete);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.tell(Notice::State(match state {
            RTCPeerConnectionState::Connecting => PeerState::Connecting,
            RTCPeerConnectionState::Connected => PeerState::Connected,
            RTCPeerConnectionState::Disconnected => PeerState::Disconnected,
            RTCPeerConnectionState::Failed => PeerState::Failed,
            // Ours to tell, when everything has ended.
            RTCPeerConnectionState::Closed => return,
            _ => PeerState::New,
        }));
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if state == RTCIceConnectionState::Connected {
            // The first flight of DTLS is made, and sent when the timers are looked at.
            self.nudge.wake();
            tracing::trace!(target: "ringwire_peer::steps", step = "connected", "ice");
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.tell(Notice::Track(track));
    }
}
