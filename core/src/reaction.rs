//! Reactions to messages: what there is to react with, what readers are told of them, and what the writer decides.
//!
//! A reaction is a logged event that adds one of a few kinds to a message or takes it back. An author has each kind
//! once at most: whoever asks for what is so already gets a receipt and makes no event.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::SendError;
use crate::event::{Author, Body, Epoch, Position, Receipt};
use crate::log::{Append, Log, LogError, What};
use crate::writer::{Verdict, unreadable};

/// Most reactions that a message may have, of all kinds and authors together.
pub const REACTIONS_PER_MESSAGE_MAX: usize = 1_000;
/// How many authors of each kind a message in its latest state names.
pub const REACTION_AUTHORS_MAX: usize = 50;

/// What one can react with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reaction {
    /// 👍
    ThumbsUp,
    /// ❤️
    Heart,
    /// 😂
    Joy,
    /// 🎉
    Party,
    /// 😮
    Surprise,
    /// 😢
    Tears,
}

/// The text is none of the reactions that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reaction is one of 👍 ❤️ 😂 🎉 😮 😢")]
pub struct UnknownReaction;

impl Reaction {
    /// All that there are, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::ThumbsUp, Self::Heart, Self::Joy, Self::Party, Self::Surprise, Self::Tears];

    /// The emoji.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThumbsUp => "👍",
            Self::Heart => "❤️",
            Self::Joy => "😂",
            Self::Party => "🎉",
            Self::Surprise => "😮",
            Self::Tears => "😢",
        }
    }

    /// Its number in records: never changes, and is never used for another.
    pub fn number(self) -> u8 {
        match self {
            Self::ThumbsUp => 1,
            Self::Heart => 2,
            Self::Joy => 3,
            Self::Party => 4,
            Self::Surprise => 5,
            Self::Tears => 6,
        }
    }

    /// The one of this number; `None` for one that a newer release knows.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reaction| reaction.number() == number)
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reaction {
    type Err = UnknownReaction;

    /// Reads the emoji; the variation selector, which some keyboards leave out, does not count.
    fn from_str(text: &str) -> Result<Self, UnknownReaction> {
        let bare = |text: &str| text.replace('\u{fe0f}', "");
        let same = |reaction: &Self| bare(reaction.as_str()) == bare(text);
        Self::ALL.into_iter().find(same).ok_or(UnknownReaction)
    }
}

/// A reaction as it stands: who, and by which event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reacted {
    /// Of which kind.
    pub reaction: Reaction,
    /// Whose, as named when it was added.
    pub author: Author,
    /// The position of the event that added it.
    pub position: Position,
}

/// The reactions of one kind to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactions {
    /// The kind.
    pub reaction: Reaction,
    /// How many there are, each of another author.
    pub count: usize,
    /// Whose they are, the first ones first; at most [`REACTION_AUTHORS_MAX`].
    pub authors: Vec<Author>,
}

impl Reactions {
    /// What is shown of all reactions to a message, by kind.
    pub(crate) fn gather(mut all: Vec<Reacted>) -> Vec<Self> {
        all.sort_by_key(|reacted| (reacted.reaction, reacted.position));
        let of_kind = |kind: &[Reacted]| {
            let reaction = kind.first()?.reaction;
            let authors = kind.iter().take(REACTION_AUTHORS_MAX).map(|reacted| reacted.author.clone());
            Some(Self { reaction, count: kind.len(), authors: authors.collect() })
        };
        all.chunk_by(|one, next| one.reaction == next.reaction).filter_map(of_kind).collect()
    }
}

/// What a batch has changed of reactions so far, for those who come after in the same batch.
#[derive(Default)]
pub(crate) struct Changed {
    /// Whether each is there, and by which of the batch's records.
    there: HashMap<(Position, Reaction, Arc<str>), (bool, usize)>,
    /// How many each message has more, or fewer, of a kind.
    more: HashMap<(Position, Reaction), isize>,
}

impl Changed {
    /// Decides what becomes of a reaction to a message that is there: how many of its kind there are after it, if it
    /// is to be an event.
    pub fn judge(
        &self,
        log: &dyn Log,
        (target, reaction, on): (Position, Reaction, bool),
        author_id: &Arc<str>,
    ) -> Result<usize, Verdict> {
        let read = |error: LogError| Verdict::from(unreadable(error));
        match self.there.get(&(target, reaction, author_id.clone())) {
            Some((there, nth)) if *there == on => return Err(Verdict::Event(*nth)),
            Some(_) => {}
            None => match log.reacted(target, reaction, author_id).map_err(read)? {
                Some(position) if on => return Err(Verdict::Replay(receipt(log, position)?)),
                // Nothing was ever added, or it was taken back: it is as it was when the message was posted.
                None if !on => return Err(Verdict::Replay(receipt(log, target)?)),
                _ => {}
            },
        }
        let stored = log.reactions(target).map_err(read)?;
        let more = |reaction| self.more.get(&(target, reaction)).copied().unwrap_or(0);
        let all_more: isize = Reaction::ALL.into_iter().map(more).sum();
        if on && stored.len().saturating_add_signed(all_more) >= REACTIONS_PER_MESSAGE_MAX {
            let why = SendError::TooManyReactions(target);
            return Err(if all_more > 0 { Verdict::RejectedByBatch(why) } else { Verdict::Rejected(why) });
        }
        let count = stored.iter().filter(|reacted| reacted.reaction == reaction).count();
        Ok(count.saturating_add_signed(more(reaction) + if on { 1 } else { -1 }))
    }

    /// Takes the batch's nth record.
    pub fn note(&mut self, append: &Append, nth: usize) {
        let What::Event { body: Body::Reaction { target, reaction, on, .. }, .. } = append.what else {
            return;
        };
        let Some(author) = &append.author else { return };
        self.there.insert((target, reaction, author.id.clone()), (on, nth));
        *self.more.entry((target, reaction)).or_default() += if on { 1 } else { -1 };
    }
}

/// The receipt of an event of the log.
fn receipt(log: &dyn Log, position: Position) -> Result<Receipt, Verdict> {
    let damaged = LogError::Damaged { position, what: "it is not there" };
    let record = log.record(position).and_then(|record| record.ok_or(damaged)).map_err(unreadable)?;
    let (prev, epoch): (Position, Epoch) = (record.event.map_or(0, |event| event.prev), log.epoch());
    Ok(Receipt { position, prev, epoch, created_at: record.created_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AuthorKind;

    #[test]
    fn every_reaction_is_known_by_its_emoji_and_its_number() {
        for reaction in Reaction::ALL {
            assert_eq!(reaction.as_str().parse(), Ok(reaction));
            assert_eq!(Reaction::of_number(reaction.number()), Some(reaction));
        }
        assert_eq!("\u{2764}".parse(), Ok(Reaction::Heart), "without its variation selector");
        for other in ["", "👎", "👍👍", "👍 ", "+1", "\u{fe0f}"] {
            assert_eq!(other.parse::<Reaction>(), Err(UnknownReaction), "{other:?}");
        }
        assert_eq!((Reaction::of_number(0), Reaction::of_number(7)), (None, None));
    }

    #[test]
    fn a_message_names_the_first_of_many() {
        let author = |n: u64| Author {
            id: format!("{}", 100 - n).into(),
            name: format!("{n}").into(),
            kind: AuthorKind::Guest,
        };
        let reacted = |reaction, n| Reacted { reaction, author: author(n), position: n };
        let mut all: Vec<_> = (1..=70).rev().map(|n| reacted(Reaction::Tears, n)).collect();
        all.push(reacted(Reaction::Heart, 99));
        let shown = Reactions::gather(all);
        let [heart, tears] = &shown[..] else { panic!("{shown:?}") };
        assert_eq!((heart.reaction, heart.count, &*heart.authors[0].name), (Reaction::Heart, 1, "99"));
        assert_eq!((tears.count, tears.authors.len()), (70, REACTION_AUTHORS_MAX));
        assert_eq!((&*tears.authors[0].name, &*tears.authors[49].name), ("1", "50"));
    }
}
