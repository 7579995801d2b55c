//! Telling a story: running it, shrinking it when it breaks a law, and writing it down in words.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::coverage::Coverage;
use crate::faults::Fault;
use crate::laws::{Law, Violation};
use crate::plan::{Plan, What};
use crate::words::Words;
use crate::world::{Parcel, World};

/// How a story ended.
#[derive(Debug)]
pub struct Ending {
    /// The first law that was broken.
    pub violation: Option<Violation>,
    /// Inputs that the machines took: call stores, sessions, the gateway's calls.
    pub steps: u64,
    /// Calls that were made.
    pub calls: u64,
    /// What happened, line by line; empty unless asked for.
    pub words: Vec<String>,
    /// What was met; empty unless asked for.
    pub coverage: Coverage,
}

/// What is wanted of a story besides its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Its words.
    pub words: bool,
    /// Which inputs met which states.
    pub coverage: bool,
    /// A fault in the system.
    pub fault: Option<Fault>,
}

/// Tells a story to its end, or to the first law that is broken.
pub fn tell(plan: &Plan, wanted: Wanted) -> Ending {
    let mut world = World::new(plan);
    world.words = wanted.words.then(Words::default);
    world.coverage = wanted.coverage.then(Box::default);
    world.fault = wanted.fault;
    let mut at = world.now + 2_000;
    for (place, act) in plan.acts.iter().enumerate() {
        at += act.after;
        world.queue.put(at, Parcel::Act(place));
    }
    world.run_until(at, Some(plan));
    if world.violation.is_none() {
        world.come_to_rest();
    }
    let lines = world.words.map(|words| words.lines).unwrap_or_default();
    let lines = lines.into_iter().filter(|(_, line)| !line.is_empty());
    Ending {
        violation: world.violation,
        steps: world.steps,
        calls: world.gateway.calls.len() as u64,
        words: lines
            .map(|(at, line)| format!("{:>9.3}  {line}", at as f64 / 1_000.0))
            .collect(),
        coverage: world.coverage.map(|it| *it).unwrap_or_default(),
    }
}

/// The same; a panic of a machine is a broken law as well.
pub fn tell_safely(plan: &Plan, wanted: Wanted) -> Ending {
    catch_unwind(AssertUnwindSafe(|| tell(plan, wanted))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|it| (*it).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Ending {
            violation: Some(Violation {
                law: Law::Panic,
                at: 0,
                how: text,
            }),
            steps: 0,
            calls: 0,
            words: Vec::new(),
            coverage: Coverage::default(),
        }
    })
}

/// The acts of a broken story that are needed to break the same law: as few as leaving them out,
/// many at once and then one by one, can find.
pub fn shrink(plan: &Plan, law: Law, fault: Option<Fault>) -> Vec<usize> {
    let wanted = Wanted {
        fault,
        ..Wanted::default()
    };
    let breaks = |kept: &[usize]| {
        let story = plan.clone().keep(kept);
        tell_safely(&story, wanted)
            .violation
            .is_some_and(|it| it.law == law)
    };
    let mut kept: Vec<usize> = (0..plan.acts.len())
        .filter(|at| !matches!(plan.acts[*at].what, What::Pass))
        .collect();
    let mut piece = kept.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(at..(at + piece).min(kept.len()));
            match breaks(&fewer) {
                true => kept = fewer,
                false => at += piece,
            }
        }
        piece /= 2;
    }
    kept
}

/// The stories of which picture and table are drawn.
pub const DRAWN: u64 = 6_000;

/// What the first stories meet.
pub fn coverage_of(stories: u64) -> Coverage {
    let next = AtomicU64::new(1);
    let wanted = Wanted {
        coverage: true,
        ..Wanted::default()
    };
    let met = || {
        let mut met = Coverage::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > stories {
                return met;
            }
            met.add(tell_safely(&Plan::of(seed), wanted).coverage);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, |it| it.get());
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(met)).collect();
        let mut all = Coverage::default();
        for one in running {
            all.add(one.join().unwrap_or_default());
        }
        all
    })
}
