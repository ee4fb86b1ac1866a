//! Validation of kept values: what may be replaced, and how many there may be, as the log and the batch so far
//! have them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::SendError;
use crate::event::{Author, Timestamp};
use crate::log::{NewRecord, Payload, ValuesState, value_bytes};
use crate::value::{NewValue, Replaces, kind_of};
use crate::writer::verdict::Verdict;

/// The changes of a batch so far, for later requests of the same batch.
#[derive(Default)]
pub(crate) struct BatchValues {
    /// True for a key that it sets, false for one that it removes.
    changed: HashMap<Arc<str>, bool>,
    /// The number of its records that set a value, by kind.
    set: HashMap<Box<str>, usize>,
    /// The bytes of the values that it sets.
    bytes: usize,
}

impl BatchValues {
    /// Returns the record that sets a value, if it may. Values expire by the time of day, `now`; the record
    /// gets the log's time.
    pub fn set(
        &self,
        state: &ValuesState,
        (key, new): (Arc<str>, NewValue),
        (created_at, now): (Timestamp, Timestamp),
    ) -> Result<NewRecord, Verdict> {
        let NewValue { text, until, by, replaces, limit } = new;
        let in_log = state.get(&key, || now);
        let changed = self.changed.get(&key).copied();
        let is_there = changed.unwrap_or(in_log.is_some());
        let may_replace = match replaces {
            Replaces::Any => true,
            Replaces::Absent => !is_there,
            // Nobody knows the position of a record of this batch yet.
            Replaces::Position(at) => changed.is_none() && in_log.is_some_and(|value| value.position == at),
        };
        if !may_replace {
            let why = SendError::ValueChanged;
            return Err(if changed.is_some() { Verdict::RejectedByBatch(why) } else { why.into() });
        }
        let kind = kind_of(&key);
        // What the batch replaces and removes is counted too: nearly full is full.
        let more = self.set.get(kind).copied().unwrap_or(0);
        if !is_there && state.is_full(kind, (limit, more), now) {
            return Err(SendError::TooMany("values of this kind").into());
        }
        let (all, replaced) = state.bytes_with(&key);
        let bytes = value_bytes(&key, &text, by.as_ref());
        if all + self.bytes + bytes > state.bytes_max(kind) + replaced {
            return Err(SendError::TooMany("bytes of kept values").into());
        }
        let payload = Payload::SetValue { key, text: text.into(), until };
        Ok(NewRecord { payload, author: by, created_at, key: None, content_hash: None })
    }

    /// Returns the record that removes a value, if there is one.
    pub fn remove(
        &self,
        state: &ValuesState,
        (key, by): (Arc<str>, Option<Author>),
        (created_at, now): (Timestamp, Timestamp),
    ) -> Result<NewRecord, Verdict> {
        let why = SendError::UnknownValue;
        match self.changed.get(&key) {
            Some(false) => return Err(Verdict::RejectedByBatch(why)),
            None if state.get(&key, || now).is_none() => return Err(why.into()),
            Some(true) | None => {}
        }
        let payload = Payload::RemoveValue(key);
        Ok(NewRecord { payload, author: by, created_at, key: None, content_hash: None })
    }

    /// Takes a record of the batch.
    pub fn record(&mut self, append: &NewRecord) {
        match &append.payload {
            Payload::SetValue { key, text, .. } => {
                self.changed.insert(key.clone(), true);
                *self.set.entry(kind_of(key).into()).or_default() += 1;
                self.bytes += value_bytes(key, text, append.author.as_ref());
            }
            Payload::RemoveValue(key) => drop(self.changed.insert(key.clone(), false)),
            _ => {}
        }
    }
}
