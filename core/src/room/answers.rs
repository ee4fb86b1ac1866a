//! The unfinished answers of one room.
//!
//! Each lasts a while, unless it is shown again. It goes at once when its message is posted, when the message that
//! it answers is deleted, and when the room is emptied or closed.

use std::time::{Duration, Instant};

use crate::answer::{AnswerState, UnfinishedAnswer};
use crate::event::{Body, Event};
use crate::limits::ANSWERS_PER_ROOM_MAX;

/// An answer that was not shown again for this long is gone.
pub const ANSWER_LASTS: Duration = Duration::from_secs(10);

/// In the order in which they were begun.
#[derive(Default)]
pub(super) struct Answers(Vec<(UnfinishedAnswer, Instant)>);

impl Answers {
    /// Takes an answer, or its newer state. Returns true if readers see another list after it.
    pub fn show(&mut self, answer: UnfinishedAnswer, now: Instant) -> bool {
        let same = |known: &UnfinishedAnswer| {
            known.reply_to == answer.reply_to && known.author.id == answer.author.id
        };
        if let Some((known, at)) = self.0.iter_mut().find(|(known, _)| same(known)) {
            *at = now;
            let differs = *known != answer;
            *known = answer;
            differs
        } else if self.0.len() < ANSWERS_PER_ROOM_MAX {
            self.0.push((answer, now));
            true
        } else if !is_failed(&answer)
            && let Some(at) = self.0.iter().position(|(known, _)| is_failed(known))
        {
            // Those that failed hide none that grows.
            self.0.remove(at);
            self.0.push((answer, now));
            true
        } else {
            false
        }
    }

    /// Takes away the answers that have ended. Returns true if there were any.
    pub fn end(&mut self, is_ended: impl Fn(&UnfinishedAnswer) -> bool) -> bool {
        self.retain(|answer, _| !is_ended(answer))
    }

    /// Takes away those that were not shown again. Returns true if there were any.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.retain(|_, at| now.duration_since(at) < ANSWER_LASTS)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn list(&self) -> Vec<UnfinishedAnswer> {
        self.0.iter().map(|(answer, _)| answer.clone()).collect()
    }

    fn retain(&mut self, stays: impl Fn(&UnfinishedAnswer, Instant) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|(answer, at)| stays(answer, *at));
        self.0.len() != before
    }
}

/// Returns true if an event finishes an answer or makes it pointless.
pub(super) fn is_ended(answer: &UnfinishedAnswer, event: &Event) -> bool {
    match (&event.body, &event.author) {
        (Body::Message { reply_to: Some(target), .. }, Some(author)) => {
            answer.reply_to == *target && answer.author.id == author.id
        }
        (Body::Delete { target }, _) => answer.reply_to == *target,
        (Body::Purge | Body::Close, _) => true,
        _ => false,
    }
}

fn is_failed(answer: &UnfinishedAnswer) -> bool {
    matches!(answer.state, AnswerState::Failed(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Author, AuthorKind};

    #[test]
    fn an_answer_that_grows_takes_the_place_of_one_that_failed() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        let author = Author { id: "b".into(), name: "B".into(), kind: AuthorKind::Bot };
        let answer = |reply_to, state| UnfinishedAnswer::new(author.clone(), reply_to, state);
        let failed = || AnswerState::Failed("busy".into());
        for n in 0..ANSWERS_PER_ROOM_MAX as u64 {
            assert!(answers.show(answer(n, failed()), now));
        }
        assert!(!answers.show(answer(50, failed()), now), "one more that failed is not shown");
        assert!(answers.show(answer(51, AnswerState::Writing), now));
        let shown: Vec<_> = answers.list().iter().map(|answer| answer.reply_to).collect();
        assert_eq!(shown, [1, 2, 3, 51]);
    }
}
