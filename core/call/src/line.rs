//! What is known of the socket and of the two ends of it: me, this device, this server.

use ringwire_protocol::{Capability, DeviceId, Instant, PeerId};

/// The socket and the facts that it brought.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) device: DeviceId,
    pub(crate) me: Option<PeerId>,
    pub(crate) socket: Socket,
    ours: Vec<Capability>,
    server: Vec<Capability>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    Up { since: Instant },
    Down { since: Instant },
}

impl Line {
    pub(crate) fn new(device: DeviceId, ours: Vec<Capability>) -> Self {
        Self {
            device,
            me: None,
            socket: Socket::Down {
                since: Instant::ZERO,
            },
            ours,
            server: Vec::new(),
        }
    }

    pub(crate) fn up(&mut self, me: PeerId, server: Vec<Capability>, now: Instant) {
        self.me = Some(me);
        self.server = server;
        self.socket = Socket::Up { since: now };
    }

    pub(crate) fn down(&mut self, now: Instant) {
        if self.is_up() {
            self.socket = Socket::Down { since: now };
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.socket, Socket::Up { .. })
    }

    pub(crate) fn is_me(&self, peer: &PeerId) -> bool {
        self.me.as_ref() == Some(peer)
    }

    /// Both we and the server know it.
    pub(crate) fn knows(&self, capability: &Capability) -> bool {
        self.server.contains(capability) && self.ours.contains(capability)
    }

    /// The server has said that it knows more than the basic contract: our added fields reach it.
    pub(crate) fn is_extended(&self) -> bool {
        !self.server.is_empty()
    }
}
