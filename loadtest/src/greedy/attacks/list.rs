//! The list of the attacks.

use clap::builder::PossibleValuesParser;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::{
    answers_never_taken, bodies_never_finished, costly_texts, edits, guests, large_posts, longest_history,
    many_rooms, old_replies, posts_and_deletes, random_rooms, reactions, restart, room_polls,
};

/// All attacks, in the order in which they are run.
pub const ALL: [&Attack; 14] = [
    &costly_texts::ATTACK,
    &answers_never_taken::ATTACK,
    &bodies_never_finished::ATTACK,
    &many_rooms::ATTACK,
    &longest_history::ATTACK,
    &posts_and_deletes::ATTACK,
    &large_posts::ATTACK,
    &reactions::ATTACK,
    &edits::ATTACK,
    &old_replies::ATTACK,
    &guests::ATTACK,
    &random_rooms::ATTACK,
    &room_polls::ATTACK,
    &restart::ATTACK,
];

/// Returns the attack of this name.
pub fn named(name: &str) -> Option<&'static Attack> {
    ALL.into_iter().find(|attack| attack.name == name)
}

/// Returns what the command line takes as a name.
pub fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(ALL.map(|attack| attack.name))
}
