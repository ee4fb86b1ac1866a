//! The drafts that are known to this process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millchat::{Position, RedactionMark, RoomName};
use parking_lot::Mutex;

/// Most drafts that are known, of all rooms and bots together, with those that were stopped a while ago.
const DRAFTS_MAX: usize = 4_096;
/// A draft that is not shown again for this long is forgotten.
const DRAFT_LASTS: Duration = Duration::from_secs(10);
/// A stop is remembered for this long: a bot that has not heard of it is told at its next word.
const STOP_LASTS: Duration = Duration::from_mins(10);

/// A draft: its room, the position of the message that it answers, and its author's id.
type Key = (RoomName, Position, Arc<str>);

struct Held {
    /// The author of the message that it answers.
    asker_id: Option<Arc<str>>,
    /// The moment at which that message was seen to be there.
    seen: RedactionMark,
    shown_at: Instant,
    is_stopped: bool,
}

impl Held {
    fn is_forgotten(&self, now: Instant) -> bool {
        let lasts = if self.is_stopped { STOP_LASTS } else { DRAFT_LASTS };
        now.duration_since(self.shown_at) >= lasts
    }
}

/// As many drafts are known as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many unfinished answers: at most {DRAFTS_MAX}")]
pub struct NoSeat;

/// The outcome of a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// Nobody is writing such an answer.
    Unknown,
    /// Somebody is, and whoever asks may not stop them.
    Refused,
    /// These authors, by id, were stopped.
    Authors(Vec<Arc<str>>),
}

impl Stopped {
    /// The same with one more draft, which whoever asks may stop or not.
    #[must_use]
    pub fn and(self, author_id: Arc<str>, may_stop: bool) -> Self {
        match (self, may_stop) {
            (Self::Authors(mut authors), true) => {
                if !authors.contains(&author_id) {
                    authors.push(author_id);
                }
                Self::Authors(authors)
            }
            (Self::Unknown | Self::Refused, true) => Self::Authors(vec![author_id]),
            (Self::Unknown, false) => Self::Refused,
            (refused_or_stopped, false) => refused_or_stopped,
        }
    }
}

/// A draft as far as it is known.
pub struct Known {
    /// The author of the message that it answers.
    pub asker_id: Option<Arc<str>>,
    /// The moment at which that message was seen to be there.
    pub seen: RedactionMark,
    /// True if it was stopped.
    pub is_stopped: bool,
}

/// The drafts.
#[derive(Default)]
pub struct Drafts {
    /// Held for memory work only.
    known: Mutex<HashMap<Key, Held>>,
}

impl Drafts {
    /// Returns what is known of a draft.
    pub fn known(&self, room: &RoomName, reply_to: Position, author_id: &Arc<str>) -> Option<Known> {
        let known = self.known.lock();
        let held = known.get(&(room.clone(), reply_to, author_id.clone()))?;
        (!held.is_forgotten(Instant::now())).then(|| Known {
            asker_id: held.asker_id.clone(),
            seen: held.seen,
            is_stopped: held.is_stopped,
        })
    }

    /// Takes a draft that is shown, for the first time or again. Returns false if it was stopped.
    pub fn hold(
        &self,
        (room, reply_to, author_id): (&RoomName, Position, &Arc<str>),
        asker_id: Option<Arc<str>>,
        seen: RedactionMark,
    ) -> Result<bool, NoSeat> {
        let now = Instant::now();
        let mut known = self.known.lock();
        let key = (room.clone(), reply_to, author_id.clone());
        if let Some(held) = known.get_mut(&key).filter(|held| !held.is_forgotten(now)) {
            (held.seen, held.asker_id) = (seen, asker_id);
            if !held.is_stopped {
                held.shown_at = now;
            }
            return Ok(!held.is_stopped);
        }
        if known.len() >= DRAFTS_MAX {
            known.retain(|_, held| !held.is_forgotten(now));
        }
        if known.len() >= DRAFTS_MAX {
            return Err(NoSeat);
        }
        known.insert(key, Held { asker_id, seen, shown_at: now, is_stopped: false });
        Ok(true)
    }

    /// Forgets a draft: it became a message, or its author gave it up. Returns true if it was known. A stop stays
    /// known.
    pub fn finish(&self, room: &RoomName, reply_to: Position, author_id: &Arc<str>) -> bool {
        let mut known = self.known.lock();
        let key = (room.clone(), reply_to, author_id.clone());
        let is_writing = |held: &Held| !held.is_stopped && !held.is_forgotten(Instant::now());
        let is_writing = known.get(&key).is_some_and(is_writing);
        if is_writing {
            known.remove(&key);
        }
        is_writing
    }

    /// Stops the drafts that answer a message, of one author or of all, if `may_stop` allows it: it is asked with the
    /// id of whoever asked for the answer.
    pub fn stop(
        &self,
        room: &RoomName,
        reply_to: Position,
        author_id: Option<&str>,
        may_stop: impl Fn(Option<&str>) -> bool,
    ) -> Stopped {
        let now = Instant::now();
        let mut known = self.known.lock();
        let (mut authors, mut is_refused) = (Vec::new(), false);
        for ((of, target, author), held) in known.iter_mut() {
            let is_meant = of == room && *target == reply_to && author_id.is_none_or(|id| id == &**author);
            if !is_meant || held.is_forgotten(now) || held.is_stopped {
                continue;
            }
            if !may_stop(held.asker_id.as_deref()) {
                is_refused = true;
                continue;
            }
            held.shown_at = now;
            held.is_stopped = true;
            authors.push(author.clone());
        }
        if !authors.is_empty() {
            Stopped::Authors(authors)
        } else if is_refused {
            Stopped::Refused
        } else {
            Stopped::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use millchat::Chat;

    use super::*;

    fn lobby() -> RoomName {
        RoomName::new("lobby").unwrap()
    }

    fn mark() -> RedactionMark {
        Chat::open("memory:").unwrap().redaction_mark()
    }

    #[test]
    fn a_stop_reaches_the_author_and_is_remembered() {
        let (drafts, bot, mark) = (Drafts::default(), Arc::from("b_bot"), mark());
        assert!(drafts.hold((&lobby(), 7, &bot), Some("g_ada".into()), mark).unwrap());
        let stop = |id: Option<&str>, by: &str| drafts.stop(&lobby(), 7, id, |asker| asker == Some(by));
        assert_eq!(stop(None, "g_eve"), Stopped::Refused);
        assert_eq!(stop(Some("b_other"), "g_ada"), Stopped::Unknown);
        assert_eq!(stop(None, "g_ada"), Stopped::Authors(vec![bot.clone()]));
        // Also for an author who goes on as if nothing had been.
        assert!(!drafts.hold((&lobby(), 7, &bot), Some("g_ada".into()), mark).unwrap());
        assert!(drafts.known(&lobby(), 7, &bot).unwrap().is_stopped);
        assert!(!drafts.finish(&lobby(), 7, &bot));
        assert_eq!(stop(None, "g_ada"), Stopped::Unknown, "once is enough");
    }

    #[test]
    fn drafts_have_a_bound() {
        let (drafts, bot, mark) = (Drafts::default(), Arc::from("b_bot"), mark());
        for position in 0..DRAFTS_MAX as u64 {
            drafts.hold((&lobby(), position, &bot), None, mark).unwrap();
        }
        assert_eq!(drafts.hold((&lobby(), Position::MAX, &bot), None, mark).err(), Some(NoSeat));
        assert!(drafts.finish(&lobby(), 1, &bot));
        assert!(drafts.hold((&lobby(), Position::MAX, &bot), None, mark).is_ok());
    }
}
