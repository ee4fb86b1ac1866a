//! The one writer: the thread that stores every event, and the queue that leads to it.

mod batch;
mod expiry;
mod handle;
mod idempotency;
mod lookups;
mod member;
mod moderation;
mod price;
mod queue;
mod reactions;
mod replica;
mod retention;
mod shown;
mod target;
mod thread;
mod validate;
mod values;
mod verdict;
mod wire;
mod work;

pub(crate) use handle::WriterHandle;
pub use member::{Connections, Inbound};
pub use retention::RetentionPolicy;
pub(crate) use validate::{check, check_author};
