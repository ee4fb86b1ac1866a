//! Group commit: the one writer.
//!
//! One thread takes all that is pending, validates each draft (is its key new, does its target exist), stores
//! the rest in one durable commit, publishes the events to the rooms, answers the senders, and wakes the
//! readers, in this order. While one commit runs, the next batch collects in the queue: there is no timer.
//! A batch is bounded in events, in bytes and in the work that its requests make; what does not fit waits for
//! the next one.
//! Every sender gets one of three answers: stored, certainly not stored, or unknown.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::SendError;
use crate::event::{Epoch, Position, Receipt, RoomName, Timestamp};
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use crate::log::{CommitError, Committed, Counts, Lookups as _, NewRecord};
use crate::shared::Shared;
use crate::sync::atomic::Ordering;
use crate::sync::channel::{Receiver, RecvTimeoutError};
use crate::writer::batch::Batch;
use crate::writer::expiry::Expiry;
use crate::writer::idempotency::{Hasher, Window};
use crate::writer::lookups::BatchLookups;
use crate::writer::price::Price;
use crate::writer::queue::{Gate, Pending, RebuiltWindow};
use crate::writer::retention::{Moment, Retention, RetentionPolicy, TRIM_EVENTS_MAX};
use crate::writer::validate::Validator;
use crate::writer::verdict::Verdict;

/// The writer waits this long for a send before it runs maintenance.
const IDLE_EVERY: Duration = Duration::from_secs(1);
/// And when sends never pause.
const IDLE_AT_LEAST_EVERY: Duration = Duration::from_secs(8);
/// Steps of a trim that go before a batch when the log is far over its bytes.
const TRIMS_BEFORE_BATCH_MAX: usize = 8;

/// The writer's thread.
pub(crate) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) gate: Arc<Gate>,
    /// Makes the hashes of what other nodes send.
    pub(super) hasher: Hasher,
    pub(super) window: Window,
    rebuilt: Arc<RebuiltWindow>,
    /// Requests that did not fit into the batch before, in their order.
    pub(super) waiting: VecDeque<Pending>,
    /// Time in the log does not go back when the clock does.
    pub(super) last_at: Timestamp,
    retention: Retention,
    expiry: Expiry,
    /// Free bytes that the last commit lacked; 0 when it lacked none.
    space_needed: u64,
    /// The room after which to go on looking for heads to forget.
    heads_seen: Option<RoomName>,
    /// When it last ran maintenance.
    idle_at: Instant,
}

pub(super) type Stored = Result<Vec<Committed>, CommitError>;

impl Writer {
    pub fn new(
        shared: Arc<Shared>,
        policy: RetentionPolicy,
        gate: Arc<Gate>,
        rebuilt: Arc<RebuiltWindow>,
    ) -> Self {
        let newest = shared.log.record(shared.log.head()).ok().flatten();
        Self {
            hasher: Hasher::new(&shared.log.signing_key()),
            window: Window::default(),
            waiting: VecDeque::new(),
            last_at: newest.map_or(Timestamp(0), |record| record.created_at),
            retention: Retention::new(policy),
            expiry: Expiry::default(),
            space_needed: 0,
            heads_seen: None,
            idle_at: Instant::now(),
            shared,
            gate,
            rebuilt,
        }
    }

    /// Runs until the queue is shut and empty.
    pub fn run(mut self, queue: &Receiver<Pending>) {
        loop {
            let first = self.waiting.pop_front().map_or_else(|| queue.recv_timeout(IDLE_EVERY), Ok);
            match first {
                Ok(first) => {
                    let pending = self.take_pending(first, queue);
                    self.commit(pending);
                }
                Err(RecvTimeoutError::Timeout) => self.run_maintenance(queue),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.idle_at.elapsed() >= IDLE_AT_LEAST_EVERY {
                self.run_maintenance(queue);
            }
        }
    }

    /// Takes what else is pending, up to the bounds of a batch: first what did not fit into the one before.
    fn take_pending(&mut self, first: Pending, queue: &Receiver<Pending>) -> Vec<Pending> {
        let mut bytes = first.reserved.bytes;
        let mut pending = vec![first];
        while pending.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX {
            let Some(next) = self.waiting.pop_front().or_else(|| queue.try_recv().ok()) else { break };
            bytes += next.reserved.bytes;
            pending.push(next);
        }
        pending
    }

    fn commit(&mut self, pending: Vec<Pending>) {
        // Sends with a key came after the window was there.
        if let Some(window) = self.rebuilt.take() {
            self.window = window;
        }
        let batch = self.judge(pending);
        if batch.replies.is_empty() {
            self.make_room();
            return;
        }
        let stored = if batch.records.is_empty() { Ok(Vec::new()) } else { self.store(&batch.records) };
        self.answer(batch, &stored);
    }

    /// Judges requests: makes the batch of the records that they become. Those that do not fit wait.
    pub(super) fn judge(&mut self, pending: Vec<Pending>) -> Batch {
        let now = Timestamp::now().max(self.last_at);
        self.last_at = now;
        let to_erase = self.shared.log.moderation().counts().edits_to_erase as usize;
        let shared = self.shared.clone();
        let lookups = BatchLookups::new(&*shared.log);
        let mut batch = Batch::default();
        let mut pending = pending.into_iter();
        while let Some(next) = pending.next() {
            // If the counts cannot be read, neither can the target: the request is refused then.
            let price = Price::of(&next.request, |target| {
                let stored = lookups.counts(target)?;
                let more = batch.edits.get(&target).copied().unwrap_or(0);
                Ok(Counts { edits: stored.edits + more, ..stored })
            });
            let price = price.unwrap_or_default();
            if !batch.has_room(&price, to_erase) && self.gate.broken().is_none() {
                // The order of the requests is kept.
                pending.rev().for_each(|later| self.waiting.push_front(later));
                self.waiting.push_front(next);
                break;
            }
            let Pending { request, hashes, reply, reserved } = next;
            let validated = self.validator(&lookups).validate(&batch, (request, hashes), now);
            batch.pay(&price, validated.is_ok());
            let verdict = match validated {
                Ok(append) => Verdict::Event(batch.push(append)),
                Err(verdict) => verdict,
            };
            batch.replies.push((reply, verdict, reserved));
        }
        batch
    }

    /// Takes a step of the erasing for which the first of the waiting requests waits. If that fails, so does
    /// the request: nobody behind it is to wait longer.
    fn make_room(&mut self) {
        let Err(error) = self.commit_now(&[], 0) else { return };
        if let Some(Pending { reply, .. }) = self.waiting.pop_front() {
            let _ = reply.send(Err(not_stored(&error)));
        }
    }

    fn validator<'a>(&'a self, lookups: &'a BatchLookups<'_>) -> Validator<'a> {
        Validator { gate: &self.gate, log: &*self.shared.log, lookups, window: &self.window }
    }

    /// Stores events, and takes a step of a trim along.
    fn store(&mut self, records: &[NewRecord]) -> Stored {
        let shared = self.shared.clone();
        let log = &*shared.log;
        let mut bytes = 2 * records.iter().map(NewRecord::bytes_max).sum::<u64>();
        let mut floor = self.next_floor(bytes);
        for _ in 0..TRIMS_BEFORE_BATCH_MAX {
            let whole_step = floor - log.floor() >= TRIM_EVENTS_MAX as u64;
            let before = log.live_bytes();
            // One step frees less than the batch brings: others go first. A trim that fails for good breaks
            // the gate; one that lacks space lets the batch fail by itself.
            let first = whole_step && self.retention.is_behind(log);
            if !first || self.commit_now(&[], floor).is_err() {
                break;
            }
            bytes = bytes.saturating_sub(before.saturating_sub(log.live_bytes()));
            floor = self.next_floor(bytes);
        }
        if let Some(why) = self.gate.broken() {
            return Err(CommitError::Refused(why.into()));
        }
        self.commit_now(records, floor)
    }

    /// Takes a step of a trim alone. Returns true if anything was trimmed.
    fn trim(&mut self) -> bool {
        let floor = self.next_floor(0);
        floor > self.shared.log.floor() && self.commit_now(&[], floor).is_ok()
    }

    /// Returns the floor after the next step. Records that cannot be read are not trimmed; their readers get
    /// the error.
    pub(super) fn next_floor(&mut self, bytes: u64) -> Position {
        let log = &*self.shared.log;
        // Not the time of the newest record: a clock that was ahead for a moment must not take the history.
        self.retention.next_floor(log, Moment::now(), bytes).unwrap_or_else(|_| log.floor())
    }

    /// Does the work for times when nobody sends: trims old records, forgets old heads, looks whether the
    /// disk has room again. Ends at once when somebody sends.
    fn run_maintenance(&mut self, queue: &Receiver<Pending>) {
        self.idle_at = Instant::now();
        if self.gate.broken().is_some() {
            return;
        }
        // What the last commit lacked must be there: a server that is ready takes such a send.
        let full = self.shared.log.require_space(self.space_needed).is_err();
        self.shared.disk_full.store(full, Ordering::Release);
        while self.is_idle(queue) && self.trim() {}
        // Commits take steps of it along; here they have nothing else to do.
        while self.is_idle(queue) && self.is_erasing() && self.commit_now(&[], 0).is_ok() {}
        while self.is_idle(queue) && self.has_expired_values() && self.commit_now(&[], 0).is_ok() {}
        while self.is_idle(queue) && self.has_prepared_index() && self.commit_now(&[], 0).is_ok() {}
        let age_ms = self.retention.policy().heads_age().as_millis() as u64;
        let before = Timestamp(Timestamp::now().0.saturating_sub(age_ms));
        let is_clock_right = !self.retention.is_clock_in_doubt();
        let is_free = self.is_idle(queue) && self.gate.broken().is_none();
        if self.shared.log.floor() > 1 && is_clock_right && is_free {
            let rooms = &self.shared.rooms;
            let spare = |room: &RoomName| rooms.get(room).is_some();
            let forgot = self.shared.log.forget_heads(self.heads_seen.as_ref(), before, &spare);
            self.record_failure(forgot.as_ref().err());
            self.heads_seen = forgot.unwrap_or(None);
        }
    }

    fn is_idle(&self, queue: &Receiver<Pending>) -> bool {
        self.waiting.is_empty() && queue.is_empty()
    }

    /// Returns true if text is still to be erased, and can be.
    pub(super) fn is_erasing(&self) -> bool {
        self.shared.log.moderation().counts().is_erasing() && self.gate.broken().is_none()
    }

    /// Returns true if rows of expired values can be taken out.
    pub(super) fn has_expired_values(&mut self) -> bool {
        self.expiry.advance(self.shared.log.values(), Moment::now()) && self.gate.broken().is_none()
    }

    /// Returns true if pieces of the search index wait for a commit that takes them along.
    pub(super) fn has_prepared_index(&self) -> bool {
        self.shared.log.has_prepared_index() && self.gate.broken().is_none()
    }

    pub(super) fn commit_now(&mut self, records: &[NewRecord], floor: Position) -> Stored {
        let started = Instant::now();
        self.expiry.advance(self.shared.log.values(), Moment::now());
        let outcome = self.shared.log.commit(records, floor);
        self.shared.counters.commit(records.len(), started.elapsed(), outcome.is_ok());
        self.record_failure(outcome.as_ref().err());
        outcome
    }

    /// A full disk may have room again; after any other failure nothing more is stored.
    fn record_failure(&mut self, error: Option<&CommitError>) {
        let full = matches!(error, Some(CommitError::DiskFull { .. }));
        self.space_needed = if let Some(CommitError::DiskFull { needed, .. }) = error { *needed } else { 0 };
        self.shared.disk_full.store(full, Ordering::Release);
        if let Some(error) = error.filter(|_| !full) {
            self.gate.break_for(format!("a commit failed ({error}); a restart opens the log again"));
        }
    }

    /// Publishes, then answers, then wakes.
    fn answer(&mut self, batch: Batch, stored: &Stored) {
        let committed = stored.as_deref().unwrap_or_default();
        let now = Timestamp::now();
        for (hash, index) in &batch.keys {
            if let Some(committed) = committed.get(*index) {
                self.window.insert(*hash, committed.position, batch.records[*index].created_at, now);
            }
        }
        let rooms = self.shared.publish(committed.iter().filter_map(|committed| committed.event.as_ref()));
        answer_senders(batch, stored, self.shared.log.epoch());
        self.shared.fanout.notify(&rooms);
        self.shared.committed.notify_waiters();
    }
}

/// Answers the senders of a batch.
pub(super) fn answer_senders(batch: Batch, stored: &Stored, epoch: Epoch) {
    for (reply, verdict, _reserved) in batch.replies {
        let answer = match (verdict, stored) {
            (Verdict::Replay(receipt), _) => Ok(receipt),
            (Verdict::Rejected(error), _) | (Verdict::RejectedByBatch(error), Ok(_)) => Err(error),
            (Verdict::Event(index), Ok(committed)) => {
                let (created_at, position) = (batch.records[index].created_at, committed[index].position);
                let prev = committed[index].event.as_ref().map_or(0, |event| event.prev);
                Ok(Receipt { position, prev, epoch, created_at })
            }
            (_, Err(error)) => Err(not_stored(error)),
        };
        // The sender may have gone; the event is stored all the same.
        let _ = reply.send(answer);
    }
}

pub(super) fn not_stored(error: &CommitError) -> SendError {
    match error {
        CommitError::DiskFull { free, needed } => SendError::DiskFull { free: *free, needed: *needed },
        CommitError::Refused(why) => SendError::Unavailable(why.clone()),
        CommitError::Unknown(why) => SendError::Unknown(why.clone()),
    }
}
