//! Limits on what one request, one sender or one failure costs the others.

mod support;

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::StreamExt as _;
use millchat::log::{CommitError, NewRecord};
use millchat::{
    Action, Body, Chat, Delivery, Draft, Epoch, Event, EventId, FrameSubscription, Frames, HistoryRange,
    Item, Opening, Position, Received, SendError, StartFrom, Subscription, Timestamp,
};
use support::{Meddled, act, ada, room};

fn delete(target: Position) -> Draft {
    act(Action::Delete { target, moderator: false })
}

/// The longest that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
}

async fn received(reader: &mut Subscription) -> Delivery<Received> {
    soon(reader.next()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_a_cut_overtakes_has_no_hole_inside() {
    let log = millchat::log::open("memory:").unwrap();
    let appends: Vec<NewRecord> = (0..60_000)
        .map(|_| {
            NewRecord::event(
                room("r"),
                None,
                Timestamp(1),
                Body::Message { content: Some("x".into()), reply_to: None },
            )
        })
        .collect();
    for batch in appends.chunks(4_000) {
        log.commit(batch, 0).unwrap();
    }
    let cutter = {
        let log = log.clone();
        tokio::task::spawn_blocking(move || {
            while log.floor() < 59_000 {
                log.commit(&[], log.floor() + 150).unwrap();
            }
        })
    };
    let mut reads = 0;
    while !cutter.is_finished() {
        let chain = log.read_after(&room("r"), log.floor() - 1).unwrap();
        reads += 1;
        for pair in chain.events.windows(2) {
            assert_eq!(pair[1].prev, pair[0].position, "after {reads} reads");
        }
    }
    cutter.await.unwrap();
}

#[tokio::test]
async fn an_old_id_in_a_room_that_was_forgotten_gets_a_gap() {
    let (lobby, other) = (room("lobby"), room("other"));
    let directory = tempfile::tempdir().unwrap();
    let log = millchat::log::open(directory.path().join("log").to_str().unwrap()).unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    for to in [&other, &lobby, &lobby, &other] {
        chat.send(to, Draft::post(ada(), "x")).await.unwrap();
    }
    // As retention does it when nobody sends: cut, then forget the room.
    log.commit(&[], 4).unwrap();
    log.forget_heads(None, Timestamp(u64::MAX), &|_| false).unwrap();
    let resume = async |position| {
        let from = StartFrom::After(EventId { epoch: chat.epoch(), position });
        let mut reader = chat.subscribe(&lobby, from, None).await.unwrap();
        match received(&mut reader).await {
            Delivery::Opening(opened) => opened.opening,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(resume(2).await, Opening::Gap { from: 2, to: 3 });
    let receipt = chat.send(&lobby, Draft::post(ada(), "again")).await.unwrap();
    assert_eq!((receipt.position, receipt.prev), (5, 0));
    // From the log, and from what is then in memory.
    for _ in 0..2 {
        assert_eq!(resume(2).await, Opening::Gap { from: 2, to: 3 });
        assert_eq!(resume(4).await, Opening::Start);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_send_is_answered_when_the_chat_is_closed_under_it() {
    for _ in 0..200 {
        let chat = Chat::open("memory:").unwrap();
        let sends: Vec<_> = (0..16)
            .map(|n| {
                let chat = chat.clone();
                tokio::spawn(async move {
                    let mut outcomes = Vec::new();
                    for m in 0..20 {
                        let draft = Draft::post(ada(), "x").with_key(format!("{n}-{m}"));
                        outcomes.push(chat.send(&room("r"), draft).await);
                    }
                    outcomes
                })
            })
            .collect();
        let closer = chat.clone();
        closer.close().await.unwrap();
        let mut stored = 0;
        for send in sends {
            for outcome in soon(send).await.unwrap() {
                match outcome {
                    Ok(_) => stored += 1,
                    Err(SendError::Unavailable(_)) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
        assert_eq!(stored, chat.head());
    }
}

#[tokio::test]
async fn a_writer_that_panics_answers_unknown_and_readiness_says_so() {
    let mut log = Meddled::new();
    log.before_commit = Box::new(|| panic!("the disk driver has a bug (this panic is part of the test)"));
    let chat = log.open();
    let sends: Vec<_> = (0..50)
        .map(|_| {
            let chat = chat.clone();
            tokio::spawn(async move { chat.send(&room("r"), Draft::post(ada(), "x")).await })
        })
        .collect();
    let mut unknown = 0;
    for send in sends {
        match soon(send).await.unwrap() {
            Err(SendError::Unknown(_)) => unknown += 1,
            Err(SendError::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(unknown > 0);
    assert!(chat.ready().unwrap_err().contains("restart"));
}

#[tokio::test]
async fn a_read_that_panics_harms_no_other_read() {
    let mut log = Meddled::new();
    let bad = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let armed = bad.clone();
    log.before_read = Box::new(move || {
        assert!(!armed.load(std::sync::atomic::Ordering::SeqCst), "this panic is part of the test");
    });
    let chat = log.open();
    for _ in 0..10 {
        assert!(soon(chat.history(&room("r"), HistoryRange::Newest, 1)).await.is_err());
    }
    bad.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(soon(chat.history(&room("r"), HistoryRange::Newest, 1)).await.is_ok());
    assert!(chat.ready().unwrap_err().contains("cannot be read"), "and the operator is told");
}

#[tokio::test]
async fn what_was_read_before_a_delete_is_not_delivered_after_it() {
    let mut builder = Chat::builder();
    let kind = builder.encoder(|_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
        if let Item::Event(Event { body: Body::Message { content: Some(text), .. }, .. }) = item {
            out.extend_from_slice(text.as_bytes());
        }
    });
    let chat = builder.open("memory:").unwrap();
    let lobby = room("lobby");
    let secret = chat.send(&lobby, Draft::post(ada(), "secret")).await.unwrap().position;
    let next = chat.send(&lobby, Draft::post(ada(), "secret also")).await.unwrap().position;
    // So many that the first ones are in the log only.
    for _ in 0..700 {
        chat.send(&lobby, Draft::post(ada(), ".")).await.unwrap();
    }
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position: 0 });
    // As values: taken, then not polled for a while.
    let mut values = chat.subscribe(&lobby, from, None).await.unwrap();
    let more = chat.send(&lobby, Draft::post(ada(), "secret too")).await.unwrap().position;
    assert!(matches!(received(&mut values).await, Delivery::Opening(_)));
    let mut frames = chat.subscribe_frames(kind, &lobby, from, None).await.unwrap();
    assert!(matches!(frames_now(&mut frames), Some(Delivery::Opening(_))));
    // Starts the read; what it reads waits to be taken, or is delivered at once, before any delete.
    let early = match frames_now(&mut frames) {
        Some(Delivery::Item(frames)) => frames.bytes.len(),
        _ => 0,
    };
    assert!(
        matches!(received(&mut values).await, Delivery::Item(Received::Event(event)) if event.position == secret)
    );
    chat.history(&lobby, HistoryRange::Newest, 1).await.unwrap();
    for position in [secret, next, more] {
        chat.send(&lobby, delete(position)).await.unwrap();
    }
    let (mut text, head) = (String::new(), chat.head());
    soon(async {
        while frames.position() < head {
            match frames_now(&mut frames) {
                Some(Delivery::Item(frames)) => text.push_str(std::str::from_utf8(&frames.bytes).unwrap()),
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    assert!(!text.contains("secret") && early + text.len() >= 700, "{early} and {} bytes", text.len());
    while values.position() < more {
        if let Delivery::Item(Received::Event(event)) = received(&mut values).await {
            let deleted = event.position == next || event.position >= more;
            assert!(!deleted || matches!(event.body, Body::Message { content: None, .. }), "{event:?}");
        }
    }
}

/// Returns the next delivery, if there is one now.
fn frames_now(frames: &mut FrameSubscription) -> Option<Delivery<Frames>> {
    match frames.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(delivery) => Some(delivery.unwrap().unwrap()),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_and_in_events_and_its_links_go_on() {
    let chat = Chat::open("memory:").unwrap();
    let (large, edited) = (room("large"), room("edited"));
    for _ in 0..40 {
        chat.send(&large, Draft::post(ada(), "x".repeat(60_000))).await.unwrap();
    }
    let (mut range, mut seen, mut pages) = (HistoryRange::Newest, 0, 0);
    loop {
        let page = chat.history(&large, range, 1_000).await.unwrap();
        assert!(page.messages.len() <= 18, "about a MiB");
        (seen, pages) = (seen + page.messages.len(), pages + 1);
        match page.older {
            Some(before) => range = HistoryRange::Before(before),
            None => break,
        }
    }
    assert_eq!((seen, pages), (40, 3));
    let mut targets = Vec::new();
    for _ in 0..6 {
        targets.push(chat.send(&edited, Draft::post(ada(), "x")).await.unwrap().position);
    }
    for target in &targets {
        for n in 0..1_000 {
            let content = n.to_string();
            chat.send(&edited, act(Action::Edit { target: *target, content, moderator: false }))
                .await
                .unwrap();
        }
    }
    let content = "one too many".to_owned();
    let refused =
        chat.send(&edited, act(Action::Edit { target: targets[0], content, moderator: false })).await;
    assert!(matches!(refused, Err(SendError::TooManyEdits(_))), "{refused:?}");
    let (mut range, mut found, mut pages) = (HistoryRange::Newest, Vec::new(), 0);
    loop {
        let page = chat.history(&edited, range, 4).await.unwrap();
        found.splice(0..0, page.messages.iter().map(|message| message.position));
        pages += 1;
        match page.older {
            Some(before) => range = HistoryRange::Before(before),
            None => break,
        }
    }
    assert_eq!((found, pages), (targets, 3));
    let page = chat.history(&edited, HistoryRange::Before(0), 4).await.unwrap();
    assert!(page.messages.is_empty() && page.older.is_none() && page.newer.is_none());
}

#[tokio::test]
async fn a_send_is_not_refused_because_of_one_that_was_never_stored() {
    let mut log = Meddled::new();
    let full = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_full = full.clone();
    log.before_commit = Box::new(move || {
        if is_full.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(CommitError::DiskFull { free: 1, needed: 2 });
        }
        Ok(())
    });
    let chat = log.open();
    let lobby = room("lobby");
    chat.send(&lobby, Draft::post(ada(), "first").with_key("first")).await.unwrap();
    full.store(true, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..50 {
        let (a, b) = tokio::join!(
            chat.send(&lobby, Draft::post(ada(), "x").with_key("k")),
            chat.send(&lobby, Draft::post(ada(), "y").with_key("k")),
        );
        for outcome in [a, b] {
            assert!(matches!(outcome, Err(SendError::DiskFull { free: 1, needed: 2 })), "{outcome:?}");
        }
    }
    assert_eq!(chat.ready(), Err("the disk is full".into()));
    full.store(false, std::sync::atomic::Ordering::SeqCst);
    chat.send(&lobby, Draft::post(ada(), "y").with_key("k")).await.unwrap();
    assert_eq!(chat.ready(), Ok(()));
}

#[tokio::test]
async fn nobody_hears_of_an_event_before_its_commit() {
    let (reached, mut commits) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = std::sync::mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    let mut log = Meddled::new();
    log.before_commit = Box::new(move || {
        reached.send(()).unwrap();
        let _ = gone.lock().unwrap().recv();
        Ok(())
    });
    let (chat, lobby) = (log.open(), room("lobby"));
    // Dropped before the chat, which waits for its writer.
    let go = go;
    let mut reader = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    assert!(matches!(received(&mut reader).await, Delivery::Opening(_)));
    let mut cx = Context::from_waker(Waker::noop());
    let mut send = std::pin::pin!(chat.send(&lobby, Draft::post(ada(), "x")));
    assert!(send.as_mut().poll(&mut cx).is_pending());
    soon(commits.recv()).await.unwrap();

    // The writer is just before the commit, and has done all that comes before it.
    assert!(send.as_mut().poll(&mut cx).is_pending(), "it is acknowledged");
    while let Poll::Ready(got) = reader.poll_next_unpin(&mut cx) {
        assert!(matches!(got, Some(Ok(Delivery::Item(Received::Signal(_))))), "a reader has {got:?}");
    }
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position: 0 });
    let mut late = chat.subscribe(&lobby, from, None).await.unwrap();
    assert!(matches!(received(&mut late).await, Delivery::Opening(opened) if opened.head == 0));
    assert_eq!((chat.head(), chat.overview(&lobby).await.unwrap().head), (0, 0));
    assert!(chat.history(&lobby, HistoryRange::Newest, 9).await.unwrap().messages.is_empty());

    go.send(()).unwrap();
    assert_eq!(soon(send).await.unwrap().position, 1);
    for reader in [&mut reader, &mut late] {
        while !matches!(received(reader).await, Delivery::Item(Received::Event(event)) if event.position == 1)
        {
        }
    }
}

#[tokio::test]
async fn sends_beyond_the_bytes_of_the_queue_are_refused_for_now() {
    const QUEUE_BYTES_MAX: usize = 64 << 20;
    const CONTENT_BYTES: usize = 60_000;
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let mut log = Meddled::new();
    // Waits at the first commit, and at none once the other end is dropped.
    log.before_commit = Box::new(move || {
        let _ = gone.lock().unwrap().recv();
        Ok(())
    });
    let chat = log.open();
    // Dropped before the chat, which waits for its writer.
    let go = go;
    let send = || {
        let chat = chat.clone();
        async move { chat.send(&room("r"), Draft::post(ada(), "x".repeat(CONTENT_BYTES))).await }
    };
    let mut cx = Context::from_waker(Waker::noop());
    let (mut taken, mut refused) = (Vec::new(), 0);
    for _ in 0..QUEUE_BYTES_MAX / CONTENT_BYTES + 10 {
        let mut send = Box::pin(send());
        match send.as_mut().poll(&mut cx) {
            Poll::Pending => taken.push(send),
            Poll::Ready(Err(SendError::QueueFull { bytes, .. })) => {
                assert!(bytes <= QUEUE_BYTES_MAX);
                refused += 1;
            }
            Poll::Ready(other) => panic!("{other:?}"),
        }
    }
    assert!(refused >= 10, "{refused} refused");
    drop(go);
    let count = taken.len() as u64;
    for send in taken {
        soon(send).await.unwrap();
    }
    assert_eq!(chat.head(), count, "what was taken is what is stored");
}

/// Looks at the room's head in the very moment in which its sender is answered.
struct Looks {
    chat: Chat,
    seen: std::sync::Mutex<Option<Position>>,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        let lobby = room("lobby");
        let overview = std::pin::pin!(self.chat.overview(&lobby));
        if let Poll::Ready(overview) = overview.poll(&mut Context::from_waker(Waker::noop())) {
            *self.seen.lock().unwrap() = Some(overview.unwrap().head);
        }
    }
}

#[tokio::test]
async fn who_is_answered_finds_the_event_in_its_room() {
    let (chat, lobby) = (Chat::open("memory:").unwrap(), room("lobby"));
    let mut reader = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    let looks = Arc::new(Looks { chat: chat.clone(), seen: std::sync::Mutex::default() });
    let waker = Waker::from(looks.clone());
    let mut send = std::pin::pin!(chat.send(&lobby, Draft::post(ada(), "x")));
    // It may be answered before it is polled for the first time: then nobody was woken, and nothing was seen.
    let polled = send.as_mut().poll(&mut Context::from_waker(&waker));
    while !matches!(received(&mut reader).await, Delivery::Item(Received::Event(event)) if event.position == 1)
    {
    }
    if polled.is_pending() {
        assert_eq!(soon(send).await.unwrap().position, 1);
        assert_eq!(*looks.seen.lock().unwrap(), Some(1));
    }
}
