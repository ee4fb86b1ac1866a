//! The place at which a list of rooms goes on: the name of a room, which may be one that nobody is told of, as a
//! text that only this server reads.
//!
//! The text is the MAC of the name and the name under a stream of bytes that the MAC makes, as long for each name.
//! Whoever gets it can send it back, and learns nothing of the name by it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millchat::{ROOM_NAME_BYTES_MAX, RoomName};

/// Derives the key of the MAC from the log's signing key.
const MAC_CONTEXT: &str = "millchat 2026-11-28 place in a list of rooms: mac";
/// Derives the key of the stream.
const STREAM_CONTEXT: &str = "millchat 2026-11-28 place in a list of rooms: stream";
const MAC_BYTES: usize = blake3::OUT_LEN;

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

    /// Returns the text of the place after a room.
    pub fn after(&self, room: &RoomName) -> String {
        let mut name = [0; ROOM_NAME_BYTES_MAX];
        name[..room.as_str().len()].copy_from_slice(room.as_str().as_bytes());
        let mac = blake3::keyed_hash(&self.mac, &name);
        self.mask(&mac, &mut name);
        URL_SAFE_NO_PAD.encode([&mac.as_bytes()[..], &name].concat())
    }

    /// Returns the room after which the list goes on; `None`: the text was not made here.
    pub fn read(&self, text: &str) -> Option<RoomName> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mac, name) = bytes.split_first_chunk::<MAC_BYTES>()?;
        let mut name: [u8; ROOM_NAME_BYTES_MAX] = name.try_into().ok()?;
        let mac = blake3::Hash::from_bytes(*mac);
        self.mask(&mac, &mut name);
        // Compares in constant time.
        if blake3::keyed_hash(&self.mac, &name) != mac {
            return None;
        }
        RoomName::new(std::str::from_utf8(&name).ok()?.trim_end_matches('\0')).ok()
    }

    fn mask(&self, mac: &blake3::Hash, name: &mut [u8; ROOM_NAME_BYTES_MAX]) {
        let mut stream = [0; ROOM_NAME_BYTES_MAX];
        let mut hasher = blake3::Hasher::new_keyed(&self.stream);
        hasher.update(mac.as_bytes()).finalize_xof().fill(&mut stream);
        name.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
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
        for name in ["a", "b", "team-secret", &longest] {
            let room = RoomName::new(name).unwrap();
            let text = places.after(&room);
            assert_eq!(places.read(&text), Some(room));
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
