//! The protocol of one node, without input and output.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::cluster::chain::{Broken, Chain, Mark, Passed, Standing};
use crate::cluster::clock::Clock;
use crate::cluster::entry::{Answer, Entry, EntryId, NodeId, ProposalId, Seq, Term, Writer};
use crate::cluster::everywhere::{AppliedBy, Everywhere, SILENT_MAX};
use crate::cluster::gathering::Gathering;
use crate::cluster::identity::ClusterId;
use crate::cluster::inbox::Inbox;
use crate::cluster::journal::CLOCKS_APART_MAX;
use crate::cluster::message::{Message, Status};
use crate::cluster::orders::{Judged, Membership, Output, Settled, Stopped};
use crate::cluster::proposals::{Proposals, Unanswered};
use crate::cluster::state::{NodeState, OtherNode};
use crate::cluster::takeover::Takeover;
use crate::cluster::witness::{Opinion, Witness};

/// A node tells the others its place this often; from the leader, this is the heartbeat.
const STATUS_EVERY: Duration = Duration::from_millis(500);
/// … and after it has applied answers, but not more often than this.
const STATUS_PAUSE: Duration = Duration::from_millis(20);
/// The leader writes an empty entry after this time without one: by it all know that they are current.
const QUIET_MAX: Duration = Duration::from_secs(1);
/// An entry of which it is not known if it is in the journal is put there again after this time …
const REPEAT_AFTER: Duration = Duration::from_millis(200);
/// … and one that is, if it does not come back, after this.
const READ_BACK_MAX: Duration = Duration::from_secs(3);
/// A journal that is shorter than what was read of it is believed after this time: a server of the engine that is busy
/// may say for a moment what was so before …
const SHORT_MAX: Duration = Duration::from_secs(2);
/// … and has this time to come back.
const WENT_BACK_MAX: Duration = Duration::from_secs(30);
/// A node whose newest entry is older than this is not current, unless all others have no newer one.
const CURRENT_AGE_MAX: Duration = Duration::from_secs(15);
const _: () = assert!(SILENT_MAX.as_secs() > CURRENT_AGE_MAX.as_secs() + CLOCKS_APART_MAX.as_secs());
/// Most proposals of one entry.
pub const ENTRY_PROPOSALS_MAX: usize = 8_192;

/// An entry that this node wants in the journal.
#[derive(Debug)]
struct Wanted {
    prev: EntryId,
    bytes: Bytes,
    /// When it is put there again; `None` while that is under way.
    again_at: Option<Duration>,
}

/// An entry on its way to the log.
#[derive(Debug)]
struct Unapplied {
    seq: Seq,
    made_at: Option<Duration>,
    has_answers: bool,
}

/// The protocol of one node. Times are those of a clock that never goes back, from any moment on.
#[derive(Debug)]
pub struct Node {
    membership: Membership,
    chain: Chain,
    /// The newest entry that is applied and shown to readers. The chain may be ahead.
    applied: Seq,
    /// The entries that count and are not applied yet. Bounded by the work that the owner takes at once.
    unapplied: VecDeque<Unapplied>,
    proposals: Proposals,
    everywhere: Everywhere,
    inbox: Inbox,
    witness: Witness,
    opinion: Opinion,
    clock: Clock,
    /// The difference between this machine's clock and the engine's, if it is too large.
    clock_ahead_ms: Option<i64>,
    /// False while its disk has no room for what a leader takes.
    has_room: bool,
    takeover: Takeover,
    /// At most one: the next names it.
    wanted: Option<Wanted>,
    /// The state on which the writer judges at this time, and the proposals.
    judging: Option<(EntryId, Vec<(ProposalId, Bytes)>)>,
    gathering: Gathering,
    told_at: Option<Duration>,
    /// It has applied answers since.
    has_news: bool,
    /// When the newest entry that counts and is applied was made, by the engine's clock or by this node's, whichever is
    /// earlier; `None` before the first of this run.
    newest_made_at: Option<Duration>,
    /// The newest entry of the journal, as the engine last said.
    newest: Seq,
    /// The same, as it said first in this run.
    newest_at_start: Option<Seq>,
    /// Since when the engine says less than was read, and when it said so last.
    went_back: Option<(Duration, Duration)>,
    is_catching_up: bool,
    stopped: Option<Stopped>,
    outputs: VecDeque<Output>,
}

impl Node {
    /// A node at the place that its log has stored, with the entries up to it, oldest first (at most
    /// [`MARKS_MAX`](super::MARKS_MAX)).
    pub fn new(
        now: Duration,
        membership: Membership,
        mark: Mark,
        passed: impl IntoIterator<Item = Passed>,
    ) -> Self {
        let seed = membership.me.node ^ membership.me.run.rotate_left(32);
        Self {
            membership,
            chain: Chain::at(mark, passed),
            applied: mark.seq,
            unapplied: VecDeque::new(),
            proposals: Proposals::default(),
            everywhere: Everywhere::default(),
            inbox: Inbox::default(),
            witness: Witness::default(),
            opinion: Opinion::Fine,
            clock: Clock::default(),
            clock_ahead_ms: None,
            has_room: true,
            takeover: Takeover::new(now, seed),
            wanted: None,
            judging: None,
            gathering: Gathering::default(),
            told_at: None,
            has_news: false,
            newest_made_at: None,
            newest: 0,
            newest_at_start: None,
            went_back: None,
            is_catching_up: false,
            stopped: None,
            outputs: VecDeque::new(),
        }
    }

    /// The next order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The place that it has reached.
    pub fn mark(&self) -> &Mark {
        self.chain.mark()
    }

    /// The newest entries, oldest first.
    pub fn passed(&self) -> impl Iterator<Item = Passed> + '_ {
        self.chain.passed()
    }

    /// Why it stopped, if it did.
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// Returns when [`Node::tick`] is due, if that is not at its next turn.
    pub fn due_at(&self) -> Option<Duration> {
        let news_at = self.told_at.filter(|_| self.has_news).map(|at| at + STATUS_PAUSE);
        news_at.into_iter().chain(self.gathering.until()).min()
    }

    /// Returns true if it is the leader, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.chain.mark().leader == self.membership.me && self.stopped.is_none()
    }

    /// Returns what it knows of its cluster.
    pub fn state(&self, now: Duration) -> NodeState {
        let others = self.others().into_iter();
        let others = others.map(|node| OtherNode { node, heard: self.witness.heard(now, node) });
        NodeState {
            cluster: ClusterId(self.membership.cluster),
            me: self.membership.me,
            mark: *self.chain.mark(),
            newest: self.newest,
            is_leader: self.may_lead() && self.is_current(now),
            is_current: self.is_current(now),
            is_left_behind: self.is_catching_up,
            clock_ahead_ms: self.clock_ahead_ms,
            erasing: 0,
            stopped: self.stopped.as_ref().map(ToString::to_string),
            others: others.collect(),
        }
    }

    /// Takes proposals. Returns their numbers; `None` for those that do not fit, which are not stored.
    pub fn propose(&mut self, now: Duration, proposals: Vec<(Bytes, AppliedBy)>) -> Vec<Option<u64>> {
        if self.stopped.is_some() {
            return vec![None; proposals.len()];
        }
        let others = self.everywhere.len();
        let numbers =
            proposals.into_iter().map(|proposal| self.proposals.add(now, proposal, others)).collect();
        self.advance(now);
        numbers
    }

    /// Returns true if what this node has applied is all that was acknowledged anywhere until a short while ago.
    pub fn is_current(&self, now: Duration) -> bool {
        self.current_until(now).is_some_and(|until| now <= until)
    }

    /// Returns the time until which that is so, unless something happens; `None` if it is not so at all.
    pub fn current_until(&self, now: Duration) -> Option<Duration> {
        let has_read_all = self.newest_at_start.is_some_and(|newest| self.applied >= newest);
        let is_at_end = self.applied == self.chain.mark().seq;
        let unanimous_until = || self.witness.unanimous_until(now, &self.chain, &self.others());
        let unanimous_until = is_at_end.then(unanimous_until).flatten();
        self.young_until().max(unanimous_until).filter(|_| self.is_sound() && has_read_all)
    }

    fn young_until(&self) -> Option<Duration> {
        self.newest_made_at.map(|at| at + CURRENT_AGE_MAX)
    }

    /// Returns when the newest entry that is applied was made, as far as it is known.
    pub fn newest_made_at(&self) -> Option<Duration> {
        self.newest_made_at
    }

    /// Says whether this node's disk has room for what a leader takes. Without it, another node is to lead.
    pub fn set_room(&mut self, has_room: bool) {
        self.has_room = has_room;
    }

    /// Compares the clocks at an entry that is about to be taken: by how many milliseconds this machine's is ahead of
    /// the time at which the engine stored it.
    pub fn compare_clocks(&mut self, now: Duration, seq: Seq, ahead_ms: i64) {
        // One that the engine had before it was last asked may have waited for long.
        if self.newest_at_start.is_some() && seq > self.newest {
            self.clock.compare(now, ahead_ms);
        }
    }

    /// Takes the next entry of the journal, which was made so long ago by the engine's clock.
    pub fn entry(&mut self, now: Duration, age: Duration, seq: Seq, bytes: &Bytes) {
        if self.stopped.is_some() || self.is_catching_up {
            return;
        }
        let (entry, id) = match Entry::decode(bytes) {
            Ok(decoded) => decoded,
            Err(why) => return self.stop(Broken::Unreadable { seq, why }.into()),
        };
        let term = self.chain.mark().term;
        let standing = match self.chain.take(&self.membership.cluster, seq, (&entry, id)) {
            Ok(Standing::Known) => return,
            Ok(standing) => standing,
            Err(broken) => return self.stop(broken.into()),
        };
        self.went_back = None;
        let mark = *self.chain.mark();
        let Some(&passed) = self.chain.at_seq(seq) else { return };
        if standing == Standing::Void {
            self.outputs.push_back(Output::Pass { mark, passed });
        } else {
            self.takeover.entry(now);
            // One that was made before this run says nothing of now.
            let made_at = now.checked_sub(age);
            self.unapplied.push_back(Unapplied { seq, made_at, has_answers: !entry.answers.is_empty() });
            let answers = entry.answers.clone();
            if self.is_leader() {
                self.gathering.read(answers.len(), self.inbox.len());
            }
            self.outputs.push_back(Output::Apply { mark, passed, entry });
            // Before the term ends: what it has stored is not handed to the next leader.
            for Answer { to, outcome } in answers {
                if to.by != self.membership.me {
                    continue;
                }
                match self.proposals.settle(to.number) {
                    Some(AppliedBy::This) => self.answer(to.number, outcome),
                    Some(AppliedBy::All) => self.everywhere.add(seq, to.number, outcome),
                    None => {}
                }
            }
            if mark.term != term {
                self.begin_term(now);
            }
            // That which counts has taken the place of what this node wanted there, or is that.
            self.wanted.take_if(|wanted| wanted.prev != mark.last);
        }
        self.advance(now);
    }

    /// All entries up to this one are applied, and shown to the readers.
    pub fn applied(&mut self, now: Duration, seq: Seq) {
        if self.stopped.is_some() {
            return;
        }
        self.applied = self.applied.max(seq);
        while let Some(entry) = self.unapplied.pop_front_if(|entry| entry.seq <= seq) {
            self.newest_made_at = entry.made_at;
            self.has_news |= entry.has_answers;
        }
        if self.unapplied.is_empty() {
            self.gathering.answered(now);
        }
        self.everywhere.applied(now, seq);
        self.tell_if_due(now);
        self.answer_everywhere(now);
    }

    /// Entries that are to be read are not in the journal any more.
    pub fn missing(&mut self) {
        if self.stopped.is_some() || self.is_catching_up {
            return;
        }
        self.is_catching_up = true;
        self.gathering.end();
        self.proposals.note_gap();
        self.outputs.push_back(Output::CatchUp);
    }

    /// The records of another node, up to the place that it had reached, are applied. `passed` are the
    /// entries up to that place, oldest first. Call it before they are applied: if it returns false, they are
    /// not a continuation, and another node is to be asked.
    pub fn caught_up(&mut self, now: Duration, mark: Mark, passed: impl IntoIterator<Item = Passed>) -> bool {
        let mine = *self.chain.mark();
        if self.stopped.is_some() || !self.is_catching_up || mark.seq <= mine.seq {
            return false;
        }
        let theirs = Chain::at(mark, passed);
        let is_beginning = mine.seq == 0;
        if !is_beginning && theirs.trail(mine.seq) != self.chain.trail(mine.seq) {
            self.stop(Stopped::NoCommonPast);
            return false;
        }
        self.chain = theirs;
        self.is_catching_up = false;
        self.takeover.entry(now);
        // It may be among the entries that were not read, or be void: its proposals are not judged again.
        self.wanted = None;
        if let Some((_, proposals)) = self.judging.take() {
            self.inbox.give_back(proposals);
        }
        if mark.term != mine.term {
            self.begin_term(now);
        }
        self.advance(now);
        true
    }

    /// The newest entry of the journal, as the engine has just said. `read` is the newest that had been read when
    /// it was asked.
    pub fn engine_answered(&mut self, now: Duration, read: Seq, newest: Seq) {
        self.takeover.engine_answered(now);
        self.newest = newest;
        self.newest_at_start.get_or_insert(newest);
        if newest >= read {
            self.went_back = None;
            return;
        }
        let (since, last) = self.went_back.get_or_insert((now, now));
        *last = now;
        if now >= *since + WENT_BACK_MAX {
            self.stop(Stopped::WentBack { newest, read });
        }
    }

    /// The append that [`Output::Append`] ordered has ended. `is_stored` is true if the engine says so.
    pub fn appended(&mut self, now: Duration, is_stored: bool) {
        let pause = if is_stored { READ_BACK_MAX } else { REPEAT_AFTER };
        if let Some(wanted) = &mut self.wanted {
            wanted.again_at.get_or_insert(now + pause);
        }
    }

    /// The writer has judged.
    pub fn judged(&mut self, now: Duration, judged: Judged) {
        let Some((_, mut proposals)) = self.judging.take_if(|(on, _)| *on == judged.on) else { return };
        // Another entry was faster: this one would be void.
        if judged.on != self.chain.mark().last || !self.is_leader() || self.wanted.is_some() {
            return;
        }
        let is_empty = proposals.is_empty();
        let pairs = proposals.iter().zip(&judged.answers);
        let answered = pairs.take_while(|((id, _), answer)| answer.to == *id).count();
        self.inbox.give_back(proposals.split_off(answered));
        if answered > 0 || is_empty {
            self.want(self.chain.mark().term, judged);
        }
        self.advance(now);
    }

    /// Takes a message of another node.
    pub fn receive(&mut self, now: Duration, from: NodeId, message: Message) {
        if self.stopped.is_some() {
            return;
        }
        let Mark { term, leader, .. } = *self.chain.mark();
        match message {
            Message::Status(status) => {
                if status.is_leader && from == leader.node && status.term == term {
                    self.takeover.hear_leader(now);
                }
                self.witness.hear(now, from, status);
                self.answer_everywhere(now);
            }
            Message::Forward { run, term: of, lowest, proposals } => {
                // Those of an earlier term may be the next leader's by now.
                if of != term || !self.may_lead() {
                    return;
                }
                let numbers = self.inbox.offer(Writer { node: from, run }, lowest, proposals);
                let message = Message::Confirm { run, term, numbers };
                self.outputs.push_back(Output::Send { to: from, message });
            }
            Message::Confirm { run, term: of, numbers } => {
                if run == self.membership.me.run {
                    self.proposals.confirm(of, &numbers);
                }
                if from == leader.node && of == term {
                    self.takeover.hear_leader(now);
                }
            }
        }
        self.advance(now);
    }

    /// Lets time pass. Called ten times a second or more.
    pub fn tick(&mut self, now: Duration) {
        if self.stopped.is_some() {
            return;
        }
        self.clock_ahead_ms = self.clock.difference_ms(now);
        self.opinion = self.witness.opinion(now, &self.chain, self.membership.members.len());
        if self.opinion == Opinion::Refuted {
            return self.stop(Stopped::Refuted);
        }
        for (number, outcome) in self.proposals.expire(now) {
            let outcome = match outcome {
                Unanswered::NotStored => Settled::NotStored,
                Unanswered::Unknown => Settled::Unknown,
            };
            self.outputs.push_back(Output::Settle { number, outcome });
        }
        if self.young_until().is_some_and(|until| now <= until) {
            self.witness.believe(now);
        }
        self.tell_if_due(now);
        self.answer_everywhere(now);
        self.take_over_if_silent(now);
        self.advance(now);
    }

    /// Returns true if it may act as the leader that it is.
    fn may_lead(&self) -> bool {
        self.is_leader() && self.has_room && self.is_sound()
    }

    /// Returns true if there is no doubt about what it has read.
    fn is_sound(&self) -> bool {
        self.stopped.is_none()
            && self.opinion == Opinion::Fine
            && self.clock_ahead_ms.is_none()
            && !self.is_short()
            && !self.is_catching_up
    }

    /// Returns true if the engine goes on saying that the journal has not got all that was read of it.
    fn is_short(&self) -> bool {
        self.went_back.is_some_and(|(since, last)| last >= since + SHORT_MAX)
    }

    /// Returns true if there are entries that it has not read: behind them nothing of its own can count.
    fn is_behind(&self) -> bool {
        self.newest > self.chain.mark().seq
    }

    fn answer(&mut self, number: u64, outcome: Bytes) {
        let outcome = Settled::Answered(outcome);
        self.outputs.push_back(Output::Settle { number, outcome });
    }

    /// Answers what no node that is current lacks.
    fn answer_everywhere(&mut self, now: Duration) {
        let by_others = self.witness.applied_by(&self.others());
        for (number, outcome) in self.everywhere.take(now, by_others) {
            self.answer(number, outcome);
        }
    }

    fn tell_if_due(&mut self, now: Duration) {
        let pause = if self.has_news { STATUS_PAUSE } else { STATUS_EVERY };
        if self.told_at.is_none_or(|at| now >= at + pause) {
            (self.told_at, self.has_news) = (Some(now), false);
            self.tell_status();
        }
    }

    fn tell_status(&mut self) {
        let (term, seq) = (self.chain.mark().term, self.applied);
        let Some(trail) = self.chain.trail(seq) else { return };
        let status = Status { term, seq, trail, is_leader: self.may_lead() };
        for to in self.others() {
            self.outputs.push_back(Output::Send { to, message: Message::Status(status) });
        }
    }

    fn others(&self) -> Vec<NodeId> {
        let me = self.membership.me.node;
        self.membership.members.iter().copied().filter(|node| *node != me).collect()
    }

    fn begin_term(&mut self, now: Duration) {
        self.gathering.end();
        let term = self.chain.mark().term;
        self.inbox.clear();
        self.judging = None;
        self.takeover.begin_term(now);
        for number in self.proposals.begin_term(term) {
            self.outputs.push_back(Output::Settle { number, outcome: Settled::Unknown });
        }
    }

    /// Takes the next term, if the leader has been silent for long.
    fn take_over_if_silent(&mut self, now: Duration) {
        let is_able = !self.is_leader()
            && self.has_room
            && self.is_sound()
            && !self.is_behind()
            && self.wanted.is_none();
        if !self.takeover.is_due(now, is_able) {
            return;
        }
        let Mark { term, last, floor, .. } = *self.chain.mark();
        self.want(term + 1, Judged { on: last, floor, ..Judged::default() });
    }

    /// Makes the entry that comes next, for [`Node::advance`] to put it into the journal.
    fn want(&mut self, term: Term, judged: Judged) {
        let Judged { on: prev, records, answers, floor } = judged;
        let Membership { cluster, me: writer, .. } = self.membership;
        let first = self.chain.mark().head + 1;
        let (bytes, _) = Entry { cluster, term, writer, prev, first, floor, answers, records }.encode();
        self.wanted = Some(Wanted { prev, bytes, again_at: Some(Duration::ZERO) });
    }

    /// Does what can be done now.
    fn advance(&mut self, now: Duration) {
        if self.stopped.is_some() || self.is_catching_up {
            return;
        }
        self.hand_over(now);
        self.gathering.tick(now);
        if self.may_lead() && self.wanted.is_none() && self.judging.is_none() {
            self.lead(now);
        }
        let after = self.chain.mark().seq;
        if let Some(wanted) = &mut self.wanted
            && self.went_back.is_none()
            && self.newest <= after
            && wanted.again_at.is_some_and(|at| now >= at)
        {
            wanted.again_at = None;
            self.outputs.push_back(Output::Append { after, bytes: wanted.bytes.clone() });
        }
    }

    /// Hands the proposals to the leader.
    fn hand_over(&mut self, now: Duration) {
        let Mark { term, leader, .. } = *self.chain.mark();
        if term == 0 || (leader == self.membership.me && !self.may_lead()) {
            return;
        }
        // The run before this one is nobody's leader.
        if leader.node == self.membership.me.node && leader != self.membership.me {
            return;
        }
        let Writer { node, run } = self.membership.me;
        let lowest = self.proposals.lowest();
        for proposals in self.proposals.take_due(now, term) {
            if leader.node == node {
                let numbers = self.inbox.offer(self.membership.me, lowest, proposals);
                self.proposals.confirm(term, &numbers);
            } else {
                let message = Message::Forward { run, term, lowest, proposals };
                self.outputs.push_back(Output::Send { to: leader.node, message });
            }
        }
    }

    fn lead(&mut self, now: Duration) {
        let Mark { last: on, head, .. } = *self.chain.mark();
        let is_full = self.inbox.fills(ENTRY_PROPOSALS_MAX, self.membership.entry_bytes_max);
        if !is_full && self.gathering.waits_with(self.inbox.len()) {
            return;
        }
        self.gathering.end();
        // An entry without proposals takes the retention along.
        if !self.inbox.is_empty() || now >= self.takeover.entry_at() + QUIET_MAX {
            let proposals = self.inbox.take(ENTRY_PROPOSALS_MAX, self.membership.entry_bytes_max);
            self.judging = Some((on, proposals.clone()));
            self.outputs.push_back(Output::Judge { on, first: head + 1, proposals });
        }
    }

    fn stop(&mut self, why: Stopped) {
        self.stopped = Some(why.clone());
        self.gathering.end();
        self.outputs.push_back(Output::Stop(why));
    }
}
