//! Readers, those who type, and an answer that grows, at three processes of `millchat`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::nodes::Nodes;
use crate::support::ollama::{FakeOllama, Manner};
use crate::support::sse::Stream;
use crate::support::{Api, LOOK_EVERY, turn, within};

/// Takes the signals of a stream until one has these values at this place.
async fn until(stream: &mut Stream, signal: &str, pointer: &str, expected: &Value) {
    while stream.signal(signal).await.json().pointer(pointer) != Some(expected) {}
}

async fn end(api: &Api, token: &str, room: &str, question: u64) -> u16 {
    let path = format!("/api/v1/rooms/{room}/drafts/{question}");
    answer(api.request(Method::DELETE, &path).bearer_auth(token)).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_and_answers_that_grow_are_seen_at_all_nodes_and_any_node_stops_an_answer() {
    let _turn = turn::load().await;
    let model = FakeOllama::start(Manner::Waits("One, two", ", three."));
    let table = format!(
        "[[bot]]\nid = \"echo\"\nname = \"Echo\"\nurl = \"{}\"\nmodel = \"m\"\nrooms = [\"ollama\"]\n\
         answers = \"all\"\n",
        model.url()
    );
    let nodes = Nodes::start_with(&table, async |_| {}).await;
    let leader = nodes.leader().await;
    let api = |nth: usize| nodes.servers[(leader + nth) % nodes.servers.len()].api();
    let (ada, eve) = (api(1).guest("Ada").await, api(1).guest("Eve").await);

    // A reader without a name at one node sees who is at another, and who types.
    let mut here = api(1).stream("ollama", None).await;
    let token = format!("Bearer {}", ada.token);
    let named = [("Authorization", token.as_bytes())];
    let there = Stream::open(api(2).address(), "/api/v1/rooms/ollama/events", &named).await.unwrap();
    until(&mut here, "presence", "/authors/0/name", &json!("Ada")).await;
    assert_eq!(api(0).get("/api/v1/rooms/ollama").await.json()["presence"]["count"], 2);
    let typing = api(2).request(Method::POST, "/api/v1/rooms/ollama/typing").bearer_auth(&ada.token);
    answer(typing).await.expect(204);
    until(&mut here, "typing", "/authors/0/name", &json!("Ada")).await;

    // The bot is at the leader. Its answer grows for the reader, and whoever asked stops it where nobody reads.
    let question = api(2).say("ollama", &ada, "count").await;
    until(&mut here, "draft", "/drafts/0/content", &json!("One, two")).await;
    assert_eq!(end(&api(1), &eve.token, "ollama", question).await, 403);
    assert_eq!(end(&api(1), &ada.token, "ollama", question).await, 204);
    assert_eq!(end(&api(1), &ada.token, "ollama", question).await, 404, "once is enough");
    until(&mut here, "draft", "/drafts", &json!([])).await;
    let posted = async {
        loop {
            let page = api(1).history("ollama", "").await;
            let messages = page["messages"].as_array().unwrap();
            if let Some(message) = messages.iter().find(|message| message["reply_to"] == question) {
                return message["content"].clone();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    assert_eq!(within("what there is of it is posted", posted).await, "One, two …");
    model.until_idle().await;
    assert_eq!(model.given_up(), 1, "the model is told to stop");
    drop(there);
    until(&mut here, "presence", "/count", &json!(1)).await;
}
