//! The clock is set back or ahead, under a running server and over a restart. Time in the log never goes back
//! with it, nothing is cut before its time, and tokens, keys and places stay what they were.
//!
//! The server's wall clock is moved by Debian's libfaketime, by what a file says at each look; other
//! programs, and the server's clock that only counts on, know nothing of it.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::client::answer;
use crate::support::oracle::{Follower, acknowledge, assert_clean, read_history, recover};
use crate::support::{Guest, Server};
use millchat::RoomName;
use millchat_oracle::{Oracle, Sender};

const ROOM: &str = "lobby";
/// Directories in which Debian and others put the library that moves the clock.
const LIBRARY_DIRECTORIES: [&str; 3] =
    ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib64/faketime"];
const LIBRARY: &str = "libfaketimeMT.so.1";
/// Messages after each move of the clock.
const MESSAGES: u64 = 20;
/// In seconds.
const HOUR: i64 = 60 * 60;

fn library() -> PathBuf {
    let libraries = LIBRARY_DIRECTORIES.iter().map(|directory| Path::new(directory).join(LIBRARY));
    libraries.into_iter().find(|library| library.exists()).expect("`make install` brings faketime")
}

/// A wall clock that can be moved.
pub struct FakeClock {
    /// The file that says what is to be added to the clock.
    offset: PathBuf,
    library: PathBuf,
    /// Keeps the file.
    _directory: tempfile::TempDir,
}

/// Returns a clock that is right.
pub fn fake_clock() -> FakeClock {
    let directory = tempfile::tempdir().unwrap();
    let clock =
        FakeClock { offset: directory.path().join("offset"), library: library(), _directory: directory };
    clock.set(0);
    clock
}

impl FakeClock {
    /// Returns the variables by which a process has this clock.
    pub fn environment(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.offset.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]
    }

    /// Moves it: this many seconds away from the right time.
    pub fn set(&self, seconds: i64) {
        // As a whole, since the server may look at any moment.
        let new = self.offset.with_extension("new");
        fs::write(&new, format!("{seconds:+}")).unwrap();
        fs::rename(new, &self.offset).unwrap();
    }
}

/// A chat whose clock can be moved.
struct Chat {
    server: Server,
    clock: FakeClock,
    oracle: Oracle,
    sender: Sender,
    ada: Guest,
    sent: u64,
    /// The newest time and the newest position that were acknowledged.
    newest: (i64, u64),
}

impl Chat {
    async fn start() -> Self {
        let clock = fake_clock();
        let server = Server::start_in(&clock.environment(), &["--keep", "1min"]).await;
        let oracle = Oracle::new();
        let sender = oracle.sender(&RoomName::new(ROOM).unwrap(), "ada");
        let ada = server.api().guest("Ada").await;
        Self { server, clock, oracle, sender, ada, sent: 0, newest: (0, 0) }
    }

    /// Moves the wall clock: this many seconds away from the right time.
    async fn set(&self, seconds: i64) {
        self.clock.set(seconds);
        let off = self.clock().await - jiff::Timestamp::now().as_second();
        assert!((off - seconds).abs() < HOUR / 2, "the server's clock is {off} s off, not {seconds}");
    }

    /// The server's wall clock, as a token tells it: good for a year.
    async fn clock(&self) -> i64 {
        let token = self.server.api().guest("Clock").await.token;
        let claims = URL_SAFE_NO_PAD.decode(token.split_once('.').unwrap().0).unwrap();
        serde_json::from_slice::<Value>(&claims).unwrap()["exp"].as_i64().unwrap() / 1_000 - 365 * 24 * HOUR
    }

    /// Sends some, each with a key, and then each again.
    async fn talk(&mut self) {
        let api = self.server.api();
        let first = self.sent;
        for sequence in first..first + MESSAGES {
            let content = format!("message {sequence}");
            let send =
                || api.post(ROOM, &self.ada, &content).header("Idempotency-Key", format!("k{sequence}"));
            let receipt = answer(send()).await.expect(201).json();
            let position = acknowledge(&self.sender, sequence, &self.ada, &content, &receipt);
            let at = millis(&receipt["created_at"]);
            assert!(at >= self.newest.0, "time went back by {} ms", self.newest.0 - at);
            self.newest = (at, position);
            assert_eq!(answer(send()).await.expect(201).json(), receipt, "the key counts");
        }
        self.sent += MESSAGES;
        // The very first key, and the place of the very first event, over all that happened since.
        let again = api.post(ROOM, &self.ada, "message 0").header("Idempotency-Key", "k0");
        assert_eq!(answer(again).await.expect(201).json()["position"], 1);
        let state = api.get(&format!("/api/v1/rooms/{ROOM}")).await.expect(200).json();
        assert_eq!(state["floor"], 1, "nothing is a minute old");
    }

    async fn restart(&mut self) {
        self.server.kill().await;
        self.server.restart().await;
    }
}

fn millis(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[tokio::test]
async fn a_clock_that_is_set_back_takes_nothing_and_reorders_nothing() {
    let mut chat = Chat::start().await;
    let mut reader = Follower::new(&chat.oracle, ROOM, "reader");
    reader.join(chat.server.address()).await.unwrap();
    chat.talk().await;
    let right = chat.newest.0;

    // Back under the running server.
    chat.set(-HOUR).await;
    chat.talk().await;
    // And farther back, as the server sees it, over a restart: what it knows, it has from the log.
    chat.set(-2 * HOUR).await;
    chat.restart().await;
    chat.talk().await;
    assert!(chat.newest.0 < right + HOUR * 1_000 / 2, "time stands still until the clock has come after it");
    // A guest of the time before is one in the time after, and the other way round.
    let grace = chat.server.api().guest("Grace").await;
    chat.set(0).await;
    chat.talk().await;
    chat.restart().await;
    chat.talk().await;
    let api = chat.server.api();
    api.send("other", &grace, "me too").await;

    reader.catch_up(chat.server.address(), chat.newest.1).await;
    reader.reader.complete();
    let messages = read_history(&api, ROOM, &chat.oracle).await;
    let times: Vec<i64> = messages.iter().map(|message| millis(&message["created_at"])).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_clean(&chat.oracle, &[recover(&api, ROOM).await]);
}

#[tokio::test]
async fn a_clock_that_is_set_ahead_under_a_running_server_takes_nothing() {
    let mut chat = Chat::start().await;
    chat.talk().await;
    // Ahead under the running server, and over a restart: what was said meanwhile has the wrong time.
    // By less than a day, for which keys count.
    for ahead in [HOUR, 20 * HOUR] {
        chat.set(ahead).await;
        chat.talk().await;
        chat.restart().await;
        chat.talk().await;
    }
    // An idle server looks for what is old every second, and nothing tells from outside that it looked;
    // `core/tests/retention.rs` waits for the look itself.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    chat.talk().await;
    chat.set(0).await;
    chat.talk().await;
    chat.restart().await;
    chat.talk().await;
    let api = chat.server.api();
    read_history(&api, ROOM, &chat.oracle).await;
    assert_clean(&chat.oracle, &[recover(&api, ROOM).await]);
}
