//! What stands until it is taken back: rooms closed to writing, authors banned, rooms being emptied.
//!
//! It is made by records and outlives them: the log keeps it in tables that a cut leaves alone, and here in memory,
//! where the writer asks before each send and every read asks what it must not show. It is changed only by the
//! log, after the commit that changed its tables.
//!
//! **The veil.** An Empty takes effect at once, and its erasing takes many commits. Until a record is erased, whoever
//! reads it withholds its content: that is the veil, the position below which a room's events have none. A read
//! takes the veil first and then begins its transaction: a veil that is gone by then was lifted after a commit
//! that the transaction sees.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::event::{Event, Position, RoomName};
use crate::log::record::Record;

/// Where an Empty has come: the room, and the Empty's position.
pub(crate) type Emptying = (RoomName, Position);

/// The rooms whose events below a position are withheld.
pub(crate) type Veil = HashMap<RoomName, Position>;

/// A record as readers may have it.
pub(crate) fn veiled(mut record: Record, veil: &Veil) -> Record {
    if let Some(event) = record.event.as_ref().filter(|event| is_veiled(event, veil)) {
        record.event = Some(Arc::new(event.withheld()));
        record.content_hash = None;
    }
    record
}

/// Whether an event's content is withheld.
pub(crate) fn is_veiled(event: &Event, veil: &Veil) -> bool {
    veil.get(&event.room).is_some_and(|below| event.position < *below)
}

/// What changed, in the order in which it did.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A record that closes a room or bans an author.
    Stands(Record),
    Opened(RoomName),
    Unbanned(Arc<str>),
    /// An Empty, and the next position that is to be erased; `None` when it is done.
    Emptying(Emptying, Option<Position>),
}

/// See the module. Cheap to ask; empty by default.
#[derive(Debug, Default)]
pub struct Standing {
    state: RwLock<State>,
    /// Held to clone or to replace it.
    veil: RwLock<Arc<Veil>>,
}

#[derive(Debug, Default)]
struct State {
    /// The position of the newest record that changed anything here.
    as_of: Position,
    closed: BTreeMap<RoomName, Record>,
    bans: BTreeMap<Arc<str>, Record>,
    emptying: BTreeMap<Emptying, Position>,
}

impl Standing {
    /// Whether a room is closed to writing.
    pub fn is_closed(&self, room: &RoomName) -> bool {
        self.state.read().closed.contains_key(room)
    }

    /// Whether an author is banned.
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

    /// How many rooms are closed, authors banned, and emptyings under way.
    pub fn counts(&self) -> (usize, usize, usize) {
        let state = self.state.read();
        (state.closed.len(), state.bans.len(), state.emptying.len())
    }

    /// The records of all that is closed or banned, and a position as of which that is so: the newest that
    /// changed any of it.
    pub(crate) fn records(&self) -> (Position, Vec<Record>) {
        let state = self.state.read();
        (state.as_of, state.closed.values().chain(state.bans.values()).cloned().collect())
    }

    /// The first emptying under way, and the next position that it is to erase.
    pub(crate) fn first_emptying(&self) -> Option<(Emptying, Position)> {
        self.state.read().emptying.iter().next().map(|(emptying, next)| (emptying.clone(), *next))
    }

    /// What a read must withhold. Take it before the read's transaction begins.
    pub(crate) fn veil(&self) -> Arc<Veil> {
        self.veil.read().clone()
    }

    /// Takes what a commit changed, `head` being its last position.
    pub(crate) fn apply(&self, changes: Vec<Change>, head: Position) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.state.write();
        let emptied = changes.iter().any(|change| matches!(change, Change::Emptying(..)));
        for change in changes {
            match change {
                Change::Stands(record) => {
                    if let Some(event) = &record.event {
                        state.closed.insert(event.room.clone(), record);
                    } else if let Some(ruling) = &record.ruling {
                        state.bans.insert(ruling.author_id.clone(), record);
                    }
                }
                Change::Opened(room) => drop(state.closed.remove(&room)),
                Change::Unbanned(author_id) => drop(state.bans.remove(&author_id)),
                Change::Emptying(emptying, Some(next)) => drop(state.emptying.insert(emptying, next)),
                Change::Emptying(emptying, None) => drop(state.emptying.remove(&emptying)),
            }
        }
        state.as_of = head;
        if emptied {
            // In ascending order: the newest Empty of a room stays.
            let veil = state.emptying.keys().map(|(room, below)| (room.clone(), *below)).collect();
            *self.veil.write() = Arc::new(veil);
        }
    }
}
