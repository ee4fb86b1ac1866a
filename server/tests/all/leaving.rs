//! A stream leaves the connection that it was asked for on: what was answered before arrives whole, what is
//! sent after it does no harm, and the descriptor goes along.

use std::fs;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::raw::{Head, read_head, read_to_close};
use crate::support::{Server, Stream, within};

const CONTENT_BYTES: usize = 60_000;
const MESSAGES: usize = 14;
const PAGE: &str = "/api/v1/rooms/lobby/messages?limit=1000";
const EVENTS: &str = "/api/v1/rooms/lobby/events?history=0";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[tokio::test]
async fn answers_before_a_stream_arrive_whole_however_late_they_are_read() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for number in 0..MESSAGES {
        api.send("lobby", &ada, &format!("{number:>CONTENT_BYTES$}")).await;
    }
    let page = api.get(PAGE).await.expect(200);
    let socket = TcpSocket::new_v4().unwrap();
    // So that most of a page waits at the server.
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let mut socket = socket.connect(server.address()).await.unwrap();
    let requests = [get(PAGE), get(PAGE), get(EVENTS)].concat();
    socket.write_all(requests.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    for _ in 0..2 {
        let answer = within("a page arrives", async {
            while !rest.windows(4).any(|end| end == b"\r\n\r\n") {
                assert_ne!(socket.read_buf(&mut rest).await.unwrap(), 0);
            }
            let end = rest.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            let head = Head::parse(&String::from_utf8_lossy(&rest[..end]));
            let length = end + head.header("content-length").unwrap().parse::<usize>().unwrap();
            while rest.len() < length {
                assert_ne!(socket.read_buf(&mut rest).await.unwrap(), 0);
            }
            let after = rest.split_off(length);
            std::mem::replace(&mut rest, after).split_off(end)
        })
        .await;
        assert!(answer == page.body.as_bytes(), "a page was damaged");
    }
    within("the stream opens", async {
        while !String::from_utf8_lossy(&rest).contains("event: start\n") {
            assert_ne!(socket.read_buf(&mut rest).await.unwrap(), 0);
        }
    })
    .await;
    assert!(rest.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn what_is_sent_after_the_request_is_not_answered_and_does_no_harm() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let requests = [get(EVENTS), get("/healthz"), "x".repeat(100_000)].concat();
    socket.write_all(requests.as_bytes()).await.unwrap();
    let (head, mut bytes) = within("the stream opens", read_head(&mut socket)).await.unwrap();
    assert_eq!(head.status, 200);
    socket.write_all(requests.as_bytes()).await.unwrap();
    api.send("lobby", &ada, "hello").await;
    within("the message arrives", async {
        while !String::from_utf8_lossy(&bytes).contains("\"hello\"") {
            assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0);
        }
    })
    .await;
    server.terminate().await;
    let rest = read_to_close(&mut socket).await;
    assert!(!(String::from_utf8_lossy(&bytes) + &*rest).contains("HTTP/1.1"), "{rest}");
}

#[tokio::test]
async fn a_stream_takes_one_descriptor_and_gives_it_back() {
    const STREAMS: usize = 50;
    let server = Server::start().await;
    let api = server.api();
    api.get("/healthz").await.expect(200);
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    let before = descriptors();
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = Stream::room(server.address(), "lobby", None).await.unwrap();
        stream.next().await.unwrap();
        streams.push(stream);
    }
    assert_eq!(descriptors(), before + STREAMS);
    drop(streams);
    within("the descriptors are given back", async {
        while descriptors() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_vanishes_is_noticed_at_once() {
    let server = Server::start().await;
    let mut stays = Stream::room(server.address(), "lobby", None).await.unwrap();
    for reset in [false, true] {
        let socket = TcpStream::connect(server.address()).await.unwrap();
        if reset {
            SockRef::from(&socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        }
        let goes = Stream::room_over(socket, "lobby", None).await.unwrap();
        while stays.signal("presence").await.json()["count"] != 2 {}
        drop(goes);
        while stays.signal("presence").await.json()["count"] != 1 {}
    }
}

#[tokio::test]
async fn requests_that_are_no_plain_ones_are_served_all_the_same() {
    let server = Server::start().await;
    for request in [
        format!("GET {EVENTS} HTTP/1.0\r\n\r\n"),
        format!("GET {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("GET {EVENTS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        format!("GET {EVENTS} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nTE: trailers\r\n\r\n"),
    ] {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let (head, mut bytes) = within("the stream opens", read_head(&mut socket)).await.unwrap();
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, Some("text/event-stream; charset=utf-8")),
            "{request}"
        );
        assert!(head.header("date").is_some() && head.header("content-length").is_none(), "{head:?}");
        within("its place comes", async {
            while !String::from_utf8_lossy(&bytes).contains("event: start\n") {
                assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0);
            }
        })
        .await;
    }
}
