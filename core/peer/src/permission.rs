//! What the caller lets out and in. It changes on the caller's thread, past the queue of commands, and is read
//! where media passes; nothing here waits or is dropped.

use tokio::sync::watch;

/// Kinds of media that may be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) audio: bool,
    pub(crate) video: bool,
    pub(crate) screen: bool,
}

/// The caller's end. Nothing is permitted at first.
#[derive(Debug, Default)]
pub(crate) struct Permission {
    pub(crate) send: watch::Sender<Outgoing>,
    pub(crate) receive: watch::Sender<bool>,
}

/// The connection's end.
#[derive(Debug, Clone)]
pub(crate) struct Permitted {
    pub(crate) send: watch::Receiver<Outgoing>,
    pub(crate) receive: watch::Receiver<bool>,
}

impl Permission {
    pub(crate) fn permitted(&self) -> Permitted {
        Permitted {
            send: self.send.subscribe(),
            receive: self.receive.subscribe(),
        }
    }
}
