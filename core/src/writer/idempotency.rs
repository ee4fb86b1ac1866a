//! The window of idempotency keys: which event a key has already made.
//!
//! A key is held as a keyed hash of (author, key), with the position of its event; what the event was is in
//! the log. The window reaches back [`KEY_AGE_MAX`] or [`KEYS_MAX`] keys, whichever is less. The log stores
//! the keys with its checkpoints: at a start they are read in the background, and only sends with a key wait
//! for that. The writer owns the window and is the only one to decide by it.

use std::collections::{HashMap, VecDeque};
use std::hash::{self, BuildHasherDefault};

use crate::event::{Action, Draft, Position, RoomName, Timestamp};
use crate::limits::{KEY_AGE_MAX, KEYS_MAX};
use crate::log::{Hash, Log, LogError, StoredKey};

/// The hashes that the record of a post with a key holds.
#[derive(Clone, Copy)]
pub(crate) struct Hashes {
    /// Of the author and the key.
    pub key: Hash,
    /// Of the room, the text and what it answers.
    pub content: Hash,
}

/// Makes the hashes that records hold in place of keys and contents.
pub(crate) struct Hasher {
    secret: [u8; 32],
}

impl Hasher {
    pub fn new(signing_key: &[u8; 32]) -> Self {
        Self { secret: blake3::derive_key("millchat 2026 idempotency", signing_key) }
    }

    /// Returns the hashes of a draft; `None` if it has no key, or is one of those for which keys do not count.
    pub fn hashes(&self, room: &RoomName, draft: &Draft) -> Option<Hashes> {
        let (Some(key), Action::Post { content, reply_to }) = (&draft.key, &draft.action) else {
            return None;
        };
        let author_id = draft.author.as_ref().map_or("", |author| &author.id);
        Some(Hashes { key: self.key(author_id, key), content: self.content(room, content, *reply_to) })
    }

    pub fn key(&self, author_id: &str, key: &str) -> Hash {
        self.hash(b"key", author_id, key)
    }

    /// The same text as an answer to another message, or to none, is another content.
    pub fn content(&self, room: &RoomName, content: &str, reply_to: Option<Position>) -> Hash {
        match reply_to {
            None => self.hash(b"content", room.as_str(), content),
            Some(target) => {
                let domain = [b"reply".as_slice(), &target.to_le_bytes()].concat();
                self.hash(&domain, room.as_str(), content)
            }
        }
    }

    fn hash(&self, domain: &[u8], first: &str, second: &str) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(domain);
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        hasher.update(&(first.len() as u64).to_le_bytes());
        hasher.update(first.as_bytes());
        hasher.update(second.as_bytes());
        let mut hash = Hash::default();
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        hash
    }
}

/// A map by the hashes of keys.
pub(crate) type KeyMap<V> = HashMap<Hash, V, BuildHasherDefault<KeyHasher>>;

/// Takes a part of a hash as it is: made with a secret, it is as good as any that could be made of it.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl hash::Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(part) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*part);
        }
    }

    /// The length, which all have in common.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The keys seen, oldest first to go.
#[derive(Default)]
pub(crate) struct Window {
    positions: KeyMap<Position>,
    order: VecDeque<(Hash, Position, Timestamp)>,
}

impl Window {
    pub fn get(&self, key: &Hash) -> Option<Position> {
        self.positions.get(key).copied()
    }

    /// Takes a key, and forgets those that are too old or too many by now.
    pub fn insert(&mut self, key: Hash, position: Position, at: Timestamp, now: Timestamp) {
        self.positions.insert(key, position);
        self.order.push_back((key, position, at));
        // A message whose time lies ahead of the clock makes no other key old.
        self.expire(at.min(now));
    }

    fn expire(&mut self, now: Timestamp) {
        let oldest_ms = now.0.saturating_sub(KEY_AGE_MAX.as_millis() as u64);
        while let Some((key, position, at)) = self.order.front() {
            if at.0 >= oldest_ms && self.order.len() <= KEYS_MAX {
                break;
            }
            // A key that was used again, once its first event was below the floor, has a newer position.
            if self.positions.get(key) == Some(position) {
                self.positions.remove(key);
            }
            self.order.pop_front();
        }
    }

    /// Reads the keys that the log has stored. Blocks on storage.
    pub fn restore(log: &dyn Log) -> Result<Self, LogError> {
        let now = Timestamp::now();
        let oldest_ms = now.0.saturating_sub(KEY_AGE_MAX.as_millis() as u64);
        let mut window = Self::default();
        for StoredKey { position, key, created_at } in log.keys(Timestamp(oldest_ms))? {
            window.insert(key, position, created_at, now);
        }
        Ok(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_forgets_no_key() {
        let mut window = Window::default();
        let now = Timestamp::now();
        window.insert([1; 16], 1, now, now);
        window.insert([2; 16], 2, Timestamp(now.0 + 40 * KEY_AGE_MAX.as_millis() as u64), now);
        window.insert([3; 16], 3, now, now);
        assert_eq!([1, 2, 3].map(|key| window.get(&[key; 16])), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn a_key_is_forgotten_after_the_window_and_not_before() {
        let (mut window, now) = (Window::default(), Timestamp::now());
        let day_ms = KEY_AGE_MAX.as_millis() as u64;
        window.insert([1; 16], 1, Timestamp(1_000), now);
        window.insert([2; 16], 2, Timestamp(1_000 + day_ms), now);
        assert_eq!(window.get(&[1; 16]), Some(1));
        window.insert([3; 16], 3, Timestamp(1_001 + day_ms), now);
        assert_eq!((window.get(&[1; 16]), window.get(&[2; 16])), (None, Some(2)));
    }

    #[test]
    fn the_window_is_bounded_in_number() {
        let mut window = Window::default();
        for n in 0..=KEYS_MAX as u128 {
            window.insert(n.to_le_bytes(), n as u64, Timestamp(1), Timestamp(1));
        }
        assert_eq!((window.positions.len(), window.order.len()), (KEYS_MAX, KEYS_MAX));
        assert_eq!(window.get(&0u128.to_le_bytes()), None);
    }

    #[test]
    fn hashes_of_other_authors_keys_rooms_and_contents_differ() {
        let hasher = Hasher::new(&[7; 32]);
        let (a, b) = (RoomName::new("a").unwrap(), RoomName::new("b").unwrap());
        assert_ne!(hasher.key("ab", "c"), hasher.key("a", "bc"));
        assert_ne!(hasher.content(&a, "x", None), hasher.content(&b, "x", None));
        assert_ne!(hasher.key("a", "x"), hasher.content(&a, "x", None));
        let answers = [None, Some(1), Some(2)].map(|reply_to| hasher.content(&a, "x", reply_to));
        assert!(answers[0] != answers[1] && answers[1] != answers[2] && answers[0] != answers[2]);
    }

    #[test]
    fn the_hash_of_a_message_is_the_one_of_the_releases_before_replies() {
        let hash = Hasher::new(&[7; 32]).content(&RoomName::new("lobby").unwrap(), "hello", None);
        assert_eq!(u128::from_be_bytes(hash), 0x65dd_61a4_da78_b36a_45ed_0d73_19cc_167d);
    }
}
