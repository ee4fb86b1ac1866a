//! A log that a test can reach into.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millchat::log::{
    Chain, ChainPoint, CommitError, Committed, Counts, Found, Log, LogError, Lookups, ModerationState,
    NewRecord, RawRecord, Record, StoredKey, ValuesState,
};
use millchat::{Chat, Epoch, Position, Reacted, Reaction, RoomName, Timestamp};

/// A log that does what a test asks of it in the middle of a call, and else what the log behind it does.
pub struct Meddled {
    pub log: Arc<dyn Log>,
    /// Called before each commit.
    pub before_commit: Box<dyn Fn() -> Result<(), CommitError> + Send + Sync>,
    /// Called before each look at a record.
    pub before_record: Box<dyn Fn(Position) + Send + Sync>,
    /// Called before each read of a room.
    pub before_read: Box<dyn Fn() + Send + Sync>,
    /// Called after each scan of the whole log.
    pub after_scan: Box<dyn Fn() + Send + Sync>,
    /// Called before each look for prepared pieces of the index: the writer looks when it has nothing else to do.
    pub before_index: Box<dyn Fn() + Send + Sync>,
    /// Look-ups that were begun, and those that have not ended.
    pub lookups: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Meddled {
    pub fn new() -> Self {
        let log = millchat::log::open("memory:").unwrap();
        Self {
            log,
            before_commit: Box::new(|| Ok(())),
            before_record: Box::new(|_| ()),
            before_read: Box::new(|| ()),
            after_scan: Box::new(|| ()),
            before_index: Box::new(|| ()),
            lookups: Arc::default(),
        }
    }

    pub fn open(self) -> Chat {
        Chat::builder().open_log(Arc::new(self)).unwrap()
    }
}

impl Lookups for Meddled {
    fn record(&self, position: Position) -> Result<Option<Record>, LogError> {
        (self.before_record)(position);
        self.log.record(position)
    }
    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError> {
        self.log.last_edit(target)
    }
    fn counts(&self, target: Position) -> Result<Counts, LogError> {
        self.log.counts(target)
    }
    fn reacted(
        &self,
        target: Position,
        reaction: Reaction,
        author_id: &str,
    ) -> Result<Option<Position>, LogError> {
        self.log.reacted(target, reaction, author_id)
    }
}

impl Log for Meddled {
    fn epoch(&self) -> Epoch {
        self.log.epoch()
    }
    fn signing_key(&self) -> [u8; 32] {
        self.log.signing_key()
    }
    fn head(&self) -> Position {
        self.log.head()
    }
    fn floor(&self) -> Position {
        self.log.floor()
    }
    fn forgotten(&self) -> Position {
        self.log.forgotten()
    }
    fn commit(&self, batch: &[NewRecord], floor: Position) -> Result<Vec<Committed>, CommitError> {
        (self.before_commit)()?;
        self.log.commit(batch, floor)
    }
    fn moderation(&self) -> &ModerationState {
        self.log.moderation()
    }
    fn values(&self) -> &ValuesState {
        self.log.values()
    }
    fn live_bytes(&self) -> u64 {
        self.log.live_bytes()
    }
    fn lookups(&self) -> Result<Option<Box<dyn Lookups + '_>>, LogError> {
        self.lookups.0.fetch_add(1, Ordering::SeqCst);
        self.lookups.1.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Box::new(MeddledLookups(self))))
    }
    fn room_head(&self, room: &RoomName) -> Result<Position, LogError> {
        (self.before_read)();
        self.log.room_head(room)
    }
    fn read_after(&self, room: &RoomName, after: Position) -> Result<Chain, LogError> {
        (self.before_read)();
        self.log.read_after(room, after)
    }
    fn read_before(&self, room: &RoomName, before: Position, count: usize) -> Result<Chain, LogError> {
        (self.before_read)();
        self.log.read_before(room, before, count)
    }
    fn point_after(&self, room: &RoomName, after: Position) -> Result<ChainPoint, LogError> {
        (self.before_read)();
        self.log.point_after(room, after)
    }
    fn point_before_last(&self, room: &RoomName, count: usize) -> Result<ChainPoint, LogError> {
        (self.before_read)();
        self.log.point_before_last(room, count)
    }
    fn delete_of(&self, target: Position) -> Result<Option<Record>, LogError> {
        self.log.delete_of(target)
    }
    fn forget_heads(
        &self,
        after: Option<&RoomName>,
        before: Timestamp,
        spare: &dyn Fn(&RoomName) -> bool,
    ) -> Result<Option<RoomName>, CommitError> {
        self.log.forget_heads(after, before, spare)
    }
    fn require_space(&self, free: u64) -> Result<(), CommitError> {
        self.log.require_space(free)
    }
    fn reactions(&self, target: Position) -> Result<Vec<Reacted>, LogError> {
        self.log.reactions(target)
    }
    fn scan(&self, from: Position) -> Result<Vec<Record>, LogError> {
        let records = self.log.scan(from);
        (self.after_scan)();
        records
    }
    fn scan_raw(&self, from: Position) -> Result<Vec<RawRecord>, LogError> {
        self.log.scan_raw(from)
    }
    fn raw(&self, position: Position) -> Result<Option<RawRecord>, LogError> {
        self.log.raw(position)
    }
    fn skipped(&self) -> u64 {
        self.log.skipped()
    }
    fn keys(&self, oldest: Timestamp) -> Result<Vec<StoredKey>, LogError> {
        self.log.keys(oldest)
    }
    fn find(&self, room: &RoomName, before: Position, terms: &[u32], max: usize) -> Result<Found, LogError> {
        self.log.find(room, before, terms, max)
    }
    fn prepare_index(&self) -> Result<bool, LogError> {
        self.log.prepare_index()
    }
    fn has_prepared_index(&self) -> bool {
        (self.before_index)();
        self.log.has_prepared_index()
    }
    fn close(&self) -> Result<(), LogError> {
        self.log.close()
    }
}

struct MeddledLookups<'a>(&'a Meddled);

impl Drop for MeddledLookups<'_> {
    fn drop(&mut self) {
        self.0.lookups.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Lookups for MeddledLookups<'_> {
    fn record(&self, position: Position) -> Result<Option<Record>, LogError> {
        self.0.record(position)
    }
    fn last_edit(&self, target: Position) -> Result<Option<Record>, LogError> {
        self.0.last_edit(target)
    }
    fn counts(&self, target: Position) -> Result<Counts, LogError> {
        self.0.counts(target)
    }
    fn reacted(
        &self,
        target: Position,
        reaction: Reaction,
        author_id: &str,
    ) -> Result<Option<Position>, LogError> {
        self.0.reacted(target, reaction, author_id)
    }
}
