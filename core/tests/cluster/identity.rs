//! The cluster that a log says it is one of: who may open it, what a look at it tells, and what a backup keeps.

use std::path::Path;
use std::time::SystemTime;

use millchat::cluster::{self, ClusterId, Place};
use millchat::log::{self, LogSnapshot, NewLog, Piece};
use millchat::{Chat, Draft, OpenError};

use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::{Cluster, NODES};
use crate::{author, room, send};

fn open(path: &Path) -> Result<Chat, OpenError> {
    Chat::open(path.to_str().unwrap())
}

fn place(path: &Path) -> Place {
    cluster::place(path).unwrap().unwrap()
}

fn bytes(path: &Path) -> (Vec<u8>, SystemTime) {
    (std::fs::read(path).unwrap(), path.metadata().unwrap().modified().unwrap())
}

#[tokio::test]
async fn a_log_is_opened_with_connections_once_it_has_begun_a_cluster_and_without_them_before() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let connected = || Chat::builder().connect(cluster.connections(0)).open(path.to_str().unwrap());
    let refused = connected().err().unwrap();
    assert!(matches!(refused, OpenError::Io { .. }), "no log is made that is nobody's copy: {refused}");
    assert!(!path.exists());
    let chat = open(&path).unwrap();
    chat.send(&room("lobby"), Draft::post(author("ada"), "before")).await.unwrap();
    chat.close().await.unwrap();

    let before = bytes(&path);
    let refused = connected().err().unwrap();
    assert!(refused.to_string().contains("`millchat cluster begin`"), "{refused}");
    let over = Chat::builder().connect(cluster.connections(0));
    assert!(over.open_log(log::open("memory:").unwrap()).is_err());
    assert!(bytes(&path) == before, "the file was changed");

    let id = cluster::begin(&path).unwrap();
    let before = bytes(&path);
    for refused in [open(&path).err().unwrap(), cluster::begin(&path).err().unwrap()] {
        assert!(refused.to_string().contains(&id.to_string()), "{refused}");
    }
    let log = log::open(path.to_str().unwrap()).unwrap();
    assert!(Chat::builder().open_log(log.clone()).is_err());
    log.close().unwrap();
    assert!(before.0.len() == bytes(&path).0.len());
    connected().unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_look_at_a_log_that_nobody_has_open_tells_its_place_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    assert_eq!(cluster::place(&path).unwrap(), None);
    std::fs::write(&path, "").unwrap();
    assert_eq!(cluster::place(&path).unwrap(), None, "an empty file is no log yet");
    std::fs::write(&path, "something else").unwrap();
    assert!(matches!(cluster::place(&path), Err(OpenError::NotALog(_))));
    std::fs::remove_file(&path).unwrap();

    let chat = open(&path).unwrap();
    for _ in 0..3 {
        chat.send(&room("lobby"), Draft::post(author("ada"), "hello")).await.unwrap();
    }
    let epoch = chat.epoch();
    assert!(matches!(cluster::place(&path), Err(OpenError::InUse(_))));
    chat.close().await.unwrap();
    let before = bytes(&path);
    let Place { cluster: None, epoch: found, mark } = place(&path) else { panic!("it is a single node's") };
    assert_eq!((found, mark.seq, mark.head, mark.floor), (epoch, 0, 3, 1));
    assert!(bytes(&path) == before, "the file was changed");
    let id = cluster::begin(&path).unwrap();
    assert_eq!(place(&path), Place { cluster: Some(id), epoch, mark });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_logs_of_all_nodes_tell_one_cluster_and_their_place_in_its_journal() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let head = send(&cluster, 0, "hello", "ada").await.position;
    let mut clusters = Vec::new();
    for node in 0..NODES {
        let chat = cluster.chat(node).unwrap();
        crate::log(&chat, head).await;
        drop(chat);
        cluster.stop(node).await;
        let Place { cluster: Some(id), mark, .. } = place(&cluster.path(node)) else {
            panic!("it has an id")
        };
        assert!(mark.seq >= 2 && mark.term >= 1 && mark.head == head, "{mark:?}");
        clusters.push(id);
    }
    let first: ClusterId = clusters[0];
    assert_eq!(clusters, [first; NODES]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_nodes_log_is_the_log_of_a_single_node() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let head = send(&cluster, 0, "hello", "ada").await.position;
    cluster.stop(0).await;
    let (from, to) = (cluster.path(0), cluster.path(NODES));
    let checked = log::check(&from, &mut |_, _| {}, &mut |finding| panic!("{finding}")).unwrap();
    assert_eq!((checked.head, checked.findings), (head, 0));
    let node = log::open_stopped(&from).unwrap();
    let mut copy = LogSnapshot::begin(&*node);
    let mut new = NewLog::create(&to, Some(node.signing_key()), copy.floor()).unwrap();
    while let Some(piece) = copy.next(&*node).unwrap() {
        let Piece::Records(records) = piece else { continue };
        for record in records {
            new.append(record).unwrap();
        }
    }
    new.finish(copy.head()).unwrap();
    let made = place(&to);
    assert_eq!((made.cluster, made.mark.seq, made.mark.head), (None, 0, head));
    assert_ne!(made.epoch, node.epoch());
    let chat = open(&to).unwrap();
    chat.send(&room("lobby"), Draft::post(author("ada"), "on")).await.unwrap();
}
