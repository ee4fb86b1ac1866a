//! The list of rooms: the public ones, and those in which whoever asks was given a role.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::{ADMIN, Api, Guest, Server};

const SETTINGS: &str = "
[[room]]
name = \"closed-to-all\"
policy = \"public\"
guests = \"none\"

[[room]]
name = \"town-*\"
policy = \"public\"
title = \"The town\"

[[room]]
name = \"team-*\"
policy = \"members\"
";

async fn ruled() -> Server {
    Server::start_with_settings(SETTINGS, &["--admin-token", ADMIN]).await
}

async fn give(api: &Api, room: &str, guest: &Guest, role: &str) {
    let path = format!("/api/v1/rooms/{room}/members/{}", guest.id);
    let request = api.request(Method::PUT, &path).bearer_auth(ADMIN);
    answer(request.json(&json!({ "role": role }))).await.expect(204);
}

async fn listed(api: &Api, by: Option<&Guest>, query: &str) -> Value {
    let request = api.request(Method::GET, &format!("/api/v1/rooms{query}"));
    let request = if let Some(by) = by { request.bearer_auth(&by.token) } else { request };
    answer(request).await.expect(200).json()
}

fn names(page: &Value) -> Vec<&str> {
    page["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_list_has_public_rooms_and_those_of_the_members_and_tells_of_no_other() {
    let server = ruled().await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    assert_eq!(listed(&api, None, "").await, json!({ "rooms": [] }));
    for room in ["team-1", "team-2", "closed-to-all"] {
        give(&api, room, &ada, "writer").await;
        api.say(room, &ada, "secret").await;
    }
    for room in ["town-b", "town-a", "lobby"] {
        api.say(room, &bob, "hello").await;
    }
    give(&api, "team-1", &bob, "reader").await;
    let nobody = listed(&api, None, "").await;
    assert_eq!(names(&nobody), ["town-a", "town-b"]);
    let first = &nobody["rooms"][0];
    let head = api.get("/api/v1/rooms/town-a").await.json()["head"].clone();
    assert_eq!(
        (&first["title"], &first["head"], &first["closed"]),
        (&json!("The town"), &head, &json!(false))
    );
    assert!(first["last_at"].is_string(), "{first}");
    let of_bob = listed(&api, Some(&bob), "").await;
    assert_eq!(names(&of_bob), ["team-1", "town-a", "town-b"]);
    assert_eq!(
        names(&listed(&api, Some(&ada), "").await),
        ["closed-to-all", "team-1", "team-2", "town-a", "town-b"]
    );
    assert_eq!(names(&listed(&api, Some(&ada), "?match=te*").await), ["team-1", "team-2"]);
    // A page goes on after its last room, and says nothing of those between.
    let page = listed(&api, None, "?limit=1").await;
    assert_eq!(names(&page), ["town-a"]);
    let next = page["next"].as_str().unwrap();
    assert!(!next.contains("town"));
    let page = listed(&api, None, &format!("?limit=1&after={next}")).await;
    assert_eq!(names(&page), ["town-b"]);
    let path = format!("/api/v1/rooms/team-1/bans/{}", bob.id);
    answer(api.request(Method::PUT, &path).bearer_auth(ADMIN)).await.expect(204);
    assert_eq!(names(&listed(&api, Some(&bob), "").await), ["town-a", "town-b"], "he may read it no more");
    for query in ["?limit=x", "?after=lobby", "?match=a%20b"] {
        let refused = api.get(&format!("/api/v1/rooms{query}")).await;
        refused.expect_problem(400);
    }
    let forged = api.request(Method::GET, "/api/v1/rooms").bearer_auth("x.y");
    answer(forged).await.expect_problem(401);
}

#[tokio::test]
async fn a_page_ends_behind_the_rooms_that_are_looked_at_and_names_none_of_them() {
    let server = ruled().await;
    let api = server.api();
    let bob = api.guest("Bob").await;
    for names in (0..1_100).collect::<Vec<u32>>().chunks(100) {
        let say = |n: &u32| {
            let (api, bob, room) = (api.clone(), bob.clone(), format!("hidden-{n:04}"));
            async move { api.say(&room, &bob, "x").await }
        };
        join_all(names.iter().map(say)).await;
    }
    api.say("town-z", &bob, "hello").await;
    let first = listed(&api, None, "").await;
    assert_eq!(first["rooms"], json!([]));
    let next = first["next"].as_str().expect("there is more");
    assert!(!next.contains("hidden"));
    let second = listed(&api, None, &format!("?after={next}")).await;
    assert_eq!((names(&second), second.get("next")), (vec!["town-z"], None));
}

#[tokio::test]
async fn search_engines_may_have_the_page_of_a_public_room_and_of_no_other() {
    let server = ruled().await;
    let api = server.api();
    for (room, is_indexed) in
        [("town-a", true), ("lobby", false), ("team-1", false), ("closed-to-all", false)]
    {
        let page = api.get(&format!("/{room}")).await;
        assert_eq!(page.header("x-robots-tag"), (!is_indexed).then_some("noindex"), "{room}");
        assert_eq!(page.body.contains("noindex"), !is_indexed, "{room}");
    }
    let search = api.get("/town-a/search?q=x").await;
    assert_eq!(search.header("x-robots-tag"), Some("noindex"));
}
