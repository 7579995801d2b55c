//! An open WebSocket that is read and written at once, with a bounded queue of what waits.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use super::connector::WebSocket;
use crate::limits::{GOODBYE, MAX_UNSENT, told};
use crate::session::Input;

pub(super) struct Socket {
    websocket: WebSocket,
    unsent: VecDeque<Message>,
    unsent_bytes: usize,
    /// Something was handed over that may not have left yet.
    unflushed: bool,
}

impl Socket {
    pub(super) fn new(websocket: WebSocket) -> Self {
        Self {
            websocket,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            unflushed: false,
        }
    }

    /// Takes a frame to be sent by [`next`](Self::next); false when more waits than a slow network
    /// may leave behind.
    pub(super) fn send(&mut self, text: String) -> bool {
        self.unsent_bytes += text.len();
        self.unsent.push_back(Message::text(text));
        self.unsent_bytes <= MAX_UNSENT
    }

    pub(super) fn probe(&mut self) {
        self.unsent.push_back(Message::Ping(Bytes::new()));
    }

    /// Sends what waits, and reads the next frame. Safe to drop and call again.
    pub(super) async fn next(&mut self) -> Input {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if let Err(error) = self.write(cx) {
            return Poll::Ready(failed(error));
        }
        match Pin::new(&mut self.websocket).poll_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(Input::SocketClosed {
                reason: "the server closed the socket".into(),
            }),
            Poll::Ready(Some(Ok(message))) => {
                // Pongs and answers to a close are written by reading: they leave with a flush.
                self.unflushed = true;
                Poll::Ready(match message {
                    Message::Text(text) => Input::SocketText(text.as_str().to_owned()),
                    Message::Binary(_) => Input::SocketBinary,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Input::SocketAlive,
                    Message::Close(None) => Input::SocketClosed {
                        reason: "the server closed the socket".into(),
                    },
                    Message::Close(Some(frame)) => Input::SocketClosed {
                        reason: told(&format!(
                            "the server closed the socket: {} {}",
                            u16::from(frame.code),
                            frame.reason
                        )),
                    },
                })
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(failed(error)),
        }
    }

    /// Writes as much as the network takes now.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), WsError> {
        let mut websocket = Pin::new(&mut self.websocket);
        while !self.unsent.is_empty() {
            let Poll::Ready(ready) = websocket.as_mut().poll_ready(cx) else {
                return Ok(());
            };
            ready?;
            if let Some(message) = self.unsent.pop_front() {
                if message.is_text() {
                    self.unsent_bytes -= message.len();
                }
                websocket.as_mut().start_send(message)?;
                self.unflushed = true;
            }
        }
        if self.unflushed
            && let Poll::Ready(flushed) = websocket.poll_flush(cx)
        {
            flushed?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// Sends what waits and a close frame, waits for the other end's, all as far as [`GOODBYE`]
    /// allows, and drops the socket. Dropped at once, TCP might reset and take the goodbye back.
    pub(super) async fn goodbye(mut self) {
        let leave = async {
            for message in std::mem::take(&mut self.unsent) {
                self.websocket.send(message).await?;
            }
            SinkExt::close(&mut self.websocket).await?;
            while self.websocket.next().await.transpose()?.is_some() {}
            Ok::<(), WsError>(())
        };
        if !matches!(timeout(GOODBYE, leave).await, Ok(Ok(()))) {
            tracing::debug!("the socket was gone before its goodbye");
        }
    }
}

fn failed(error: WsError) -> Input {
    Input::SocketFailed {
        reason: told(&format!("WebSocket: {error}")),
    }
}
