//! Readers: the cursor on a room's chain, and history. Nothing here writes.

pub(crate) mod dispatcher;
pub(crate) mod history;
pub(crate) mod pool;
pub(crate) mod subscription;
