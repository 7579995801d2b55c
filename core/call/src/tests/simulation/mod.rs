//! Two phones and a small gateway in one thread, on virtual time: sockets and media come and go,
//! people tap as they like, and in the end both agree. The real gateway is met in `tests/`.

mod gateway;
mod world;

use std::time::Duration;

use ringwire_protocol::{CallEndReason, CallType};

use super::phone::{BOTH_ON, MINE, secs};
use crate::{CallKey, CallState, Command};
use world::World;

/// What people and networks do.
impl World {
    fn call(&mut self, phone: usize, n: u64) {
        self.command(
            phone,
            Command::Call {
                key: CallKey::outgoing(n),
                conversation: "v1".parse().unwrap(),
                call_type: CallType::Video,
                media: BOTH_ON,
            },
        );
    }

    fn keys(&self, phone: usize) -> Vec<CallKey> {
        self.phones[phone]
            .store
            .snapshot()
            .calls
            .iter()
            .map(|call| call.key)
            .collect()
    }

    fn accept_all(&mut self, phone: usize) {
        for key in self.keys(phone) {
            self.command(
                phone,
                Command::Accept {
                    key,
                    media: BOTH_ON,
                },
            );
        }
    }

    fn join_all(&mut self, phone: usize) {
        for key in self.keys(phone) {
            self.command(
                phone,
                Command::Join {
                    key,
                    media: BOTH_ON,
                },
            );
        }
    }

    fn state(&self, phone: usize, key: CallKey) -> Option<CallState> {
        self.phones[phone]
            .store
            .snapshot()
            .call(key)
            .map(|call| call.state.clone())
    }

    fn something_happens(&mut self, n: u64) {
        let phone = self.roll(2) as usize;
        let keys = self.keys(phone);
        let any = keys
            .get(self.roll(keys.len().max(1) as u64) as usize)
            .copied();
        match (self.roll(17), any) {
            (0 | 1, _) => self.call(phone, n),
            (2..=5, _) => self.accept_all(phone),
            (6, Some(key)) => self.command(phone, Command::HangUp { key }),
            (7, Some(key)) => {
                let on = self.roll(2) == 0;
                self.command(phone, Command::SetMicrophone { key, on });
            }
            (8, _) => self.disconnect(phone),
            (9 | 10, _) => self.connect(phone),
            (11, _) => self.set_media(false),
            (12, Some(key)) => {
                let on = self.roll(2) == 0;
                self.command(phone, Command::Hold { key, on });
            }
            (13, _) => self.restart(phone),
            (14 | 15, _) => self.join_all(phone),
            _ => self.set_media(true),
        }
    }

    /// Both ends and the gateway hold the same.
    fn assert_agreement(&self, seed: u64) {
        let live = |phone: usize| {
            let snapshot = self.phones[phone].store.snapshot();
            let live = snapshot
                .calls
                .iter()
                .filter(|it| !matches!(it.state, CallState::Ended { .. }));
            live.cloned().collect::<Vec<_>>()
        };
        let (ann, bob) = (live(0), live(1));
        let open = self.calls.iter().filter(|call| !call.ended).count();
        assert_eq!(
            (ann.len(), bob.len()),
            (open, open),
            "seed {seed}: {ann:#?} {bob:#?}"
        );
        for (ann, bob) in ann.iter().zip(&bob) {
            assert_eq!(ann.id, bob.id, "seed {seed}");
            for (mine, theirs) in [(ann, bob), (bob, ann)] {
                assert_eq!(mine.state, CallState::Active, "seed {seed}");
                assert!(mine.connected, "seed {seed}");
                assert_eq!(mine.people[0].held, theirs.held, "seed {seed}");
                assert_eq!(
                    mine.people[0].audio_enabled, theirs.media.microphone,
                    "seed {seed}"
                );
            }
        }
        for phone in &self.phones {
            assert_eq!(
                phone.connections.len(),
                open,
                "seed {seed}: connections left open"
            );
        }
    }
}

#[test]
fn two_phones_talk_and_hang_up() {
    let mut world = World::new(1);
    world.call(0, 1);
    world.pass(secs(1));
    assert_eq!(world.state(0, MINE), Some(CallState::Ringing));
    world.accept_all(1);
    world.pass(secs(1));
    world.assert_agreement(1);
    let key = world.keys(1)[0];
    assert_eq!(world.state(1, key), Some(CallState::Active));
    world.command(1, Command::SetMicrophone { key, on: false });
    world.pass(secs(30));
    world.assert_agreement(1);
    world.command(1, Command::HangUp { key });
    world.pass(secs(1));
    assert_eq!(world.phones[0].ends[&MINE], CallEndReason::Completed);
    assert_eq!(world.phones[1].ends[&key], CallEndReason::Completed);
    world.pass(secs(5));
    world.assert_agreement(1);
}

#[test]
fn both_sides_give_a_decline_a_cancel_and_no_answer_the_same_reason() {
    for (does, reason) in [
        (0, CallEndReason::Rejected),
        (1, CallEndReason::Cancelled),
        (2, CallEndReason::Missed),
    ] {
        let mut world = World::new(1);
        world.call(0, 1);
        world.pass(secs(3));
        let key = world.keys(1)[0];
        match does {
            0 => world.command(1, Command::Decline { key, busy: false }),
            1 => world.command(0, Command::HangUp { key: MINE }),
            _ => world.pass(secs(30)),
        }
        world.pass(secs(1));
        assert_eq!(world.phones[0].ends[&MINE], reason);
        assert_eq!(world.phones[1].ends[&key], reason);
    }
}

#[test]
fn a_path_that_breaks_is_repaired_from_either_side() {
    for seed in 1..20 {
        let mut world = World::new(seed);
        world.call(0, 1);
        world.pass(secs(1));
        world.accept_all(1);
        world.pass(secs(2));
        world.set_media(false);
        world.pass(secs(20));
        assert!(matches!(
            world.state(0, MINE),
            Some(CallState::Reconnecting { .. })
        ));
        world.disconnect((seed % 2) as usize);
        world.pass(secs(10));
        world.set_media(true);
        world.connect((seed % 2) as usize);
        world.pass(secs(20));
        world.assert_agreement(seed);
        assert_eq!(world.state(0, MINE), Some(CallState::Active));
    }
}

#[test]
fn who_is_restarted_in_mid_call_joins_again_and_is_connected() {
    for (seed, phone) in [(1, 0), (2, 1)] {
        let mut world = World::new(seed);
        world.call(0, 1);
        world.pass(secs(1));
        world.accept_all(1);
        world.pass(secs(5));
        world.restart(phone);
        world.pass(secs(1));
        let key = world.keys(phone)[0];
        assert_eq!(world.state(phone, key), Some(CallState::Offered));
        world.join_all(phone);
        world.pass(secs(2));
        world.assert_agreement(seed);
        assert!(world.calls.iter().all(|call| !call.ended));
    }
}

#[test]
fn two_who_call_each_other_at_once_end_up_in_one_call() {
    for wait in [0, 10, 19, 25, 39, 41] {
        let mut world = World::new(7);
        world.call(0, 1);
        world.pass(Duration::from_millis(wait));
        world.call(1, 1);
        world.pass(secs(2));
        assert_eq!(world.calls.len(), 1, "{wait} ms");
        for phone in 0..2 {
            assert_eq!(world.keys(phone), [MINE], "{wait} ms");
        }
        world.assert_agreement(7);
    }
}

#[test]
fn whatever_happens_both_ends_agree_in_the_end() {
    for seed in 1..2_000 {
        let mut world = World::new(seed);
        let steps = 5 + world.roll(40);
        for n in 0..steps {
            world.something_happens(n + 1);
            let wait = match world.roll(4) {
                0 => 0,
                1 => world.roll(60),
                2 => world.roll(3_000),
                _ => world.roll(25_000),
            };
            world.pass(Duration::from_millis(wait));
        }
        world.set_media(true);
        for phone in 0..2 {
            world.connect(phone);
        }
        world.pass(secs(1));
        for phone in 0..2 {
            world.join_all(phone);
        }
        world.pass(secs(200));
        world.assert_agreement(seed);
    }
}
