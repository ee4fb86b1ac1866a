//! The fixtures of the core's benches: drafts, rooms, and a runtime of one thread.

use std::sync::Arc;

use millchat::{Author, AuthorKind, Body, Chat, Draft, Epoch, Item, RoomName};
use tokio::runtime::{Builder, Runtime};

/// Bytes of a message, unless a bench says otherwise.
pub const MESSAGE_BYTES: usize = 200;
/// Sends that wait for one commit.
const SENT_AT_ONCE: usize = 4_000;

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

/// Sends this number of messages, each to the room that `room` returns. Must be called on a local set.
pub async fn send(chat: &Chat, messages: usize, room_of: &dyn Fn(usize) -> usize) {
    for first in (0..messages).step_by(SENT_AT_ONCE) {
        let one = |message| {
            let (chat, room) = (chat.clone(), room(room_of(message)));
            tokio::task::spawn_local(async move {
                chat.send(&room, draft()).await.expect("the log takes every message");
            })
        };
        let all: Vec<_> = (first..messages.min(first + SENT_AT_ONCE)).map(one).collect();
        for one in all {
            one.await.expect("it is not aborted");
        }
    }
}

/// Copies the text of a message, and ignores everything else.
pub fn copy_text(_: Epoch, item: Item<'_>, out: &mut Vec<u8>) {
    if let Item::Event(event) = item
        && let Body::Message { content: Some(content), .. } = &event.body
    {
        out.extend_from_slice(content.as_bytes());
    }
}
