//! Texts that were deleted, and leave the journal too.

use std::sync::Arc;
use std::time::Duration;

use millchat::{Action, Chat, Draft, Receipt, SendError};

use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::{Cluster, NODES};
use crate::{author, log, room, send, texts, until};

async fn act(chat: &Chat, action: Action) -> Receipt {
    loop {
        let draft = Draft { author: Some(author("ada")), action: action.clone(), key: None };
        match chat.send(&room("lobby"), draft).await {
            Ok(receipt) => return receipt,
            // A node that starts again is not current at once.
            Err(SendError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            // A journal without answers: it may be stored, and is refused then.
            Err(SendError::Unknown(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn leader(cluster: &Cluster) -> Option<usize> {
    (0..NODES)
        .find(|node| cluster.chat(*node).and_then(|chat| chat.cluster()).is_some_and(|state| state.is_leader))
}

/// Waits until a node leads: the leadership may be on its way.
async fn leading(cluster: &Cluster) -> usize {
    let mut leading = None;
    until("a node leads", || {
        leading = leader(cluster);
        leading.is_some()
    })
    .await;
    leading.unwrap()
}

/// Waits for some more entries: a second and more.
async fn some_entries(journal: &MemoryJournal) {
    let before = journal.newest();
    until("the journal goes on", || journal.newest() > before + 3).await;
}

async fn erased(journal: &MemoryJournal, text: &str) {
    until(&format!("{text} is in no entry of the journal"), || !journal.holds(text)).await;
}

async fn assert_whole(cluster: &Cluster) {
    let newest = send(cluster, 0, "the end", "ada").await.position;
    let first = log(&cluster.chat(0).unwrap(), newest).await;
    for node in 0..NODES {
        let chat = cluster.chat(node).unwrap();
        assert_eq!(texts(&log(&chat, newest).await), texts(&first), "node {node}");
        until("the node is current", || chat.ready().is_ok()).await;
    }
}

async fn start(trouble: Trouble) -> (Arc<MemoryJournal>, Arc<Cluster>) {
    let journal = MemoryJournal::new(trouble);
    (journal.clone(), Cluster::start(journal).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_text_and_its_edits_leave_the_journal_and_others_stay() {
    let (journal, cluster) = start(Trouble::None).await;
    let chat = cluster.chat(1).unwrap();
    let target = send(&cluster, 0, "the secret", "ada").await.position;
    for nth in 0..3 {
        let content = format!("the secret's edit {nth}");
        act(&chat, Action::Edit { target, content, moderator: false }).await;
    }
    send(&cluster, 2, "what stays", "ada").await;
    assert!(journal.holds("the secret") && journal.holds("the secret's edit 2"));
    act(&chat, Action::Delete { target, moderator: false }).await;
    erased(&journal, "the secret").await;
    assert!(journal.holds("what stays"));
    assert_whole(&cluster).await;
    until("nothing is left to erase", || {
        (0..NODES).all(|node| cluster.chat(node).unwrap().cluster().unwrap().erasing == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_texts_of_a_room_that_was_emptied_leave_the_journal() {
    let (journal, cluster) = start(Trouble::None).await;
    for nth in 0..20 {
        send(&cluster, nth % NODES, &format!("secret {nth}"), "ada").await;
    }
    act(&cluster.chat(1).unwrap(), Action::Purge).await;
    erased(&journal, "secret").await;
    assert_whole(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_text_leaves_a_journal_that_holds_it_twice_and_does_not_always_answer() {
    let (journal, cluster) = start(Trouble::Appends).await;
    let mut secrets = Vec::new();
    for nth in 0..10 {
        secrets.push(send(&cluster, nth % NODES, &format!("secret {nth}"), "ada").await.position);
    }
    let chat = cluster.chat(1).unwrap();
    for target in secrets {
        act(&chat, Action::Delete { target, moderator: false }).await;
    }
    // What was late has come by then.
    some_entries(&journal).await;
    erased(&journal, "secret").await;
    assert_whole(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_text_leaves_the_journal_also_when_the_leader_starts_again_before_or_after_the_delete() {
    let (journal, cluster) = start(Trouble::None).await;
    journal.freeze(true);
    let [before, after] = ["deleted before", "deleted after"];
    let first = send(&cluster, 0, before, "ada").await.position;
    let second = send(&cluster, 0, after, "ada").await.position;
    act(&cluster.chat(0).unwrap(), Action::Delete { target: first, moderator: false }).await;
    let old = leading(&cluster).await;
    cluster.restart(old).await;
    leading(&cluster).await;
    let chat = cluster.chat((old + 1) % NODES).unwrap();
    act(&chat, Action::Delete { target: second, moderator: false }).await;
    assert!(journal.holds(before) && journal.holds(after));
    journal.freeze(false);
    erased(&journal, before).await;
    erased(&journal, after).await;
    assert_whole(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_text_stays_in_the_journal_until_a_node_that_is_cut_off_has_read_on() {
    let (journal, cluster) = start(Trouble::None).await;
    cluster.cut(2, true);
    // The first may be on its way to the node.
    send(&cluster, 0, "before", "ada").await;
    let target = send(&cluster, 0, "secret", "ada").await.position;
    let chat = cluster.chat(0).unwrap();
    let deleting = tokio::spawn(async move { act(&chat, Action::Delete { target, moderator: false }).await });
    until("it is to be erased", || {
        leader(&cluster).is_some_and(|node| cluster.chat(node).unwrap().cluster().unwrap().erasing > 0)
    })
    .await;
    some_entries(&journal).await;
    assert!(journal.holds("secret"), "the node that is cut off would miss it");
    cluster.cut(2, false);
    deleting.await.unwrap();
    erased(&journal, "secret").await;
    assert_whole(&cluster).await;
}
