//! Power loss, tested: at every sync of a workload the disk is opened as a power loss would have left it.
//!
//! `kill -9` leaves the page cache and so proves nothing about fsync. This disk forgets: what was written
//! after the last sync is gone, or is there in part, in any order. The log is opened from what is left and
//! the oracle holds it against everything that was acknowledged by then.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millchat::{
    Action, Author, AuthorKind, Builder, Chat, Draft, NewValue, Position, Reaction, Replaces,
    RetentionPolicy, RoomName, testing,
};
use millchat_oracle::{EventDigest, EventKind, Oracle, digest};
use parking_lot::Mutex;

use crate::recovered::{Acknowledged, Inspected, KEEP, ROOMS, inspect};
use crate::storage::{AtSync, Backend};

/// Events between two checkpoints, and records and edits of one step of erasing: so few that the workload
/// meets many of each.
const CHECKPOINT_EVENTS: usize = 40;
const ERASE_MAX: usize = 8;

/// A sender gives up after this many sends: a log that never syncs would never come to an end.
const SENDS_MAX: u64 = 5_000;

/// The observations of one run.
struct Run {
    syncs: usize,
    violations: Vec<String>,
    /// Power losses while something was being erased.
    erasing: usize,
}

/// Three senders post, edit, delete, react, close, open, purge, ban, set and remove values, and retention
/// trims, until the disk was synced `syncs` times.
fn run(syncs: usize, honest: bool, keep: RetentionPolicy) -> Run {
    let oracle = Arc::new(Oracle::new());
    let acknowledged: Arc<Mutex<Acknowledged>> = Arc::default();
    let violations: Arc<Mutex<Vec<String>>> = Arc::default();
    let erasing: Arc<AtomicUsize> = Arc::default();
    let at_sync: AtSync = {
        let (oracle, acknowledged, violations) = (oracle.clone(), acknowledged.clone(), violations.clone());
        let erasing = erasing.clone();
        Box::new(move |forgotten, torn| {
            let acknowledged = acknowledged.lock().clone();
            for (how, image) in [("forgotten", forgotten), ("torn", torn)] {
                let Inspected { wrong, is_erasing } = inspect(image, &oracle, &acknowledged);
                violations.lock().extend(wrong.into_iter().map(|what| format!("{how}: {what}")));
                erasing.fetch_add(usize::from(is_erasing), Ordering::Relaxed);
            }
        })
    };
    let disk = Backend::new(Vec::new(), at_sync);
    let log = testing::open_log_in_steps(disk.clone(), CHECKPOINT_EVENTS, ERASE_MAX).unwrap();
    disk.watch(honest);
    let chat = Builder::default().retention(keep).search_index(true).open_log(log).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let senders = ROOMS.map(|room| {
            let (chat, oracle, acknowledged, disk) =
                (chat.clone(), oracle.clone(), acknowledged.clone(), disk.clone());
            tokio::spawn(async move {
                send(&chat, &oracle, &acknowledged, room, || disk.syncs() < syncs).await;
            })
        });
        for sender in senders {
            sender.await.unwrap();
        }
    });
    // Power is lost once more, with everything acknowledged and nothing closed.
    let syncs = disk.syncs();
    violations.lock().extend(inspect(disk.synced(), &oracle, &acknowledged.lock()).wrong);
    let violations = std::mem::take(&mut *violations.lock());
    Run { syncs, violations, erasing: erasing.load(Ordering::Relaxed) }
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
        if n % 4 == 3 {
            keep_value(chat, acknowledged, room, n).await;
        }
        let newest = messages.last().copied();
        let (action, kind) = match target {
            _ if n % 20 == 11 => (Action::Close, EventKind::Close),
            _ if n % 20 == 12 => (Action::Open, EventKind::Open),
            _ if n % 50 == 33 => (Action::Purge, EventKind::Empty),
            // So many edits that the delete which follows leaves them to later commits.
            _ if let (Some(target), 20..40) = (newest, n % 60) => {
                (Action::Edit { target, content: content.clone(), moderator: false }, EventKind::Edit(target))
            }
            _ if let (Some(target), 40) = (newest, n % 60) => {
                (Action::Delete { target, moderator: false }, EventKind::Delete(target))
            }
            _ if n % 5 == 1 && !messages.is_empty() => {
                let (target, reaction) = (messages[messages.len() - 1], Reaction::Party);
                let on = !reacted.remove(&target) && reacted.insert(target);
                (Action::React { target, reaction, on }, EventKind::React(target, reaction, on))
            }
            None => (Action::Post { content: content.clone(), reply_to: None }, EventKind::Message),
            Some(target) if n % 2 == 0 => {
                (Action::Edit { target, content: content.clone(), moderator: false }, EventKind::Edit(target))
            }
            Some(target) => (Action::Delete { target, moderator: false }, EventKind::Delete(target)),
        };
        let text = matches!(kind, EventKind::Message | EventKind::Edit(_)).then(|| digest(&content));
        let event = EventDigest { author: digest(room), kind, content: text };
        // Until it is answered it may be there or not.
        sender.unknown(n, event);
        let draft = Draft { author: Some(author.clone()), action, key: (n % 3 == 0).then(|| n.to_string()) };
        let receipt = chat.send(&name, draft).await.unwrap();
        sender.acknowledged(n, event, receipt.position, receipt.prev);
        match kind {
            EventKind::Message => messages.push(receipt.position),
            EventKind::Delete(target) => {
                messages.pop();
                acknowledged.lock().withheld.push(target);
            }
            EventKind::Empty => {
                messages.clear();
                acknowledged.lock().emptied.push((name.clone(), receipt.position));
            }
            _ => {}
        }
    }
}

/// Sets a value, open or secret, or removes it.
async fn keep_value(chat: &Chat, acknowledged: &Mutex<Acknowledged>, room: &str, n: u64) {
    let kind = if n % 8 == 3 { "k" } else { ".k" };
    let key = format!("{kind}/{room}/{}", n % 3);
    let text = {
        let mut acknowledged = acknowledged.lock();
        let texts = acknowledged.values.entry(key.clone()).or_insert_with(|| vec![None]);
        let text = (texts[0].is_none() || n % 7 > 1).then(|| format!("text {n}"));
        texts.push(text.clone());
        text
    };
    let kept = match text.clone() {
        Some(text) => {
            let (until, by, replaces) = (None, None, Replaces::Any);
            chat.set_value(&key, NewValue { text, until, by, replaces, limit: 100 }).await
        }
        None => chat.remove_value(&key, None).await,
    };
    kept.unwrap();
    acknowledged.lock().values.insert(key, vec![text]);
}

#[test]
fn power_lost_at_any_sync_loses_nothing_acknowledged() {
    // `make prove` goes on for longer.
    let more = if std::env::var_os("MILLCHAT_PROVE").is_some() { 4 } else { 1 };
    // With retention its trims bring the checkpoints, without it they come when they are due.
    for (syncs, keep) in [(more * 700, KEEP), (more * 200, RetentionPolicy::default())] {
        let run = run(syncs, true, keep);
        println!("power loss: at {} syncs, each forgotten and torn; {} erasing", run.syncs, run.erasing);
        assert!(run.syncs >= syncs, "{} syncs", run.syncs);
        assert!(run.violations.is_empty(), "{:#?}", &run.violations[..run.violations.len().min(5)]);
        // A purge or a delete of one step would be over with its own commit.
        assert!(run.erasing > syncs / 10, "{} of {} in the middle of erasing", run.erasing, 2 * run.syncs);
    }
}

#[test]
fn a_disk_that_only_says_that_it_syncs_is_found_out() {
    let run = run(20, false, KEEP);
    assert!(!run.violations.is_empty());
}
