//! Identity: who sends a request.
//!
//! A credential is a token of ours (of a guest, or of a session of a user who signed in), an API token of a
//! program, a token that an embedding site signed for a user of its own, or the operator's secret. [`Identity`]
//! turns all but the last into a [`Person`]. The API carries a
//! credential as a bearer, the page its token as a cookie. What can end before its time (keys, sessions, API
//! tokens) is kept in the log, and so outlives restarts and `kill -9`.

mod api_token;
mod cookie;
mod error;
mod form;
mod grants;
mod hook;
mod keys;
mod letters;
mod names;
pub mod operator;
mod person;
mod proofs;
mod revocation;
mod session;
pub mod site;
#[cfg(test)]
mod tests;
mod ticket;
mod token;
mod user;
mod user_id;
mod verify;

pub use api_token::is_author_id as is_program_id;
pub use api_token::{ApiToken, FORM as API_TOKEN_FORM, Hook, KIND as API_TOKENS, NewApiToken};
pub use error::TokenError;
pub use grants::check as check_grants;
pub use hook::HookHolder;
pub use keys::{KIND as KEYS, Purpose, Retire, RotateError};
pub use letters::of as letters_of;
pub use person::{Person, Via};
pub use revocation::{KIND as REVOCATIONS, RevokeError, is_revocable};
pub use session::Lifetimes;
pub use user::NewUser;
pub use verify::{BEARERS_MAX, Counts, Identity};
