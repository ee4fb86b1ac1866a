//! The kept values in memory: those in force, by key.
//!
//! They are made by records and outlive them. The log keeps them in a table that retention leaves alone, and
//! here in memory: the embedder looks here for each request, and the writer before each change. Only the log
//! changes it, after the commit that changed its table.
//!
//! **The version.** An embedder may keep what it made of values, with [`ValuesState::version`] as it was
//! before it looked at them. As long as the version is the same, only time can have changed anything.
//!
//! **Expiry.** A value that has expired is absent for everybody who asks with the time of day. Its row stays
//! until [`ValuesState::let_expire`] allows it to go: a clock that is ahead for a while must not take away what
//! still counts afterwards. A value that has expired and still has its row counts for no limit but that of all
//! bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::event::{Author, Position, Timestamp};
use crate::limits::{VALUES_BYTES_MAX, VALUES_BYTES_RESERVED};
use crate::log::record::{Record, ValueRecord};
use crate::value::{Value, kind_of};

/// Bytes that are kept with a value beside its texts: its rows in the maps here.
const VALUE_COST_BYTES: usize = 256;

/// A change of the kept values. Changes are applied in the order of their records.
#[derive(Debug, Clone)]
pub(crate) enum ValueChange {
    /// It is in force from here on.
    Set(Arc<str>, Value),
    /// It was removed by the record at this position.
    Removed(Arc<str>, Position),
    /// The row that the record at this position had made was taken out.
    Expired(Arc<str>, Position),
}

/// A value whose row may be taken out.
#[derive(Debug)]
pub(crate) struct Expired {
    pub key: Arc<str>,
    /// The position of the record that set it.
    pub position: Position,
    pub until: Timestamp,
}

/// See the module. Cheap to ask; empty by default.
#[derive(Debug, Default)]
pub struct ValuesState {
    /// Held for memory work only.
    state: RwLock<State>,
    /// The position of the newest record that set or removed a value. Stored (Release) under the write lock,
    /// after the change; loaded (Acquire) under the read lock.
    newest: AtomicU64,
    /// The same of the values whose kind is not among `quiet`. Stored (Release) under the write lock, after the
    /// change; loaded (Acquire) before values are looked at.
    version: AtomicU64,
    /// Kinds whose values raise no version. Set once, before anything is written.
    quiet: OnceLock<Vec<Box<str>>>,
    /// Kinds for whose values some of the bytes are reserved. Set once, before anything is written.
    vital: OnceLock<Vec<Box<str>>>,
    /// Values that have expired by this time may be taken out. Stored by the writer, loaded by the commit, on
    /// one thread.
    due: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    values: BTreeMap<Arc<str>, Value>,
    kinds: HashMap<Box<str>, Kind>,
    bytes: usize,
}

/// The values of a kind.
#[derive(Debug, Default)]
struct Kind {
    count: usize,
    /// Those that expire, by their time.
    expiring: BTreeSet<(Timestamp, Arc<str>)>,
}

impl ValuesState {
    /// Returns the value of a key, unless it has expired at this time.
    pub fn get(&self, key: &str, now: impl FnOnce() -> Timestamp) -> Option<Value> {
        let state = self.state.read();
        let value = state.values.get(key)?;
        (value.until.is_none() || value.is_in_force(now())).then(|| value.clone())
    }

    /// Returns the values whose key begins with `prefix` and comes after `after`, in the order of the keys, at
    /// most `count`, without those that have expired at this time.
    pub fn range(
        &self,
        prefix: &str,
        after: Option<&str>,
        count: usize,
        now: Timestamp,
    ) -> Vec<(Arc<str>, Value)> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let state = self.state.read();
        let rows = state.values.range::<str, _>((start, Bound::Unbounded));
        let rows = rows.take_while(|(key, _)| key.starts_with(prefix));
        let rows = rows.filter(|(_, value)| value.is_in_force(now)).take(count);
        rows.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Reserves some of the bytes for the values of these kinds from now on.
    pub(crate) fn set_vital(&self, kinds: Vec<Box<str>>) {
        let _ = self.vital.set(kinds);
    }

    /// Returns the most bytes that all values may take, for one more of this kind.
    pub(crate) fn bytes_max(&self, kind: &str) -> usize {
        let vital = self.vital.get().map_or(&[][..], Vec::as_slice);
        let is_reserved = !vital.is_empty() && !vital.iter().any(|vital| **vital == *kind);
        VALUES_BYTES_MAX - if is_reserved { VALUES_BYTES_RESERVED } else { 0 }
    }

    /// Lets the values of these kinds raise no version from now on.
    pub(crate) fn set_quiet(&self, kinds: Vec<Box<str>>) {
        let _ = self.quiet.set(kinds);
    }

    /// Returns true if nothing is decided by the value of a key.
    pub(crate) fn is_quiet(&self, key: &str) -> bool {
        self.quiet.get().is_some_and(|quiet| quiet.iter().any(|kind| **kind == *kind_of(key)))
    }

    /// Returns a number that rises with each commit that sets or removes a value, but for those of quiet kinds: the
    /// position of the newest record that did.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Raises the version for a change of something else that an embedder decides by, at this position.
    pub(crate) fn raise_version(&self, position: Position) {
        self.version.fetch_max(position, Ordering::AcqRel);
    }

    /// Returns the number of values that are kept, and the bytes that they take. Those that have expired count
    /// until their rows are taken out.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.state.read();
        (state.values.len(), state.bytes)
    }

    /// Returns the number of values of a kind that are kept. Those that have expired count until their rows are
    /// taken out.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.state.read().kinds.get(kind).map_or(0, |kind| kind.count)
    }

    /// Lets later commits take out the rows of values that have expired by this time.
    pub fn let_expire(&self, by: Timestamp) {
        self.due.store(by.0, Ordering::Relaxed);
    }

    /// Returns the earliest moment at which a value that is kept expires or has expired.
    pub(crate) fn oldest_until(&self) -> Option<Timestamp> {
        let state = self.state.read();
        state.kinds.values().filter_map(|kind| Some(kind.expiring.first()?.0)).min()
    }

    /// Returns true if `limit` values of a kind are in force with `more` to come.
    pub(crate) fn is_full(&self, kind: &str, (limit, more): (usize, usize), now: Timestamp) -> bool {
        let state = self.state.read();
        let (count, expiring) = match state.kinds.get(kind) {
            Some(kind) => (kind.count, Some(&kind.expiring)),
            None => (0, None),
        };
        let Some(over) = (count + more).checked_sub(limit) else { return false };
        // As many must have expired, and one more.
        let expired = expiring.into_iter().flatten().take_while(|(until, _)| *until <= now);
        expired.take(over + 1).count() <= over
    }

    /// Returns the bytes that all values take, and those that the value of a key takes, expired or not.
    pub(crate) fn bytes_with(&self, key: &str) -> (usize, usize) {
        let state = self.state.read();
        let one = state.values.get(key).map_or(0, |value| value_bytes(key, &value.text, value.by.as_ref()));
        (state.bytes, one)
    }

    /// Returns at most `count` values that may be taken out.
    pub(crate) fn expired(&self, count: usize) -> Vec<Expired> {
        let due = Timestamp(self.due.load(Ordering::Relaxed));
        let state = self.state.read();
        let rows =
            state.kinds.values().flat_map(|kind| kind.expiring.iter().take_while(|(until, _)| *until <= due));
        let rows = rows.take(count).filter_map(|(until, key)| {
            Some(Expired { key: key.clone(), position: state.values.get(key)?.position, until: *until })
        });
        rows.collect()
    }

    /// The records of all values, and a position as of which that is so: the newest that changed any of them.
    pub(crate) fn records(&self) -> (Position, Vec<Record>) {
        let state = self.state.read();
        (
            self.newest.load(Ordering::Acquire),
            state.values.iter().map(|(key, value)| record_of(key, value)).collect(),
        )
    }

    /// Takes what a commit changed, all of it in one step.
    pub(crate) fn apply(&self, changes: Vec<ValueChange>) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.state.write();
        let (mut newest, mut version) = (0, 0);
        let mut raise = |key: &str, position| {
            newest = newest.max(position);
            if !self.is_quiet(key) {
                version = version.max(position);
            }
        };
        for change in changes {
            match change {
                ValueChange::Set(key, value) => {
                    raise(&key, value.position);
                    state.remove(&key);
                    state.insert(key, value);
                }
                ValueChange::Removed(key, position) => {
                    raise(&key, position);
                    state.remove(&key);
                }
                ValueChange::Expired(key, position) => {
                    if state.values.get(&key).is_some_and(|value| value.position == position) {
                        state.remove(&key);
                    }
                }
            }
        }
        self.newest.fetch_max(newest, Ordering::Release);
        self.version.fetch_max(version, Ordering::Release);
    }
}

impl State {
    fn insert(&mut self, key: Arc<str>, value: Value) {
        self.bytes += value_bytes(&key, &value.text, value.by.as_ref());
        let kind = self.kinds.entry(kind_of(&key).into()).or_default();
        kind.count += 1;
        if let Some(until) = value.until {
            kind.expiring.insert((until, key.clone()));
        }
        self.values.insert(key, value);
    }

    fn remove(&mut self, key: &Arc<str>) {
        let Some(value) = self.values.remove(key) else { return };
        self.bytes -= value_bytes(key, &value.text, value.by.as_ref());
        let Some(kind) = self.kinds.get_mut(kind_of(key)) else { return };
        kind.count -= 1;
        if let Some(until) = value.until {
            kind.expiring.remove(&(until, key.clone()));
        }
        if kind.count == 0 {
            self.kinds.remove(kind_of(key));
        }
    }
}

/// Returns the bytes that a value takes in memory.
pub(crate) fn value_bytes(key: &str, text: &str, by: Option<&Author>) -> usize {
    VALUE_COST_BYTES + key.len() + text.len() + by.map_or(0, Author::text_bytes)
}

fn record_of(key: &Arc<str>, value: &Value) -> Record {
    let Value { text, position, set_at, until, by } = value.clone();
    Record {
        position,
        created_at: set_at,
        event: None,
        key: None,
        content_hash: None,
        ban: None,
        value: Some(Box::new(ValueRecord { key: key.clone(), is_set: true, text: Some(text), until, by })),
        bytes: 0,
    }
}
