//! Each engine as a journal: dense numbers, one order, and nothing that goes unseen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use millchat::Timestamp;
use millchat::cluster::{AppendError, FollowError, Journal, JournalEntry, Seq};
use rustix::process::Signal;
use tokio::task::JoinHandle;

use crate::support::journal::JournalEngine;
use crate::support::nats::Nats;
use crate::support::postgres::PostgresServer;
use crate::support::{LOOK_EVERY, while_it_moves, within};

pub fn entry(nth: Seq) -> Bytes {
    format!("entry {nth}, \0\u{1F600}\r\n").into()
}

/// Appends these entries, each behind the one before.
pub async fn append(journal: &impl Journal, numbers: std::ops::RangeInclusive<Seq>) {
    for nth in numbers {
        assert_eq!(journal.append(nth - 1, entry(nth)).await, Ok(nth));
    }
}

/// Reads this many entries behind a place.
pub async fn read(journal: &impl Journal, after: Seq, count: usize) -> Vec<JournalEntry> {
    let entries = journal.follow(after).take(count).map(|entry| entry.unwrap());
    within("the entries come", entries.collect()).await
}

/// Returns the first thing that ends the reading behind a place, with the number of entries before it.
pub async fn end(journal: &impl Journal, after: Seq) -> (usize, FollowError) {
    let mut entries = journal.follow(after).enumerate();
    loop {
        let (nth, next) = within("the reading ends", entries.next()).await.unwrap();
        if let Err(error) = next {
            return (nth, error);
        }
    }
}

async fn entries_come_back_in_order_with_their_bytes_and_numbers_from_any_place<E: JournalEngine>() {
    let engine = E::cluster().await;
    let journal = engine.connect(0).await;
    assert_eq!(journal.bounds().await, Ok((1, 0)));
    let before = Timestamp::now();
    append(&journal, 1..=300).await;
    for after in [0, 1, 150, 299] {
        let entries = read(&journal, after, 300 - after as usize).await;
        for (found, nth) in entries.iter().zip(after + 1..) {
            assert_eq!((found.seq, &found.bytes), (nth, &entry(nth)));
            let margin = 2_000;
            assert!((before.0 - margin..=Timestamp::now().0 + margin).contains(&found.at.0), "{found:?}");
        }
    }
    assert_eq!(journal.bounds().await, Ok((1, 300)));

    // Readers that were there before, at other servers.
    let mut readers = Vec::new();
    for first in 0..engine.len() {
        let journal = engine.connect(first).await;
        readers.push(tokio::spawn(async move { read(&journal, 290, 210).await }));
    }
    append(&journal, 301..=500).await;
    for reader in readers {
        let entries = reader.await.unwrap();
        let numbers: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (291..=500).collect::<Vec<_>>());
        assert!(entries.iter().all(|found| found.bytes == entry(found.seq)));
    }
}

async fn the_largest_entries_come_back_although_they_are_more_than_the_reader_holds<E: JournalEngine>() {
    let engine = E::single().await;
    let journal = engine.connect(0).await;
    let large = |nth: Seq| Bytes::from(vec![nth as u8; journal.entry_bytes_max()]);
    let count = 100;
    for nth in 1..=count {
        assert_eq!(journal.append(nth - 1, large(nth)).await, Ok(nth));
    }
    let mut entries = journal.follow(0);
    for nth in 1..=count {
        let found = within("an entry comes", entries.next()).await.unwrap().unwrap();
        assert!(found.seq == nth && found.bytes == large(nth), "entry {nth}");
    }
}

async fn an_entry_behind_another_place_is_refused_with_the_newest_number<E: JournalEngine>() {
    let engine = E::cluster().await;
    let journal = engine.connect(0).await;
    append(&journal, 1..=3).await;
    for after in [0, 2, 4, 1_000] {
        assert_eq!(journal.append(after, entry(0)).await, Err(AppendError::Refused { newest: 3 }), "{after}");
    }
    assert_eq!(journal.bounds().await, Ok((1, 3)));
    assert_eq!(journal.append(3, entry(4)).await, Ok(4));
}

async fn of_two_writers_that_want_one_place_exactly_one_gets_it<E: JournalEngine>() {
    let engine = E::cluster().await;
    let (one, other) = (engine.connect(0).await, engine.connect(1).await);
    for after in 0..100 {
        let (from_one, from_other) =
            tokio::join!(one.append(after, "one".into()), other.append(after, "other".into()));
        let (winner, refused) =
            if from_one.is_ok() { ("one", from_other) } else { ("other", from_one.clone()) };
        assert!(matches!(refused, Err(AppendError::Refused { .. })), "{after}: {from_one:?} {refused:?}");
        assert_eq!(read(&one, after, 1).await[0].bytes, winner, "{after}");
        assert_eq!(one.bounds().await, Ok((1, after + 1)));
    }
}

async fn a_journal_that_was_deleted_and_made_again_went_back<E: JournalEngine>() {
    let engine = E::cluster().await;
    let journal = engine.connect(0).await;
    append(&journal, 1..=20).await;
    let mut entries = journal.follow(15);
    for nth in 16..=20 {
        assert_eq!(within("entries come", entries.next()).await.unwrap().unwrap().seq, nth);
    }
    engine.delete().await;
    assert!(journal.bounds().await.is_err(), "nobody makes it again unasked");
    let again = engine.connect(0).await;
    append(&again, 1..=4).await;
    assert_eq!(again.bounds().await, Ok((1, 4)));
    // The reader that was there before, and one that comes later.
    let ended = within("the reader notices", entries.next()).await.unwrap();
    assert_eq!(ended, Err(FollowError::WentBack { newest: 4 }));
    assert_eq!(end(&again, 5).await, (0, FollowError::WentBack { newest: 4 }));
    assert_eq!(read(&again, 3, 1).await[0].bytes, entry(4));
}

async fn an_erased_entry_is_missing_and_the_place_behind_it_is_the_same<E: JournalEngine>() {
    let engine = E::cluster().await;
    let journal = engine.connect(0).await;
    append(&journal, 1..=10).await;
    journal.erase(&[6]).await.unwrap();
    assert_eq!(end(&journal, 0).await, (5, FollowError::Missing { from: 6, to: 6 }));
    assert_eq!(end(&journal, 5).await, (0, FollowError::Missing { from: 6, to: 6 }));
    assert_eq!(read(&journal, 6, 4).await.last().unwrap().bytes, entry(10));
    assert_eq!(journal.bounds().await, Ok((1, 10)));

    // Again, and the newest one: the place behind it stays the same.
    journal.erase(&[6, 10]).await.unwrap();
    assert_eq!(end(&journal, 8).await, (1, FollowError::Missing { from: 10, to: 10 }));
    assert_eq!(journal.append(9, entry(0)).await, Err(AppendError::Refused { newest: 10 }));
    assert_eq!(journal.append(10, entry(11)).await, Ok(11));
    assert_eq!(end(&journal, 8).await, (1, FollowError::Missing { from: 10, to: 10 }));
}

async fn what_was_forgotten_is_missing_and_the_bounds_say_so<E: JournalEngine>() {
    let engine = E::cluster().await;
    let journal = engine.connect(0).await;
    append(&journal, 1..=10).await;
    journal.forget(7).await.unwrap();
    assert_eq!(journal.bounds().await, Ok((7, 10)));
    assert_eq!(end(&journal, 2).await, (0, FollowError::Missing { from: 3, to: 6 }));
    assert_eq!(read(&journal, 6, 4).await[0].bytes, entry(7));
    journal.forget(3).await.unwrap();
    assert_eq!(journal.bounds().await, Ok((7, 10)));
    // All of them, and no more than that.
    journal.forget(1_000).await.unwrap();
    assert_eq!(journal.bounds().await, Ok((11, 10)));
    assert_eq!(journal.append(10, entry(11)).await, Ok(11));
    assert_eq!(journal.bounds().await, Ok((11, 11)));
}

/// A writer that goes on whatever happens until it is to end, and what was acknowledged to it.
pub struct Writer {
    acknowledged: Arc<AtomicU64>,
    may_end: Arc<AtomicBool>,
    task: JoinHandle<BTreeMap<Seq, Bytes>>,
}

impl Writer {
    /// Begins to write; it writes this many at least.
    pub fn start(journal: impl Journal, count: u64) -> Self {
        let (acknowledged, may_end) = <(Arc<AtomicU64>, Arc<AtomicBool>)>::default();
        let (counter, is_enough) = (acknowledged.clone(), may_end.clone());
        let task = tokio::spawn(async move {
            let (mut stored, mut after) = (BTreeMap::new(), 0);
            let mut nth = 0;
            while nth < count || !is_enough.load(Ordering::Relaxed) {
                let bytes = Bytes::from(format!("append {nth}"));
                nth += 1;
                loop {
                    match journal.append(after, bytes.clone()).await {
                        Ok(seq) => {
                            assert_eq!(stored.insert(seq, bytes), None);
                            after = seq;
                            break;
                        }
                        Err(AppendError::Refused { newest }) => after = newest,
                        Err(AppendError::Unreachable | AppendError::Unknown(_)) => {
                            tokio::time::sleep(LOOK_EVERY).await;
                        }
                    }
                }
                counter.fetch_add(1, Ordering::Relaxed);
            }
            stored
        });
        Self { acknowledged, may_end, task }
    }

    fn count(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed) as usize
    }

    /// Waits until this many more were acknowledged.
    pub async fn more(&self, count: usize) {
        let goal = self.count() + count;
        let growing = async {
            while self.count() < goal {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        while_it_moves("the writer goes on", || self.count(), growing).await;
    }

    /// Waits for the end, and holds what a reader got against what was acknowledged.
    pub async fn end(self, journal: &impl Journal, reader: Reader) {
        self.may_end.store(true, Ordering::Relaxed);
        let stored = while_it_moves(
            "the writer ends",
            || self.acknowledged.load(Ordering::Relaxed) as usize,
            self.task,
        );
        let stored = stored.await.unwrap();
        let (_, newest) = within("the bounds", async {
            loop {
                if let Ok(bounds) = journal.bounds().await {
                    return bounds;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        })
        .await;
        let read = reader.until(newest).await;
        assert_eq!(read.keys().copied().collect::<Vec<_>>(), (1..=newest).collect::<Vec<_>>());
        for (seq, bytes) in stored {
            assert_eq!(read[&seq], bytes, "entry {seq}");
        }
    }
}

/// A reader that goes on whatever happens, from where it was.
pub struct Reader {
    entries: Arc<parking_lot::Mutex<BTreeMap<Seq, Bytes>>>,
    task: JoinHandle<()>,
}

impl Reader {
    pub fn start(journal: impl Journal) -> Self {
        let entries: Arc<parking_lot::Mutex<BTreeMap<Seq, Bytes>>> = Arc::default();
        let found = entries.clone();
        let task = tokio::spawn(async move {
            let mut last = 0;
            loop {
                let mut entries = journal.follow(last);
                while let Some(Ok(entry)) = entries.next().await {
                    assert_eq!(entry.seq, last + 1);
                    last = entry.seq;
                    found.lock().insert(entry.seq, entry.bytes);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { entries, task }
    }

    async fn until(self, newest: Seq) -> BTreeMap<Seq, Bytes> {
        let reading = async {
            while self.entries.lock().last_key_value().is_none_or(|(last, _)| *last < newest) {
                assert!(!self.task.is_finished(), "the reader failed");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("the reader reads all", reading).await;
        self.task.abort();
        self.entries.lock().clone()
    }
}

async fn kill_9_of_the_leader_loses_nothing_that_was_acknowledged_and_leaves_no_gap<E: JournalEngine>() {
    let mut engine = E::cluster().await;
    let journal = engine.connect(0).await;
    let reader = Reader::start(journal.clone());
    let writer = Writer::start(journal.clone(), 2_000);
    for _ in 0..2 {
        writer.more(300).await;
        let leader = engine.leader().await;
        engine.kill(leader);
        if engine.len() > 1 {
            writer.more(300).await;
        }
        engine.run(leader).await;
        writer.more(300).await;
    }
    writer.end(&journal, reader).await;
}

async fn a_journal_of_one_server_goes_on_when_that_is_back<E: JournalEngine>() {
    let mut engine = E::single().await;
    let journal = engine.connect(0).await;
    let reader = Reader::start(journal.clone());
    let writer = Writer::start(journal.clone(), 900);
    writer.more(300).await;
    engine.kill(0);
    assert!(journal.bounds().await.is_err());
    let refused = within("an append fails", async {
        loop {
            let refused = journal.append(0, "nobody is there".into()).await;
            if refused == Err(AppendError::Unreachable) {
                return refused;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(refused.await, Err(AppendError::Unreachable));
    engine.run(0).await;
    writer.end(&journal, reader).await;
}

async fn a_journal_whose_only_server_hangs_says_so_and_goes_on_with_it<E: JournalEngine>() {
    let engine = E::single().await;
    let journal = engine.connect(0).await;
    let reader = Reader::start(journal.clone());
    let writer = Writer::start(journal.clone(), 600);
    writer.more(300).await;
    engine.signal(0, Signal::STOP);
    // The writer may have one under way, and the connection is given up behind it.
    let unknown = async {
        while !matches!(journal.append(0, entry(0)).await, Err(AppendError::Unknown(_))) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("an append ends", unknown).await;
    assert!(within("the bounds are not told", journal.bounds()).await.is_err());
    engine.signal(0, Signal::CONT);
    writer.end(&journal, reader).await;
}

macro_rules! by_every_engine {
    ($($test:ident)*) => {
        mod by_jetstream {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test::<super::Nats>().await;
            })*
        }

        mod by_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test::<super::PostgresServer>().await;
            })*
        }
    };
}

by_every_engine! {
    entries_come_back_in_order_with_their_bytes_and_numbers_from_any_place
    the_largest_entries_come_back_although_they_are_more_than_the_reader_holds
    an_entry_behind_another_place_is_refused_with_the_newest_number
    of_two_writers_that_want_one_place_exactly_one_gets_it
    a_journal_that_was_deleted_and_made_again_went_back
    an_erased_entry_is_missing_and_the_place_behind_it_is_the_same
    what_was_forgotten_is_missing_and_the_bounds_say_so
    kill_9_of_the_leader_loses_nothing_that_was_acknowledged_and_leaves_no_gap
    a_journal_of_one_server_goes_on_when_that_is_back
    a_journal_whose_only_server_hangs_says_so_and_goes_on_with_it
}
