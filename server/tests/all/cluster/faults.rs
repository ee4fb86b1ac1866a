//! Faults of one machine: a clock that is wrong, a disk of the journal that is full.

use crate::clock::fake_clock;
use crate::support::disk::Disk;
use crate::support::journal::JournalEngine as _;
use crate::support::load::Load;
use crate::support::nats::Nats;
use crate::support::nodes::{Nodes, NodesOn};
use crate::support::{LOOK_EVERY, Server, turn, within};

const MIB: u64 = 1024 * 1024;
/// In seconds.
const HOUR: i64 = 60 * 60;
const MESSAGES: u64 = 1_600;
const READERS: u64 = 16;

async fn until_not_ready(server: &Server) {
    let api = server.api();
    let refusing = async {
        while api.get("/readyz").await.status == 200 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("a node is not ready", refusing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_clock_is_an_hour_off_is_not_ready_and_does_not_lead_and_the_others_go_on() {
    let _turn = turn::load().await;
    let mut nodes = Nodes::start(async |_| {}).await;
    let leader = nodes.leader().await;
    let clock = fake_clock();
    nodes.servers[leader].terminate().await;
    nodes.servers[leader].restart_in(&clock.environment()).await;
    nodes.until_ready().await;
    let wrong = leader;
    let load = Load::start(&nodes.addresses(), MESSAGES, READERS).await;
    load.sent(MESSAGES / 4).await;
    for offset in [HOUR, -HOUR] {
        clock.set(offset);
        until_not_ready(&nodes.servers[wrong]).await;
        let leading = async {
            while nodes.leader().await == wrong {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("another one leads", Box::pin(leading)).await;
        clock.set(0);
        nodes.until_ready().await;
    }
    load.finish("a clock that was an hour off").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_whose_disks_are_full_acknowledges_nothing_and_goes_on_when_they_are_not() {
    let _turn = turn::load().await;
    let disk = Disk::new(64 * MIB);
    let mut nodes = NodesOn::start_on(Nats::in_folder(&disk.path("")).await, "", async |_| {}).await;
    let load = Load::start(&nodes.addresses(), MESSAGES, READERS).await;
    load.sent(MESSAGES / 4).await;
    disk.fill();
    for server in &nodes.servers {
        until_not_ready(server).await;
    }
    disk.empty();
    // Servers of NATS that could not write have to be started again.
    for nth in 0..nodes.engine.len() {
        nodes.engine.kill(nth);
        nodes.engine.run(nth).await;
    }
    nodes.until_ready().await;
    load.finish("full disks of the journal").await;
}
