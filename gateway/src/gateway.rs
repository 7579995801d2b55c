//! Starting and stopping a gateway.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsAcceptor;
use parking_lot::Mutex;
use ringwire_protocol::{ConversationId, PeerId, limits, timers};
use socketioxide::{SocketIo, TransportType};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::{Config, Secret};
use crate::database::Store;
use crate::demo::EchoRequest;
use crate::error::GatewayError;
use crate::hub::Hub;
use crate::rates::Rates;
use crate::shared::{Shared, now};
use crate::tokens::{self, Tokens};
use crate::turn::IceServers;
use crate::{clock, demo, guests, http, ids, push, socket, tls};

/// Packets that may wait on their way to one socket.
const OUTBOX: usize = 1_024;
/// Requests that Echo may not have seen yet.
const ECHO_REQUESTS: usize = 16;

/// A running gateway. Dropping it without [`Gateway::shutdown`] leaves its tasks to the runtime.
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    server: JoinHandle<std::io::Result<()>>,
    clock: JoinHandle<()>,
    pushes: JoinHandle<()>,
    sockets: mpsc::Receiver<()>,
}

/// A guest: who, and the token that signs them in.
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    /// The guest.
    pub id: PeerId,
    /// `sessionToken` of CONNECT.
    pub session_token: String,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Opens the database, takes up the calls that are in it, and listens.
    ///
    /// # Errors
    /// [`GatewayError`] when the address, the database or the certificate is not usable.
    pub async fn start(config: Config) -> Result<Self, GatewayError> {
        let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let listener = TcpListener::bind(config.listen).map_err(GatewayError::Listen)?;
        let address = listener.local_addr().map_err(GatewayError::Listen)?;
        let store = Store::open(&config.database).await?;
        if config.demo {
            demo::settle(&store).await?;
        }
        let secret = config
            .jwt_secret
            .unwrap_or_else(|| Secret::from(format!("{}{}", ids::fresh(), ids::fresh())));
        let (layer, io) = SocketIo::builder()
            .ping_interval(timers::PING_INTERVAL)
            .ping_timeout(timers::PING_TIMEOUT)
            .max_payload(limits::MAX_FRAME as u64)
            .ws_max_message_size(limits::MAX_FRAME)
            .ws_max_frame_size(limits::MAX_FRAME)
            .max_buffer_size(OUTBOX)
            .transports([TransportType::Websocket])
            .build_layer();
        let (alive, sockets) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            store,
            hub: Hub { io },
            tokens: Tokens::new(&secret),
            rates: Rates::new(config.rate_factor),
            ice: IceServers {
                fixed: config.ice_servers,
                turn: config.turn,
            },
            timers: config.timers,
            locks: Default::default(),
            announce: Default::default(),
            push: config.push,
            pushes: Default::default(),
            rearm: Notify::new(),
            stop: watch::Sender::new(false),
            demo: config.demo,
            web_root: config.web_root,
            web_vendor: config.web_vendor,
            echo: Mutex::new(None),
            alive: Mutex::new(Some(alive)),
        });
        clock::resume(&shared).await?;
        socket::serve(&shared);
        let routes = http::routes(shared.clone())
            .layer(layer)
            .into_make_service();
        let handle = Handle::new();
        let server = axum_server::from_tcp(listener)
            .map_err(GatewayError::Listen)?
            .handle(handle.clone());
        let server = match acceptor {
            Some(tls) => {
                let accept = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
                tokio::spawn(server.acceptor(accept).serve(routes))
            }
            None => tokio::spawn(server.acceptor(NoDelayAcceptor::new()).serve(routes)),
        };
        let clock = tokio::spawn(clock::run(shared.clone()));
        let pushes = tokio::spawn(push::run(shared.clone()));
        tracing::info!(%address, "the gateway listens");
        Ok(Self {
            shared,
            address,
            handle,
            server,
            clock,
            pushes,
            sockets,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A token of a user, good for 12 hours: by id, or with `demo` also by username.
    ///
    /// # Errors
    /// [`GatewayError::Missing`] when the text is no id.
    pub fn mint_token(&self, user: &str) -> Result<String, GatewayError> {
        let demo = self.shared.demo.then(|| demo::person(user)).flatten();
        let peer = match demo {
            Some(peer) => peer,
            None => PeerId::new(user)
                .map_err(|error| GatewayError::Missing(format!("user {user:?}: {error}")))?,
        };
        self.shared.tokens.mint(&peer, false, now() + tokens::LIFE)
    }

    /// Lets a guest into a conversation for 12 hours.
    ///
    /// # Errors
    /// [`GatewayError::Missing`] when there is no such conversation, or no room in it.
    pub async fn invite_guest(
        &self,
        conversation: &ConversationId,
        name: &str,
    ) -> Result<Guest, GatewayError> {
        let missing = |what: &str| GatewayError::Missing(format!("{what} {conversation}"));
        if self.shared.store.place(conversation).await?.is_none() {
            return Err(missing("conversation"));
        }
        match guests::admit(&self.shared, conversation, name, None).await? {
            Some(guest) => Ok(guest),
            None => Err(missing("room in conversation")),
        }
    }

    /// Those who ask Echo to call them, from now on; an earlier receiver gets nothing more.
    pub fn echo_requests(&self) -> mpsc::Receiver<EchoRequest> {
        let (sender, receiver) = mpsc::channel(ECHO_REQUESTS);
        *self.shared.echo.lock() = Some(sender);
        receiver
    }

    /// Ends everything: listener, sockets, tasks, database. Calls stay in the database and go on
    /// when a gateway is started with it again.
    pub async fn shutdown(mut self) {
        self.shared.stop.send_replace(true);
        self.shared.alive.lock().take();
        self.handle
            .graceful_shutdown(Some(Duration::from_millis(500)));
        self.shared.hub.io.close().await;
        if tokio::time::timeout(socket::FAREWELL, self.sockets.recv())
            .await
            .is_err()
        {
            tracing::warn!("tasks of sockets are still running");
        }
        let (server, clock, pushes) = tokio::join!(self.server, self.clock, self.pushes);
        match server {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the listener failed"),
            Err(error) => tracing::error!(%error, "the listener's task failed"),
        }
        for (name, done) in [("clock", clock), ("pushes", pushes)] {
            if let Err(error) = done {
                tracing::error!(name, %error, "a task failed");
            }
        }
        self.shared.store.close().await;
    }
}
