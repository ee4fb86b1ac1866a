//! The thread that writes the log of one node of many: it applies the entries of the journal, and judges
//! proposals while the node is the leader.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossbeam::channel::{Receiver, RecvTimeoutError};
use tokio::sync::{mpsc, oneshot};

use crate::cause::Cause;
use crate::cluster::{Answer, EntryId, Judged, ProposalId};
use crate::error::SendError;
use crate::event::Timestamp;
use crate::log::finish::finish;
use crate::log::record;
use crate::log::{CommitError, FinishedEntry, LogError, NewRecord};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::writer::idempotency::Window;
use crate::writer::queue::{Pending, Request, Reserved};
use crate::writer::thread::{Writer, answer_senders, not_stored};
use crate::writer::validate::check;
use crate::writer::wire;
use crate::writer::work::{Done, Work};

/// The thread does what is due by itself when there is no other work for this time.
const IDLE_EVERY: Duration = Duration::from_millis(250);

/// The leader takes records only if its disk has so many times their bytes …
const SPACE_FACTOR: u64 = 4;
/// … and this beside them: what it refuses nobody has to apply.
pub(super) const SPACE_MORE_BYTES: u64 = 64 * 1024 * 1024;

/// See the module.
pub(super) struct Replica {
    pub writer: Writer,
    pub work: Receiver<Work>,
    /// Never waits: while the protocol hands over work it takes nothing, and both would wait for each other. It
    /// holds at most two for each piece of work ([`WORK_MAX`](super::work::WORK_MAX)), and one for each pause.
    pub done: mpsc::UnboundedSender<Done>,
}

impl Replica {
    /// Runs until nobody hands over work any more.
    pub fn run(mut self) {
        // No proposal is judged before all keys are known.
        match Window::restore(&*self.writer.shared.log) {
            Ok(window) => self.writer.window = window,
            Err(error) => {
                self.writer.gate.break_for(format!("the idempotency keys cannot be read: {error}"));
            }
        }
        loop {
            match self.work.recv_timeout(IDLE_EVERY) {
                Ok(Work::Apply(entry)) => self.apply(&entry),
                Ok(Work::Judge { on, proposals }) => {
                    let judged = self.judge(on, &proposals);
                    let _ = self.done.send(Done::Judged(judged));
                }
                // The sender may have gone.
                Ok(Work::Answer(reply, outcome)) => drop(reply.send(outcome)),
                Ok(Work::PassOn(reply, outcome)) => {
                    let epoch = self.writer.shared.log.epoch();
                    let _ = reply.send(wire::decode_outcome(&outcome, epoch));
                }
                Err(RecvTimeoutError::Timeout) => self.maintain(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Applies an entry, and shows its events to the readers.
    fn apply(&mut self, entry: &FinishedEntry) {
        let shared = self.writer.shared.clone();
        if self.writer.gate.broken().is_some() {
            return;
        }
        let started = std::time::Instant::now();
        let mut applied = shared.log.apply(entry);
        // The others have it: this node waits for space, and is not current meanwhile.
        while matches!(applied, Err(CommitError::DiskFull { .. })) && self.writer.gate.check().is_ok() {
            shared.disk_full.store(true, Ordering::Release);
            std::thread::sleep(IDLE_EVERY);
            applied = shared.log.apply(entry);
        }
        shared.disk_full.store(false, Ordering::Release);
        shared.counters.commit(entry.records.len(), started.elapsed(), applied.is_ok());
        let committed = match applied {
            Ok(committed) => committed,
            Err(error) => {
                // What comes after it cannot be applied either.
                let why = format!("an entry of the journal cannot be applied ({error})");
                return self.writer.gate.break_for(why);
            }
        };
        let now = Timestamp::now();
        for raw in &entry.records {
            let Ok(record) = record::decode(raw.position, &raw.bytes) else { continue };
            self.writer.last_at = self.writer.last_at.max(record.created_at);
            if let Some(key) = record.key {
                self.writer.window.insert(key, raw.position, record.created_at, now);
            }
        }
        let rooms = shared.publish(committed.iter().filter_map(|committed| committed.event.as_ref()));
        if let Some(neighbours) = &shared.neighbours {
            neighbours.published(shared.log.head());
        }
        shared.fanout.notify(&rooms);
        shared.committed.notify_waiters();
        // Not before: an answer to a sender may wait for it.
        let _ = self.done.send(Done::Applied(entry.mark.seq));
        self.tell_redacted();
    }

    /// Tells which texts the newest commit took out of the log.
    fn tell_redacted(&self) {
        let positions = self.writer.shared.log.take_redacted();
        if !positions.is_empty() {
            let _ = self.done.send(Done::Redacted(positions));
        }
    }

    /// Judges proposals as the one writer of a single node does, and finishes the records that they make.
    fn judge(&mut self, on: EntryId, proposals: &[(ProposalId, Bytes)]) -> Judged {
        let nobody = Arc::new(AtomicUsize::new(0));
        let (mut pending, mut answered) = (Vec::new(), Vec::new());
        for (to, body) in proposals {
            let (reply, answer) = oneshot::channel();
            answered.push((*to, answer));
            if let Some(mut request) = wire::decode_request(body) {
                // Another node may be of another release, and its checks may be others.
                if let Request::Send(_, draft, _) = &mut request
                    && let Err(error) = check(draft)
                {
                    let _ = reply.send(Err(error));
                    continue;
                }
                let hashes = match &request {
                    Request::Send(room, draft, _) => self.writer.hasher.hashes(room, draft),
                    _ => None,
                };
                let reserved = Reserved { bytes: 0, all: nobody.clone() };
                pending.push(Pending { request, hashes, reply, reserved });
            } else {
                let why = "the leader does not know this kind of request: it is of another release";
                let _ = reply.send(Err(SendError::Unavailable(why.into())));
            }
        }
        let batch = self.writer.judge(pending);
        // They are judged again with the next entry.
        self.writer.waiting.clear();
        if batch.replies.is_empty() && !proposals.is_empty() {
            // Erasing has to go on first. If it cannot, the first of them is not to wait for ever.
            let erased = self.writer.commit_now(&[], 0);
            self.tell_redacted();
            if let Err(error) = erased {
                let outcome = wire::encode_outcome(&Err(not_stored(&error)));
                let floor = self.writer.shared.log.floor();
                let answers = vec![Answer { to: proposals[0].0, outcome }];
                return Judged { on, records: Vec::new(), answers, floor };
            }
        }
        let log = self.writer.shared.log.clone();
        let bytes = 2 * batch.records.iter().map(NewRecord::bytes_max).sum::<u64>();
        let floor = self.writer.next_floor(bytes);
        let finished = log.require_space(SPACE_FACTOR * bytes + SPACE_MORE_BYTES).and_then(|()| {
            finish(&*log, &batch.records).map_err(|error: LogError| CommitError::Refused(Cause::new(error)))
        });
        let (records, stored) = match finished {
            Ok((records, committed)) => (records, Ok(committed)),
            Err(error) => (Vec::new(), Err(error)),
        };
        answer_senders(batch, &stored, log.epoch());
        let answers = answered.into_iter().filter_map(|(to, mut answer)| {
            let outcome = wire::encode_outcome(&answer.try_recv().ok()?);
            Some(Answer { to, outcome })
        });
        let records = records.into_iter().map(|raw| raw.bytes.into()).collect();
        Judged { on, records, answers: answers.collect(), floor }
    }

    /// Takes a step of what each log does in its own time.
    fn maintain(&mut self) {
        let writer = &mut self.writer;
        if writer.gate.broken().is_none()
            && (writer.is_erasing()
                || writer.has_expired_values()
                || writer.has_prepared_index()
                || writer.shared.log.has_deferred())
        {
            let _ = writer.commit_now(&[], 0);
            self.tell_redacted();
        }
    }
}
