//! Stories that once broke a law: each stays a test under the name of what was wrong.

use ringwire_sim::{Plan, Wanted, tell_safely};

fn holds(seeds: &[u64]) {
    for seed in seeds {
        let ending = tell_safely(&Plan::of(*seed), Wanted::default());
        assert_eq!(ending.violation, None, "cargo xtask sim --seed {seed}");
    }
}

#[test]
fn a_late_push_rings_for_no_call_that_the_app_died_in() {
    holds(&[108_639, 265_891, 281_960, 829_303]);
}

#[test]
fn a_ring_that_waits_for_my_own_call_is_dropped_when_it_is_over() {
    holds(&[219_442, 801_899]);
}

#[test]
fn a_question_that_times_out_while_the_device_sleeps_is_asked_again() {
    holds(&[496_744]);
}

#[test]
fn an_older_app_leaves_although_another_socket_was_taken_for_its_own() {
    holds(&[42_241, 56_320, 299_290]);
}

#[test]
fn older_apps_that_died_in_a_call_can_leave_it_by_force() {
    holds(&[211_527, 255_332, 330_300, 407_253]);
}

#[test]
fn a_push_after_everything_shows_a_call_that_is_over_for_three_seconds() {
    holds(&[141_885, 332_542, 387_758]);
}

#[test]
fn whether_an_offered_call_goes_on_is_asked_when_it_is_joined() {
    holds(&[138_717, 158_120, 161_252]);
}

#[test]
fn who_is_left_alone_by_an_app_that_died_is_freed_a_minute_after_it_is_missed() {
    holds(&[455_142, 495_904, 520_376]);
}
