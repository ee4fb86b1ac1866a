//! The signals of a room as nodes tell them each other, and their sum.
//!
//! Readers are counted as connections, so the numbers of the nodes add up. A name is there once, however many
//! connections and nodes its author is at.

use crate::answer::UnfinishedAnswer;
use crate::event::{Author, Body, Event};
use crate::limits::{ANSWERS_PER_ROOM_MAX, PRESENCE_NAMES_MAX, TYPING_NAMES_MAX};
use crate::room::answers::is_ended;
use crate::room::encoder::Presence;

/// The people and unfinished answers of a room at one node or at several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RoomSignals {
    pub presence: Presence,
    /// At most [`TYPING_NAMES_MAX`].
    pub typing: Vec<Author>,
    /// At most [`ANSWERS_PER_ROOM_MAX`].
    pub answers: Vec<UnfinishedAnswer>,
}

impl RoomSignals {
    pub fn is_empty(&self) -> bool {
        self.presence.count == 0 && !self.passes()
    }

    /// Returns true if events can end something of it.
    pub fn passes(&self) -> bool {
        !self.typing.is_empty() || !self.answers.is_empty()
    }

    /// Takes away what an event ends.
    pub fn pass(&mut self, event: &Event) {
        if let (Body::Message { .. }, Some(author)) = (&event.body, &event.author) {
            self.typing.retain(|known| known.id != author.id);
        }
        self.answers.retain(|answer| !is_ended(answer, event));
    }

    /// Adds what another node says.
    pub fn add(&mut self, other: &Self) {
        add_presence(&mut self.presence, &other.presence);
        add_authors(&mut self.typing, &other.typing, TYPING_NAMES_MAX);
        add_answers(&mut self.answers, &other.answers);
    }
}

/// Adds the readers at another node.
pub(super) fn add_presence(to: &mut Presence, other: &Presence) {
    to.count = to.count.saturating_add(other.count);
    add_authors(&mut to.authors, &other.authors, PRESENCE_NAMES_MAX);
}

/// Adds the authors that are not there yet, up to a bound.
pub(super) fn add_authors(to: &mut Vec<Author>, others: &[Author], count_max: usize) {
    for other in others {
        if to.len() >= count_max {
            return;
        }
        if to.iter().all(|known| known.id != other.id) {
            to.push(other.clone());
        }
    }
}

/// Adds the answers at another node. Of one that was shown at both, as the requests of a bot may come to any node, the
/// longest is the newest.
pub(super) fn add_answers(to: &mut Vec<UnfinishedAnswer>, others: &[UnfinishedAnswer]) {
    for other in others {
        let same = |known: &&mut UnfinishedAnswer| {
            known.reply_to == other.reply_to && known.author.id == other.author.id
        };
        if let Some(known) = to.iter_mut().find(same) {
            if known.text_bytes() < other.text_bytes() {
                *known = other.clone();
            }
        } else if to.len() < ANSWERS_PER_ROOM_MAX {
            to.push(other.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::AnswerState;
    use crate::event::AuthorKind;

    fn author(id: &str) -> Author {
        Author { id: id.into(), name: id.into(), kind: AuthorKind::Guest }
    }

    fn signals(count: usize, names: &[&str]) -> RoomSignals {
        let authors: Vec<_> = names.iter().map(|name| author(name)).collect();
        let typing = authors.clone();
        RoomSignals { presence: Presence { count, authors }, typing, answers: Vec::new() }
    }

    fn ids(authors: &[Author]) -> Vec<&str> {
        authors.iter().map(|author| &*author.id).collect()
    }

    #[test]
    fn readers_of_two_nodes_add_up_and_each_name_is_there_once() {
        let mut here = signals(3, &["ada", "bob"]);
        here.add(&signals(2, &["bob", "eve"]));
        assert_eq!(here.presence.count, 5);
        assert_eq!(ids(&here.presence.authors), ["ada", "bob", "eve"]);
        assert_eq!(ids(&here.typing), ["ada", "bob", "eve"]);
        let many: Vec<_> = (0..PRESENCE_NAMES_MAX).map(|nth| nth.to_string()).collect();
        here.add(&signals(99, &many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(here.presence.authors.len(), PRESENCE_NAMES_MAX);
        assert_eq!(here.typing.len(), TYPING_NAMES_MAX);
    }

    #[test]
    fn of_one_answer_that_is_shown_at_two_nodes_the_longest_is_shown() {
        let answer = |reply_to, text| {
            UnfinishedAnswer::new(author("bot"), reply_to, AnswerState::Writing).with_text(text)
        };
        let mut answers = vec![answer(1, "ab"), answer(2, "long")];
        add_answers(
            &mut answers,
            &[answer(2, "l"), answer(1, "abc"), answer(3, ""), answer(4, ""), answer(5, "")],
        );
        assert_eq!(answers, [answer(1, "abc"), answer(2, "long"), answer(3, ""), answer(4, "")]);
    }
}
