//! `kill -9` in mid-load, again and again, and a process that stands still: the oracle must find nothing
//! lost, doubled or out of order.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::Signal;

use crate::support::load::Load;
use crate::support::{Server, turn, variable};

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
const READERS: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_mid_load_lose_double_and_reorder_nothing() {
    let _turn = turn::load().await;
    let rounds = variable(ROUNDS_VARIABLE, ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(rounds);
    let mut server = Server::start().await;
    let load = Load::start(&[server.address()], (rounds + 1) * MESSAGES_A_ROUND, READERS).await;
    for round in 0..rounds {
        if round == 0 || !random.random_ratio(1, AT_ONCE) {
            load.sent(round * MESSAGES_A_ROUND + random.random_range(0..MESSAGES_A_ROUND)).await;
        }
        server.kill().await;
        server.restart().await;
    }
    load.finish(&format!("{rounds} kills")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stood_still_goes_on_and_nothing_is_lost() {
    let _turn = turn::load().await;
    let still = Duration::from_secs(variable(STOP_VARIABLE, STOP_DEFAULT));
    let mut server = Server::start().await;
    let load = Load::start(&[server.address()], STOP_MESSAGES, READERS).await;
    load.sent(STOP_MESSAGES / 3).await;
    server.signal(Signal::STOP);
    // This is no wait for a thing: the time is what the server must bear.
    tokio::time::sleep(still).await;
    server.signal(Signal::CONT);
    load.finish(&format!("{} s without a move", still.as_secs())).await;
    server.assert_alive();
}
