//! The bytes of a copy: frames with a hash each, and the items in them.

use bytes::{BufMut as _, Bytes};

use crate::cluster::{ClusterId, EntryId, Mark, Place, Writer};
use crate::event::Epoch;
use crate::log::error::CopyError;
use crate::log::redb::copy::tables::Row;

/// Most bytes of a chunk of a copy. The largest row takes less than half of it.
pub const COPY_CHUNK_BYTES_MAX: usize = 256 * 1024;

const MAGIC: &[u8] = b"MILLCOPY";
/// The version of the bytes of a copy.
pub(super) const COPY_VERSION: u8 = 1;
pub(super) const PREFACE_BYTES: usize = MAGIC.len() + 1;
const HASH_BYTES: usize = 16;
pub(super) const HEAD_BYTES: usize = 4 + HASH_BYTES;
/// Most bytes of the items of a frame.
pub(super) const ITEMS_BYTES_MAX: usize = COPY_CHUNK_BYTES_MAX - PREFACE_BYTES - HEAD_BYTES;

const PLACE: u8 = 1;
const TABLE: u8 = 2;
const ROW: u8 = 3;
const END: u8 = 4;

/// An item of a copy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// The place that the log has reached.
    Place(Place),
    /// The rows that follow are of this table.
    Table(&'a [u8]),
    /// A row.
    Row(Row<'a>),
    /// The number of the rows: the copy is whole.
    End(u64),
}

/// Returns the bytes of a row as an item.
pub(super) fn row_bytes((key, value): Row<'_>) -> usize {
    1 + 4 + 4 + key.len() + value.len()
}

/// Adds an item to those of a frame.
pub(super) fn put(out: &mut Vec<u8>, item: &Item<'_>) {
    match item {
        Item::Place(Place { cluster, epoch, mark }) => {
            out.put_u8(PLACE);
            // A log without a cluster is not copied.
            out.put_slice(&cluster.map_or([0; 16], |cluster| cluster.0));
            out.put_u32_le(epoch.0);
            out.put_u64_le(mark.seq);
            out.put_slice(&mark.last.0);
            for number in [mark.term, mark.leader.node, mark.leader.run, mark.head, mark.floor] {
                out.put_u64_le(number);
            }
        }
        Item::Table(name) => {
            out.put_u8(TABLE);
            out.put_u8(name.len() as u8);
            out.put_slice(name);
        }
        Item::Row((key, value)) => {
            out.put_u8(ROW);
            out.put_u32_le(key.len() as u32);
            out.put_u32_le(value.len() as u32);
            out.put_slice(key);
            out.put_slice(value);
        }
        Item::End(rows) => {
            out.put_u8(END);
            out.put_u64_le(*rows);
        }
    }
}

/// The bytes of a frame that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn item(&mut self) -> Option<Item<'a>> {
        Some(match self.array::<1>()?[0] {
            PLACE => {
                let cluster = Some(ClusterId(self.array()?));
                let epoch = Epoch(u32::from_le_bytes(self.array()?));
                let (seq, last) = (self.u64()?, EntryId(self.array()?));
                let (term, node, run) = (self.u64()?, self.u64()?, self.u64()?);
                let (head, floor) = (self.u64()?, self.u64()?);
                let mark = Mark { seq, last, term, leader: Writer { node, run }, head, floor };
                Item::Place(Place { cluster, epoch, mark })
            }
            TABLE => {
                let length = self.array::<1>()?[0];
                Item::Table(self.bytes(length.into())?)
            }
            ROW => {
                let (key, value) = (self.length()?, self.length()?);
                Item::Row((self.bytes(key)?, self.bytes(value)?))
            }
            END => Item::End(self.u64()?),
            _ => return None,
        })
    }
}

/// Reads the items of a frame.
pub(super) fn items(frame: &[u8]) -> Result<Vec<Item<'_>>, CopyError> {
    let mut rest = Rest(frame);
    let mut items = Vec::new();
    while !rest.0.is_empty() {
        items.push(rest.item().ok_or(CopyError::Damaged("a part of it cannot be read"))?);
    }
    Ok(items)
}

/// Makes chunks of frames.
#[derive(Default)]
pub(super) struct Framer {
    hasher: blake3::Hasher,
    has_begun: bool,
}

impl Framer {
    /// Makes a chunk of the items of a frame.
    pub fn chunk(&mut self, items: &[u8]) -> Bytes {
        let mut chunk = Vec::with_capacity(PREFACE_BYTES + HEAD_BYTES + items.len());
        if !self.has_begun {
            chunk.put_slice(MAGIC);
            chunk.put_u8(COPY_VERSION);
            self.hasher.update(&chunk);
            self.has_begun = true;
        }
        let length = (items.len() as u32).to_le_bytes();
        chunk.put_slice(&length);
        chunk.put_slice(&hash(&mut self.hasher, &length, items));
        chunk.put_slice(items);
        chunk.into()
    }
}

fn hash(hasher: &mut blake3::Hasher, length: &[u8], items: &[u8]) -> [u8; HASH_BYTES] {
    hasher.update(length);
    hasher.update(items);
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..HASH_BYTES]);
    hash
}

/// Puts frames together of bytes that come in any pieces.
#[derive(Default)]
pub(super) struct Unframer {
    hasher: blake3::Hasher,
    has_begun: bool,
    /// The beginning of a frame, or a whole one: at most [`COPY_CHUNK_BYTES_MAX`].
    held: Vec<u8>,
}

impl Unframer {
    /// Takes bytes of the front until a frame is whole, and returns its items. `None` if all were taken.
    pub fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, CopyError> {
        if !self.has_begun {
            if !self.fill(bytes, PREFACE_BYTES) {
                return Ok(None);
            }
            let (magic, version) = self.held.split_at(MAGIC.len());
            if magic != MAGIC {
                return Err(CopyError::Damaged("it does not begin as one"));
            }
            if version[0] > COPY_VERSION {
                return Err(CopyError::Newer { found: version[0], known: COPY_VERSION });
            }
            self.hasher.update(&self.held);
            (self.has_begun, self.held) = (true, Vec::new());
        }
        if !self.fill(bytes, HEAD_BYTES) {
            return Ok(None);
        }
        let length = u32::from_le_bytes([self.held[0], self.held[1], self.held[2], self.held[3]]) as usize;
        if length > ITEMS_BYTES_MAX {
            return Err(CopyError::Damaged("a part of it is longer than one can be"));
        }
        if !self.fill(bytes, HEAD_BYTES + length) {
            return Ok(None);
        }
        let items = self.held.split_off(HEAD_BYTES);
        let head = std::mem::take(&mut self.held);
        if hash(&mut self.hasher, &head[..4], &items) != head[4..] {
            return Err(CopyError::Damaged("it did not arrive as it was sent"));
        }
        Ok(Some(items))
    }

    /// Returns true if nothing of a frame is held.
    pub fn is_between(&self) -> bool {
        self.held.is_empty()
    }

    fn fill(&mut self, bytes: &mut &[u8], upto: usize) -> bool {
        let missing = upto.saturating_sub(self.held.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(missing);
        self.held.extend_from_slice(taken);
        *bytes = rest;
        self.held.len() >= upto
    }
}
