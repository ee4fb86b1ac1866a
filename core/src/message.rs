//! A message in its latest state, with the reactions to it: what people see.

use std::sync::Arc;

use crate::event::{Author, Position, RoomName, Timestamp};
use crate::limits::REACTION_AUTHORS_MAX;
use crate::reaction::Reaction;

/// A message in its latest state: what people see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its position.
    pub position: Position,
    /// The position of the event before it in the same room.
    pub prev: Position,
    /// The room.
    pub room: RoomName,
    /// Its author.
    pub author: Option<Author>,
    /// The newest text; `None` once deleted, or once the room was purged.
    pub content: Option<Arc<str>>,
    /// The position of the message that it answers, which may be deleted, or below the floor by now.
    pub reply_to: Option<Position>,
    /// When it was posted.
    pub created_at: Timestamp,
    /// When its text was last replaced.
    pub edited_at: Option<Timestamp>,
    /// Whoever deleted it, as named then. `None` while it has its text, after a purge, and where that is not
    /// known: the delete was trimmed, or is of an older release.
    pub deleted_by: Option<Author>,
    /// The reactions to it, in the order of [`Reaction::ALL`]; empty once deleted, or once the room was
    /// purged.
    pub reactions: Vec<Reactions>,
}

impl Message {
    /// Takes its text away, as its delete does.
    pub(crate) fn redact(&mut self) {
        (self.content, self.edited_at) = (None, None);
        self.reactions.clear();
    }
}

/// A reaction in force: its author and its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reacted {
    /// Its kind.
    pub reaction: Reaction,
    /// Its author, as named when it was added.
    pub author: Author,
    /// The position of the event that added it.
    pub position: Position,
}

/// The reactions of one kind to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactions {
    /// The kind.
    pub reaction: Reaction,
    /// The number of them, each of another author.
    pub count: usize,
    /// Their authors, the first ones first; at most [`REACTION_AUTHORS_MAX`].
    pub authors: Vec<Author>,
}

impl Reactions {
    /// Groups all reactions to a message by kind.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AuthorKind;

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
