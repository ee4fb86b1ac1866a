//! The delete of a message with many edits: nobody is served them from the acknowledgement on, and within 64
//! commits they are gone from the records too.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use futures_util::StreamExt as _;
use millchat::log::{Log, NewRecord};
use millchat::{
    Action, Body, Chat, Delivery, Draft, HistoryRange, Position, Received, SendError, StartFrom,
    Subscription, Timestamp, testing,
};
use parking_lot::Mutex;
use support::{Meddled, act, ada, room, until};

const SECRET: &str = "secret";
const EDITS: usize = 1_000;

fn record(body: Body) -> NewRecord {
    NewRecord::event(room("lobby"), Some(ada()), Timestamp::now(), body)
}

/// Commits a message with edits. Returns its position.
fn edited(log: &dyn Log, edits: usize) -> Position {
    let message = record(Body::Message { content: Some(SECRET.into()), reply_to: None });
    let target = log.commit(&[message], 0).unwrap()[0].position;
    let edit = record(Body::Edit { target, content: Some(SECRET.into()) });
    log.commit(&vec![edit; edits], 0).unwrap();
    target
}

fn delete(target: Position) -> Draft {
    act(Action::Delete { target, moderator: false })
}

/// The texts that a reader gets up to a position.
async fn texts(reader: &mut Subscription, last: u64) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        if let Delivery::Item(Received::Event(event)) = reader.next().await.unwrap().unwrap() {
            texts.extend(event.body.content().map(str::to_owned));
            if event.position >= last {
                return texts;
            }
        }
    }
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

/// Counts the records that are served with the text, in whatever way.
fn served(log: &dyn Log, target: Position) -> usize {
    let positions = log.floor()..=log.head();
    let has_text = |position: &Position| {
        let record = log.record(*position).unwrap();
        record.and_then(|record| record.event).is_some_and(|event| event.body.content() == Some(SECRET))
    };
    let records = positions.filter(has_text).count();
    let last = log.last_edit(target).unwrap().and_then(|record| record.event);
    let (mut raw, mut from) = (0, 0);
    loop {
        let rows = log.scan_raw(from).unwrap();
        let Some(last) = rows.last() else { break };
        from = last.position + 1;
        raw += rows.iter().filter(|row| holds(&row.bytes)).count();
    }
    records + raw + usize::from(last.is_some_and(|event| event.body.content().is_some()))
}

fn findings(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    millchat::log::check(path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_with_a_thousand_edits_is_withheld_at_once_and_erased_also_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let open = || millchat::log::open(path.to_str().unwrap()).unwrap();
    let log = open();
    let target = edited(&*log, EDITS);
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let lobby = room("lobby");
    let deleted = chat.send(&lobby, delete(target)).await.unwrap().position;
    assert_eq!(chat.stats().deletes, 1, "the edits are erased later");
    assert_eq!(served(&*log, target), 0);
    for _ in 0..2 {
        let mut reader = chat.subscribe(&lobby, StartFrom::Last(EDITS), None).await.unwrap();
        assert_eq!(texts(&mut reader, deleted).await, Vec::<String>::new());
        drop(reader);
        testing::forget_idle_rooms(&chat);
    }
    let page = chat.history(&lobby, HistoryRange::After(0), 10).await.unwrap();
    assert!(page.messages.len() == 1 && page.messages[0].content.is_none());
    let refused = chat.send(&lobby, delete(target)).await;
    assert!(matches!(refused, Err(SendError::TargetDeleted(_))), "{refused:?}");
    chat.close().await.unwrap();
    drop((chat, log));

    assert_eq!(findings(&path), Vec::<String>::new(), "in the middle of it");
    let log = open();
    assert_eq!((log.moderation().counts().deletes, served(&*log, target)), (1, 0));
    let mut commits = 0;
    while log.moderation().counts().deletes > 0 {
        log.commit(&[], 0).unwrap();
        commits += 1;
        assert!(commits <= 64 && served(&*log, target) == 0, "after {commits} commits");
    }
    assert_eq!(commits, EDITS.div_ceil(256));
    log.close().unwrap();
    drop(log);
    assert_eq!(findings(&path), Vec::<String>::new());
    assert_eq!(served(&*open(), target), 0, "nothing hides them now");
}

#[test]
fn deletes_are_erased_in_their_order_within_sixty_four_commits() {
    let log = millchat::log::open("memory:").unwrap();
    let targets: Vec<_> = (0..16).map(|_| edited(&*log, EDITS)).collect();
    let delete = |target: &Position| record(Body::Delete { target: *target });
    log.commit(&targets.iter().map(delete).collect::<Vec<_>>(), 0).unwrap();
    let mut commits = 0;
    while log.moderation().counts().deletes > 0 {
        let erased = (targets.len() - log.moderation().counts().deletes) as u64;
        assert!(erased <= commits * 256 / EDITS as u64);
        log.commit(&[], 0).unwrap();
        commits += 1;
        assert!(commits <= 64);
    }
    assert_eq!(commits, 63);
    assert!(targets.iter().all(|target| served(&*log, *target) == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_are_erased_when_nobody_sends_and_a_trim_may_overtake_them() {
    let log = millchat::log::open("memory:").unwrap();
    let target = edited(&*log, EDITS);
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    chat.send(&room("lobby"), delete(target)).await.unwrap();
    until("the edits are erased", async || chat.stats().deletes == 0).await;
    assert_eq!(served(&*log, target), 0);
    chat.close().await.unwrap();

    let log = millchat::log::open("memory:").unwrap();
    let target = edited(&*log, EDITS);
    log.commit(&[record(Body::Delete { target })], 0).unwrap();
    log.commit(&[], log.head()).unwrap();
    log.commit(&[], 0).unwrap();
    assert_eq!(log.moderation().counts().deletes, 0);
    let records = (log.floor()..=log.head()).filter_map(|position| log.record(position).unwrap());
    assert_eq!(records.map(|record| record.bytes).sum::<u64>(), log.live_bytes());
}

#[test]
fn few_edits_are_erased_with_the_delete() {
    let log = millchat::log::open("memory:").unwrap();
    let target = edited(&*log, 16);
    log.commit(&[record(Body::Delete { target })], 0).unwrap();
    assert_eq!((log.moderation().counts().deletes, served(&*log, target)), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_began_before_a_delete_does_not_hold_its_text() {
    for purges in [false, true] {
        // The read of a page is parked after it has the texts: it looks for older messages last.
        let (reads, armed) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(usize::MAX)));
        let (parked, is_parked) = channel();
        let (go_on, goes_on) = channel::<()>();
        let goes_on = Mutex::new(goes_on);
        let mut log = Meddled::new();
        log.before_read = {
            let armed = armed.clone();
            Box::new(move || {
                if reads.fetch_add(1, Ordering::SeqCst) + 1 == armed.load(Ordering::SeqCst) {
                    parked.send(()).unwrap();
                    let _ = goes_on.lock().recv();
                }
            })
        };
        let chat = log.open();
        let lobby = room("lobby");
        for text in ["before", SECRET, "after"] {
            chat.send(&lobby, Draft::post(ada(), text)).await.unwrap();
        }
        armed.store(2, Ordering::SeqCst);
        let page = tokio::spawn({
            let (chat, lobby) = (chat.clone(), lobby.clone());
            async move { chat.history(&lobby, HistoryRange::Newest, 3).await }
        });
        tokio::task::spawn_blocking(move || is_parked.recv().unwrap()).await.unwrap();
        chat.send(&lobby, if purges { act(Action::Purge) } else { delete(2) }).await.unwrap();
        go_on.send(()).unwrap();
        let page = page.await.unwrap().unwrap();
        let texts: Vec<_> = page.messages.iter().map(|message| message.content.as_deref()).collect();
        let expected = if purges { [None; 3] } else { [Some("before"), None, Some("after")] };
        assert_eq!(texts, expected, "purges: {purges}");
    }
}
