//! The contract of the API, route by route.

mod bad_input;
mod clients;
mod contract;
mod edit_and_delete;
mod history;
mod idempotency;
mod limits;
mod reactions;
mod replies;
mod search;
