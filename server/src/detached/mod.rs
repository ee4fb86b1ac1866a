//! Detached streams: streams over HTTP/1.1, plain or by TLS, that have left hyper.
//!
//! Once a request is routed and is to be answered by a stream, hyper has nothing more to do on its
//! connection: the socket is taken out of it (moved, never duplicated), hyper's buffers are freed, and the
//! bytes of the stream go from the room's frames to the socket. The subscription, the format and their
//! promises are those of [`crate::sse`]; only the last step differs.
//!
//! Readers of a room that have everything are in its **caught-up list** ([`list`]): a new frame is read once
//! and handed to the kernel for all of them. All others have their bytes queued with the thread's
//! [`WriteBatcher`](batcher::WriteBatcher), which hands those of all to the kernel in one flush. The bytes of a
//! reader by TLS are made into records first, by what hyper gives back with its socket. A reader that takes only
//! a part waits for its socket by itself, with a write timeout, and comes back when it has caught up.

mod backend;
mod batcher;
mod list;
mod lists;
mod member;
mod socket;
mod stream;
mod stream_writer;
#[cfg(test)]
mod tests;
mod thread_time;
#[cfg(target_os = "linux")]
mod uring;

pub use lists::DetachedStreams;
pub use stream::{DetachedStream, can_detach};
pub use stream_writer::StreamWriter;
