//! The work that one request makes for the writer, and so for everybody else: it is bounded, and known before
//! it begins.

mod support;

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};

use futures_util::future::join_all;
use millchat::log::{Log, NewRecord};
use millchat::testing::{open_log, open_log_without_cache};
use millchat::{
    Action, Author, AuthorKind, Body, Chat, Draft, Position, Reaction, Receipt, SendError, Timestamp,
};
use support::{CountingDisk, Meddled, act, ada, room};

/// Most edits of a message.
const EDITS_MAX: usize = 1_000;
/// Most reactions to a message.
const REACTIONS_MAX: usize = 1_000;

fn author(n: usize) -> Author {
    Author { id: format!("author-{n}").into(), name: "A".into(), kind: AuthorKind::Guest }
}

fn record(author: Author, body: Body) -> NewRecord {
    NewRecord::event(room("lobby"), Some(author), Timestamp::now(), body)
}

fn message() -> NewRecord {
    record(ada(), Body::Message { content: Some("x".into()), reply_to: None })
}

fn edits(target: Position, count: usize) -> Vec<NewRecord> {
    vec![record(ada(), Body::Edit { target, content: Some("y".into()) }); count]
}

fn reactions(target: Position, count: usize) -> Vec<NewRecord> {
    let body = |n| Body::Reaction { target, reaction: Reaction::Heart, on: true, count: n as u64 + 1 };
    (0..count).map(|n| record(author(n), body(n))).collect()
}

fn edit(target: Position) -> Draft {
    act(Action::Edit { target, content: "z".into(), moderator: false })
}

fn delete(target: Position) -> Draft {
    act(Action::Delete { target, moderator: false })
}

fn react(target: Position, on: bool) -> Draft {
    act(Action::React { target, reaction: Reaction::Heart, on })
}

/// A chat whose commits wait until the sender is dropped.
fn parked(log: Arc<dyn Log>) -> (Chat, mpsc::Sender<()>) {
    parked_meddled(Meddled { log, ..Meddled::new() })
}

fn parked_meddled(mut meddled: Meddled) -> (Chat, mpsc::Sender<()>) {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let lookups = meddled.lookups.clone();
    meddled.before_commit = Box::new(move || {
        assert_eq!(lookups.1.load(Ordering::SeqCst), 0, "look-ups pin what a commit replaces");
        let _ = gone.lock().unwrap().recv();
        Ok(())
    });
    (meddled.open(), go)
}

/// Sends these while the writer waits in the commit of another send, so that they wait for it together.
async fn send_together(
    chat: &Chat,
    go: mpsc::Sender<()>,
    drafts: impl IntoIterator<Item = Draft>,
) -> Vec<Result<Receipt, SendError>> {
    let (lobby, elsewhere) = (room("lobby"), room("elsewhere"));
    let mut cx = Context::from_waker(Waker::noop());
    let mut sends: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::new();
    sends.push(Box::pin(chat.send(&elsewhere, Draft::post(ada(), "first"))));
    assert!(sends[0].as_mut().poll(&mut cx).is_pending());
    while chat.stats().queued > 0 {
        std::thread::yield_now();
    }
    for (n, draft) in drafts.into_iter().enumerate() {
        let mut send: Pin<Box<dyn Future<Output = _>>> = Box::pin(chat.send(&lobby, draft));
        // First its target may be read.
        while chat.stats().queued == n {
            assert!(send.as_mut().poll(&mut cx).is_pending());
        }
        sends.push(send);
    }
    drop(go);
    join_all(sends).await.split_off(1)
}

#[tokio::test]
async fn of_fifty_edits_in_one_batch_those_pass_that_the_limit_leaves() {
    let log = millchat::log::open("memory:").unwrap();
    log.commit(&[message()], 0).unwrap();
    log.commit(&edits(1, EDITS_MAX - 1), 0).unwrap();
    let (chat, go) = parked(log);
    let results = send_together(&chat, go, (0..50).map(|_| edit(1))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results[1..].iter().all(|result| matches!(result, Err(SendError::TooManyEdits(1)))));
    assert_eq!(chat.stats().commits, 2, "they were in one batch");
}

#[tokio::test]
async fn the_look_ups_of_a_batch_are_begun_once_if_at_all_and_end_before_its_commit() {
    let log = millchat::log::open("memory:").unwrap();
    log.commit(&[message(), message()], 0).unwrap();
    let meddled = Meddled { log, ..Meddled::new() };
    let lookups = meddled.lookups.clone();
    let (chat, go) = parked_meddled(meddled);
    let reply =
        Draft { action: Action::Post { content: "y".into(), reply_to: Some(2) }, ..Draft::post(ada(), "") };
    let drafts = [react(1, true), edit(1), delete(1), react(2, true), edit(2), reply];
    let results = send_together(&chat, go, drafts).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(chat.stats().commits, 2, "they were in one batch");
    assert_eq!(lookups.0.load(Ordering::SeqCst), 1, "the batch before them has needed none");
}

#[tokio::test]
async fn the_cost_of_an_edit_and_of_a_reaction_does_not_grow_with_those_before_it() {
    let disk = CountingDisk::default();
    let log = open_log(disk.clone()).unwrap();
    log.commit(&[message(), message()], 0).unwrap();
    log.commit(&edits(1, EDITS_MAX - 10), 0).unwrap();
    log.commit(&reactions(1, REACTIONS_MAX - 10), 0).unwrap();
    log.commit(&edits(2, 1), 0).unwrap();
    log.commit(&reactions(2, 1), 0).unwrap();
    log.close().unwrap();
    let log = open_log_without_cache(disk.clone()).unwrap();
    let count = |target| {
        disk.bytes_read();
        log.counts(target).unwrap();
        disk.bytes_read()
    };
    let (few, many) = (count(2), count(1));
    assert!(many <= few, "{many} bytes are read to count many, {few} to count few");
    let chat = Chat::builder().open_log(log).unwrap();
    let lobby = room("lobby");
    let read = async |draft: Draft| {
        disk.bytes_read();
        chat.send(&lobby, draft).await.unwrap();
        disk.bytes_read()
    };
    for draft in [|target| edit(target), |target| react(target, true), |target| react(target, false)] {
        let (few, many) = (read(draft(2)).await, read(draft(1)).await);
        assert!(many < 2 * few, "{many} bytes are read where there are many, {few} where there are few");
    }
}

#[tokio::test]
async fn a_batch_takes_only_so_many_costly_deletes_and_keeps_the_order() {
    const DELETES: u64 = 20;
    let log = millchat::log::open("memory:").unwrap();
    log.commit(&(0..DELETES).map(|_| message()).collect::<Vec<_>>(), 0).unwrap();
    for target in 1..=DELETES {
        log.commit(&reactions(target, REACTIONS_MAX), 0).unwrap();
    }
    let (chat, go) = parked(log);
    let drafts = (1..=DELETES).map(delete).chain([Draft::post(ada(), "last")]);
    let results = send_together(&chat, go, drafts).await;
    let positions: Vec<_> = results.into_iter().map(|result| result.unwrap().position).collect();
    assert!(positions.is_sorted() && positions.len() as u64 == DELETES + 1, "{positions:?}");
    // Eight in each.
    assert_eq!(chat.stats().commits, 1 + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletes_that_would_leave_too_much_to_erase_wait_and_all_come_to_their_end() {
    const DELETES: u64 = 40;
    let log = millchat::log::open("memory:").unwrap();
    log.commit(&(0..DELETES).map(|_| message()).collect::<Vec<_>>(), 0).unwrap();
    for target in 1..=DELETES {
        log.commit(&edits(target, EDITS_MAX), 0).unwrap();
    }
    let (chat, go) = parked(log.clone());
    let drafts = (1..=DELETES).map(delete).chain([Draft::post(ada(), "last")]);
    let results = send_together(&chat, go, drafts).await;
    let positions: Vec<_> = results.into_iter().map(|result| result.unwrap().position).collect();
    assert!(positions.is_sorted() && positions.len() as u64 == DELETES + 1, "{positions:?}");
    assert!(log.moderation().counts().edits_to_erase <= 64 * 256);
    support::until("the edits are erased", async || chat.stats().deletes == 0).await;
}

#[tokio::test]
async fn an_old_target_is_read_by_the_threads_that_read_before_the_writer_looks_at_it() {
    let looked: Arc<Mutex<Vec<(Position, bool)>>> = Arc::default();
    let mut log = Meddled::new();
    let seen = looked.clone();
    log.before_record = Box::new(move |position| {
        let is_reader = std::thread::current().name().is_some_and(|name| name.starts_with("millchat-read"));
        seen.lock().unwrap().push((position, is_reader));
    });
    log.log.commit(&(0..3_000).map(|_| message()).collect::<Vec<_>>(), 0).unwrap();
    let chat = log.open();
    let reply = |target| act(Action::Post { content: "x".into(), reply_to: Some(target) });
    let lookers = async |draft| {
        looked.lock().unwrap().clear();
        chat.send(&room("lobby"), draft).await.unwrap();
        looked.lock().unwrap().clone()
    };
    for draft in [reply(5), edit(5), react(5, true), delete(5)] {
        assert_eq!(lookers(draft).await, [(5, true), (5, false)]);
    }
    assert_eq!(lookers(reply(2_999)).await, [(2_999, false)], "a new one is in memory");
}
