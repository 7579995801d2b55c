//! What comes out of the store: events to send, work for connections, news for the app.

use ringwire_protocol::{CallEndReason, CallError, ClientEvent, IceServer, PeerId};

use crate::{CallKey, ConnectionId, OpId};

/// Something to be done, in the order in which it comes out.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send an event. Comes only while the socket is up.
    Send {
        /// An ack with this id is wanted, within `timers::ACK`.
        op: Option<OpId>,
        /// What to send.
        event: ClientEvent,
    },
    /// Open a connection; a [`Effect::SetMedia`] follows at once.
    Open {
        /// Of which call: its sources and sinks are the connection's.
        key: CallKey,
        /// Its id.
        connection: ConnectionId,
        /// With whom.
        peer: PeerId,
        /// STUN and TURN.
        ice_servers: Vec<IceServer>,
        /// Which candidates may be used.
        policy: IcePolicy,
        /// Both ends take a screen beside the camera: our offers hold a section for it.
        screen: bool,
    },
    /// Make an offer.
    Offer {
        /// On which connection.
        connection: ConnectionId,
        /// For the result.
        op: OpId,
        /// With fresh ICE credentials (RFC 8445 §9).
        ice_restart: bool,
    },
    /// Take an offer and make its answer; an offer of ours that waits for its answer is given up.
    AcceptOffer {
        /// On which connection.
        connection: ConnectionId,
        /// For the result.
        op: OpId,
        /// The offer.
        sdp: String,
    },
    /// Take the answer to the last offer.
    AcceptAnswer {
        /// On which connection.
        connection: ConnectionId,
        /// For the result.
        op: OpId,
        /// The answer.
        sdp: String,
    },
    /// Take a candidate of the other end; never before its description.
    AddCandidate {
        /// On which connection.
        connection: ConnectionId,
        /// `candidate:…` (RFC 8839 §5.1), or empty at the end of candidates.
        candidate: String,
        /// Name of its media section.
        sdp_mid: Option<String>,
        /// Index of its media section.
        sdp_m_line_index: Option<u16>,
    },
    /// Use these servers from the next gathering on.
    SetIceServers {
        /// On which connection.
        connection: ConnectionId,
        /// STUN and TURN.
        ice_servers: Vec<IceServer>,
    },
    /// What may flow. Until the first of these nothing does.
    SetMedia {
        /// On which connection.
        connection: ConnectionId,
        /// Our sound is sent.
        send_audio: bool,
        /// Our camera's picture is sent.
        send_video: bool,
        /// Our screen is sent.
        send_screen: bool,
        /// What arrives is handed on, else discarded.
        receive: bool,
    },
    /// Close a connection. Nothing that it still reports counts.
    Close {
        /// Which one.
        connection: ConnectionId,
    },
    /// Tell the app.
    Notify(CallEvent),
    /// [`CallStore::snapshot`](crate::CallStore::snapshot) has changed; at most once for each
    /// input, and last.
    Publish,
}

/// Which candidates may be used (W3C WebRTC §4.2.1 `RTCIceTransportPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IcePolicy {
    /// Host, reflexive and relayed.
    #[default]
    All,
    /// Relayed only: nobody learns an address of ours.
    Relay,
}

/// News for the app. The snapshot holds all the rest.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// A call rings here.
    Incoming {
        /// Its key.
        key: CallKey,
    },
    /// It rings no more: accepted, declined or over. Once for each [`CallEvent::Incoming`].
    StopRinging {
        /// Its key.
        key: CallKey,
    },
    /// The call is in another state. Its end is told by [`CallEvent::Ended`] only.
    Changed {
        /// Its key.
        key: CallKey,
    },
    /// A call that I may join, see [`CallState::Offered`](crate::CallState::Offered). Answer with
    /// [`Command::Join`](crate::Command::Join) or with a hang-up.
    JoinOffered {
        /// Its key.
        key: CallKey,
    },
    /// Two keys turned out to be the same call: `key` is no more and has no end of its own.
    Merged {
        /// The key that is gone.
        key: CallKey,
        /// The key that goes on.
        into: CallKey,
    },
    /// Somebody has turned microphone, camera or screen on or off, or put the call on hold.
    RemoteMedia {
        /// The call.
        key: CallKey,
        /// Who.
        peer: PeerId,
        /// The microphone is on.
        audio: bool,
        /// The camera is on.
        video: bool,
        /// The screen is shared.
        screen: bool,
        /// This person has put the call on hold.
        held: bool,
    },
    /// The first sound of somebody was there.
    FirstAudio {
        /// The call.
        key: CallKey,
        /// Whose.
        peer: PeerId,
    },
    /// The first picture of somebody was there.
    FirstVideo {
        /// The call.
        key: CallKey,
        /// Whose.
        peer: PeerId,
    },
    /// Somebody's path is bad.
    QualityAlert {
        /// The call.
        key: CallKey,
        /// Whose; `None` for somebody that this device does not know.
        peer: Option<PeerId>,
        /// What was measured.
        metric: String,
        /// How much.
        value: f64,
        /// From when on it is bad.
        threshold: f64,
    },
    /// The call is over. Told once.
    Ended {
        /// Its key.
        key: CallKey,
        /// Why.
        reason: CallEndReason,
    },
    /// Something failed. The call goes on, unless its end is told as well.
    Failed {
        /// The call; `None` when it concerns none that is listed.
        key: Option<CallKey>,
        /// What happened.
        error: CallError,
    },
}
