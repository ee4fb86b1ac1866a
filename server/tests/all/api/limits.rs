//! Clients that are slow, huge or not HTTP at all: closed after a named limit, answered where there is
//! something to answer, and nobody else notices.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::client::answer;
use crate::support::raw::{exchange, read_to_close, status_of};
use crate::support::{Server, within};

/// Connects, says this much and then nothing: what the server answers before it closes.
async fn say_and_wait(server: &Server, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    read_to_close(&mut socket).await
}

#[tokio::test]
async fn slow_and_silent_clients_are_closed() {
    let mut server = Server::start().await;
    let silent = say_and_wait(&server, b"");
    let head = say_and_wait(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    let body = b"POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
        Content-Length: 15\r\n\r\n{\"name\":";
    let body = say_and_wait(&server, body);
    // The limits run side by side: this takes as long as the longest of them.
    let (silent, head, body) = tokio::join!(silent, head, body);
    assert!(matches!(status_of(&silent), None | Some(408)), "{silent}");
    assert!(matches!(status_of(&head), None | Some(408)), "{head}");
    assert_eq!(status_of(&body), Some(408), "{body}");
    server.assert_alive();
    server.api().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn what_is_not_http_is_closed() {
    let mut server = Server::start().await;
    let hello =
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client says hello \x00\x00\x00\x00\r\n\r\n";
    for junk in
        [&hello[..], b"\x00\x01\x02\x03\r\n\r\n", b"hello there\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let answer = exchange(server.address(), junk).await;
        assert!(matches!(status_of(&answer), None | Some(400 | 505)), "{answer}");
    }
    let pipelined = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\xff\xffjunk\r\n\r\n";
    let answer = exchange(server.address(), pipelined).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    server.assert_alive();
    server.api().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn huge_heads_are_refused() {
    let mut server = Server::start().await;
    for request in [
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Huge: {}\r\n\r\n", "x".repeat(2_000_000)),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(10_000)),
    ] {
        let answer = exchange(server.address(), request.as_bytes()).await;
        assert_eq!(status_of(&answer), Some(431), "{answer}");
    }
    let request = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(2_000_000));
    let answer = exchange(server.address(), request.as_bytes()).await;
    assert!(matches!(status_of(&answer), Some(400 | 404 | 414 | 431)), "{answer}");
    server.assert_alive();
}

#[tokio::test]
async fn an_oversized_body_is_answered_without_being_read_to_its_end() {
    let mut server = Server::start().await;
    let ada = server.api().guest("Ada").await;
    let head = |framing: &str| {
        format!(
            "POST /api/v1/rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\n{framing}\r\n\r\n",
            ada.token
        )
    };
    // Announced: a gigabyte of which 600 KiB come. Unannounced: chunk after chunk without end.
    let announced = [head("Content-Length: 1073741824").into_bytes(), vec![b'x'; 600 * 1024]].concat();
    let mut endless = head("Transfer-Encoding: chunked").into_bytes();
    for _ in 0..600 {
        endless.extend_from_slice(b"400\r\n");
        endless.resize(endless.len() + 1024, b'x');
        endless.extend_from_slice(b"\r\n");
    }
    for request in [announced, endless] {
        let answer = within("the answer to an oversized body", exchange(server.address(), &request)).await;
        assert_eq!(status_of(&answer), Some(413), "{answer}");
        assert!(answer.contains("524288") || answer.contains("524,288"), "the limit is said: {answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    // One that waits for leave to send is answered at once.
    let mut waiting = TcpStream::connect(server.address()).await.unwrap();
    let expect = head("Content-Length: 1073741824\r\nExpect: 100-continue");
    waiting.write_all(expect.as_bytes()).await.unwrap();
    let answer = read_to_close(&mut waiting).await;
    assert_eq!(status_of(&answer), Some(413), "{answer}");
    server.assert_alive();
}

#[tokio::test]
async fn a_request_that_is_framed_in_two_ways_is_refused() {
    let server = Server::start().await;
    for request in [
        "POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n",
    ] {
        let answer = exchange(server.address(), request.as_bytes()).await;
        assert!(matches!(status_of(&answer), None | Some(400 | 501)), "{request}: {answer}");
    }
    server.api().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_request_names_its_host_once_and_expects_nothing_unknown() {
    let server = Server::start().await;
    for (status, head) in [
        (200, "GET /api/v1/rooms/lobby HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        (200, "GET /lobby HTTP/1.0\r\n\r\n"),
        (400, "GET /api/v1/rooms/lobby HTTP/1.1\r\n\r\n"),
        (400, "GET /lobby HTTP/1.1\r\n\r\n"),
        (400, "GET /lobby HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        (417, "POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 5\r\n\r\n"),
    ] {
        let answered = within("an answer and the close", exchange(server.address(), head.as_bytes())).await;
        let found =
            answered.strip_prefix("HTTP/1.0 ").and_then(|rest| rest.get(..3)).and_then(|s| s.parse().ok());
        assert_eq!(status_of(&answered).or(found), Some(status), "{head}: {answered}");
        let document = answered.contains("application/problem+json");
        assert_eq!(document, status != 200 && head.contains(" /api/"), "{head}: {answered}");
    }
}

#[tokio::test]
async fn a_body_that_holds_a_name_has_a_limit_of_its_own() {
    let server = Server::start().await;
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(200 * 1024));
    let request = server.api().request(reqwest::Method::POST, "/api/v1/guests");
    let refused = answer(request.header("content-type", "application/json").body(body)).await;
    let detail = refused.expect_problem(413);
    assert!(detail.contains("4096"), "the limit is said: {detail}");
    // Nobody needs a name or a token for these, so that they are the cheapest way to send a body.
    for path in ["/lobby/name", "/lobby/language"] {
        let form = server.api().request(reqwest::Method::POST, path).body("x".repeat(5_000));
        answer(form.header("content-type", "application/x-www-form-urlencoded")).await.expect(413);
    }
}
