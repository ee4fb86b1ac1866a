//! The fixtures of the core's benches: drafts, rooms, and a runtime of one thread.

use std::sync::Arc;

use millchat::{Author, AuthorKind, Body, Draft, Epoch, Item, RoomName};
use tokio::runtime::{Builder, Runtime};

/// Bytes of a message, unless a bench says otherwise.
pub const MESSAGE_BYTES: usize = 200;

/// Returns a runtime of one thread, as the server's are.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}

/// Returns an author.
pub fn author(id: &str) -> Author {
    Author { id: Arc::from(id), name: Arc::from("Bench"), kind: AuthorKind::Guest }
}

/// Returns a message of [`MESSAGE_BYTES`].
pub fn draft() -> Draft {
    Draft::post(author("g_bench"), "x".repeat(MESSAGE_BYTES))
}

/// Returns the name of the nth room.
pub fn room(number: usize) -> RoomName {
    RoomName::new(&format!("room-{number}")).expect("the name obeys the rule")
}

/// Copies the text of a message, and ignores everything else.
pub fn copy_text(_: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
    if let Item::Event(event) = item
        && let Body::Message { content: Some(content), .. } = &event.body
    {
        out.extend_from_slice(content.as_bytes());
    }
}
