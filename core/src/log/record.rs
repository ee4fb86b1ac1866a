//! The bytes of a record: versioned, checksummed, and able to grow.
//!
//! ```text
//! version u8 | kind u8 | crc32 of everything else u32 | fields…
//! field: tag u8 | length (LEB128) | bytes
//! ```
//!
//! Other numbers are little-endian. The checksum covers the position too, so that a record read from another
//! place is noticed. A reader passes over tags and kinds it does not know: a newer release may add both
//! without a new version. The version is raised only for what an older release would misread, and the log as
//! a whole is then refused by it (see [`super::redb`]).

use std::sync::Arc;

use super::LogError;
use crate::event::{Author, AuthorKind, Body, Event, Position, RoomName, Timestamp};

/// The version this release writes, and the newest it reads.
pub const RECORD_VERSION: u8 = 1;

/// A keyed hash, 16 bytes.
pub type Hash = [u8; 16];

const KIND_MESSAGE: u8 = 1;
const KIND_EDIT: u8 = 2;
const KIND_DELETE: u8 = 3;

const TAG_ROOM: u8 = 1;
const TAG_PREV: u8 = 2;
const TAG_CREATED_AT: u8 = 3;
const TAG_AUTHOR_KIND: u8 = 4;
const TAG_AUTHOR_ID: u8 = 5;
const TAG_AUTHOR_NAME: u8 = 6;
const TAG_CONTENT: u8 = 7;
const TAG_TARGET: u8 = 8;
const TAG_KEY: u8 = 9;
const TAG_CONTENT_HASH: u8 = 10;

const HEADER_BYTES: usize = 6;
/// A tag and a length: a length of 64 KiB takes three bytes.
const FIELD_HEADER_BYTES_MAX: usize = 1 + LENGTH_BYTES_MAX;
const LENGTH_BYTES_MAX: usize = 5;

/// One record: an event, and what only the log needs to know about it.
///
/// A record of no room stands outside every chain and has no event for readers.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its place in the log.
    pub position: Position,
    /// When the committer took it.
    pub created_at: Timestamp,
    /// The event; `None` for a record of no room.
    pub event: Option<Arc<Event>>,
    /// Keyed hash of author and idempotency key.
    pub key: Option<Hash>,
    /// Keyed hash of room and content; cleared by a delete.
    pub content_hash: Option<Hash>,
    /// How many bytes it takes in the log.
    pub bytes: u64,
}

/// What [`encode`] writes.
pub(crate) struct Fields<'a> {
    pub event: &'a Event,
    pub key: Option<&'a Hash>,
    pub content_hash: Option<&'a Hash>,
}

pub(crate) fn encode(fields: &Fields<'_>, out: &mut Vec<u8>) {
    let Fields { event, key, content_hash } = fields;
    out.clear();
    let (kind, target, content) = match &event.body {
        Body::Message { content } => (KIND_MESSAGE, None, content.as_deref()),
        Body::Edit { target, content } => (KIND_EDIT, Some(*target), content.as_deref()),
        Body::Delete { target } => (KIND_DELETE, Some(*target), None),
        Body::Unknown { kind } => (*kind, None, None),
    };
    out.extend_from_slice(&[RECORD_VERSION, kind, 0, 0, 0, 0]);
    put(out, TAG_ROOM, event.room.as_str().as_bytes());
    put(out, TAG_PREV, &event.prev.to_le_bytes());
    put(out, TAG_CREATED_AT, &event.created_at.0.to_le_bytes());
    if let Some(author) = &event.author {
        put(out, TAG_AUTHOR_KIND, &[author_kind_number(author.kind)]);
        put(out, TAG_AUTHOR_ID, author.id.as_bytes());
        put(out, TAG_AUTHOR_NAME, author.name.as_bytes());
    }
    if let Some(target) = target {
        put(out, TAG_TARGET, &target.to_le_bytes());
    }
    if let Some(content) = content {
        put(out, TAG_CONTENT, content.as_bytes());
    }
    if let Some(key) = key {
        put(out, TAG_KEY, *key);
    }
    if let Some(hash) = content_hash {
        put(out, TAG_CONTENT_HASH, *hash);
    }
    seal(event.position, out);
}

/// The record at `position` with its content and the content's hash taken out; every other field stays,
/// known or not.
pub(crate) fn withhold(position: Position, bytes: &[u8]) -> Result<Vec<u8>, LogError> {
    let (_, kind, fields) = open(position, bytes)?;
    let mut out = vec![bytes[0], kind, 0, 0, 0, 0];
    for field in fields {
        let (tag, value) = field?;
        if tag != TAG_CONTENT && tag != TAG_CONTENT_HASH {
            put(&mut out, tag, value);
        }
    }
    seal(position, &mut out);
    Ok(out)
}

pub(crate) fn decode(position: Position, bytes: &[u8]) -> Result<Record, LogError> {
    let (version, kind, fields) = open(position, bytes)?;
    let damaged = |what| LogError::Damaged { position, what };
    if version > RECORD_VERSION {
        return Err(damaged("it was written by a newer release"));
    }
    let (mut room, mut prev, mut created_at) = (None, 0, Timestamp(0));
    let (mut author_kind, mut author_id, mut author_name) = (None, None, None);
    let (mut target, mut content, mut key, mut content_hash) = (None, None, None, None);
    for field in fields {
        let (tag, value) = field?;
        match tag {
            TAG_ROOM => {
                room = Some(RoomName::new(text(position, value)?).map_err(|_| damaged("its room's name"))?);
            }
            TAG_PREV => prev = number(position, value)?,
            TAG_CREATED_AT => created_at = Timestamp(number(position, value)?),
            TAG_AUTHOR_KIND => author_kind = value.first().copied(),
            TAG_AUTHOR_ID => author_id = Some(Arc::from(text(position, value)?)),
            TAG_AUTHOR_NAME => author_name = Some(Arc::from(text(position, value)?)),
            TAG_TARGET => target = Some(number(position, value)?),
            TAG_CONTENT => content = Some(Arc::from(text(position, value)?)),
            TAG_KEY => key = Some(hash(position, value)?),
            TAG_CONTENT_HASH => content_hash = Some(hash(position, value)?),
            _ => {}
        }
    }
    let event = match room {
        None => None,
        Some(room) => {
            let target = || target.ok_or(damaged("it names no target"));
            let body = match kind {
                KIND_MESSAGE => Body::Message { content },
                KIND_EDIT => Body::Edit { target: target()?, content },
                KIND_DELETE => Body::Delete { target: target()? },
                kind => Body::Unknown { kind },
            };
            let author = match (author_id, author_name) {
                (Some(id), Some(name)) => Some(Author { id, name, kind: author_kind_of(author_kind) }),
                _ => None,
            };
            Some(Arc::new(Event { position, prev, room, author, created_at, body }))
        }
    };
    let bytes = stored_bytes(bytes);
    Ok(Record { position, created_at, event, key, content_hash, bytes })
}

/// How many bytes a record takes in the log: itself and its position.
pub(crate) fn stored_bytes(record: &[u8]) -> u64 {
    (record.len() + size_of::<Position>()) as u64
}

/// How many bytes an event's record takes at most: what the free space on the disk is compared with.
pub(crate) fn bytes_max(event_cost_bytes: usize) -> usize {
    event_cost_bytes + HEADER_BYTES + 10 * FIELD_HEADER_BYTES_MAX + crate::event::ROOM_NAME_BYTES_MAX + 64
}

fn put(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    let mut length = value.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(value);
}

fn checksum(position: Position, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&position.to_le_bytes());
    crc.update(&bytes[..2]);
    crc.update(&bytes[HEADER_BYTES..]);
    crc.finalize()
}

fn seal(position: Position, out: &mut [u8]) {
    let crc = checksum(position, out);
    out[2..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// Makes the checksum right whatever the rest is; false when there is no room for one.
#[cfg(fuzzing)]
pub(crate) fn reseal(position: Position, bytes: &mut [u8]) -> bool {
    let whole = bytes.len() >= HEADER_BYTES;
    if whole {
        bytes[0] = RECORD_VERSION;
        seal(position, bytes);
    }
    whole
}

/// Checks the frame of a record: version, kind, fields.
fn open(position: Position, bytes: &[u8]) -> Result<(u8, u8, FieldIter<'_>), LogError> {
    let damaged = |what| LogError::Damaged { position, what };
    let (header, fields) = bytes.split_at_checked(HEADER_BYTES).ok_or(damaged("it is too short"))?;
    let [version, kind, crc @ ..] = header else { return Err(damaged("it is too short")) };
    if crc != checksum(position, bytes).to_le_bytes() {
        return Err(damaged("its checksum does not match"));
    }
    Ok((*version, *kind, FieldIter { position, rest: fields }))
}

struct FieldIter<'a> {
    position: Position,
    rest: &'a [u8],
}

impl<'a> Iterator for FieldIter<'a> {
    type Item = Result<(u8, &'a [u8]), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((tag, value, rest)) = split_field(self.rest) else {
            self.rest = &[];
            return Some(Err(LogError::Damaged { position: self.position, what: "a field is cut off" }));
        };
        self.rest = rest;
        Some(Ok((tag, value)))
    }
}

fn split_field(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for n in 0..LENGTH_BYTES_MAX {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f) << (7 * n);
        if byte < 0x80 {
            let (value, rest) = rest.split_at_checked(length)?;
            return Some((tag, value, rest));
        }
    }
    None
}

fn text(position: Position, value: &[u8]) -> Result<&str, LogError> {
    std::str::from_utf8(value).map_err(|_| LogError::Damaged { position, what: "a text is not UTF-8" })
}

fn number(position: Position, value: &[u8]) -> Result<u64, LogError> {
    let bytes =
        value.try_into().map_err(|_| LogError::Damaged { position, what: "a number is not 8 bytes" })?;
    Ok(u64::from_le_bytes(bytes))
}

fn hash(position: Position, value: &[u8]) -> Result<Hash, LogError> {
    value.try_into().map_err(|_| LogError::Damaged { position, what: "a hash is not 16 bytes" })
}

fn author_kind_number(kind: AuthorKind) -> u8 {
    match kind {
        AuthorKind::Guest => 1,
        AuthorKind::User => 2,
        AuthorKind::Bot => 3,
    }
}

/// An author kind that a newer release wrote is shown as what promises least.
fn author_kind_of(number: Option<u8>) -> AuthorKind {
    match number {
        Some(2) => AuthorKind::User,
        Some(3) => AuthorKind::Bot,
        _ => AuthorKind::Guest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> Event {
        Event {
            position: 42,
            prev: 7,
            room: RoomName::new("lobby").unwrap(),
            author: Some(Author { id: "g_1".into(), name: "Ada".into(), kind: AuthorKind::Guest }),
            created_at: Timestamp(1_700_000_000_123),
            body: Body::Message { content: Some("hello".into()) },
        }
    }

    fn encoded(event: &Event, key: Option<&Hash>, content_hash: Option<&Hash>) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&Fields { event, key, content_hash }, &mut out);
        out
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let read = decode(42, &encoded(&event(), Some(&[1; 16]), Some(&[2; 16]))).unwrap();
        assert_eq!(*read.event.unwrap(), event());
        assert_eq!((read.key, read.content_hash), (Some([1; 16]), Some([2; 16])));
    }

    #[test]
    fn contents_of_all_lengths_read_back() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 65_536] {
            let content = Some("x".repeat(length).as_str().into());
            let event = Event { body: Body::Message { content }, ..event() };
            assert_eq!(*decode(42, &encoded(&event, None, None)).unwrap().event.unwrap(), event);
        }
    }

    #[test]
    fn a_withheld_record_keeps_its_place_and_key_but_not_the_text() {
        let bytes = withhold(42, &encoded(&event(), Some(&[1; 16]), Some(&[2; 16]))).unwrap();
        assert!(!bytes.windows(5).any(|w| w == b"hello"));
        let read = decode(42, &bytes).unwrap();
        assert_eq!(*read.event.unwrap(), event().withheld());
        assert_eq!((read.key, read.content_hash), (Some([1; 16]), None));
    }

    #[test]
    fn a_kind_or_field_of_a_newer_release_is_passed_over() {
        let mut bytes = encoded(&event(), None, None);
        bytes[1] = 77;
        put(&mut bytes, 200, b"what comes later");
        seal(42, &mut bytes);
        let read = decode(42, &bytes).unwrap().event.unwrap();
        assert_eq!((read.prev, &read.body), (7, &Body::Unknown { kind: 77 }));
    }

    #[test]
    fn a_record_of_a_newer_version_is_refused() {
        let mut bytes = encoded(&event(), None, None);
        bytes[0] = RECORD_VERSION + 1;
        seal(42, &mut bytes);
        assert!(matches!(decode(42, &bytes), Err(LogError::Damaged { .. })));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_or_wrong_place_is_noticed(byte in 0usize..90, bit in 0u8..8) {
            let mut bytes = encoded(&event(), None, None);
            let byte = byte % bytes.len();
            prop_assert!(decode(43, &bytes).is_err());
            bytes[byte] ^= 1 << bit;
            prop_assert!(decode(42, &bytes).is_err());
        }

        #[test]
        fn any_bytes_are_an_error_and_not_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(1, &bytes);
            let mut sealed = bytes.clone();
            if sealed.len() >= HEADER_BYTES {
                sealed[0] = RECORD_VERSION;
                seal(1, &mut sealed);
                let _ = decode(1, &sealed);
                let _ = withhold(1, &sealed);
            }
        }

        #[test]
        fn any_content_reads_back(
            content in ".{0,200}", prev in 0u64..42, key in proptest::option::of(any::<[u8; 16]>())
        ) {
            let event = Event { prev, body: Body::Message { content: Some(content.as_str().into()) }, ..event() };
            let read = decode(42, &encoded(&event, key.as_ref(), None)).unwrap();
            prop_assert_eq!(&*read.event.unwrap(), &event);
            prop_assert_eq!(read.key, key);
        }
    }
}
