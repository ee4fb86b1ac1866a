//! The way between nodes: messages by `POST /messages`, a copy of the log by `GET /copy`, the place of a node by
//! `GET /status`, in HTTP/1.1 over the TLS of the [secret](super::secret).
//!
//! Each node keeps one connection to each other one, with one request under way: what comes meanwhile goes with
//! the next. Every request says who asks, and of which cluster; every answer may be lost.

mod door;
mod hello;
mod line;
mod outbox;
mod status;
mod wire;

pub use door::{Door, Inside, Open};
pub use hello::Hello;
pub use line::Line;
pub use outbox::Outboxes;
pub use status::NodeStatus;
