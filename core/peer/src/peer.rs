//! The handle of a connection: its methods return at once. Permissions change there and then; all else is a command
//! to the connection's task.

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::config::{IcePolicy, IceServer, PeerConfig};
use crate::connection;
use crate::event::{PeerError, PeerEvent};
use crate::permission::{Outgoing, Permission};
use crate::stats::PeerStats;

/// Commands that may wait for the connection's task.
const COMMANDS: usize = 256;

/// What happens on a connection, in order. It ends after `State(Closed)`. Its length is bounded by that of the
/// commands, of the gatherings of candidates and of the changes of state.
pub type PeerEvents = mpsc::UnboundedReceiver<PeerEvent>;

/// One connection. Dropping it closes the connection in the background; [`Peer::close`] waits for the end.
#[derive(Debug)]
pub struct Peer {
    commands: mpsc::Sender<Command>,
    permission: Permission,
    /// Weak: the events end with the task.
    events: mpsc::WeakUnboundedSender<PeerEvent>,
    task: Mutex<Option<JoinHandle<()>>>,
    ended: watch::Receiver<()>,
}

pub(crate) enum Command {
    CreateOffer {
        op: u64,
        ice_restart: bool,
    },
    AcceptOffer {
        op: u64,
        sdp: String,
    },
    AcceptAnswer {
        op: u64,
        sdp: String,
    },
    AddCandidate(RemoteCandidate),
    SetIce {
        servers: Vec<IceServer>,
        policy: IcePolicy,
    },
    RequestKeyFrame,
    Stats(oneshot::Sender<PeerStats>),
    Close,
}

impl Command {
    /// The operation whose result the caller waits for.
    pub(crate) fn op(&self) -> Option<u64> {
        match self {
            Self::CreateOffer { op, .. }
            | Self::AcceptOffer { op, .. }
            | Self::AcceptAnswer { op, .. } => Some(*op),
            _ => None,
        }
    }
}

pub(crate) struct RemoteCandidate {
    pub(crate) candidate: String,
    pub(crate) sdp_mid: Option<String>,
    pub(crate) sdp_m_line_index: Option<u16>,
}

impl Peer {
    /// Starts a connection's task on `runtime`. Sockets are bound there; if that fails, the state becomes
    /// `Failed` and every operation reports why. Nothing is sent or accepted before `set_send`, `set_receive`.
    pub fn open(config: PeerConfig, runtime: &Handle) -> (Self, PeerEvents) {
        let (commands, waiting) = mpsc::channel(COMMANDS);
        let (events, reported) = mpsc::unbounded_channel();
        let (running, ended) = watch::channel(());
        let weak = events.downgrade();
        let permission = Permission::default();
        let permitted = permission.permitted();
        let task = runtime.spawn(async move {
            let _running = running;
            connection::run(config, permitted, waiting, events).await;
        });
        let peer = Self {
            commands,
            permission,
            events: weak,
            task: Mutex::new(Some(task)),
            ended,
        };
        (peer, reported)
    }

    /// Makes an offer with sound and pictures in both directions: `Offer` or `Failed`. With `ice_restart` the
    /// sockets are bound anew and new credentials are offered.
    pub fn create_offer(&self, op: u64, ice_restart: bool) {
        self.send(Command::CreateOffer { op, ice_restart });
    }

    /// Takes the other end's offer and makes an answer: `Answer` or `Failed`. An offer of ours that waits for its
    /// answer is rolled back.
    pub fn accept_offer(&self, op: u64, sdp: String) {
        self.send(Command::AcceptOffer { op, sdp });
    }

    /// Takes the answer to our offer: `Applied` or `Failed`.
    pub fn accept_answer(&self, op: u64, sdp: String) {
        self.send(Command::AcceptAnswer { op, sdp });
    }

    /// A candidate of the other end, empty at the end of candidates. Up to 64 wait for its description.
    pub fn add_candidate(
        &self,
        candidate: String,
        sdp_mid: Option<String>,
        sdp_m_line_index: Option<u16>,
    ) {
        self.send(Command::AddCandidate(RemoteCandidate {
            candidate,
            sdp_mid,
            sdp_m_line_index,
        }));
    }

    /// What may be sent, from now on however many commands wait. What a source pushes while it may not is dropped.
    pub fn set_send(&self, audio: bool, video: bool, screen: bool) {
        self.permission.send.send_replace(Outgoing {
            audio,
            video,
            screen,
        });
    }

    /// Whether what arrives goes to the sinks or is discarded, from now on however many commands wait.
    pub fn set_receive(&self, accepted: bool) {
        self.permission.receive.send_replace(accepted);
    }

    /// New servers and policy. They take effect at the next gathering: follow it with an ICE restart. An empty
    /// list keeps the servers that there are.
    pub fn set_ice(&self, servers: Vec<IceServer>, policy: IcePolicy) {
        self.send(Command::SetIce { servers, policy });
    }

    /// Asks the other end for a key frame of its camera. For its screen: [`VideoSink::want_key_frame`] of that sink.
    ///
    /// [`VideoSink::want_key_frame`]: crate::VideoSink::want_key_frame
    pub fn request_key_frame(&self) {
        self.send(Command::RequestKeyFrame);
    }

    /// What the connection measures.
    ///
    /// # Errors
    /// [`PeerError::Overloaded`] when too many commands wait, [`PeerError::Closed`] after the end.
    pub async fn stats(&self) -> Result<PeerStats, PeerError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .try_send(Command::Stats(reply))
            .map_err(refusal)?;
        answer.await.map_err(|_| PeerError::Closed)
    }

    /// Closes the connection; returns when its sockets are closed and its tasks have ended. The other end is
    /// not told. May be called twice.
    pub async fn close(&self) {
        // A full queue waits here; a closed one means that the task has ended or is about to.
        let _ = self.commands.send(Command::Close).await;
        let task = self.task.lock().take();
        if let Some(task) = task {
            // An error is a panic in the task or a runtime that shuts down: ended either way.
            let _ = task.await;
        }
        // For a second caller: the task holds the other end.
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }

    fn send(&self, command: Command) {
        let op = command.op();
        let Err(refused) = self.commands.try_send(command) else {
            return;
        };
        let error = refusal(refused);
        tracing::warn!(?op, %error, "command dropped");
        if let (Some(op), Some(events)) = (op, self.events.upgrade()) {
            // The caller may have stopped listening.
            let _ = events.send(PeerEvent::Failed { op, error });
        }
    }
}

fn refusal(refused: mpsc::error::TrySendError<Command>) -> PeerError {
    match refused {
        mpsc::error::TrySendError::Full(_) => PeerError::Overloaded,
        mpsc::error::TrySendError::Closed(_) => PeerError::Closed,
    }
}
