//! The time between SIGTERM and the end: what load balancers see, and those whose request is under way.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::client::answer;
use crate::support::raw::Connection;
use crate::support::server::run;
use crate::support::{Server, within};

const READY: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: test\r\n\r\n";

fn signal(server: &Server, signal: Signal) {
    let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits until a new connection sees that the server is not ready.
async fn red(server: &Server) -> String {
    let api = server.api();
    let red = async {
        loop {
            let answer = api.get("/readyz").await;
            match answer.status {
                200 => {}
                503 => return answer.body,
                other => panic!("{other}"),
            }
        }
    };
    within("readiness is red", red).await
}

#[tokio::test]
async fn readiness_is_red_before_anybody_is_turned_away() {
    let mut server = Server::start_with(&["--drain-delay", "1h"]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    let mut open = Connection::connect(server.address()).await.unwrap();
    let (head, body) = open.ask(READY).await.unwrap();
    assert_eq!((head.status, &*body), (200, "ready\n"));
    assert_eq!(head.header("connection"), None);

    signal(&server, Signal::TERM);
    assert_eq!(red(&server).await, "the server is closing\n");
    // A connection that was open is answered too, and told to go elsewhere.
    let (head, body) = open.ask(READY).await.unwrap();
    assert_eq!((head.status, &*body), (503, "the server is closing\n"));
    assert_eq!(head.header("connection"), Some("close"));
    let url = format!("http://{}", server.address());
    let (code, _, stderr) = run(&["probe", &url]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("is not ready: the server is closing"), "{stderr}");
    assert!(api.get("/metrics").await.body.contains("\nmillchat_ready 0\n"));

    // It is still a whole server: sends are acknowledged, and readers get them.
    let sent = answer(api.post("lobby", &ada, "in time")).await.expect(201);
    assert_eq!(sent.header("connection"), Some("close"));
    let position = sent.json()["position"].as_u64().unwrap();
    assert_eq!(stream.logged().await.place().1, position);

    // A second signal does not wait for the rest of the hour.
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn an_interrupt_ends_the_server_without_the_delay() {
    let mut server = Server::start_with(&["--drain-delay", "1h"]).await;
    signal(&server, Signal::INT);
    server.said("closed", 1).await;
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_connection_that_was_accepted_is_answered_once_before_the_end() {
    let mut server = Server::start_with(&["--drain-delay", "0s"]).await;
    let api = server.api();
    let mut fresh = Connection::connect(server.address()).await.unwrap();
    // Accepted behind it, so it is accepted too.
    api.get("/healthz").await.expect(200);
    signal(&server, Signal::TERM);
    server.said("SIGTERM: closing", 1).await;
    let (head, body) = fresh.ask(READY).await.expect("an answer");
    assert_eq!((head.status, &*body), (503, "the server is closing\n"));
    assert_eq!(head.header("connection"), Some("close"));
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
}
