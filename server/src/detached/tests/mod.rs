//! Detached streams, by either backend.

mod flushes;
mod lists;
mod served;
mod several;
mod thread_time;
