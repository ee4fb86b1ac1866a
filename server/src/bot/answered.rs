//! The newest questions that a bot answered, with its answers.

use std::collections::{HashMap, VecDeque};

use millchat::Position;

/// Most answers that are remembered: an older one stays when its question is deleted.
const ANSWERED_MAX: usize = 10_000;

/// Questions and answers, by position.
#[derive(Debug, Default)]
pub struct Answered {
    answers: HashMap<Position, Position>,
    /// The questions, the one answered first at the front.
    order: VecDeque<Position>,
}

impl Answered {
    /// Takes an answer.
    pub fn insert(&mut self, question: Position, answer: Position) {
        if self.answers.insert(question, answer).is_none() {
            self.order.push_back(question);
        }
        if self.order.len() > ANSWERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    /// Returns true if the question is answered.
    pub fn contains(&self, question: Position) -> bool {
        self.answers.contains_key(&question)
    }

    /// Returns the answer of a question.
    pub fn get(&self, question: Position) -> Option<Position> {
        self.answers.get(&question).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_answers_are_remembered() {
        let mut answered = Answered::default();
        for question in 0..ANSWERED_MAX as u64 + 5 {
            answered.insert(question, question + 1);
            answered.insert(question, question + 1);
        }
        assert!(!answered.contains(4) && answered.contains(5));
        assert_eq!((answered.get(7), answered.order.len()), (Some(8), ANSWERED_MAX));
    }
}
