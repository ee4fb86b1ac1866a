//! The API for programs: JSON in, JSON out, a problem document when it does not work.
//!
//! Any origin may call it, because it takes no cookie: who writes is proved by a bearer token, who reads
//! needs no proof. A file per resource; [`crate::schema`] holds what goes over the wire, [`crate::problem`]
//! what goes wrong. Handlers give `Result<Response, Problem>` and never look at paths: the router does.

pub mod author_messages;
pub mod cors;
pub mod drafts;
pub mod events;
pub mod everywhere;
pub mod flags;
pub mod guests;
pub mod hooks;
pub mod input;
pub mod invitations;
mod key;
pub mod members;
pub mod messages;
pub mod openapi;
pub mod parameters;
mod place;
pub mod reactions;
pub mod room_list;
pub mod room_shapes;
pub mod rooms;
pub mod routes;
pub mod search;
pub mod ticket;
