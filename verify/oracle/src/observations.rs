//! Everything that senders, readers and pages of history have observed so far.

use std::sync::Arc;

use millchat::{Position, RoomName};
use parking_lot::Mutex;

use crate::observed::Page;
use crate::reader::ReaderRecord;
use crate::sender::SenderRecord;

#[derive(Debug)]
pub(crate) struct PageRecord {
    pub room: RoomName,
    pub name: String,
    pub page: Page,
}

/// Each lock is held to add one record, or while the check reads them all.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    pub senders: Mutex<Vec<Arc<Mutex<SenderRecord>>>>,
    pub readers: Mutex<Vec<Arc<Mutex<ReaderRecord>>>>,
    pub pages: Mutex<Vec<PageRecord>>,
    /// Rooms that held events before the test began: where those end.
    pub inherited: Mutex<Vec<(RoomName, Position)>>,
}
