//! The stream: how it opens, where it goes on, what it says.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::support::client::answer;
use crate::support::oracle::{Follower, acknowledge, assert_clean, epoch, recover};
use crate::support::sse::{Item, SseEvent};
use crate::support::{Api, Guest, Server, Stream, within};
use millchat::RoomName;
use millchat_oracle::Oracle;

const EVENTS: &str = "/api/v1/rooms/lobby/events";

async fn open(server: &Server, query: &str, headers: &[(&str, &[u8])]) -> Stream {
    let path = format!("{EVENTS}{query}");
    within("a stream opens", Stream::open(server.address(), &path, headers)).await.unwrap()
}

/// The opening, and the positions of the events that follow up to `head`.
async fn opening_and_positions(mut stream: Stream, head: u64) -> (SseEvent, Vec<u64>) {
    let opening = stream.logged().await;
    let mut positions = Vec::new();
    let mut place = opening.place().1;
    while place < head {
        place = stream.logged().await.place().1;
        positions.push(place);
    }
    (opening, positions)
}

async fn say_all(api: &Api, guest: &Guest, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    for number in 0..count {
        positions.push(api.say("lobby", guest, &format!("message {number}")).await);
    }
    positions
}

#[tokio::test]
async fn a_first_join_starts_just_before_what_it_gets() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let all = say_all(&api, &ada, 120).await;
    let head = all[119];
    for (query, expected) in [
        ("", &all[20..]),
        ("?history=", &all[20..]),
        ("?history=junk", &all[20..]),
        ("?history=7", &all[113..]),
        ("?history=0", &[]),
        ("?history=-3", &[]),
        ("?history=1000", &all[..]),
        ("?history=99999999999999999999", &all[..]),
    ] {
        let (opening, positions) = opening_and_positions(open(&server, query, &[]).await, head).await;
        assert_eq!(opening.event, "start", "{query}");
        assert_eq!(positions, expected, "{query}");
        let data = opening.json();
        let place = expected.first().map_or(head, |first| first - 1);
        assert_eq!(data, json!({ "position": place, "head": head, "floor": 1 }), "{query}");
        assert_eq!(opening.place().1, place, "the id is the place");
    }
}

#[tokio::test]
async fn a_place_is_taken_from_the_header_and_the_query() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let all = say_all(&api, &ada, 10).await;
    let elsewhere = api.say("kitchen", &ada, "elsewhere").await;
    let last = api.say("lobby", &ada, "last").await;
    let epoch = epoch(&api, "lobby").await;
    let id = |position: u64| format!("{epoch}-{position}").into_bytes();
    let query = |position: u64| format!("?last_event_id={epoch}-{position}");
    let after =
        |position: u64| all.iter().copied().chain([last]).filter(|&p| p > position).collect::<Vec<_>>();

    for (query, header, expected) in [
        (String::new(), Some(id(all[4])), after(all[4])),
        (query(all[6]), None, after(all[6])),
        (query(all[6]), Some(id(all[2])), after(all[6])),
        (query(all[2]), Some(id(all[6])), after(all[6])),
        (query(all[6]), Some(Vec::new()), after(all[6])),
        ("?history=3".to_owned(), Some(Vec::new()), after(all[8 - 1])),
        ("?last_event_id=&history=3".to_owned(), None, after(all[8 - 1])),
        (format!("{}&history=3", query(all[0])), None, after(all[0])),
        (String::new(), Some(id(0)), after(0)),
        (String::new(), Some(id(elsewhere)), vec![last]),
        (String::new(), Some(id(last)), vec![]),
    ] {
        let headers: Vec<(&str, &[u8])> = header.iter().map(|id| ("Last-Event-ID", id.as_slice())).collect();
        let (opening, positions) = opening_and_positions(open(&server, &query, &headers).await, last).await;
        assert_eq!(opening.event, "start", "{query} {header:?}");
        assert_eq!(positions, expected, "{query} {header:?}");
    }
}

#[tokio::test]
async fn a_place_that_is_none_of_this_log_opens_with_reset() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let all = say_all(&api, &ada, 103).await;
    let epoch = epoch(&api, "lobby").await;
    let other = format!("{}{}", if epoch.starts_with('0') { '1' } else { '0' }, &epoch[1..]);
    for (id, reason) in [
        (b"junk".to_vec(), "malformed"),
        (b"-".to_vec(), "malformed"),
        (b"7".to_vec(), "malformed"),
        (format!("{epoch}-").into_bytes(), "malformed"),
        (format!("{epoch}--1").into_bytes(), "malformed"),
        (format!("{epoch}-+1").into_bytes(), "malformed"),
        (format!("{epoch}-1, {epoch}-2").into_bytes(), "malformed"),
        (format!("{epoch}-99999999999999999999").into_bytes(), "malformed"),
        (b"\xff\xfe".to_vec(), "malformed"),
        ("Grüße-7".as_bytes().to_vec(), "malformed"),
        (vec![b'9'; 4_000], "malformed"),
        (format!("{other}-3").into_bytes(), "epoch"),
        (format!("{epoch}-{}", all[102] + 1).into_bytes(), "ahead"),
        (format!("{epoch}-{}", u64::MAX).into_bytes(), "ahead"),
    ] {
        let stream = open(&server, "", &[("Last-Event-ID", &id)]).await;
        let (opening, positions) = opening_and_positions(stream, all[102]).await;
        let id = String::from_utf8_lossy(&id);
        assert_eq!(opening.event, "reset", "{id}");
        let data = opening.json();
        assert_eq!((&data["epoch"], &data["reason"]), (&json!(epoch), &json!(reason)), "{id}");
        assert_eq!(opening.place().0, epoch, "{id}");
        assert_eq!(positions, all[3..], "{id}: it goes on as a first join");
    }
    let stream = open(&server, "?last_event_id=%FF", &[]).await;
    assert_eq!(opening_and_positions(stream, all[102]).await.0.event, "reset");
}

#[tokio::test]
async fn the_stream_says_that_it_is_one() {
    let server = Server::start().await;
    let mut stream = open(&server, "", &[]).await;
    assert_eq!(stream.head.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(stream.head.header("x-accel-buffering"), Some("no"));
    let mut retry = None;
    while retry.is_none() {
        match within("a retry line", stream.next_item()).await.expect("the stream stays open") {
            Item::Retry(ms) => retry = Some(ms),
            Item::Event(_) | Item::Comment(_) => {}
        }
    }
    assert!(retry.is_some_and(|ms| (100..=60_000).contains(&ms)), "{retry:?}");
}

#[tokio::test]
async fn silence_is_broken_by_comment_lines() {
    let server = Server::start().await;
    let mut stream = open(&server, "", &[]).await;
    let mut comments = 0;
    while comments < 2 {
        match within("a heartbeat", stream.next_item()).await.expect("the stream stays open") {
            Item::Comment(_) => comments += 1,
            Item::Event(event) => assert!(comments == 0, "nothing happened, but came {event:?}"),
            Item::Retry(_) => {}
        }
    }
}

#[tokio::test]
async fn who_joined_a_quiet_room_and_lost_its_line_misses_nothing() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("kitchen", &ada, "elsewhere").await;
    let mut stream = open(&server, "", &[]).await;
    let start = stream.logged().await;
    assert_eq!(start.event, "start");
    assert_eq!(start.json()["head"], 0);
    drop(stream);
    let said = say_all(&api, &ada, 3).await;
    // Even when the first join would get no history at all.
    let resumed = open(&server, "?history=0", &[("Last-Event-ID", start.id.unwrap().as_bytes())]).await;
    let (opening, positions) = opening_and_positions(resumed, said[2]).await;
    assert_eq!(opening.event, "start");
    assert_eq!(positions, said);
}

#[tokio::test]
async fn a_reader_resumes_over_kill_9_and_over_an_orderly_end() {
    let mut server = Server::start().await;
    let ada = server.api().guest("Ada").await;
    let oracle = Oracle::new();
    let room = RoomName::new("lobby").unwrap();
    let sender = oracle.sender(&room, "ada");
    let mut reader = Follower::new(&oracle, "lobby", "bob");
    reader.join(server.address()).await.unwrap();
    let mut number = 0;
    for round in 0..4 {
        let api = server.api();
        let mut last = 0;
        for _ in 0..20 {
            let content = format!("message {number}");
            let receipt = api.send("lobby", &ada, &content).await;
            last = acknowledge(&sender, number, &ada, &content, &receipt);
            number += 1;
            // The last rounds' messages are sent while the reader has no line.
            if round == 1 && number % 20 == 10 {
                reader.leave();
            }
        }
        if round != 2 {
            reader.catch_up(server.address(), last).await;
        }
        if round % 2 == 0 {
            server.kill().await;
        } else {
            server.terminate().await;
            while reader.next().await.is_some() {}
        }
        server.restart().await;
        reader.leave();
    }
    let log = recover(&server.api(), "lobby").await;
    reader.catch_up(server.address(), log.head).await;
    reader.reader.complete();
    assert_eq!(log.events.len(), 80);
    assert_clean(&oracle, &[log]);
}

#[tokio::test]
async fn open_streams_end_by_themselves_when_the_server_is_to_end() {
    let mut server = Server::start().await;
    let api = server.api();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = api.stream("lobby", None).await;
        stream.logged().await;
        streams.push(stream);
    }
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
    for mut stream in streams {
        while within("a stream ends", stream.next_item()).await.is_some() {}
    }
    let stderr = server.stderr();
    assert!(!stderr.contains("are cut"), "they were cut off when their time was over: {stderr}");
}

#[tokio::test]
async fn presence_names_those_with_a_token_and_counts_the_rest() {
    let server = Server::start().await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let with_token = async |guest: &Guest| {
        let token = format!("Bearer {}", guest.token);
        open(&server, "", &[("Authorization", token.as_bytes())]).await
    };
    let mut unnamed = open(&server, "", &[]).await;
    let named = with_token(&ada).await;
    let twice = with_token(&ada).await;
    let bobs = with_token(&bob).await;
    // A token that is no good makes a reader nameless, it does not end the stream.
    let mut forged = open(&server, "", &[("Authorization", b"Bearer junk")]).await;
    assert_eq!(forged.logged().await.event, "start");

    let until = async |stream: &mut Stream, count: u64| loop {
        let presence = stream.signal("presence").await.json();
        if presence["count"] == count {
            let mut authors: Vec<_> =
                presence["authors"].as_array().unwrap().iter().map(|a| a["name"].clone()).collect();
            authors.sort_by_key(ToString::to_string);
            return authors;
        }
    };
    assert_eq!(until(&mut unnamed, 5).await, ["Ada", "Bob"]);
    drop(bobs);
    assert_eq!(until(&mut unnamed, 4).await, ["Ada"]);
    drop(twice);
    assert_eq!(until(&mut unnamed, 3).await, ["Ada"], "one of two lines is gone, she is still here");
    drop(named);
    assert_eq!(until(&mut unnamed, 2).await, Vec::<serde_json::Value>::new());
    let presence = api.get("/api/v1/rooms/lobby").await.json()["presence"].clone();
    assert_eq!(presence, json!({ "count": 2, "authors": [] }));
}

#[tokio::test]
async fn joins_and_leaves_by_the_hundred_make_few_presence_signals() {
    const CROWD: usize = 200;
    const CHURN: Duration = Duration::from_secs(4);
    let server = Server::start().await;
    let mut witness = open(&server, "", &[]).await;
    let started = Instant::now();
    let mut crowd = VecDeque::new();
    while crowd.len() < CROWD || started.elapsed() < CHURN {
        crowd.push_back(open(&server, "", &[]).await);
        if crowd.len() > CROWD {
            crowd.pop_front();
        }
    }
    drop(crowd);
    let (mut signals, mut most_seen) = (0_u64, 0);
    loop {
        signals += 1;
        let count = witness.signal("presence").await.json()["count"].as_u64().unwrap();
        most_seen = most_seen.max(count);
        if count == 1 && most_seen > 1 {
            break;
        }
    }
    // At most one a second, the first at once, and the last may trail by one.
    let most = started.elapsed().as_secs() + 3;
    assert!(signals <= most, "{signals} signals in {:?}", started.elapsed());
}

#[tokio::test]
async fn typing_is_signalled_and_ends_and_is_never_logged() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = open(&server, "", &[]).await;
    let start = stream.logged().await;
    let typing = api.request(Method::POST, "/api/v1/rooms/lobby/typing").bearer_auth(&ada.token);
    assert_eq!(answer(typing).await.expect(204).body, "");
    let signal = stream.signal("typing").await;
    assert_eq!(signal.json()["authors"][0]["name"], "Ada");
    assert_eq!(signal.json()["authors"][0]["id"], ada.id.as_str());
    // It ends by itself, when nothing more is typed.
    assert_eq!(stream.signal("typing").await.json()["authors"], json!([]));
    assert_eq!(stream.last_id, start.id, "signals do not move the place");
    assert_eq!(api.get("/api/v1/rooms/lobby").await.json()["head"], 0);
}

#[tokio::test]
async fn every_reader_of_a_room_gets_the_same_events_and_only_that_rooms() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(open(&server, "", &[]).await);
    }
    for stream in &mut streams {
        stream.logged().await;
    }
    for number in 0..50 {
        api.say(if number % 2 == 0 { "lobby" } else { "kitchen" }, &ada, &format!("message {number}")).await;
    }
    let mut first = Vec::new();
    for stream in &mut streams {
        let mut events = Vec::new();
        while events.len() < 25 {
            events.push(stream.logged().await);
        }
        if first.is_empty() {
            first.clone_from(&events);
        }
        assert_eq!(events, first);
    }
    assert!(first.iter().all(|event| event.json()["room"] == "lobby"));
}

#[tokio::test]
async fn an_idle_stream_stays_open_and_delivers() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = open(&server, "", &[]).await;
    stream.logged().await;
    // Longer than every limit on a request: a stream is none.
    while !matches!(within("a heartbeat", stream.next_item()).await, Some(Item::Comment(_))) {}
    while !matches!(within("a heartbeat", stream.next_item()).await, Some(Item::Comment(_))) {}
    let position = api.say("lobby", &ada, "still there?").await;
    let event = stream.logged().await;
    assert_eq!(event.place().1, position);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_show_its_visitor_in_a_room() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for (room, site, named) in [("own", "same-origin", 1), ("foreign", "cross-site", 0)] {
        let request = api.request(Method::GET, &format!("/{room}/messages"));
        let cookie = format!("millchat=planted; millchat={}", ada.token);
        let stream = request.header("cookie", cookie).header("sec-fetch-site", site).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        let presence = api.get(&format!("/api/v1/rooms/{room}")).await.expect(200).json()["presence"].clone();
        assert_eq!(presence["count"], 1, "{room}: {presence}");
        assert_eq!(presence["authors"].as_array().unwrap().len(), named, "{room}: {presence}");
    }
}
