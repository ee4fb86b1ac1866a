//! Clients that take as much as they can get: the memory for bodies and answers has a bound, its shares are
//! by address, and nobody else is refused.

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use millchat_testkit::http::request;
use millchat_testkit::process::{anonymous_bytes, resident_bytes_alone};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::raw::{Connection, connect_from, post, status_of};
use crate::support::{Guest, LOOK_EVERY, Server, turn, within};

/// The memory for either, in bytes, as `docs/operations.md` says it.
const BUDGET_BYTES: u64 = 64 << 20;
/// Addresses of those who are greedy, and of one who is not.
const GREEDY: [[u8; 4]; 2] = [[127, 0, 0, 4], [127, 0, 0, 5]];
const OTHER: [u8; 4] = [127, 0, 0, 6];

/// More than fit into the budget.
const BODIES: usize = 152;
const BODY_BYTES: usize = 512 * 1024;
/// A text of JSON escapes, each of one byte: its body comes in many pieces.
const ESCAPES: usize = 50_000;

/// Answers that nobody takes: pages, and history by the API.
const PAGES: usize = 30;
const HISTORIES: usize = 50;
/// The bytes that their clients let the kernel take.
const RECEIVE_BYTES: u32 = 4 * 1024;
/// Readers that come at one time, and what each may have left behind a while after it has gone.
const CROWD: usize = 2_000;
const LEFT_BYTES: u64 = 4 * 1024;
/// Memory besides the budget that this many connections, and the work for them, may take.
const WORK_BYTES: u64 = 96 << 20;

/// The value of a sample; 0 when it is not there.
async fn metric(server: &Server, sample: &str) -> u64 {
    let text = server.api().get("/metrics").await.expect(200).body;
    let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

/// Sends a body but for its last byte.
async fn stop_before_the_end(server: &Server, source: [u8; 4], mallory: &Guest) -> TcpStream {
    let mut socket = connect_from(source, server.address(), None).await.unwrap();
    let head = format!(
        "POST /api/v1/rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/json\r\nContent-Length: {BODY_BYTES}\r\n\r\n",
        mallory.token
    );
    // It may be refused in the middle of it.
    let _ = socket.write_all(&[head.as_bytes(), &vec![b' '; BODY_BYTES - 1]].concat()).await;
    socket
}

/// Reads to the end; returns true if that said that the server has too much to read.
async fn is_told_why(mut socket: TcpStream) -> bool {
    let mut answer = Vec::new();
    // A reset behind the answer counts as a close.
    let _ = socket.read_to_end(&mut answer).await;
    status_of(&String::from_utf8_lossy(&answer)) == Some(503)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_stop_before_their_end_are_given_up_and_nobody_else_is_refused() {
    let _turn = turn::load().await;
    let mut server = Server::start().await;
    let api = server.api();
    let (ada, mallory) = (api.guest("Ada").await, api.guest("Mallory").await);
    let bodies = (0..BODIES).map(|number| stop_before_the_end(&server, GREEDY[number % 2], &mallory));
    let sockets = within("the bodies are there", join_all(bodies)).await;

    let mut other = Connection::connect_from(OTHER, server.address()).await.unwrap();
    let body = format!("{{\"content\":\"{}\"}}", "\\u0041".repeat(ESCAPES));
    let large = request("x", "POST", "/api/v1/rooms/lobby/messages", Some(&ada.token), &body);
    for _ in 0..20 {
        for request in [&post("lobby", &ada.token, "hello"), &large] {
            let (head, body) = within("a send", other.ask(request)).await.unwrap();
            assert_eq!(head.status, 201, "nobody else is refused: {body}");
        }
        let reading = metric(&server, "millchat_reading_bytes").await;
        assert!(reading <= BUDGET_BYTES, "{reading} bytes of bodies");
    }
    let given_up = metric(&server, "millchat_rate_limited_total{limit=\"bodies\"}").await;
    assert!(given_up >= 1, "more bodies than fit, and none was given up");
    // Whoever is given up is told why. Which of them that is depends on whose bytes came first.
    let mut told = sockets.into_iter().map(is_told_why).collect::<FuturesUnordered<_>>();
    let is_any_told = async {
        while let Some(is_told) = told.next().await {
            if is_told {
                return true;
            }
        }
        false
    };
    assert!(within("a body is given up", is_any_told).await, "a body was given up without a word");
    server.assert_alive();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_hold_a_bounded_memory_and_others_are_answered() {
    let _turn = turn::load().await;
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    // Each byte becomes six in the page, and two in JSON.
    let text = "\"".repeat(65_000);
    for _ in 0..16 {
        api.say("lobby", &ada, &text).await;
    }
    let (page, history) = ("/lobby", "/api/v1/rooms/lobby/messages?limit=1000");
    let mut other = Connection::connect_from(OTHER, server.address()).await.unwrap();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
    other.ask(&get(page)).await.unwrap();
    let before = resident_bytes_alone(server.pid()).unwrap();

    let paths = std::iter::repeat_n(page, PAGES).chain(std::iter::repeat_n(history, HISTORIES));
    let unread = paths.enumerate().map(|(number, path)| {
        let (address, request) = (server.address(), get(path));
        async move {
            let mut socket = connect_from(GREEDY[number % 2], address, Some(RECEIVE_BYTES)).await.unwrap();
            socket.write_all(&request).await.unwrap();
            // The answer has begun: all of it is there.
            socket.readable().await.unwrap();
            socket
        }
    });
    let sockets = within("all are answered", join_all(unread)).await;
    let unsent = metric(&server, "millchat_unsent_bytes").await;
    let resident = resident_bytes_alone(server.pid()).unwrap();
    println!("{unsent} bytes unsent; {before} bytes resident before, {resident} now");
    assert!(unsent <= BUDGET_BYTES, "{unsent} bytes of answers");
    assert!(resident < before + BUDGET_BYTES + WORK_BYTES, "{resident} bytes resident, {before} before");
    for path in [page, history] {
        let (head, _) = within("an answer", other.ask(&get(path))).await.unwrap();
        assert_eq!(head.status, 200);
    }
    let given_up = metric(&server, "millchat_rate_limited_total{limit=\"answers\"}").await;
    assert!(given_up >= 1, "more answers than fit, and none was given up");

    drop(sockets);
    let freed = async { while metric(&server, "millchat_unsent_bytes").await > 0 {} };
    within("their memory is given back", freed).await;
    server.assert_alive();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_a_crowd_needed_at_one_time_goes_back_to_the_system() {
    let _turn = turn::load().await;
    let mut server = Server::start().await;
    let connect = async |_| connect_from(OTHER, server.address(), None).await.unwrap();
    let mut sockets = within("all are connected", join_all((0..CROWD).map(connect))).await;
    let before = anonymous_bytes(server.pid()).unwrap();
    let joins = sockets.iter_mut().map(async |socket| {
        let request = b"GET /api/v1/rooms/lobby/events HTTP/1.1\r\nHost: x\r\n\r\n";
        socket.write_all(request).await.unwrap();
        assert!(socket.read(&mut [0; 16]).await.unwrap() > 0, "it reads");
    });
    within("all have joined", join_all(joins)).await;
    drop(sockets);
    let most = before + LEFT_BYTES * CROWD as u64;
    let goes_back = async {
        while anonymous_bytes(server.pid()).unwrap() > most {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("the memory is the system's again", goes_back).await;
    server.assert_alive();
}
