//! The book of the innocents: what each of them waited for, and how long.
//!
//! One lock for all: innocents do some thousand things a second. Nothing waits while it is held.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::run::stats::Latencies;

/// The things that an innocent waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// From the time a message is due until its sender has the acknowledgement.
    Send,
    /// From the time a message is due until a reader has it.
    Delivery,
    /// From connecting until the first event of a stream.
    Join,
    /// From connecting until the whole page of a room.
    Page,
}

impl Kind {
    /// All kinds, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Send, Self::Delivery, Self::Join, Self::Page];

    /// Returns the name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Delivery => "delivery",
            Self::Join => "join",
            Self::Page => "page",
        }
    }
}

/// The measurements of one phase.
#[derive(Debug, Default)]
pub struct Sample {
    /// In the order of [`Kind::ALL`].
    latencies: [Latencies; 4],
    /// Sends that were not acknowledged, by answer.
    pub sends_refused: BTreeMap<String, u64>,
    /// Joins, pages and streams that were refused or ended, by answer.
    pub others_refused: BTreeMap<String, u64>,
}

impl Sample {
    /// Returns the latencies of one kind.
    pub fn of(&self, kind: Kind) -> &Latencies {
        &self.latencies[kind as usize]
    }

    fn record(&mut self, kind: Kind, due: Instant, end: Instant) {
        self.latencies[kind as usize].record(end.saturating_duration_since(due));
    }
}

struct State {
    /// The begin of the phase: what was due before it does not count.
    begun: Instant,
    sample: Sample,
    next: u64,
    ongoing: HashMap<u64, (Kind, Instant)>,
    /// By the number of a message: when it was due, and the readers that do not have it.
    undelivered: HashMap<u64, (Instant, u32)>,
}

/// The book.
pub struct Book(Mutex<State>);

impl Book {
    /// Creates an empty book.
    pub fn new() -> Self {
        Self(Mutex::new(State {
            begun: Instant::now(),
            sample: Sample::default(),
            next: 0,
            ongoing: HashMap::new(),
            undelivered: HashMap::new(),
        }))
    }

    /// Begins a phase.
    pub fn begin_phase(&self) {
        let mut state = self.0.lock();
        state.begun = Instant::now();
        state.sample = Sample::default();
    }

    /// Ends the phase. Whatever is still waited for counts with the time that it has taken so far.
    pub fn end_phase(&self) -> Sample {
        let (mut state, now) = (self.0.lock(), Instant::now());
        let state = &mut *state;
        let mut sample = std::mem::take(&mut state.sample);
        for &(kind, due) in state.ongoing.values().filter(|(_, due)| *due >= state.begun) {
            sample.record(kind, due, now);
        }
        for &(due, readers) in state.undelivered.values().filter(|(due, _)| *due >= state.begun) {
            for _ in 0..readers {
                sample.record(Kind::Delivery, due, now);
            }
        }
        state.undelivered.clear();
        sample
    }

    /// Returns true if nobody has waited for longer than this.
    pub fn is_settled(&self, longest: Duration) -> bool {
        let state = self.0.lock();
        let ongoing = state.ongoing.values().map(|(_, due)| due);
        let undelivered = state.undelivered.values().map(|(due, _)| due);
        ongoing.chain(undelivered).all(|due| due.elapsed() <= longest)
    }

    /// Notes that an innocent begins to wait. Returns the number to end it by.
    pub fn begin(&self, kind: Kind, due: Instant) -> u64 {
        let mut state = self.0.lock();
        state.next += 1;
        let id = state.next;
        state.ongoing.insert(id, (kind, due));
        id
    }

    /// Notes that the wait is over: it was served, or refused in these words.
    pub fn end(&self, id: u64, result: Result<(), String>) {
        let mut state = self.0.lock();
        let Some((kind, due)) = state.ongoing.remove(&id).filter(|(_, due)| *due >= state.begun) else {
            return;
        };
        match result {
            Ok(()) => state.sample.record(kind, due, Instant::now()),
            Err(words) if kind == Kind::Send => *state.sample.sends_refused.entry(words).or_default() += 1,
            Err(words) => {
                *state.sample.others_refused.entry(format!("{} {words}", kind.name())).or_default() += 1;
            }
        }
    }

    /// Notes a message that was due while its sender still waited for the one before.
    pub fn delayed(&self, due: Instant) {
        let mut state = self.0.lock();
        if due >= state.begun {
            state.sample.record(Kind::Send, due, Instant::now());
        }
    }

    /// Notes that the stream of a reader has ended.
    pub fn stream_ended(&self, words: &str) {
        let mut state = self.0.lock();
        *state.sample.others_refused.entry(format!("stream {words}")).or_default() += 1;
    }

    /// Notes that a message leaves for this number of readers.
    pub fn sent(&self, number: u64, due: Instant, readers: u32) {
        self.0.lock().undelivered.insert(number, (due, readers));
    }

    /// Notes that a message was not stored: nobody waits for it.
    pub fn not_sent(&self, number: u64) {
        self.0.lock().undelivered.remove(&number);
    }

    /// Notes that a reader has a message.
    pub fn delivered(&self, number: u64) {
        let mut state = self.0.lock();
        let state = &mut *state;
        let Some((due, readers)) = state.undelivered.get_mut(&number) else { return };
        let due = *due;
        *readers -= 1;
        if *readers == 0 {
            state.undelivered.remove(&number);
        }
        if due >= state.begun {
            state.sample.record(Kind::Delivery, due, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_waited_for_counts_with_its_time_so_far() {
        let book = Book::new();
        book.begin_phase();
        let now = Instant::now();
        let due = now.checked_sub(Duration::from_millis(20)).expect("the machine runs for longer");
        book.0.lock().begun = due;
        let served = book.begin(Kind::Page, due);
        book.begin(Kind::Send, due);
        book.sent(1, now, 1);
        book.delivered(1);
        book.sent(2, due, 2);
        book.end(served, Ok(()));
        let sample = book.end_phase();
        assert!(sample.of(Kind::Send).0.max() >= 20_000);
        assert_eq!(sample.of(Kind::Page).0.len(), 1);
        assert_eq!(sample.of(Kind::Delivery).0.len(), 3);
        assert!(sample.of(Kind::Delivery).0.max() >= 20_000 && sample.of(Kind::Delivery).0.min() < 20_000);
    }

    #[test]
    fn refusals_are_counted_by_answer_and_have_no_latency() {
        let book = Book::new();
        book.begin_phase();
        for kind in [Kind::Send, Kind::Send, Kind::Page] {
            let id = book.begin(kind, Instant::now());
            book.end(id, Err("503".to_owned()));
        }
        let sample = book.end_phase();
        assert_eq!(sample.sends_refused["503"], 2);
        assert_eq!(sample.others_refused["page 503"], 1);
        assert_eq!(sample.of(Kind::Send).0.len(), 0);
    }

    #[test]
    fn what_was_due_before_the_phase_does_not_count() {
        let book = Book::new();
        let before = book.begin(Kind::Send, Instant::now());
        book.sent(1, Instant::now(), 1);
        std::thread::sleep(Duration::from_millis(1));
        book.begin_phase();
        book.end(before, Ok(()));
        book.delivered(1);
        let sample = book.end_phase();
        assert_eq!(sample.of(Kind::Send).0.len() + sample.of(Kind::Delivery).0.len(), 0);
    }
}
