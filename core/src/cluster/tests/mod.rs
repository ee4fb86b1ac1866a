//! Clusters in one process, on a clock of their own: every order of steps comes from a seed.
//!
//! `MILLCHAT_SEEDS` says how many seeds of each kind are tried, and `MILLCHAT_SEED` tries one.

mod alone;
mod journal;
mod oracle;
mod world;

use world::{Trouble, World};

/// Seeds of each kind in a run of the tests; `make prove` runs many more.
const SEEDS: u64 = 40;

fn of_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// Runs a world for each seed.
fn for_seeds(trouble: Trouble) {
    if let Some(seed) = of_environment("MILLCHAT_SEED") {
        World::run(seed, trouble);
        return;
    }
    for seed in 0..of_environment("MILLCHAT_SEEDS").unwrap_or(SEEDS) {
        World::run(seed, trouble);
    }
}

#[test]
fn a_cluster_without_trouble_answers_everything() {
    for_seeds(Trouble::None);
}

#[test]
fn appends_that_are_late_doubled_or_unknown_change_nothing_of_the_promise() {
    for_seeds(Trouble::Appends);
}

#[test]
fn messages_between_nodes_that_are_lost_doubled_or_late_change_nothing_of_the_promise() {
    for_seeds(Trouble::Messages);
}

#[test]
fn kills_pauses_and_cuts_change_nothing_of_the_promise() {
    for_seeds(Trouble::Nodes);
}

#[test]
fn all_of_it_together_changes_nothing_of_the_promise() {
    for_seeds(Trouble::All);
}

#[test]
fn of_a_journal_that_lies_no_two_nodes_that_run_have_another_log() {
    for_seeds(Trouble::Lies);
}
