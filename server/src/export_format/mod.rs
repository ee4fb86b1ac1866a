//! A log as JSON lines: what `export` writes, `import` reads, and a running server sends for a backup.
//!
//! The first line is the [`Header`]. Then a record a line, in the order of their positions. A record that
//! this release would not write back byte for byte, such as one of a kind to come, carries its bytes as
//! `record`, and those count. A record with `"stands":true` is beside the log: it closes a room, bans an
//! author or sets a value, and may lie below the floor. From a running server also: `{"deleted":[7]}`, messages whose text is
//! to be taken out of the lines before, with their edits, `{"emptied":["lobby"]}`, rooms all of whose text
//! is, and `{"floor":9}`, before which everything is gone. Where damaged records were skipped,
//! `{"damaged":[7]}` says which, before the records that follow them; `{"failed":"…"}` says why the lines
//! end. The last line, `{"end":N,"head":M}`, has the number of records, those beside the log among them, and
//! the newest position: without it the text was cut off.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use millchat::log::{BanRecord, Hash, Piece, RawRecord, Record, ValueRecord};
use millchat::{
    AUTHOR_ID_BYTES_MAX, AUTHOR_NAME_BYTES_MAX, Author, AuthorKind, Body, CONTENT_BYTES_MAX, Event, Position,
    RoomName, SendError, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::json_line;
use crate::sanitize;
use crate::schema::Time;

/// The format that this release writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// Longest line, in bytes: 64 KiB of content in which every byte is a JSON escape, and the same as base64.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// The value by which a header is recognised.
const MAGIC: &str = "log";
/// The latest moment that the text form can say, in milliseconds.
const TIME_MAX: u64 = 253_402_207_200_000;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `log`.
    millchat: String,
    /// [`FORMAT`].
    format: u32,
    /// The id of the log that this was; what is made of it gets another.
    pub epoch: String,
    /// The oldest position that the log kept.
    pub floor: Position,
    /// The newest position of the log; of a running server, the newest when it began.
    pub head: Position,
    /// The rooms that were asked for; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
    /// The secret by which tokens and the hashes of keys stay good, as hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_key: Option<String>,
    /// Damaged records that had been left out when the log was made; none when absent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Header {
    /// The header of a log.
    pub fn new(
        epoch: millchat::Epoch,
        floor: Position,
        head: Position,
        signing_key: Option<[u8; 32]>,
    ) -> Self {
        Self {
            millchat: MAGIC.to_owned(),
            format: FORMAT,
            epoch: epoch.to_string(),
            floor,
            head,
            rooms: None,
            signing_key: signing_key.map(|key| hex(&key)),
            skipped: 0,
        }
    }

    /// Appends it as a line.
    pub fn write(&self, out: &mut Vec<u8>) {
        put(self, out);
    }

    /// Reads the first line.
    pub fn read(line: &[u8]) -> Result<Self, String> {
        let header: Self = serde_json::from_slice(line).map_err(|error| {
            format!(
                "this is not the first line of an export ({error}); it begins with {{\"millchat\":\"log\",…"
            )
        })?;
        if header.millchat != MAGIC {
            return Err(format!("it holds a `{}`, and not a `{MAGIC}`", header.millchat));
        }
        if header.format > FORMAT {
            return Err(format!(
                "it is of format {}, and this release reads up to {FORMAT}: use the release that wrote it",
                header.format
            ));
        }
        if header.head == Position::MAX || header.floor > header.head + 1 {
            return Err(format!("the floor is {} and the head {}", header.floor, header.head));
        }
        Ok(header)
    }

    /// The secret, if it is there.
    pub fn signing_key(&self) -> Result<Option<[u8; 32]>, String> {
        self.signing_key.as_deref().map(|text| unhex(text, "signing_key")).transpose()
    }
}

/// A line after the first.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A record.
    Record(RawRecord),
    /// A record beside the log: a room that is closed, an author who is banned, or a value.
    Stands(RawRecord),
    /// Texts to be taken away.
    Deleted(Vec<Position>),
    /// Rooms all of whose text is to be taken away.
    Emptied(Vec<RoomName>),
    /// Everything before it is gone.
    Floor(Position),
    /// Damaged records that were skipped.
    Damaged(Vec<Position>),
    /// The log cannot be read any further, and why.
    Failed(String),
    /// The last line.
    End {
        /// The number of records.
        records: u64,
        /// The newest position of the log.
        head: Position,
    },
}

/// Every line after the first, field by field.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<Position>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    room: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    kind: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stands: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    author: Option<AuthorFields<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    created_at: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Position>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    author_id: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    reaction: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    value_key: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    until: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    content_hash: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    record: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<Vec<Position>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    emptied: Option<Vec<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<Vec<Position>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    failed: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Position>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorFields<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

/// Appends a piece of a copy as lines; gives how many records there were. Fails on a damaged record.
pub fn write_piece(
    piece: &Piece,
    take: impl Fn(&Record) -> bool,
    out: &mut Vec<u8>,
) -> Result<u64, millchat::log::LogError> {
    let mut records = 0;
    match piece {
        Piece::Records(raws) | Piece::InForce(raws) => {
            let stands = matches!(piece, Piece::InForce(_));
            for raw in raws {
                let record = raw.decode()?;
                if take(&record) {
                    write_record(raw, &record, stands, out);
                    records += 1;
                }
            }
        }
        Piece::Purged(rooms) => {
            let rooms = rooms.iter().map(|room| room.as_str().into()).collect();
            put(&Fields { emptied: Some(rooms), ..Fields::default() }, out);
        }
        Piece::Floor(floor) => put(&Fields { floor: Some(*floor), ..Fields::default() }, out),
        Piece::Deleted(deleted) => put(&Fields { deleted: Some(deleted.clone()), ..Fields::default() }, out),
        Piece::Damaged(damaged) => put(&Fields { damaged: Some(damaged.clone()), ..Fields::default() }, out),
    }
    Ok(records)
}

/// Appends a line that says why there are no more.
pub fn write_failure(error: &impl std::fmt::Display, out: &mut Vec<u8>) {
    put(&Fields { failed: Some(error.to_string().into()), ..Fields::default() }, out);
}

/// Appends the last line.
pub fn write_end(records: u64, head: Position, out: &mut Vec<u8>) {
    put(&Fields { end: Some(records), head: Some(head), ..Fields::default() }, out);
}

fn write_record(raw: &RawRecord, record: &Record, stands: bool, out: &mut Vec<u8>) {
    let (event, ban, value) = (record.event.as_deref(), record.ban.as_ref(), record.value.as_ref());
    let body = event.map(|event| &event.body);
    let kind = match body.and_then(Body::name) {
        Some(name) => name,
        None if ban.is_some_and(|ban| ban.banned) => "ban",
        None if ban.is_some() => "unban",
        None if value.is_some_and(|value| value.is_set) => "value",
        None if value.is_some() => "value-removed",
        None => "other",
    };
    let target = match body {
        Some(Body::Message { reply_to, .. }) => *reply_to,
        body => body.and_then(Body::target),
    };
    let content = body.and_then(Body::content).or_else(|| value.and_then(|value| value.text.as_deref()));
    let until = value.and_then(|value| value.until);
    let reaction = match event.map(|event| &event.body) {
        Some(Body::Reaction { reaction, on, count, .. }) => Some((*reaction, *on, *count)),
        _ => None,
    };
    let author = author_of(record);
    let plain = kind != "other"
        && record.created_at.0 <= TIME_MAX
        && until.is_none_or(|until| until.0 <= TIME_MAX)
        && RawRecord::encode(record).is_some_and(|encoded| encoded == *raw);
    let fields = Fields {
        position: Some(record.position),
        prev: event.map(|event| event.prev),
        room: event.map(|event| event.room.as_str().into()),
        kind: Some(kind.into()),
        stands: stands.then_some(true),
        author: author.map(|author| AuthorFields {
            id: (&*author.id).into(),
            name: (&*author.name).into(),
            kind: author.kind.as_str().into(),
        }),
        created_at: Some(Time(record.created_at).to_string().into()),
        target,
        reaction: reaction.map(|(reaction, ..)| reaction.as_str().into()),
        on: reaction.map(|(_, on, _)| on),
        count: reaction.map(|(.., count)| count),
        author_id: ban.map(|ban| (&*ban.author_id).into()),
        value_key: value.map(|value| (&*value.key).into()),
        until: until.filter(|_| plain).map(|until| Time(until).to_string().into()),
        content: content.map(Into::into),
        key: record.key.as_ref().map(|hash| hex(hash).into()),
        content_hash: record.content_hash.as_ref().map(|hash| hex(hash).into()),
        record: (!plain).then(|| STANDARD.encode(&raw.bytes).into()),
        ..Fields::default()
    };
    put(&fields, out);
}

/// Reads a line after the first.
pub fn read(line: &[u8]) -> Result<Line, String> {
    let fields: Fields<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match &fields {
        Fields { position: None, end: Some(records), head: Some(head), .. } if *head < Position::MAX => {
            Ok(Line::End { records: *records, head: *head })
        }
        Fields { position: None, floor: Some(floor), .. } => Ok(Line::Floor(*floor)),
        Fields { position: None, deleted: Some(deleted), .. } => Ok(Line::Deleted(deleted.clone())),
        Fields { position: None, damaged: Some(damaged), .. } => Ok(Line::Damaged(damaged.clone())),
        Fields { position: None, failed: Some(why), .. } => Ok(Line::Failed(why.to_string())),
        Fields { position: None, emptied: Some(rooms), .. } => {
            rooms.iter().map(|name| room(name, "emptied")).collect::<Result<_, _>>().map(Line::Emptied)
        }
        Fields { position: None, .. } => Err("a record needs a `position`".into()),
        Fields { position: Some(position), .. } => {
            let raw = raw(*position, &fields)?;
            Ok(if fields.stands == Some(true) { Line::Stands(raw) } else { Line::Record(raw) })
        }
    }
}

fn raw(position: Position, fields: &Fields<'_>) -> Result<RawRecord, String> {
    if let Some(bytes) = &fields.record {
        let bytes = STANDARD.decode(bytes.as_bytes()).map_err(|error| format!("`record`: {error}"))?;
        let raw = RawRecord { position, bytes };
        check(&raw.decode().map_err(|error| error.to_string())?)?;
        return Ok(raw);
    }
    let record = read_record(position, fields)?;
    check(&record)?;
    RawRecord::encode(&record).ok_or_else(|| needs("room"))
}

fn needs(name: &str) -> String {
    format!("a record needs a `{name}`")
}

fn room(name: &str, field: &str) -> Result<RoomName, String> {
    RoomName::new(name).map_err(|error| format!("`{field}`: {error}"))
}

fn read_record(position: Position, fields: &Fields<'_>) -> Result<Record, String> {
    let target = || fields.target.ok_or_else(|| needs("target"));
    let content = fields.content.as_deref().map(Arc::from);
    let created_at = fields.created_at.as_deref().ok_or_else(|| needs("created_at"))?;
    let created_at = time(created_at, "created_at")?;
    let author = fields.author.as_ref().map(author).transpose()?;
    let body = match fields.kind.as_deref().ok_or_else(|| needs("kind"))? {
        "message" => Body::Message { content, reply_to: fields.target },
        "edit" => Body::Edit { target: target()?, content },
        "delete" => Body::Delete { target: target()? },
        "reaction" => {
            let reaction = fields.reaction.as_deref().ok_or_else(|| needs("reaction"))?;
            Body::Reaction {
                target: target()?,
                reaction: reaction.parse().map_err(|error| format!("`reaction`: {error}"))?,
                on: fields.on.ok_or_else(|| needs("on"))?,
                count: fields.count.ok_or_else(|| needs("count"))?,
            }
        }
        "close" => Body::Close,
        "open" => Body::Open,
        "empty" => Body::Purge,
        kind @ ("ban" | "unban") => {
            let author_id = fields.author_id.as_deref().ok_or_else(|| needs("author_id"))?.into();
            let ban = Some(BanRecord { author_id, banned: kind == "ban", by: author });
            return Ok(Record { ban, ..of_no_room(position, created_at) });
        }
        kind @ ("value" | "value-removed") => {
            let key = fields.value_key.as_deref().ok_or_else(|| needs("value_key"))?.into();
            let until = fields.until.as_deref().map(|until| time(until, "until")).transpose()?;
            let is_set = kind == "value";
            let value = Some(Box::new(ValueRecord { key, is_set, text: content, until, by: author }));
            return Ok(Record { value, ..of_no_room(position, created_at) });
        }
        other => {
            return Err(format!(
                "`kind` is `{other}`; without `record` it is message, edit, delete, reaction, close, open, \
                 empty, ban, unban, value or value-removed"
            ));
        }
    };
    let hash = |text: &Option<Cow<'_, str>>, name| {
        text.as_deref().map(|text| unhex::<{ size_of::<Hash>() }>(text, name)).transpose()
    };
    let room = room(fields.room.as_deref().ok_or_else(|| needs("room"))?, "room")?;
    let prev = fields.prev.ok_or_else(|| needs("prev"))?;
    Ok(Record {
        position,
        created_at,
        event: Some(Arc::new(Event { position, prev, room, author, created_at, body })),
        key: hash(&fields.key, "key")?,
        content_hash: hash(&fields.content_hash, "content_hash")?,
        ..of_no_room(position, created_at)
    })
}

/// A record that says nothing yet.
fn of_no_room(position: Position, created_at: Timestamp) -> Record {
    Record {
        position,
        created_at,
        event: None,
        key: None,
        content_hash: None,
        ban: None,
        value: None,
        bytes: 0,
    }
}

fn time(text: &str, name: &str) -> Result<Timestamp, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|error| format!("`{name}`: {error}"))?;
    let since_1970 = u64::try_from(moment.as_millisecond());
    since_1970.map(Timestamp).map_err(|_| format!("`{name}` is before 1970"))
}

/// Returns the author of a record: of its event, its ban or its value.
fn author_of(record: &Record) -> Option<&Author> {
    let ruled = record.ban.as_ref().and_then(|ban| ban.by.as_ref());
    let ruled = ruled.or_else(|| record.value.as_ref().and_then(|value| value.by.as_ref()));
    record.event.as_ref().map_or(ruled, |event| event.author.as_ref())
}

fn author(fields: &AuthorFields<'_>) -> Result<Author, String> {
    let kinds = [AuthorKind::Guest, AuthorKind::User, AuthorKind::Bot];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == fields.kind);
    let kind = kind.ok_or_else(|| format!("the author's `kind` is `{}`", fields.kind))?;
    Ok(Author { id: Arc::from(&*fields.id), name: Arc::from(&*fields.name), kind })
}

/// The rules that every record of a log keeps because the chat refuses what breaks them.
fn check(record: &Record) -> Result<(), String> {
    let (event, ban) = (record.event.as_deref(), record.ban.as_ref());
    let author = author_of(record);
    let texts = [
        author.map(|author| ("id", &author.id, AUTHOR_ID_BYTES_MAX)),
        author.map(|author| ("name", &author.name, AUTHOR_NAME_BYTES_MAX)),
        ban.map(|ban| ("id", &ban.author_id, AUTHOR_ID_BYTES_MAX)),
    ];
    for (name, text, max) in texts.into_iter().flatten() {
        if !sanitize::is_author_text(text, max) {
            return Err(format!("the author's {name} must be 1 to {max} bytes without control characters"));
        }
    }
    if record.value.as_ref().is_some_and(|value| !value.is_allowed()) {
        let error = SendError::InvalidValue("key or text");
        return Err(error.to_string());
    }
    let Some(event) = event else { return Ok(()) };
    if let (Body::Reaction { .. }, None) = (&event.body, author) {
        return Err(needs("author"));
    }
    let (Body::Message { content: Some(content), .. } | Body::Edit { content: Some(content), .. }) =
        &event.body
    else {
        return Ok(());
    };
    if content.len() > CONTENT_BYTES_MAX {
        return Err(format!("`content` is {} bytes; the limit is {CONTENT_BYTES_MAX}", content.len()));
    }
    if content.contains('\r') {
        return Err("`content` holds a CR; lines of a text end with LF alone".into());
    }
    Ok(())
}

fn put(line: &impl Serialize, out: &mut Vec<u8>) {
    json_line::write(line, out);
    out.push(b'\n');
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(half.into(), 16).expect("half a byte is a hex digit"));
        }
        text
    })
}

fn unhex<const N: usize>(text: &str, name: &str) -> Result<[u8; N], String> {
    let wrong = || format!("`{name}` is {N} bytes as {} hex digits", 2 * N);
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
