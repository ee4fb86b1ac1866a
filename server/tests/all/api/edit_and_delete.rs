//! Editing and deleting: who may, what others see, and that a deleted text is gone.

use serde_json::Value;

use crate::support::oracle::epoch;
use crate::support::{Api, Server};

#[tokio::test]
async fn an_edit_changes_what_history_shows_and_tells_the_room() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    let position = api.say("lobby", &ada, "helo").await;
    assert_eq!(stream.logged().await.event, "message");

    let message = api.edit("lobby", &ada, position, "hello\rworld").await.expect(200).json();
    assert_eq!(message["position"], position);
    assert_eq!(message["content"], "hello\nworld");
    assert!(message["edited_at"].is_string(), "{message}");
    assert_eq!(message["author"]["id"], ada.id.as_str());

    let edit = stream.logged().await;
    assert_eq!(edit.event, "edit");
    let data = edit.json();
    assert_eq!(data["target"], position);
    assert_eq!(data["prev"], position);
    assert_eq!(data["content"], "hello\nworld");
    assert_eq!(data["room"], "lobby");

    let page = api.history("lobby", "").await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 1, "an edit is no message of its own");
    assert_eq!(page["messages"][0], message);
    assert_eq!(page["head"], data["position"]);
}

#[tokio::test]
async fn only_the_author_may_change_a_message() {
    let server = Server::start().await;
    let api = server.api();
    let (ada, eve) = (api.guest("Ada").await, api.guest("Ada").await);
    let position = api.say("lobby", &ada, "mine").await;
    api.edit("lobby", &eve, position, "hers").await.expect_problem(403);
    api.delete("lobby", &eve, position).await.expect_problem(403);
    assert_eq!(api.history("lobby", "").await["messages"][0]["content"], "mine");

    let elsewhere = api.say("kitchen", &ada, "elsewhere").await;
    for absent in [0, elsewhere, elsewhere + 1000, u64::MAX] {
        api.edit("lobby", &ada, absent, "x").await.expect_problem(404);
        api.delete("lobby", &ada, absent).await.expect_problem(404);
    }
    // An edit is an event of the room, but no message.
    api.edit("lobby", &ada, position, "mine still").await.expect(200);
    let edit = api.history("lobby", "").await["head"].as_u64().unwrap();
    api.edit("lobby", &ada, edit, "x").await.expect_problem(404);
    for bad in ["x", "-1", "1.5", "99999999999999999999"] {
        let path = format!("/api/v1/rooms/lobby/messages/{bad}");
        let request = api.request(reqwest::Method::DELETE, &path).bearer_auth(&ada.token);
        let answer = crate::support::client::answer(request).await;
        assert!(matches!(answer.status, 400 | 404), "{bad}: {answer:?}");
    }
    for content in ["", " \n"] {
        api.edit("lobby", &ada, position, content).await.expect_problem(422);
    }
}

#[tokio::test]
async fn a_deleted_message_is_told_to_the_room_and_stays_deleted() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let position = api.say("lobby", &ada, "regretted").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    stream.logged().await;
    let gone = api.delete("lobby", &ada, position).await.expect(204);
    assert_eq!(gone.body, "");
    let delete = stream.logged().await;
    assert_eq!(delete.event, "delete");
    let data = delete.json();
    assert_eq!((&data["target"], &data["prev"]), (&position.into(), &position.into()));

    api.delete("lobby", &ada, position).await.expect_problem(410);
    api.edit("lobby", &ada, position, "back").await.expect_problem(410);
    let message = api.history("lobby", "").await["messages"][0].clone();
    assert_eq!(message["deleted"], true);
    assert_eq!(message["position"], position);
    assert!(message.get("content").is_none(), "{message}");
}

/// Everything that the server serves of the room, as text.
async fn all_that_is_served(api: &Api, places: &[String]) -> String {
    let mut served = String::new();
    for path in [
        "/api/v1/rooms/lobby/messages",
        "/api/v1/rooms/lobby/messages?after=0",
        "/api/v1/rooms/lobby",
        "/lobby",
    ] {
        served += &api.get(path).await.expect(200).body;
    }
    for position in 1..=4 {
        served += &api.get(&format!("/lobby?quote={position}")).await.expect(200).body;
    }
    let head = api.history("lobby", "").await["head"].as_u64().unwrap();
    let first_join: Vec<Option<&str>> = vec![None];
    for place in places.iter().map(|place| Some(place.as_str())).chain(first_join) {
        let mut stream = api.stream("lobby", place).await;
        loop {
            let event = stream.logged().await;
            served += &event.data;
            if event.place().1 >= head {
                break;
            }
        }
    }
    served
}

#[tokio::test]
async fn a_deleted_text_is_served_to_nobody_any_more() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let epoch = epoch(&api, "lobby").await;
    api.say("lobby", &ada, "before").await;
    let position = api.say("lobby", &ada, "first-secret").await;
    api.edit("lobby", &ada, position, "second-secret").await.expect(200);
    let between = api.say("lobby", &ada, "between").await;
    api.edit("lobby", &ada, position, "third-secret").await.expect(200);
    api.delete("lobby", &ada, position).await.expect(204);

    let places: Vec<String> =
        [0, position - 1, position, position + 1, between].map(|at| format!("{epoch}-{at}")).into();
    for restarted in [false, true] {
        let api = server.api();
        let text = all_that_is_served(&api, &places).await;
        assert!(text.contains("before") && text.contains("between"), "{text}");
        assert!(!text.contains("secret"), "restarted: {restarted}: {text}");

        // Whoever resumes over the place gets every event, in the chain, marked and without its text.
        let mut stream = api.stream("lobby", Some(&places[0])).await;
        assert_eq!(stream.logged().await.event, "start");
        let mut prev = 0;
        for (kind, deleted) in [
            ("message", false),
            ("message", true),
            ("edit", true),
            ("message", false),
            ("edit", true),
            ("delete", false),
        ] {
            let event = stream.logged().await;
            let data = event.json();
            assert_eq!(event.event, kind, "{data}");
            assert_eq!(data["prev"], prev, "{data}");
            assert_eq!(data.get("deleted") == Some(&Value::Bool(true)), deleted, "{data}");
            assert_eq!(data.get("content").is_some(), kind != "delete" && !deleted, "{data}");
            prev = data["position"].as_u64().unwrap();
        }
        if !restarted {
            server.kill().await;
            server.restart().await;
        }
    }
}
