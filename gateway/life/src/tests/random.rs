//! Whatever people say in whatever order: no panic, one end, versions that only grow.

use std::time::Duration;

use proptest::prelude::*;
use ringwire_protocol::client::{NegotiateReason, QualityStats};
use ringwire_protocol::{CallEndReason, DeviceId, MediaSettings, MediaType, ServerEvent};

use super::story::{Story, actor, peer, signal};
use crate::{Audience, Command};

#[derive(Debug, Clone)]
enum Move {
    Say(&'static str, Command),
    Pass(u64),
    Restart,
}

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "eve"];
const ACTORS: [&str; 8] = [
    "alice/phone",
    "alice/tablet",
    "bob/phone",
    "bob/tablet",
    "carol/phone",
    "dave/phone",
    "erin/phone",
    "eve/phone",
];

fn command() -> impl Strategy<Value = Command> {
    let name = prop::sample::select(&NAMES[..]);
    let reason = prop::option::of(prop::sample::select(CallEndReason::KNOWN));
    let kind = prop::sample::select(&["offer", "answer", "restart", "candidate"][..]);
    let device = prop::option::of(prop::sample::select(&["phone", "tablet", "watch"][..]));
    prop_oneof![
        1 => Just(Command::Ringing),
        3 => any::<u32>().prop_map(|row| Command::Join {
            row: format!("row-{row}").parse().unwrap(),
            settings: MediaSettings::default(),
        }),
        1 => Just(Command::Leave),
        1 => reason.prop_map(|reason| Command::End { reason }),
        1 => prop::option::of(Just(CallEndReason::Busy)).prop_map(|reason| Command::Decline { reason }),
        1 => Just(Command::ForceLeave),
        4 => (kind, name.clone(), name.clone(), device, prop::option::of(0..4_u64)).prop_map(
            |(kind, from, to, device, id)| {
                let mut signal = signal(kind, from, to);
                signal.to_device = device.map(|device| DeviceId::new(device).unwrap());
                signal.negotiation_id = id;
                Command::Signal(signal)
            }
        ),
        1 => name.prop_map(|to| Command::Negotiate { to: peer(to), reason: NegotiateReason::Tracks }),
        1 => (prop::sample::select(MediaType::KNOWN), any::<bool>())
            .prop_map(|(media, on)| Command::Toggle { media, on }),
        2 => Just(Command::Heartbeat),
        1 => (0.0..100.0_f64, 0.0..1_000.0_f64).prop_map(|(packet_loss, rtt)| {
            Command::Quality(QualityStats { packet_loss, rtt, ..Default::default() })
        }),
        1 => (1..10_u32).prop_map(|attempt| Command::Reconnecting { attempt }),
        1 => (1..10_u32).prop_map(|attempt| Command::Reconnected { attempt }),
        1 => Just(Command::Backgrounded),
        1 => Just(Command::Foregrounded),
        1 => Just(Command::SocketLost),
        1 => Just(Command::SocketBack),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        12 => (prop::sample::select(&ACTORS[..]), command()).prop_map(|(who, what)| Move::Say(who, what)),
        2 => (0..70_000_u64).prop_map(Move::Pass),
        1 => Just(Move::Restart),
    ];
    prop::collection::vec(one, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn no_story_breaks_the_rules(moves in moves(), group in any::<bool>()) {
        let mut story = if group { Story::group() } else { Story::direct() };
        let mut ended = None;
        let mut told = 0;
        for one in moves {
            let before = story.call.clone();
            match one {
                Move::Say(who, command) => {
                    story.emits.clear();
                    let _ = story.try_say(who, command);
                }
                Move::Pass(millis) => story.pass(Duration::from_millis(millis)),
                Move::Restart => {
                    let resumed = story.call.restarted(story.now, &story.timers);
                    story.call = resumed.call;
                    story.deadline = resumed.next_deadline;
                    story.emits = resumed.emits;
                }
            }
            let call = &story.call;
            prop_assert!(call.version >= before.version);
            prop_assert_eq!(call.version > before.version, call.seen() != before.seen());
            if let Some(end) = &ended {
                prop_assert_eq!(Some(end), call.end.as_ref());
                prop_assert_eq!(story.deadline, None);
            }
            ended = call.end.clone();
            told += story.emits.iter().filter(|emit| {
                let alice = matches!(&emit.to, Audience::User(p) if *p == peer("alice"));
                alice && matches!(emit.event, ServerEvent::Ended(_)) && ended.is_some() && !group
            }).count();
            prop_assert!(told <= 1);
            for emit in &story.emits {
                prop_assert!(emit.event.version().is_none_or(|version| version <= call.version));
                prop_assert!(call.member(emit.to.peer()).is_some(), "a stranger was told");
            }
            for name in NAMES {
                let here = call.present().filter(|p| p.peer == peer(name)).count();
                prop_assert!(here <= 1, "{} is in it twice", name);
            }
            prop_assert!(call.present().count() <= 4);
            prop_assert_eq!(call.answered_at.is_some_and(|at| at < call.started_at), false);
        }
        // In time every call ends.
        story.pass(Duration::from_secs(13 * 3600));
        let left: Vec<_> = story.call.present().map(|p| p.peer.to_string()).collect();
        prop_assert!(story.call.end.is_some(), "still there: {:?}", left);
        prop_assert!(story.call.act(&actor("bob"), Command::Leave, story.now, &story.timers).is_ok());
    }
}
