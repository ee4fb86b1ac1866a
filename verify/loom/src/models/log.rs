//! A log in memory, as simple as it can be: one room, and one step to loom.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::{Body, Epoch, Event, Position, RoomName, Timestamp};
use crate::log::{
    Chain, ChainPoint, CommitError, Committed, Counts, Log, LogError, Lookups, ModerationState, NewRecord,
    Payload, RawRecord, Record, StoredKey, ValuesState,
};
use crate::message::Reacted;
use crate::reaction::Reaction;

#[derive(Clone, Default)]
pub(super) struct ModelLog(Arc<Mutex<State>>, Arc<ModerationState>, Arc<ValuesState>);

#[derive(Default)]
struct State {
    events: Vec<Arc<Event>>,
    fails: bool,
}

impl ModelLog {
    /// Takes an event that is committed; a delete takes the text of its target.
    pub fn hold(&self, event: Arc<Event>) {
        let mut state = self.0.lock();
        if let Body::Delete { target } = event.body {
            for held in state.events.iter_mut().filter(|held| held.position == target) {
                *held = Arc::new(held.redacted());
            }
        }
        state.events.push(event);
    }

    /// The next commit stores nothing, and nobody knows.
    pub fn fail_next_commit(&self) {
        self.0.lock().fails = true;
    }

    pub fn texts(&self) -> Vec<String> {
        let texts = |event: &Arc<Event>| match &event.body {
            Body::Message { content: Some(text), .. } => Some(text.to_string()),
            _ => None,
        };
        self.0.lock().events.iter().filter_map(texts).collect()
    }
}

impl Lookups for ModelLog {
    fn record(&self, _: Position) -> Result<Option<Record>, LogError> {
        Ok(None)
    }

    fn last_edit(&self, _: Position) -> Result<Option<Record>, LogError> {
        Ok(None)
    }

    fn counts(&self, _: Position) -> Result<Counts, LogError> {
        Ok(Counts::default())
    }

    fn reacted(&self, _: Position, _: Reaction, _: &str) -> Result<Option<Position>, LogError> {
        Ok(None)
    }
}

impl Log for ModelLog {
    fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    fn signing_key(&self) -> [u8; 32] {
        [0; 32]
    }

    fn head(&self) -> Position {
        self.0.lock().events.last().map_or(0, |event| event.position)
    }

    fn floor(&self) -> Position {
        1
    }

    fn commit(&self, batch: &[NewRecord], _: Position) -> Result<Vec<Committed>, CommitError> {
        if std::mem::take(&mut self.0.lock().fails) {
            return Err(CommitError::Unknown("the model's disk fails".into()));
        }
        let mut events = Vec::new();
        for NewRecord { payload, author, created_at, .. } in batch.iter().cloned() {
            let Payload::Event { room, body } = payload else { continue };
            let prev = self.head();
            let event = Arc::new(Event { position: prev + 1, prev, room, author, created_at, body });
            self.hold(event.clone());
            events.push(Committed { position: event.position, event: Some(event) });
        }
        Ok(events)
    }

    fn moderation(&self) -> &ModerationState {
        &self.1
    }

    fn values(&self) -> &ValuesState {
        &self.2
    }

    fn live_bytes(&self) -> u64 {
        0
    }

    fn room_head(&self, _: &RoomName) -> Result<Position, LogError> {
        Ok(self.head())
    }

    fn read_after(&self, _: &RoomName, after: Position) -> Result<Chain, LogError> {
        let events = self.0.lock().events.iter().filter(|event| event.position > after).cloned().collect();
        Ok(Chain { events, head: self.head(), floor: 1 })
    }

    fn read_before(&self, _: &RoomName, before: Position, _: usize) -> Result<Chain, LogError> {
        let events = self.0.lock().events.iter().filter(|event| event.position < before).cloned().collect();
        Ok(Chain { events, head: self.head(), floor: 1 })
    }

    fn point_after(&self, _: &RoomName, _: Position) -> Result<ChainPoint, LogError> {
        Ok(ChainPoint::default())
    }

    fn point_before_last(&self, _: &RoomName, _: usize) -> Result<ChainPoint, LogError> {
        Ok(ChainPoint::default())
    }

    fn forget_heads(
        &self,
        _: Option<&RoomName>,
        _: Timestamp,
        _: &dyn Fn(&RoomName) -> bool,
    ) -> Result<Option<RoomName>, CommitError> {
        Ok(None)
    }

    fn require_space(&self, _free: u64) -> Result<(), CommitError> {
        Ok(())
    }

    fn reactions(&self, _: Position) -> Result<Vec<Reacted>, LogError> {
        Ok(Vec::new())
    }

    fn scan(&self, _: Position) -> Result<Vec<Record>, LogError> {
        Ok(Vec::new())
    }

    fn scan_raw(&self, _: Position) -> Result<Vec<RawRecord>, LogError> {
        Ok(Vec::new())
    }

    fn keys(&self, _: Timestamp) -> Result<Vec<StoredKey>, LogError> {
        Ok(Vec::new())
    }

    fn close(&self) -> Result<(), LogError> {
        Ok(())
    }
}
