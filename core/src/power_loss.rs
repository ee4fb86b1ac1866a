//! Power loss, tested: at every sync of a workload the disk is opened as a power loss would have left it.
//!
//! `kill -9` leaves the page cache and so proves nothing about fsync. This disk forgets: what was written
//! after the last sync is gone, or is there in part, in any order. The log is opened from what is left and
//! the oracle holds it against everything that was acknowledged by then.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use redb::StorageBackend;

use crate::event::{Action, Author, AuthorKind, Draft, Position, RoomName};
use crate::log::redb::RedbLog;
use crate::log::{Log, READ_EVENTS_MAX};
use crate::oracle::{Act, Oracle, Reacting, RecoveredLog, Said, Seen, digest};
use crate::{Builder, Chat, Keep, Reaction};

/// Writes tear at the boundaries of these.
const SECTOR_BYTES: usize = 512;

/// Called at each sync with two disks as a power loss during it could leave them.
type AtSync = Box<dyn FnMut(Vec<u8>, Vec<u8>) + Send>;

/// A disk that keeps what was synced apart from what was written.
struct Disk {
    written: Vec<u8>,
    synced: Vec<u8>,
    /// What was written since the last sync.
    since: Vec<(usize, Vec<u8>)>,
    syncs: usize,
    /// Whether a sync makes anything durable: a disk for which it does not must be found out.
    honest: bool,
    /// Whether the disk is looked at: not before the log is there (a new one is made under another name).
    watched: bool,
    at_sync: AtSync,
    random: StdRng,
}

impl Disk {
    fn new(image: Vec<u8>, at_sync: AtSync) -> Self {
        let random = StdRng::seed_from_u64(7);
        Self {
            written: image.clone(),
            synced: image,
            since: Vec::new(),
            syncs: 0,
            honest: true,
            watched: false,
            at_sync,
            random,
        }
    }

    /// The synced disk with a random part of what was written since, in sectors.
    fn torn(&mut self) -> Vec<u8> {
        let mut image = self.synced.clone();
        image.resize(self.written.len(), 0);
        for (offset, data) in &self.since {
            for (n, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                let at = offset + n * SECTOR_BYTES;
                if self.random.random_bool(0.5) && at + sector.len() <= image.len() {
                    image[at..at + sector.len()].copy_from_slice(sector);
                }
            }
        }
        image
    }
}

#[derive(Clone)]
pub(crate) struct Backend(Arc<Mutex<Disk>>);

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a disk that may lose power")
    }
}

impl Backend {
    fn new(image: Vec<u8>, at_sync: AtSync) -> Self {
        Self(Arc::new(Mutex::new(Disk::new(image, at_sync))))
    }

    /// A disk that nobody looks at.
    pub fn of(image: Vec<u8>) -> Self {
        Self::new(image, Box::new(|_, _| {}))
    }

    /// What was written.
    pub fn written(&self) -> Vec<u8> {
        self.0.lock().written.clone()
    }

    /// What is there for certain.
    pub fn synced(&self) -> Vec<u8> {
        self.0.lock().synced.clone()
    }

    /// What is there for certain and some of what was written since.
    pub fn torn(&self) -> Vec<u8> {
        self.0.lock().torn()
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let disk = self.0.lock();
        let from = offset as usize;
        let bytes = disk.written.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.lock().written.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut disk = self.0.lock();
        if disk.watched {
            disk.syncs += 1;
        }
        // A disk that lies is looked at once, at the end: what it holds in between is no power loss.
        if disk.watched && disk.honest {
            let (forgotten, torn) = (disk.synced.clone(), disk.torn());
            (disk.at_sync)(forgotten, torn);
        }
        if disk.honest {
            disk.since.clear();
            disk.synced = disk.written.clone();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut disk = self.0.lock();
        let from = offset as usize;
        disk.written[from..from + data.len()].copy_from_slice(data);
        disk.since.push((from, data.to_vec()));
        Ok(())
    }
}

/// A sender gives up after this many sends: a log that never syncs would never come to an end.
const SENDS_MAX: u64 = 5_000;

/// So little that the floor moves with almost every commit.
pub(crate) const KEEP: Keep = Keep { age: None, bytes: Some(60_000) };

pub(crate) const ROOMS: [&str; 3] = ["one", "two", "three"];

/// Reads a room from its floor to its head, as a reader of the log would.
pub(crate) fn recover(log: &dyn Log, room: &RoomName) -> RecoveredLog {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let chain = log.read_after(room, after).expect("the log reads");
        assert!(chain.events.len() <= READ_EVENTS_MAX);
        let Some(last) = chain.events.last() else {
            let (room, floor, head) = (room.clone(), chain.floor, chain.head);
            return RecoveredLog { room, floor, head, events };
        };
        after = last.position;
        events.extend(chain.events.iter().map(|event| Seen::from(&**event)));
    }
}

/// What was acknowledged beside the events themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Acknowledged {
    /// Messages that were deleted: their text must be gone.
    pub withheld: Vec<Position>,
    /// Rooms that were emptied, and where: so must all text before.
    pub emptied: Vec<(RoomName, Position)>,
    /// Authors who were banned.
    pub bans: Vec<String>,
}

impl Acknowledged {
    /// What is wrong with a log by it.
    fn broken_by(&self, log: &RedbLog, rooms: &[RecoveredLog]) -> Vec<String> {
        let mut wrong = Vec::new();
        for position in self.withheld.iter().filter(|position| **position >= log.floor()) {
            let event = log.record(*position).unwrap().and_then(|record| record.event);
            if event.is_none_or(|event| event.body.has_content()) {
                wrong.push(format!("the delete of {position} was acknowledged and its text is there"));
            }
        }
        for (room, emptied) in &self.emptied {
            let recovered = rooms.iter().filter(|recovered| recovered.room == *room);
            for seen in recovered.flat_map(|recovered| &recovered.events) {
                if seen.position < *emptied && seen.said.content.is_some() {
                    wrong.push(format!("{emptied} emptied {room}, and {} has its text", seen.position));
                }
            }
        }
        for author in self.bans.iter().filter(|author| !log.standing().is_banned(author)) {
            wrong.push(format!("the ban of {author} was acknowledged and does not stand"));
        }
        for RecoveredLog { room, events, .. } in rooms {
            let mut acts = events.iter().rev().map(|seen| seen.said.act);
            let closed = acts.find(|act| matches!(act, Act::Close | Act::Open)).map(|act| act == Act::Close);
            if closed.is_some_and(|closed| closed != log.standing().is_closed(room)) {
                wrong.push(format!("{room} is closed by its table or by its events, and not by both"));
            }
        }
        wrong.extend(rooms.iter().flat_map(|room| reactions_differ(log, room)));
        wrong
    }
}

/// The messages of which the reactions that stand are not those that the room's events leave.
fn reactions_differ(log: &RedbLog, room: &RecoveredLog) -> Vec<String> {
    let mut there: HashSet<(Position, Reacting)> = HashSet::new();
    for seen in &room.events {
        match seen.said.act {
            Act::React(target, reaction, true) => {
                there.insert((target, Reacting(reaction, seen.said.author)));
            }
            Act::React(target, reaction, false) => {
                there.remove(&(target, Reacting(reaction, seen.said.author)));
            }
            _ => {}
        }
    }
    let has_text = |seen: &&Seen| seen.said.act == Act::Message && seen.said.content.is_some();
    let differs = |message: &&Seen| {
        let stand = log.reactions(message.position).expect("the log reads").into_iter();
        let stand = stand.map(|it| (message.position, Reacting(it.reaction, digest(&it.author.id))));
        let left = there.iter().filter(|(target, _)| *target == message.position).copied();
        stand.collect::<HashSet<_>>() != left.collect()
    };
    let wrong = room.events.iter().filter(has_text).filter(differs);
    wrong
        .map(|message| format!("the reactions to {} are not those of its events", message.position))
        .collect()
}

/// Opens what a power loss left and returns what is wrong with it.
pub(crate) fn inspect(image: Vec<u8>, oracle: &Oracle, acknowledged: &Acknowledged) -> Vec<String> {
    let log = match RedbLog::with_backend(Backend::of(image)) {
        Ok(log) => log,
        Err(error) => return vec![format!("it does not open: {error}")],
    };
    let rooms: Vec<_> = ROOMS.iter().map(|room| recover(&log, &RoomName::new(room).unwrap())).collect();
    let mut wrong: Vec<String> = oracle.check(&rooms).iter().map(ToString::to_string).collect();
    wrong.extend(acknowledged.broken_by(&log, &rooms));
    // An emptying that was under way comes to its end.
    while log.standing().counts().2 > 0 {
        log.commit(&[], 0).expect("the log takes a step");
    }
    if !acknowledged.emptied.is_empty() {
        let rooms: Vec<_> = rooms.iter().map(|room| recover(&log, &room.room)).collect();
        wrong.extend(acknowledged.broken_by(&log, &rooms));
    }
    let records =
        (log.floor()..=log.head()).map(|position| log.record(position).unwrap().map_or(0, |it| it.bytes));
    let bytes: u64 = records.sum();
    if bytes != log.live_bytes() {
        wrong.push(format!("the records take {bytes} bytes, the log says {}", log.live_bytes()));
    }
    wrong
}

/// What one run saw.
struct Run {
    syncs: usize,
    violations: Vec<String>,
}

/// Three senders post, edit, delete, react, close, open, empty and ban, and retention cuts, until the disk was synced `syncs`
/// times.
fn run(syncs: usize, honest: bool) -> Run {
    let oracle = Arc::new(Oracle::new());
    let acknowledged: Arc<Mutex<Acknowledged>> = Arc::default();
    let violations: Arc<Mutex<Vec<String>>> = Arc::default();
    let at_sync: AtSync = {
        let (oracle, acknowledged, violations) = (oracle.clone(), acknowledged.clone(), violations.clone());
        Box::new(move |forgotten, torn| {
            let acknowledged = acknowledged.lock().clone();
            for (how, image) in [("forgotten", forgotten), ("torn", torn)] {
                let wrong = inspect(image, &oracle, &acknowledged);
                violations.lock().extend(wrong.into_iter().map(|what| format!("{how}: {what}")));
            }
        })
    };
    let disk = Backend::new(Vec::new(), at_sync);
    let log = RedbLog::with_backend(disk.clone()).unwrap();
    {
        let mut disk = disk.0.lock();
        (disk.watched, disk.honest) = (true, honest);
    }
    let chat = Builder::default().keep(KEEP).open_log(Arc::new(log)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let senders = ROOMS.map(|room| {
            let (chat, oracle, acknowledged, disk) =
                (chat.clone(), oracle.clone(), acknowledged.clone(), disk.clone());
            tokio::spawn(async move {
                send(&chat, &oracle, &acknowledged, room, || disk.0.lock().syncs < syncs).await;
            })
        });
        for sender in senders {
            sender.await.unwrap();
        }
    });
    // Power is lost once more, with everything acknowledged and nothing closed.
    let (synced, syncs) = {
        let disk = disk.0.lock();
        (disk.synced.clone(), disk.syncs)
    };
    violations.lock().extend(inspect(synced, &oracle, &acknowledged.lock()));
    let violations = std::mem::take(&mut *violations.lock());
    Run { syncs, violations }
}

async fn send(
    chat: &Chat,
    oracle: &Oracle,
    acknowledged: &Mutex<Acknowledged>,
    room: &str,
    more: impl Fn() -> bool,
) {
    let name = RoomName::new(room).unwrap();
    let author = Author { id: room.into(), name: room.into(), kind: AuthorKind::Guest };
    let sender = oracle.sender(&name, room);
    let mut messages: Vec<Position> = Vec::new();
    let mut reacted: HashSet<Position> = HashSet::new();
    for n in 0..SENDS_MAX {
        if !more() {
            return;
        }
        let content = format!("{room} {n} {}", "x".repeat((n % 7 * 100) as usize));
        let target = messages.last().copied().filter(|_| n % 5 == 4);
        if n % 20 == 17 {
            let banned = format!("{room}-{n}");
            chat.ban(&banned, author.clone()).await.unwrap();
            acknowledged.lock().bans.push(banned);
        }
        let (action, act) = match target {
            _ if n % 20 == 11 => (Action::Close, Act::Close),
            _ if n % 20 == 12 => (Action::Open, Act::Open),
            _ if n % 50 == 33 => (Action::Empty, Act::Empty),
            _ if n % 5 == 1 && !messages.is_empty() => {
                let (target, reaction) = (messages[messages.len() - 1], Reaction::Party);
                let on = !reacted.remove(&target) && reacted.insert(target);
                (Action::React { target, reaction, on }, Act::React(target, reaction, on))
            }
            None => (Action::Post { content: content.clone(), reply_to: None }, Act::Message),
            Some(target) if n % 2 == 0 => {
                (Action::Edit { target, content: content.clone(), moderator: false }, Act::Edit(target))
            }
            Some(target) => (Action::Delete { target, moderator: false }, Act::Delete(target)),
        };
        let text = matches!(act, Act::Message | Act::Edit(_)).then(|| digest(&content));
        let said = Said { author: digest(room), act, content: text };
        // Until it is answered it may be there or not.
        sender.unknown(n, said);
        let draft = Draft { author: Some(author.clone()), action, key: (n % 3 == 0).then(|| n.to_string()) };
        let receipt = chat.send(&name, draft).await.unwrap();
        sender.acknowledged(n, said, receipt.position, receipt.prev);
        match act {
            Act::Message => messages.push(receipt.position),
            Act::Delete(target) => {
                messages.pop();
                acknowledged.lock().withheld.push(target);
            }
            Act::Empty => {
                messages.clear();
                acknowledged.lock().emptied.push((name.clone(), receipt.position));
            }
            _ => {}
        }
    }
}

#[test]
fn power_lost_at_any_sync_loses_nothing_acknowledged() {
    // `make prove` goes on for longer.
    let syncs = if std::env::var_os("MILLCHAT_PROVE").is_some() { 4_000 } else { 1_000 };
    let run = run(syncs, true);
    println!("power loss: at {} syncs, each forgotten and torn", run.syncs);
    assert!(run.syncs >= syncs, "{} syncs", run.syncs);
    assert!(run.violations.is_empty(), "{:#?}", &run.violations[..run.violations.len().min(5)]);
}

#[test]
fn a_disk_that_only_says_that_it_syncs_is_found_out() {
    let run = run(20, false);
    assert!(!run.violations.is_empty());
}
