//! The one writer: the thread that stores every event, and the queue that leads to it.

mod batch;
mod expiry;
mod handle;
mod idempotency;
mod moderation;
mod price;
mod queue;
mod reactions;
mod retention;
mod target;
mod thread;
mod validate;
mod values;
mod verdict;

pub(crate) use handle::WriterHandle;
pub use retention::RetentionPolicy;
pub(crate) use validate::{check, check_author};
