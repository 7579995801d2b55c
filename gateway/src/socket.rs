//! A socket: who it is, what it joins, and the task that takes its events one after the other.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ringwire_life::{Actor, Command};
use ringwire_protocol::auth::{
    Auth, Authenticated, AuthenticatedUser, Identity, TokenExpired, TokenType,
};
use ringwire_protocol::{CallError, Capability, DeviceId, ErrorCode, ServerEvent, Timestamp};
use serde_json::Value;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler as _;
use tokio::sync::mpsc;

use crate::hub::tell_socket;
use crate::incoming::Incoming;
use crate::shared::{Shared, now, stopped};
use crate::{events, ids};

/// Events of one socket that may wait for their turn.
const QUEUE: usize = 256;

/// What this gateway knows beyond the basic contract.
pub(crate) const CAPABILITIES: [Capability; 5] = [
    Capability::Ringing,
    Capability::Negotiate,
    Capability::Version,
    Capability::Screen,
    Capability::Hold,
];

/// Who speaks on a socket.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) actor: Actor,
    anonymous: bool,
    language: Option<String>,
    expires: Timestamp,
}

/// Lets sockets in.
pub(crate) fn serve(shared: &Arc<Shared>) {
    let (at_door, inside) = (shared.clone(), shared.clone());
    let check = async move |socket: SocketRef, TryData(auth): TryData<Value>| {
        match sign_in(&at_door, auth.unwrap_or_default()).await {
            Ok(session) => {
                socket.extensions.insert(session);
                Ok(())
            }
            // CONNECT_ERROR of this Socket.IO server holds a message and nothing else.
            Err(error) => Err(format!("{}: {}", error.code, error.message)),
        }
    };
    // Not async itself: handlers must be there before the client's first event is read.
    let enter = move |socket: SocketRef| {
        admit(&inside, &socket);
        std::future::ready(())
    };
    shared.hub.io.ns("/", enter.with(check));
}

/// Who CONNECT speaks for. CONNECTION_FAILED says nothing of the token: it may be tried again.
async fn sign_in(shared: &Shared, auth: Value) -> Result<Session, CallError> {
    let refuse = |message: String| CallError::new(ErrorCode::NotAuthenticated, message);
    let auth = Auth::parse(auth).map_err(|error| refuse(error.to_string()))?;
    let (token, guest) = match &auth.identity {
        Identity::User {
            auth_token,
            token_type: TokenType::Jwt,
        } => (auth_token, false),
        Identity::Guest {
            session_token,
            session_type: TokenType::Anonymous,
        } => (session_token, true),
        _ => return Err(refuse("tokens of this type are not known".into())),
    };
    let bearer = shared.tokens.check(token, now()).map_err(&refuse)?;
    if bearer.anonymous != guest {
        return Err(refuse("this token is of the other type".into()));
    }
    let user = match shared.store.user(&bearer.peer).await {
        Ok(Some(user)) if user.anonymous == guest => user,
        Ok(_) => return Err(refuse("nobody here has this id".into())),
        Err(error) => {
            tracing::error!(%error, "the database failed at a sign-in");
            let message = "the gateway could not look you up now";
            return Err(CallError::new(ErrorCode::ConnectionFailed, message));
        }
    };
    let (device, named, capabilities) = match auth.client {
        Some(client) => (client.device_id, true, client.capabilities),
        None => (ids::id::<DeviceId>(), false, Vec::new()),
    };
    Ok(Session {
        actor: Actor {
            peer: user.id,
            device,
            named,
            capabilities,
        },
        anonymous: guest,
        language: user.language,
        expires: bearer.expires,
    })
}

/// Gives a socket its rooms, its queue and its task.
fn admit(shared: &Arc<Shared>, socket: &SocketRef) {
    let Some(session) = socket.extensions.get::<Session>() else {
        return;
    };
    let Some(alive) = shared.alive.lock().clone() else {
        let _ = socket.clone().disconnect();
        return;
    };
    shared
        .hub
        .enter(socket, &session.actor.peer, &session.actor.device);
    let (queue, events) = mpsc::channel(QUEUE);
    let queue = Arc::new(Mutex::new(Some(queue)));
    let line = queue.clone();
    socket.on_fallback(move |incoming: Incoming| {
        put_in(&line, incoming);
        std::future::ready(())
    });
    // What waits is still done: somebody may hang up and close the socket at once.
    socket.on_disconnect(move || {
        queue.lock().take();
        std::future::ready(())
    });
    let (shared, socket) = (shared.clone(), socket.clone());
    tokio::spawn(async move {
        run(&shared, &socket, &session, events).await;
        drop(alive);
    });
}

fn put_in(queue: &Mutex<Option<mpsc::Sender<Incoming>>>, incoming: Incoming) {
    let Some(queue) = queue.lock().clone() else {
        return;
    };
    if let Err(mpsc::error::TrySendError::Full(incoming)) = queue.try_send(incoming) {
        let mut error = CallError::new(
            ErrorCode::RateLimitExceeded,
            "too many events wait for their turn",
        );
        error.retry_after = Some(1.0);
        incoming.answer.refuse(error);
    }
}

/// The life of a socket: greeting, events in their order, farewell.
async fn run(
    shared: &Shared,
    socket: &SocketRef,
    session: &Session,
    mut events: mpsc::Receiver<Incoming>,
) {
    let actor = &session.actor;
    tracing::info!(user = %actor.peer, device = %actor.device, "connected");
    greet(shared, socket, session).await;
    let expiry = tokio::time::sleep(session.expires.saturating_since(now()));
    tokio::pin!(expiry);
    let mut expired = false;
    let mut stop = shared.stop.subscribe();
    loop {
        tokio::select! {
            // A gateway that stops closes its sockets without a word to their handlers.
            () = stopped(&mut stop) => break,
            incoming = events.recv() => match incoming {
                Some(incoming) => events::handle(shared, actor, incoming).await,
                None => break,
            },
            () = &mut expiry, if !expired => {
                expired = true;
                expire(socket);
            }
        }
    }
    tracing::info!(user = %actor.peer, device = %actor.device, "disconnected");
    if !shared.is_stopping() {
        farewell(shared, actor).await;
    }
}

/// Who you are, what was sent while you were away, what rings for you.
async fn greet(shared: &Shared, socket: &SocketRef, session: &Session) {
    let actor = &session.actor;
    let authenticated = Authenticated {
        success: true,
        user: AuthenticatedUser {
            id: actor.peer.clone(),
            language: session.language.clone(),
            is_anonymous: session.anonymous,
        },
        version: Some(env!("CARGO_PKG_VERSION").into()),
        capabilities: CAPABILITIES.to_vec(),
    };
    tell_socket(socket, &ServerEvent::Authenticated(authenticated));
    let calls = match shared.calls_of(&actor.peer).await {
        Ok(calls) => calls,
        Err(_) => return,
    };
    for call in calls {
        if call.rings_for(&actor.peer, now()) {
            shared.ring_again(&call.id, actor, socket).await;
        } else if let Err(error) = shared
            .act(&call.id, actor, Command::SocketBack, |_| {})
            .await
        {
            tracing::debug!(call = %call.id, error.message, "could not come back");
        }
    }
}

/// A token ran out: it is told, and the socket closes.
fn expire(socket: &SocketRef) {
    let expired = TokenExpired {
        code: ErrorCode::NotAuthenticated.to_string(),
        message: "the token has expired".into(),
    };
    tell_socket(socket, &ServerEvent::TokenExpired(expired));
    let _ = socket.clone().disconnect();
}

/// The socket is gone: calls in which its device is begin to wait for it.
async fn farewell(shared: &Shared, actor: &Actor) {
    let Ok(calls) = shared.calls_of(&actor.peer).await else {
        return;
    };
    for call in calls {
        if call.person(&actor.peer).is_some()
            && let Err(error) = shared.socket_lost(&call.id, actor).await
        {
            tracing::debug!(call = %call.id, error.message, "the loss could not be noted");
        }
    }
}

/// Longest that a stopping gateway waits for its sockets' tasks.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);
