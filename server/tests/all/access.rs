//! Rights as clients meet them: a reader whose right ends while 500 read under load, a right that ends by a reload,
//! and the way back.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use millchat::RoomName;
use millchat_oracle::{Oracle, Reader};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::client::answer;
use crate::support::oracle::{acknowledge, assert_clean, position_of, recover, tell};
use crate::support::raw::Held;
use crate::support::sse::{Item, SseEvent};
use crate::support::{ADMIN, Api, Guest, Server, Stream, variable, within};

/// Sets the number of readers.
const READERS_VARIABLE: &str = "MILLCHAT_ACCESS_READERS";
const READERS_DEFAULT: u64 = 500;
/// Messages that are said before and after the right ends.
const SAID: usize = 60;
const ROOM: &str = "team";
/// Longest time until a reader in a quiet room is told; generous, for a busy machine. The promise is two seconds.
const TOLD_MAX: Duration = Duration::from_secs(20);

/// A server with a settings file that can be written again.
struct Ruled {
    server: Server,
}

impl Ruled {
    async fn start() -> Self {
        Self { server: Server::start_with_settings("", &["--admin-token", ADMIN]).await }
    }

    /// Lets the room have these readers, who also write; `None`: everybody.
    async fn rule(&self, members: Option<&[&Guest]>) {
        let ids: Vec<_> =
            members.unwrap_or_default().iter().map(|guest| format!("\"{}\"", guest.id)).collect();
        let table =
            format!("[[room]]\nname = \"{ROOM}\"\npolicy = \"members\"\nwriters = [{}]\n", ids.join(", "));
        let text = if members.is_some() { table } else { String::new() };
        fs::write(self.server.settings(), text).unwrap();
        let read = "the settings were read again";
        let before = self.server.stderr().matches(read).count();
        kill_process(Pid::from_raw(self.server.pid().cast_signed()).unwrap(), Signal::HUP).unwrap();
        self.server.said(read, before + 1).await;
    }
}

async fn follow(address: SocketAddr, guest: &Guest, last_id: Option<&str>) -> Stream {
    let token = format!("Bearer {}", guest.token);
    let mut headers = vec![("Authorization", token.as_bytes())];
    headers.extend(last_id.map(|id| ("Last-Event-ID", id.as_bytes())));
    let path = format!("/api/v1/rooms/{ROOM}/events");
    within("a stream opens", Stream::open(address, &path, &headers)).await.unwrap()
}

/// A reader whose right ends.
struct Follower {
    reader: Reader,
    stream: Stream,
    asked: Option<u64>,
    is_opened: bool,
}

impl Follower {
    async fn join(oracle: &Oracle, address: SocketAddr, guest: &Guest, name: String) -> Self {
        let reader = oracle.reader(&RoomName::new(ROOM).unwrap(), name);
        Self { reader, stream: follow(address, guest, None).await, asked: None, is_opened: false }
    }

    /// Comes back with its place.
    async fn resume(&mut self, address: SocketAddr, guest: &Guest) {
        let last_id = self.stream.last_id.clone().expect("it was open before");
        self.asked = Some(position_of(&last_id));
        self.is_opened = false;
        self.stream = follow(address, guest, Some(&last_id)).await;
    }

    /// The next event that is no signal; `None` when the stream ends. `denied` is one.
    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            let event = within("an event", self.stream.next()).await?;
            if event.event == "denied" {
                assert_eq!(event.id, None, "a denial moves no place");
                return Some(event);
            }
            if !event.is_signal() {
                let is_first = !std::mem::replace(&mut self.is_opened, true);
                tell(&self.reader, is_first, self.asked, &event);
                return Some(event);
            }
        }
    }

    async fn keep_up(&mut self, position: u64) {
        while self.reader.position() < position {
            let event = self.next().await.expect("nobody who may read loses the line");
            assert_ne!(event.event, "denied", "{event:?}");
        }
    }

    /// Reads to the denial and the end; returns the newest position that came.
    async fn be_denied(&mut self) -> u64 {
        loop {
            let event = self.next().await.expect("a reader who may not read is told so");
            if event.event == "denied" {
                assert_eq!(event.json()["reason"], "not-member");
                assert!(self.next().await.is_none(), "it is the last");
                return self.reader.position();
            }
        }
    }
}

#[tokio::test]
async fn nothing_that_is_committed_after_a_ban_reaches_the_banned_and_the_others_lose_nothing() {
    let ruled = Ruled::start().await;
    let (api, address) = (ruled.server.api(), ruled.server.address());
    let (ada, mallory) = (api.guest("Ada").await, api.guest("Mallory").await);
    ruled.rule(Some(&[&ada, &mallory])).await;
    let oracle = Oracle::default();
    let first = api.send(ROOM, &ada, "first").await;
    let sender = oracle.sender(&RoomName::new(ROOM).unwrap(), "Ada");
    acknowledge(&sender, 0, &ada, "first", &first);

    let count = usize::try_from(variable(READERS_VARIABLE, READERS_DEFAULT)).unwrap();
    let join = |index: usize| {
        let guest = if index.is_multiple_of(5) { &mallory } else { &ada };
        Follower::join(&oracle, address, guest, format!("{} {index}", guest.name))
    };
    let (mut banned, mut others) = (Vec::new(), Vec::new());
    for (index, follower) in join_all((0..count).map(join)).await.into_iter().enumerate() {
        if index.is_multiple_of(5) { banned.push(follower) } else { others.push(follower) }
    }

    let ended = Arc::new(AtomicBool::new(false));
    let say = {
        let (api, ada, ended) = (api.clone(), ada.clone(), Arc::clone(&ended));
        async move {
            let (mut number, mut after, mut last) = (1, 0, 0);
            while after < SAID {
                after += usize::from(ended.load(Ordering::Acquire));
                let text = format!("number {number}");
                last = acknowledge(&sender, number, &ada, &text, &api.send(ROOM, &ada, &text).await);
                number += 1;
            }
            last
        }
    };
    let say = tokio::spawn(say);
    for follower in &mut banned {
        follower.keep_up(first["position"].as_u64().unwrap() + SAID as u64 / 2).await;
    }
    let path = format!("/admin/bans/{}", mallory.id);
    let banned_at = ban(&api, &mallory).await;
    ended.store(true, Ordering::Release);
    for follower in &mut banned {
        let newest = follower.be_denied().await;
        assert!(newest < banned_at, "{newest} came, and the ban was {banned_at}");
    }
    let last = say.await.unwrap();
    assert!(last > banned_at);
    for follower in &mut others {
        follower.keep_up(last).await;
    }
    let refused = answer(api.post(ROOM, &mallory, "x")).await;
    refused.expect_problem(403);

    // And back: nothing is missing.
    answer(api.request(Method::DELETE, &path).bearer_auth(ADMIN)).await.expect(200);
    for follower in &mut banned {
        follower.resume(address, &mallory).await;
        follower.keep_up(last).await;
    }
    ruled.rule(None).await;
    assert_clean(&oracle, &[recover(&api, ROOM).await]);
}

#[tokio::test]
async fn a_right_that_ends_by_a_reload_ends_the_streams_of_a_quiet_room() {
    let ruled = Ruled::start().await;
    let (api, address) = (ruled.server.api(), ruled.server.address());
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let position = api.say(ROOM, &ada, "a secret").await;
    let (mut of_ada, mut of_bob) = (follow(address, &ada, None).await, follow(address, &bob, None).await);
    let mut of_nobody = api.stream(ROOM, None).await;
    for stream in [&mut of_ada, &mut of_bob, &mut of_nobody] {
        assert_eq!(
            (stream.logged().await.event.as_str(), stream.logged().await.place().1),
            ("start", position)
        );
    }
    ruled.rule(Some(&[&ada])).await;
    let since = Instant::now();
    for (stream, reason) in [(&mut of_bob, "not-member"), (&mut of_nobody, "no-token")] {
        let mut retry = 0;
        let denied = loop {
            match within("a denial", stream.next_item()).await.expect("a reader is told") {
                Item::Retry(after) => retry = after,
                Item::Event(event) if event.event == "denied" => break event,
                _ => {}
            }
        };
        assert_eq!((denied.json()["reason"].as_str(), denied.id), (Some(reason), None));
        assert!((30_000..=60_000).contains(&retry), "{retry}");
        assert!(within("the end", stream.next_item()).await.is_none());
    }
    assert!(since.elapsed() < TOLD_MAX, "{:?}", since.elapsed());
    api.say(ROOM, &ada, "another secret").await;
    assert_eq!(of_ada.logged().await.json()["content"], "another secret");

    // A stream that opens without the right says so, and so do all the others.
    let you = async |guest: &Guest| {
        let request = api.request(Method::GET, &format!("/api/v1/rooms/{ROOM}")).bearer_auth(&guest.token);
        answer(request).await
    };
    assert_eq!(you(&ada).await.expect(200).json()["you"]["role"], "writer");
    assert_eq!(you(&ada).await.json()["you"]["author"]["id"], ada.id);
    you(&bob).await.expect_problem(403);
    api.get(&format!("/api/v1/rooms/{ROOM}")).await.expect_problem(401);
    ruled.rule(None).await;
    assert_eq!(api.get(&format!("/api/v1/rooms/{ROOM}")).await.expect(200).json()["you"]["role"], "reader");
    assert_eq!(you(&bob).await.expect(200).json()["you"]["role"], "writer");
}

#[tokio::test]
async fn what_was_allowed_before_the_body_arrived_is_not_done_after_the_right_has_ended() {
    let ruled = Ruled::start().await;
    let (api, address) = (ruled.server.api(), ruled.server.address());
    let mallory = api.guest("Mallory").await;
    ruled.rule(Some(&[&mallory])).await;
    let (path, bearer) = (format!("/api/v1/rooms/{ROOM}/messages"), format!("Bearer {}", mallory.token));
    let headers = [("Authorization", &*bearer)];
    let held = Held::begin(address, ("POST", &path), &headers, "{\"content\":\"too late\"}").await;
    ruled.rule(Some(&[])).await;
    assert_eq!(held.finish().await.status, 403);
}

async fn ban(api: &Api, guest: &Guest) -> u64 {
    let path = format!("/admin/bans/{}", guest.id);
    let receipt = answer(api.request(Method::PUT, &path).bearer_auth(ADMIN)).await.expect(200).json();
    receipt["position"].as_u64().unwrap()
}

#[tokio::test]
async fn a_new_room_is_begun_by_those_who_may() {
    let rooms = ["--rooms", "lobby,made-*", "--new-rooms", "signed-in", "--admin-token", ADMIN];
    let server = Server::start_with(&rooms).await;
    let api: Api = server.api();
    let ada = api.guest("Ada").await;
    let refused = answer(api.post("made-1", &ada, "first")).await;
    refused.expect_problem(403);
    assert_eq!(refused.json()["type"], "urn:millchat:problem:no-new-rooms");
    answer(api.post("elsewhere", &ada, "first")).await.expect_problem(404);
    // The operator begins it by what is an event of the room.
    for method in [Method::PUT, Method::DELETE] {
        answer(api.request(method, "/admin/rooms/made-1/closed").bearer_auth(ADMIN)).await.expect(200);
    }
    api.say("made-1", &ada, "second").await;
    let to = answer(api.request(Method::GET, "/new")).await.expect(307);
    assert_eq!(to.header("location"), Some("/lobby"), "a guest may begin none");

    let server = Server::start_with(&["--rooms", "made-*,lobby"]).await;
    let to = answer(server.api().request(Method::GET, "/new")).await.expect(307);
    let to = to.header("location").unwrap().to_owned();
    assert!(to.starts_with("/made-") && to.len() > 30, "{to}");
}
