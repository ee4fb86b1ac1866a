//! A client that closes the half by which it sends is there still, and gets what it has asked for.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::raw::{connect_from, post, read_to_close, status_of};
use crate::support::{ADMIN, Api, Server, within};

fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n").into_bytes()
}

/// Sends these bytes and no more; gives all that comes back.
async fn ask(server: &Server, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(request).await.unwrap();
    socket.shutdown().await.unwrap();
    read_to_close(&mut socket).await
}

#[tokio::test]
async fn a_half_closed_client_receives_its_answer() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "the first").await;
    let operator = format!("Authorization: Bearer {ADMIN}\r\n");
    for (request, status, words) in [
        (get("/healthz", ""), 200, "ok"),
        (get("/readyz", ""), 200, "ready"),
        (get("/metrics", ""), 200, "# EOF"),
        (get("/lobby", ""), 200, "</html>"),
        (get("/api/v1/rooms/lobby/messages", ""), 200, "the first"),
        (get("/admin/backup", &operator), 200, "\"end\""),
        (get("/api/nothing", ""), 404, "unknown-path"),
        (b"HEAD /lobby HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 200, "text/html"),
        (b"GET /healthz HTTP/1.0\r\n\r\n".to_vec(), 200, "ok"),
        (post("lobby", &ada.token, "the second"), 201, "position"),
        ([get("/api/nothing", ""), get("/healthz", "")].concat(), 404, "ok\n"),
        (
            b"POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"name\"".to_vec(),
            400,
            "",
        ),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n".to_vec(), 400, "ends before"),
    ] {
        let answer = ask(&server, &request).await;
        let request = String::from_utf8_lossy(&request);
        let of_old = answer.replacen("HTTP/1.0 ", "HTTP/1.1 ", 1);
        assert_eq!(status_of(&of_old), Some(status), "{request}: {answer}");
        assert!(answer.contains(words), "{request}: {answer}");
    }
    let stored = api.history("lobby", "").await.to_string();
    assert_eq!(stored.matches("the second").count(), 1, "{stored}");
}

#[tokio::test]
async fn a_half_closed_client_that_reads_late_receives_all_and_one_that_never_reads_is_ended() {
    const PAGE: &str = "/api/v1/rooms/lobby/messages?limit=1000";
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for number in 0..40 {
        api.send("lobby", &ada, &format!("{number:>60000}")).await;
    }
    let whole = api.get(PAGE).await.expect(200).body;
    let half_closed = async || {
        let mut socket = connect_from([127, 0, 0, 1], server.address(), Some(8 * 1024)).await.unwrap();
        socket.write_all(&get(PAGE, "")).await.unwrap();
        socket.shutdown().await.unwrap();
        socket
    };
    let never = half_closed().await;
    let mut late = half_closed().await;
    let connections = async || {
        let metrics = api.get("/metrics").await.expect(200).body;
        let value =
            |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value("millchat_readers_slow").zip(value("millchat_readers_dropped_total")).unwrap()
    };
    within("both wait", async { while connections().await.0 < 2_u64 {} }).await;
    let answer = read_to_close(&mut late).await;
    assert!(answer.ends_with(&whole), "{} bytes", answer.len());
    let given_up = async {
        while connections().await != (0, 1_u64) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within("the other is given up", given_up).await;
    drop(never);
}

async fn count(api: &Api) -> Value {
    api.get("/api/v1/rooms/lobby").await.json()["presence"]["count"].clone()
}

#[tokio::test]
async fn a_half_closed_reader_receives_the_stream_until_it_closes_the_other_half() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let events = "/api/v1/rooms/lobby/events?history=0";
    for (number, request) in [
        get(events, ""),
        format!("GET {events} HTTP/1.0\r\n\r\n").into_bytes(),
        get(events, "Content-Length: 2\r\n\r\n{}"),
        get("/lobby/messages?also=kitchen:0", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(&request).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        within("the reader is there", async { while count(&api).await != 1 {} }).await;
        let text = format!("after the half of {number}");
        api.say("lobby", &ada, &text).await;
        let arrives = async {
            while !String::from_utf8_lossy(&bytes).contains(&text) {
                assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0, "{number}");
            }
        };
        within("the message arrives", arrives).await;
        drop(socket);
        within("it is noticed that it is gone", async { while count(&api).await != 0 {} }).await;
    }
}

#[tokio::test]
async fn a_half_closed_reader_is_asked_at_once_whether_it_is_there() {
    let server = Server::start().await;
    let begin = async |room: &str| {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(&get(&format!("/api/v1/rooms/{room}/events"), "")).await.unwrap();
        let mut bytes = Vec::new();
        while !String::from_utf8_lossy(&bytes).contains("event: start") {
            assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0);
        }
        (socket, bytes)
    };
    let (other, _) = begin("kitchen").await;
    let (mut socket, mut bytes) = begin("lobby").await;
    socket.shutdown().await.unwrap();
    let asked = async {
        while !String::from_utf8_lossy(&bytes).contains("\n:") {
            assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0);
        }
    };
    within("it is asked", asked).await;
    let mut later = [0; 4_096];
    let later = other.try_read(&mut later).map(|len| String::from_utf8_lossy(&later[..len]).into_owned());
    let heartbeat = later.is_ok_and(|text| text.contains("\n:") || text.starts_with(':'));
    assert!(!heartbeat, "that was the heartbeat of everybody, and not the question");
}
