//! Connections between devices and gateway: frames keep their order, need their time, and are lost
//! with the connection; each end notices a loss in its own time.

use ringwire_life::Actor;
use ringwire_protocol::{Ack, CallError, ClientEvent, ServerEvent};

use crate::dice::Dice;
use crate::queue::Time;

/// A frame to the gateway.
#[derive(Debug)]
pub(crate) enum Up {
    Event { op: Option<u64>, event: ClientEvent },
    Text(String),
}

/// A frame to a device.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "few are on their way at a time")]
pub(crate) enum Down {
    /// `authenticated`.
    Greeting,
    Event(ServerEvent),
    Ack {
        op: u64,
        outcome: Box<Result<Ack, CallError>>,
    },
    Text(String),
}

/// One connection of one device.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) device: usize,
    /// The process of the device that opened it.
    pub(crate) life: u32,
    /// Who the gateway takes the device for.
    pub(crate) actor: Actor,
    /// The gateway has accepted the socket and has not seen its end.
    pub(crate) open: bool,
    /// The gateway knows who it is, and tells it things.
    pub(crate) at_gateway: bool,
    /// From then on nothing more arrives at the gateway, or at the device.
    cut: Option<(Time, Time)>,
    last_up: Time,
    last_down: Time,
}

impl Link {
    pub(crate) fn new(device: usize, life: u32, actor: Actor) -> Self {
        Self {
            device,
            life,
            actor,
            open: false,
            at_gateway: false,
            cut: None,
            last_up: 0,
            last_down: 0,
        }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// When a frame that is sent now arrives at the gateway.
    pub(crate) fn up(&mut self, now: Time, delay: Time) -> Time {
        self.last_up = self.last_up.max(now + delay);
        self.last_up
    }

    /// When a frame that is sent now arrives at the device.
    pub(crate) fn down(&mut self, now: Time, delay: Time) -> Time {
        self.last_down = self.last_down.max(now + delay);
        self.last_down
    }

    /// Breaks: of the frames in flight the first few arrive, in each direction.
    pub(crate) fn cut(&mut self, now: Time, slowest: Time, dice: &mut Dice) {
        if self.cut.is_none() {
            self.cut = Some((now + dice.below(slowest + 1), now + dice.below(slowest + 1)));
        }
    }

    pub(crate) fn brings_up(&self, now: Time) -> bool {
        self.cut.is_none_or(|(up, _)| now < up)
    }

    pub(crate) fn brings_down(&self, now: Time) -> bool {
        self.cut.is_none_or(|(_, down)| now < down)
    }
}
