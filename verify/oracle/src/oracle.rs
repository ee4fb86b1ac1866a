//! The oracle: gathers observations from any thread, and checks them at the end.

use std::sync::Arc;

use millchat::{Position, RoomName};
use parking_lot::Mutex;

use crate::check::check;
use crate::observations::{Observations, PageRecord};
use crate::observed::{Page, RecoveredLog};
use crate::reader::{Reader, ReaderRecord};
use crate::sender::{Sender, SenderRecord};
use crate::violation::Violation;

/// Gathers what senders, readers and history observed, and holds it against the recovered log.
#[derive(Debug, Default)]
pub struct Oracle(Observations);

impl Oracle {
    /// Returns an oracle that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the events of this room up to this position as there before: their senders are not asked for.
    pub fn inherits(&self, room: &RoomName, head: Position) {
        self.0.inherited.lock().push((room.clone(), head));
    }

    /// Returns a sender to this room, by a name that a violation can be traced by.
    pub fn sender(&self, room: &RoomName, name: impl Into<String>) -> Sender {
        let record = SenderRecord { room: room.clone(), name: name.into(), sent: Vec::new() };
        let record = Arc::new(Mutex::new(record));
        self.0.senders.lock().push(Arc::clone(&record));
        Sender::new(record)
    }

    /// Returns a reader of this room, by a name that a violation can be traced by.
    pub fn reader(&self, room: &RoomName, name: impl Into<String>) -> Reader {
        let record = Arc::new(Mutex::new(ReaderRecord::new(room.clone(), name.into())));
        self.0.readers.lock().push(Arc::clone(&record));
        Reader::new(record)
    }

    /// Takes a page of history that was answered.
    pub fn page(&self, room: &RoomName, name: impl Into<String>, page: Page) {
        self.0.pages.lock().push(PageRecord { room: room.clone(), name: name.into(), page });
    }

    /// Holds everything observed against the recovered logs. Rooms that something was observed of and that
    /// no log is given for are violations too: what was not looked at was not proven.
    pub fn check(&self, logs: &[RecoveredLog]) -> Vec<Violation> {
        check(&self.0, logs)
    }
}
