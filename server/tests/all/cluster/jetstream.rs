//! JetStream as a journal: the parts that only this engine has.

use std::fs;
use std::time::{Duration, Instant};

use millchat::cluster::Journal as _;
use millchat_server::cluster::{JetStream, JetStreamError};
use rustix::process::Signal;
use serde_json::json;

use super::engines::{Reader, Writer, append};
use crate::support::journal::JournalEngine as _;
use crate::support::nats::{Nats, STREAM};
use crate::support::nodes::Nodes;
use crate::support::{LOOK_EVERY, Server, within};

#[tokio::test]
async fn a_stream_with_other_settings_is_refused() {
    let nats = Nats::single().await;
    let other = json!({ "name": STREAM, "subjects": [STREAM], "retention": "limits", "storage": "file",
                        "discard": "old", "num_replicas": 1, "allow_direct": true });
    let made = nats.ask(&format!("STREAM.CREATE.{STREAM}"), &other).await;
    assert_eq!(made["error"], json!(null));
    let refused = JetStream::connect(nats.settings(0)).await.err();
    assert!(
        matches!(refused, Some(JetStreamError::Unlike { what: "discard must be new", .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_text_of_an_erased_entry_is_in_no_block_of_the_stream() {
    let nats = Nats::cluster().await;
    let journal = nats.connect(0).await;
    append(&journal, 1..=5).await;
    let secret = "a text that somebody deletes";
    assert_eq!(journal.append(5, format!("before {secret} behind").into()).await, Ok(6));
    append(&journal, 7..=10).await;
    let holding = |expected: bool| {
        let nats = &nats;
        async move {
            while (0..nats.len()).any(|nth| nats.blocks_with(nth, secret).is_empty() == expected) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    };
    within("all servers have the text", holding(true)).await;
    journal.erase(&[6]).await.unwrap();
    within("no server has it", holding(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_only_hangs_is_left_for_another_one() {
    let nats = Nats::cluster().await;
    let journal = nats.connect(0).await;
    let reader = Reader::start(journal.clone());
    let writer = Writer::start(journal.clone(), 1_000);
    writer.more(300).await;
    // The server to which this node is connected.
    nats.signal(0, Signal::STOP);
    writer.more(300).await;
    nats.signal(0, Signal::CONT);
    writer.end(&journal, reader).await;
}

/// Time after which docs/cluster.md says that NATS has lost a deleted text.
const GONE_AFTER: Duration = Duration::from_mins(8);

#[tokio::test]
#[ignore = "make prove waits for minutes"]
async fn a_deleted_text_is_in_no_file_of_nats_after_minutes() {
    let nodes = Nodes::start(async |_| {}).await;
    let secret = "a text that somebody deletes everywhere";
    let (first, second) = (nodes.servers[0].api(), nodes.servers[1].api());
    let (ada, bob) = (first.guest("Ada").await, second.guest("Bob").await);
    let position = first.say("lobby", &ada, &format!("before {secret} behind")).await;
    let holding = |nth: usize| nodes.engine.files_with(nth, secret);
    assert!((0..nodes.engine.len()).all(|nth| !holding(nth).is_empty()));
    first.delete("lobby", &ada, position).await.expect(204);
    let deleted = Instant::now();
    let mut last = String::new();
    loop {
        // The chat goes on.
        second.say("lobby", &bob, "something else").await;
        let mut found: Vec<_> = (0..nodes.engine.len()).flat_map(holding).collect();
        let of_nats = found.len();
        let of_node = |server: &&Server| {
            memchr::memmem::find(&fs::read(server.log()).unwrap(), secret.as_bytes()).is_some()
        };
        found.extend(nodes.servers.iter().filter(of_node).map(Server::log));
        let places: Vec<_> = found.iter().map(|path| path.display().to_string()).collect();
        let places = places.join(" ");
        if places != last {
            println!("{:.0?} after the delete, it is in: {places}", deleted.elapsed());
            last = places;
        }
        if of_nats == 0 {
            return;
        }
        assert!(deleted.elapsed() < GONE_AFTER, "it is still in {last}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
