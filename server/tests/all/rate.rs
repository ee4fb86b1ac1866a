//! Limits on what one author or address may take: each refuses, says so, and ends.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::client::answer;
use crate::support::raw::{Head, exchange, status_of};
use crate::support::{Answer, Api, Server, Stream, within};

const TYPE: &str = "urn:millchat:problem:rate-limited";

/// Does it until a limit refuses it; gives how often none did, each time with this status, and the refusal.
/// A slow machine gets some of its allowance back meanwhile, so it may take longer there.
async fn until_refused(otherwise: u16, mut request: impl FnMut() -> RequestBuilder) -> (usize, Answer) {
    let refused = async {
        let mut taken = 0;
        loop {
            let answer = answer(request()).await;
            if answer.status == 429 {
                return (taken, answer);
            }
            answer.expect(otherwise);
            taken += 1;
        }
    };
    within("a refusal", refused).await
}

/// The seconds after which it is worth another try. Whoever sleeps for them tests that they are enough.
fn retry_after(answer: &Answer) -> Duration {
    let seconds = answer.header("retry-after").expect("a refusal says when to come back");
    Duration::from_secs(seconds.parse().expect("a number of seconds"))
}

fn expect_limited(answer: &Answer, words: &str) {
    let detail = answer.expect_problem(429);
    assert!(detail.contains(words), "{detail}");
    assert_eq!(answer.json()["type"], TYPE);
    assert!(retry_after(answer) >= Duration::from_secs(1), "{answer:?}");
}

fn guest(api: &Api) -> RequestBuilder {
    api.request(Method::POST, "/api/v1/guests").json(&json!({ "name": "Ada" }))
}

#[tokio::test]
async fn an_author_who_is_too_fast_is_let_in_again_after_the_time_that_is_said() {
    let server = Server::start_with(&["--rate-limit", "author=1/3"]).await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let first = api.say("lobby", &ada, "hello").await;
    let (taken, refused) = until_refused(201, || api.post("lobby", &ada, "more")).await;
    assert!(taken >= 2, "{taken} after the first");
    expect_limited(&refused, "messages by one author: at most 1 a second, 3 at once");

    // Another author is not concerned. Edits and deletes count as messages do, those in vain too.
    api.say("lobby", &bob, "hello").await;
    for method in [Method::PATCH, Method::DELETE] {
        let path = format!("/api/v1/rooms/lobby/messages/{first}");
        let edit = json!({ "content": "hello, all" });
        let change = || api.request(method.clone(), &path).bearer_auth(&bob.token).json(&edit);
        let (_, refused) = until_refused(403, change).await;
        expect_limited(&refused, "messages by one author");
    }

    let (_, refused) = until_refused(201, || api.post("lobby", &ada, "more")).await;
    tokio::time::sleep(retry_after(&refused)).await;
    api.say("lobby", &ada, "after the wait").await;
}

#[tokio::test]
async fn a_long_message_counts_as_several() {
    let server = Server::start_with(&["--rate-limit", "author=1/9"]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let long = "x".repeat(65_000);
    let (taken, refused) = until_refused(201, || api.post("lobby", &ada, &long)).await;
    assert!(taken <= 2, "{taken} long ones: a slow machine may give back what one costs");
    expect_limited(&refused, "messages by one author: at most 1 a second, 9 at once");
    tokio::time::sleep(retry_after(&refused)).await;
    api.say("lobby", &ada, &long).await;

    let bob = api.guest("Bob").await;
    let short = "x".repeat(8_000);
    let (taken, _) = until_refused(201, || api.post("lobby", &bob, &short)).await;
    assert!(taken >= 9, "{taken} short ones");
}

#[tokio::test]
async fn all_authors_of_an_address_share_its_allowance() {
    let server = Server::start_with(&["--rate-limit", "address=1/4"]).await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let mut turn = 0;
    let (taken, refused) = until_refused(201, || {
        turn += 1;
        api.post("lobby", if turn % 2 == 0 { &ada } else { &bob }, "hello")
    })
    .await;
    assert!(taken >= 4, "{taken}");
    expect_limited(&refused, "messages from one address: at most 1 a second, 4 at once");
    tokio::time::sleep(retry_after(&refused)).await;
    api.say("lobby", &ada, "after the wait").await;
}

#[tokio::test]
async fn an_address_becomes_so_many_guests_a_minute() {
    let server = Server::start_with(&["--rate-limit", "guests=30"]).await;
    let api = server.api();
    let (taken, refused) = until_refused(201, || guest(&api)).await;
    assert!(taken >= 30, "{taken}");
    expect_limited(&refused, "new guests from one address: at most 30 a minute");
    // Who is somebody already is not stopped, and may go by another name.
    tokio::time::sleep(retry_after(&refused)).await;
    let ada = api.guest("Ada").await;
    until_refused(201, || guest(&api)).await;
    api.say("lobby", &ada, "hello").await;
    let rename = api.request(Method::PATCH, "/api/v1/guests/me").bearer_auth(&ada.token);
    answer(rename.json(&json!({ "name": "Ada L." }))).await.expect(200);
}

#[tokio::test]
async fn an_address_holds_so_many_connections() {
    let server = Server::start_with(&["--rate-limit", "connections=3"]).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = Stream::room(server.address(), "lobby", None).await.unwrap();
        stream.logged().await;
        streams.push(stream);
    }
    let get = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Language: de\r\n\r\n");
        let answer = exchange(server.address(), request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        (Head::parse(head), body.to_owned())
    };
    let limit = "open connections of one address: at most 3";
    let (head, body) = get("/api/v1/rooms/lobby").await;
    assert_eq!(head.status, 429, "{body}");
    assert_eq!(head.header("content-type"), Some("application/problem+json; charset=utf-8"));
    assert!(body.contains(TYPE) && body.contains(limit), "{body}");
    // As any answer of the API: a page of another origin may read it.
    assert_eq!(head.header("access-control-allow-origin"), Some("*"));
    for header in ["retry-after", "date"] {
        assert!(head.header(header).is_some(), "{header} in {head:?}");
    }
    // People get a page in their language.
    let (head, body) = get("/lobby").await;
    assert_eq!((head.status, head.header("content-type")), (429, Some("text/html; charset=utf-8")));
    assert!(body.contains("<html lang=\"de\""), "{body}");
    // A stream that were refused by its status would not come back.
    for path in ["/api/v1/rooms/lobby/events", "/lobby/messages"] {
        let (head, body) = get(path).await;
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, Some("text/event-stream; charset=utf-8")),
            "{body}"
        );
        assert!(body.contains(limit) && body.contains("\nretry: "), "{body}");
    }

    // Those who are in notice nothing, and one that leaves makes room.
    for stream in &mut streams {
        // An earlier signal counts those that had come by then.
        while stream.signal("presence").await.json()["count"] != 3 {}
    }
    streams.pop();
    let get = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        exchange(server.address(), request.as_bytes()).await
    };
    let room = async { while !get("/api/v1/rooms/lobby").await.starts_with("HTTP/1.1 200") {} };
    within("there is room again", room).await;
}

#[tokio::test]
async fn each_room_of_a_stream_counts_as_a_connection() {
    let server = Server::start_with(&["--rate-limit", "connections=5"]).await;
    let address = server.address();
    let path = |rooms: &[&str]| {
        let also: Vec<_> = rooms[1..].iter().map(|room| format!("also={room}:")).collect();
        format!("/{}/messages?{}", rooms[0], also.join("&"))
    };
    let mut tabs = Stream::open(address, &path(&["a", "b", "c", "d"]), &[]).await.unwrap();
    within("the stream begins", tabs.next()).await.expect("it has an opening");
    // One connection is left: enough for one room and not for two.
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path(&["a", "b"]));
    let refused = exchange(address, request.as_bytes()).await;
    assert_eq!(status_of(&refused), Some(200));
    assert!(refused.contains("at most 5") && refused.contains("\nretry: "), "{refused}");
    // A stream that is refused has no event. The connection of the one before is free after a moment.
    let one = async {
        loop {
            let mut one = Stream::open(address, "/a/messages", &[]).await.unwrap();
            if one.next().await.is_some() {
                break one;
            }
        }
    };
    let one = within("one room fits", one).await;
    // All that the tabs held is given back with their connection.
    drop((tabs, one));
    let again = async {
        loop {
            let mut tabs = Stream::open(address, &path(&["a", "b", "c", "d", "e"]), &[]).await.unwrap();
            if tabs.next().await.is_some() {
                break;
            }
        }
    };
    within("five rooms fit again", again).await;
}

#[tokio::test]
async fn the_page_says_it_to_people() {
    let server = Server::start_with(&["--rate-limit", "author=1/2,guests=3"]).await;
    let api = server.api();
    let form = || {
        let request = api.request(Method::POST, "/lobby/name").body("name=Ada");
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let named = answer(form()).await.expect(303);
    let cookie = named.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let send = || {
        let request = api.request(Method::POST, "/lobby/messages").header("cookie", &cookie);
        request.json(&json!({ "content": "hello", "key": "k" }))
    };
    let (taken, refused) = until_refused(204, send).await;
    assert!(taken >= 2, "{taken}");
    assert_eq!(refused.header("content-type"), Some("text/html; charset=utf-8"));
    // The figures are for programs; a person reads what to do.
    let said = "more than this server allows at once. Come back in";
    assert!(refused.body.contains(said), "{}", refused.body);
    assert!(retry_after(&refused) >= Duration::from_secs(1));

    let (_, limited) = until_refused(303, form).await;
    assert!(limited.body.contains(said), "{}", limited.body);
    // The form says it where it stands, with what was typed.
    let patch = answer(form().header("datastar-request", "true")).await.expect(200);
    assert!(patch.body.contains(said) && patch.body.contains("value=\"Ada\""), "{}", patch.body);
    // Who has a name may change it.
    answer(form().header("cookie", &cookie)).await.expect(303);
}

#[tokio::test]
async fn nothing_is_limited_unless_a_setting_says_so() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let sends = (0..500).map(|number| {
        let (api, ada) = (api.clone(), ada.clone());
        async move { api.say("lobby", &ada, &format!("message {number}")).await }
    });
    futures_util::future::join_all(sends).await;
    for _ in 0..200 {
        answer(guest(&api)).await.expect(201);
    }
}
