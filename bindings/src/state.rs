//! What the app reads: events, the snapshot, figures.

use ringwire_client as core;
use ringwire_client::protocol::{CallEndReason, CallType};
use ringwire_client::{CallState, Direction, SocketState};

/// Something has happened.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum CallEvent {
    /// A connection to the gateway is being made.
    Connecting,
    /// Connected to the gateway and authenticated.
    Connected,
    /// The way to the gateway is lost; it is looked for again.
    Disconnected {
        /// What happened.
        reason: String,
        /// Milliseconds until the next try.
        retry_in_ms: u64,
    },
    /// The token was refused or has expired: give another with `set_token`.
    TokenNeeded {
        /// The gateway's code.
        code: String,
        /// What happened.
        message: String,
    },
    /// The client is shut down; nothing follows.
    Closed,
    /// A call rings here.
    Incoming {
        /// Its number.
        call: u64,
    },
    /// It rings no more.
    StopRinging {
        /// Its number.
        call: u64,
    },
    /// A call that goes on without this device may be joined: see the stage `Offered`.
    JoinOffered {
        /// Its number.
        call: u64,
    },
    /// Two numbers turned out to be one call: `call` is no more and has no end of its own.
    Merged {
        /// The number that is gone.
        call: u64,
        /// The number that goes on.
        into: u64,
    },
    /// A call, or somebody in it, is in another state: see the snapshot.
    Changed {
        /// Its number.
        call: u64,
    },
    /// The first picture of somebody is there.
    FirstPicture {
        /// The call's number.
        call: u64,
    },
    /// Somebody's network is bad.
    QualityAlert {
        /// The call's number.
        call: u64,
        /// Whose, when it is known.
        person: Option<String>,
        /// What was measured, in the gateway's words.
        metric: String,
        /// How much, in the metric's unit.
        value: f64,
        /// From when on it is bad.
        threshold: f64,
    },
    /// A call is over. Told once.
    Ended {
        /// Its number.
        call: u64,
        /// Why: `completed`, `missed`, `rejected`, `busy`, `cancelled`, `failed`, `connectionLost`,
        /// `heartbeatTimeout`, `garbageCollected`, `answeredElsewhere`, `declinedElsewhere`, or a word
        /// of a newer gateway.
        reason: String,
    },
    /// Something of a call failed. A call that ends by it is told as well.
    CallFailed {
        /// The call's number, when it concerns one.
        call: Option<u64>,
        /// A stable code, such as `CALL_ALREADY_ACTIVE`.
        code: String,
        /// What happened.
        message: String,
    },
    /// Older events are gone because they were not pulled: read the snapshot.
    Resync,
    /// The client broke inside and has ended; only `Closed` follows.
    ClientFailed {
        /// What broke.
        message: String,
    },
}

/// Where a call is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum CallStage {
    /// Mine; nobody's device rings yet.
    Calling,
    /// Mine; a device rings.
    Ringing,
    /// It rings here.
    Incoming,
    /// It goes on without this device, which may join: the conversation that was called has a call
    /// already, or the app was restarted in mid-call.
    Offered,
    /// Accepted; the other end has not answered yet.
    Connecting,
    /// Joined and answered at both ends; `connected` says whether there is a path.
    Active,
    /// The network is gone and is looked for.
    Reconnecting,
    /// Over.
    Ended,
}

/// Somebody else in a call.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Person {
    /// User or guest.
    pub id: String,
    /// Name to show.
    pub name: String,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// Has joined and not left.
    pub joined: bool,
    /// The microphone is on.
    pub microphone: bool,
    /// The camera is on.
    pub camera: bool,
    /// The screen is shared.
    pub screen: bool,
    /// Has put the call on hold.
    pub held: bool,
    /// Has told that the network is gone and is looked for.
    pub reconnecting: bool,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Call {
    /// Its number, good for this client object only: keep `id` elsewhere.
    pub number: u64,
    /// Its id at the gateway, once there is one.
    pub id: Option<String>,
    /// Where it was made.
    pub conversation_id: String,
    /// Name of the conversation, where the gateway says it.
    pub title: Option<String>,
    /// With camera.
    pub video: bool,
    /// Somebody else started it.
    pub incoming: bool,
    /// Who started it, by id, once that is known.
    pub started_by: Option<String>,
    /// Where it is in its life.
    pub stage: CallStage,
    /// There is a path now: sound and pictures can flow.
    pub connected: bool,
    /// Why it ended, once it has.
    pub end_reason: Option<String>,
    /// My microphone is on.
    pub microphone: bool,
    /// My camera is on.
    pub camera: bool,
    /// My screen is shared.
    pub screen: bool,
    /// I have put it on hold.
    pub held: bool,
    /// It rings while another call is going on.
    pub waiting: bool,
    /// When it was answered, milliseconds since 1970: by the server's clock, or for whoever calls by this device's.
    pub answered_at_ms: Option<i64>,
    /// The others.
    pub people: Vec<Person>,
}

/// The whole state at one moment.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ClientSnapshot {
    /// Who I am, once the gateway has said so.
    pub me: Option<String>,
    /// Connected to the gateway.
    pub connected: bool,
    /// The gateway's code when the token was refused or has expired: give another with `set_token`.
    pub token_needed: Option<String>,
    /// The client is closed; nothing changes any more.
    pub closed: bool,
    /// Calls in the order in which they came; just ended ones among them.
    pub calls: Vec<Call>,
}

/// What a call's connection has measured; counters run since it opened.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct CallStats {
    /// Round trip, milliseconds, of the last connectivity check (RFC 8445 §7); nothing until measured.
    pub rtt_ms: Option<f64>,
    /// What the path is thought to carry, bits per second.
    pub available_outgoing_bps: u64,
    /// Media passes a TURN server; nothing until there is a path.
    pub relayed: Option<bool>,
    /// Sound.
    pub audio: StreamStats,
    /// Pictures of the cameras.
    pub camera: StreamStats,
    /// Pictures of the screens.
    pub screen: StreamStats,
    /// Pictures that this device's camera gave, sent or not.
    pub pictures_pushed: u64,
    /// Whole pictures received of the other's camera.
    pub pictures_received: u64,
    /// Pictures of it of which only parts came, or that were not taken in time.
    pub pictures_dropped: u64,
    /// Key frames that this end asked for.
    pub key_frames_asked: u64,
    /// Key frames that the other end asked for.
    pub key_frames_wanted: u64,
}

/// One kind of media in both directions, retransmissions included.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct StreamStats {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Bytes sent, with RTP headers.
    pub bytes_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// Bytes received, with RTP headers.
    pub bytes_received: u64,
    /// Packets that did not arrive here (RFC 3550 §6.4.1).
    pub packets_lost: u64,
    /// Packets that did not arrive there, as the other end reports.
    pub packets_lost_there: u64,
    /// Interarrival jitter here, milliseconds (RFC 3550 §6.4.1).
    pub jitter_ms: f64,
}

impl From<core::Event> for CallEvent {
    fn from(event: core::Event) -> Self {
        match event {
            core::Event::Call(event) => event.into(),
            core::Event::Socket(state) => match state {
                SocketState::Connected => Self::Connected,
                SocketState::Waiting { reason, retry_in } => Self::Disconnected {
                    reason,
                    retry_in_ms: u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX),
                },
                SocketState::TokenNeeded { code, message } => Self::TokenNeeded { code, message },
                SocketState::Closed => Self::Closed,
                _ => Self::Connecting,
            },
            core::Event::Failed { message } => Self::ClientFailed { message },
            _ => Self::Resync,
        }
    }
}

impl From<core::CallEvent> for CallEvent {
    fn from(event: core::CallEvent) -> Self {
        use core::CallEvent as E;
        match event {
            E::Incoming { key } => Self::Incoming { call: key.get() },
            E::StopRinging { key } => Self::StopRinging { call: key.get() },
            E::JoinOffered { key } => Self::JoinOffered { call: key.get() },
            E::Merged { key, into } => Self::Merged {
                call: key.get(),
                into: into.get(),
            },
            E::Changed { key } | E::RemoteMedia { key, .. } | E::FirstAudio { key, .. } => {
                Self::Changed { call: key.get() }
            }
            E::FirstVideo { key, .. } => Self::FirstPicture { call: key.get() },
            E::QualityAlert {
                key,
                peer,
                metric,
                value,
                threshold,
            } => Self::QualityAlert {
                call: key.get(),
                person: peer.map(|peer| peer.to_string()),
                metric,
                value,
                threshold,
            },
            E::Ended { key, reason } => Self::Ended {
                call: key.get(),
                reason: reason.to_string(),
            },
            E::Failed { key, error } => Self::CallFailed {
                call: key.map(core::CallKey::get),
                code: error.code.to_string(),
                message: error.message,
            },
        }
    }
}

impl From<&core::Snapshot> for ClientSnapshot {
    fn from(snapshot: &core::Snapshot) -> Self {
        Self {
            me: snapshot.me.as_ref().map(ToString::to_string),
            connected: snapshot.socket == SocketState::Connected,
            token_needed: match &snapshot.socket {
                SocketState::TokenNeeded { code, .. } => Some(code.clone()),
                _ => None,
            },
            closed: snapshot.socket == SocketState::Closed,
            calls: snapshot.calls.iter().map(Call::from).collect(),
        }
    }
}

impl From<&core::CallView> for Call {
    fn from(call: &core::CallView) -> Self {
        Self {
            number: call.key.get(),
            id: call.id.as_ref().map(ToString::to_string),
            conversation_id: call.conversation.to_string(),
            title: call.title.clone(),
            video: call.call_type == CallType::Video,
            incoming: call.direction == Direction::Incoming,
            started_by: call.initiator.as_ref().map(ToString::to_string),
            stage: (&call.state).into(),
            connected: call.connected,
            end_reason: match &call.state {
                CallState::Ended { reason } => Some(CallEndReason::to_string(reason)),
                _ => None,
            },
            microphone: call.media.microphone,
            camera: call.media.camera,
            screen: call.media.screen,
            held: call.held,
            waiting: call.waiting,
            answered_at_ms: call.answered_at.map(|at| at.as_millis()),
            people: call.people.iter().map(Person::from).collect(),
        }
    }
}

impl From<&CallState> for CallStage {
    fn from(state: &CallState) -> Self {
        match state {
            CallState::Calling => Self::Calling,
            CallState::Ringing => Self::Ringing,
            CallState::Incoming => Self::Incoming,
            CallState::Offered => Self::Offered,
            CallState::Connecting => Self::Connecting,
            CallState::Active => Self::Active,
            CallState::Reconnecting { .. } => Self::Reconnecting,
            CallState::Ended { .. } => Self::Ended,
        }
    }
}

impl From<&core::PersonView> for Person {
    fn from(person: &core::PersonView) -> Self {
        let name = person.display_name.as_ref().or(person.username.as_ref());
        Self {
            id: person.peer.to_string(),
            name: name.cloned().unwrap_or_else(|| person.peer.to_string()),
            avatar: person.avatar.clone(),
            joined: person.joined,
            microphone: person.audio_enabled,
            camera: person.video_enabled,
            screen: person.screen_enabled,
            held: person.held,
            reconnecting: person.reconnecting,
        }
    }
}

impl From<core::PeerStats> for CallStats {
    fn from(stats: core::PeerStats) -> Self {
        let relay = core::CandidateKind::Relay;
        Self {
            rtt_ms: stats.rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
            available_outgoing_bps: stats.available_outgoing_bps,
            relayed: stats
                .path
                .map(|path| path.local == relay || path.remote == relay),
            audio: stats.audio.into(),
            camera: stats.video.into(),
            screen: stats.screen.into(),
            pictures_pushed: stats.frames_pushed,
            pictures_received: stats.frames_received,
            pictures_dropped: stats.frames_dropped,
            key_frames_asked: stats.plis_sent,
            key_frames_wanted: stats.plis_received,
        }
    }
}

impl From<core::StreamStats> for StreamStats {
    fn from(stats: core::StreamStats) -> Self {
        Self {
            packets_sent: stats.packets_sent,
            bytes_sent: stats.bytes_sent,
            packets_received: stats.packets_received,
            bytes_received: stats.bytes_received,
            packets_lost: stats.inbound.packets_lost,
            packets_lost_there: stats.outbound.packets_lost,
            jitter_ms: stats.inbound.jitter.as_secs_f64() * 1e3,
        }
    }
}
