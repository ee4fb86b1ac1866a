//! `kill -9` in mid-load, again and again, and a process that stands still: the oracle must find nothing
//! lost, doubled or out of order.
//!
//! Half the senders repeat a send whose outcome they do not know, with its key: it must then be there
//! exactly once. The others never do: it may be there or not. Readers join, leave and resume at random.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::oracle::{Follower, assert_clean, read_history, recover};
use crate::support::{Api, Guest, Server, turn, variable, within};
use millchat::RoomName;
use millchat_oracle::{EventDigest, Oracle, Sender};

/// Number of times that the server is killed; `make prove` sets more.
const ROUNDS_VARIABLE: &str = "MILLCHAT_CRASH_ROUNDS";
const ROUNDS_DEFAULT: u64 = 10;
/// Messages that are sent from one kill to the next.
const MESSAGES_A_ROUND: u64 = 1_000;
/// One kill of this many comes as soon as the server has come back.
const AT_ONCE: u32 = 5;
/// Time for which the server stands still, in seconds; `make prove` sets more than its own patience with its
/// peers.
const STOP_VARIABLE: &str = "MILLCHAT_STOP_SECONDS";
const STOP_DEFAULT: u64 = 3;
/// Messages that are sent around the stop.
const STOP_MESSAGES: u64 = 6_000;
const SENDERS: u64 = 8;
const READERS: u64 = 200;
const ROOM: &str = "lobby";
/// Wait of somebody who found no server before the next try; not a promise, only not to spin.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest time for which a reader stays away.
const AWAY_MAX: Duration = Duration::from_millis(200);

/// The part of the run that all tasks see.
struct Run {
    address: SocketAddr,
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
    let api = Api::new(run.address);
    for sequence in 0..messages {
        let content = format!("message {sequence} of sender {name}");
        let event = EventDigest::post(&guest.id, &content);
        let key = format!("{name}-{sequence}");
        let mut in_doubt = false;
        loop {
            let response = api.post(ROOM, &guest, &content).header("Idempotency-Key", &key).send().await;
            let error = match response {
                Ok(response) if response.status() == 201 => match response.json::<Value>().await {
                    Ok(receipt) => {
                        let place = |name: &str| receipt[name].as_u64().expect("a place");
                        sender.acknowledged(sequence, event, place("position"), place("prev"));
                        run.settled.fetch_add(usize::from(in_doubt), Ordering::Relaxed);
                        break;
                    }
                    Err(error) => error,
                },
                // Its body was on its way for too long, since the server stood still: certainly not stored.
                Ok(response) if response.status() == 408 => {
                    run.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok(response) => panic!("a send was answered {response:?}"),
                Err(error) => error,
            };
            if error.is_connect() {
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
struct Load {
    run: Arc<Run>,
    messages: u64,
    senders: Vec<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    done: watch::Sender<Option<u64>>,
    started: Instant,
}

impl Load {
    async fn start(server: &Server, messages: u64) -> Self {
        let run = Arc::new(Run {
            address: server.address(),
            oracle: Oracle::new(),
            sent: watch::Sender::new(0),
            unknown: AtomicUsize::new(0),
            settled: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            joined: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
        });
        let (started, done, each) = (Instant::now(), watch::Sender::new(None), messages / SENDERS);
        let readers = (0..READERS)
            .map(|number| tokio::spawn(read_all(Arc::clone(&run), number, done.subscribe())))
            .collect();
        let mut senders = Vec::new();
        for name in 0..SENDERS {
            let guest = server.api().guest(&format!("Sender {name}")).await;
            let sender = run.oracle.sender(&RoomName::new(ROOM).unwrap(), name.to_string());
            senders.push(tokio::spawn(send_all(Arc::clone(&run), guest, sender, name, each, name % 2 == 0)));
        }
        Self { run, messages: each * SENDERS, senders, readers, done, started }
    }

    /// Waits until this many sends have ended.
    async fn sent(&self, due: u64) {
        let mut sent = self.run.sent.subscribe();
        within("the senders go on", sent.wait_for(|&sent| sent >= due)).await.unwrap();
    }

    /// Waits for all of them, says in a line what they met, and asks the oracle.
    async fn finish(self, server: &Server, met: &str) {
        for sender in self.senders {
            within("a sender ends", sender).await.unwrap();
        }
        let (api, run) = (server.api(), self.run);
        let log = recover(&api, ROOM).await;
        self.done.send(Some(log.head)).unwrap();
        for reader in self.readers {
            within("a reader reaches the head", reader).await.unwrap();
        }
        read_history(&api, ROOM, &run.oracle).await;
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        println!(
            "{met}: {} messages by {SENDERS} senders, {READERS} readers ({} joins, {} resumes), {} events in the log, \
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
        assert!(count(&run.resumed) > 0 && count(&run.joined) >= READERS as usize);
        assert_clean(&run.oracle, &[log]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_mid_load_lose_double_and_reorder_nothing() {
    let _turn = turn::load().await;
    let rounds = variable(ROUNDS_VARIABLE, ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(rounds);
    let mut server = Server::start().await;
    let load = Load::start(&server, (rounds + 1) * MESSAGES_A_ROUND).await;
    for round in 0..rounds {
        if round == 0 || !random.random_ratio(1, AT_ONCE) {
            load.sent(round * MESSAGES_A_ROUND + random.random_range(0..MESSAGES_A_ROUND)).await;
        }
        server.kill().await;
        server.restart().await;
    }
    load.finish(&server, &format!("{rounds} kills")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stood_still_goes_on_and_nothing_is_lost() {
    let _turn = turn::load().await;
    let still = Duration::from_secs(variable(STOP_VARIABLE, STOP_DEFAULT));
    let mut server = Server::start().await;
    let load = Load::start(&server, STOP_MESSAGES).await;
    load.sent(STOP_MESSAGES / 3).await;
    let pid = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    // This is no wait for a thing: the time is what the server must bear.
    tokio::time::sleep(still).await;
    kill_process(pid, Signal::CONT).unwrap();
    load.finish(&server, &format!("{} s without a move", still.as_secs())).await;
    server.assert_alive();
}
