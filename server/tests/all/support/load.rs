//! Senders and readers at work at one server or several, whatever happens to them: the oracle hears of all.
//!
//! Half the senders repeat a send whose outcome they do not know, with its key: it must then be there
//! exactly once. The others never do: it may be there or not. Readers join, leave and resume at random, and each
//! time at any of the servers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use millchat::RoomName;
use millchat_oracle::{EventDigest, Oracle, RecoveredLog, Sender};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::oracle::{Follower, assert_clean, read_history, recover};
use super::{Api, Guest, while_it_moves, within};

/// Number of senders.
pub const SENDERS: u64 = 8;
const ROOM: &str = "lobby";
/// Wait of somebody who found no server before the next try; not a promise, only not to spin.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest time for which a reader stays away.
const AWAY_MAX: Duration = Duration::from_millis(200);

/// The part of the run that all tasks see.
struct Run {
    addresses: Vec<SocketAddr>,
    oracle: Oracle,
    /// Sends that ended, in one way or another.
    sent: watch::Sender<u64>,
    unknown: AtomicUsize,
    settled: AtomicUsize,
    refused: AtomicUsize,
    joined: AtomicUsize,
    resumed: AtomicUsize,
}

/// Sends `messages` in turn, whatever happens to the server.
async fn send_all(run: Arc<Run>, guest: Guest, sender: Sender, name: u64, messages: u64, retries: bool) {
    let apis: Vec<_> = run.addresses.iter().copied().map(Api::new).collect();
    let mut at = name as usize % apis.len();
    for sequence in 0..messages {
        let content = format!("message {sequence} of sender {name}");
        let event = EventDigest::post(&guest.id, &content);
        let key = format!("{name}-{sequence}");
        let mut in_doubt = false;
        loop {
            let response = apis[at].post(ROOM, &guest, &content).header("Idempotency-Key", &key).send().await;
            let error = match response {
                Ok(response) if response.status() == 201 => match response.json::<Value>().await {
                    Ok(receipt) => {
                        let place = |name: &str| receipt[name].as_u64().expect("a place");
                        sender.acknowledged(sequence, event, place("position"), place("prev"));
                        run.settled.fetch_add(usize::from(in_doubt), Ordering::Relaxed);
                        break;
                    }
                    Err(error) => Some(error),
                },
                // Its body was on its way for too long, since the server stood still: certainly not stored.
                Ok(response) if response.status() == 408 => {
                    run.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                // One of several that is not current, or has no leader: certainly not stored.
                Ok(response) if response.status() == 503 => {
                    run.refused.fetch_add(1, Ordering::Relaxed);
                    at = (at + 1) % apis.len();
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                // One of several whose leader did not say.
                Ok(response) if response.status() == 500 && apis.len() > 1 => None,
                Ok(response) => panic!("a send was answered {response:?}"),
                Err(error) => Some(error),
            };
            at = (at + 1) % apis.len();
            if error.is_some_and(|error| error.is_connect()) {
                // Nothing was sent: come again.
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            if !in_doubt {
                sender.unknown(sequence, event);
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
            if reader.join(run.addresses[random.random_range(0..run.addresses.len())]).await.is_err() {
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
            // The place is kept over leaves, kills and restarts, but by a few who join again.
            if random.random_ratio(1, 20) {
                reader.forget();
            }
            tokio::time::sleep(random.random_range(Duration::ZERO..AWAY_MAX)).await;
        }
    }
    reader.reader.complete();
}

/// Senders and readers at work.
pub struct Load {
    run: Arc<Run>,
    messages: u64,
    senders: Vec<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    done: watch::Sender<Option<u64>>,
    started: Instant,
}

impl Load {
    /// Starts them.
    pub async fn start(addresses: &[SocketAddr], messages: u64, readers: u64) -> Self {
        let run = Arc::new(Run {
            addresses: addresses.to_vec(),
            oracle: Oracle::new(),
            sent: watch::Sender::new(0),
            unknown: AtomicUsize::new(0),
            settled: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            joined: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
        });
        let (started, done, each) = (Instant::now(), watch::Sender::new(None), messages / SENDERS);
        let readers = (0..readers)
            .map(|number| tokio::spawn(read_all(Arc::clone(&run), number, done.subscribe())))
            .collect();
        let mut senders = Vec::new();
        for name in 0..SENDERS {
            let guest = Api::new(addresses[0]).guest(&format!("Sender {name}")).await;
            let sender = run.oracle.sender(&RoomName::new(ROOM).unwrap(), name.to_string());
            senders.push(tokio::spawn(send_all(Arc::clone(&run), guest, sender, name, each, name % 2 == 0)));
        }
        Self { run, messages: each * SENDERS, senders, readers, done, started }
    }

    /// Waits until this many sends have ended.
    pub async fn sent(&self, due: u64) {
        let mut sent = self.run.sent.subscribe();
        within("the senders go on", sent.wait_for(|&sent| sent >= due)).await.unwrap();
    }

    /// Waits for all of them, says in a line what they met, and asks the oracle.
    pub async fn finish(self, met: &str) {
        let sent = self.run.sent.subscribe();
        for sender in self.senders {
            while_it_moves("a sender ends", || *sent.borrow() as usize, sender).await.unwrap();
        }
        let run = self.run;
        let apis: Vec<_> = run.addresses.iter().copied().map(Api::new).collect();
        let logs = within("all servers have one log", equal_logs(&apis)).await;
        let log = logs.into_iter().next().expect("there is a server");
        self.done.send(Some(log.head)).unwrap();
        let readers = self.readers.len();
        for reader in self.readers {
            within("a reader reaches the head", reader).await.unwrap();
        }
        for api in &apis {
            read_history(api, ROOM, &run.oracle).await;
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        println!(
            "{met}: {} messages by {SENDERS} senders, {readers} readers ({} joins, {} resumes), {} events in the log, \
             {} unknown outcomes, {} of them settled by a retry, {} refused; {:.0?}",
            self.messages,
            count(&run.joined),
            count(&run.resumed),
            log.events.len(),
            count(&run.unknown),
            count(&run.settled),
            count(&run.refused),
            self.started.elapsed()
        );
        assert!(count(&run.resumed) > 0 && count(&run.joined) >= readers);
        assert_clean(&run.oracle, &[log]);
    }
}

/// The logs of all servers, when they have come to the same head.
async fn equal_logs(apis: &[Api]) -> Vec<RecoveredLog> {
    loop {
        let mut logs = Vec::new();
        for api in apis {
            logs.push(recover(api, ROOM).await);
        }
        // One of several may be behind, and what nobody knew of may still come.
        if logs.iter().all(|log| log.head == logs[0].head) {
            for (nth, log) in logs.iter().enumerate() {
                // Not by `assert_eq`: nobody reads thousands of events.
                assert!(
                    log.events == logs[0].events && log.floor == logs[0].floor,
                    "server {nth} has another log"
                );
            }
            return logs;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
