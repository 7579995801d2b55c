//! What a story begins with and what happens in it, all of it made from one seed: the people and
//! their devices, the network, and a list of acts. Shrinking leaves acts out.

use crate::dice::Dice;
use crate::queue::Time;

/// The people of a story.
pub(crate) const PEOPLE: [&str; 3] = ["ann", "bob", "cat"];
/// What their devices are called.
pub(crate) const KINDS: [&str; 3] = ["phone", "tablet", "laptop"];

/// A story before it is told.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it comes from.
    pub seed: u64,
    pub(crate) setup: Setup,
    pub(crate) acts: Vec<Act>,
}

/// What a story begins with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) devices: Vec<DevicePlan>,
    /// Shortest and longest way of a frame, ms.
    pub(crate) delay: (Time, Time),
    /// Everything goes through the real session and real JSON.
    pub(crate) json: bool,
    /// The gateway is two processes over one database.
    pub(crate) two_nodes: bool,
    /// So often in a thousand times a step of a negotiation fails.
    pub(crate) fragile: u64,
    /// The gateway has a TURN server.
    pub(crate) turn: bool,
    /// Phones and tablets are woken by pushes.
    pub(crate) pushes: bool,
}

/// A device of somebody.
#[derive(Debug, Clone)]
pub(crate) struct DevicePlan {
    pub(crate) person: usize,
    pub(crate) kind: usize,
    /// Speaks the basic contract only, and does not say which device it is.
    pub(crate) old: bool,
    /// Where its clock began, ms.
    pub(crate) origin: Time,
    /// How wrong its calendar is, ms.
    pub(crate) skew: i64,
    /// A second call may ring while one is going on.
    pub(crate) call_waiting: bool,
}

/// Something that happens, after some time.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) after: Time,
    pub(crate) what: What,
}

/// What people and the world do. A device is an index into the setup's, `which` one of its calls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    /// Calls somebody else, or the group.
    Call {
        device: usize,
        place: usize,
    },
    /// Accepts on some device where it rings.
    Answer {
        which: usize,
    },
    Decline {
        device: usize,
        which: usize,
        busy: bool,
    },
    HangUp {
        device: usize,
        which: usize,
    },
    Microphone {
        device: usize,
        which: usize,
    },
    Camera {
        device: usize,
        which: usize,
    },
    Screen {
        device: usize,
        which: usize,
    },
    Hold {
        device: usize,
        which: usize,
    },
    /// Joins a call that is offered.
    Join {
        device: usize,
        which: usize,
    },
    ForceLeave {
        device: usize,
        place: usize,
    },
    /// The app goes to the background; without a call its socket closes.
    Background {
        device: usize,
        span: Time,
    },
    /// The connection breaks; both ends notice in their own time.
    Cut {
        device: usize,
        device_notices: Time,
        gateway_notices: Time,
    },
    /// No network at all, for a while.
    Offline {
        device: usize,
        span: Time,
    },
    /// Media finds no way between anybody, for a while.
    NoPath {
        span: Time,
    },
    /// The process stands still, for a while.
    Sleep {
        device: usize,
        span: Time,
    },
    /// The process dies and is started again.
    Crash {
        device: usize,
        span: Time,
    },
    /// The gateway dies and is started again: now, or between the next commit and what it tells.
    GatewayCrash {
        span: Time,
        at_commit: bool,
    },
    /// Nothing.
    Pass,
}

impl Plan {
    /// The story of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let setup = Setup::roll(&mut dice);
        let count = dice.between(10, 28);
        let acts = (0..count)
            .flat_map(|n| Act::roll(&mut dice, &setup, n == 0))
            .collect();
        Self { seed, setup, acts }
    }

    /// The same story through the real session and real JSON.
    pub fn in_json(mut self) -> Self {
        self.setup.json = true;
        self
    }

    /// All of it passes through the real session and real JSON.
    pub fn is_in_json(&self) -> bool {
        self.setup.json
    }

    /// The story with some of its acts only.
    pub fn keep(mut self, kept: &[usize]) -> Self {
        let mut at = 0;
        self.acts.retain_mut(|act| {
            let keep = kept.contains(&at);
            at += 1;
            if !keep {
                // The time passes all the same.
                act.what = What::Pass;
            }
            true
        });
        self
    }
}

impl Setup {
    fn roll(dice: &mut Dice) -> Self {
        let mut devices = Vec::new();
        let old_peers = dice.in_thousand(100);
        for (person, most) in [(0, 2), (1, 3), (2, 1)] {
            let count = match person {
                2 => dice.below(2),
                _ => dice.between(1, most),
            };
            for kind in 0..count {
                devices.push(DevicePlan {
                    person,
                    kind: kind as usize,
                    old: old_peers && dice.in_thousand(500),
                    origin: dice.below(100_000_000),
                    skew: match dice.below(4) {
                        0 | 1 => 0,
                        2 => 60_000 + dice.below(600_000) as i64,
                        _ => -(dice.below(600_000) as i64),
                    },
                    call_waiting: !dice.in_thousand(200),
                });
            }
        }
        let fastest = [1, 5, 20, 60][dice.index(4)];
        Self {
            devices,
            delay: (fastest, fastest + [1, 10, 50, 300][dice.index(4)]),
            json: dice.in_thousand(10),
            two_nodes: dice.in_thousand(100),
            fragile: if dice.in_thousand(50) { 50 } else { 0 },
            turn: dice.in_thousand(700),
            pushes: dice.in_thousand(600),
        }
    }
}

impl Act {
    /// One act, sometimes twice.
    fn roll(dice: &mut Dice, setup: &Setup, first: bool) -> Vec<Self> {
        let after = match dice.below(5) {
            0 => dice.below(3),
            1 => dice.below(200),
            2 | 3 => dice.below(4_000),
            _ => dice.below(20_000),
        };
        let device = dice.index(setup.devices.len());
        let which = dice.index(8);
        let weight = if first { 0 } else { dice.below(100) };
        let what = match weight {
            0..=19 => What::Call {
                device,
                place: dice.index(8),
            },
            20..=49 => What::Answer { which },
            50..=52 => What::Decline {
                device,
                which,
                busy: dice.in_thousand(300),
            },
            53..=60 => What::HangUp { device, which },
            61..=63 => What::Microphone { device, which },
            64 => What::Camera { device, which },
            65 => What::Screen { device, which },
            66..=68 => What::Hold { device, which },
            69..=70 => What::Join { device, which },
            71 => What::ForceLeave {
                device,
                place: dice.index(8),
            },
            72..=79 => What::Cut {
                device,
                device_notices: noticed(dice),
                gateway_notices: noticed(dice),
            },
            80..=83 => What::Offline {
                device,
                span: span(dice),
            },
            84..=87 => What::NoPath { span: span(dice) },
            88..=90 => What::Sleep {
                device,
                span: span(dice),
            },
            91..=92 => What::Crash {
                device,
                span: dice.between(500, 20_000),
            },
            93..=95 => What::GatewayCrash {
                span: dice.between(100, 15_000),
                at_commit: dice.in_thousand(600),
            },
            96..=98 => What::Background {
                device,
                span: span(dice),
            },
            _ => What::Pass,
        };
        let act = Self { after, what };
        match what.is_a_tap() && dice.in_thousand(150) {
            true => vec![
                act,
                Self {
                    after: dice.below(120),
                    what,
                },
            ],
            false => vec![act],
        }
    }
}

impl What {
    fn is_a_tap(self) -> bool {
        matches!(
            self,
            Self::Call { .. }
                | Self::Answer { .. }
                | Self::Decline { .. }
                | Self::HangUp { .. }
                | Self::Microphone { .. }
                | Self::Camera { .. }
                | Self::Screen { .. }
                | Self::Hold { .. }
                | Self::Join { .. }
                | Self::ForceLeave { .. }
        )
    }
}

/// How long it takes to notice that a connection is gone: at once, or with the pings.
fn noticed(dice: &mut Dice) -> Time {
    match dice.below(3) {
        0 => 0,
        1 => dice.below(2_000),
        _ => dice.below(45_000),
    }
}

fn span(dice: &mut Dice) -> Time {
    match dice.below(3) {
        0 => dice.between(100, 4_000),
        1 => dice.between(3_000, 20_000),
        _ => dice.between(15_000, 100_000),
    }
}
