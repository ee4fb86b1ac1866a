//! Idempotency keys over a restart: known at once, however much was said since without one.

mod support;

use std::sync::Arc;

use millchat::log::NewRecord;
use millchat::testing::{open_log, open_log_without_cache};
use millchat::{Body, Chat, Draft, SendError, Timestamp};
use support::{CountingDisk, ada, room};

#[tokio::test]
async fn a_start_reads_no_records_to_know_the_keys() {
    const EVENTS: usize = 50_000;
    const CONTENT_BYTES: usize = 200;
    let (disk, lobby) = (CountingDisk::default(), room("lobby"));
    let keyed = |content: &str| Draft::post(ada(), content).with_key("k");
    let chat = Chat::builder().open_log(open_log(disk.clone()).unwrap()).unwrap();
    let first = chat.send(&lobby, keyed("x")).await.unwrap();
    chat.close().await.unwrap();
    let log = open_log(disk.clone()).unwrap();
    let content: Arc<str> = "x".repeat(CONTENT_BYTES).into();
    let post = || Body::Message { content: Some(content.clone()), reply_to: None };
    let record = || NewRecord::event(lobby.clone(), Some(ada()), Timestamp::now(), post());
    for _ in 0..EVENTS / 1_000 {
        log.commit(&(0..1_000).map(|_| record()).collect::<Vec<_>>(), 0).unwrap();
    }
    log.close().unwrap();

    // To open the file, a debug build of redb reads all of it.
    let log = open_log_without_cache(disk.clone()).unwrap();
    disk.bytes_read();
    let chat = Chat::builder().open_log(log).unwrap();
    assert_eq!(chat.send(&lobby, keyed("x")).await.unwrap(), first);
    assert!(matches!(chat.send(&lobby, keyed("y")).await, Err(SendError::KeyReused)));
    let read = disk.bytes_read();
    assert!(read < (EVENTS * CONTENT_BYTES) as u64 / 20, "{read} bytes");
}
