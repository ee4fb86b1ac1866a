//! The place at which a walk over rooms goes on: the name of a room, which may be one that nobody hears of, and
//! perhaps a position in it, as a text that only this server reads.
//!
//! The text is the MAC of the place and the place under a stream of bytes that the MAC makes, as long for each place.
//! Whoever gets it can send it back, and learns nothing of the name by it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millchat::{Position, ROOM_NAME_BYTES_MAX, RoomName};

/// Derives the key of the MAC from the log's signing key.
const MAC_CONTEXT: &str = "millchat 2026-11-28 place in a list of rooms: mac";
/// Derives the key of the stream.
const STREAM_CONTEXT: &str = "millchat 2026-11-28 place in a list of rooms: stream";
const MAC_BYTES: usize = blake3::OUT_LEN;
/// Bytes of a place: a position, 0 for none, and a name.
const PLACE_BYTES: usize = POSITION_BYTES + ROOM_NAME_BYTES_MAX;
const POSITION_BYTES: usize = 8;
/// Stands for no position: no event has it.
const NOWHERE: Position = 0;

/// A place in a walk over the rooms by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The room at which, or after which, it goes on.
    pub room: RoomName,
    /// The position in the room before which it goes on; `None`: the room is done.
    pub before: Option<Position>,
}

impl Place {
    /// The place after a room.
    pub fn after(room: RoomName) -> Self {
        Self { room, before: None }
    }
}

/// Makes and reads places.
pub struct Places {
    mac: [u8; 32],
    stream: [u8; 32],
}

impl Places {
    /// By the signing key of a log.
    pub fn new(signing_key: &[u8; 32]) -> Self {
        let derive = |context| blake3::derive_key(context, signing_key);
        Self { mac: derive(MAC_CONTEXT), stream: derive(STREAM_CONTEXT) }
    }

    /// Returns the text of a place.
    pub fn text(&self, place: &Place) -> String {
        let mut bytes = [0; PLACE_BYTES];
        bytes[..POSITION_BYTES].copy_from_slice(&place.before.unwrap_or(NOWHERE).to_be_bytes());
        bytes[POSITION_BYTES..][..place.room.as_str().len()].copy_from_slice(place.room.as_str().as_bytes());
        let mac = blake3::keyed_hash(&self.mac, &bytes);
        self.mask(&mac, &mut bytes);
        URL_SAFE_NO_PAD.encode([&mac.as_bytes()[..], &bytes].concat())
    }

    /// Returns the place of a text; `None`: the text was not made here.
    pub fn read(&self, text: &str) -> Option<Place> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mac, place) = bytes.split_first_chunk::<MAC_BYTES>()?;
        let mut place: [u8; PLACE_BYTES] = place.try_into().ok()?;
        let mac = blake3::Hash::from_bytes(*mac);
        self.mask(&mac, &mut place);
        // Compares in constant time.
        if blake3::keyed_hash(&self.mac, &place) != mac {
            return None;
        }
        let (position, name) = place.split_first_chunk::<POSITION_BYTES>()?;
        let room = RoomName::new(std::str::from_utf8(name).ok()?.trim_end_matches('\0')).ok()?;
        let before = Some(u64::from_be_bytes(*position)).filter(|&before| before != NOWHERE);
        Some(Place { room, before })
    }

    fn mask(&self, mac: &blake3::Hash, place: &mut [u8; PLACE_BYTES]) {
        let mut stream = [0; PLACE_BYTES];
        let mut hasher = blake3::Hasher::new_keyed(&self.stream);
        hasher.update(mac.as_bytes()).finalize_xof().fill(&mut stream);
        place.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_by_its_maker_and_tells_nobody_a_name() {
        let (places, others) = (Places::new(&[7; 32]), Places::new(&[8; 32]));
        let longest = "x".repeat(ROOM_NAME_BYTES_MAX);
        let mut lengths = Vec::new();
        let positions = [None, Some(1), Some(u64::MAX), None];
        for (name, before) in ["a", "b", "team-secret", &longest].into_iter().zip(positions) {
            let place = Place { room: RoomName::new(name).unwrap(), before };
            let text = places.text(&place);
            assert_eq!(places.read(&text), Some(place));
            assert_eq!(others.read(&text), None);
            assert!(
                !URL_SAFE_NO_PAD
                    .decode(&text)
                    .unwrap()
                    .windows(name.len())
                    .any(|it| it == name.as_bytes() && name.len() > 2)
            );
            lengths.push(text.len());
            for at in 0..text.len() {
                let mut touched = text.clone().into_bytes();
                touched[at] = if touched[at] == b'A' { b'E' } else { b'A' };
                assert_eq!(places.read(std::str::from_utf8(&touched).unwrap()), None, "{at}");
            }
        }
        lengths.dedup();
        assert_eq!(lengths.len(), 1, "not even how long it is");
        for text in ["", "lobby", "====", &"A".repeat(128)] {
            assert_eq!(places.read(text), None);
        }
    }
}
