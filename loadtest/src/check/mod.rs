//! The checks: each reader's events against the oracle, or against the log of sent messages.

pub mod block_cache;
pub mod context;
pub mod event;
pub mod follower;
pub mod page;
pub mod recover;
pub mod sent_log;
pub mod stamp;
pub mod stamp_checker;
