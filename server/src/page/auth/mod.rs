//! The pages of signing in: the choice of a login, the way to its provider and back, who one is, signing out.
//!
//! They work without script. No page shows them in a frame, nobody keeps them, and a popup that shows one
//! keeps the page that opened it; the router adds these headers to all paths of [`crate::paths::AUTH`].

mod begin;
mod callback;
mod choice;
mod done;
mod failure;
mod sign_out;

pub use begin::begin;
pub use callback::callback;
pub use choice::choice;
pub use done::{done, token};
pub use sign_out::sign_out;

/// The parts that tests look at.
#[cfg(test)]
pub mod screens {
    pub use super::choice::{Choice, markup as choice};
    pub use super::done::{Asking, markup as done};
    pub use super::failure::{Failed, page as failure};
    pub use super::sign_out::leaving;
}
