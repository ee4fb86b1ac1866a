//! Those who say nothing, or say it a byte at a time, or take it a byte at a time.
//!
//! Heads and bodies have 15 s, also on a connection that was just opened or answered; who takes a byte now
//! and then of a stream may, since what it holds is bounded. All of them are there at once, and meanwhile
//! others post and read as if they were alone.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::interval;

use crate::support::oracle::{Follower, acknowledge, assert_clean, recover};
use crate::support::raw::{Connection, post, status_of};
use crate::support::{PATIENCE, Server, turn, within};
use millchat::RoomName;
use millchat_oracle::Oracle;
use millchat_testkit::descriptors::raise_limit;

/// Connections that say nothing.
const IDLE: usize = 5_000;
/// Of each sort that says something.
const SLOW: usize = 100;
/// Time between two bytes of those that are slow. It is what they do, not a wait for something.
const PACE: Duration = Duration::from_secs(1);
/// Readers who are not slow.
const READERS: usize = 20;

/// Sends what it is to send at once, then the rest byte by byte, until the server ends it. Gives the answer.
async fn drip(
    address: SocketAddr,
    at_once: String,
    rest: &'static str,
    there: &watch::Sender<usize>,
) -> String {
    let mut socket = TcpStream::connect(address).await.expect("the server takes connections");
    let _ = socket.write_all(at_once.as_bytes()).await;
    there.send_modify(|there| *there += 1);
    let (mut taking, mut giving) = socket.split();
    let mut answer = Vec::new();
    let drip = async {
        let mut turns = interval(PACE);
        for byte in rest.bytes().cycle() {
            turns.tick().await;
            if giving.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let ended = async {
        tokio::select! {
            ended = taking.read_to_end(&mut answer) => ended,
            () = drip, if !rest.is_empty() => Ok(0),
        }
    };
    // A reset behind the answer counts as a close.
    let _ = within("a slow client is ended", ended).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads a stream a byte at a time, until it is told to stop; gives whether it was left alone.
async fn sip(address: SocketAddr, done: &tokio::sync::Notify) -> io::Result<bool> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(b"GET /api/v1/rooms/lobby/events HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    let mut turns = interval(PACE);
    let sips = async {
        loop {
            turns.tick().await;
            if socket.read_u8().await.is_err() {
                return Ok(false);
            }
        }
    };
    tokio::select! { ended = sips => ended, () = done.notified() => Ok(true) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_is_ended_by_a_limit_and_nobody_else_feels_it() {
    let _turn = turn::load().await;
    raise_limit(IDLE as u64 + 4_000).unwrap();
    let mut server = Server::start().await;
    let (address, api) = (server.address(), server.api());
    let ada = api.guest("Ada").await;
    let oracle = Oracle::new();
    let room = RoomName::new("lobby").unwrap();
    let there = watch::Sender::new(0);
    let (ended, done) = (AtomicUsize::new(0), tokio::sync::Notify::new());

    let head = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_owned();
    let asks = format!(
        "POST /api/v1/rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 1000\
         \r\n\r\n",
        ada.token
    );
    let chunked = asks.replace("Content-Length: 1000", "Transfer-Encoding: chunked");
    // An answered request, and then nothing.
    let kept = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
    let sorts = [
        (IDLE, String::new(), "", None),
        (SLOW, head.clone(), "", Some(408)),
        (SLOW, head, "x", Some(408)),
        (SLOW, asks.clone(), "", Some(408)),
        (SLOW, asks + "{\"content\":\"", "x", Some(408)),
        (SLOW, chunked, "1\r\nx\r\n", Some(408)),
        (SLOW, kept, "", Some(200)),
    ];
    let count: usize = sorts.iter().map(|(count, ..)| count).sum();
    let slow = sorts.into_iter().flat_map(|(count, at_once, rest, status)| {
        let (there, ended) = (&there, &ended);
        (0..count).map(move |_| {
            let at_once = at_once.clone();
            async move {
                let answer = drip(address, at_once.clone(), rest, there).await;
                assert_eq!(status_of(&answer), status, "{at_once:?} and {rest:?} by the byte: {answer:?}");
                ended.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let slow = async {
        join_all(slow).await;
        done.notify_waiters();
    };
    let sippers = join_all((0..SLOW).map(|_| sip(address, &done)));

    // As long as any of them is left somebody speaks, each time once the last was acknowledged.
    let others = async {
        there.subscribe().wait_for(|&there| there == count).await.unwrap();
        let sender = oracle.sender(&room, "ada");
        let mut readers = Vec::new();
        for number in 0..READERS {
            let mut reader = Follower::new(&oracle, "lobby", number.to_string());
            reader.join(address).await.unwrap();
            readers.push(reader);
        }
        let mut connection = Connection::connect(address).await.unwrap();
        let (mut number, mut among) = (0, 0);
        while ended.load(Ordering::Relaxed) < count {
            among += u64::from(ended.load(Ordering::Relaxed) == 0);
            let content = format!("message {number} {:4000}", "");
            let request = post("lobby", &ada.token, &content);
            let (head, body) =
                within("a send", connection.ask(&request)).await.expect("nobody else is cut off");
            assert_eq!(head.status, 201, "nobody else is refused: {body}");
            let receipt: serde_json::Value = serde_json::from_str(&body).unwrap();
            let position = acknowledge(&sender, number, &ada, &content, &receipt);
            number += 1;
            for reader in &mut readers {
                reader.keep_up(position).await;
            }
        }
        for reader in &mut readers {
            reader.reader.complete();
        }
        (number, among)
    };
    let all = async { tokio::join!(slow, sippers, others) };
    let ((), sipped, (said, among)) =
        tokio::time::timeout(PATIENCE, all).await.expect("all who are slow are ended");
    println!(
        "{count} slow clients; {said} messages were read by {READERS} meanwhile, {among} before the first ended"
    );
    assert!(among > 0, "they were not there together");
    assert!(sipped.into_iter().all(|sipped| sipped.unwrap()), "a stream may be read slowly");
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
    server.assert_alive();
}
