//! An entry of the journal, and its bytes.

use bytes::Bytes;

use crate::event::Position;

/// The number of an entry in the journal, dense from 1.
pub type Seq = u64;
/// The number of a leadership; the first is 1.
pub type Term = u64;
/// The id of a node: random, made once.
pub type NodeId = u64;

const VERSION: u8 = 1;
const ID_BYTES: usize = 16;
const DOMAIN: &str = "millchat 2026 journal entry";

/// The first 16 bytes of the hash of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct EntryId(pub [u8; ID_BYTES]);

impl EntryId {
    /// Returns the hash of this id behind another.
    pub(super) fn after(self, before: Self) -> Self {
        hash(&[before.0, self.0].concat())
    }
}

/// A node in one of its runs. A node that starts again is another writer: it has forgotten what it had under
/// way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Writer {
    /// The node.
    pub node: NodeId,
    /// Made at its start, and greater than all before it of this node.
    pub run: u64,
}

/// A proposal: the nth that a node made in one of its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProposalId {
    /// Its node, in this run.
    pub by: Writer,
    /// Its number, from 1.
    pub number: u64,
}

/// The answer to a proposal. Its bytes are of no concern to the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The proposal.
    pub to: ProposalId,
    /// The outcome.
    pub outcome: Bytes,
}

/// A batch of finished records, and the answers to the proposals that it settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The cluster: entries of another one in the same journal stop a node.
    pub cluster: [u8; 16],
    /// The leadership in which it was made.
    pub term: Term,
    /// Its writer.
    pub writer: Writer,
    /// The last entry that counted when it was made.
    pub prev: EntryId,
    /// The position of its first record, or of the next one when it has none.
    pub first: Position,
    /// The floor of the log from this entry on.
    pub floor: Position,
    /// The answers that it brings.
    pub answers: Vec<Answer>,
    /// Its records, as they are stored.
    pub records: Vec<Bytes>,
}

/// The bytes of an entry that no node of this release can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEntry {
    /// Written by a newer release.
    #[error("it was written by a newer release (version {0})")]
    Newer(u8),
    /// Not as it was written.
    #[error("its bytes are not those that were written")]
    Damaged,
}

impl Entry {
    /// Returns the position after its last record.
    pub fn end(&self) -> Position {
        self.first + self.records.len() as u64
    }

    /// Returns its bytes and its id.
    pub fn encode(&self) -> (Bytes, EntryId) {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.cluster);
        put_number(&mut out, self.term);
        put_writer(&mut out, self.writer);
        out.extend_from_slice(&self.prev.0);
        put_number(&mut out, self.first);
        put_number(&mut out, self.floor);
        put_number(&mut out, self.answers.len() as u64);
        for Answer { to, outcome } in &self.answers {
            put_writer(&mut out, to.by);
            put_number(&mut out, to.number);
            put_bytes(&mut out, outcome);
        }
        put_number(&mut out, self.records.len() as u64);
        for record in &self.records {
            put_bytes(&mut out, record);
        }
        let id = hash(&out);
        out.extend_from_slice(&id.0);
        (out.into(), id)
    }

    /// Reads an entry, and returns it with its id.
    pub fn decode(bytes: &Bytes) -> Result<(Self, EntryId), UnreadableEntry> {
        let version = *bytes.first().ok_or(UnreadableEntry::Damaged)?;
        let body = bytes.len().checked_sub(ID_BYTES).ok_or(UnreadableEntry::Damaged)?;
        let id = hash(&bytes[..body]);
        if bytes[body..] != id.0 {
            return Err(UnreadableEntry::Damaged);
        }
        if version != VERSION {
            return Err(UnreadableEntry::Newer(version));
        }
        let mut reader = Reader(bytes.slice(1..body));
        let entry = reader.entry().filter(|_| reader.0.is_empty()).ok_or(UnreadableEntry::Damaged)?;
        Ok((entry, id))
    }
}

fn hash(bytes: &[u8]) -> EntryId {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    hasher.update(bytes);
    let mut id = EntryId::default();
    id.0.copy_from_slice(&hasher.finalize().as_bytes()[..ID_BYTES]);
    id
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_writer(out: &mut Vec<u8>, writer: Writer) {
    put_number(out, writer.node);
    put_number(out, writer.run);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The rest of the bytes of an entry. Whatever they say, no more is read or reserved than there is.
struct Reader(Bytes);

impl Reader {
    fn entry(&mut self) -> Option<Entry> {
        let cluster = self.array()?;
        let term = self.number()?;
        let writer = self.writer()?;
        let prev = EntryId(self.array()?);
        let (first, floor) = (self.number()?, self.number()?);
        let mut answers = Vec::new();
        for _ in 0..self.number()? {
            let by = self.writer()?;
            let to = ProposalId { by, number: self.number()? };
            answers.push(Answer { to, outcome: self.bytes()? });
        }
        let mut records = Vec::new();
        for _ in 0..self.number()? {
            records.push(self.bytes()?);
        }
        Some(Entry { cluster, term, writer, prev, first, floor, answers, records })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.0.first_chunk::<N>()?;
        self.0 = self.0.slice(N..);
        Some(array)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn writer(&mut self) -> Option<Writer> {
        Some(Writer { node: self.number()?, run: self.number()? })
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.number()?).ok().filter(|length| *length <= self.0.len())?;
        Some(self.0.split_to(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let by = Writer { node: 3, run: 4 };
        Entry {
            cluster: [9; 16],
            term: 2,
            writer: Writer { node: 1, run: 7 },
            prev: EntryId([5; 16]),
            first: 11,
            floor: 3,
            answers: vec![Answer {
                to: ProposalId { by, number: 8 },
                outcome: Bytes::from_static(b"stored"),
            }],
            records: vec![Bytes::from_static(b"one"), Bytes::new(), Bytes::from_static(b"three")],
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let (bytes, id) = entry().encode();
        assert_eq!(Entry::decode(&bytes), Ok((entry(), id)));
        assert_eq!(entry().end(), 14);
    }

    #[test]
    fn no_entry_is_read_of_which_a_bit_or_the_end_is_missing() {
        let (bytes, _) = entry().encode();
        for cut in 0..bytes.len() {
            assert_eq!(Entry::decode(&bytes.slice(..cut)), Err(UnreadableEntry::Damaged), "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::decode(&flipped.into()), Err(UnreadableEntry::Damaged), "{bit}");
        }
    }

    #[test]
    fn whatever_an_entry_claims_no_more_is_read_than_is_there() {
        let (bytes, _) = entry().encode();
        let body = bytes.len() - ID_BYTES;
        for at in 1..body {
            let mut forged = bytes[..body].to_vec();
            forged[at..(at + 8).min(body)].fill(0xff);
            let id = hash(&forged);
            forged.extend_from_slice(&id.0);
            let _ = Entry::decode(&forged.into());
        }
    }

    #[test]
    fn an_entry_of_a_newer_release_is_told_from_a_damaged_one() {
        let (bytes, _) = entry().encode();
        let mut newer = bytes[..bytes.len() - ID_BYTES].to_vec();
        newer[0] = VERSION + 1;
        let id = hash(&newer);
        newer.extend_from_slice(&id.0);
        assert_eq!(Entry::decode(&newer.into()), Err(UnreadableEntry::Newer(VERSION + 1)));
    }
}
