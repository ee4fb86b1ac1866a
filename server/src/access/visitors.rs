//! Rooms of visitors: each visitor has one of their own, which only they and the staff may read.
//!
//! The settings name them by a beginning and a star (`support-*`, policy `visitor`). The name of a visitor's room
//! follows from their id and the log's signing key, so nothing is stored of who has which, and nobody can tell a
//! visitor from the name. The room of the beginning alone (`support-`) is the desk: it leads each visitor to their room,
//! and shows the staff the rooms that there are.

use millchat::{Chat, RoomName};

use super::settings::{RoomSettings, VISITOR_LETTERS as LETTERS};
use crate::identity::Person;

/// Derives the key from the log's signing key, which never changes.
const CONTEXT: &str = "millchat 2026-11-29 rooms of visitors";

/// Returns the room of a visitor.
pub fn room_of(chat: &Chat, beginning: &str, author_id: &str) -> Option<RoomName> {
    let key = blake3::derive_key(CONTEXT, &chat.signing_key());
    let mut hasher = blake3::Hasher::new_keyed(&key);
    // With its length before it, so that no other two texts make the same one.
    hasher.update(&(beginning.len() as u64).to_le_bytes()).update(beginning.as_bytes());
    let hash = hasher.update(author_id.as_bytes()).finalize();
    RoomName::new(&format!("{beginning}{}", crate::identity::letters_of(&hash.as_bytes()[..LETTERS]))).ok()
}

/// Returns true if the room is the person's own, also as the guest that they were before they signed in.
pub fn is_own(chat: &Chat, settings: &RoomSettings, room: &RoomName, person: &Person) -> bool {
    settings
        .beginning()
        .is_some_and(|beginning| person.ids().any(|id| room_of(chat, beginning, id).as_ref() == Some(room)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::settings::BEGINNING_BYTES_MAX;

    #[test]
    fn a_visitor_has_one_room_and_shares_it_with_no_other() {
        let chat = Chat::open("memory:").unwrap();
        let room = room_of(&chat, "support-", "g_1").unwrap();
        assert!(room.as_str().len() == 28 && room.as_str().starts_with("support-"), "{room}");
        assert_eq!(room_of(&chat, "support-", "g_1").as_ref(), Some(&room));
        for other in [
            room_of(&chat, "support-", "g_2"),
            room_of(&chat, "sales-", "g_1"),
            room_of(&chat, "support-g", "_1"),
            room_of(&Chat::open("memory:").unwrap(), "support-", "g_1"),
        ] {
            let letters = |room: &RoomName| room.as_str()[room.as_str().len() - LETTERS..].to_owned();
            assert_ne!(letters(&other.unwrap()), letters(&room));
        }
        assert!(room_of(&chat, &"x".repeat(BEGINNING_BYTES_MAX), "g_1").is_some());
    }
}
