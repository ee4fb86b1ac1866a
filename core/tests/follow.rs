//! Following the whole log.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use millchat::{Action, Body, Chat, Draft, Event, Followed, Follower, Position, RetentionPolicy};
use support::people::{PATIENCE, author, content, delete, edit};
use support::{Meddled, act, ada, room, until};

async fn next(follower: &mut Follower) -> Option<Followed> {
    let next = tokio::time::timeout(PATIENCE, follower.next()).await.expect("nothing came");
    next.map(Result::unwrap)
}

/// Takes events until the position.
async fn take(follower: &mut Follower, to: Position) -> (Vec<Arc<Event>>, u64) {
    let (mut events, mut lost) = (Vec::new(), 0);
    while follower.position() < to {
        let part = next(follower).await.expect("the chat is open");
        assert_eq!(part.position, follower.position());
        events.extend(part.events);
        lost += part.lost;
    }
    (events, lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_gets_every_event_of_every_room_once_and_in_order() {
    const EVENTS: usize = 3_000;
    let chat = Chat::open("memory:").unwrap();
    let mut follower = chat.follow(0);
    let sends = (0..EVENTS).map(|n| {
        let chat = chat.clone();
        tokio::spawn(async move {
            let receipt = chat.send(&room(&format!("r{}", n % 7)), Draft::post(ada(), n.to_string())).await;
            receipt.unwrap().position
        })
    });
    let sends: Vec<_> = sends.collect();
    let following = tokio::spawn(async move { take(&mut follower, EVENTS as u64).await });
    let mut sent = Vec::new();
    for (n, send) in sends.into_iter().enumerate() {
        sent.push((send.await.unwrap(), n.to_string()));
    }
    sent.sort();
    let (events, lost) = following.await.unwrap();
    let got: Vec<_> =
        events.iter().map(|event| (event.position, content(event).unwrap().to_owned())).collect();
    assert_eq!((got, lost), (sent, 0));
}

#[tokio::test]
async fn a_follower_goes_on_at_its_place_and_ends_with_the_chat() {
    let chat = Chat::open("memory:").unwrap();
    for text in ["one", "two", "three"] {
        chat.send(&room("a"), Draft::post(ada(), text)).await.unwrap();
    }
    // Bans are records of no room: they move the place, and nothing else.
    chat.ban("eve", ada()).await.unwrap();
    let mut follower = chat.follow(1);
    let (events, lost) = take(&mut follower, 4).await;
    assert_eq!(
        (events.iter().map(|event| content(event).unwrap()).collect::<Vec<_>>(), lost),
        (vec!["two", "three"], 0)
    );
    let waiting = tokio::spawn(async move {
        let newest = next(&mut follower).await.map(|part| part.position);
        (newest, next(&mut follower).await.is_none())
    });
    tokio::task::yield_now().await;
    chat.send(&room("b"), Draft::post(ada(), "four")).await.unwrap();
    chat.close().await.unwrap();
    assert_eq!(waiting.await.unwrap(), (Some(5), true));
}

#[tokio::test]
async fn what_was_deleted_before_it_is_given_is_not_in_it() {
    let mut log = Meddled::new();
    // The first read is overtaken by a delete and by a purge of another room.
    let (arrived, released) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let (first, go_on) = (std::sync::Mutex::new(Some(arrived.0)), std::sync::Mutex::new(released.1));
    log.after_scan = Box::new(move || {
        if let Some(first) = first.lock().unwrap().take() {
            first.send(()).unwrap();
            go_on.lock().unwrap().recv().unwrap();
        }
    });
    let chat = log.open();
    chat.send(&room("a"), Draft::post(author("ada"), "secret")).await.unwrap();
    chat.send(&room("a"), edit("ada", 1, "still secret")).await.unwrap();
    chat.send(&room("a"), Draft::post(author("ada"), "open")).await.unwrap();
    let mut follower = chat.follow(0);
    let following = tokio::spawn(async move { take(&mut follower, 3).await });
    tokio::task::spawn_blocking(move || arrived.1.recv_timeout(PATIENCE).unwrap()).await.unwrap();
    chat.send(&room("a"), delete("ada", 1)).await.unwrap();
    released.0.send(()).unwrap();
    let (events, _) = following.await.unwrap();
    let texts: Vec<_> = events.iter().map(|event| content(event)).collect();
    assert_eq!(texts[..3], [None, None, Some("open")]);
}

#[tokio::test]
async fn what_retention_took_is_counted() {
    let keep = RetentionPolicy { age: None, bytes: Some(100_000) };
    let chat = Chat::builder().retention(keep).open("memory:").unwrap();
    let mut follower = chat.follow(0);
    let text = "x".repeat(1_000);
    for _ in 0..600 {
        chat.send(&room("a"), Draft::post(ada(), text.as_str())).await.unwrap();
    }
    until("retention has taken events", async || chat.floor() > 100).await;
    let floor = chat.floor();
    let (events, lost) = take(&mut follower, 600).await;
    assert!(lost >= floor - 1, "{lost} lost, the floor is {floor}");
    assert_eq!(events.len() as u64 + lost, 600);
}

#[tokio::test]
async fn a_follower_that_does_not_read_holds_nobody_up() {
    let head = Arc::new(AtomicU64::new(0));
    let chat = Chat::open("memory:").unwrap();
    let mut slow = chat.follow(0);
    for n in 0..2_000_u64 {
        let receipt =
            chat.send(&room("a"), act(Action::Post { content: n.to_string(), reply_to: None })).await;
        head.store(receipt.unwrap().position, SeqCst);
    }
    let first = next(&mut slow).await.unwrap();
    assert!(first.events.len() <= 256, "a part is bounded: {}", first.events.len());
    assert!(matches!(first.events[0].body, Body::Message { .. }));
    let (rest, lost) = take(&mut slow, head.load(SeqCst)).await;
    assert_eq!((first.events.len() + rest.len(), lost), (2_000, 0));
    assert!(tokio::time::timeout(Duration::from_millis(20), slow.next()).await.is_err(), "nothing more");
}
