//! The moderation state in memory: closed rooms, banned authors, and the purges and deletes whose erasing is
//! under way.
//!
//! It is made by records and outlives them. The log keeps it in tables that retention leaves alone, and here
//! in memory: the writer looks here before each send, and every read looks here for what it must not show.
//! Only the log changes it, after the commit that changed its tables.
//!
//! **The redaction mask.** A purge takes effect at once, but its erasing takes many commits; so does the
//! delete of a message with many edits. Until a record is erased, its readers get it without its content. The
//! mask says which: it holds, per room, the position below which events have no content, and the messages
//! whose edits have none. A read takes the mask first and then begins its transaction. If an entry of the
//! mask is gone by then, it was removed after a commit that the transaction sees.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::event::{Body, Event, Position, RoomName};
use crate::log::record::Record;

/// A purge: the room, and the position of its event.
pub(crate) type Purge = (RoomName, Position);

/// A delete whose edits are still being erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub target: Position,
    /// The next edit to erase is at this position or after it.
    pub next: Position,
    /// At most this many edits are left.
    pub left: u64,
}

/// The events that have no content for readers, though their records may still have it.
#[derive(Debug, Default)]
pub(crate) struct RedactionMask {
    /// For each room with a purge under way, the position below which its events have no content.
    rooms: HashMap<RoomName, Position>,
    /// Messages that were deleted: their edits have no content.
    messages: HashSet<Position>,
}

impl RedactionMask {
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.messages.is_empty()
    }
}

/// Returns a record as readers may have it.
pub(crate) fn redacted(mut record: Record, mask: &RedactionMask) -> Record {
    if let Some(event) = record.event.as_ref().filter(|event| is_redacted(event, mask)) {
        record.event = Some(Arc::new(event.redacted()));
        record.content_hash = None;
    }
    record
}

/// Returns true if an event's content is redacted.
pub(crate) fn is_redacted(event: &Event, mask: &RedactionMask) -> bool {
    let purged = mask.rooms.get(&event.room).is_some_and(|below| event.position < *below);
    purged || matches!(&event.body, Body::Edit { target, .. } if mask.messages.contains(target))
}

/// A change of the moderation state. Changes are applied in the order of their records.
#[derive(Debug, Clone)]
pub(crate) enum ModerationChange {
    /// A record that closes a room or bans an author.
    InForce(Record),
    Opened(RoomName),
    Unbanned(Arc<str>),
    /// A purge, and the next position that is to be erased; `None` when it is done.
    Purging(Purge, Option<Position>),
    /// The position of a delete, and what is left of it; `None` when it is done.
    Deleting(Position, Option<Deletion>),
}

impl ModerationChange {
    /// Returns true if it bans somebody, or takes a ban back.
    pub fn is_of_ban(&self) -> bool {
        match self {
            Self::InForce(record) => record.ban.is_some(),
            Self::Unbanned(_) => true,
            _ => false,
        }
    }
}

/// The numbers of rows of a [`ModerationState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModerationCounts {
    /// Closed rooms.
    pub closed_rooms: usize,
    /// Banned authors.
    pub bans: usize,
    /// Purges whose erasing is under way.
    pub purges: usize,
    /// Deletes whose erasing is under way.
    pub deletes: usize,
    /// Edits that these deletes still have to erase, at most.
    pub edits_to_erase: u64,
}

impl ModerationCounts {
    /// Returns true if text is still to be erased.
    pub fn is_erasing(&self) -> bool {
        self.purges > 0 || self.deletes > 0
    }
}

/// See the module. Cheap to ask; empty by default.
#[derive(Debug, Default)]
pub struct ModerationState {
    state: RwLock<State>,
    /// Held to clone or to replace it.
    redaction_mask: RwLock<Arc<RedactionMask>>,
}

#[derive(Debug, Default)]
struct State {
    /// The position of the newest record that changed anything here.
    as_of: Position,
    closed: BTreeMap<RoomName, Record>,
    bans: BTreeMap<Arc<str>, Record>,
    purges: BTreeMap<Purge, Position>,
    /// By the position of the delete: the oldest is erased first.
    deletions: BTreeMap<Position, Deletion>,
}

impl ModerationState {
    /// Returns true if a room is closed to writing.
    pub fn is_closed(&self, room: &RoomName) -> bool {
        self.state.read().closed.contains_key(room)
    }

    /// Returns true if an author is banned.
    pub fn is_banned(&self, author_id: &str) -> bool {
        self.state.read().bans.contains_key(author_id)
    }

    /// The record that closed a room.
    pub fn closed(&self, room: &RoomName) -> Option<Record> {
        self.state.read().closed.get(room).cloned()
    }

    /// The record that banned an author.
    pub fn ban(&self, author_id: &str) -> Option<Record> {
        self.state.read().bans.get(author_id).cloned()
    }

    /// The rooms that are closed, by name.
    pub fn closed_rooms(&self) -> Vec<RoomName> {
        self.state.read().closed.keys().cloned().collect()
    }

    /// The records of the bans, by author.
    pub fn bans(&self) -> Vec<Record> {
        self.state.read().bans.values().cloned().collect()
    }

    /// Counts the closed rooms, the banned authors, and the purges and deletes under way.
    pub fn counts(&self) -> ModerationCounts {
        let State { closed, bans, purges, deletions, .. } = &*self.state.read();
        ModerationCounts {
            closed_rooms: closed.len(),
            bans: bans.len(),
            purges: purges.len(),
            deletes: deletions.len(),
            edits_to_erase: deletions.values().map(|deletion| deletion.left).sum(),
        }
    }

    /// The records of all that is closed or banned, and a position as of which that is so: the newest that
    /// changed any of it.
    pub(crate) fn records(&self) -> (Position, Vec<Record>) {
        let state = self.state.read();
        (state.as_of, state.closed.values().chain(state.bans.values()).cloned().collect())
    }

    /// Returns the first purge under way, and the next position that it is to erase.
    pub(crate) fn first_purge(&self) -> Option<(Purge, Position)> {
        self.state.read().purges.iter().next().map(|(purge, next)| (purge.clone(), *next))
    }

    /// Returns the oldest deletes under way that have `edits` edits left together, or all.
    pub(crate) fn first_deletions(&self, edits: u64) -> Vec<(Position, Deletion)> {
        let mut before = 0;
        let enough = |(_, deletion): &(&Position, &Deletion)| {
            let more = before < edits;
            before += deletion.left;
            more
        };
        let state = self.state.read();
        state.deletions.iter().take_while(enough).map(|(at, deletion)| (*at, *deletion)).collect()
    }

    /// Returns the mask that a read must apply. Take it before the read's transaction begins.
    pub(crate) fn redaction_mask(&self) -> Arc<RedactionMask> {
        self.redaction_mask.read().clone()
    }

    /// Takes what a commit changed, `head` being its last position.
    pub(crate) fn apply(&self, changes: Vec<ModerationChange>, head: Position) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.state.write();
        let mut masked = false;
        for change in changes {
            match change {
                ModerationChange::InForce(record) => {
                    if let Some(event) = &record.event {
                        state.closed.insert(event.room.clone(), record);
                    } else if let Some(ban) = &record.ban {
                        state.bans.insert(ban.author_id.clone(), record);
                    }
                }
                ModerationChange::Opened(room) => drop(state.closed.remove(&room)),
                ModerationChange::Unbanned(author_id) => drop(state.bans.remove(&author_id)),
                ModerationChange::Purging(purge, Some(next)) => {
                    masked |= state.purges.insert(purge, next).is_none();
                }
                ModerationChange::Purging(purge, None) => masked |= state.purges.remove(&purge).is_some(),
                ModerationChange::Deleting(at, Some(deletion)) => {
                    masked |= state.deletions.insert(at, deletion).is_none();
                }
                ModerationChange::Deleting(at, None) => masked |= state.deletions.remove(&at).is_some(),
            }
        }
        state.as_of = head;
        if masked {
            // In ascending order: the newest purge of a room stays.
            let rooms = state.purges.keys().map(|(room, below)| (room.clone(), *below)).collect();
            let messages = state.deletions.values().map(|deletion| deletion.target).collect();
            *self.redaction_mask.write() = Arc::new(RedactionMask { rooms, messages });
        }
    }
}
