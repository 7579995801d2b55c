//! One connection through a tap: the client's socket, the server's, and what goes between them.

use std::sync::{Arc, Mutex};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::log::{Fate, Frame};
use super::{Packet, Shared, Verdict, Way, locked};

/// Where frames of one connection are put to be sent on.
pub(super) struct Line {
    up: mpsc::UnboundedSender<String>,
    down: mpsc::UnboundedSender<String>,
    held: Mutex<Vec<(Way, Packet)>>,
    end: watch::Sender<bool>,
}

/// Carries frames until either end closes, or the line is cut.
pub(super) async fn run<A, B>(
    shared: Arc<Shared>,
    client: WebSocketStream<A>,
    server: WebSocketStream<B>,
) where
    WebSocketStream<A>: Stream<Item = Result<Message, Error>> + Sink<Message> + Send,
    WebSocketStream<B>: Stream<Item = Result<Message, Error>> + Sink<Message> + Send,
{
    let (up, to_server) = mpsc::unbounded_channel();
    let (down, to_client) = mpsc::unbounded_channel();
    let end = watch::Sender::new(false);
    let mut ended = end.subscribe();
    let line = Arc::new(Line {
        up,
        down,
        held: Mutex::default(),
        end,
    });
    locked(&shared.lines).push(Arc::clone(&line));
    let (client_in, client_out) = client.split();
    let (server_in, server_out) = server.split();
    let carried = async {
        // What one end has said before it closed still reaches the other.
        tokio::join!(
            async {
                read(&shared, &line, Way::Up, client_out).await;
                line.up.send(String::new()).ok();
            },
            async {
                read(&shared, &line, Way::Down, server_out).await;
                line.down.send(String::new()).ok();
            },
            async {
                write(to_server, server_in).await;
                line.down.send(String::new()).ok();
            },
            async {
                write(to_client, client_in).await;
                line.up.send(String::new()).ok();
            },
        );
    };
    tokio::select! {
        () = carried => {}
        _ = ended.wait_for(|ended| *ended) => {}
    }
    locked(&shared.lines).retain(|other| !Arc::ptr_eq(other, &line));
}

/// Reads one end until it closes.
async fn read<S>(shared: &Shared, line: &Line, way: Way, mut from: SplitStream<S>)
where
    S: Stream<Item = Result<Message, Error>>,
{
    while let Some(Ok(message)) = from.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let packet = Packet::read(text.as_str());
        match shared.verdict(way, &packet) {
            Verdict::Pass => line.send(shared, way, packet, Fate::Passed),
            Verdict::Drop => shared.note(way, packet, Fate::Dropped),
            Verdict::Hold => {
                locked(&line.held).push((way, packet.clone()));
                shared.note(way, packet, Fate::Held);
            }
            Verdict::Replace(others) => {
                shared.note(way, packet, Fate::Dropped);
                for other in others {
                    line.send(shared, way, other, Fate::Passed);
                }
            }
        }
    }
}

/// Writes to one end until it is gone, or nothing more is to come: an empty text.
async fn write<S>(mut texts: mpsc::UnboundedReceiver<String>, mut to: SplitSink<S, Message>)
where
    S: Sink<Message>,
{
    while let Some(text) = texts.recv().await {
        if text.is_empty() || to.send(Message::text(text)).await.is_err() {
            break;
        }
    }
    let _ = to.close().await;
}

impl Line {
    pub(super) fn send(&self, shared: &Shared, way: Way, packet: Packet, fate: Fate) {
        let to = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        // Logged before it is sent: who waits for it in the log may find it not arrived yet, but
        // nobody finds its answer before it.
        let text = packet.write();
        shared.note(way, packet, fate);
        // An end that has gone misses it, as it would without the tap.
        let _ = to.send(text);
    }

    pub(super) fn release(&self, shared: &Shared) {
        let held = std::mem::take(&mut *locked(&self.held));
        for (way, packet) in held {
            self.send(shared, way, packet, Fate::Passed);
        }
    }

    pub(super) fn cut(&self) {
        self.end.send_replace(true);
    }
}

impl Shared {
    fn note(&self, way: Way, packet: Packet, fate: Fate) {
        self.log.note(Frame {
            by: self.name.clone(),
            way,
            packet,
            fate,
        });
    }
}
