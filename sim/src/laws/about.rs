//! What an input is about: other calls must not change by it.

use ringwire_call::{CallKey, Command, Input};
use ringwire_protocol::{Ack, CallEndReason, CallId, ConversationId, Push, ServerEvent};

use crate::device::Device;

/// What an input is about.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) key: Option<CallKey>,
    pub(crate) id: Option<CallId>,
    /// Calls of one conversation may turn out to be the same one.
    pub(crate) place: Option<ConversationId>,
    /// It may concern every call.
    pub(crate) all: bool,
    /// A tap that takes the microphone from other calls.
    pub(crate) takes_over: bool,
    /// `call:ended` with its reason, and whether my own person ended it.
    pub(crate) ended: Option<(Option<CallEndReason>, bool)>,
}

impl About {
    pub(crate) fn of(device: &Device, input: &Input) -> Self {
        let mut about = Self::default();
        match input {
            Input::Command(command) => match command {
                Command::Call { key, .. }
                | Command::Accept { key, .. }
                | Command::Join { key, .. }
                | Command::Hold { key, .. } => {
                    about.key = Some(*key);
                    about.takes_over = true;
                }
                Command::Decline { key, .. }
                | Command::HangUp { key }
                | Command::SetMicrophone { key, .. }
                | Command::SetCamera { key, .. }
                | Command::SetScreen { key, .. } => about.key = Some(*key),
                Command::Background(_) => about.all = true,
                Command::ForceLeave { conversation } => {
                    about.place = Some(conversation.clone());
                }
                Command::Push(push) => {
                    about.id = Some(push.call_id().clone());
                    if let Push::Ring(ring) = push {
                        about.place = Some(ring.conversation_id.clone());
                    }
                }
            },
            Input::Event(event) => {
                about.id = event.call_id().cloned();
                // An error without a call may be about any.
                about.all = about.id.is_none();
                if let ServerEvent::Initiated(said) = event {
                    about.place = Some(said.conversation_id.clone());
                }
                if let ServerEvent::Ended(said) = event {
                    let by_me = said.ended_by.as_ref() == Some(&device.peer);
                    about.ended = Some((said.reason.clone(), by_me));
                }
            }
            Input::Connection { connection, .. } | Input::Quality { connection, .. } => {
                let mine = device.connections.iter().find(|it| it.id == *connection);
                about.key = mine.map(|it| it.key);
            }
            Input::Ack { outcome, .. } => match outcome {
                Ok(Ack::Joined(said)) => about.id = Some(said.call_session.id.clone()),
                _ => about.all = true,
            },
            Input::SocketUp { .. }
            | Input::SocketDown
            | Input::NetworkChanged
            | Input::Calendar(_)
            | Input::Tick => about.all = true,
        }
        if about.key.is_none()
            && let Some(id) = &about.id
        {
            let view = device
                .snapshot
                .calls
                .iter()
                .find(|it| it.id.as_ref() == Some(id));
            about.key = view.map(|it| it.key);
        }
        about
    }
}
