//! A key makes a repeated send one send: by chance, after a crash, and for two at once.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::{Answer, Api, Guest, Server};

const KEY: &str = "Idempotency-Key";

async fn send(api: &Api, room: &str, guest: &Guest, content: &str, key: &str) -> Answer {
    answer(api.post(room, guest, content).header(KEY, key)).await
}

async fn contents(api: &Api, room: &str) -> Vec<Value> {
    let page = api.history(room, "").await;
    page["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()).collect()
}

#[tokio::test]
async fn a_repeated_send_gets_the_first_acknowledgement_also_after_kill_9() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let first = send(&api, "lobby", &ada, "once", "key-1").await.expect(201).json();
    api.say("lobby", &ada, "between").await;
    let again = send(&api, "lobby", &ada, "once", "key-1").await.expect(201).json();
    assert_eq!(first, again);
    server.kill().await;
    server.restart().await;
    let api = server.api();
    let again = send(&api, "lobby", &ada, "once", "key-1").await.expect(201).json();
    assert_eq!(first, again);
    assert_eq!(contents(&api, "lobby").await, ["once", "between"]);
}

#[tokio::test]
async fn a_key_with_other_content_or_another_room_is_refused() {
    let mut server = Server::start().await;
    let ada = server.api().guest("Ada").await;
    let eve = server.api().guest("Eve").await;
    send(&server.api(), "lobby", &ada, "once", "key-1").await.expect(201);
    for _ in 0..2 {
        let api = server.api();
        send(&api, "lobby", &ada, "other", "key-1").await.expect_problem(422);
        send(&api, "kitchen", &ada, "once", "key-1").await.expect_problem(422);
        server.kill().await;
        server.restart().await;
    }
    let api = server.api();
    send(&api, "lobby", &eve, "hers", "key-1").await.expect(201);
    assert_eq!(contents(&api, "lobby").await, ["once", "hers"], "a key belongs to its author");
    assert_eq!(contents(&api, "kitchen").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_key_of_no_length_or_too_great_a_length_is_refused() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let detail = send(&api, "lobby", &ada, "x", &"k".repeat(257)).await.expect_problem(400);
    assert!(detail.contains("256"), "{detail}");
    send(&api, "lobby", &ada, "x", "").await.expect_problem(400);
    send(&api, "lobby", &ada, "y", &"k".repeat(256)).await.expect(201);
    assert_eq!(contents(&api, "lobby").await, ["y"]);
}

#[tokio::test]
async fn many_sends_at_once_with_one_key_make_one_event() {
    let server = Server::start().await;
    let api = server.api();
    let ada = Arc::new(api.guest("Ada").await);
    let sends: Vec<_> = (0..40)
        .map(|number| {
            let (api, ada) = (server.api(), Arc::clone(&ada));
            // Two contents compete for one key: one of them wins, and only that one.
            let content = ["heads", "tails"][number % 2];
            tokio::spawn(async move { (content, send(&api, "lobby", &ada, content, "key-1").await) })
        })
        .collect();
    let mut receipts = Vec::new();
    for task in sends {
        let (content, answer) = task.await.unwrap();
        if answer.status == 201 {
            receipts.push((content, answer.json()));
        } else {
            answer.expect_problem(422);
        }
    }
    assert_eq!(receipts.len(), 20);
    assert!(receipts.windows(2).all(|pair| pair[0] == pair[1]), "{receipts:?}");
    assert_eq!(contents(&api, "lobby").await, [receipts[0].0]);
}

#[tokio::test]
async fn a_key_outlives_the_text_that_a_delete_took_away() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let first = send(&api, "lobby", &ada, "regretted", "key-1").await.expect(201).json();
    api.delete("lobby", &ada, first["position"].as_u64().unwrap()).await.expect(204);
    assert_eq!(send(&api, "lobby", &ada, "regretted", "key-1").await.expect(201).json(), first);
    server.kill().await;
    server.restart().await;
    let api = server.api();
    assert_eq!(send(&api, "lobby", &ada, "regretted", "key-1").await.expect(201).json(), first);
    let page = api.history("lobby", "").await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    assert_eq!(page["messages"][0]["deleted"], json!(true));
}
