//! Programs that nobody wrote for Millchat follow a room: an ordinary `EventSource` of npm, and curl.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::node;
use crate::support::oracle::{acknowledge, assert_clean, position_of, recover, tell};
use crate::support::sse::{Item, Parser, SseEvent};
use crate::support::{Api, Guest, Server, within};
use millchat::RoomName;
use millchat_oracle::{Oracle, Sender};

/// Sends `count` messages that go on counting from `first`; gives the last position.
async fn say(api: &Api, guest: &Guest, sender: &Sender, first: u64, count: u64) -> u64 {
    let mut last = 0;
    for number in first..first + count {
        let content = format!("message {number}");
        let receipt = api.send("lobby", guest, &content).await;
        last = acknowledge(sender, number, guest, &content, &receipt);
    }
    last
}

/// The client in node, and what it says.
struct Node {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Node {
    async fn follow(api: &Api) -> Self {
        node::install().await;
        let url = format!("http://{}/api/v1/rooms/lobby/events", api.address());
        let mut command = Command::new("node");
        command
            .args(["checks/follow.mjs", &url])
            .current_dir(node::PACKAGE)
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("node is not there; `make test` installs it");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, lines }
    }

    async fn next(&mut self) -> SseEvent {
        let line = within("a line from node", self.lines.next_line()).await.unwrap().expect("node goes on");
        let line: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        SseEvent { id: Some(text("id")), event: text("event"), data: text("data") }
    }
}

#[tokio::test]
async fn an_ordinary_eventsource_follows_a_room_over_a_kill_and_a_restart() {
    let mut server = Server::start().await;
    let ada = server.api().guest("Ada").await;
    let oracle = Oracle::new();
    let room = RoomName::new("lobby").unwrap();
    let (sender, reader) = (oracle.sender(&room, "ada"), oracle.reader(&room, "node"));
    let mut last = say(&server.api(), &ada, &sender, 0, 3).await;
    let mut node = Node::follow(&server.api()).await;
    let mut place = None;
    let mut openings = 0;
    for round in 1..=3_u64 {
        while place.is_none_or(|place| place < last) {
            let event = node.next().await;
            openings += u32::from(event.event == "start");
            tell(&reader, true, place, &event);
            place = event.id.as_deref().map(position_of);
        }
        if round % 2 == 1 {
            server.kill().await;
        } else {
            server.terminate().await;
        }
        server.restart().await;
        last = say(&server.api(), &ada, &sender, round * 100, 30).await;
    }
    while place.is_none_or(|place| place < last) {
        let event = node.next().await;
        openings += u32::from(event.event == "start");
        tell(&reader, true, place, &event);
        place = event.id.as_deref().map(position_of);
    }
    reader.complete();
    assert_eq!(openings, 4, "it came back by itself after each end");
    let log = recover(&server.api(), "lobby").await;
    assert_eq!(log.events.len(), 3 + 3 * 30);
    assert_clean(&oracle, &[log]);
}

/// Follows with `curl -N` until the event at this position, then stops it; gives what came, by position.
async fn curl(api: &Api, last_id: Option<&str>, until: u64) -> (Vec<u64>, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--no-buffer", "--noproxy", "*"]);
    if let Some(id) = last_id {
        command.args(["--header", &format!("Last-Event-ID: {id}")]);
    }
    command.arg(format!("http://{}/api/v1/rooms/lobby/events", api.address()));
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("curl is not there");
    let mut stdout = child.stdout.take().unwrap();
    let (mut parser, mut bytes) = (Parser::default(), vec![0; 4096]);
    let mut positions = Vec::new();
    let read = async {
        loop {
            while let Some(item) = parser.next() {
                let Item::Event(event) = item else { continue };
                let Some(id) = event.id else { continue };
                if event.event == "message" {
                    positions.push(position_of(&id));
                }
                if position_of(&id) >= until {
                    return id;
                }
            }
            let count = stdout.read(&mut bytes).await.unwrap();
            assert!(count > 0, "curl ended");
            parser.feed(&bytes[..count]);
        }
    };
    let id = within("curl receives", read).await;
    (positions, id)
}

#[tokio::test]
async fn curl_started_again_with_its_last_id_goes_on_where_it_was() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut all = Vec::new();
    for number in 0..10 {
        all.push(api.say("lobby", &ada, &format!("message {number}")).await);
    }
    let (first, id) = curl(&api, None, all[9]).await;
    assert_eq!(first, all);
    for number in 10..20 {
        all.push(api.say("lobby", &ada, &format!("message {number}")).await);
    }
    server.kill().await;
    server.restart().await;
    let (second, _) = curl(&server.api(), Some(&id), all[19]).await;
    assert_eq!(second, all[10..]);
}
