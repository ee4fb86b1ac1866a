//! A disk that fails, tested: at every nth write, growth, read and sync of a workload.
//!
//! After a failure the disk works again at once, which is the hardest case: a second sync would be answered
//! with success though what the first one should have stored is gone. So the log must not try again by
//! itself. The senders learn what they can know, readiness says why nothing is stored any more, readers go
//! on from memory, and once the log is opened again a retry with the same key settles what was unknown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use millchat::testing::{self, StorageBackend};
use millchat::{
    Action, Author, AuthorKind, Builder, Chat, Delivery, Draft, Epoch, EventId, HistoryRange, NewValue,
    Position, Reaction, Received, Replaces, RoomName, SendError, StartFrom,
};
use millchat_oracle::{EventDigest, EventKind, Observed, Oracle, Sender, digest};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::recovered::{Acknowledged, KEEP, ROOMS, inspect, recover};
use crate::storage::Backend;

/// A fault that happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A write that changes nothing.
    Write,
    /// A write of which a part arrives.
    TornWrite,
    /// The file does not grow.
    Grow,
    Read,
    /// Writes since the last sync are gone or there, in any order; nobody knows.
    Sync,
}

/// The state of the disk that is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// All that was written: the process was started again.
    Written,
    /// All that was synced last: the power failed, too.
    Synced,
    /// Some of what was written since.
    Torn,
}

#[derive(Debug, Default)]
struct Plan {
    fault: Option<Fault>,
    /// The number of operations of the fault's sort that still succeed.
    left: usize,
    failed: bool,
    /// Operations that changed or synced the disk after the failure.
    after: usize,
}

/// Most retries of one send after the log is open again: one is enough.
const RETRIES_MAX: usize = 2;
/// Sends of one sender.
const SENDS: u64 = 25;
/// An answer takes no longer than this, or nobody will give it.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
struct Faulty(Backend, Arc<Mutex<Plan>>);

impl Faulty {
    /// Returns true if the operation fails now.
    fn fails(&self, sorts: &[Fault]) -> Option<Fault> {
        let mut plan = self.1.lock();
        plan.after += usize::from(plan.failed && !sorts.contains(&Fault::Read));
        let fault = plan.fault.filter(|fault| sorts.contains(fault) && !plan.failed)?;
        if plan.left > 0 {
            plan.left -= 1;
            return None;
        }
        plan.failed = true;
        Some(fault)
    }

    fn error() -> io::Error {
        io::Error::other("the disk does not answer")
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        match self.fails(&[Fault::Read]) {
            Some(_) => Err(Self::error()),
            None => self.0.read(offset, out),
        }
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        match self.fails(&[Fault::Grow]) {
            Some(_) => Err(Self::error()),
            None => self.0.set_len(len),
        }
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        match self.fails(&[Fault::Sync]) {
            Some(_) => Err(Self::error()),
            None => self.0.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        match self.fails(&[Fault::Write, Fault::TornWrite]) {
            Some(Fault::TornWrite) => {
                self.0.write(offset, &data[..data.len() / 2])?;
                Err(Self::error())
            }
            Some(_) => Err(Self::error()),
            None => self.0.write(offset, data),
        }
    }
}

/// A send of which nobody knows whether it was stored.
#[derive(Clone)]
struct InDoubt {
    room: RoomName,
    sender: Sender,
    sequence: u64,
    event: EventDigest,
    draft: Draft,
}

/// The state that the senders of one run share.
#[derive(Default)]
struct Senders {
    in_doubt: Mutex<Vec<InDoubt>>,
    acknowledged: Mutex<Acknowledged>,
    refused: Mutex<usize>,
}

/// Posts, edits, deletes, reacts and moderates, with a key each, until the log takes nothing any more.
async fn send(chat: &Chat, room: &str, sender: &Sender, shared: &Senders) {
    let name = RoomName::new(room).unwrap();
    let author = Author { id: room.into(), name: room.into(), kind: AuthorKind::Guest };
    let mut posted: Vec<Position> = Vec::new();
    for sequence in 0..SENDS {
        let content = format!("{room} {sequence} {}", "x".repeat((sequence % 4 * 400) as usize));
        let target = posted.last().copied().filter(|_| sequence % 5 == 4);
        if sequence == 17 {
            let banned = format!("{room}-troll");
            let ban = tokio::time::timeout(PATIENCE, chat.ban(&banned, author.clone()));
            match ban.await.expect("every ban is answered") {
                Ok(_) => shared.acknowledged.lock().bans.push(banned),
                Err(SendError::Unknown(_) | SendError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        if sequence % 6 == 2 {
            keep_value(chat, room, sequence, shared).await;
        }
        let (action, kind) = match target {
            _ if sequence == 7 => (Action::Close, EventKind::Close),
            _ if sequence == 8 => (Action::Open, EventKind::Open),
            _ if sequence == 13 => (Action::Purge, EventKind::Empty),
            _ if sequence % 5 == 1 && !posted.is_empty() => {
                let (target, reaction) = (posted[posted.len() - 1], Reaction::Party);
                (Action::React { target, reaction, on: true }, EventKind::React(target, reaction, true))
            }
            None => (Action::Post { content: content.clone(), reply_to: None }, EventKind::Message),
            Some(target) if sequence % 2 == 0 => {
                (Action::Edit { target, content: content.clone(), moderator: false }, EventKind::Edit(target))
            }
            Some(target) => (Action::Delete { target, moderator: false }, EventKind::Delete(target)),
        };
        let text = matches!(kind, EventKind::Message | EventKind::Edit(_)).then(|| digest(&content));
        let event = EventDigest { author: digest(room), kind, content: text };
        let draft = Draft { author: Some(author.clone()), action, key: Some(format!("k{sequence}")) };
        let answer = tokio::time::timeout(PATIENCE, chat.send(&name, draft.clone()));
        match answer.await.expect("every send is answered") {
            Ok(receipt) => {
                sender.acknowledged(sequence, event, receipt.position, receipt.prev);
                match kind {
                    EventKind::Message => posted.push(receipt.position),
                    EventKind::Delete(target) => {
                        posted.pop();
                        shared.acknowledged.lock().withheld.push(target);
                    }
                    EventKind::Empty => {
                        posted.clear();
                        shared.acknowledged.lock().emptied.push((name.clone(), receipt.position));
                    }
                    _ => {}
                }
            }
            Err(SendError::Unknown(_)) => {
                sender.unknown(sequence, event);
                let (room, sender) = (name.clone(), sender.clone());
                shared.in_doubt.lock().push(InDoubt { room, sender, sequence, event, draft });
            }
            Err(SendError::Unavailable(_) | SendError::UnknownTarget(_)) => {
                sender.rejected(sequence, event);
                *shared.refused.lock() += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sets a value. Memory has it once it is acknowledged, and does not have it before.
async fn keep_value(chat: &Chat, room: &str, sequence: u64, shared: &Senders) {
    let (key, text) = (format!(".k/{room}"), format!("text {sequence}"));
    let there = || chat.value(&key).map(|value| value.text.to_string());
    let before = there();
    let new = NewValue { text: text.clone(), until: None, by: None, replaces: Replaces::Any, limit: 9 };
    shared
        .acknowledged
        .lock()
        .values
        .entry(key.clone())
        .or_insert_with(|| vec![None])
        .push(Some(text.clone()));
    let kept =
        tokio::time::timeout(PATIENCE, chat.set_value(&key, new)).await.expect("every value is answered");
    let mut acknowledged = shared.acknowledged.lock();
    let texts = acknowledged.values.get_mut(&key).expect("it was put there");
    match kept {
        Ok(_) => {
            assert_eq!(there().as_ref(), Some(&text));
            *texts = vec![Some(text)];
        }
        // It is there after a restart, or it is not.
        Err(SendError::Unknown(_)) => assert_eq!(there(), before),
        Err(SendError::Unavailable(_)) => {
            assert_eq!(there(), before);
            texts.pop();
        }
        Err(error) => panic!("{error}"),
    }
}

/// A log with some past, as it lies on the disk.
fn past() -> Vec<u8> {
    let disk = Backend::of(Vec::new());
    let chat = Builder::default().open_log(testing::open_log(disk.clone()).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for n in 0..300 {
            let room = RoomName::new(ROOMS[n % ROOMS.len()]).unwrap();
            let author = Author { id: "past".into(), name: "Past".into(), kind: AuthorKind::Guest };
            chat.send(&room, Draft::post(author, past_text(n as Position + 1))).await.unwrap();
        }
    });
    runtime.block_on(chat.close()).unwrap();
    disk.written()
}

/// The outcome of one run.
#[derive(Debug, Default)]
struct Outcome {
    /// The fault was met; when not, the workload is over before it.
    met: bool,
    /// It was met before the log was open.
    at_open: bool,
    wrong: Vec<String>,
}

fn run(image: &[u8], fault: Fault, nth: usize, left: Left) -> Outcome {
    let plan = Arc::new(Mutex::new(Plan { fault: Some(fault), left: nth, ..Plan::default() }));
    let faulty = Faulty(Backend::of(image.to_vec()), plan.clone());
    let (oracle, shared) = (Arc::new(Oracle::new()), Arc::new(Senders::default()));
    let mut outcome = Outcome::default();
    let past = testing::open_log(Backend::of(image.to_vec())).unwrap();
    let epoch = past.epoch();
    for room in ROOMS.map(|room| RoomName::new(room).unwrap()) {
        oracle.inherits(&room, past.room_head(&room).unwrap());
    }
    drop(past);
    // Pages that leave a full cache early are written on trial: a failure there is none, so writes have a
    // large one; reads meet the disk only with a small one.
    let small = fault == Fault::Read;
    let open = if small { testing::open_log_without_cache } else { testing::open_log };
    let Ok(log) = open(faulty.clone()) else {
        return Outcome { met: true, at_open: true, ..outcome };
    };
    let chat = Builder::default().retention(KEEP).open_log(log).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let workload = ROOMS.map(|room| {
            let (chat, shared) = (chat.clone(), shared.clone());
            let sender = oracle.sender(&RoomName::new(room).unwrap(), room);
            tokio::spawn(async move { send(&chat, room, &sender, &shared).await })
        });
        let reader = tokio::spawn(read_history(chat.clone()));
        for task in workload {
            task.await.unwrap();
        }
        reader.await.unwrap();
        outcome.met = plan.lock().failed;
        if outcome.met {
            outcome.wrong.extend(look_at_broken(&chat, &oracle).await);
        }
    });
    let _ = runtime.block_on(chat.close());
    // Beside a read that fails another thread's commit may just come to its end.
    if plan.lock().after > 0 && !small {
        outcome.wrong.push(format!("the disk was changed or synced {} times afterwards", plan.lock().after));
    }
    let image = match left {
        Left::Written => faulty.0.written(),
        Left::Synced => faulty.0.synced(),
        Left::Torn => faulty.0.torn(),
    };
    outcome.wrong.extend(runtime.block_on(settle(image, epoch, &oracle, &shared)));
    outcome
}

/// Reads old history while the senders send: it may fail, with an error.
async fn read_history(chat: Chat) {
    for n in 0..10 {
        let room = RoomName::new(ROOMS[n % ROOMS.len()]).unwrap();
        let range = HistoryRange::Before(chat.floor() + 40 + n as u64);
        // Whatever the answer is, there is one.
        let _ = tokio::time::timeout(PATIENCE, chat.history(&room, range, 10)).await.expect("an answer");
    }
}

/// A chat whose log has failed: it says so, refuses sends, and serves what is in memory.
async fn look_at_broken(chat: &Chat, oracle: &Oracle) -> Vec<String> {
    let mut wrong = Vec::new();
    let room = RoomName::new(ROOMS[0]).unwrap();
    let sender = oracle.sender(&room, "late");
    for n in 0..2 {
        let content = format!("late {n}");
        let event = EventDigest::post("ada", &content);
        let late = tokio::time::timeout(PATIENCE, chat.send(&room, Draft::post(ada(), content))).await;
        match late.expect("every send is answered") {
            Err(SendError::Unavailable(_)) => sender.rejected(n, event),
            Err(SendError::Unknown(_)) if n == 0 => sender.unknown(n, event),
            other => wrong.push(format!("send {n} afterwards: {other:?}")),
        }
    }
    let ready = chat.ready();
    if ready.as_ref().err().is_none_or(|why| !why.contains(' ')) {
        wrong.push(format!("readiness afterwards: {ready:?}"));
    }
    // A reader that has all but the newest is served from the ring, if the room was in memory.
    let known = testing::position_before_newest(chat, &room);
    if let Some(position) = known {
        let reader = oracle.reader(&room, "late");
        let place = EventId { epoch: chat.epoch(), position };
        let mut stream = chat.subscribe(&room, StartFrom::After(place), None).await.unwrap();
        loop {
            let next = futures_util::StreamExt::next(&mut stream);
            match tokio::time::timeout(PATIENCE, next).await.expect("the ring has it") {
                Some(Ok(Delivery::Opening(opened))) => {
                    reader.opened(Some(position), opened.opening, opened.id.position);
                }
                Some(Ok(Delivery::Item(Received::Event(event)))) => {
                    break reader.event(Observed::from(&*event));
                }
                Some(Ok(Delivery::Item(Received::Signal(_)))) => {}
                other => break wrong.push(format!("a reader afterwards: {other:?}")),
            }
        }
    }
    wrong
}

fn ada() -> Author {
    Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest }
}

/// Opens what is left, settles what is in doubt, and asks the oracle before and after.
async fn settle(image: Vec<u8>, epoch: Epoch, oracle: &Oracle, shared: &Senders) -> Vec<String> {
    let mut wrong = inspect(image.clone(), oracle, &shared.acknowledged.lock()).wrong;
    if !wrong.is_empty() {
        return wrong;
    }
    let log = testing::open_log(Backend::of(image)).unwrap();
    if log.epoch() != epoch {
        wrong.push("another epoch".into());
    }
    let chat = Builder::default().open_log(log.clone()).unwrap();
    let in_doubt = shared.in_doubt.lock().clone();
    for doubt in &in_doubt {
        let mut receipts = Vec::new();
        for _ in 0..RETRIES_MAX {
            match chat.send(&doubt.room, doubt.draft.clone()).await {
                Ok(receipt) => receipts.push(receipt),
                // It was deleted by the send that is asked about.
                Err(SendError::TargetDeleted(_)) => {}
                Err(error) => wrong.push(format!("a retry: {error}")),
            }
            // An edit has no key: the second one would be another.
            if doubt.event.kind != EventKind::Message {
                break;
            }
        }
        if doubt.event.kind == EventKind::Message {
            let [first, second] = receipts[..] else { continue };
            if first != second {
                wrong.push(format!("two retries: {first:?} and {second:?}"));
            }
            doubt.sender.acknowledged(doubt.sequence, doubt.event, first.position, first.prev);
        } else if let Some(receipt) = receipts.first() {
            // Beside the first one, which may be there or not.
            doubt.sender.acknowledged(doubt.sequence + SENDS, doubt.event, receipt.position, receipt.prev);
        }
    }
    let rooms = ROOMS.map(|room| recover(&*log, &RoomName::new(room).unwrap()));
    wrong.extend(oracle.check(&rooms).iter().map(ToString::to_string));
    wrong
}

/// Returns true if everything is tried, as `make prove` does, and not a part.
fn proving() -> bool {
    std::env::var_os("MILLCHAT_PROVE").is_some()
}

/// Meets a fault at one operation after the other until the workload ends before it.
fn meet_everywhere(fault: Fault, step: usize) {
    let image = past();
    let (mut tried, mut at_open, mut nth) = (0, 0, 0);
    loop {
        let left = [Left::Written, Left::Synced, Left::Torn][tried % 3];
        let outcome = run(&image, fault, nth, left);
        assert!(outcome.wrong.is_empty(), "{fault:?} at {nth}, {left:?} left: {:#?}", outcome.wrong);
        if !outcome.met {
            break;
        }
        (tried, at_open) = (tried + 1, at_open + usize::from(outcome.at_open));
        nth += if proving() { 1 } else { step };
    }
    println!("{fault:?}: met at {tried} of {nth} operations, {at_open} of them while the log was opened");
    assert!(tried > at_open, "it was not met while the chat ran");
}

#[test]
fn a_write_that_fails_is_reported_and_settled() {
    meet_everywhere(Fault::Write, 7);
}

#[test]
fn a_write_that_half_fails_is_reported_and_settled() {
    meet_everywhere(Fault::TornWrite, 7);
}

#[test]
fn a_file_that_does_not_grow_is_reported_and_settled() {
    meet_everywhere(Fault::Grow, 1);
}

#[test]
fn a_read_that_fails_is_reported_and_settled() {
    meet_everywhere(Fault::Read, 41);
}

#[test]
fn a_sync_that_fails_is_not_tried_again_and_settled() {
    meet_everywhere(Fault::Sync, 1);
}

/// The text of the past at a position.
fn past_text(position: Position) -> String {
    format!("past {} {}", position - 1, "x".repeat(100))
}

/// Opens a log's file as a program would, uses it, and closes it: every answer may be an error, and none is a
/// text that nobody sent. Returns the number of texts that were read, if it was opened.
async fn use_it(path: &str) -> Option<usize> {
    let chat = Chat::open(path).ok()?;
    let mut texts = 0;
    for (n, name) in ROOMS.iter().enumerate() {
        let room = RoomName::new(name).unwrap();
        let mut range = HistoryRange::Newest;
        for _ in 0..5 {
            let page = tokio::time::timeout(PATIENCE, chat.history(&room, range, 50)).await;
            let Ok(page) = page.expect("every read is answered") else { break };
            for message in &page.messages {
                let position = message.position;
                assert_eq!((position - 1) as usize % ROOMS.len(), n, "{position} is of another room");
                assert_eq!(message.content.as_deref(), Some(&*past_text(position)), "{position}");
            }
            assert!(page.messages.is_sorted_by_key(|message| message.position));
            texts += page.messages.len();
            let Some(older) = page.older else { break };
            range = HistoryRange::Before(older);
        }
        let send = chat.send(&room, Draft::post(ada(), "x").with_key("k"));
        let _ = tokio::time::timeout(PATIENCE, send).await.expect("every send is answered");
    }
    let _ = tokio::time::timeout(PATIENCE, chat.close()).await.expect("closing ends");
    Some(texts)
}

#[test]
fn a_damaged_file_is_refused_or_read_with_errors_and_hangs_nothing() {
    let image = past();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let path = path.to_str().unwrap();
    let mut random = StdRng::seed_from_u64(11);
    let (rounds, mut opened, mut read) = (if proving() { 2_000 } else { 60 }, 0, 0);
    for round in 0..rounds {
        let mut damaged = image.clone();
        match round % 3 {
            // A page that was never written, a few flipped bits, a file that ends early.
            0 => {
                let at = random.random_range(0..damaged.len() / 4096) * 4096;
                damaged[at..at + 4096].fill(0);
            }
            1 => {
                for _ in 0..random.random_range(1..20) {
                    let at = random.random_range(0..damaged.len());
                    damaged[at] ^= 1 << random.random_range(0..8);
                }
            }
            _ => damaged.truncate(random.random_range(0..damaged.len())),
        }
        std::fs::write(path, &damaged).unwrap();
        if let Some(texts) = runtime.block_on(use_it(path)) {
            (opened, read) = (opened + 1, read + texts);
        }
    }
    println!("damage: {rounds} files, {opened} of them opened, {read} texts read as they were sent");
    assert!(read > 0, "nothing was read");
}
