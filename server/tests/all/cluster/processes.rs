//! Three processes of `millchat` whose journal is kept by three servers of NATS, or by Postgres.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use millchat_testkit::FlakyProxy;
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;

use crate::support::client::answer;
use crate::support::journal::JournalEngine;
use crate::support::load::Load;
use crate::support::nats::Nats;
use crate::support::nodes::{Nodes, NodesOn};
use crate::support::postgres::PostgresServer;
use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::server::BINARY;
use crate::support::tls::{Anybody, NAME, connect};
use crate::support::{LOOK_EVERY, free_port, server, turn, variable, within};

/// Messages of the run with faults, its readers, and the times that each process is killed; `make prove` sets more.
const MESSAGES: (&str, u64) = ("MILLCHAT_CLUSTER_MESSAGES", 2_400);
const READERS: (&str, u64) = ("MILLCHAT_CLUSTER_READERS", 24);
const KILLS: (&str, u64) = ("MILLCHAT_CLUSTER_KILLS", 1);
/// Time for which the leader stands still, in seconds.
const STILL: (&str, u64) = ("MILLCHAT_CLUSTER_STILL", 4);
/// Kills of the leader after which the time without a leader is told.
const LEADERS: (&str, u64) = ("MILLCHAT_CLUSTER_LEADERS", 2);
/// The program of the release before, which `make prove` builds: the nodes are upgraded from it.
const OLD_PROGRAM: &str = "MILLCHAT_CLUSTER_OLD";

fn of((name, default): (&str, u64)) -> u64 {
    variable(name, default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_goes_on_at_three_nodes_and_a_reader_at_another_one_with_the_id_it_has() {
    let _turn = turn::load().await;
    let mut before = None;
    let mut nodes = Nodes::start(async |server| {
        let guest = server.api().guest("Ada").await;
        let position = server.api().say("lobby", &guest, "before the cluster").await;
        before = Some((guest, position));
    })
    .await;
    let (guest, position) = before.unwrap();
    let api = |nodes: &Nodes, nth: usize| nodes.servers[nth].api();

    // The token and the positions of before are good at each node.
    let second = api(&nodes, 1).say("lobby", &guest, "at the second").await;
    assert!(second > position);
    let texts = |page: &serde_json::Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap();
        messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    };
    // A node has what another one acknowledged a moment later.
    let third = api(&nodes, 2);
    let there = async { while texts(&third.history("lobby", "?after=0").await).len() < 2 {} };
    within("the third node has both", there).await;
    let page = third.history("lobby", "?after=0").await;
    assert_eq!(texts(&page), ["before the cluster", "at the second"]);

    // All nodes say where they are.
    let (code, told, _) = nodes.status().await;
    assert_eq!(
        (code, told.matches(" yes ").count(), told.matches("leader").count()),
        (Some(0), 3, 1),
        "{told}"
    );
    let samples = ["millchat_node_current 1\n", "millchat_cluster_nodes_reached 2\n", "millchat_ready 1\n"];
    for server in &nodes.servers {
        let api = server.api();
        let told = async {
            loop {
                let metrics = api.get("/metrics").await.body;
                if samples.iter().all(|sample| metrics.contains(sample)) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("a node's metrics say that it is well", told).await;
    }

    // A reader of one node goes on at another.
    let mut stream = api(&nodes, 0).stream("lobby", None).await;
    let id = stream.logged().await.id.expect("it has an id");
    drop(stream);
    let third = api(&nodes, 2).say("lobby", &guest, "while nobody reads").await;
    let mut stream = api(&nodes, 1).stream("lobby", Some(&id)).await;
    while stream.logged().await.place().1 < third {}

    // The leader dies: the others go on without it, and it comes back to the same.
    nodes.servers[0].kill().await;
    let key = "while the first is dead";
    let sending = async {
        loop {
            let request = api(&nodes, 1).post("lobby", &guest, key).header("Idempotency-Key", "key");
            if request.send().await.unwrap().status() == 201 {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("a message is stored without the leader", sending).await;
    // What a node tells of itself may be a moment old.
    let telling = async {
        loop {
            let (code, told, said) = nodes.status().await;
            assert_eq!(code, Some(1), "{told}{said}");
            if said.contains("2 of 3 nodes are current") && told.contains("leader") {
                return;
            }
        }
    };
    within("the two others tell that one leads", telling).await;
    nodes.servers[0].restart().await;
    nodes.until_ready().await;
    let page = api(&nodes, 0).history("lobby", "?after=0").await;
    assert_eq!(
        texts(&page),
        ["before the cluster", "at the second", "while nobody reads", "while the first is dead"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_every_node_and_of_every_server_of_the_journal_lose_double_and_reorder_nothing() {
    kill_all_in_mid_load::<Nats>("three servers of NATS").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_every_node_and_of_postgres_lose_double_and_reorder_nothing() {
    kill_all_in_mid_load::<PostgresServer>("Postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_replaced_one_after_the_other_under_load_lose_double_and_reorder_nothing() {
    let _turn = turn::load().await;
    let mut nodes = Nodes::start(async |_| {}).await;
    let old = std::env::var(OLD_PROGRAM).unwrap_or_else(|_| BINARY.to_owned());
    for nth in 0..nodes.servers.len() {
        nodes.servers[nth].terminate().await;
        nodes.servers[nth].restart_as(&old).await;
    }
    nodes.until_ready().await;
    let messages = of(MESSAGES);
    let load = Load::start(&nodes.addresses(), messages, of(READERS)).await;
    for nth in 0..nodes.servers.len() {
        load.sent(messages / 4 * (nth as u64 + 1)).await;
        nodes.servers[nth].terminate().await;
        nodes.servers[nth].restart_as(BINARY).await;
        nodes.until_ready().await;
    }
    load.finish("each node replaced").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_from_the_journal_serves_nobody_and_is_one_of_them_again_when_it_is_back() {
    let _turn = turn::load().await;
    let mut nodes = NodesOn::<PostgresServer>::start(async |_| {}).await;
    let port = nodes.engine.port();
    let proxy = FlakyProxy::to((Ipv4Addr::LOCALHOST, port).into(), Duration::ZERO).await;
    let mut arguments = nodes.arguments(0);
    let journal = arguments.iter_mut().find(|argument| argument.starts_with("postgres://")).unwrap();
    *journal = journal.replace(&format!(":{port}/"), &format!(":{}/", proxy.address().port()));
    nodes.servers[0].terminate().await;
    nodes.servers[0].restart_with(&arguments).await;
    for nth in 1..nodes.servers.len() {
        nodes.servers[nth].terminate().await;
    }
    let leading = async {
        while !nodes.servers[0].api().get("/metrics").await.body.contains("millchat_node_leads 1\n") {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("the first leads when the others are away", leading).await;
    for nth in 1..nodes.servers.len() {
        nodes.servers[nth].restart().await;
    }
    nodes.until_ready().await;

    let load = Load::start(&nodes.addresses(), of(MESSAGES), of(READERS)).await;
    load.sent(of(MESSAGES) / 4).await;
    proxy.cut_off();
    let api = nodes.servers[0].api();
    let refusing = async {
        while api.get("/api/v1/rooms/lobby/messages").await.status != 503 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("the first gives no history", refusing).await;
    assert_eq!(api.get("/readyz").await.status, 503);
    // What a node says of itself at `/metrics` may be a moment old.
    let leading = async { while nodes.leader().await == 0 {} };
    within("another one leads", Box::pin(leading)).await;
    proxy.restore();
    nodes.until_ready().await;
    load.finish("a leader cut off from Postgres").await;
}

async fn kill_all_in_mid_load<E: JournalEngine>(engine: &str) {
    let _turn = turn::load().await;
    let mut nodes = NodesOn::<E>::start(async |_| {}).await;
    let (messages, kills) = (of(MESSAGES), of(KILLS));
    let load = Load::start(&nodes.addresses(), messages, of(READERS)).await;
    let part = messages / (6 * kills + 2);
    let mut due = (1..).map(|nth| part * nth);
    for nth in (0..nodes.servers.len()).cycle().take(nodes.servers.len() * kills as usize) {
        load.sent(due.next().unwrap()).await;
        nodes.servers[nth].kill().await;
        nodes.servers[nth].restart().await;
        load.sent(due.next().unwrap()).await;
        let nth = nth % nodes.engine.len();
        nodes.engine.kill(nth);
        nodes.engine.run(nth).await;
    }
    load.sent(due.next().unwrap()).await;
    let leader = nodes.leader().await;
    nodes.servers[leader].signal(Signal::STOP);
    // This is no wait for a thing: the time is what the others must bear.
    tokio::time::sleep(Duration::from_secs(of(STILL))).await;
    nodes.servers[leader].signal(Signal::CONT);
    nodes.until_ready().await;
    load.finish(&format!("{engine}: each node and each server killed {kills} times, a leader stopped")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_dies_is_replaced_and_senders_at_other_nodes_go_on() {
    let _turn = turn::load().await;
    let mut nodes = Nodes::start(async |_| {}).await;
    let guest = nodes.servers[0].api().guest("Ada").await;
    let mut waits = Vec::new();
    for kill in 0..of(LEADERS) {
        let leader = nodes.leader().await;
        let other = nodes.servers[(leader + 1) % nodes.servers.len()].api();
        let text = format!("after kill {kill}");
        nodes.servers[leader].kill().await;
        let killed = Instant::now();
        let sending = async {
            let request = || other.post("lobby", &guest, &text).header("Idempotency-Key", &text);
            while request().send().await.unwrap().status() != 201 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("a message is stored without the leader", sending).await;
        waits.push(killed.elapsed());
        nodes.servers[leader].restart().await;
        nodes.until_ready().await;
    }
    waits.sort_unstable();
    let median = waits[waits.len() / 2];
    println!(
        "{} kills of the leader: senders waited {:.1?} to {:.1?}, median {median:.1?}",
        waits.len(),
        waits[0],
        waits[waits.len() - 1]
    );
    let page = nodes.servers[0].api().history("lobby", "?after=0&limit=1000").await;
    assert_eq!(page["messages"].as_array().unwrap().len() as u64, of(LEADERS), "each is there once");
}

/// Returns what comes to a request, to the end of the connection, which may have failed.
async fn answer_to<C: AsyncRead + AsyncWrite + Unpin>(
    connection: std::io::Result<C>,
    request: &str,
) -> String {
    let Ok(mut connection) = connection else { return String::new() };
    let mut answer = Vec::new();
    if connection.write_all(request.as_bytes()).await.is_ok() {
        let _ = within("the connection ends", connection.read_to_end(&mut answer)).await;
    }
    // An alert of TLS is no answer.
    let answer = String::from_utf8_lossy(&answer).into_owned();
    if answer.starts_with("HTTP/") { answer } else { String::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_without_the_secret_gets_in_at_the_port_of_the_nodes() {
    let nodes = Nodes::start(async |_| {}).await;
    let address = nodes.peer_address(0);
    // Plain HTTP, and TLS without the cluster's key.
    let asking = format!("GET /copy HTTP/1.1\r\nhost: {address}\r\nmillchat-node: {address}\r\n\r\n");
    let plain = TcpStream::connect(address).await;
    assert_eq!(answer_to(plain, &asking).await, "");
    let tls = connect(address, Anybody::client(), NAME).await;
    assert_eq!(answer_to(tls, &asking).await, "");
    nodes.servers[0].said("a connection without the cluster's secret was refused", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_gets_each_message_from_the_leader_alone_and_goes_on_at_the_next_one() {
    let _turn = turn::load().await;
    let (receiver, folder) = (Receiver::start(|_, _| Reply::Status(204)).await, tempfile::tempdir().unwrap());
    let secret = folder.path().join("whsec");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let table = format!(
        "[[webhook]]\nid = \"deploys\"\nname = \"Deploys\"\nurl = \"{}\"\nsecret-file = \"{}\"\n\
         rooms = [\"*\"]\nwhen = \"all\"\n",
        receiver.url(),
        secret.display()
    );
    let mut nodes = Nodes::start_with(&table, async |_| {}).await;
    let guest = nodes.servers[0].api().guest("Ada").await;
    let mut sent = Vec::new();
    for nth in 0..9 {
        let api = nodes.servers[nth % nodes.servers.len()].api();
        sent.push(api.say("lobby", &guest, &format!("message {nth}")).await);
    }
    let positions = |came: &[Received]| came.iter().map(Received::position).collect::<Vec<_>>();
    // Each once and in order: the other nodes send nothing.
    let came = receiver.until_count(sent.len()).await;
    assert_eq!(positions(&came), sent);

    let leader = nodes.leader().await;
    let other = (leader + 1) % nodes.servers.len();
    nodes.servers[leader].kill().await;
    let next = async {
        let post =
            || nodes.servers[other].api().post("lobby", &guest, "the last").header("Idempotency-Key", "last");
        loop {
            let answer = answer(post()).await;
            if answer.status == 201 {
                return answer.json()["position"].as_u64().unwrap();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let last = within("a message is stored without the leader", next).await;
    let came = receiver.until("the next leader sends it", |came| positions(came).contains(&last)).await;
    // What the dead leader had sent since it last kept its place comes again, under the same id.
    let mut distinct = positions(&came);
    distinct.sort_unstable();
    distinct.dedup();
    sent.push(last);
    assert_eq!(distinct, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_the_others_do_not_name_ends_itself_and_the_others_go_on() {
    let nodes = Nodes::start(async |_| {}).await;
    // A fourth that knows them, has the secret and a log of theirs, and is not among their peers.
    let stranger = free_port(Ipv4Addr::LOCALHOST.into()).to_string();
    let mut arguments = nodes.arguments(0);
    for pair in arguments.chunks_mut(2) {
        match &*pair[0] {
            "--peer-address" => pair[1].clone_from(&stranger),
            "--peers" => pair[1] = format!("{},{stranger}", pair[1]),
            _ => {}
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("stranger.redb");
    let log = log.to_str().unwrap();
    let command = ["--address", "127.0.0.1:0", "--log", log].into_iter();
    let command: Vec<_> = command.chain(arguments.iter().map(String::as_str)).collect();
    // It gets no copy.
    let mut waiting = server::command(server::BINARY).args(&command).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let refused =
        async { while !said.next_line().await.unwrap().expect("it waits").contains("are others than") {} };
    within("it is refused a copy", refused).await;
    waiting.kill().await.unwrap();
    // With a log of before it opens, and ends.
    std::fs::copy(nodes.servers[1].log(), log).unwrap();
    let (code, _, said) = server::run(&command).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("most of the other nodes refuse this one"), "{said}");
    nodes.until_ready().await;
    let guest = nodes.servers[0].api().guest("Ada").await;
    nodes.servers[0].api().say("lobby", &guest, "they go on").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_meets_a_hole_in_the_journal_takes_a_copy_of_anothers_log() {
    let mut nodes = Nodes::start(async |_| {}).await;
    let guest = nodes.servers[0].api().guest("Ada").await;
    let behind = (nodes.leader().await + 1) % nodes.servers.len();
    let other = (behind + 1) % nodes.servers.len();
    nodes.servers[behind].kill().await;
    nodes.servers[other].api().say("lobby", &guest, "in the hole").await;
    let names = nodes.engine.ask("STREAM.NAMES", &json!({})).await;
    let stream = names["streams"][0].as_str().unwrap().to_owned();
    let last =
        nodes.engine.ask(&format!("STREAM.INFO.{stream}"), &json!({})).await["state"]["last_seq"].clone();
    // The entry of the message, and those about it; newer ones, and the oldest, are there.
    for seq in (last.as_u64().unwrap() - 1)..=last.as_u64().unwrap() {
        nodes.engine.ask(&format!("STREAM.MSG.DELETE.{stream}"), &json!({ "seq": seq })).await;
    }
    nodes.servers[behind].restart().await;
    nodes.servers[behind].said("takes a copy of another node's log when it is started again", 1).await;
    assert_eq!(nodes.servers[behind].ended().await, Some(1));
    nodes.servers[behind].restart().await;
    nodes.servers[behind].said("this node has a copy of the log", 1 + usize::from(behind > 0)).await;
    nodes.until_ready().await;
    let page = nodes.servers[behind].api().history("lobby", "?after=0").await;
    assert_eq!(page["messages"][0]["content"], "in the hole", "{page}");
    // The next start needs none.
    nodes.servers[behind].kill().await;
    nodes.servers[behind].restart().await;
    nodes.until_ready().await;
    assert_eq!(
        nodes.servers[behind].stderr().matches("this node has a copy of the log").count(),
        1 + usize::from(behind > 0)
    );
}
