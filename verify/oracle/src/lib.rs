//! The checker of what Millchat promises: one place for every test that moves messages.
//!
//! **What is promised.** Per room, over any mix of load, crash, restart, slow readers and reconnects:
//!
//! 1. every acknowledged event is in the recovered log exactly once, at its acknowledged position;
//! 2. `prev` links are whole: following them from the head reaches the floor;
//! 3. an unknown outcome appears zero or one times, a rejected send never;
//! 4. the events of a sender that waits for each acknowledgement keep their order;
//! 5. each reader's stream is a contiguous piece of the chain, or says `gap` or `reset` where it is not;
//! 6. live stream, resumed stream and history agree event for event, and a history page is the fold of
//!    the stream, but for content that a delete or an Empty withholds.
//!
//! **How to use it.** While the test runs, from any thread: a [`Sender`] is told the outcome of every send,
//! a [`Reader`] everything that its stream delivers, [`Oracle::page`] what history answers. At the end the
//! test reads each room from the floor to the head, by a fresh stream, and [`Oracle::check`] holds what was
//! observed against that [`RecoveredLog`]. An empty list means that the promises held.
//!
//! **Why it is cheap.** A reader does not keep its events. It checks each one against the one before (its
//! `prev` must be the last position) and adds it to the sums of its current [`Piece`]: how many events, and
//! a digest of each, added up. A recovered log has running sums of the same digests, so that a piece of
//! a thousand events is compared in one step, and a test may deliver many millions. Two different pieces
//! with equal sums are as unlikely as a collision of 64-bit digests.
//!
//! **What it cannot see.** What retention has taken from the log by the end is only held to the running
//! check. An event whose text was taken away is compared by author, kind and place; by its text too
//! where the sender's acknowledgement was observed. Times are not looked at.

mod check;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use millchat::{Body, Event, HistoryPage, Message, Opening, Position, Reaction, Reactions, RoomName};
use parking_lot::Mutex;

pub use check::{Rule, Violation};

/// How many events one piece of a reader's stream sums up: bounds what one mismatch leaves in the dark, and
/// what a moving floor takes out of the comparison.
const PIECE_EVENTS_MAX: u64 = 1024;
/// How many violations one reader keeps; a broken stream breaks again and again, and the first ones tell why.
const READER_VIOLATIONS_MAX: usize = 16;

/// The digest by which texts are compared. Stable within one process only.
pub fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// What sort of event it is, and which message it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A message was posted.
    Message,
    /// A message was posted that answers the one at this position.
    Reply(Position),
    /// The message at this position got a new text.
    Edit(Position),
    /// The message at this position was taken away.
    Delete(Position),
    /// A reaction to the message at this position was added, or taken back.
    React(Position, Reaction, bool),
    /// The room was closed to writing.
    Close,
    /// The room was opened again.
    Open,
    /// The text of everything before it in the room was taken away.
    Empty,
    /// A kind that this checker does not know; its place in the chain counts.
    Other,
}

/// What an event says, in digests: two events that say the same compare equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventDigest {
    /// The [`digest`] of the author's id; 0 for none.
    pub author: u64,
    /// The kind, with its target.
    pub kind: EventKind,
    /// The [`digest`] of the text; `None` where there is none, or where it is withheld.
    pub content: Option<u64>,
}

impl EventDigest {
    /// A posted message.
    pub fn post(author_id: &str, content: &str) -> Self {
        Self { author: digest(author_id), kind: EventKind::Message, content: Some(digest(content)) }
    }

    /// A posted message that answers another one.
    pub fn reply(author_id: &str, target: Position, content: &str) -> Self {
        Self { kind: EventKind::Reply(target), ..Self::post(author_id, content) }
    }

    /// The part that a delete leaves as it is.
    fn shape(self) -> Self {
        Self { content: None, ..self }
    }
}

/// An event as a reader received it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Its position.
    pub position: Position,
    /// The position of the event before it in the room.
    pub prev: Position,
    /// What it says.
    pub event: EventDigest,
}

impl Observed {
    /// The digest of all but the text.
    fn shape_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.position, self.prev, self.event.shape()).hash(&mut hasher);
        hasher.finish()
    }
}

/// The digest of a text at its place: a text under another position counts as another.
fn content_digest(position: Position, content: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (position, content).hash(&mut hasher);
    hasher.finish()
}

impl From<&Event> for Observed {
    fn from(event: &Event) -> Self {
        let text = |content: &Option<Arc<str>>| content.as_deref().map(digest);
        let (kind, content) = match &event.body {
            Body::Message { content, reply_to: None } => (EventKind::Message, text(content)),
            Body::Message { content, reply_to: Some(target) } => (EventKind::Reply(*target), text(content)),
            Body::Edit { target, content } => (EventKind::Edit(*target), text(content)),
            Body::Delete { target } => (EventKind::Delete(*target), None),
            Body::Reaction { target, reaction, on, .. } => (EventKind::React(*target, *reaction, *on), None),
            Body::Close => (EventKind::Close, None),
            Body::Open => (EventKind::Open, None),
            Body::Purge => (EventKind::Empty, None),
            // A kind of a later release, known to the log or not.
            _ => (EventKind::Other, None),
        };
        let author = event.author.as_ref().map_or(0, |author| digest(&author.id));
        Self { position: event.position, prev: event.prev, event: EventDigest { author, kind, content } }
    }
}

/// A message as a page of history told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryEntry {
    /// Where it was posted.
    pub position: Position,
    /// The position of the event before it in the room.
    pub prev: Position,
    /// The [`digest`] of the author's id; 0 for none.
    pub author: u64,
    /// The [`digest`] of the text; `None` once deleted.
    pub content: Option<u64>,
    /// The message that it answers.
    pub reply_to: Option<Position>,
    /// The [`ReactionDigest`]s to it, all of them added up; `None` when not all are named.
    pub reactions: Option<u64>,
}

/// A reaction to a message in a sum, in which their order does not count: which, and the digest of its author's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReactionDigest(pub Reaction, pub u64);

impl ReactionDigest {
    /// What it adds to the sum.
    pub fn digest(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// The sum over the reactions to a message; `None` when not all of them are named.
fn sum_of(all: &[Reactions]) -> Option<u64> {
    let mut sum = 0_u64;
    for Reactions { reaction, count, authors } in all {
        if authors.len() != *count {
            return None;
        }
        for author in authors {
            sum = sum.wrapping_add(ReactionDigest(*reaction, digest(&author.id)).digest());
        }
    }
    Some(sum)
}

/// A page of history as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The room's head by the same answer: the page may be newer than that, never older.
    pub head: Position,
    /// The messages, oldest first.
    pub messages: Vec<HistoryEntry>,
}

impl From<&HistoryPage> for Page {
    fn from(page: &HistoryPage) -> Self {
        let entry = |message: &Message| HistoryEntry {
            position: message.position,
            prev: message.prev,
            author: message.author.as_ref().map_or(0, |author| digest(&author.id)),
            content: message.content.as_deref().map(digest),
            reply_to: message.reply_to,
            reactions: sum_of(&message.reactions),
        };
        Self { head: page.head, messages: page.messages.iter().map(entry).collect() }
    }
}

/// A room as it was read at the end, from the floor to the head: the truth that all else is held against.
#[derive(Debug, Clone)]
pub struct RecoveredLog {
    /// The room.
    pub room: RoomName,
    /// The oldest position that retention still keeps.
    pub floor: Position,
    /// The room's newest position, as the log states it.
    pub head: Position,
    /// Every event of the room, oldest first.
    pub events: Vec<Observed>,
}

/// How one send ended, as its sender knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Acknowledged { position: Position, prev: Position },
    Unknown,
    Rejected,
}

/// One observed outcome of one send. A send that is retried with its key keeps its sequence number.
#[derive(Debug, Clone, Copy)]
struct Sent {
    sequence: u64,
    event: EventDigest,
    outcome: Outcome,
}

#[derive(Debug)]
struct SenderRecord {
    room: RoomName,
    name: String,
    sent: Vec<Sent>,
}

/// A sender's outcomes. Clones tell the same sender's.
#[derive(Debug, Clone)]
pub struct Sender(Arc<Mutex<SenderRecord>>);

impl Sender {
    /// The send was acknowledged with this place. `sequence` counts the sender's sends upwards.
    pub fn acknowledged(&self, sequence: u64, event: EventDigest, position: Position, prev: Position) {
        self.record(sequence, event, Outcome::Acknowledged { position, prev });
    }

    /// Nobody knows whether the send was stored: the line or the server died first, or the server said so.
    /// If a retry with the same key settles it, tell that too, under the same `sequence`.
    pub fn unknown(&self, sequence: u64, event: EventDigest) {
        self.record(sequence, event, Outcome::Unknown);
    }

    /// The server said that the send was not stored.
    pub fn rejected(&self, sequence: u64, event: EventDigest) {
        self.record(sequence, event, Outcome::Rejected);
    }

    fn record(&self, sequence: u64, event: EventDigest, outcome: Outcome) {
        self.0.lock().sent.push(Sent { sequence, event, outcome });
    }
}

/// A contiguous run of a reader's events, in sums: the events of the room after `from`, up to `to`.
#[derive(Debug, Clone, Default)]
struct Piece {
    from: Position,
    to: Position,
    count: u64,
    /// [`Observed::shape_digest`] of each, added up.
    shapes: u64,
    /// [`content_digest`] of each that came with its text, added up.
    contents: u64,
    /// Those that came without a text: few, because a delete is rare.
    textless: Vec<Position>,
}

impl Piece {
    fn starting_after(from: Position) -> Self {
        Self { from, to: from, ..Self::default() }
    }

    fn add(&mut self, observed: &Observed) {
        self.to = observed.position;
        self.count += 1;
        self.shapes = self.shapes.wrapping_add(observed.shape_digest());
        match observed.event.content {
            Some(content) => {
                self.contents = self.contents.wrapping_add(content_digest(observed.position, content));
            }
            None => self.textless.push(observed.position),
        }
    }
}

#[derive(Debug)]
struct ReaderRecord {
    room: RoomName,
    name: String,
    pieces: Vec<Piece>,
    current: Piece,
    opened: bool,
    /// Whether `current` begins at a place that need not be an event of this room.
    first: bool,
    /// The furthest position that the stream said retention had taken.
    gap_to: Position,
    complete: bool,
    violations: Vec<Violation>,
}

impl ReaderRecord {
    fn violation(&mut self, positions: Vec<Position>, what: String) {
        if self.violations.len() < READER_VIOLATIONS_MAX {
            let (room, who) = (self.room.clone(), format!("reader {}", self.name));
            self.violations.push(Violation { rule: Rule::Stream, room, who, positions, what });
        }
    }

    /// The next event need not link to the last one, only pass over nothing.
    fn go_on_after(&mut self, position: Position) {
        let done = std::mem::replace(&mut self.current, Piece::starting_after(position));
        if done.count > 0 {
            self.pieces.push(done);
        }
        self.first = true;
    }
}

/// What one reader's stream delivers, over all its reconnects. Clones tell the same reader's.
#[derive(Debug, Clone)]
pub struct Reader(Arc<Mutex<ReaderRecord>>);

impl Reader {
    /// A stream opened: `asked` is the place that the reader sent (`None` on a first join), `position` the
    /// place that the opening carries as its id.
    pub fn opened(&self, asked: Option<Position>, opening: Opening, position: Position) {
        let mut reader = self.0.lock();
        let last = reader.current.to;
        match (opening, asked) {
            (Opening::Start, Some(asked)) if asked != position => {
                reader.violation(vec![asked, position], format!("asked for {asked}, started at {position}"));
            }
            (Opening::Gap { from, to }, asked) => {
                if asked != Some(from) || to != position || to <= from {
                    let what = format!("asked for {asked:?}, was told of a gap {from} to {to} at {position}");
                    reader.violation(vec![from, to, position], what);
                }
                reader.gap_to = reader.gap_to.max(to);
            }
            (Opening::Reset(reason), Some(asked)) => {
                let what = format!("asked for {asked}, a place of this log, was reset: {}", reason.as_str());
                reader.violation(vec![asked, position], what);
            }
            (Opening::Start | Opening::Reset(_), _) => {}
        }
        // A resume that starts where the reader was goes on with the piece, and so is checked for a whole link.
        if !(reader.opened && opening == Opening::Start && position == last) {
            reader.go_on_after(position);
        }
        reader.opened = true;
    }

    /// An event arrived.
    pub fn event(&self, observed: Observed) {
        let mut reader = self.0.lock();
        let (last, Observed { position, prev, .. }) = (reader.current.to, observed);
        if !reader.opened {
            reader.violation(vec![position], format!("event {position} came before the stream opened"));
            reader.opened = true;
            reader.go_on_after(prev);
        } else if position <= last {
            // Not added to the piece: what was received before stays comparable.
            return reader.violation(vec![last, position], format!("event {position} came after {last}"));
        } else if if reader.first { prev > last } else { prev != last } {
            let what = format!("event {position} follows {prev}, the reader was at {last}");
            reader.violation(vec![last, prev, position], what);
            reader.go_on_after(prev);
        } else if reader.current.count >= PIECE_EVENTS_MAX {
            reader.go_on_after(last);
        }
        reader.first = false;
        reader.current.add(&observed);
    }

    /// The stream said that retention overtook it.
    pub fn gap(&self, from: Position, to: Position) {
        let mut reader = self.0.lock();
        let last = reader.current.to;
        if from != last || to <= from {
            let what = format!("was told of a gap {from} to {to}, the reader was at {last}");
            reader.violation(vec![last, from, to], what);
        }
        reader.gap_to = reader.gap_to.max(to);
        reader.go_on_after(to);
    }

    /// The position of the last event: what the reader would resume by.
    pub fn position(&self) -> Position {
        self.0.lock().current.to
    }

    /// The reader stayed until the end: it must have reached the room's head.
    pub fn complete(&self) {
        self.0.lock().complete = true;
    }
}

#[derive(Debug)]
struct PageRecord {
    room: RoomName,
    name: String,
    page: Page,
}

/// Gathers what senders, readers and history observed, and holds it against the recovered log.
#[derive(Debug, Default)]
pub struct Oracle {
    senders: Mutex<Vec<Arc<Mutex<SenderRecord>>>>,
    readers: Mutex<Vec<Arc<Mutex<ReaderRecord>>>>,
    pages: Mutex<Vec<PageRecord>>,
    /// Rooms that held events before the test began: where those end.
    inherited: Mutex<Vec<(RoomName, Position)>>,
}

impl Oracle {
    /// An oracle that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events of this room up to this position were there before: nobody is asked who sent them.
    pub fn inherits(&self, room: &RoomName, head: Position) {
        self.inherited.lock().push((room.clone(), head));
    }

    /// A sender to this room, by a name that a violation can be traced by.
    pub fn sender(&self, room: &RoomName, name: impl Into<String>) -> Sender {
        let record = SenderRecord { room: room.clone(), name: name.into(), sent: Vec::new() };
        let record = Arc::new(Mutex::new(record));
        self.senders.lock().push(Arc::clone(&record));
        Sender(record)
    }

    /// A reader of this room, by a name that a violation can be traced by.
    pub fn reader(&self, room: &RoomName, name: impl Into<String>) -> Reader {
        let record = Arc::new(Mutex::new(ReaderRecord {
            room: room.clone(),
            name: name.into(),
            pieces: Vec::new(),
            current: Piece::default(),
            opened: false,
            first: true,
            gap_to: 0,
            complete: false,
            violations: Vec::new(),
        }));
        self.readers.lock().push(Arc::clone(&record));
        Reader(record)
    }

    /// A page of history was answered.
    pub fn page(&self, room: &RoomName, name: impl Into<String>, page: Page) {
        self.pages.lock().push(PageRecord { room: room.clone(), name: name.into(), page });
    }

    /// Holds everything observed against the recovered logs. Rooms that something was observed of and that
    /// no log is given for are violations too: what was not looked at was not proven.
    pub fn check(&self, logs: &[RecoveredLog]) -> Vec<Violation> {
        check::check(self, logs)
    }
}
