//! The rooms by name: those of the table of heads, and those whose heads are not in it yet.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use crate::event::RoomName;
use crate::log::contract::{READ_EVENTS_MAX, RoomHead};
use crate::log::derived::Head;
use crate::log::error::LogError;

use super::handle::RedbLog;
use super::tables::{HEADS, head_of, storage_error};

impl RedbLog {
    /// Returns the heads of rooms after one of them, by name. What is not in the table yet is looked at first: what
    /// moves there is in both for a moment, never in neither.
    pub(super) fn heads(&self, after: Option<&RoomName>, count: usize) -> Result<Vec<RoomHead>, LogError> {
        let count = count.min(READ_EVENTS_MAX);
        let mut found: BTreeMap<RoomName, Head> = BTreeMap::new();
        for (room, head) in self.derived.read().heads() {
            let is_behind =
                found.len() == count && found.last_key_value().is_some_and(|(last, _)| room > last);
            if !is_behind && after.is_none_or(|after| room > after) {
                found.insert(room.clone(), *head);
                if found.len() > count {
                    found.pop_last();
                }
            }
        }
        let tx = self.begin_read()?;
        let heads = tx.open_table(HEADS).map_err(storage_error)?;
        let after = after.map_or(Unbounded, |after| Excluded(after.as_str()));
        for row in heads.range::<&str>((after, Unbounded)).map_err(storage_error)?.take(count) {
            let (room, head) = row.map_err(storage_error)?;
            let Ok(room) = RoomName::new(room.value()) else { continue };
            found.entry(room).or_insert_with(|| head_of(head.value()));
        }
        let found = found.into_iter().take(count);
        Ok(found
            .map(|(room, Head { position, at, .. })| RoomHead { room, head: position, last_at: at })
            .collect())
    }
}
