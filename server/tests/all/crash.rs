//! `kill -9` in mid-load, again and again: the oracle must find nothing lost, doubled or out of order.
//!
//! Half the senders repeat a send whose outcome they do not know, with its key: it must then be there
//! exactly once. The others never do: it may be there or not. Readers join, leave and resume at random.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::sync::watch;

use crate::support::judge::{Follower, assert_clean, read_history, recover};
use crate::support::{Api, Guest, Server, within};
use millchat::RoomName;
use millchat::oracle::{Oracle, Said, Sender};

/// Sets the number of messages: smaller for a quick look, larger for a long night.
const MESSAGES_VARIABLE: &str = "MILLCHAT_CRASH_MESSAGES";
const MESSAGES_DEFAULT: u64 = 20_000;
const SENDERS: u64 = 8;
const READERS: u64 = 200;
const KILLS: u64 = 3;
const ROOM: &str = "lobby";
/// How long somebody who found no server waits before the next try; not a promise, only not to spin.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a reader stays away at most.
const AWAY_MAX: Duration = Duration::from_millis(200);

/// What all tasks see of the run.
struct Run {
    address: SocketAddr,
    oracle: Oracle,
    /// Sends that ended, in one way or another.
    sent: watch::Sender<u64>,
    unknown: AtomicUsize,
    settled: AtomicUsize,
    joined: AtomicUsize,
    resumed: AtomicUsize,
}

/// Sends `messages` in turn, whatever happens to the server.
async fn send_all(run: Arc<Run>, guest: Guest, sender: Sender, name: u64, messages: u64, retries: bool) {
    let api = Api::new(run.address);
    for sequence in 0..messages {
        let content = format!("message {sequence} of sender {name}");
        let said = Said::post(&guest.id, &content);
        let key = format!("{name}-{sequence}");
        let mut in_doubt = false;
        loop {
            let response = api.post(ROOM, &guest, &content).header("Idempotency-Key", &key).send().await;
            let error = match response {
                Ok(response) if response.status() == 201 => match response.json::<Value>().await {
                    Ok(receipt) => {
                        let place = |name: &str| receipt[name].as_u64().expect("a place");
                        sender.acknowledged(sequence, said, place("position"), place("prev"));
                        run.settled.fetch_add(usize::from(in_doubt), Ordering::Relaxed);
                        break;
                    }
                    Err(error) => error,
                },
                Ok(response) => panic!("a send was answered {response:?}"),
                Err(error) => error,
            };
            if error.is_connect() {
                // Nothing was sent: come again.
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            if !in_doubt {
                sender.unknown(sequence, said);
                run.unknown.fetch_add(1, Ordering::Relaxed);
            }
            in_doubt = true;
            if !retries {
                break;
            }
        }
        run.sent.send_modify(|sent| *sent += 1);
    }
}

/// Reads, leaves and comes back at random until `done` tells the head; then reads up to it.
async fn read_all(run: Arc<Run>, number: u64, mut done: watch::Receiver<Option<u64>>) {
    let mut random = StdRng::seed_from_u64(number);
    let mut reader = Follower::new(&run.oracle, ROOM, number.to_string());
    let mut stay = 0;
    loop {
        let head = *done.borrow_and_update();
        if head.is_some_and(|head| reader.reader.position() >= head) {
            break;
        }
        if !reader.joined() {
            let count = if reader.last_id.is_some() { &run.resumed } else { &run.joined };
            if reader.join(run.address).await.is_err() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            count.fetch_add(1, Ordering::Relaxed);
            // Some hardly open the door, some stay for long.
            stay = random.random_range(1..5_000);
        }
        tokio::select! {
            event = reader.next() => stay -= i32::from(event.is_some()),
            changed = done.changed(), if head.is_none() => changed.expect("the run goes on"),
        }
        if stay <= 0 && head.is_none() {
            reader.leave();
            // The place is kept over leaves, kills and restarts, but by a few who join anew.
            if random.random_ratio(1, 20) {
                reader.forget();
            }
            tokio::time::sleep(random.random_range(Duration::ZERO..AWAY_MAX)).await;
        }
    }
    reader.reader.complete();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_kills_in_mid_load_lose_double_and_reorder_nothing() {
    let messages = std::env::var(MESSAGES_VARIABLE).map_or(MESSAGES_DEFAULT, |text| text.parse().unwrap());
    let started = Instant::now();
    let mut server = Server::start().await;
    let run = Arc::new(Run {
        address: server.address(),
        oracle: Oracle::new(),
        sent: watch::Sender::new(0),
        unknown: AtomicUsize::new(0),
        settled: AtomicUsize::new(0),
        joined: AtomicUsize::new(0),
        resumed: AtomicUsize::new(0),
    });
    let room = RoomName::new(ROOM).unwrap();
    let done = watch::Sender::new(None);
    let mut readers: Vec<_> = (0..READERS)
        .map(|number| tokio::spawn(read_all(Arc::clone(&run), number, done.subscribe())))
        .collect();
    let mut senders = Vec::new();
    for name in 0..SENDERS {
        let guest = server.api().guest(&format!("Sender {name}")).await;
        let sender = run.oracle.sender(&room, name.to_string());
        let retries = name % 2 == 0;
        senders.push(tokio::spawn(send_all(
            Arc::clone(&run),
            guest,
            sender,
            name,
            messages / SENDERS,
            retries,
        )));
    }

    let total = messages / SENDERS * SENDERS;
    for kill in 1..=KILLS {
        let mut sent = run.sent.subscribe();
        let due = total * kill / (KILLS + 1);
        within("the senders go on", sent.wait_for(|&sent| sent >= due)).await.unwrap();
        server.kill().await;
        server.restart().await;
    }
    for sender in senders {
        within("a sender ends", sender).await.unwrap();
    }

    let api = server.api();
    let log = recover(&api, ROOM).await;
    done.send(Some(log.head)).unwrap();
    for reader in readers.drain(..) {
        within("a reader reaches the head", reader).await.unwrap();
    }
    read_history(&api, ROOM, &run.oracle).await;
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    println!(
        "{total} messages by {SENDERS} senders, {READERS} readers ({} joins, {} resumes), {KILLS} kills: {} events \
         in the log, {} unknown outcomes, {} of them settled by a retry; {:?}",
        count(&run.joined),
        count(&run.resumed),
        log.events.len(),
        count(&run.unknown),
        count(&run.settled),
        started.elapsed()
    );
    assert!(count(&run.resumed) > 0 && count(&run.joined) >= 200);
    assert_clean(&run.oracle, &[log]);
}
