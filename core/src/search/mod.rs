//! Words: how a text is split into the terms by which it is found.
//!
//! A text and a query are split by the same rule. Case and accents are folded ([`fold`]). Words follow UAX
//! 29. Scripts that are written without spaces are split into pairs of characters ([`terms`]). A message is
//! found if it has every term of the query ([`query`]). Nothing here knows the log.

mod fold;
mod query;
mod terms;

pub use query::{Query, QueryError};
pub(crate) use terms::{TermHash, for_each_hash, rule};
