//! The ear of a reader in a room with bots: messages of people, which are timed, finished answers, which are counted,
//! and unfinished ones, of which the bytes are counted.

use std::time::Instant;

use hdrhistogram::Histogram;
use memchr::memmem;

use crate::readers;

/// The beginning of a finished answer; nothing else in a stream has it.
pub const ANSWER_MARK: &str = "@@";
/// The beginning of the frame of unfinished answers.
const DRAFT: &[u8] = b"event: draft\n";
/// The end of each frame.
const END: &[u8] = b"\n\n";

/// The sum of what all readers heard since a round began.
#[derive(Debug)]
pub struct Heard {
    origin: Instant,
    latencies: Histogram<u64>,
    /// Deliveries of finished answers.
    pub answers: u64,
    /// Bytes of the frames of unfinished answers.
    pub draft_bytes: usize,
}

/// The deliveries in what came at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    /// Those of people's messages.
    pub messages: u64,
    /// Those of finished answers.
    pub answers: u64,
}

impl Heard {
    /// Nothing was heard; the round begins at `origin`.
    pub fn new(origin: Instant) -> Self {
        let latencies = Histogram::new(3).expect("three digits are allowed");
        Self { origin, latencies, answers: 0, draft_bytes: 0 }
    }

    /// Takes whole frames of one reader, and the position of its last message before them, 0 for none.
    ///
    /// # Panics
    ///
    /// When a message does not name the one before it as its predecessor: one was lost, doubled or out of order.
    pub fn take(&mut self, last: &mut u64, frames: &[u8]) -> Came {
        let now = self.origin.elapsed().as_nanos() as u64;
        for (position, prev) in readers::links(frames) {
            assert!(*last == 0 || *last == prev, "after {last} came {position} with {prev} before it");
            *last = position;
        }
        let before = self.messages();
        for (_, due) in readers::marks(frames) {
            self.latencies.record(now.saturating_sub(due)).expect("it grows as it must");
        }
        let answers = memmem::find_iter(frames, ANSWER_MARK).count() as u64;
        self.answers += answers;
        for at in memmem::find_iter(frames, DRAFT) {
            let rest = &frames[at..];
            self.draft_bytes += memmem::find(rest, END).map_or(rest.len(), |end| end + END.len());
        }
        Came { messages: self.messages() - before, answers }
    }

    /// Returns the number of deliveries of people's messages.
    pub fn messages(&self) -> u64 {
        self.latencies.len()
    }

    /// Returns the delay of a part of these deliveries, in nanoseconds.
    pub fn latency(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(position: u64, prev: u64, content: &str) -> String {
        format!(
            "id: 5f3c9a2e-{position}\nevent: message\ndata: {{\"position\":{position},\"prev\":{prev},\
             \"content\":\"{content}\"}}\n\n"
        )
    }

    #[test]
    fn messages_are_timed_answers_counted_and_drafts_weighed() {
        let mut heard = Heard::new(Instant::now().checked_sub(Duration::from_secs(2)).unwrap());
        let draft = "event: draft\ndata: {\"drafts\":[]}\n\n";
        let said = message(7, 4, &readers::content(3, Duration::from_secs(1)));
        let answered = message(8, 7, &format!("{ANSWER_MARK}so it is"));
        let mut last = 0;
        let came = heard.take(&mut last, format!("{said}{draft}{answered}{draft}").as_bytes());
        assert_eq!((came, last), (Came { messages: 1, answers: 1 }, 8));
        assert_eq!((heard.messages(), heard.answers, heard.draft_bytes), (1, 1, 2 * draft.len()));
        assert!(heard.latency(0.5) >= 1e9 * 0.999, "it came a second or more after it was due");
        assert_eq!(heard.take(&mut last, draft.as_bytes()), Came { messages: 0, answers: 0 });
    }

    #[test]
    #[should_panic(expected = "after 7 came 9 with 8 before it")]
    fn a_message_that_is_missing_is_noticed() {
        Heard::new(Instant::now()).take(&mut 7, message(9, 8, "x").as_bytes());
    }
}
