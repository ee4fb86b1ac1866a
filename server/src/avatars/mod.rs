//! Pictures of users: fetched when they sign in, from the hosts of the settings alone, and kept in memory.
//!
//! A picture is what somebody else's server sends at an address that somebody else chose. So it is fetched by
//! https from a public address only, is small, is an image by its first bytes whatever its header says, and is
//! given out as an image and nothing else.

mod fetch;
mod image;
mod store;

pub use fetch::fetch;
pub use store::Avatars;
