//! Large messages: the bytes that a read forward takes from the disk.

mod support;

use std::sync::Arc;

use millchat::log::NewRecord;
use millchat::testing::open_log_without_cache;
use millchat::{Body, Timestamp};
use support::{CountingDisk, room};

#[test]
fn large_messages_are_read_forward_without_reading_them_again_and_again() {
    const MESSAGES: u64 = 128;
    const BYTES: usize = 60_000;
    let (disk, lobby) = (CountingDisk::default(), room("lobby"));
    let log = open_log_without_cache(disk.clone()).unwrap();
    let content: Arc<str> = "x".repeat(BYTES).into();
    let body = Body::Message { content: Some(content), reply_to: None };
    for n in 0..MESSAGES {
        log.commit(&[NewRecord::event(lobby.clone(), None, Timestamp(n), body.clone())], 0).unwrap();
    }
    disk.bytes_read();
    let mut at = 0;
    while at < MESSAGES {
        let chain = log.read_after(&lobby, at).unwrap();
        assert_eq!(chain.events[0].position, at + 1);
        at = chain.events.last().unwrap().position;
    }
    let (read, payload) = (disk.bytes_read(), MESSAGES * BYTES as u64);
    println!("{read} bytes read for {payload}: {:.1} times", read as f64 / payload as f64);
    assert!(read <= 4 * payload, "{read} bytes read for {payload}");
}
