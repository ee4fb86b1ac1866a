//! Reactions over the API: put, taken back, counted, told to the room, and kept over restarts, exports and
//! backups.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::oracle::{assert_clean, read_history, recover};
use crate::support::{Answer, Api, Guest, Server};
use millchat::{Reaction, RoomName};
use millchat_oracle::{EventDigest, EventKind, Oracle, digest};

const UP: &str = "%F0%9F%91%8D";
const HEART: &str = "%E2%9D%A4%EF%B8%8F";

fn path(room: &str, position: u64, reaction: &str) -> String {
    format!("/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}")
}

async fn put(api: &Api, guest: &Guest, position: u64, reaction: &str) -> Answer {
    api.react(guest, ("lobby", position), reaction, true).await
}

async fn take_back(api: &Api, guest: &Guest, position: u64, reaction: &str) -> Answer {
    api.react(guest, ("lobby", position), reaction, false).await
}

async fn message(api: &Api, position: u64) -> Value {
    api.get(&format!("/api/v1/rooms/lobby/messages/{position}")).await.expect(200).json()
}

#[tokio::test]
async fn reactions_are_counted_told_to_the_room_and_there_after_kill_9() {
    let mut server = Server::start().await;
    let api = server.api();
    let oracle = Oracle::new();
    let lobby = RoomName::new("lobby").unwrap();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let target = api.say("lobby", &ada, "done").await;
    oracle.sender(&lobby, "Ada").acknowledged(0, EventDigest::post(&ada.id, "done"), target, 0);
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    stream.logged().await;
    let mut prev = target;
    for (number, (guest, encoded, reaction, on, count)) in [
        (&ada, UP, Reaction::ThumbsUp, true, 1),
        (&bob, UP, Reaction::ThumbsUp, true, 2),
        (&bob, HEART, Reaction::Heart, true, 1),
        (&ada, UP, Reaction::ThumbsUp, false, 1),
    ]
    .into_iter()
    .enumerate()
    {
        // Twice: the second is no event.
        for _ in 0..2 {
            assert_eq!(api.react(guest, ("lobby", target), encoded, on).await.expect(204).body, "");
        }
        let event = stream.logged().await;
        let data = event.json();
        assert_eq!(event.event, "reaction");
        for (name, expected) in [
            ("target", json!(target)),
            ("prev", json!(prev)),
            ("room", json!("lobby")),
            ("reaction", json!(reaction.as_str())),
            ("on", json!(on)),
            ("count", json!(count)),
        ] {
            assert_eq!(data[name], expected, "{name} of {data}");
        }
        assert_eq!(data["author"]["id"], guest.id.as_str());
        let position = event.place().1;
        let event = EventDigest {
            author: digest(&guest.id),
            kind: EventKind::React(target, reaction, on),
            content: None,
        };
        oracle.sender(&lobby, format!("{number}")).acknowledged(0, event, position, prev);
        prev = position;
    }
    for _ in ["live", "after kill -9"] {
        let api = server.api();
        let author = json!({ "id": bob.id, "name": "Bob", "kind": "guest" });
        let expected = json!([
            { "reaction": "👍", "count": 1, "authors": [author] },
            { "reaction": "❤️", "count": 1, "authors": [author] },
        ]);
        assert_eq!(message(&api, target).await["reactions"], expected);
        assert_eq!(api.history("lobby", "").await["messages"], json!([message(&api, target).await]));
        read_history(&api, "lobby", &oracle).await;
        assert_clean(&oracle, &[recover(&api, "lobby").await]);
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn a_reaction_that_cannot_be_is_refused_with_a_clear_problem() {
    let server = Server::start().await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let there = api.say("lobby", &ada, "there").await;
    let gone = api.say("lobby", &ada, "gone").await;
    put(&api, &bob, gone, UP).await.expect(204);
    api.delete("lobby", &ada, gone).await.expect(204);
    assert!(message(&api, gone).await.get("reactions").is_none());
    let elsewhere = api.say("kitchen", &ada, "elsewhere").await;
    for (target, status) in [(gone, 410), (elsewhere, 404), (0, 404), (elsewhere + 1, 404)] {
        put(&api, &bob, target, UP).await.expect_problem(status);
        take_back(&api, &bob, target, UP).await.expect_problem(status);
    }
    for bad in ["x", "%F0%9F%91%8E", "%FF", "%F0%9F%91%8D%F0%9F%91%8D", "%0D%0A"] {
        let detail = put(&api, &bob, there, bad).await.expect_problem(400);
        assert!(detail.contains("👍"), "{detail}");
    }
    answer(api.request(Method::PUT, &path("lobby", there, UP))).await.expect_problem(401);
    answer(api.request(Method::PUT, &path("the lobby", there, UP)).bearer_auth(&bob.token))
        .await
        .expect_problem(400);
    let bad = path("lobby", there, UP).replace(&format!("/{there}/"), "/x/");
    answer(api.request(Method::PUT, &bad).bearer_auth(&bob.token)).await.expect_problem(400);
    let wrong = answer(api.request(Method::POST, &path("lobby", there, UP)).bearer_auth(&bob.token)).await;
    assert_eq!(wrong.header("allow"), Some("PUT, DELETE, OPTIONS"));
    wrong.expect_problem(405);
    assert!(message(&api, there).await.get("reactions").is_none());
    // A heart without its variation selector is the same heart.
    put(&api, &bob, there, "%E2%9D%A4").await.expect(204);
    take_back(&api, &bob, there, HEART).await.expect(204);
    assert!(message(&api, there).await.get("reactions").is_none());
}

#[tokio::test]
async fn reactions_count_for_the_limit_on_messages() {
    let server = Server::start_with(&["--rate-limit", "author=1/3"]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let target = api.say("lobby", &ada, "x").await;
    let mut limited = None;
    for reaction in [UP, HEART, UP, HEART, UP, HEART] {
        let answer = put(&api, &ada, target, reaction).await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        answer.expect(204);
    }
    let limited = limited.expect("six at once are too many");
    assert!(limited.header("retry-after").is_some());
    limited.expect_problem(429);
}
