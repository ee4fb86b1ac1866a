//! The load: profiles, users with their roles, the schedule of the messages, and the phases of a run.

pub mod phases;
pub mod profile;
pub mod rate;
pub mod role;
pub mod room_choice;
pub mod schedule;
pub mod sender;
pub mod users;
