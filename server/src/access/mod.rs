//! Access: who may do what in which room.
//!
//! The settings say which rooms there may be and who is what in them ([`settings`], [`rules`]); the log keeps
//! the roles and bans that people gave ([`kept`]). Together they make somebody's role in a room ([`decide`]),
//! and one table says what a role may do ([`table`]). The router asks before it calls a handler, so no handler
//! can forget it; a stream asks again when something has changed ([`guard`]).

pub mod authority;
pub mod bans;
pub mod decide;
pub mod deeds;
pub mod denial;
pub mod flags;
pub mod guard;
pub mod holder;
pub mod invitations;
pub mod kept;
pub mod pattern;
pub mod role;
pub mod rules;
pub mod settings;
pub mod table;
#[cfg(test)]
mod tests;
pub mod visitors;
pub mod watch;
