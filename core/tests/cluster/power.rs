//! Nodes whose power is lost: the disk of each has what was synced, and they read the rest from the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use millchat::{Action, Body, Draft, Position, Receipt, testing};

use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::{Cluster, NODES};
use crate::storage::Backend;
use crate::{assert_equal_logs, author, room, send, senders, until};

/// A log puts an entry off for a second at most: one of this number of sends meets logs that do.
const SENDS_MAX: usize = 40;

/// Starts nodes that have ended, on disks that forget what was not synced.
async fn start(cluster: &Cluster, images: Vec<Vec<u8>>) -> Vec<Backend> {
    let disks: Vec<_> = images.into_iter().map(Backend::of).collect();
    for (node, disk) in disks.iter().enumerate() {
        cluster.open_log(node, testing::open_log(disk.clone()).unwrap());
    }
    for node in 0..NODES {
        let chat = cluster.chat(node).unwrap();
        until("a node is ready", || chat.ready().is_ok()).await;
    }
    disks
}

async fn stop(cluster: &Cluster) {
    for node in 0..NODES {
        cluster.stop(node).await;
    }
}

/// Sends until no disk has the newest message, which all nodes give to readers. Returns what was sent.
async fn send_what_no_disk_has(
    cluster: &Cluster,
    disks: &[Backend],
    name: &str,
) -> BTreeMap<String, Receipt> {
    let mut receipts = BTreeMap::new();
    for nth in 0..SENDS_MAX {
        let text = format!("the newest of {name}: {nth}");
        let receipt = send(cluster, nth % NODES, &text, "ada").await;
        let position = receipt.position;
        receipts.insert(text, receipt);
        all_have(cluster, position).await;
        if disks.iter().all(|disk| head(disk) < position) {
            return receipts;
        }
    }
    panic!("each entry is on a disk at once");
}

async fn all_have(cluster: &Cluster, position: Position) {
    for node in 0..NODES {
        let chat = cluster.chat(node).unwrap();
        until("all have it", || chat.head() >= position).await;
    }
}

/// The head of the log on a disk.
fn head(disk: &Backend) -> Position {
    testing::open_log(Backend::of(disk.synced())).unwrap().head()
}

/// Starts a cluster on disks that forget.
async fn cluster() -> (Arc<Cluster>, Vec<Backend>) {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    stop(&cluster).await;
    let files = (0..NODES).map(|node| std::fs::read(cluster.path(node)).unwrap());
    let disks = start(&cluster, files.collect()).await;
    (cluster, disks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_disk_has_when_the_power_of_all_nodes_is_lost_is_read_from_the_journal() {
    let (cluster, disks) = cluster().await;
    let mut receipts = senders(&cluster, 3, 10).await;
    receipts.extend(send_what_no_disk_has(&cluster, &disks, "all").await);
    // And some of what was written since is there too.
    let images = disks.iter().map(Backend::torn).collect();
    stop(&cluster).await;
    start(&cluster, images).await;
    assert_equal_logs(&cluster, &receipts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_off_is_on_the_disks_soon_also_when_nothing_follows() {
    let (cluster, disks) = cluster().await;
    let sent = send_what_no_disk_has(&cluster, &disks, "all").await;
    let newest = sent.values().map(|receipt| receipt.position).max().unwrap();
    // No entry comes that would take it along.
    for node in 0..NODES {
        cluster.cut(node, true);
    }
    until("it is on the disks", || disks.iter().all(|disk| head(disk) >= newest)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_is_answered_is_on_the_disk_of_every_node() {
    let (cluster, disks) = cluster().await;
    for nth in 0..5 {
        let sent = send_what_no_disk_has(&cluster, &disks, &nth.to_string()).await;
        let target = sent.values().map(|receipt| receipt.position).max().unwrap();
        let action = Action::Delete { target, moderator: false };
        let draft = Draft { author: Some(author("ada")), action, key: None };
        cluster.chat(nth % NODES).unwrap().send(&room("lobby"), draft).await.unwrap();
        for disk in &disks {
            let log = testing::open_log(Backend::of(disk.synced())).unwrap();
            let event = log.record(target).unwrap().and_then(|record| record.event);
            let body = &event.expect("it was on the disk before, or with its delete").body;
            assert!(matches!(body, Body::Message { content: None, .. }), "{body:?}");
        }
    }
}
