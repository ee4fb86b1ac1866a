//! The tools that the server's tests, the load tester and the benches share: the server as a process, HTTP
//! and server-sent events read without I/O, the server's JSON as the oracle takes it, what the kernel says of
//! a process, a network that fails, servers of language models, and nodes with the engines of their journal.

#![forbid(unsafe_code)]

mod blocking;
pub mod descriptors;
pub mod flaky_proxy;
pub mod http;
mod malformed;
pub mod members;
pub mod models;
pub mod nats;
pub mod network;
mod ports;
pub mod postgres;
pub mod process;
pub mod server;
pub mod sse;
pub mod translate;
mod watched;

pub use blocking::BlockingServer;
pub use flaky_proxy::FlakyProxy;
pub use malformed::Malformed;
pub use ports::{free_ports, own_address};
pub use server::Server;
