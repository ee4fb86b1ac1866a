//! Purging a room through the public face: nobody is served the text from the acknowledgement on, and then
//! it is gone from the records too.

mod support;

use std::sync::Arc;

use futures_util::StreamExt as _;
use millchat::log::{Log, NewRecord};
use millchat::{
    Action, Body, Chat, Delivery, Draft, HistoryRange, Received, SendError, StartFrom, Subscription,
    Timestamp, testing,
};
use support::{act, ada, room, until};

const SECRET: &str = "secret";

fn edit(target: u64) -> Draft {
    act(Action::Edit { target, content: format!("{SECRET} edit"), moderator: false })
}

fn text(body: &Body) -> Option<&str> {
    match body {
        Body::Message { content, .. } | Body::Edit { content, .. } => content.as_deref(),
        _ => None,
    }
}

/// The texts that a reader gets up to a position.
async fn texts(reader: &mut Subscription, last: u64) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        if let Delivery::Item(Received::Event(event)) = reader.next().await.unwrap().unwrap() {
            texts.extend(text(&event.body).map(str::to_owned));
            if event.position >= last {
                return texts;
            }
        }
    }
}

/// Counts the records that still hold the text.
fn held(log: &dyn Log) -> usize {
    let (mut held, mut from) = (0, 0);
    loop {
        let rows = log.scan_raw(from).unwrap();
        let Some(last) = rows.last() else { return held };
        from = last.position + 1;
        let holds = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        held += rows.iter().filter(|row| holds(&row.bytes)).count();
    }
}

fn counts_right(log: &dyn Log) -> bool {
    let records = (log.floor()..=log.head()).filter_map(|position| log.record(position).unwrap());
    records.map(|record| record.bytes).sum::<u64>() == log.live_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_room_is_served_without_its_text_from_the_acknowledgement_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let open = || millchat::log::open(path.to_str().unwrap()).unwrap();
    let log = open();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let (lobby, other) = (room("lobby"), room("other"));
    // More than a ring holds, so that memory and log both have some.
    let mut live = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    for n in 0..700 {
        let to = if n % 7 == 0 { &other } else { &lobby };
        chat.send(to, Draft::post(ada(), format!("{SECRET} {n}"))).await.unwrap();
    }
    for target in [2, 700] {
        chat.send(&lobby, edit(target)).await.unwrap();
    }
    let before = texts(&mut live, 10).await;
    assert!(before.iter().all(|text| text.contains(SECRET)));
    let emptied = chat.send(&lobby, act(Action::Purge)).await.unwrap().position;
    let after = chat.send(&lobby, Draft::post(ada(), "after")).await.unwrap().position;

    // The one who was reading, one who joins, and one who comes back from far behind.
    assert_eq!(texts(&mut live, after).await, ["after"]);
    let mut joined = chat.subscribe(&lobby, StartFrom::Last(1_000), None).await.unwrap();
    assert_eq!(texts(&mut joined, after).await, ["after"]);
    testing::forget_idle_rooms(&chat);
    let mut joined = chat.subscribe(&lobby, StartFrom::Last(1_000), None).await.unwrap();
    assert_eq!(texts(&mut joined, after).await, ["after"]);
    let page = chat.history(&lobby, HistoryRange::Newest, 1_000).await.unwrap();
    let shown: Vec<_> = page.messages.iter().filter_map(|message| message.content.as_deref()).collect();
    assert_eq!((page.messages.len(), shown), (601, vec!["after"]));
    let message = chat.message(&lobby, 2).await.unwrap().unwrap();
    assert_eq!((message.content, message.edited_at), (None, None));
    assert!(log.last_edit(2).unwrap().is_none_or(|edit| text(&edit.event.unwrap().body).is_none()));
    assert!(log.scan(0).unwrap().iter().all(|record| {
        record.event.as_ref().is_none_or(|event| event.room == other || text(&event.body).is_none())
    }));
    // The other room has its text, and it is all that a copy would hold.
    assert_eq!(held(&*log), 100);
    assert_eq!(chat.history(&other, HistoryRange::Newest, 1).await.unwrap().messages.len(), 1);
    for draft in [edit(2), act(Action::Delete { target: 2, moderator: true })] {
        let refused = chat.send(&lobby, draft).await;
        assert!(matches!(refused, Err(SendError::TargetDeleted(2))), "{refused:?}");
    }
    chat.send(&lobby, edit(after)).await.unwrap();
    until("the room is erased", async || chat.stats().purges == 0).await;
    assert!(counts_right(&*log), "the live bytes are counted wrongly");
    chat.close().await.unwrap();
    drop((chat, log, live, joined));

    let log = open();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    assert_eq!((held(&*log), chat.stats().purges), (101, 0));
    let page = chat.history(&lobby, HistoryRange::Before(emptied), 1_000).await.unwrap();
    assert!(page.messages.len() == 600 && page.messages.iter().all(|message| message.content.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_room_is_erased_in_steps_while_sends_go_on() {
    const EVENTS: u64 = 5_000;
    let log = millchat::log::open("memory:").unwrap();
    let lobby = room("lobby");
    let message = || Body::Message { content: Some(SECRET.into()), reply_to: None };
    let append = |_| NewRecord::event(lobby.clone(), Some(ada()), Timestamp(1), message());
    log.commit(&(0..EVENTS).map(append).collect::<Vec<_>>(), 0).unwrap();
    let bytes = log.live_bytes();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let before = chat.stats().commits;
    chat.send(&lobby, act(Action::Purge)).await.unwrap();
    assert_eq!(held(&*log), 0, "nobody is served any, wherever the erasing has come");
    let mut sent = 0;
    while chat.stats().purges > 0 {
        chat.send(&room("other"), Draft::post(ada(), "meanwhile")).await.unwrap();
        sent += 1;
        // Wherever the erasing has come, nobody is served any of it.
        let at = 1 + sent * 97 % EVENTS;
        let page = chat.history(&lobby, HistoryRange::After(at), 20).await.unwrap();
        assert!(page.messages.iter().all(|message| message.content.is_none()), "at {at}");
    }
    let steps = chat.stats().commits - before;
    assert!(steps >= EVENTS / 256, "{steps} commits");
    assert_eq!(held(&*log), 0);
    assert!(log.live_bytes() < bytes && counts_right(&*log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_is_erased_when_nobody_sends() {
    let log = millchat::log::open("memory:").unwrap();
    let lobby = room("lobby");
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    for _ in 0..2 {
        let message = || Body::Message { content: Some(SECRET.into()), reply_to: None };
        let sends = (0..1_000).map(|_| {
            let (chat, lobby) = (chat.clone(), lobby.clone());
            let Body::Message { content: Some(text), .. } = message() else { unreachable!() };
            tokio::spawn(async move { chat.send(&lobby, Draft::post(ada(), &*text)).await.unwrap() })
        });
        for send in sends.collect::<Vec<_>>() {
            send.await.unwrap();
        }
        chat.send(&lobby, act(Action::Purge)).await.unwrap();
    }
    until("the room is erased", async || chat.stats().purges == 0).await;
    assert!(counts_right(&*log));
    let shared: Arc<dyn Log> = log;
    assert_eq!(held(&*shared), 0);
}
