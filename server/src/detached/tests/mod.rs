//! Detached streams, by either backend.

mod flushes;
mod lists;
mod served;
mod thread_time;
