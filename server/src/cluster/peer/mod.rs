//! The way between nodes: messages by `POST /messages`, the people at a node by `POST /signals`, a copy of the log by
//! `GET /copy`, the place of a node by `GET /status`, in HTTP/1.1 over the TLS of the [secret](super::secret).
//!
//! Each node keeps one connection to each other one for messages, with one request under way: what comes meanwhile goes
//! with the next. It keeps another one for signals. Every request says who asks, and of which cluster; every answer may
//! be lost.

mod door;
mod hello;
mod line;
mod outbox;
mod signals;
mod status;
mod wire;

pub use door::{Door, Inside, Open};
pub use hello::Hello;
pub use line::Line;
pub use outbox::Outboxes;
pub use status::NodeStatus;
