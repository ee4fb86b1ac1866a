//! Three machines, each with a node and a server of NATS, whose network breaks.

use crate::support::load::Load;
use crate::support::machines::{MACHINES, Machines};
use crate::support::nodes::Nodes;
use crate::support::{LOOK_EVERY, Server, is_proof, network, turn, variable, within};

/// Messages of the run, and its readers; `make prove` sets more.
const MESSAGES: &str = "MILLCHAT_CLUSTER_MESSAGES";
const READERS: &str = "MILLCHAT_CLUSTER_READERS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_that_are_cut_off_lose_double_and_reorder_nothing_and_show_nothing_old() {
    let test =
        "cluster::partitions::machines_that_are_cut_off_lose_double_and_reorder_nothing_and_show_nothing_old";
    let _turn = turn::load().await;
    if !network::enter_with(test, &[], &[]).await {
        return;
    }
    let machines = Machines::start().await;
    let nodes = Nodes::on_machines(&machines).await;
    let (messages, readers) = (variable(MESSAGES, 2_400), variable(READERS, 24));
    let load = Load::start(&nodes.addresses(), messages, readers).await;

    // The smaller side has the leader.
    load.sent(messages / 5).await;
    let first = nodes.leader().await;
    cut_off_one(&machines, &nodes, first).await;
    load.sent(messages * 2 / 5).await;
    machines.restore(first).await;
    nodes.until_ready().await;

    if is_proof() {
        // Again, whatever the smaller side has now.
        let next = (first + 1) % MACHINES;
        cut_off_one(&machines, &nodes, next).await;
        load.sent(messages * 3 / 5).await;
        machines.restore(next).await;
        nodes.until_ready().await;

        // Nobody sees anybody: nothing is acknowledged, nobody is ready.
        for nth in 0..MACHINES {
            machines.cut_off(nth).await;
        }
        for server in &nodes.servers {
            until_no_history(server).await;
        }
        for nth in 0..MACHINES {
            machines.restore(nth).await;
        }
        nodes.until_ready().await;
    }
    load.finish("a machine with a node and a server of NATS cut off").await;
}

/// Cuts a machine off, and waits until it serves nobody and another leads.
async fn cut_off_one(machines: &Machines, nodes: &Nodes, nth: usize) {
    machines.cut_off(nth).await;
    until_no_history(&nodes.servers[nth]).await;
    let leading = async {
        while Box::pin(nodes.leader()).await == nth {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("one of the others leads", leading).await;
}

/// Waits until a node gives no history that may be old. It is not ready then.
async fn until_no_history(server: &Server) {
    let api = server.api();
    let refusing = async {
        while api.get("/api/v1/rooms/lobby/messages").await.status != 503 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("a node that is cut off gives no history", refusing).await;
    assert_eq!(api.get("/readyz").await.status, 503);
}
