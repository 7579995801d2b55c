//! The peer connections of the calls: opened, told what to do and closed as the call store says;
//! what they tell comes back with their id, so that a late word is recognised.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::debug;

use ringwire_call::{CallKey, ConnectionEvent, ConnectionId, Effect, IcePolicy, OpId, PathState};
use ringwire_peer::{Peer, PeerConfig, PeerEvent, PeerMedia, PeerState, PeerStats};
use ringwire_protocol::IceServer;

use crate::client::Shared;
use crate::config::Config;

/// Most words of connections that wait for the client's task; a connection waits beyond.
const MAX_WORDS: usize = 512;
/// Longest that a close of a connection is waited for.
const CLOSE: Duration = Duration::from_secs(2);

/// What a connection tells.
#[derive(Debug)]
pub(crate) enum Word {
    /// Something for the call store.
    Event(ConnectionId, ConnectionEvent),
    /// What it has measured.
    Stats(ConnectionId, Box<PeerStats>),
}

/// All connections of a client.
pub(crate) struct Connections {
    open: HashMap<ConnectionId, Open>,
    words_in: mpsc::Sender<Word>,
    words: mpsc::Receiver<Word>,
    /// Forwarders, measurements and closes under way.
    tasks: JoinSet<()>,
}

struct Open {
    key: CallKey,
    peer: Arc<Peer>,
}

impl Connections {
    pub(crate) fn new() -> Self {
        let (words_in, words) = mpsc::channel(MAX_WORDS);
        Self {
            open: HashMap::new(),
            words_in,
            words,
            tasks: JoinSet::new(),
        }
    }

    /// The next word of any connection. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Word {
        loop {
            tokio::select! {
                word = self.words.recv() => match word {
                    Some(word) => return word,
                    // `words_in` is ours: the channel cannot end before us.
                    None => std::future::pending().await,
                },
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
            }
        }
    }

    /// The call of a connection.
    pub(crate) fn key(&self, connection: ConnectionId) -> Option<CallKey> {
        self.open.get(&connection).map(|open| open.key)
    }

    pub(crate) fn open(
        &mut self,
        connection: ConnectionId,
        key: CallKey,
        ice: (Vec<IceServer>, IcePolicy),
        screen: bool,
        settings: &Config,
        shared: &Shared,
    ) {
        let sinks = shared.sinks.of(key);
        let mut config = PeerConfig::new(PeerMedia {
            audio_source: shared.audio_source.clone(),
            video_source: shared.video_source.clone(),
            screen_source: shared.screen_source.clone(),
            audio_sink: sinks.audio,
            video_sink: sinks.video,
            screen_sink: sinks.screen,
        });
        config.screen = screen;
        config.video_codecs = settings.video_codecs.clone();
        config.ice_servers = ice_servers(ice.0);
        config.ice_policy = policy(ice.1);
        if !settings.bind.is_empty() {
            config.bind = settings.bind.clone();
        }
        let (peer, mut events) = Peer::open(config, &Handle::current());
        let words = self.words_in.clone();
        self.tasks.spawn(async move {
            while let Some(event) = events.recv().await {
                let Some(event) = translate(event) else {
                    continue;
                };
                if words.send(Word::Event(connection, event)).await.is_err() {
                    return;
                }
            }
        });
        self.open.insert(
            connection,
            Open {
                key,
                peer: Arc::new(peer),
            },
        );
    }

    /// Carries out what the call store wants of a connection that is open.
    pub(crate) fn apply(&mut self, effect: Effect) {
        let with = |connection: ConnectionId| self.open.get(&connection).map(|open| &open.peer);
        match effect {
            Effect::Offer {
                connection,
                op,
                ice_restart,
            } => {
                if let Some(peer) = with(connection) {
                    peer.create_offer(op.get(), ice_restart);
                }
            }
            Effect::AcceptOffer {
                connection,
                op,
                sdp,
            } => {
                if let Some(peer) = with(connection) {
                    peer.accept_offer(op.get(), sdp);
                }
            }
            Effect::AcceptAnswer {
                connection,
                op,
                sdp,
            } => {
                if let Some(peer) = with(connection) {
                    peer.accept_answer(op.get(), sdp);
                }
            }
            Effect::AddCandidate {
                connection,
                candidate,
                sdp_mid,
                sdp_m_line_index,
            } => {
                if let Some(peer) = with(connection) {
                    peer.add_candidate(candidate, sdp_mid, sdp_m_line_index);
                }
            }
            Effect::SetIceServers {
                connection,
                ice_servers: servers,
            } => {
                if let Some(peer) = with(connection) {
                    peer.set_ice(ice_servers(servers), policy(IcePolicy::All));
                }
            }
            Effect::SetMedia {
                connection,
                send_audio,
                send_video,
                send_screen,
                receive,
            } => {
                if let Some(peer) = with(connection) {
                    peer.set_send(send_audio, send_video, send_screen);
                    peer.set_receive(receive);
                }
            }
            Effect::Close { connection } => self.close(connection),
            other => debug!(?other, "not for a connection"),
        }
    }

    fn close(&mut self, connection: ConnectionId) {
        if let Some(open) = self.open.remove(&connection) {
            self.tasks.spawn(async move {
                if tokio::time::timeout(CLOSE, open.peer.close())
                    .await
                    .is_err()
                {
                    tracing::warn!("a connection did not close in {CLOSE:?}");
                }
            });
        }
    }

    /// Asks every connection what it has measured; it comes as [`Word::Stats`].
    pub(crate) fn measure(&mut self) {
        for (connection, open) in &self.open {
            let (connection, peer, words) =
                (*connection, Arc::clone(&open.peer), self.words_in.clone());
            self.tasks.spawn(async move {
                // A connection that is closing has nothing to tell.
                let Ok(stats) = peer.stats().await else {
                    return;
                };
                let _ = words.send(Word::Stats(connection, Box::new(stats))).await;
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Closes all and waits until their tasks and sockets are gone.
    pub(crate) async fn close_all(mut self) {
        let open: Vec<_> = self.open.keys().copied().collect();
        open.into_iter()
            .for_each(|connection| self.close(connection));
        // Forwarders end with their connections; nobody reads what they still say.
        self.words.close();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(2 * CLOSE, ended).await.is_err() {
            tracing::warn!("connections did not end in {:?}", 2 * CLOSE);
            self.tasks.shutdown().await;
        }
    }
}

fn ice_servers(servers: Vec<IceServer>) -> Vec<ringwire_peer::IceServer> {
    servers
        .into_iter()
        .map(|server| ringwire_peer::IceServer {
            urls: server.urls,
            username: server.username.unwrap_or_default(),
            credential: server.credential.unwrap_or_default(),
        })
        .collect()
}

fn policy(policy: IcePolicy) -> ringwire_peer::IcePolicy {
    match policy {
        IcePolicy::All => ringwire_peer::IcePolicy::All,
        IcePolicy::Relay => ringwire_peer::IcePolicy::Relay,
    }
}

fn translate(event: PeerEvent) -> Option<ConnectionEvent> {
    Some(match event {
        PeerEvent::Offer { op, sdp } => ConnectionEvent::OfferMade {
            op: OpId::from_raw(op),
            sdp,
        },
        PeerEvent::Answer { op, sdp } => ConnectionEvent::AnswerMade {
            op: OpId::from_raw(op),
            sdp,
        },
        PeerEvent::Applied { op } => ConnectionEvent::Applied {
            op: OpId::from_raw(op),
        },
        PeerEvent::Failed { op, error } => ConnectionEvent::Failed {
            op: Some(OpId::from_raw(op)),
            message: error.to_string(),
        },
        PeerEvent::Candidate {
            candidate,
            sdp_mid,
            sdp_m_line_index,
        } => ConnectionEvent::Candidate {
            candidate,
            sdp_mid: Some(sdp_mid),
            sdp_m_line_index: Some(sdp_m_line_index),
        },
        PeerEvent::State(state) => ConnectionEvent::Path(match state {
            PeerState::New | PeerState::Connecting => PathState::Connecting,
            PeerState::Connected => PathState::Connected,
            PeerState::Disconnected => PathState::Disturbed,
            PeerState::Failed => PathState::Broken,
            PeerState::Closed => return None,
        }),
        PeerEvent::Codecs { video, screen } => ConnectionEvent::Agreed {
            video: video.is_some(),
            screen: screen.is_some(),
        },
        PeerEvent::RestartDropped => ConnectionEvent::RestartDropped,
        PeerEvent::FirstVideoFrame => ConnectionEvent::FirstVideo,
        PeerEvent::FirstAudio => ConnectionEvent::FirstAudio,
        PeerEvent::Refused { error } => {
            debug!(%error, "a connection goes on without it");
            return None;
        }
        _ => return None,
    })
}
