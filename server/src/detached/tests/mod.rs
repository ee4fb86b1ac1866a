//! Detached streams, by either backend.

mod flushes;
mod lists;
mod thread_time;
