//! The operator's part of the HTTP interface: routes under `/admin/`, for the holder of the admin token.
//!
//! Without a token in the settings there is nothing at these routes. The token is compared in constant time
//! and is never logged. A refusal is a problem document, because it is programs that ask. What there is:
//! [`backup`]; [`moderate`], whose deeds are events in the log that name who did them ([`operator::by`]), and [`author_messages`]; [`keys`]
//! and sessions; and the API tokens of programs ([`tokens`]).

pub mod addresses;
mod author_messages;
mod backup;
mod keys;
pub mod moderate;
pub mod operator;
pub mod routes;
pub mod schema;
mod tokens;
