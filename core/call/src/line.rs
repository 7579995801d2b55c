//! What is known of the socket and of the two ends of it: me, this device, this server.

use std::time::Duration;

use ringwire_protocol::{Capability, DeviceId, Instant, PeerId, Timestamp, timers};

/// The socket and the facts that it brought.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) device: DeviceId,
    pub(crate) me: Option<PeerId>,
    pub(crate) socket: Socket,
    /// The app is in the background.
    pub(crate) background: bool,
    ours: Vec<Capability>,
    server: Vec<Capability>,
    /// What the calendar said, and when it did.
    calendar: Option<(Timestamp, Instant)>,
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
            background: false,
            ours,
            server: Vec::new(),
            calendar: None,
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

    pub(crate) fn set_calendar(&mut self, says: Timestamp, now: Instant) {
        self.calendar = Some((says, now));
    }

    /// What the calendar said at a moment, or will have said; `None` while nobody has looked at it.
    pub(crate) fn calendar_at(&self, moment: Instant) -> Option<Timestamp> {
        let (said, at) = self.calendar?;
        let before = at.saturating_since(moment);
        let moved = said + moment.saturating_since(at);
        let before = i64::try_from(before.as_millis()).unwrap_or(i64::MAX);
        Some(Timestamp::from_millis(
            moved.as_millis().saturating_sub(before),
        ))
    }

    /// How long something rings that ends at `deadline`, and at most `timers::RING_DEADLINE`. Zero
    /// where it is over by this device's calendar, which may be wrong.
    pub(crate) fn rings_for(&self, deadline: Option<Timestamp>, now: Instant) -> Duration {
        let calendar = self.calendar_at(now);
        let left = deadline
            .zip(calendar)
            .map(|(deadline, calendar)| deadline.saturating_since(calendar));
        left.map_or(timers::RING_DEADLINE, |left| {
            left.min(timers::RING_DEADLINE)
        })
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
