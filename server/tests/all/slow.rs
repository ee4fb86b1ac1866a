//! A reader that stops reading slows nobody, costs a bounded amount, is dropped in the end, and misses
//! nothing when it comes back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::support::oracle::{Follower, acknowledge, assert_clean, recover};
use crate::support::{Api, Guest, Server, turn, within};
use millchat::RoomName;
use millchat_oracle::{Oracle, Sender};
use millchat_testkit::process::resident_bytes_alone;

const READERS: usize = 100;
/// Far more than the sockets' buffers, the server's and the ring together hold for one reader.
const MESSAGES: u64 = 4_000;
const CONTENT_BYTES: usize = 4_000;
/// The time between two looks at who is there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn text(number: u64) -> String {
    format!("{number:>CONTENT_BYTES$}")
}

/// Sends them as fast as they are acknowledged; gives the last position.
async fn send_all(api: &Api, guest: &Guest, sender: &Sender, numbers: std::ops::Range<u64>) -> u64 {
    let mut last = 0;
    for number in numbers {
        let receipt = api.send("lobby", guest, &text(number)).await;
        last = acknowledge(sender, number, guest, &text(number), &receipt);
    }
    last
}

/// Has a reader join that reads nothing, and sends past it; gives the last position too.
async fn stall(server: &Server) -> (Oracle, Follower, u64) {
    let api = server.api();
    let ada = api.guest("Ada").await;
    let oracle = Oracle::new();
    let sender = oracle.sender(&RoomName::new("lobby").unwrap(), "ada");
    let mut stalled = Follower::new(&oracle, "lobby", "stalled");
    stalled.join(server.address()).await.unwrap();
    let last = send_all(&api, &ada, &sender, 0..MESSAGES).await;
    (oracle, stalled, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_reader_costs_the_others_nothing_and_loses_nothing() {
    let _turn = turn::load().await;
    let mut server = Server::start().await;
    let address = server.address();
    let api = server.api();
    let ada = api.guest("Ada").await;
    let oracle = Arc::new(Oracle::new());
    let sender = oracle.sender(&RoomName::new("lobby").unwrap(), "ada");

    let mut stalled = Follower::new(&oracle, "lobby", "stalled");
    stalled.join(address).await.unwrap();
    let first = send_all(&api, &ada, &sender, 0..1).await;
    stalled.catch_up(address, first).await;
    // From here on it keeps its connection and reads nothing.

    let (done, _) = tokio::sync::watch::channel(u64::MAX);
    let readers: Vec<_> = (0..READERS)
        .map(|number| {
            let mut reader = Follower::new(&oracle, "lobby", format!("healthy {number}"));
            let mut done = done.subscribe();
            tokio::spawn(async move {
                reader.join(address).await.unwrap();
                loop {
                    let last = *done.borrow_and_update();
                    if reader.reader.position() >= last {
                        break;
                    }
                    tokio::select! {
                        event = reader.next() => assert!(event.is_some(), "a healthy reader was dropped"),
                        changed = done.changed() => changed.unwrap(),
                    }
                }
                reader.reader.complete();
            })
        })
        .collect();
    let last = send_all(&api, &ada, &sender, 1..MESSAGES).await;
    done.send(last).unwrap();
    for reader in readers {
        within("a healthy reader gets everything", reader).await.unwrap();
    }
    // 16 MB were sent past it: what it costs is the buffers, the ring and redb's cache, not the backlog of
    // each reader.
    let resident = resident_bytes_alone(server.pid()).unwrap();
    assert!(resident < 400 << 20, "{resident} bytes resident");

    // What its socket still holds, then the log, then live.
    stalled.catch_up(address, last).await;
    stalled.reader.complete();
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
    server.assert_alive();
}

#[tokio::test]
async fn a_reader_that_never_reads_is_dropped_and_resumes_without_a_gap() {
    let server = Server::start().await;
    let (address, api) = (server.address(), server.api());
    let (oracle, mut stalled, last) = stall(&server).await;

    // Nobody else is in the room. Where sends take long it may have been dropped among them.
    let presence = async || api.get("/api/v1/rooms/lobby").await.json()["presence"]["count"].clone();
    let dropped = async {
        while presence().await != 0 {
            sleep(LOOK_EVERY).await;
        }
    };
    within("the stalled reader is dropped", dropped).await;
    let (mut received, mut ended) = (0, false);
    while !ended {
        match within("the rest of the dropped stream", stalled.next()).await {
            Some(_) => received += 1,
            None => ended = true,
        }
    }
    assert!(received > 0 && stalled.reader.position() < last, "it was cut off in the middle");
    stalled.catch_up(address, last).await;
    stalled.reader.complete();
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn a_stalled_reader_that_retention_overtakes_is_told_so_and_goes_on() {
    let _turn = turn::load().await;
    let server = Server::start_with(&["--keep-bytes", "1MB"]).await;
    let (oracle, mut stalled, last) = stall(&server).await;
    let mut gaps = 0;
    while stalled.reader.position() < last {
        match within("the stream goes on", stalled.next()).await {
            Some(event) => gaps += usize::from(event.event == "gap"),
            // On a slow machine it stalls for longer than a connection may.
            None => stalled.join(server.address()).await.unwrap(),
        }
    }
    assert!(gaps > 0, "all of 16 MB was there, and 1 MB is kept");
    stalled.reader.complete();
    assert_clean(&oracle, &[recover(&server.api(), "lobby").await]);
}

#[tokio::test]
async fn sigterm_does_not_wait_for_a_reader_that_never_reads() {
    let mut server = Server::start().await;
    let (oracle, mut stalled, last) = stall(&server).await;
    let started = std::time::Instant::now();
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "the end took {took:?}");
    server.restart().await;
    stalled.catch_up(server.address(), last).await;
    stalled.reader.complete();
    assert_clean(&oracle, &[recover(&server.api(), "lobby").await]);
}
