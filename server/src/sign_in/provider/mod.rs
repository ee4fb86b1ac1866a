//! Providers, as they are asked: the addresses of OpenID Connect, the exchange of a code, what they say about
//! a user.

mod ask;
mod exchange;
mod metadata;
mod profile;

pub use ask::get_json;
pub use exchange::{Exchange, exchange};
pub use metadata::{Provider, ProviderCache};
pub use profile::{groups, name, picture, user_id};
