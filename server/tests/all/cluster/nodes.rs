//! Three chats in one process whose journal is kept by three servers of NATS.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use millchat::{Author, AuthorKind, Body, Chat, Draft, Event, Position, Receipt, RoomName, SendError};
use millchat_testkit::network::Network;
use tokio::task::JoinHandle;

use crate::support::journal::JournalEngine as _;
use crate::support::nats::Nats;
use crate::support::{LOOK_EVERY, while_it_moves, within};

const SENDERS: usize = 6;
const MESSAGES: usize = 100;

/// A node per server of NATS, each connected to its own one first.
struct Nodes {
    chats: Vec<Chat>,
    _folder: tempfile::TempDir,
}

impl Nodes {
    async fn start(nats: &Nats) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |nth: usize| -> PathBuf { folder.path().join(format!("node-{nth}")) };
        // The log with which the cluster begins, and the copies of it.
        millchat::cluster::begin(&path(0)).unwrap();
        for nth in 1..nats.len() {
            std::fs::copy(path(0), path(nth)).unwrap();
        }
        let (network, mut chats) = (Network::of(nats.len()), Vec::new());
        for nth in 0..nats.len() {
            let journal = Arc::new(nats.connect(nth).await);
            chats.push(network.open(nth, &path(nth), journal).unwrap());
        }
        Self { chats, _folder: folder }
    }
}

/// Sends with a key until the outcome is known, at one node after the other.
async fn send(nodes: &Nodes, mut node: usize, text: &str) -> Receipt {
    let author = Author { id: "ada".into(), name: "ada".into(), kind: AuthorKind::Guest };
    let mut draft = Draft::post(author, text);
    draft.key = Some(text.to_owned());
    loop {
        let room = RoomName::new("lobby").unwrap();
        match nodes.chats[node].send(&room, draft.clone()).await {
            Ok(receipt) => return receipt,
            Err(SendError::Unknown(_) | SendError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
        node = (node + 1) % nodes.chats.len();
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// All events of a node's log, up to a position.
async fn log(chat: &Chat, up_to: Position) -> Vec<Event> {
    let mut whole = chat.follow(0);
    let mut events = Vec::new();
    while whole.position() < up_to {
        let followed = within("the log goes on", whole.next()).await.expect("it is open").unwrap();
        events.extend(followed.events.iter().map(|event| (**event).clone()));
    }
    events
}

type Receipts = Arc<Mutex<BTreeMap<String, Position>>>;

fn start_senders(nodes: &Arc<Nodes>, receipts: &Receipts) -> Vec<JoinHandle<()>> {
    let sender = |nth: usize| {
        let (nodes, receipts) = (nodes.clone(), receipts.clone());
        async move {
            for message in 0..MESSAGES {
                let text = format!("message {message} of {nth}");
                let receipt = send(&nodes, nth % nodes.chats.len(), &text).await;
                receipts.lock().unwrap().insert(text, receipt.position);
            }
        }
    };
    (0..SENDERS).map(|nth| tokio::spawn(sender(nth))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_have_one_log_although_each_server_of_the_journal_is_killed_once() {
    let mut nats = Nats::cluster().await;
    let nodes = Arc::new(Nodes::start(&nats).await);
    let receipts = Receipts::default();
    let sent = || receipts.lock().unwrap().len();
    let senders = start_senders(&nodes, &receipts);
    for nth in 0..nats.len() {
        for _ in 0..2 {
            // Before the kill and while the server is away.
            let goal = sent() + SENDERS * MESSAGES / 10;
            let going_on = async {
                while sent() < goal {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            while_it_moves("messages are stored", sent, going_on).await;
            nats.toggle(nth).await;
        }
    }
    for sender in senders {
        while_it_moves("messages are stored", sent, sender).await.unwrap();
    }

    let receipts = receipts.lock().unwrap().clone();
    assert_eq!(receipts.len(), SENDERS * MESSAGES);
    let newest = *receipts.values().max().unwrap();
    let first = log(&nodes.chats[0], newest).await;
    let mut found = BTreeMap::new();
    for event in &first {
        if let Body::Message { content: Some(content), .. } = &event.body {
            assert_eq!(found.insert(content.to_string(), event.position), None, "{content} is stored twice");
        }
    }
    assert_eq!(found, receipts);
    for chat in &nodes.chats[1..] {
        let other = log(chat, newest).await;
        assert_eq!(format!("{other:?}"), format!("{first:?}"));
    }
}
