//! The laws bite: each fault that is put into the system breaks one.

use std::sync::atomic::{AtomicUsize, Ordering};

use ringwire_sim::{Fault, Plan, Wanted, shrink, tell_safely};

/// Stories in which a fault must show.
const STORIES: u64 = 1_500;

#[test]
fn every_fault_breaks_a_law() {
    let next = AtomicUsize::new(0);
    let uncaught = || {
        let mut uncaught = Vec::new();
        while let Some(fault) = Fault::ALL
            .get(next.fetch_add(1, Ordering::Relaxed))
            .copied()
        {
            let wanted = Wanted {
                fault: Some(fault),
                ..Wanted::default()
            };
            let caught = (1..=STORIES).find_map(|seed| {
                let plan = Plan::of(seed);
                let violation = tell_safely(&plan, wanted).violation?;
                let sound = tell_safely(&plan, Wanted::default()).violation.is_none();
                sound.then_some((seed, violation))
            });
            match caught {
                Some((seed, violation)) => println!("{fault:?}: seed {seed}, {violation}"),
                None => uncaught.push(fault),
            }
        }
        uncaught
    };
    let uncaught: Vec<Fault> = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, |it| it.get());
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(uncaught)).collect();
        running
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    assert!(Fault::ALL.len() >= 20);
    assert!(uncaught.is_empty(), "no law is broken by {uncaught:?}");
}

#[test]
fn a_broken_story_shrinks_and_breaks_the_same_law_again() {
    let wanted = Wanted {
        fault: Some(Fault::HangUpNotSaid),
        words: true,
        ..Wanted::default()
    };
    let (plan, broken) = (1..)
        .map(Plan::of)
        .find_map(|plan| Some((plan.clone(), tell_safely(&plan, wanted).violation?)))
        .unwrap();
    let kept = shrink(&plan, broken.law, wanted.fault);
    let story = tell_safely(&plan.clone().keep(&kept), wanted);
    assert_eq!(story.violation.map(|it| it.law), Some(broken.law));
    assert!(kept.len() < 8, "{kept:?}");
    let words = story.words.join("\n");
    assert!(
        words.contains("rings") && words.contains("has ended"),
        "{words}"
    );
}
