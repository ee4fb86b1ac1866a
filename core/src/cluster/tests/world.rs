//! A cluster, its journal and its network, on one clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::journal::{Lie, MemoryJournal, Read};
use super::oracle::{Oracle, Told, body, is_refused};
use crate::cluster::{
    Answer, AppliedBy, CLOCKS_APART_MAX, EntryId, Judged, Mark, Membership, Message, Node, NodeId, Output,
    Passed, ProposalId, Seq, Settled, Writer,
};

const NODES: u64 = 3;
const STEP_MS: u64 = 25;
/// Time in which there is trouble, and time in which everything is well again.
const TROUBLE_MS: u64 = 40_000;
const QUIET_MS: u64 = 60_000;
const SYNC_EVERY_MS: u64 = 1_000;
const APART_MS: u64 = CLOCKS_APART_MAX.as_millis() as u64;

/// The kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    Appends,
    Messages,
    Nodes,
    All,
    Lies,
}

impl Trouble {
    fn has(self, kind: Self) -> bool {
        self == kind || self == Self::All || (self == Self::Lies && kind != Self::None)
    }
}

/// The disk of a node.
#[derive(Clone, Default)]
struct Disk {
    mark: Mark,
    passed: Vec<Passed>,
    log: Vec<Bytes>,
}

struct Member {
    id: NodeId,
    run: u64,
    /// `None` while it is down.
    node: Option<Node>,
    /// Applied, and not on disk yet.
    state: Disk,
    disk: Disk,
    synced_at: u64,
    /// The work that the thread that writes has still to do, in order.
    work: VecDeque<Work>,
    /// The proposals of this run, by number.
    clients: BTreeMap<u64, (u64, AppliedBy)>,
    /// Its clock, beside that of the engine: from [`APART_MS`] behind to as much ahead.
    clock_ms: u64,
    /// Not scheduled until then: it is down, or paused.
    sleeps_until: u64,
    /// Cut off from the journal, and from the other nodes.
    no_journal_until: u64,
    no_peers_until: u64,
    /// Its disk is full: nothing is applied.
    no_disk_until: u64,
}

enum Work {
    Apply { mark: Mark, passed: Passed, first: u64, records: Vec<Bytes> },
    Settle { number: u64, outcome: Settled },
}

/// Something that happens later.
enum Happening {
    Deliver { to: NodeId, from: NodeId, message: Message },
    Append { by: Writer, after: Seq, bytes: Bytes, is_first: bool },
    Appended { by: Writer, is_stored: bool },
    Judged { by: Writer, judged: Judged },
    CatchUp { by: Writer },
}

pub struct World {
    trouble: Trouble,
    is_quiet: bool,
    now_ms: u64,
    rng: StdRng,
    journal: MemoryJournal,
    members: Vec<Member>,
    happenings: BTreeMap<(u64, u64), Happening>,
    happened: u64,
    oracle: Oracle,
    proposed: u64,
    has_lied: bool,
}

impl World {
    pub fn run(seed: u64, trouble: Trouble) {
        let mut world = Self::new(seed, trouble);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.live()));
        if let Err(panic) = result {
            eprintln!("{trouble:?}: MILLCHAT_SEED={seed}, at {} ms", world.now_ms);
            std::panic::resume_unwind(panic);
        }
    }

    fn new(seed: u64, trouble: Trouble) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let member = |id| Member {
            id,
            run: 0,
            node: None,
            state: Disk::default(),
            disk: Disk::default(),
            synced_at: 0,
            work: VecDeque::new(),
            clients: BTreeMap::new(),
            clock_ms: rng.random_range(0..=2 * APART_MS),
            sleeps_until: 0,
            no_journal_until: 0,
            no_peers_until: 0,
            no_disk_until: 0,
        };
        let members = (1..=NODES).map(member).collect();
        Self {
            trouble,
            is_quiet: false,
            now_ms: 1,
            rng,
            journal: MemoryJournal::new(seed),
            members,
            happenings: BTreeMap::new(),
            happened: 0,
            oracle: Oracle::default(),
            proposed: 0,
            has_lied: false,
        }
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.now_ms)
    }

    fn live(&mut self) {
        while self.now_ms < TROUBLE_MS {
            self.step();
            if self.chance(0.05) {
                let nth = self.rng.random_range(0..self.members.len());
                self.propose(nth);
            }
            self.make_trouble();
        }
        self.is_quiet = true;
        for nth in 0..self.members.len() {
            let member = &mut self.members[nth];
            (member.sleeps_until, member.no_journal_until, member.no_peers_until) = (0, 0, 0);
            member.no_disk_until = 0;
        }
        let end = TROUBLE_MS + QUIET_MS;
        while self.now_ms < end {
            self.step();
            if self.now_ms < end - 25_000 && self.chance(0.01) {
                let nth = self.rng.random_range(0..self.members.len());
                self.propose(nth);
            }
        }
        self.judge_the_end();
    }

    fn judge_the_end(&self) {
        let runs = |member: &&Member| member.node.as_ref().is_some_and(|node| node.stopped().is_none());
        let running: Vec<_> = self.members.iter().filter(runs).collect();
        for member in &running {
            assert_eq!(member.state.log, running[0].state.log, "two nodes that run have another log");
            if !self.has_lied {
                self.oracle.check(&member.state.log);
            }
        }
        if self.has_lied {
            return;
        }
        assert_eq!(running.len(), NODES as usize, "a node stopped, and the journal had not lied");
        let marks = running.iter().map(|member| member.state.mark.last);
        assert!(marks.clone().all(|last| last != EntryId::default()));
        let count = |told: fn(&Told) -> bool| self.oracle.outcomes().filter(told).count();
        let stored = count(|told| matches!(told, Told::Stored(_)));
        assert!(stored * 3 > self.proposed as usize, "{stored} of {} were stored", self.proposed);
        if self.trouble == Trouble::None {
            let unclear = count(|told| !matches!(told, Told::Stored(_) | Told::Refused));
            assert_eq!(unclear, 0, "without trouble everything is answered");
        }
    }

    fn step(&mut self) {
        self.now_ms += STEP_MS;
        while let Some(next) = self.happenings.first_entry()
            && next.key().0 <= self.now_ms
        {
            let happening = next.remove();
            self.happen(happening);
        }
        for nth in 0..self.members.len() {
            self.run_member(nth);
        }
        if !self.has_lied {
            self.look_at_readers();
        }
    }

    /// Also at nodes that are paused: they give texts when they go on, before anything else has run.
    fn look_at_readers(&self) {
        let now = self.now();
        for Member { id, node, state, .. } in &self.members {
            if node.as_ref().is_some_and(|node| node.is_current(now)) {
                self.oracle.serves(*id, &state.log);
            }
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    /// Returns true if there is this trouble now.
    fn strikes(&mut self, kind: Trouble, probability: f64) -> bool {
        let probability = if self.is_quiet || !self.trouble.has(kind) { 0.0 } else { probability };
        self.chance(probability)
    }

    fn later(&mut self, in_ms: u64, happening: Happening) {
        self.happened += 1;
        self.happenings.insert((self.now_ms + in_ms, self.happened), happening);
    }

    fn run_member(&mut self, nth: usize) {
        let (now, now_ms) = (self.now(), self.now_ms);
        let member = &mut self.members[nth];
        if now_ms < member.sleeps_until {
            return;
        }
        if member.node.is_none() {
            member.run += 1;
            member.state = member.disk.clone();
            let membership = Membership {
                cluster: [7; 16],
                me: Writer { node: member.id, run: member.run },
                members: (1..=NODES).collect(),
                entry_bytes_max: 3_000,
            };
            member.node = Some(Node::new(now, membership, member.disk.mark, member.disk.passed.clone()));
        }
        if now_ms >= member.no_journal_until {
            self.read_journal(nth);
        }
        if let Some(node) = &mut self.members[nth].node {
            node.tick(now);
        }
        self.obey(nth);
        // Now and then the disk is slow.
        let done = self.rng.random_range(0..=self.members[nth].work.len() * 2);
        if now_ms >= self.members[nth].no_disk_until {
            self.work(nth, done);
        }
        let member = &mut self.members[nth];
        if now_ms >= member.synced_at + SYNC_EVERY_MS {
            member.synced_at = now_ms;
            member.disk = member.state.clone();
        }
    }

    fn read_journal(&mut self, nth: usize) {
        let now = self.now();
        let (newest, clock_ms) = (self.journal.newest(), self.members[nth].clock_ms);
        let Some(node) = &mut self.members[nth].node else { return };
        node.engine_answered(now, node.mark().seq, newest);
        // Now and then a node reads a little only.
        let entries_max = self.rng.random_range(0..6);
        for _ in 0..entries_max {
            let Some(node) = &mut self.members[nth].node else { return };
            match self.journal.read(node.mark().seq) {
                Read::End => break,
                Read::Missing => node.missing(),
                Read::Entry(seq, made_ms, bytes) => {
                    let age = (self.now_ms + clock_ms).saturating_sub(made_ms + APART_MS);
                    node.entry(now, Duration::from_millis(age), seq, &bytes);
                }
            }
            self.obey(nth);
        }
    }

    /// Carries out the orders of a node.
    fn obey(&mut self, nth: usize) {
        while let Some(output) = self.members[nth].node.as_mut().and_then(Node::next_output) {
            let by = Writer { node: self.members[nth].id, run: self.members[nth].run };
            match output {
                Output::Send { to, message } => self.send(by.node, to, &message),
                Output::Append { after, bytes } => self.append(nth, by, after, bytes),
                Output::Apply { mark, passed, entry } => {
                    let (first, records) = (entry.first, entry.records);
                    self.members[nth].work.push_back(Work::Apply { mark, passed, first, records });
                }
                Output::Pass { mark, passed } => {
                    let (first, records) = (mark.head + 1, Vec::new());
                    self.members[nth].work.push_back(Work::Apply { mark, passed, first, records });
                }
                Output::Judge { on, first, proposals } => {
                    // Now and then a writer does not take all of them.
                    let count = self.rng.random_range(0..=proposals.len() * 2).min(proposals.len());
                    let judged = judge(on, first, &proposals[..count]);
                    let in_ms = self.rng.random_range(0..40);
                    self.later(in_ms, Happening::Judged { by, judged });
                }
                Output::Settle { number, outcome } => {
                    self.members[nth].work.push_back(Work::Settle { number, outcome });
                }
                Output::CatchUp => self.later(50, Happening::CatchUp { by }),
                Output::Stop(why) => {
                    assert!(self.has_lied, "{why}");
                    self.leave_clients(nth);
                }
            }
        }
    }

    /// Does a part of the work of the thread that writes.
    fn work(&mut self, nth: usize, count: usize) {
        let now = self.now();
        for _ in 0..count {
            let member = &mut self.members[nth];
            match member.work.pop_front() {
                None => break,
                Some(Work::Apply { mark, passed, first, records }) => {
                    for (position, record) in (first..).zip(&records) {
                        if !self.has_lied {
                            self.oracle.applied(position, record);
                        }
                        member.state.log.push(record.clone());
                    }
                    member.state.mark = mark;
                    member.state.passed.push(passed);
                    assert_eq!(mark.head, member.state.log.len() as u64);
                    if let Some(node) = &mut member.node {
                        node.applied(now, mark.seq);
                    }
                    self.obey(nth);
                }
                Some(Work::Settle { number, outcome }) => {
                    let (proposal, by) = member.clients.remove(&number).expect("it was not settled before");
                    if self.has_lied {
                        self.oracle.left(proposal);
                    } else {
                        self.oracle.told(proposal, &outcome, by, &member.state.log);
                    }
                }
            }
        }
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: &Message) {
        let times = if self.strikes(Trouble::Messages, 0.1) { 2 } else { 1 };
        for _ in 0..times {
            if self.strikes(Trouble::Messages, 0.1) {
                continue;
            }
            let mut in_ms = self.rng.random_range(1..30);
            if self.strikes(Trouble::Messages, 0.05) {
                in_ms += self.rng.random_range(0..15_000);
            }
            self.later(in_ms, Happening::Deliver { to, from, message: message.clone() });
        }
    }

    fn append(&mut self, nth: usize, by: Writer, after: Seq, bytes: Bytes) {
        if self.now_ms < self.members[nth].no_journal_until {
            return self.later(500, Happening::Appended { by, is_stored: false });
        }
        if self.strikes(Trouble::Appends, 0.1) {
            // Never stored, and not known.
            return self.later(700, Happening::Appended { by, is_stored: false });
        }
        let mut in_ms = self.rng.random_range(1..40);
        if self.strikes(Trouble::Appends, 0.1) {
            in_ms += self.rng.random_range(0..8_000);
            self.later(700, Happening::Appended { by, is_stored: false });
        }
        if self.strikes(Trouble::Appends, 0.1) {
            let again_in_ms = in_ms + self.rng.random_range(1..8_000);
            let bytes = bytes.clone();
            self.later(again_in_ms, Happening::Append { by, after, bytes, is_first: false });
        }
        self.later(in_ms, Happening::Append { by, after, bytes, is_first: true });
    }

    fn member(&mut self, by: Writer) -> Option<(usize, &mut Node)> {
        let now_ms = self.now_ms;
        let nth = self.members.iter().position(|member| member.id == by.node)?;
        let member = &mut self.members[nth];
        let is_awake = member.run == by.run && now_ms >= member.sleeps_until;
        member.node.as_mut().filter(|_| is_awake).map(|node| (nth, node))
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now();
        match happening {
            Happening::Append { by, after, bytes, is_first } => {
                let compares = !self.strikes(Trouble::Appends, 0.5);
                let is_stored = self.journal.append(self.now_ms, after, bytes, compares);
                let is_answer_lost = self.strikes(Trouble::Appends, 0.1);
                if is_first {
                    let is_stored = is_stored && !is_answer_lost;
                    let in_ms = self.rng.random_range(1..40);
                    self.later(in_ms, Happening::Appended { by, is_stored });
                }
            }
            Happening::Deliver { to, from, message } => {
                let now_ms = self.now_ms;
                let is_cut = |member: &Member| {
                    (member.id == to || member.id == from) && now_ms < member.no_peers_until
                };
                if self.members.iter().any(is_cut) {
                    return;
                }
                let run = self.members[to as usize - 1].run;
                let Some((nth, node)) = self.member(Writer { node: to, run }) else { return };
                node.receive(now, from, message);
                self.obey(nth);
            }
            Happening::Appended { by, is_stored } => {
                let Some((nth, node)) = self.member(by) else {
                    return self.again(by, |by| Happening::Appended { by, is_stored });
                };
                node.appended(now, is_stored);
                self.obey(nth);
            }
            Happening::Judged { by, judged } => {
                let Some((nth, node)) = self.member(by) else {
                    return self.again(by, |by| Happening::Judged { by, judged });
                };
                node.judged(now, judged);
                self.obey(nth);
            }
            Happening::CatchUp { by } => self.catch_up(by),
        }
    }

    /// Keeps a thing for a node that is paused, until it goes on.
    fn again(&mut self, by: Writer, happening: impl FnOnce(Writer) -> Happening) {
        let member = &self.members[by.node as usize - 1];
        if member.run == by.run && member.node.is_some() {
            self.later(100, happening(by));
        }
    }

    fn catch_up(&mut self, by: Writer) {
        let now = self.now();
        // All that was read before is applied before what follows it.
        let Some(nth) = self.member(by).map(|(nth, _)| nth) else {
            return self.again(by, |by| Happening::CatchUp { by });
        };
        self.work(nth, usize::MAX);
        let from = self.rng.random_range(0..self.members.len());
        let Disk { mark, passed, log } = self.members[from].state.clone();
        let is_up = self.members[from].node.as_ref().is_some_and(|node| node.stopped().is_none());
        let Some((nth, node)) = self.member(by) else {
            return self.again(by, |by| Happening::CatchUp { by });
        };
        if nth == from || !is_up || !node.caught_up(now, mark, passed.iter().copied()) {
            self.later(100, Happening::CatchUp { by });
            return self.obey(nth);
        }
        let state = &mut self.members[nth].state;
        assert!(self.has_lied || log.starts_with(&state.log), "no continuation");
        *state = Disk { mark, passed, log };
        if let Some(node) = &mut self.members[nth].node {
            node.applied(now, mark.seq);
        }
        self.obey(nth);
    }

    fn propose(&mut self, nth: usize) {
        let now = self.now();
        let Member { id, run, .. } = self.members[nth];
        for _ in 0..self.rng.random_range(1..20) {
            let Some((_, node)) = self.member(Writer { node: id, run }) else { return };
            if node.stopped().is_some() {
                return;
            }
            self.proposed += 1;
            let proposal = self.proposed;
            let by = if self.chance(0.3) { AppliedBy::All } else { AppliedBy::This };
            let Some((_, node)) = self.member(Writer { node: id, run }) else { return };
            let number = node.propose(now, vec![(body(proposal), by)])[0].expect("few are open");
            self.oracle.proposed(proposal);
            self.members[nth].clients.insert(number, (proposal, by));
            self.obey(nth);
        }
    }

    /// The clients of a node that is gone do not know.
    fn leave_clients(&mut self, nth: usize) {
        self.members[nth].work.retain(|work| !matches!(work, Work::Settle { .. }));
        for (proposal, _) in std::mem::take(&mut self.members[nth].clients).into_values() {
            self.oracle.left(proposal);
        }
    }

    fn make_trouble(&mut self) {
        let nth = self.rng.random_range(0..self.members.len());
        // Some outlast the time for which the others wait.
        let for_ms = if self.chance(0.1) { 30_000 } else { self.rng.random_range(100..12_000) };
        let until = self.now_ms + for_ms;
        if self.strikes(Trouble::Nodes, 0.002) && self.members[nth].node.is_some() {
            self.leave_clients(nth);
            let member = &mut self.members[nth];
            (member.node, member.sleeps_until) = (None, until);
            member.work.clear();
        }
        if self.strikes(Trouble::Nodes, 0.002) {
            self.members[nth].sleeps_until = until;
        }
        if self.strikes(Trouble::Nodes, 0.002) {
            self.members[nth].no_journal_until = until;
        }
        if self.strikes(Trouble::Nodes, 0.002) {
            self.members[nth].no_peers_until = until;
        }
        if self.strikes(Trouble::Nodes, 0.002) {
            self.members[nth].no_disk_until = until;
        }
        if self.strikes(Trouble::Nodes, 0.005) {
            // What at least two nodes have on disk may be forgotten.
            let mut seqs: Vec<_> = self.members.iter().map(|member| member.disk.mark.seq).collect();
            seqs.sort_unstable();
            self.journal.forget(seqs[1].saturating_sub(3));
        }
        if self.trouble == Trouble::Lies && self.chance(0.001) {
            let lies = [Lie::GoBack, Lie::Lose, Lie::Exchange, Lie::Flip, Lie::Overwrite];
            let lie = lies[self.rng.random_range(0..lies.len())];
            self.has_lied = true;
            self.journal.lie(lie);
        }
    }
}

/// Judges as a writer would, and remembers nothing: a proposal that comes twice is stored twice.
fn judge(on: EntryId, first: u64, proposals: &[(ProposalId, Bytes)]) -> Judged {
    let mut judged = Judged { on, ..Judged::default() };
    for (to, body) in proposals {
        let proposal = u64::from_le_bytes(body[..].try_into().expect("a proposal"));
        let outcome = if is_refused(proposal) {
            Bytes::new()
        } else {
            judged.records.push(body.clone());
            let position = first + judged.records.len() as u64 - 1;
            position.to_le_bytes().to_vec().into()
        };
        judged.answers.push(Answer { to: *to, outcome });
    }
    judged
}
