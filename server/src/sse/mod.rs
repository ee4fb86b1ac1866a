//! Server-sent events: a subscription turned into bytes.

pub mod frame;
pub mod multi_room;
pub mod reader_stream;
pub mod retry;
pub mod start;
pub mod stream;
