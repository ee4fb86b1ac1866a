//! A journal in memory, which answers as engines do under trouble.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use millchat::Timestamp;
use millchat::cluster::{
    AppendError, FollowError, Journal, JournalEntries, JournalEntry, JournalError, JournalFuture, Seq,
};
use tokio::sync::watch;

/// Little more than the largest message needs.
pub const ENTRY_BYTES_MAX: usize = 72 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    Appends,
}

pub struct MemoryJournal {
    /// One that was erased has no bytes.
    entries: Arc<watch::Sender<Vec<JournalEntry>>>,
    /// Erasing fails.
    is_frozen: AtomicBool,
    /// Nothing is stored, and nobody answers.
    is_full: AtomicBool,
    trouble: Trouble,
}

/// The same journal for one node, which can be cut off from it.
pub struct Line {
    pub journal: Arc<MemoryJournal>,
    pub is_cut: Arc<watch::Sender<bool>>,
}

impl Journal for Line {
    fn entry_bytes_max(&self) -> usize {
        self.journal.entry_bytes_max()
    }

    fn append(&self, after: Seq, bytes: Bytes) -> JournalFuture<Result<Seq, AppendError>> {
        if *self.is_cut.borrow() {
            return Box::pin(async { Err(AppendError::Unreachable) });
        }
        self.journal.append(after, bytes)
    }

    fn follow(&self, after: Seq) -> JournalEntries {
        let (entries, is_cut) = (self.journal.follow(after), self.is_cut.subscribe());
        Box::pin(futures_util::stream::unfold((entries, is_cut), |(mut entries, mut is_cut)| async move {
            let entry = entries.next().await?;
            let _ = is_cut.wait_for(|is_cut| !is_cut).await;
            Some((entry, (entries, is_cut)))
        }))
    }

    fn bounds(&self) -> JournalFuture<Result<(Seq, Seq), JournalError>> {
        if *self.is_cut.borrow() {
            return Box::pin(async { Err(JournalError("it is cut off".into())) });
        }
        self.journal.bounds()
    }

    fn erase(&self, seqs: &[Seq]) -> JournalFuture<Result<(), JournalError>> {
        if *self.is_cut.borrow() {
            return Box::pin(async { Err(JournalError("it is cut off".into())) });
        }
        self.journal.erase(seqs)
    }

    fn forget(&self, before: Seq) -> JournalFuture<Result<(), JournalError>> {
        self.journal.forget(before)
    }
}

impl MemoryJournal {
    pub fn new(trouble: Trouble) -> Arc<Self> {
        Arc::new(Self {
            entries: Arc::default(),
            is_frozen: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            trouble,
        })
    }

    /// Lets it take no entries, or again.
    pub fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Release);
    }

    /// Lets the erasing of entries fail, or succeed again.
    pub fn freeze(&self, is_frozen: bool) {
        self.is_frozen.store(is_frozen, Ordering::Release);
    }

    /// Returns true if an entry holds a text.
    pub fn holds(&self, text: &str) -> bool {
        let holds = |bytes: &Bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        self.entries.borrow().iter().any(|entry| holds(&entry.bytes))
    }

    /// The number of the newest entry.
    pub fn newest(&self) -> Seq {
        self.entries.borrow().len() as Seq
    }

    fn strikes(&self) -> bool {
        self.trouble == Trouble::Appends && rand::random_bool(0.15)
    }
}

fn store(
    entries: &watch::Sender<Vec<JournalEntry>>,
    after: Seq,
    bytes: Bytes,
    compares: bool,
) -> Result<Seq, AppendError> {
    let mut stored = Err(AppendError::Unreachable);
    entries.send_modify(|entries| {
        let newest = entries.len() as Seq;
        stored = if compares && newest != after {
            Err(AppendError::Refused { newest })
        } else {
            entries.push(JournalEntry { seq: newest + 1, at: Timestamp::now(), bytes });
            Ok(newest + 1)
        };
    });
    stored
}

impl Journal for MemoryJournal {
    fn entry_bytes_max(&self) -> usize {
        ENTRY_BYTES_MAX
    }

    fn append(&self, after: Seq, bytes: Bytes) -> JournalFuture<Result<Seq, AppendError>> {
        assert!(bytes.len() <= self.entry_bytes_max());
        let entries = self.entries.clone();
        let is_lost = self.is_full.load(Ordering::Acquire) || self.strikes();
        let (is_late, is_double) = (self.strikes(), self.strikes());
        let compares = !self.strikes();
        Box::pin(async move {
            let unknown = Err(AppendError::Unknown("nobody answered".into()));
            tokio::time::sleep(Duration::from_millis(1)).await;
            if is_lost {
                return unknown;
            }
            if is_late || is_double {
                let (entries, bytes) = (entries.clone(), bytes.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(rand::random_range(1..2_000))).await;
                    let _ = store(&entries, after, bytes, compares);
                });
            }
            if is_late { unknown } else { store(&entries, after, bytes, compares) }
        })
    }

    fn follow(&self, after: Seq) -> JournalEntries {
        let entries = self.entries.subscribe();
        Box::pin(futures_util::stream::unfold((entries, after), |(mut entries, after)| async move {
            let entry = {
                let there = entries.wait_for(|entries| entries.len() as Seq > after).await.ok()?;
                there[after as usize].clone()
            };
            let seq = entry.seq;
            let is_erased = entry.bytes.is_empty();
            let entry = if is_erased { Err(FollowError::Missing { from: seq, to: seq }) } else { Ok(entry) };
            Some((entry, (entries, after + 1)))
        }))
    }

    fn bounds(&self) -> JournalFuture<Result<(Seq, Seq), JournalError>> {
        let newest = self.newest();
        Box::pin(async move { Ok((1, newest)) })
    }

    fn erase(&self, seqs: &[Seq]) -> JournalFuture<Result<(), JournalError>> {
        if self.is_frozen.load(Ordering::Acquire) || self.strikes() {
            return Box::pin(async { Err(JournalError("nobody answered".into())) });
        }
        self.entries.send_modify(|entries| {
            for seq in seqs {
                entries[*seq as usize - 1].bytes = Bytes::new();
            }
        });
        Box::pin(async { Ok(()) })
    }

    fn forget(&self, _before: Seq) -> JournalFuture<Result<(), JournalError>> {
        Box::pin(async { Err(JournalError("not in memory".into())) })
    }
}
