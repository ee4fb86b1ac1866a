//! Readers that are behind the ring: what they cost, in reads of the log.

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use millchat::{
    Body, Builder, Chat, Delivery, Draft, Epoch, Event, EventId, FrameKind, FrameSubscription, Item,
    Position, Received, StartFrom,
};
use support::people::{PATIENCE, author, content, delete, edit, event, opening};
use support::{Meddled, room};

/// A frame is the event's position, and its text if it has one.
fn encoder(builder: &mut Builder) -> FrameKind {
    builder.encoder(|_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
        if let Item::Event(Event { position, body, .. }) = item {
            out.extend_from_slice(format!("{position}:").as_bytes());
            if let Body::Message { content: Some(text), .. } | Body::Edit { content: Some(text), .. } = body {
                out.extend_from_slice(text.as_bytes());
            }
            out.push(b' ');
        }
    })
}

/// A chat whose reads of the log are counted.
fn counted() -> (Chat, FrameKind, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = reads.clone();
    let mut log = Meddled::new();
    log.before_read = Box::new(move || {
        counter.fetch_add(1, SeqCst);
    });
    let mut builder = Chat::builder();
    let kind = encoder(&mut builder);
    (builder.open_log(Arc::new(log)).unwrap(), kind, reads)
}

/// Takes frames up to a position. Cheap: what is over the ring's bounds stays for some seconds only.
async fn take_frames(reader: &mut FrameSubscription, to: Position) -> (Position, Vec<Bytes>) {
    let (mut taken, from) = (Vec::new(), reader.position());
    while reader.position() < to {
        match tokio::time::timeout(PATIENCE, reader.next()).await.expect("it hangs").unwrap().unwrap() {
            Delivery::Item(frames) => taken.push(frames.bytes),
            other => panic!("{other:?}"),
        }
    }
    (from, taken)
}

/// Checks that frames are all of the room's after a position. Returns their text.
fn check_frames((from, taken): (Position, Vec<Bytes>), to: Position) -> String {
    let text: String = taken.iter().map(|bytes| std::str::from_utf8(bytes).unwrap()).collect();
    let positions: Vec<Position> =
        text.split_whitespace().map(|frame| frame.split_once(':').unwrap().0.parse().unwrap()).collect();
    assert!(positions.iter().copied().eq(from + 1..=to), "after {from}: {positions:?}");
    text
}

async fn post(chat: &Chat, count: usize, text: &str) {
    let sends =
        (0..count).map(|_| async { chat.send(&room("lobby"), Draft::post(author("ada"), text)).await });
    for sent in join_all(sends).await {
        sent.unwrap();
    }
}

/// Parks the next commit of a log until it is told to go on.
fn park(log: &mut Meddled) -> (tokio::sync::mpsc::UnboundedReceiver<()>, Sender<()>) {
    let (reached, commits) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = channel::<()>();
    let gone = Mutex::new(gone);
    log.before_commit = Box::new(move || {
        let _ = reached.send(());
        // Once the other end is dropped, nothing is parked.
        let _ = gone.lock().unwrap().recv();
        Ok(())
    });
    (commits, go)
}

/// Events over the bounds of the ring stay for this long at least, when nothing more is published.
const KEPT_MIN: Duration = Duration::from_secs(4);
/// Fewest readers that say something, and most times that a busy machine may be too slow for them.
const READERS_MIN: usize = 25;
const TRIES_MAX: usize = 20;

/// Has readers take a long commit. On a busy machine it is fewer of them, who are done before the commit goes.
async fn caught_up_readers_and_a_long_commit(readers: usize, posts: usize, bytes: usize) {
    let mut readers = readers;
    for _ in 0..TRIES_MAX {
        let (reads, took) = long_commit(readers, posts, bytes).await;
        println!("{readers} readers, {posts} posts of {bytes} bytes: {reads} reads in {took:?}");
        if took < KEPT_MIN {
            assert!(reads <= 10, "{reads} reads of the log for {readers} readers that were all caught up");
            return;
        }
        readers = (readers / 2).max(READERS_MIN);
    }
    panic!("{readers} readers did not take the commit within {KEPT_MIN:?}");
}

/// Returns the reads of the log, and the time from the commit on.
async fn long_commit(readers: usize, posts: usize, bytes: usize) -> (usize, Duration) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = reads.clone();
    let mut log = Meddled::new();
    log.before_read = Box::new(move || {
        counter.fetch_add(1, SeqCst);
    });
    let (mut commits, go) = park(&mut log);
    let mut builder = Chat::builder();
    let kind = encoder(&mut builder);
    let chat = builder.open_log(Arc::new(log)).unwrap();
    // Dropped before the chat, which waits for its writer.
    let go = go;
    let lobby = room("lobby");
    let mut subscriptions = Vec::new();
    for _ in 0..readers {
        let mut reader = chat.subscribe_frames(kind, &lobby, StartFrom::Last(0), None).await.unwrap();
        assert!(matches!(reader.next().await, Some(Ok(Delivery::Opening(_)))));
        subscriptions.push(reader);
    }
    let text = "x".repeat(bytes);
    let send = |count| {
        let (chat, text) = (chat.clone(), text.clone());
        tokio::spawn(async move { post(&chat, count, &text).await })
    };
    let first = send(1);
    commits.recv().await.unwrap();
    // The others come in one commit after it.
    let others = send(posts - 1);
    while chat.stats().queued < posts - 1 {
        tokio::task::yield_now().await;
    }
    reads.store(0, SeqCst);
    let begun = Instant::now();
    drop(go);
    first.await.unwrap();
    others.await.unwrap();
    let taken = join_all(subscriptions.iter_mut().map(|reader| take_frames(reader, posts as Position))).await;
    let (reads, took) = (reads.load(SeqCst), begun.elapsed());
    for taken in taken {
        check_frames(taken, posts as Position);
    }
    (reads, took)
}

#[tokio::test]
async fn readers_that_were_caught_up_take_a_long_commit_from_memory() {
    caught_up_readers_and_a_long_commit(200, 600, 1).await;
    caught_up_readers_and_a_long_commit(2_000, 600, 1).await;
    caught_up_readers_and_a_long_commit(200, 2, 44_000).await;
    caught_up_readers_and_a_long_commit(50, 120, 60_000).await;
}

#[tokio::test]
async fn readers_at_one_place_share_one_read() {
    const POSTS: usize = 3_000;
    const READERS: usize = 200;
    let (chat, kind, reads) = counted();
    let lobby = room("lobby");
    for _ in 0..POSTS / 100 {
        post(&chat, 100, "x").await;
    }
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position: 0 });
    let (mut frames, mut values) = (Vec::new(), Vec::new());
    for _ in 0..READERS {
        let mut reader = chat.subscribe_frames(kind, &lobby, from, None).await.unwrap();
        assert!(matches!(reader.next().await, Some(Ok(Delivery::Opening(_)))));
        frames.push(reader);
        let mut reader = chat.subscribe(&lobby, from, None).await.unwrap();
        opening(&mut reader).await;
        values.push(reader);
    }
    reads.store(0, SeqCst);
    let of_frames = join_all(frames.iter_mut().map(|reader| take_frames(reader, POSTS as Position)));
    let of_values = values.into_iter().map(|mut reader| {
        tokio::spawn(async move {
            for n in 1..=POSTS as Position {
                assert_eq!(event(&mut reader).await.position, n);
            }
        })
    });
    let (of_frames, of_values) = tokio::join!(of_frames, join_all(of_values));
    assert!(of_values.iter().all(Result::is_ok));
    let reads = reads.load(SeqCst);
    for taken in of_frames {
        check_frames(taken, POSTS as Position);
    }
    println!("{reads} reads of the log");
    // Each of the two forms reads on its own: at least 128 events a time.
    assert!(reads <= 2 * POSTS.div_ceil(128), "{reads} reads of the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_posts_and_deletes_stops_nobody_who_is_behind() {
    const POSTS: usize = 2_500;
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = reads.clone();
    let mut log = Meddled::new();
    log.before_read = Box::new(move || {
        counter.fetch_add(1, SeqCst);
        std::thread::sleep(Duration::from_millis(20));
    });
    let mut builder = Chat::builder();
    let kind = encoder(&mut builder);
    let chat = builder.open_log(Arc::new(log)).unwrap();
    let lobby = room("lobby");
    for _ in 0..POSTS / 100 {
        post(&chat, 100, "x").await;
    }
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position: 0 });
    let mut frames = chat.subscribe_frames(kind, &lobby, from, None).await.unwrap();
    let mut values = chat.subscribe(&lobby, from, None).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let greedy = tokio::spawn({
        let (chat, lobby, done) = (chat.clone(), lobby.clone(), done.clone());
        async move {
            while !done.load(SeqCst) {
                let posted = chat.send(&lobby, Draft::post(author("eve"), "x")).await.unwrap();
                chat.send(&lobby, delete("eve", posted.position)).await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    reads.store(0, SeqCst);
    let bound = 2 * POSTS.div_ceil(128) + 10;
    let check = || assert!(reads.load(SeqCst) <= bound, "{} reads of the log", reads.load(SeqCst));
    let catch_up = async {
        while frames.position() < 2_000 {
            frames.next().await.unwrap().unwrap();
            check();
        }
        while values.position() < 2_000 {
            values.next().await.unwrap().unwrap();
            check();
        }
    };
    tokio::time::timeout(PATIENCE, catch_up).await.expect("they do not advance");
    done.store(true, SeqCst);
    greedy.await.unwrap();
}

/// Says that it was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// Polls readers until they wait for the log, and then lets it be read until what they wait for is there.
async fn let_them_read<'a>(readers: impl Iterator<Item = &'a mut FrameSubscription>, log: &Mutex<()>) {
    let mut all = Vec::new();
    {
        let _no_reads = log.lock().unwrap();
        for reader in readers {
            let woken = Arc::new(Woken(AtomicBool::new(false)));
            let waker = Waker::from(woken.clone());
            while let Poll::Ready(delivery) = reader.poll_next_unpin(&mut Context::from_waker(&waker)) {
                assert!(matches!(delivery, Some(Ok(Delivery::Opening(_)))), "{delivery:?}");
            }
            all.push(woken);
        }
    }
    while !all.iter().all(|woken| woken.0.load(SeqCst)) {
        tokio::task::yield_now().await;
    }
}

/// A message, its edit 300 positions later, and 1,200 posts behind both: more than the ring has.
async fn post_and_edit_far_back(chat: &Chat) {
    post(chat, 1, "secret").await;
    post(chat, 299, "x").await;
    chat.send(&room("lobby"), edit("ada", 1, "secret too")).await.unwrap();
    for _ in 0..12 {
        post(chat, 100, "x").await;
    }
}

#[tokio::test]
async fn what_one_has_read_is_given_to_nobody_after_a_delete_of_a_text_in_it() {
    let (reads, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(())));
    let (counter, closed) = (reads.clone(), gate.clone());
    let mut log = Meddled::new();
    log.before_read = Box::new(move || {
        counter.fetch_add(1, SeqCst);
        drop(closed.lock());
    });
    let mut builder = Chat::builder();
    let kind = encoder(&mut builder);
    let chat = builder.open_log(Arc::new(log)).unwrap();
    let lobby = room("lobby");
    post_and_edit_far_back(&chat).await;
    let subscribe = async |position| {
        let from = StartFrom::After(EventId { epoch: chat.epoch(), position });
        chat.subscribe_frames(kind, &lobby, from, None).await.unwrap()
    };
    // The message, the edit without the message, neither.
    let mut readers = HashMap::new();
    for position in [0, 290, 500] {
        readers.insert(position, subscribe(position).await);
    }
    let_them_read(readers.values_mut(), &gate).await;
    chat.send(&lobby, delete("ada", 1)).await.unwrap();
    reads.store(0, SeqCst);
    let mut text = String::new();
    let mut later = [subscribe(0).await, subscribe(290).await];
    for reader in readers.values_mut().chain(&mut later) {
        while reader.position() < 310 {
            if let Delivery::Item(frames) = reader.next().await.unwrap().unwrap() {
                text.push_str(std::str::from_utf8(&frames.bytes).unwrap());
            }
        }
    }
    assert!(text.contains("300:x") && !text.contains("secret"), "a deleted text is served");
    // The reader that had neither took what it had read.
    assert_eq!(readers[&500].position(), 500);
    let before = reads.load(SeqCst);
    let reader = readers.get_mut(&500).unwrap();
    while reader.position() == 500 {
        reader.next().await.unwrap().unwrap();
    }
    assert_eq!(reads.load(SeqCst), before, "it has read again");
}

#[tokio::test]
async fn values_are_not_given_after_the_delete_of_the_message_that_they_edit() {
    let (chat, _, _) = counted();
    let lobby = room("lobby");
    post_and_edit_far_back(&chat).await;
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position: 290 });
    let mut values = chat.subscribe(&lobby, from, None).await.unwrap();
    opening(&mut values).await;
    assert_eq!(event(&mut values).await.position, 291);
    chat.send(&lobby, delete("ada", 1)).await.unwrap();
    for position in 292..=310 {
        let got = event(&mut values).await;
        assert_eq!(got.position, position);
        assert!(!content(&got).is_some_and(|text| text.contains("secret")), "{got:?}");
    }
}

#[tokio::test]
async fn a_read_that_fails_fails_for_those_who_wait_for_it_and_for_nobody_later() {
    let fails = Arc::new(AtomicBool::new(false));
    let armed = fails.clone();
    let mut log = Meddled::new();
    log.before_read = Box::new(move || {
        assert!(!armed.load(SeqCst), "this panic is part of the test");
    });
    let chat = log.open();
    let lobby = room("lobby");
    for _ in 0..12 {
        post(&chat, 100, "x").await;
    }
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position: 0 });
    let mut readers = Vec::new();
    for _ in 0..10 {
        let mut reader = chat.subscribe(&lobby, from, None).await.unwrap();
        opening(&mut reader).await;
        readers.push(reader);
    }
    fails.store(true, SeqCst);
    for outcome in join_all(readers.iter_mut().map(futures_util::StreamExt::next)).await {
        assert!(outcome.unwrap().is_err());
    }
    fails.store(false, SeqCst);
    for reader in &mut readers {
        assert!(matches!(reader.next().await, Some(Ok(Delivery::Item(Received::Event(_))))));
    }
}
