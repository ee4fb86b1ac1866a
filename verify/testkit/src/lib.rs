//! The tools that the server's tests, the load tester and the benches share: the server as a process, HTTP
//! and server-sent events read without I/O, the server's JSON as the oracle takes it, what the kernel says of
//! a process, a network that fails, and servers of language models.

#![forbid(unsafe_code)]

mod blocking;
pub mod descriptors;
pub mod flaky_proxy;
pub mod http;
mod malformed;
pub mod models;
pub mod process;
pub mod server;
pub mod sse;
pub mod translate;

pub use blocking::BlockingServer;
pub use flaky_proxy::FlakyProxy;
pub use malformed::Malformed;
pub use server::Server;
