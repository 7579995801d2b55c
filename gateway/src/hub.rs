//! Who is told on which socket: rooms of users and of their devices, events on their way out.
//! A socket that would miss an event is closed: its client comes back and fetches what is so.

use std::time::Duration;

use ringwire_life::{Audience, Emit};
use ringwire_protocol::{DeviceId, PeerId, ServerEvent};
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError, SocketIo};

/// A socket whose outbox is full is tried again after this; its ping time-out bounds the tries.
const ROOM: Duration = Duration::from_millis(50);

/// On a socket that missed an event: nothing more is told to it.
#[derive(Debug, Clone)]
struct Behind;

/// The sockets of this gateway.
#[derive(Clone)]
pub(crate) struct Hub {
    pub(crate) io: SocketIo,
}

impl Hub {
    /// Puts a socket into the rooms of its user and device.
    pub(crate) fn enter(&self, socket: &SocketRef, peer: &PeerId, device: &DeviceId) {
        socket.join([user_room(peer), device_room(peer, device)]);
    }

    /// True while a device has a socket other than this one.
    pub(crate) fn has_device(&self, peer: &PeerId, device: &DeviceId) -> bool {
        self.io
            .to(device_room(peer, device))
            .sockets()
            .iter()
            .any(|socket| socket.connected())
    }

    /// Sends an event to its audience.
    pub(crate) fn tell(&self, emit: &Emit) {
        let to = match &emit.to {
            Audience::User(peer) => self.io.to(user_room(peer)),
            Audience::Device(peer, device) => self.io.to(device_room(peer, device)),
            Audience::OtherDevices(peer, device) => self
                .io
                .to(user_room(peer))
                .except(device_room(peer, device)),
        };
        tracing::debug!(event = emit.event.name(), to = %emit.to.peer(), "telling");
        for socket in to.sockets() {
            tell_socket(&socket, &emit.event);
        }
    }
}

/// Sends an event to one socket.
pub(crate) fn tell_socket(socket: &SocketRef, event: &ServerEvent) {
    if socket.extensions.get::<Behind>().is_some() {
        return;
    }
    let Err(error) = socket.emit(event.name(), &event.payload()) else {
        return;
    };
    tracing::debug!(event = event.name(), %error, "a socket could not be told");
    if matches!(error, SendError::Socket(SocketError::InternalChannelFull)) {
        fell_behind(socket);
    }
}

/// Closes a socket that reads too slowly, once what is on its way has left room for the farewell.
pub(crate) fn fell_behind(socket: &SocketRef) {
    if socket.extensions.insert(Behind).is_some() {
        return;
    }
    tracing::warn!(socket = %socket.id, "closed: too many events wait for it");
    let socket = socket.clone();
    tokio::spawn(async move {
        // Fails only while there is no room.
        while socket.connected() && socket.clone().disconnect().is_err() {
            tokio::time::sleep(ROOM).await;
        }
    });
}

// `PeerId` and `DeviceId` may hold any printable ASCII; the line break keeps them apart.

fn user_room(peer: &PeerId) -> String {
    format!("user\n{peer}")
}

fn device_room(peer: &PeerId, device: &DeviceId) -> String {
    format!("device\n{peer}\n{device}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt as _, StreamExt as _};
    use ringwire_protocol::{CallError, ErrorCode};
    use tokio_tungstenite::tungstenite::Message;

    #[tokio::test]
    async fn a_socket_whose_outbox_is_full_is_closed_after_what_it_holds() {
        let (layer, io) = SocketIo::builder().max_buffer_size(16).build_layer();
        io.ns("/", async |socket: SocketRef| {
            // One thread and no await: nothing is written while this goes on.
            let event = ServerEvent::Error(CallError::new(ErrorCode::CallNotFound, "no"));
            for _ in 0..100 {
                tell_socket(&socket, &event);
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().layer(layer);
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (mut client, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        client.send(Message::text("40")).await.unwrap();
        let mut told = 0;
        let closed = async {
            loop {
                let frame = client.next().await.unwrap().unwrap();
                match frame.to_text().unwrap() {
                    "41" => break,
                    text if text.starts_with("42") => told += 1,
                    _ => {}
                }
            }
        };
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, closed).await.unwrap();
        assert!((10..=16).contains(&told), "{told}");
        server.abort();
    }
}
