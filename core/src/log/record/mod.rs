//! The bytes of a record: versioned, checksummed, and able to grow.
//!
//! ```text
//! version u8 | kind u8 | crc32 of everything else u32 | fields…
//! field: tag u8 | length (LEB128) | bytes
//! ```
//!
//! Other numbers are little-endian. The checksum covers the position too, so that a record read from another
//! position is noticed. A reader passes over tags and kinds it does not know: a newer release may add both
//! without a new version. The version is raised only for what an older release would misread, and the log as
//! a whole is then refused by it (see [`super::redb`]).

mod outline;
mod value;

use std::fmt;
use std::sync::Arc;

use crate::event::{Author, AuthorKind, Body, Event, Position, RoomName, Timestamp};
use crate::limits::ROOM_NAME_BYTES_MAX;
use crate::log::error::LogError;
use crate::reaction::Reaction;

pub(crate) use outline::{Outline, outline};
pub use value::ValueRecord;

/// The newest version that this release reads: of a record about a kept value, and of a log that has held one.
/// An older release would pass over such records, and let in whom they keep out.
pub const RECORD_VERSION: u8 = 2;
/// The version of every other record, and of a log that has never held such a one.
pub const RECORD_VERSION_MIN: u8 = 1;

/// A keyed hash, 16 bytes.
pub type Hash = [u8; 16];

const KIND_MESSAGE: u8 = 1;
const KIND_EDIT: u8 = 2;
const KIND_DELETE: u8 = 3;
const KIND_CLOSE: u8 = 4;
const KIND_OPEN: u8 = 5;
const KIND_PURGE: u8 = 6;
// Of no room.
const KIND_BAN: u8 = 7;
const KIND_UNBAN: u8 = 8;
const KIND_REACT: u8 = 9;
const KIND_UNREACT: u8 = 10;
// Of no room.
const KIND_SET_VALUE: u8 = 11;
const KIND_REMOVE_VALUE: u8 = 12;

const TAG_ROOM: u8 = 1;
const TAG_PREV: u8 = 2;
const TAG_CREATED_AT: u8 = 3;
const TAG_AUTHOR_KIND: u8 = 4;
const TAG_AUTHOR_ID: u8 = 5;
const TAG_AUTHOR_NAME: u8 = 6;
const TAG_CONTENT: u8 = 7;
/// Of a message: the one that it answers, which a release before replies passes over.
const TAG_TARGET: u8 = 8;
const TAG_KEY: u8 = 9;
const TAG_CONTENT_HASH: u8 = 10;
/// The id of the author whom a ban is about.
const TAG_SUBJECT: u8 = 11;
const TAG_REACTION: u8 = 12;
/// The number of reactions of its kind that the target has after this one.
const TAG_COUNT: u8 = 13;
/// The key of the value that a record sets or removes.
const TAG_VALUE_KEY: u8 = 14;
/// The moment when a value expires.
const TAG_UNTIL: u8 = 15;

const HEADER_BYTES: usize = 6;
/// A tag and a length: a length of 64 KiB takes three bytes.
const FIELD_HEADER_BYTES_MAX: usize = 1 + LENGTH_BYTES_MAX;
const LENGTH_BYTES_MAX: usize = 5;

/// One record: an event, and what only the log needs to know about it.
///
/// A record of no room is outside every chain and has no event for readers.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its position in the log.
    pub position: Position,
    /// When the writer took it.
    pub created_at: Timestamp,
    /// The event; `None` for a record of no room.
    pub event: Option<Arc<Event>>,
    /// Keyed hash of author and idempotency key.
    pub key: Option<Hash>,
    /// Keyed hash of room and content; cleared with the content.
    pub content_hash: Option<Hash>,
    /// Of a record of no room: a ban or its end; `None` for events, and for kinds not known here.
    pub ban: Option<BanRecord>,
    /// Of a record of no room: a value that is set or removed.
    pub value: Option<Box<ValueRecord>>,
    /// The number of bytes that it takes in the log.
    pub bytes: u64,
}

/// A record as its bytes lie in the log: what this release does not know of it is copied all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Its position in the log.
    pub position: Position,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Without the bytes, which may hold a secret.
impl fmt::Debug for RawRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawRecord({}: {} bytes)", self.position, self.bytes.len())
    }
}

impl RawRecord {
    /// Checks the bytes and reads them.
    pub fn decode(&self) -> Result<Record, LogError> {
        decode(self.position, &self.bytes)
    }

    /// The bytes of a record of these fields; `None` when it has neither an event nor a ban nor a value.
    pub fn encode(record: &Record) -> Option<Self> {
        let mut bytes = Vec::new();
        let (key, content_hash) = (record.key.as_ref(), record.content_hash.as_ref());
        match (record.event.as_deref(), &record.ban, &record.value) {
            (Some(event), _, _) => encode(&Fields { event, key, content_hash }, &mut bytes),
            (None, Some(ban), _) => {
                encode_ban(record.position, record.created_at, ban, &mut bytes);
            }
            (None, None, Some(value)) => {
                encode_value(record.position, record.created_at, value, &mut bytes);
            }
            (None, None, None) => return None,
        }
        Some(Self { position: record.position, bytes })
    }
}

/// The ban of an author, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanRecord {
    /// The id of the author it is about.
    pub author_id: Arc<str>,
    /// True for a ban, false for its end.
    pub banned: bool,
    /// The author of the ban, as named at that time.
    pub by: Option<Author>,
}

/// The fields that [`encode`] writes.
pub(crate) struct Fields<'a> {
    pub event: &'a Event,
    pub key: Option<&'a Hash>,
    pub content_hash: Option<&'a Hash>,
}

pub(crate) fn encode(fields: &Fields<'_>, out: &mut Vec<u8>) {
    let Fields { event, key, content_hash } = fields;
    out.clear();
    let (kind, target, content) = match &event.body {
        Body::Message { content, reply_to } => (KIND_MESSAGE, *reply_to, content.as_deref()),
        Body::Edit { target, content } => (KIND_EDIT, Some(*target), content.as_deref()),
        Body::Delete { target } => (KIND_DELETE, Some(*target), None),
        Body::Reaction { target, on, .. } => {
            (if *on { KIND_REACT } else { KIND_UNREACT }, Some(*target), None)
        }
        Body::Close => (KIND_CLOSE, None, None),
        Body::Open => (KIND_OPEN, None, None),
        Body::Purge => (KIND_PURGE, None, None),
        Body::Unknown { kind } => (*kind, None, None),
    };
    out.extend_from_slice(&[RECORD_VERSION_MIN, kind, 0, 0, 0, 0]);
    put(out, TAG_ROOM, event.room.as_str().as_bytes());
    put(out, TAG_PREV, &event.prev.to_le_bytes());
    put(out, TAG_CREATED_AT, &event.created_at.0.to_le_bytes());
    put_author(event.author.as_ref(), out);
    if let Some(target) = target {
        put(out, TAG_TARGET, &target.to_le_bytes());
    }
    if let Some(content) = content {
        put(out, TAG_CONTENT, content.as_bytes());
    }
    if let Body::Reaction { reaction, count, .. } = &event.body {
        put(out, TAG_REACTION, &[reaction.number()]);
        put(out, TAG_COUNT, &count.to_le_bytes());
    }
    if let Some(key) = key {
        put(out, TAG_KEY, *key);
    }
    if let Some(hash) = content_hash {
        put(out, TAG_CONTENT_HASH, *hash);
    }
    seal(event.position, out);
}

/// Writes the record of a ban, or of its end.
pub(crate) fn encode_ban(position: Position, created_at: Timestamp, ban: &BanRecord, out: &mut Vec<u8>) {
    out.clear();
    let kind = if ban.banned { KIND_BAN } else { KIND_UNBAN };
    out.extend_from_slice(&[RECORD_VERSION_MIN, kind, 0, 0, 0, 0]);
    put(out, TAG_CREATED_AT, &created_at.0.to_le_bytes());
    put_author(ban.by.as_ref(), out);
    put(out, TAG_SUBJECT, ban.author_id.as_bytes());
    seal(position, out);
}

/// Writes the record of a value that is set or removed.
pub(crate) fn encode_value(
    position: Position,
    created_at: Timestamp,
    value: &ValueRecord,
    out: &mut Vec<u8>,
) {
    out.clear();
    let kind = if value.is_set { KIND_SET_VALUE } else { KIND_REMOVE_VALUE };
    out.extend_from_slice(&[RECORD_VERSION, kind, 0, 0, 0, 0]);
    put(out, TAG_CREATED_AT, &created_at.0.to_le_bytes());
    put_author(value.by.as_ref(), out);
    put(out, TAG_VALUE_KEY, value.key.as_bytes());
    if let Some(until) = value.until {
        put(out, TAG_UNTIL, &until.0.to_le_bytes());
    }
    if let Some(text) = &value.text {
        put(out, TAG_CONTENT, text.as_bytes());
    }
    seal(position, out);
}

fn put_author(author: Option<&Author>, out: &mut Vec<u8>) {
    if let Some(author) = author {
        put(out, TAG_AUTHOR_KIND, &[author_kind_number(author.kind)]);
        put(out, TAG_AUTHOR_ID, author.id.as_bytes());
        put(out, TAG_AUTHOR_NAME, author.name.as_bytes());
    }
}

/// The record at `position` with its content and the content's hash taken out; every other field stays,
/// known or not.
pub(crate) fn redact(position: Position, bytes: &[u8]) -> Result<Vec<u8>, LogError> {
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

/// The record of a room at `position` with another `prev`; every other field stays, known or not.
pub(crate) fn relink(position: Position, bytes: &[u8], prev: Position) -> Result<Vec<u8>, LogError> {
    let (version, kind, fields) = open(position, bytes)?;
    let mut out = vec![version, kind, 0, 0, 0, 0];
    for field in fields {
        match field? {
            (TAG_PREV, _) => put(&mut out, TAG_PREV, &prev.to_le_bytes()),
            (tag, value) => put(&mut out, tag, value),
        }
    }
    seal(position, &mut out);
    Ok(out)
}

/// Returns the room and `prev` of a damaged record as its bytes seem to say. Nothing of it is proved.
pub(crate) fn claims(position: Position, bytes: &[u8]) -> Option<(RoomName, Position)> {
    let (_, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let (tag, name, _) = split_field(rest)?;
    let room = RoomName::new(std::str::from_utf8(name).ok().filter(|_| tag == TAG_ROOM)?).ok()?;
    Some((room, prev(position, bytes).ok()??))
}

#[cfg(test)]
thread_local! {
    /// Records that this thread has decoded, and their bytes.
    pub(crate) static DECODED: std::cell::Cell<(usize, usize)> = const { std::cell::Cell::new((0, 0)) };
}

/// Returns `prev` of a record of a room, and `None` of a record of no room. Reads the first bytes only and
/// compares no checksum: what is found by it proves itself when it is decoded.
pub(crate) fn prev(position: Position, bytes: &[u8]) -> Result<Option<Position>, LogError> {
    let damaged = |what| LogError::Damaged { position, what };
    let (_, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(damaged("it is too short"))?;
    let mut is_of_room = false;
    for field in (FieldIter { position, rest }) {
        match field? {
            (TAG_ROOM, _) => is_of_room = true,
            (TAG_PREV, value) if is_of_room => {
                let prev = number(position, value)?;
                // Or a walk along it would not end.
                return if prev < position { Ok(Some(prev)) } else { Err(damaged("its `prev` is after it")) };
            }
            _ => {}
        }
    }
    Ok(is_of_room.then_some(0))
}

pub(crate) fn decode(position: Position, bytes: &[u8]) -> Result<Record, LogError> {
    #[cfg(test)]
    DECODED.set((DECODED.get().0 + 1, DECODED.get().1 + bytes.len()));
    let (version, kind, fields) = open(position, bytes)?;
    let damaged = |what| LogError::Damaged { position, what };
    if version > RECORD_VERSION {
        return Err(damaged("it was written by a newer release"));
    }
    let (mut room, mut prev, mut created_at) = (None, 0, Timestamp(0));
    let (mut author_kind, mut author_id, mut author_name) = (None, None, None);
    let (mut target, mut content, mut key, mut content_hash) = (None, None, None, None);
    let (mut subject, mut reaction, mut count) = (None, None, 0);
    let (mut value_key, mut until) = (None, None);
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
            TAG_SUBJECT => subject = Some(Arc::from(text(position, value)?)),
            TAG_REACTION => reaction = value.first().copied().and_then(Reaction::of_number),
            TAG_COUNT => count = number(position, value)?,
            TAG_VALUE_KEY => value_key = Some(Arc::from(text(position, value)?)),
            TAG_UNTIL => until = Some(Timestamp(number(position, value)?)),
            _ => {}
        }
    }
    let author = match (author_id, author_name) {
        (Some(id), Some(name)) => Some(Author { id, name, kind: author_kind_of(author_kind) }),
        _ => None,
    };
    let (mut ban, mut value) = (None, None);
    let event = match room {
        None => {
            match (kind, subject, value_key) {
                (KIND_BAN | KIND_UNBAN, Some(author_id), _) => {
                    ban = Some(BanRecord { author_id, banned: kind == KIND_BAN, by: author });
                }
                (KIND_SET_VALUE | KIND_REMOVE_VALUE, _, Some(key)) => {
                    let is_set = kind == KIND_SET_VALUE;
                    value = Some(Box::new(ValueRecord { key, is_set, text: content, until, by: author }));
                }
                _ => {}
            }
            None
        }
        Some(room) => {
            let reply_to = target;
            let target = || target.ok_or(damaged("it names no target"));
            let body = match kind {
                KIND_MESSAGE => Body::Message { content, reply_to },
                KIND_EDIT => Body::Edit { target: target()?, content },
                KIND_DELETE => Body::Delete { target: target()? },
                // Of a reaction that a newer release knows only its position counts.
                KIND_REACT | KIND_UNREACT => match reaction {
                    Some(reaction) => {
                        Body::Reaction { target: target()?, reaction, on: kind == KIND_REACT, count }
                    }
                    None => Body::Unknown { kind },
                },
                KIND_CLOSE => Body::Close,
                KIND_OPEN => Body::Open,
                KIND_PURGE => Body::Purge,
                kind => Body::Unknown { kind },
            };
            Some(Arc::new(Event { position, prev, room, author, created_at, body }))
        }
    };
    let bytes = stored_bytes(bytes);
    Ok(Record { position, created_at, event, key, content_hash, ban, value, bytes })
}

/// Returns the number of bytes that a record takes in the log: itself and its position.
pub(crate) fn stored_bytes(record: &[u8]) -> u64 {
    (record.len() + size_of::<Position>()) as u64
}

/// Returns the most bytes that a record with `texts_bytes` bytes of text takes. The free space on the disk is
/// compared with it.
pub(crate) fn bytes_max(texts_bytes: usize) -> usize {
    texts_bytes + HEADER_BYTES + 10 * FIELD_HEADER_BYTES_MAX + ROOM_NAME_BYTES_MAX + 64
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

pub(crate) fn author_kind_number(kind: AuthorKind) -> u8 {
    match kind {
        AuthorKind::Guest => 1,
        AuthorKind::User => 2,
        AuthorKind::Bot => 3,
    }
}

/// An author kind that a newer release wrote is shown as what promises least.
pub(crate) fn author_kind_of(number: Option<u8>) -> AuthorKind {
    match number {
        Some(2) => AuthorKind::User,
        Some(3) => AuthorKind::Bot,
        _ => AuthorKind::Guest,
    }
}

#[cfg(test)]
mod tests;
