//! HTTP/2, which browsers choose by TLS: many requests and streams on one connection.
//!
//! hyper speaks it; here is what bounds it. Each request is served by a task of its own, and an answer is
//! handed over in pieces, so that a client which shuts the window of one stream holds the bytes of that
//! stream and ends it after the time that a peer may take nothing. The other streams of the connection go on.

mod body;
mod connection;
mod request;
mod stream;

pub use connection::serve;
