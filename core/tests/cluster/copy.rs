//! A copy of a node's log, with which a node begins that has none.

use std::time::Duration;

use millchat::cluster::{CopyReceiver, LogCopy, Place};
use millchat::{Action, Chat, Draft, HistoryRange, Reaction, Receipt, RetentionPolicy, SendError};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::alike::{self, request, state};
use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::{Cluster, FRESH, NODES};
use crate::{author, log, room, texts, until};

/// Takes a copy on a thread that may wait.
async fn take(cluster: &Cluster, first: Vec<bytes::Bytes>, rest: LogCopy) -> Place {
    let path = cluster.path(FRESH);
    let take = move || {
        let mut receiver = CopyReceiver::new(&path).unwrap();
        for chunk in first.into_iter().map(Ok).chain(rest) {
            receiver.take(&chunk.unwrap()).unwrap();
        }
        receiver.finish().unwrap()
    };
    tokio::task::spawn_blocking(take).await.unwrap()
}

/// Sends at one node until the outcome is known.
async fn send_at(chat: &Chat, to: &str, draft: &Draft) -> Receipt {
    loop {
        match chat.send(&room(to), draft.clone()).await {
            Ok(receipt) => return receipt,
            Err(SendError::Unknown(_) | SendError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn keyed(key: &str) -> Draft {
    Draft { key: Some(key.into()), ..Draft::post(author("zoe"), key) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_begins_with_a_copy_has_everything_continues_it_and_can_lead() {
    let keep = RetentionPolicy { age: None, bytes: Some(1024 * 1024) };
    let cluster = Cluster::start_with(MemoryJournal::new(Trouble::None), keep).await;
    let giver = cluster.chat(1).unwrap();
    for nth in 0..70 {
        let text = format!("{nth} {}", "x".repeat(20_000));
        send_at(&giver, "hall", &Draft::post(author("ada"), &text)).await;
    }
    until("retention takes the oldest", || giver.floor() > 1).await;
    let purge = Draft { author: Some(author("zoe")), action: Action::Purge, key: None };
    let mut rng = StdRng::seed_from_u64(11);
    let mut newest = giver.head();
    for nth in 0..300 {
        let answered = alike::send(&cluster.chat(nth % NODES).unwrap(), &request(&mut rng, newest)).await;
        newest = newest.max(answered.map_or(0, |receipt| receipt.position));
    }
    send_at(&giver, "cellar", &keyed("emptied")).await;
    send_at(&giver, "cellar", &purge).await;
    let moderator = |action| Draft { author: Some(author("zoe")), action, key: None };
    let target = send_at(&giver, "lobby", &keyed("a text")).await.position;
    let reaction = Reaction::ALL[0];
    send_at(&giver, "lobby", &moderator(Action::React { target, reaction, on: true })).await;
    let edit = Action::Edit { target, content: "edited".into(), moderator: true };
    send_at(&giver, "lobby", &moderator(edit)).await;
    let target = send_at(&giver, "lobby", &keyed("a secret")).await.position;
    send_at(&giver, "lobby", &moderator(Action::Delete { target, moderator: true })).await;
    send_at(&giver, "garden", &moderator(Action::Close)).await;
    giver.ban("mallory", author("ada")).await.unwrap();
    let before = send_at(&giver, "attic", &keyed("before the copy")).await;

    let mut copy = giver.copy().unwrap();
    let at = giver.head();
    let first = copy.next().unwrap().unwrap();
    assert!(first.len() <= millchat::cluster::COPY_CHUNK_BYTES_MAX);
    let meanwhile = send_at(&giver, "attic", &keyed("while it is copied")).await;
    let page = giver.history(&room("attic"), HistoryRange::Newest, 10).await.unwrap();
    assert_eq!(page.messages.len(), 2, "readers go on, too");
    let place = take(&cluster, vec![first], copy).await;
    assert_eq!((place.epoch, place.mark.head), (giver.epoch(), at), "it is the log of one moment");
    assert_eq!(Some(place), millchat::cluster::place(&cluster.path(FRESH)).unwrap());

    cluster.open(FRESH);
    let fresh = cluster.chat(FRESH).unwrap();
    until("the node is ready", || fresh.ready().is_ok()).await;
    let after = send_at(&fresh, "attic", &keyed("by the copy")).await;
    assert_eq!(after.prev, meanwhile.position);
    assert_eq!(texts(&log(&fresh, after.position).await), texts(&log(&giver, after.position).await));
    assert_eq!(state(&fresh).await, state(&giver).await);
    assert!(fresh.is_closed(&room("garden")) && fresh.is_banned("mallory"));
    assert_eq!((fresh.floor(), fresh.signing_key()), (giver.floor(), giver.signing_key()));
    assert_eq!(send_at(&fresh, "attic", &keyed("before the copy")).await.position, before.position);

    drop(giver);
    for node in 0..NODES {
        cluster.stop(node).await;
    }
    let alone = send_at(&fresh, "attic", &keyed("as the leader")).await;
    assert_eq!(alone.prev, after.position);
    let again = send_at(&fresh, "attic", &keyed("before the copy")).await;
    assert_eq!(again.position, before.position, "it judges by the keys of before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_and_readers_go_on_while_a_copy_is_read_and_a_chat_that_gives_one_can_be_closed() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let giver = cluster.chat(0).unwrap();
    let text = |nth: usize| format!("{nth} {}", "x".repeat(rand::rng().random_range(20_000..40_000)));
    for nth in 0..40 {
        send_at(&giver, "hall", &Draft::post(author("ada"), text(nth))).await;
    }
    let mut chunks = giver.copy().unwrap();
    for nth in 0..3 {
        let chunk = chunks.next().unwrap().unwrap();
        assert!(!chunk.is_empty());
        let sent = send_at(&giver, "hall", &Draft::post(author("ada"), text(nth))).await;
        let page = giver.history(&room("hall"), HistoryRange::Newest, 1).await.unwrap();
        assert_eq!(page.messages[0].position, sent.position);
    }
    drop(giver);
    cluster.stop(0).await;
    assert!(chunks.any(|chunk| chunk.is_err()), "the log is closed, and the copy says so");
    assert!(chunks.next().is_none());
}
