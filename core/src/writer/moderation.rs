//! Moderation: rooms closed to writing, authors banned, and what the writer decides by it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::SendError;
use crate::event::{Action, Body, Draft, Epoch, Receipt, RoomName};
use crate::limits::{BANS_MAX, CLOSED_ROOMS_MAX, EMPTYING_MAX};
use crate::log::{Record, Standing, What};
use crate::writer::verdict::Verdict;

/// What a batch has changed so far, for those who come after in the same batch. The numbers are those of its
/// records; `None` took something back.
#[derive(Default)]
pub(crate) struct Changes {
    closed: HashMap<RoomName, Option<usize>>,
    bans: HashMap<Arc<str>, Option<usize>>,
    emptied: HashSet<RoomName>,
    /// How many rooms it empties, each as often as it does.
    empties: usize,
}

/// Whether something stands, and since what.
enum Stands {
    No,
    /// Since this record of the log.
    Since(Record),
    /// Since the batch's nth record.
    Now(usize),
    /// No more, by the batch.
    TakenBack,
}

impl Stands {
    fn of(changed: Option<&Option<usize>>, logged: impl FnOnce() -> Option<Record>) -> Self {
        match changed {
            Some(Some(nth)) => Self::Now(*nth),
            Some(None) => Self::TakenBack,
            None => logged().map_or(Self::No, Self::Since),
        }
    }

    /// Refuses what is not to be while it stands.
    fn refuse(self, why: SendError) -> Result<(), Verdict> {
        match self {
            Self::No | Self::TakenBack => Ok(()),
            Self::Since(_) => Err(Verdict::Rejected(why)),
            Self::Now(_) => Err(Verdict::RejectedByBatch(why)),
        }
    }

    /// What stands already needs no other record.
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

impl Changes {
    fn closed(&self, standing: &Standing, room: &RoomName) -> Stands {
        Stands::of(self.closed.get(room), || standing.closed(room))
    }

    fn banned(&self, standing: &Standing, author_id: &str) -> Stands {
        Stands::of(self.bans.get(author_id), || standing.ban(author_id))
    }

    /// Whether the batch has emptied the room.
    pub fn emptied(&self, room: &RoomName) -> bool {
        self.emptied.contains(room)
    }

    /// Refuses a draft of somebody who is banned, and one that a closed room does not take.
    pub fn may_send(&self, standing: &Standing, room: &RoomName, draft: &Draft) -> Result<(), Verdict> {
        let (author_counts, room_counts) = match draft.action {
            Action::Post { .. } | Action::Edit { .. } | Action::React { .. } => (true, true),
            // To take something away is a matter of the one who does it, and of no closed room.
            Action::Delete { moderator, .. } => (!moderator, false),
            Action::Close | Action::Open | Action::Empty => (false, false),
        };
        if let Some(author) = draft.author.as_ref().filter(|_| author_counts) {
            self.banned(standing, &author.id).refuse(SendError::Banned)?;
        }
        if room_counts {
            self.closed(standing, room).refuse(SendError::RoomClosed)?;
        }
        Ok(())
    }

    /// Whether what is asked for is so already, or is one too many.
    pub fn settled(&self, standing: &Standing, what: &What, epoch: Epoch) -> Result<(), Verdict> {
        // What the batch takes back is counted too: nearly full is full.
        let bound = |count: usize, max: usize, what: &'static str| {
            if count >= max { Err(Verdict::Rejected(SendError::TooMany(what))) } else { Ok(()) }
        };
        match what {
            What::Event { room, body: Body::Close } => {
                self.closed(standing, room).same(epoch).map_or(Ok(()), Err)?;
                bound(standing.counts().0 + self.closed.len(), CLOSED_ROOMS_MAX, "closed rooms")
            }
            What::Ban(author_id) => {
                self.banned(standing, author_id).same(epoch).map_or(Ok(()), Err)?;
                bound(standing.counts().1 + self.bans.len(), BANS_MAX, "banned authors")
            }
            What::Event { body: Body::Empty, .. } => {
                bound(standing.counts().2 + self.empties, EMPTYING_MAX, "rooms being emptied")
            }
            _ => Ok(()),
        }
    }

    /// Takes the batch's nth record.
    pub fn note(&mut self, what: &What, nth: usize) {
        match what {
            What::Event { room, body: Body::Close } => drop(self.closed.insert(room.clone(), Some(nth))),
            What::Event { room, body: Body::Open } => drop(self.closed.insert(room.clone(), None)),
            What::Event { room, body: Body::Empty } => {
                self.empties += 1;
                self.emptied.insert(room.clone());
            }
            What::Ban(author_id) => drop(self.bans.insert(author_id.clone(), Some(nth))),
            What::Unban(author_id) => drop(self.bans.insert(author_id.clone(), None)),
            What::Event { .. } => {}
        }
    }
}
