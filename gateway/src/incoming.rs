//! What comes in on a socket: an event's name, its payload and where its answer goes.

use std::convert::Infallible;
use std::sync::Arc;

use ringwire_protocol::CallError;
use serde_json::Value;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::FromMessageParts;
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};

use crate::hub::{fell_behind, tell_socket};

/// An event that came in.
pub(crate) struct Incoming {
    pub(crate) name: String,
    /// `Null` where there is none.
    pub(crate) payload: Value,
    pub(crate) answer: Answer,
}

/// Where the answer goes: to the ack if one is wanted; errors go to `call:error` if not.
pub(crate) struct Answer {
    socket: SocketRef,
    ack: Option<AckSender>,
}

impl Answer {
    pub(crate) fn socket(&self) -> &SocketRef {
        &self.socket
    }

    /// True when somebody waits for it.
    pub(crate) fn wants_ack(&self) -> bool {
        self.ack.is_some()
    }

    /// Says that it was done.
    pub(crate) fn done(self, ack: &Value) {
        if let Some(sender) = self.ack
            && let Err(error) = sender.send(ack)
        {
            tracing::debug!(%error, "an answer could not be sent");
            if matches!(error, SendError::Socket(SocketError::InternalChannelFull)) {
                fell_behind(&self.socket);
            }
        }
    }

    /// Says why it was not.
    pub(crate) fn refuse(self, error: CallError) {
        tracing::debug!(code = %error.code, error.message, "refused");
        match self.ack {
            Some(_) => self.done(&error.to_ack()),
            None => tell_socket(&self.socket, &ringwire_protocol::ServerEvent::Error(error)),
        }
    }
}

impl FromMessageParts<socketioxide::adapter::LocalAdapter> for Incoming {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket>,
        value: &mut socketioxide_core::Value,
        ack: &Option<i64>,
    ) -> Result<Self, Infallible> {
        let name = Event::from_message_parts(socket, value, ack)
            .map(|event| event.0)
            .unwrap_or_default();
        // The payload may be left out, which is no error here: fields that are needed are missed
        // when the event is read.
        let TryData(payload) = TryData::<Value>::from_message_parts(socket, value, ack)?;
        let sender = AckSender::from_message_parts(socket, value, ack)?;
        Ok(Self {
            name,
            payload: payload.unwrap_or_default(),
            answer: Answer {
                socket: socket.clone().into(),
                ack: ack.is_some().then_some(sender),
            },
        })
    }
}
