//! Tickets: streams of clients that can send no header.

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::json;

use super::{assert_refused, cookie_of, now, signed, signed_in, signing_key, write, write_at_page};
use crate::support::client::answer;
use crate::support::sse::SseEvent;
use crate::support::{ADMIN, Answer, Api, Guest, Server, Stream, within};

const ADA: &str = "u_4kqv6mzd2xw7yrbtfn3a";

/// A server with a room that is open to all, and rooms for Ada alone.
async fn ruled() -> Server {
    let table = format!("[[room]]\nname = \"team-*\"\npolicy = \"members\"\nwriters = [\"{ADA}\"]\n");
    Server::start_with_settings(&table, &["--admin-token", ADMIN]).await
}

async fn make(api: &Api, holder: &Guest, room: &str) -> Answer {
    let request = api.request(Method::POST, &format!("/api/v1/rooms/{room}/ticket"));
    answer(request.bearer_auth(&holder.token)).await
}

async fn ticket(api: &Api, holder: &Guest, room: &str) -> String {
    let made = make(api, holder, room).await.expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    made.json()["ticket"].as_str().unwrap().to_owned()
}

/// Opens a stream as a native `EventSource` does: by its address alone, and its last id.
async fn follow(address: SocketAddr, room: &str, query: &str, last_id: Option<&str>) -> Stream {
    let path = format!("/api/v1/rooms/{room}/events?{query}");
    let header = last_id.map(|id| ("Last-Event-ID", id.as_bytes()));
    within("a stream opens", Stream::open(address, &path, header.as_slice())).await.unwrap()
}

async fn first(address: SocketAddr, room: &str, query: &str) -> SseEvent {
    let mut stream = follow(address, room, query, None).await;
    within("the first event", stream.next()).await.expect("a stream says why it ends")
}

#[track_caller]
fn assert_denied(event: &SseEvent, reason: &str) {
    assert_eq!((event.event.as_str(), &event.id), ("denied", &None), "{event:?}");
    assert_eq!(event.json()["reason"], reason, "{event:?}");
}

#[tokio::test]
async fn a_client_without_headers_reads_one_room_by_a_ticket_and_resumes() {
    let server = ruled().await;
    let (api, address) = (server.api(), server.address());
    let ada = signed_in(&api, ADA, "aaaaaaaaaaaaaaaaaaaa").await;
    let ticket = ticket(&api, &ada, "team-1").await;
    let query = format!("ticket={ticket}");
    let mut stream = follow(address, "team-1", &query, None).await;
    assert_eq!(stream.logged().await.event, "start");
    let presence = stream.signal("presence").await;
    assert_eq!(presence.json()["authors"][0]["id"], ADA, "it is somebody");
    write(&api, &ada.token, "team-1").await.expect(201);
    assert_eq!(stream.logged().await.json()["content"], "hello");
    let last_id = stream.last_id.clone();
    drop(stream);
    write(&api, &ada.token, "team-1").await.expect(201);
    let mut stream = follow(address, "team-1", &query, last_id.as_deref()).await;
    assert_eq!(stream.logged().await.event, "start");
    assert_eq!(stream.logged().await.event, "message");
    // It is for the stream of this room, and for nothing else.
    for room in ["team-2", "lobby"] {
        assert_denied(&first(address, room, &query).await, "wrong-audience");
    }
    let thief = Guest { token: ticket.clone(), ..ada.clone() };
    assert_refused(&write(&api, &ticket, "lobby").await, 401, "forged-token");
    assert_refused(&make(&api, &thief, "team-1").await, 401, "forged-token");
    write_at_page(&api, &ticket).await.expect(401);
    let page = api.get(&format!("/api/v1/rooms/team-1/messages?ticket={ticket}")).await;
    assert!([400, 401].contains(&page.status), "{page:?}");
    assert_refused(&api.get(&format!("/api/v1/rooms/team-1?{query}")).await, 401, "no-token");
    // And a session is no ticket.
    assert_denied(&first(address, "team-1", &format!("ticket={}", ada.token)).await, "forged-token");
    assert_eq!(first(address, "lobby", &format!("ticket={}", ada.token)).await.event, "nobody");
    assert!(!server.stderr().contains(&ticket), "{}", server.stderr());
    assert!(!server.stderr().contains(ticket.split_once('.').unwrap().1));
}

#[tokio::test]
async fn a_ticket_is_made_by_somebody_who_may_read_the_room() {
    let server = ruled().await;
    let api = server.api();
    let bob = api.guest("Bob").await;
    ticket(&api, &bob, "lobby").await;
    assert_eq!(
        make(&api, &bob, "team-1").await.expect(403).json()["type"],
        "urn:millchat:problem:not-member"
    );
    for room in ["lobby", "team-1"] {
        let nobody = answer(api.request(Method::POST, &format!("/api/v1/rooms/{room}/ticket"))).await;
        assert_refused(&nobody, 401, "no-token");
    }
    assert_eq!(cookie_of(&make(&api, &bob, "lobby").await), None);
}

#[tokio::test]
async fn a_stream_by_a_ticket_ends_with_the_session_that_made_it() {
    let server = ruled().await;
    let (api, address) = (server.api(), server.address());
    let ada = signed_in(&api, ADA, "aaaaaaaaaaaaaaaaaaaa").await;
    let query = format!("ticket={}", ticket(&api, &ada, "team-1").await);
    let mut stream = follow(address, "team-1", &query, None).await;
    assert_eq!(stream.logged().await.event, "start");
    let out = api.request(Method::POST, "/auth/logout").header("cookie", format!("millchat={}", ada.token));
    answer(out).await.expect(303);
    assert_denied(&stream.signal("denied").await, "revoked-token");
    assert!(within("the end", stream.next()).await.is_none());
    assert_denied(&first(address, "team-1", &query).await, "revoked-token");
}

#[tokio::test]
async fn a_ticket_ends_by_its_time_and_with_its_key() {
    let server = ruled().await;
    let (api, address) = (server.api(), server.address());
    let first_key = blake3::derive_key("millchat 2026-11-28 token key 1", &signing_key(&api).await);
    let key = blake3::derive_key("millchat 2026-11-28 ticket tokens v2", &first_key);
    let claims = |exp: u64| {
        json!({ "v": 2, "k": 1, "use": "ticket", "exp": exp, "room": "team-1", "sid": "aaaaaaaaaaaaaaaaaaaa",
            "auth": now(), "of": 1, "id": ADA, "name": "Ada", "kind": "user", "by": "login:corp" })
    };
    let query = |exp| format!("ticket={}", signed(&key, &claims(exp)));
    let good = query(now() + 3_600_000);
    let mut stream = follow(address, "team-1", &good, None).await;
    assert_eq!(stream.logged().await.event, "start");
    assert_denied(&first(address, "team-1", &query(now())).await, "expired-token");
    let rotate =
        api.request(Method::POST, "/admin/keys").bearer_auth(ADMIN).json(&json!({ "retire": "now" }));
    answer(rotate).await.expect(200);
    assert_denied(&stream.signal("denied").await, "revoked-token");
    assert_denied(&first(address, "team-1", &good).await, "revoked-token");
}
