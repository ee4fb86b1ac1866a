//! Limits of one author or one address.
//!
//! A request asks here before it does anything; who is refused learns the limit and when to come back. What
//! is remembered of each author and address is bounded and swept: beyond the bound newcomers share one
//! allowance, so that a flood from ever new addresses costs neither memory nor the limit of those who are
//! known.

mod attempts;
mod authors;
mod bans;
mod connections;
mod keyed;
mod limits;
mod setting;

pub use bans::{ADDRESS_BAN_MAX, ADDRESS_BANS_MAX};
pub use connections::ConnectionPermit;
pub use keyed::Keyed;
pub use limits::{Limited, Limits};
pub use setting::RateLimit;
