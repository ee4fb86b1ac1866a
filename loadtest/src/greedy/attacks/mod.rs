//! The attacks: each a file with its preparation and its run. [`list`] has all of them.

pub mod attack;
pub mod client;
pub mod list;
pub mod prepared;
mod swarm;
pub mod tally;

mod answers_never_taken;
mod bodies_never_finished;
mod costly_texts;
mod edits;
mod guests;
mod large_posts;
mod longest_history;
mod many_rooms;
mod old_replies;
mod posts_and_deletes;
mod random_rooms;
mod reactions;
mod restart;
mod room_polls;
