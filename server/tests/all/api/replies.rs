//! Answers to messages: named by the target's position, everywhere alike.

use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::oracle::{assert_clean, read_history, recover};
use crate::support::{Answer, Api, Guest, Server};
use millchat::RoomName;
use millchat_oracle::{EventDigest, Oracle};

async fn reply(api: &Api, guest: &Guest, body: &Value, key: Option<&str>) -> Answer {
    let mut request = api.request(reqwest::Method::POST, "/api/v1/rooms/lobby/messages");
    request = request.bearer_auth(&guest.token).json(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    answer(request).await
}

#[tokio::test]
async fn an_answer_names_its_target_in_the_stream_in_history_and_by_itself() {
    let server = Server::start().await;
    let api = server.api();
    let oracle = Oracle::new();
    let lobby = RoomName::new("lobby").unwrap();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    let question = api.send("lobby", &ada, "shall we?").await;
    let target = question["position"].as_u64().unwrap();
    assert!(stream.logged().await.json().get("reply_to").is_none());
    let receipt = reply(&api, &bob, &json!({ "content": "yes", "reply_to": target }), None).await;
    let receipt = receipt.expect(201).json();
    let event = stream.logged().await;
    assert_eq!((event.event.as_str(), &event.json()["reply_to"]), ("message", &target.into()));
    // What it answers is named and not copied.
    assert!(!event.data.contains("shall we?"), "{event:?}");

    let position = receipt["position"].as_u64().unwrap();
    let one = api.get(&format!("/api/v1/rooms/lobby/messages/{position}")).await.expect(200).json();
    let page = api.history("lobby", "").await;
    assert_eq!(page["messages"][1], one);
    assert_eq!(one["reply_to"], target);
    assert!(page["messages"][0].get("reply_to").is_none());
    oracle.sender(&lobby, "Ada").acknowledged(0, EventDigest::post(&ada.id, "shall we?"), target, 0);
    oracle.sender(&lobby, "Bob").acknowledged(
        0,
        EventDigest::reply(&bob.id, target, "yes"),
        position,
        target,
    );
    read_history(&api, "lobby", &oracle).await;
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_a_clear_problem() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let gone = api.say("lobby", &ada, "regretted").await;
    api.delete("lobby", &ada, gone).await.expect(204);
    let elsewhere = api.say("kitchen", &ada, "elsewhere").await;
    for (target, status) in [(gone, 410), (elsewhere, 404), (0, 404), (elsewhere + 1, 404)] {
        let refused = reply(&api, &ada, &json!({ "content": "x", "reply_to": target }), None).await;
        let detail = refused.expect_problem(status);
        assert!(detail.contains(&format!("position {target}")), "{detail}");
    }
    for bad in [json!("1"), json!(-1), json!(1.5), json!([1])] {
        reply(&api, &ada, &json!({ "content": "x", "reply_to": bad }), None).await.expect_problem(422);
    }
    // Null is as absent.
    reply(&api, &ada, &json!({ "content": "x", "reply_to": null }), None).await.expect(201);
}

#[tokio::test]
async fn a_key_counts_for_one_target() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let (one, two) = (api.say("lobby", &ada, "one").await, api.say("lobby", &ada, "two").await);
    let body = |target: u64| json!({ "content": "yes", "reply_to": target });
    let first = reply(&api, &ada, &body(one), Some("key")).await.expect(201).json();
    assert_eq!(reply(&api, &ada, &body(one), Some("key")).await.expect(201).json(), first);
    reply(&api, &ada, &body(two), Some("key")).await.expect_problem(422);
    reply(&api, &ada, &json!({ "content": "yes" }), Some("key")).await.expect_problem(422);
    assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 3);
}
