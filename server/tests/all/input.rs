//! Any bytes as a request: the server answers something well-formed or closes, and is there afterwards.
//!
//! A request is made of parts that a parser looks at, then bytes of it are changed. Behind it goes one that
//! asks for the end of the connection, so that whatever could be read is answered, and what could not ends at
//! a limit. Many are on their way at once: some of them stop in the middle, and cost as long as the limit is.

use futures_util::future::join_all;
use millchat_testkit::http::Piece;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::raw::Head;
use crate::support::{Guest, Server, variable, within};

/// Requests that are sent at once.
const AT_ONCE: usize = 1_000;
/// Sets the rounds of them: `make prove` has more.
const ROUNDS_VARIABLE: &str = "MILLCHAT_INPUT_ROUNDS";
const ROUNDS_DEFAULT: u64 = 2;
/// Stands for a good token until the request is sent.
const TOKEN: &str = "a-good-token";
const LAST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn requests() -> impl Strategy<Value = Vec<u8>> {
    // Most of a request is as it should be, so that what is odd about it is looked at.
    let method = prop_oneof![
        4 => Just("GET"),
        4 => Just("POST"),
        3 => select(vec!["HEAD", "PATCH", "DELETE", "OPTIONS", "PRI", "get", ""]),
    ];
    let path = prop_oneof![
        8 => select(vec![
            "/",
            "/lobby",
            "/lobby/messages",
            "/lobby/name",
            "/assets/../x",
            "/api/openapi.json",
            "/api/v1/guests",
            "/api/v1/rooms/lobby/messages?before=9&limit=-1",
            "/api/v1/rooms/lobby/messages/1",
            "/api/v1/rooms/lobby/events?history=1",
            "/api/v1/rooms/%00/events",
            "/metrics",
            "*",
            "http://x/lobby",
            "x:1",
        ])
        .prop_map(str::to_owned),
        1 => "/[!-~]{0,40}",
        1 => "(?s)/.{0,20}",
    ];
    let version = prop_oneof![
        8 => Just("HTTP/1.1"),
        1 => select(vec!["HTTP/1.0", "HTTP/2.0", "HTTP/9", ""]),
    ];
    let header = prop_oneof![
        1 => Just("Host: x".to_owned()),
        4 => Just("Transfer-Encoding: chunked".to_owned()),
        1 => Just("Transfer-Encoding: gzip, chunked".to_owned()),
        4 => Just("Expect: 100-continue".to_owned()),
        1 => Just("Upgrade: websocket\r\nConnection: upgrade".to_owned()),
        4 => Just(format!("Authorization: Bearer {TOKEN}")),
        4 => Just("Content-Type: application/json".to_owned()),
        4 => "Content-Length: (-1|0|[0-9]{1,2}|[1-9][0-9]{6,22}|x)",
        4 => "(Last-Event-ID|Cookie|Origin|Idempotency-Key|Authorization): (?s).{0,30}",
        1 => "[!-~]{0,12}[: ]{0,2}[ -~]{0,20}",
    ];
    let body = prop_oneof![
        Just(Vec::new()),
        Just(b"{\"content\":\"hello\"}".to_vec()),
        Just(b"{\"name\":\"Ada\"}".to_vec()),
        Just(b"5\r\n{\"con\r\n0\r\n\r\n".to_vec()),
        Just(b"ffffffffffffffff1\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..100),
    ];
    let parts = (method, path, version, proptest::collection::vec(header, 0..4), body);
    let change = (any::<Index>(), any::<u8>());
    let changes = prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(change, 1..4)];
    (parts, proptest::bool::weighted(0.9), changes).prop_map(
        |((method, path, version, headers, body), host, changes)| {
            let host = if host { "Host: x\r\n" } else { "" };
            let headers: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
            let mut bytes = format!("{method} {path} {version}\r\n{host}{headers}\r\n").into_bytes();
            bytes.extend_from_slice(&body);
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    )
}

/// All that is answered, until the server closes or a stream has begun.
async fn answers(server: &Server, ada: &Guest, request: &[u8]) -> Vec<u8> {
    let mut request = request.to_vec();
    if let Some(at) = request.windows(TOKEN.len()).position(|window| window == TOKEN.as_bytes()) {
        request.splice(at..at + TOKEN.len(), ada.token.bytes());
    }

    let mut socket = TcpStream::connect(server.address()).await.expect("the server takes connections");
    // It may answer and close before it has read everything.
    let _ = socket.write_all(&[&request, LAST].concat()).await;
    let mut answers = Vec::new();
    let ended = async {
        // A reset behind the answer counts as a close.
        while socket.read_buf(&mut answers).await.unwrap_or(0) > 0 {
            let stream = answers.windows(STREAM.len()).position(|window| window == STREAM);
            if stream.is_some_and(|at| answers[at..].windows(4).any(|window| window == b"\r\n\r\n")) {
                break;
            }
        }
    };
    within("the server answers or closes", ended).await;
    answers
}

const STREAM: &[u8] = b"content-type: text/event-stream";

/// Fails unless this is answers, one after the other, each whole.
fn assert_well_formed(request: &[u8], mut answers: &[u8]) {
    let all = String::from_utf8_lossy(answers).into_owned();
    let asked = String::from_utf8_lossy(request);
    let mut first = true;
    while !answers.is_empty() {
        let end = answers.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no end of a head in {all:?}, to {asked:?}"));
        let (head, rest) = answers.split_at(end + 4);
        let head = std::str::from_utf8(&head[..end]).expect("a head is text");
        assert!(head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 "), "{all:?}, to {asked:?}");
        let mut head = Head::parse(head);
        assert!((100..=599).contains(&head.status), "{all:?}, to {asked:?}");
        if head.header("content-type") == Some("text/event-stream; charset=utf-8") {
            return;
        }
        let to_head = first && request.starts_with(b"HEAD ");
        first &= head.status == 100;
        let length = if to_head || head.status < 200 || [204, 304].contains(&head.status) {
            0
        } else if head.header("transfer-encoding").is_some() {
            let mut rest = rest;
            while let Piece::Data(_) = head.body.next(&mut rest).expect("chunks are well-formed") {}
            return;
        } else {
            let length = head.header("content-length").and_then(|length| length.parse().ok());
            length.unwrap_or_else(|| panic!("a body of no length: {all:?}, to {asked:?}"))
        };
        assert!(length <= rest.len(), "a body is cut off: {all:?}, to {asked:?}");
        answers = &rest[length..];
    }
}

#[test]
fn any_bytes_are_answered_well_or_end_the_connection_and_the_server_goes_on() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut server = runtime.block_on(Server::start());
    let ada = runtime.block_on(server.api().guest("Ada"));
    // What failed is printed; nothing is written into the tree.
    let cases = variable(ROUNDS_VARIABLE, ROUNDS_DEFAULT).try_into().unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let round = proptest::collection::vec(requests(), AT_ONCE);
    let tried = TestRunner::new(config).run(&round, |requests| {
        runtime.block_on(async {
            let all = join_all(requests.iter().map(|request| answers(&server, &ada, request))).await;
            for (request, answers) in requests.iter().zip(&all) {
                assert_well_formed(request, answers);
            }
        });
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
    server.assert_alive();
    runtime.block_on(async {
        server.api().get("/readyz").await.expect(200);
        server.api().say("lobby", &ada, "still here").await;
    });
    let stderr = server.stderr();
    assert!(!stderr.contains("panicked"), "{stderr}");
}
