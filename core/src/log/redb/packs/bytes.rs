//! The bytes of a pack.
//!
//! ```text
//! count u8 | count × position u64, newest first | terms u32 | terms × hash u32, ascending | terms × nth u8
//! ```
//!
//! Each hash is a term of the `nth` of these messages. A term is found by bisection, and the messages that
//! have several are the intersection of sets of at most 128.

use crate::event::Position;
use crate::log::derived::INDEX_EVERY;
use crate::search::TermHash;

/// Most events that a pack covers: as many as one row of the index stands for.
pub(in crate::log::redb) const PACK_EVENTS_MAX: usize = INDEX_EVERY as usize;

const POSITION_BYTES: usize = size_of::<Position>();
const HASH_BYTES: usize = size_of::<TermHash>();

/// A set of messages of a pack, the newest in the lowest bit.
type Messages = u128;

/// A pack as its bytes lie there.
#[derive(Debug, Clone, Copy)]
pub(in crate::log::redb) struct Pack<'a> {
    positions: &'a [u8],
    hashes: &'a [u8],
    messages: &'a [u8],
}

impl<'a> Pack<'a> {
    /// Reads a pack; `None` if these bytes are none.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first()?;
        let (positions, rest) = rest.split_at_checked(usize::from(*count) * POSITION_BYTES)?;
        let (terms, rest) = rest.split_at_checked(size_of::<u32>())?;
        let terms = u32::from_le_bytes(terms.try_into().ok()?) as usize;
        let (hashes, messages) = rest.split_at_checked(terms.checked_mul(HASH_BYTES)?)?;
        (messages.len() == terms).then_some(Self { positions, hashes, messages })
    }

    /// Returns the positions of the messages that have all of these terms, newest first.
    pub fn with_all(self, terms: &[TermHash]) -> Vec<Position> {
        let mut set = Messages::MAX;
        for term in terms {
            set &= self.with(*term);
            if set == 0 {
                return Vec::new();
            }
        }
        let positions = self.positions.chunks_exact(POSITION_BYTES).enumerate();
        let of_set = positions.filter(|(nth, _)| set >> nth & 1 == 1);
        of_set.map(|(_, bytes)| bytes.try_into().map_or(0, Position::from_le_bytes)).collect()
    }

    fn with(self, term: TermHash) -> Messages {
        let (mut from, mut to) = (0, self.messages.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            if self.hash(middle) < term { from = middle + 1 } else { to = middle }
        }
        let mut set = 0;
        while from < self.messages.len() && self.hash(from) == term {
            set |= 1_u128.checked_shl(u32::from(self.messages[from])).unwrap_or(0);
            from += 1;
        }
        set
    }

    fn hash(self, nth: usize) -> TermHash {
        let bytes = self.hashes[nth * HASH_BYTES..].first_chunk().copied();
        bytes.map_or(0, TermHash::from_le_bytes)
    }
}

/// The messages and terms of a pack being made.
#[derive(Default)]
pub(super) struct PackBuilder {
    positions: Vec<Position>,
    terms: Vec<(TermHash, u8)>,
}

impl PackBuilder {
    /// Adds a message, an older one than those before, with its terms.
    pub fn push(&mut self, position: Position, terms: impl IntoIterator<Item = TermHash>) {
        debug_assert!(self.positions.len() < PACK_EVENTS_MAX, "a pack covers no more events");
        let nth = self.positions.len() as u8;
        self.positions.push(position);
        self.terms.extend(terms.into_iter().map(|term| (term, nth)));
    }

    pub fn bytes(mut self) -> Vec<u8> {
        self.terms.sort_unstable();
        self.terms.dedup();
        let mut out = vec![self.positions.len() as u8];
        out.extend(self.positions.iter().flat_map(|position| position.to_le_bytes()));
        out.extend((self.terms.len() as u32).to_le_bytes());
        out.extend(self.terms.iter().flat_map(|(term, _)| term.to_le_bytes()));
        out.extend(self.terms.iter().map(|(_, nth)| nth));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_with_all_terms_are_found_newest_first() {
        let mut pack = PackBuilder::default();
        for n in 0..PACK_EVENTS_MAX as u64 {
            // Every message has its own term, 7, and either 2 or 3.
            pack.push(1_000 - n, [100 + n as u32, 7, 2 + n as u32 % 2, 7]);
        }
        let bytes = pack.bytes();
        let pack = Pack::read(&bytes).unwrap();
        assert_eq!(pack.with_all(&[7]).len(), PACK_EVENTS_MAX);
        assert_eq!(pack.with_all(&[7, 2]).first_chunk(), Some(&[1_000, 998, 996]));
        assert_eq!(pack.with_all(&[3, 7, 101 + 126]), [873]);
        assert_eq!(pack.with_all(&[2, 3]), []);
        assert_eq!(pack.with_all(&[8]), []);
        for cut in [0, 1, 500, bytes.len() - 1] {
            assert!(Pack::read(&bytes[..cut]).is_none(), "{cut}");
        }
    }
}
