//! Counters of a chat: what an operator watches.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::event::Position;
use crate::log::Log;

/// Counters (since the chat was opened) and gauges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commits that succeeded.
    pub commits: u64,
    /// Commits that failed.
    pub commits_failed: u64,
    /// Events stored.
    pub events: u64,
    /// Time spent in commits.
    pub commit_time: Duration,
    /// Sends that wait for the committer now.
    pub queued: usize,
    /// Rooms in memory now.
    pub rooms: usize,
    /// Subscriptions now.
    pub subscriptions: usize,
    /// The newest position of the log.
    pub head: Position,
    /// The oldest position that is kept.
    pub floor: Position,
    /// Bytes of the records that are kept.
    pub live_bytes: u64,
    /// Rooms that are closed to writing.
    pub closed_rooms: usize,
    /// Authors who are banned.
    pub bans: usize,
    /// Rooms that were emptied and whose records are still being rewritten.
    pub emptying: usize,
}

#[derive(Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    commits_failed: AtomicU64,
    events: AtomicU64,
    commit_nanos: AtomicU64,
    subscriptions: AtomicUsize,
}

impl Counters {
    pub fn commit(&self, events: usize, took: Duration, succeeded: bool) {
        self.commit_nanos.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        if succeeded {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.events.fetch_add(events as u64, Ordering::Relaxed);
        } else {
            self.commits_failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn subscribed(&self) {
        self.subscriptions.fetch_add(1, Ordering::Relaxed);
    }

    pub fn unsubscribed(&self) {
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn stats(&self, queued: usize, rooms: usize, log: &dyn Log) -> Stats {
        let (closed_rooms, bans, emptying) = log.standing().counts();
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            commits_failed: self.commits_failed.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            commit_time: Duration::from_nanos(self.commit_nanos.load(Ordering::Relaxed)),
            queued,
            rooms,
            subscriptions: self.subscriptions.load(Ordering::Relaxed),
            head: log.head(),
            floor: log.floor(),
            live_bytes: log.live_bytes(),
            closed_rooms,
            bans,
            emptying,
        }
    }
}
