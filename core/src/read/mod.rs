//! Readers: the cursor on a room's chain, and history. Nothing here writes.

pub(crate) mod cursor;
pub(crate) mod dispatcher;
pub(crate) mod fair_queue;
pub(crate) mod follow;
pub(crate) mod form;
pub(crate) mod history;
pub(crate) mod log_batches;
pub(crate) mod opening;
pub(crate) mod pool;
pub(crate) mod search;
pub(crate) mod start;
pub(crate) mod subscription;
