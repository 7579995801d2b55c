//! Whole stories against the laws, and what is drawn from them.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use ringwire_sim::{DRAWN, Plan, Wanted, coverage_of, picture, table, tell_safely};

/// `cargo xtask bench machine` tells a million; `cargo xtask mutants` names a few hundred.
const STORIES: u64 = 20_000;
/// How many instead.
const INSTEAD: &str = "RINGWIRE_STORIES";

fn stories() -> u64 {
    let instead = std::env::var(INSTEAD).ok();
    instead.map_or(STORIES, |count| count.parse().expect("a number of stories"))
}

/// Tells so many stories on all cores; returns their steps.
fn hold(stories: u64, plan: fn(u64) -> Plan) -> u64 {
    let (next, steps) = (AtomicU64::new(1), AtomicU64::new(0));
    let tell = || {
        let mut broken = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > stories {
                return broken;
            }
            let ending = tell_safely(&plan(seed), Wanted::default());
            steps.fetch_add(ending.steps, Ordering::Relaxed);
            broken.extend(ending.violation.map(|it| format!("seed {seed}: {it}")));
        }
    };
    let broken: Vec<String> = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, |it| it.get());
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(tell)).collect();
        running
            .into_iter()
            .flat_map(|it| it.join().expect("no story panics outside of a law"))
            .collect()
    });
    let again = "cargo xtask sim --seed S tells how";
    assert!(broken.is_empty(), "{again}\n{}", broken.join("\n"));
    steps.into_inner()
}

#[test]
fn no_story_breaks_a_law() {
    let stories = stories();
    let steps = hold(stories, Plan::of);
    assert!(steps / stories >= 100, "the stories are too short");
}

#[test]
fn no_story_breaks_a_law_when_all_of_it_passes_through_session_and_json() {
    hold(stories() / 20, |seed| Plan::of(seed).in_json());
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    let wanted = Wanted {
        words: true,
        ..Wanted::default()
    };
    for seed in 1..20 {
        let (one, two) = (Plan::of(seed), Plan::of(seed));
        assert_eq!(
            tell_safely(&one, wanted).words,
            tell_safely(&two, wanted).words
        );
    }
}

#[test]
fn picture_and_table_are_what_the_stories_meet() {
    let coverage = coverage_of(DRAWN);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (file, drawn) in [
        ("call-states.svg", picture(&coverage)),
        ("call-coverage.md", table(&coverage)),
    ] {
        let written = std::fs::read_to_string(docs.join(file)).unwrap();
        assert!(
            written == drawn,
            "docs/{file} is old: cargo xtask sim --draw"
        );
    }
}
