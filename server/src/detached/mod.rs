//! The fast way out: streams over plain HTTP/1.1 that have left hyper.
//!
//! Once a request is routed and is to be answered by a stream, hyper has nothing more to do on its
//! connection: the socket is taken out of it (moved, never duplicated), hyper's buffers are freed, and what
//! the stream has to say goes from the room's frames to the socket. The subscription, the dialect and their
//! promises are those of [`crate::sse`]; only the last step is another. A reader's bytes are queued with its
//! thread's [`WriteBatcher`], which hands what all of its readers have to the kernel in one pass; a reader
//! that takes only a part waits for its socket by itself, with the stall's timer, and comes back when it has
//! caught up.

mod backend;
mod batcher;
mod socket;
mod stream;
mod stream_writer;
#[cfg(test)]
mod tests;
#[cfg(target_os = "linux")]
mod uring;

pub use batcher::WriteBatcher;
pub use stream::{DetachedStream, can_detach};
pub use stream_writer::StreamWriter;
