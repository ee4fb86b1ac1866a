//! Somebody who signed in is still the guest that they were: what they wrote then is theirs to change.

use millchat::{Author, Chat, Position, RoomName};

use crate::identity::Person;

/// Returns the guest that a person was, if that guest wrote the message. The event of a change names the guest
/// then, so that nobody else learns who it was.
pub async fn guest_of(chat: &Chat, person: &Person, room: &RoomName, target: Position) -> Option<Author> {
    if person.was.is_empty() {
        return None;
    }
    let author = chat.message(room, target).await.ok()??.author?;
    person.was.contains(&author.id).then_some(author)
}
