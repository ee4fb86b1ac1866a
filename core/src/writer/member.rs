//! The threads of one node of many: the protocol, and what connects it with the journal, the other nodes, the
//! senders and the thread that writes.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use crate::cluster::{
    AppendError, AppliedBy, CLOCKS_APART_MAX, Erasing, FollowError, Journal, JournalEntries, JournalEntry,
    JournalError, JournalFuture, Membership, Message, Node, NodeId, NodeState, Output, Peers, Seq, Settled,
    Tidy, Writer,
};
use crate::error::{ReadError, SendError};
use crate::event::{Action, Timestamp};
use crate::log::record::RawRecord;
use crate::log::{FinishedEntry, LogError};
use crate::neighbours::UnreadableSignals;
use crate::shared::Shared;
use crate::sync::channel::{Receiver, RecvTimeoutError};
use crate::writer::queue::{Gate, Pending, Reply, Request, Reserved};
use crate::writer::replica::SPACE_MORE_BYTES;
use crate::writer::shown::Shown;
use crate::writer::wire;
use crate::writer::work::{Done, INPUTS_MAX, Input, NewProposal, Work};

/// The protocol sees time pass this often.
const TICK_EVERY: Duration = Duration::from_millis(50);
/// The room on the disk is looked at this often.
const ROOM_EVERY: Duration = Duration::from_secs(1);
/// The engine is asked for its bounds this often.
const BOUNDS_EVERY: Duration = Duration::from_millis(500);
/// A journal that cannot be reached is tried again after this time.
const FOLLOW_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Sends have waited for so long, and the journal has given no entry: it takes none. Shorter than anything that a
/// sender waits for in vain, and longer than it takes to find another leader.
const STALLED_AFTER: Duration = Duration::from_secs(8);
/// Most sends that go to the protocol together.
const SENDS_MAX: usize = 1_024;
/// The thread that takes sends looks up after this time without one.
const SENDS_EVERY: Duration = Duration::from_secs(1);
const LEFT: &str = "the node was closed before the leader answered";

/// A node's connections.
pub struct Connections {
    /// The journal that all nodes share.
    pub journal: Arc<dyn Journal>,
    /// The way to the other nodes. Their messages come by [`Inbound`].
    pub peers: Arc<dyn Peers>,
    /// This node: a number that no other node of the cluster has.
    pub me: NodeId,
    /// All nodes, with this one.
    pub members: Vec<NodeId>,
}

/// Takes sends out of the queue and hands them to the protocol, until the queue is shut.
pub(super) fn pass_on_sends(queue: &Receiver<Pending>, inputs: &mpsc::Sender<Input>, shared: &Shared) {
    loop {
        let first = match queue.recv_timeout(SENDS_EVERY) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let sends =
            std::iter::once(first).chain(std::iter::from_fn(|| queue.try_recv().ok()).take(SENDS_MAX - 1));
        let sends = sends.map(|Pending { request, reply, reserved, .. }| {
            // Asked here; it counts where the request is judged, behind its key.
            let (request, is_allowed) = match request {
                Request::Send(room, draft, Some(is_allowed)) => {
                    let is_allowed = catch_unwind(AssertUnwindSafe(is_allowed)).unwrap_or(false);
                    (Request::Send(room, draft, None), is_allowed)
                }
                request => (request, true),
            };
            let by = applied_by(&request, shared);
            NewProposal { body: wire::encode_request(&request, is_allowed), by, reply, reserved }
        });
        if let Err(mpsc::error::SendError(Input::Sends(sends))) =
            inputs.blocking_send(Input::Sends(sends.collect()))
        {
            for NewProposal { reply, .. } in sends {
                let _ = reply.send(Err(SendError::Unavailable(LEFT.into())));
            }
        }
    }
}

/// Returns by whom a request is to be applied before it is answered: what takes a text or a right away is answered
/// when no node goes by what was before.
fn applied_by(request: &Request, shared: &Shared) -> AppliedBy {
    let is_for_all = match request {
        Request::Send(_, draft, _) => matches!(draft.action, Action::Delete { .. } | Action::Purge),
        Request::Ban(_) => true,
        Request::SetValue(key, _) | Request::RemoveValue(key, _) => !shared.log.values().is_quiet(key),
    };
    if is_for_all { AppliedBy::All } else { AppliedBy::This }
}

/// Makes the channel of the protocol's inputs.
pub(super) fn inputs() -> (mpsc::Sender<Input>, mpsc::Receiver<Input>) {
    mpsc::channel(INPUTS_MAX)
}

/// The protocol of this node, and what it is connected with.
pub(super) struct Member {
    node: Node,
    gate: Arc<Gate>,
    connections: Connections,
    work: crossbeam::channel::Sender<Work>,
    shared: Arc<Shared>,
    /// The senders of this node that wait, by the number of their proposal. Bounded by the queue of sends.
    waiting: HashMap<u64, (Reply, Reserved)>,
    append: Option<JournalFuture<Result<Seq, AppendError>>>,
    /// The time since which something waits for the journal and no entry has come.
    waits_since: Option<Duration>,
    erasing: Erasing,
    shown: Arc<Shown>,
}

impl Member {
    pub fn new(
        shared: &Arc<Shared>,
        gate: Arc<Gate>,
        connections: Connections,
        work: crossbeam::channel::Sender<Work>,
        shown: Arc<Shown>,
    ) -> Result<Self, LogError> {
        let (mark, passed) = shared.log.place()?;
        let mark = mark.or_beginning(shared.log.head(), shared.log.floor());
        if mark.head != shared.log.head() {
            let why = "it was changed by a single node since it was one of many: it is no copy of the others";
            return Err(LogError::Storage(why.into()));
        }
        let (cluster, run) = shared.log.begin_run(Timestamp::now())?;
        let membership = Membership {
            cluster: cluster.0,
            me: Writer { node: connections.me, run },
            members: connections.members.clone(),
            entry_bytes_max: connections.journal.entry_bytes_max(),
        };
        let erasing = Erasing::new(&mark);
        let node = Node::new(shared.currentness.clock(), membership, mark, passed);
        Ok(Self {
            node,
            gate,
            connections,
            work,
            shared: shared.clone(),
            waiting: HashMap::new(),
            append: None,
            waits_since: None,
            erasing,
            shown,
        })
    }

    /// Runs until `inputs` ends: nobody is left who could send.
    pub async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut done: mpsc::UnboundedReceiver<Done>,
        is_closing: Arc<Notify>,
    ) {
        let mut entries: Option<JournalEntries> = None;
        let mut follow_at = Instant::now();
        let mut bounds: Option<JournalFuture<Result<(Seq, Seq), JournalError>>> = None;
        let (mut bounds_at, mut read_before) = (Instant::now(), 0);
        let (mut tidy, mut read_bytes, mut room_at) = (Tidy::default(), 0, Duration::ZERO);
        let mut forgetting: Option<JournalFuture<Result<(), JournalError>>> = None;
        let mut erase: Option<JournalFuture<Result<(), JournalError>>> = None;
        let mut tick = tokio::time::interval(TICK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.gate.broken().is_none() {
            let now = Instant::now();
            if entries.is_none() && now >= follow_at {
                entries = Some(self.connections.journal.follow(self.node.mark().seq));
            }
            if bounds.is_none() && now >= bounds_at {
                bounds = Some(self.connections.journal.bounds());
                read_before = self.node.mark().seq;
                bounds_at = now + BOUNDS_EVERY;
            }
            let due_in = self.node.due_at().map(|at| at.saturating_sub(self.clock()));
            let (due_in, is_due) = (due_in.unwrap_or_default(), due_in.is_some());
            tokio::select! {
                () = is_closing.notified() => break,
                input = inputs.recv() => {
                    let Some(input) = input else { break };
                    self.take(input);
                    // What else is there goes along, up to a bound.
                    for _ in 0..SENDS_MAX {
                        let Ok(input) = inputs.try_recv() else { break };
                        self.take(input);
                    }
                }
                Some(done) = done.recv() => self.note(done),
                entry = next(&mut entries) => match entry {
                    Some(Ok(JournalEntry { seq, at, bytes })) => {
                        self.waits_since = None;
                        let (here, now) = (Timestamp::now(), self.clock());
                        read_bytes += bytes.len() as u64;
                        self.node.compare_clocks(now, seq, here.0.cast_signed() - at.0.cast_signed());
                        self.node.entry(now, age_of(at, here), seq, &bytes);
                    }
                    ended => {
                        (entries, follow_at) = (None, Instant::now() + FOLLOW_AGAIN_AFTER);
                        if let Some(Err(FollowError::Missing { .. })) = ended {
                            self.node.missing();
                        }
                    }
                },
                stored = or_never(&mut self.append) => {
                    self.append = None;
                    self.node.appended(self.clock(), stored.is_ok());
                }
                known = or_never(&mut bounds) => {
                    bounds = None;
                    if let Ok((oldest, newest)) = known {
                        self.erasing.begins_at(oldest);
                        self.node.engine_answered(self.clock(), read_before, newest);
                    }
                }
                // What could not be forgotten is so with the next, a minute later.
                _ = or_never(&mut forgetting) => forgetting = None,
                erased = or_never(&mut erase) => {
                    erase = None;
                    self.erasing.erased(self.clock(), erased.is_ok());
                }
                _ = tick.tick() => {
                    let now = self.clock();
                    if now >= room_at {
                        room_at = now + ROOM_EVERY;
                        self.node.set_room(self.shared.log.require_space(SPACE_MORE_BYTES).is_ok());
                    }
                    self.node.tick(now);
                    let mut state = self.node.state(now);
                    state.erasing = self.erasing.count(state.is_leader);
                    let read = (state.mark.seq, read_bytes);
                    // One at a time: the engine goes on with what nobody waits for.
                    if forgetting.is_none()
                        && let Some(before) = tidy.pass(now, read, state.slowest(), state.is_leader)
                    {
                        forgetting = Some(self.connections.journal.forget(before));
                    }
                    if let Some(seq) = self.erasing.next(now, state.slowest(), state.is_leader) {
                        erase = Some(self.connections.journal.erase(&[seq]));
                    }
                    self.shown.show(state);
                    self.look_at_journal(now);
                }
                () = tokio::time::sleep(due_in), if is_due => self.node.tick(self.clock()),
            }
            self.obey();
            let (until, newest_made_at) = (self.node.current_until(self.clock()), self.node.newest_made_at());
            self.shared.currentness.set(until, newest_made_at);
        }
        self.end(inputs);
    }

    /// Answers all who wait.
    fn end(mut self, mut inputs: mpsc::Receiver<Input>) {
        // A chat that is closed still gives its readers what is in memory.
        if self.gate.broken().is_some() {
            self.shared.currentness.set(None, None);
        }
        let last = self.node.state(self.clock());
        self.shown.show(NodeState { is_leader: false, is_current: false, ..last });
        let why = self.gate.broken().unwrap_or(LEFT).to_owned();
        inputs.close();
        while let Ok(input) = inputs.try_recv() {
            let Input::Sends(sends) = input else { continue };
            for NewProposal { reply, .. } in sends {
                let _ = reply.send(Err(SendError::Unavailable(why.clone().into())));
            }
        }
        for (reply, _reserved) in std::mem::take(&mut self.waiting).into_values() {
            let _ = reply.send(Err(SendError::Unknown(why.clone().into())));
        }
    }

    fn clock(&self) -> Duration {
        self.shared.currentness.clock()
    }

    /// Notes if the journal takes no entries. Once it does not, only an entry shows that it does again: those who
    /// waited have been answered by then.
    fn look_at_journal(&mut self, now: Duration) {
        let is_stalled = self.waits_since.is_some_and(|since| now >= since + STALLED_AFTER);
        self.shared.currentness.set_stalled(is_stalled);
        if !is_stalled {
            let waits = self.append.is_some() || !self.waiting.is_empty();
            self.waits_since = if waits { self.waits_since.or(Some(now)) } else { None };
        }
    }

    fn note(&mut self, done: Done) {
        let now = self.clock();
        match done {
            Done::Judged(judged) => self.node.judged(now, judged),
            Done::Applied(seq) => {
                self.erasing.applied(seq);
                self.node.applied(now, seq);
            }
            Done::Redacted(positions) => self.erasing.redacted(now, &positions),
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.clock();
        match input {
            Input::Sends(sends) if !self.node.is_current(now) => {
                for NewProposal { reply, .. } in sends {
                    let _ = reply.send(Err(SendError::Unavailable(ReadError::NotCurrent.to_string().into())));
                }
            }
            Input::Sends(sends) => {
                let (proposals, senders): (Vec<_>, Vec<_>) = sends
                    .into_iter()
                    .map(|NewProposal { body, by, reply, reserved }| ((body, by), (reply, reserved)))
                    .unzip();
                for (number, (reply, reserved)) in self.node.propose(now, proposals).into_iter().zip(senders)
                {
                    if let Some(number) = number {
                        self.waiting.insert(number, (reply, reserved));
                    } else {
                        let _ = reply
                            .send(Err(SendError::Unavailable("too many sends wait for the leader".into())));
                    }
                }
            }
            Input::Message(from, message) => self.node.receive(now, from, message),
        }
    }

    /// Carries out what the protocol orders.
    fn obey(&mut self) {
        while let Some(output) = self.node.next_output() {
            match output {
                Output::Send { to, message } => self.connections.peers.send(to, message),
                Output::Append { after, bytes } => {
                    self.append = Some(self.connections.journal.append(after, bytes));
                }
                Output::Apply { mark, passed, entry } => {
                    self.erasing.read(&mark, entry.first, entry.records.len());
                    let records = (entry.first..).zip(entry.records);
                    let records =
                        records.map(|(position, bytes)| RawRecord { position, bytes: bytes.to_vec() });
                    self.hand_over(Work::Apply(FinishedEntry { passed, mark, records: records.collect() }));
                }
                Output::Pass { mark, passed } => {
                    self.erasing.read_void(self.clock(), mark.seq);
                    self.hand_over(Work::Apply(FinishedEntry { passed, mark, records: Vec::new() }));
                }
                Output::Judge { on, proposals, .. } => self.hand_over(Work::Judge { on, proposals }),
                Output::Settle { number, outcome } => {
                    let Some((reply, _reserved)) = self.waiting.remove(&number) else { continue };
                    self.hand_over(match outcome {
                        Settled::Answered(outcome) => Work::PassOn(reply, outcome),
                        Settled::NotStored => {
                            let why = "no leader could be reached within 20 s";
                            Work::Answer(reply, Err(SendError::Unavailable(why.into())))
                        }
                        Settled::Unknown => {
                            let why = "the leader did not answer within 20 s, or was replaced meanwhile";
                            Work::Answer(reply, Err(SendError::Unknown(why.into())))
                        }
                    });
                }
                Output::CatchUp => {
                    let why = "entries of the journal are gone that this node has not read";
                    self.gate.break_for(why.into());
                }
                Output::Stop(why) => self.gate.break_for(why.to_string()),
            }
        }
    }

    /// Waits while the thread that writes has much to do: then nothing more is to be read either.
    fn hand_over(&self, work: Work) {
        let _ = self.work.send(work);
    }
}

/// Returns how long ago an entry was made. One of the future is as one of long ago: this node's clock is too far behind
/// to say how old others are.
fn age_of(made_at: Timestamp, now: Timestamp) -> Duration {
    if made_at.0 > now.0 + CLOCKS_APART_MAX.as_millis() as u64 {
        return Duration::MAX;
    }
    Duration::from_millis(now.0.saturating_sub(made_at.0))
}

async fn next(entries: &mut Option<JournalEntries>) -> Option<Result<JournalEntry, FollowError>> {
    match entries {
        Some(entries) => std::future::poll_fn(|cx| entries.as_mut().poll_next(cx)).await,
        None => std::future::pending().await,
    }
}

async fn or_never<T>(future: &mut Option<JournalFuture<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// A way into a node for what the other nodes send. Cheap to clone.
#[derive(Clone)]
pub struct Inbound {
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) shared: Arc<Shared>,
}

impl Inbound {
    /// Hands a message of another node to this one. Drops it when too many wait: each may be lost.
    pub fn receive(&self, from: NodeId, message: Message) {
        let _ = self.inputs.try_send(Input::Message(from, message));
    }

    /// Takes what another node tells of its people and unfinished answers. Fails if another release has written it; then
    /// nothing of it counts.
    pub fn receive_signals(&self, from: NodeId, signals: &[u8]) -> Result<(), UnreadableSignals> {
        let shared = &self.shared;
        let Some(neighbours) = &shared.neighbours else { return Ok(()) };
        let changed = neighbours.hear(&shared.rooms, from, signals, Instant::now())?;
        for room in &changed {
            shared.mark(room);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_the_future_is_not_young() {
        let (now, seconds) = (Timestamp(100_000), Duration::from_secs);
        assert_eq!(age_of(Timestamp(97_000), now), seconds(3));
        assert_eq!(age_of(Timestamp(102_000), now), seconds(0));
        assert_eq!(age_of(Timestamp(102_001), now), Duration::MAX);
    }
}
