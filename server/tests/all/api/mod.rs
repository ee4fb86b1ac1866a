//! The contract of the API, route by route.

mod bad_input;
mod changes;
mod contract;
mod history;
mod idempotency;
mod limits;
mod reactions;
mod replies;
