//! Moderation by the writer: closed rooms and banned authors, as the log and the batch so far have them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::SendError;
use crate::event::{Action, Body, Draft, Epoch, Receipt, RoomName};
use crate::limits::{BANS_MAX, CLOSED_ROOMS_MAX, PURGES_MAX};
use crate::log::{ModerationState, Payload, Record};
use crate::writer::verdict::Verdict;

/// The changes of a batch so far, for later sends of the same batch. The numbers are indices of its records;
/// `None` revoked something.
#[derive(Default)]
pub(crate) struct BatchModeration {
    closed: HashMap<RoomName, Option<usize>>,
    bans: HashMap<Arc<str>, Option<usize>>,
    purged: HashSet<RoomName>,
    /// The number of its purges.
    purges: usize,
}

/// A room's closing or an author's ban, as the batch sees it.
enum InForce {
    No,
    /// Since this record of the log.
    Since(Record),
    /// Since the batch's nth record.
    Now(usize),
    /// No more, by the batch.
    TakenBack,
}

impl InForce {
    fn of(changed: Option<&Option<usize>>, logged: impl FnOnce() -> Option<Record>) -> Self {
        match changed {
            Some(Some(nth)) => Self::Now(*nth),
            Some(None) => Self::TakenBack,
            None => logged().map_or(Self::No, Self::Since),
        }
    }

    /// Refuses what is not allowed while it is in force.
    fn refuse(self, why: SendError) -> Result<(), Verdict> {
        match self {
            Self::No | Self::TakenBack => Ok(()),
            Self::Since(_) => Err(Verdict::Rejected(why)),
            Self::Now(_) => Err(Verdict::RejectedByBatch(why)),
        }
    }

    /// Returns the verdict on a request for what is in force already: no other record is needed.
    fn same(self, epoch: Epoch) -> Option<Verdict> {
        match self {
            Self::No | Self::TakenBack => None,
            Self::Now(nth) => Some(Verdict::Event(nth)),
            Self::Since(record) => {
                let prev = record.event.map_or(0, |event| event.prev);
                let Record { position, created_at, .. } = record;
                Some(Verdict::Replay(Receipt { position, prev, epoch, created_at }))
            }
        }
    }
}

impl BatchModeration {
    fn closed(&self, state: &ModerationState, room: &RoomName) -> InForce {
        InForce::of(self.closed.get(room), || state.closed(room))
    }

    fn banned(&self, state: &ModerationState, author_id: &str) -> InForce {
        InForce::of(self.bans.get(author_id), || state.ban(author_id))
    }

    /// Returns true if the batch has purged the room.
    pub fn is_purged(&self, room: &RoomName) -> bool {
        self.purged.contains(room)
    }

    /// Refuses a draft of somebody who is banned, and one that a closed room does not take.
    pub fn may_send(&self, state: &ModerationState, room: &RoomName, draft: &Draft) -> Result<(), Verdict> {
        let (author_counts, room_counts) = match draft.action {
            Action::Post { .. } | Action::Edit { .. } | Action::React { .. } => (true, true),
            // To take something away is a matter of the one who does it, and of no closed room.
            Action::Delete { moderator, .. } => (!moderator, false),
            Action::Close | Action::Open | Action::Purge => (false, false),
        };
        if let Some(author) = draft.author.as_ref().filter(|_| author_counts) {
            self.banned(state, &author.id).refuse(SendError::Banned)?;
        }
        if room_counts {
            self.closed(state, room).refuse(SendError::RoomClosed)?;
        }
        Ok(())
    }

    /// Refuses what is in force already, and what is one too many.
    pub fn validate(&self, state: &ModerationState, payload: &Payload, epoch: Epoch) -> Result<(), Verdict> {
        // What the batch takes back is counted too: nearly full is full.
        let bound = |count: usize, max: usize, what: &'static str| {
            if count >= max { Err(Verdict::Rejected(SendError::TooMany(what))) } else { Ok(()) }
        };
        match payload {
            Payload::Event { room, body: Body::Close } => {
                self.closed(state, room).same(epoch).map_or(Ok(()), Err)?;
                bound(state.counts().closed_rooms + self.closed.len(), CLOSED_ROOMS_MAX, "closed rooms")
            }
            Payload::Ban(author_id) => {
                self.banned(state, author_id).same(epoch).map_or(Ok(()), Err)?;
                bound(state.counts().bans + self.bans.len(), BANS_MAX, "banned authors")
            }
            Payload::Event { body: Body::Purge, .. } => {
                bound(state.counts().purges + self.purges, PURGES_MAX, "rooms being emptied")
            }
            _ => Ok(()),
        }
    }

    /// Takes the batch's nth record.
    pub fn record(&mut self, payload: &Payload, nth: usize) {
        match payload {
            Payload::Event { room, body: Body::Close } => drop(self.closed.insert(room.clone(), Some(nth))),
            Payload::Event { room, body: Body::Open } => drop(self.closed.insert(room.clone(), None)),
            Payload::Event { room, body: Body::Purge } => {
                self.purges += 1;
                self.purged.insert(room.clone());
            }
            Payload::Ban(author_id) => drop(self.bans.insert(author_id.clone(), Some(nth))),
            Payload::Unban(author_id) => drop(self.bans.insert(author_id.clone(), None)),
            Payload::Event { .. } | Payload::SetValue { .. } | Payload::RemoveValue(_) => {}
        }
    }
}
