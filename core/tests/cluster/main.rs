//! Several chats in one process that share a journal: what one node acknowledges, all have.

mod alike;
mod copy;
mod current;
mod erase;
mod everywhere;
mod identity;
mod journal;
mod nodes;
mod power;
mod signals;
#[path = "../disk/storage.rs"]
#[expect(dead_code, reason = "the tests of a single node's disk need more of it")]
mod storage;

use std::collections::BTreeMap;
use std::time::Duration;

use journal::{MemoryJournal, Trouble};
use millchat::{
    Author, AuthorKind, Body, CONTENT_BYTES_MAX, Chat, Draft, Event, Position, ReadError, Receipt, RoomName,
    SendError,
};
use nodes::Cluster;

/// A send is stored within this time, whatever happens to single nodes.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);

fn author(name: &str) -> Author {
    Author { id: name.into(), name: name.into(), kind: AuthorKind::Guest }
}

fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

/// All events of a node's log, up to a position. A node that is not current is asked again, as a client
/// asks again: one that has just started has to read first.
async fn log(chat: &Chat, up_to: Position) -> Vec<Event> {
    let begun = tokio::time::Instant::now();
    let mut whole = chat.follow(0);
    let mut events = Vec::new();
    while whole.position() < up_to {
        let followed = tokio::time::timeout(SETTLED_WITHIN, whole.next()).await;
        match followed.expect("the log reaches its end").expect("it is open") {
            Ok(followed) => events.extend(followed.events.iter().map(|event| (**event).clone())),
            Err(ReadError::NotCurrent) => {
                assert!(begun.elapsed() < SETTLED_WITHIN, "a node is not current");
                tokio::time::sleep(Duration::from_millis(50)).await;
                whole = chat.follow(whole.position());
            }
            Err(error) => panic!("{error}"),
        }
    }
    events
}

/// The same as texts, which are compared.
fn texts(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

/// Sends with a key until the outcome is known, at one node after the other.
async fn send(cluster: &Cluster, mut node: usize, text: &str, name: &str) -> Receipt {
    let mut draft = Draft::post(author(name), text);
    draft.key = Some(text.chars().take(64).collect());
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < SETTLED_WITHIN {
        if let Some(chat) = cluster.chat(node) {
            match chat.send(&room("lobby"), draft.clone()).await {
                Ok(receipt) => return receipt,
                Err(SendError::Unknown(_) | SendError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        node = (node + 1) % nodes::NODES;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no node has stored {text}");
}

fn assert_whole(events: &[Event], receipts: &BTreeMap<String, Receipt>) {
    let mut prev = 0;
    let mut found = BTreeMap::<&str, Position>::new();
    for event in events {
        assert_eq!(event.prev, prev, "of one room");
        prev = event.position;
        if let Body::Message { content: Some(content), .. } = &event.body {
            let before = found.insert(content, event.position);
            assert_eq!(before, None, "{content} is stored twice");
        }
    }
    for (text, receipt) in receipts {
        assert_eq!(found.get(text.as_str()), Some(&receipt.position), "{text}");
    }
    assert_eq!(found.len(), receipts.len(), "and nothing else");
}

/// Lets senders send at all nodes, and compares what all nodes have at the end.
async fn senders(cluster: &std::sync::Arc<Cluster>, count: usize, each: usize) -> BTreeMap<String, Receipt> {
    let tasks: Vec<_> = (0..count)
        .map(|nth| {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                let mut receipts = BTreeMap::new();
                for message in 0..each {
                    let text = format!("message {message} of {nth}");
                    let receipt = send(&cluster, nth % nodes::NODES, &text, &format!("sender-{nth}")).await;
                    receipts.insert(text, receipt);
                }
                receipts
            })
        })
        .collect();
    let mut all = BTreeMap::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

async fn assert_equal_logs(cluster: &Cluster, receipts: &BTreeMap<String, Receipt>) {
    let newest = receipts.values().map(|receipt| receipt.position).max().unwrap();
    let first = log(&cluster.chat(0).unwrap(), newest).await;
    assert_whole(&first, receipts);
    for node in 1..nodes::NODES {
        assert_eq!(texts(&log(&cluster.chat(node).unwrap(), newest).await), texts(&first), "node {node}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_have_one_log_whoever_sends_where() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let receipts = senders(&cluster, 6, 50).await;
    assert_equal_logs(&cluster, &receipts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_journal_does_late_twice_or_without_an_answer_changes_nothing() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::Appends)).await;
    let receipts = senders(&cluster, 6, 20).await;
    assert_equal_logs(&cluster, &receipts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_end_and_start_again_lose_nothing_and_double_nothing() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let sending = {
        let cluster = cluster.clone();
        tokio::spawn(async move { senders(&cluster, 6, 40).await })
    };
    for kill in 0..6 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        cluster.restart(kill % nodes::NODES).await;
    }
    let receipts = sending.await.unwrap();
    assert_equal_logs(&cluster, &receipts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_entry_is_larger_than_the_journal_takes() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    // One after the other they would make small entries.
    let texts = (0..2_000).map(|nth| match nth % 500 {
        0 => format!("{nth} {}", "x".repeat(CONTENT_BYTES_MAX - 8)),
        _ => nth.to_string(),
    });
    let sends = texts.map(|text| {
        let cluster = cluster.clone();
        async move { (text.clone(), send(&cluster, 1, &text, "ada").await) }
    });
    let receipts = futures_util::future::join_all(sends).await.into_iter().collect();
    assert_equal_logs(&cluster, &receipts).await;
    for node in 0..nodes::NODES {
        assert_eq!(cluster.chat(node).unwrap().ready(), Ok(()), "a larger one ends the node that appends it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_says_so_and_goes_on_when_it_is_back() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let mut receipts = BTreeMap::new();
    receipts.insert("before".to_owned(), send(&cluster, 1, "before", "ada").await);
    let chat = cluster.chat(1).unwrap();
    assert_eq!(chat.ready(), Ok(()));
    cluster.cut(1, true);
    let text = "while it is cut off".to_owned();
    receipts.insert(text.clone(), send(&cluster, 0, &text, "ada").await);
    // In the very moment in which it is not ready it takes nothing.
    let not_ready = async {
        while chat.ready().is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SETTLED_WITHIN, not_ready).await.expect("it is not ready");
    let refused = chat.send(&room("lobby"), Draft::post(author("ada"), "to it")).await;
    assert!(matches!(refused, Err(SendError::Unavailable(_))), "{refused:?}");
    cluster.cut(1, false);
    until("it is ready", || chat.ready().is_ok()).await;
    receipts.insert("after".to_owned(), send(&cluster, 1, "after", "ada").await);
    assert_equal_logs(&cluster, &receipts).await;
}

/// Waits for a thing.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = tokio::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SETTLED_WITHIN, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
