//! The task that owns session and socket: inputs in, outputs carried out, until the session ends.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ringwire_protocol::Instant;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::connector::Connector;
use super::socket::Socket;
use super::{DriverConfig, Emit, Wishes};
use crate::Clock;
use crate::session::{Input, Output, Session, SessionConfig, SignalingEvent};

pub(super) struct Task {
    session: Session,
    clock: Clock,
    connector: Connector,
    io: Io,
    emits: mpsc::Receiver<Emit>,
    wishes: Arc<Wishes>,
    events: mpsc::Sender<SignalingEvent>,
}

/// The way to the server.
enum Io {
    None,
    Opening(BoxFuture<'static, Result<Socket, String>>),
    Open(Box<Socket>),
    /// The network takes nothing any more; the session does not know yet.
    Stuck,
}

impl Task {
    pub(super) fn new(
        config: DriverConfig,
        connector: Connector,
        emits: mpsc::Receiver<Emit>,
        wishes: Arc<Wishes>,
        events: mpsc::Sender<SignalingEvent>,
    ) -> Self {
        Self {
            session: Session::new(SessionConfig {
                auth: config.auth,
                seed: config.seed,
            }),
            clock: Clock::new(),
            connector,
            io: Io::None,
            emits,
            wishes,
            events,
        }
    }

    pub(super) async fn run(mut self) {
        self.handle(Input::Start);
        loop {
            self.carry_out().await;
            if self.session.is_closed() {
                return;
            }
            self.wait().await;
        }
    }

    fn handle(&mut self, input: Input) {
        self.session.handle(input, self.clock.now());
    }

    /// Waits for the next input and hands it in.
    async fn wait(&mut self) {
        let deadline = self.session.poll_timeout();
        tokio::select! {
            () = self.wishes.come.notified() => {
                self.look();
                self.grant();
            }
            () = self.events.closed() => self.close(),
            emit = self.emits.recv() => match emit {
                Some(emit) => {
                    self.look();
                    self.emit(emit);
                }
                // All handles are gone.
                None => self.close(),
            },
            input = self.io.next() => self.handle(input),
            () = until(self.clock, deadline) => {
                self.look();
                self.handle(Input::Tick);
            }
        }
    }

    /// Takes in a frame that waits, when a deadline has passed meanwhile: after a busy while it may
    /// say that the server lives.
    fn look(&mut self) {
        let late = |deadline| deadline <= self.clock.now();
        if self.session.poll_timeout().is_some_and(late)
            && let Some(input) = self.io.next().now_or_never()
        {
            self.handle(input);
        }
    }

    fn grant(&mut self) {
        let wanted = self.wishes.take();
        if let Some(auth) = wanted.auth {
            self.handle(Input::SetAuth(auth));
        }
        if wanted.network_changed {
            self.handle(Input::NetworkChanged);
        }
        if wanted.close {
            self.close();
        }
    }

    fn emit(&mut self, Emit { event, ack }: Emit) {
        self.handle(Input::Emit { event, ack });
    }

    /// Closes, after what was emitted before.
    fn close(&mut self) {
        while let Ok(emit) = self.emits.try_recv() {
            self.emit(emit);
        }
        self.handle(Input::Close);
    }

    /// Does what the session wants done.
    async fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Open => self.io = Io::Opening(self.connector.open()),
                Output::SendText(text) => {
                    if let Io::Open(socket) = &mut self.io
                        && !socket.send(text)
                    {
                        self.io = Io::Stuck;
                    }
                }
                Output::Probe => {
                    if let Io::Open(socket) = &mut self.io {
                        socket.probe();
                    }
                }
                Output::CloseSocket { goodbye } => {
                    let io = std::mem::replace(&mut self.io, Io::None);
                    if let Io::Open(socket) = io
                        && goodbye
                    {
                        socket.goodbye().await;
                    }
                }
                Output::Event(event) => self.tell(event).await,
            }
        }
    }

    /// Hands an event to the app; waits for room, unless the app wants to close or has gone.
    async fn tell(&mut self, event: SignalingEvent) {
        log(&event);
        let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) else {
            return;
        };
        tokio::select! {
            room = self.events.reserve() => {
                if let Ok(room) = room {
                    room.send(event);
                }
            }
            () = self.wishes.close_wanted() => {}
        }
        // Wishes that came meanwhile are granted next.
        self.wishes.come.notify_one();
    }
}

impl Io {
    /// The next input; none ever while there is no socket. Safe to drop and call again.
    async fn next(&mut self) -> Input {
        let input = match self {
            Self::None => std::future::pending().await,
            Self::Opening(opening) => match opening.await {
                Ok(socket) => {
                    *self = Self::Open(Box::new(socket));
                    return Input::SocketOpened;
                }
                Err(reason) => Input::SocketFailed { reason },
            },
            Self::Open(socket) => socket.next().await,
            Self::Stuck => Input::SocketFailed {
                reason: "the network takes nothing any more".into(),
            },
        };
        if matches!(
            input,
            Input::SocketClosed { .. } | Input::SocketFailed { .. }
        ) {
            *self = Self::None;
        }
        input
    }
}

async fn until(clock: Clock, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep(deadline.saturating_since(clock.now())).await,
        None => std::future::pending().await,
    }
}

/// One line for each turn of the connection; payloads stay out.
fn log(event: &SignalingEvent) {
    match event {
        SignalingEvent::Connecting { attempt } => tracing::info!(attempt, "connecting"),
        SignalingEvent::Connected(who) => {
            tracing::info!(user = %who.user.id, version = who.version, "connected");
        }
        SignalingEvent::Lost { reason, retry_in } => {
            tracing::warn!(reason, ?retry_in, "lost");
        }
        SignalingEvent::Refused { code, message } => tracing::warn!(%code, message, "refused"),
        SignalingEvent::TokenExpired { code, message } => {
            tracing::warn!(code, message, "token expired");
        }
        SignalingEvent::Event(event) => tracing::debug!(event = event.name(), "received"),
        SignalingEvent::Ack { op, outcome } => match outcome {
            Ok(_) => tracing::debug!(op, "acked"),
            Err(failure) => tracing::debug!(op, %failure, "not acked"),
        },
        SignalingEvent::BadFrame { problem, count } => {
            tracing::warn!(problem, count, "bad frame");
        }
        SignalingEvent::Closed => tracing::info!("closed"),
    }
}
