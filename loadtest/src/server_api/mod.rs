//! The server under load: its address, and the requests that are written to it.
//!
//! The bytes of the hot requests (join a room, send a message) are made here: one place defines them for each
//! kind of server. Our own server answers more than others do (positions, the head, the outcome of a send),
//! and is checked by it; every other one is a [`template::Template`].

pub mod jwt;
pub mod presets;
pub mod protocol;
pub mod target;
pub mod template;
