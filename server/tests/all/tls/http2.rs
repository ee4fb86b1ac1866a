//! HTTP/2: many streams on one connection, each live, each counted, each with an end of its own.

use std::future::poll_fn;
use std::task::Poll;

use h2::Reason;
use hyper::Request;
use tokio::process::Command;

use crate::support::http2::{Answer, Http2, get};
use crate::support::tls::{NAME, Secure};
use crate::support::within;

/// The window of a client that reads.
pub const WINDOW: u32 = 1024 * 1024;

fn stream_of(room: &str) -> String {
    format!("/api/v1/rooms/{room}/events?history=0")
}

#[tokio::test]
async fn streams_of_one_connection_are_live_and_each_ends_alone() {
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    let mut client = Http2::connect(&secure, WINDOW).await;
    let rooms = ["lobby", "kitchen", "garden"];
    let mut streams = Vec::new();
    for room in rooms {
        let mut stream = client.get(&stream_of(room)).await;
        assert_eq!(stream.headers["content-type"], "text/event-stream; charset=utf-8");
        assert!(stream.headers.get("connection").is_none());
        stream.until("event: start").await;
        streams.push(stream);
    }
    for (room, stream) in rooms.iter().zip(&mut streams) {
        api.say(room, &ada, &format!("to the {room}")).await;
        stream.until(&format!("to the {room}")).await;
    }
    // The client takes one back: its reader is gone at once, and the others are there.
    drop(streams.remove(0));
    api.until_present("lobby", 0).await;
    api.until_present("kitchen", 1).await;
    // A request is answered beside them.
    let mut page = client.get("/kitchen").await;
    assert_eq!((page.status, page.whole().await), (200, None));
    assert!(page.text.contains("</html>"));
    // Silence is broken by a heartbeat.
    streams[0].text.clear();
    streams[0].until("\n:").await;
    drop(client);
    drop(streams);
    api.until_present("kitchen", 0).await;
    assert_eq!(secure.metric("millchat_readers_dropped_total").await, 0);
}

#[tokio::test]
async fn a_connection_has_so_many_streams_and_heads_of_so_many_bytes() {
    let secure = Secure::start(&[]).await;
    let mut client = Http2::connect(&secure, WINDOW).await;
    client.get("/healthz").await.whole().await;
    assert_eq!(client.requests.current_max_send_streams(), 128);
    let with = |bytes: usize| {
        let value = "x".repeat(bytes);
        let request = Request::builder().uri(format!("https://{NAME}/healthz"));
        request.header("x-large", value).body(()).unwrap()
    };
    let fits = client.begin(with(30 * 1024)).await.unwrap();
    assert_eq!(Answer::of(fits).await.unwrap().status, 200);
    let too_large = client.begin(with(40 * 1024)).await.unwrap();
    assert_eq!(Answer::of(too_large).await.unwrap().status, 431);
    let mut after = client.get("/healthz").await;
    assert_eq!((after.status, after.whole().await), (200, None));
}

#[tokio::test]
async fn each_stream_counts_as_a_connection_of_its_address() {
    let secure = Secure::start(&["--rate-limit", "connections=4"]).await;
    let mut client = Http2::connect(&secure, WINDOW).await;
    // The connection is one of them.
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = client.get(&stream_of("lobby")).await;
        stream.until("event: start").await;
        held.push(stream);
    }
    let mut refused = client.get(&stream_of("lobby")).await;
    refused.whole().await;
    assert!(refused.text.contains("open connections of one address: at most 4"), "{}", refused.text);
    let page = client.get("/lobby").await;
    assert_eq!(page.status, 429);
    drop(held.pop());
    secure.api().until_present("lobby", 2).await;
    client.get(&stream_of("lobby")).await.until("event: start").await;
}

#[tokio::test]
async fn the_host_of_a_request_is_its_authority_and_no_other() {
    let secure = Secure::start(&["--public-url", "https://chat.example"]).await;
    let mut client = Http2::connect(&secure, WINDOW).await;
    let with_host = Request::builder().uri(format!("https://{NAME}/api/v1/rooms/lobby"));
    let with_host = with_host.header("host", "evil.example").body(()).unwrap();
    let response = client.begin(with_host).await.unwrap();
    assert_eq!(Answer::of(response).await.unwrap().status, 400);
    // Our own page may write, and that of another site may not.
    for (origin, status) in [("https://chat.example", 303), ("https://evil.example", 403)] {
        let request = Request::builder().method("POST").uri(format!("https://{NAME}/lobby/name"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("origin", origin).body(()).unwrap();
        let requests = client.requests.clone().ready().await;
        let (response, mut body) = requests.unwrap().send_request(request, false).unwrap();
        body.send_data("name=Ada".into(), true).unwrap();
        assert_eq!(Answer::of(response).await.unwrap().status, status, "{origin}");
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_open_is_told_to_go() {
    let secure = Secure::start(&[]).await;
    let mut asked = Http2::connect(&secure, WINDOW).await;
    let mut idle = Http2::connect(&secure, WINDOW).await;
    idle.get("/healthz").await.whole().await;
    let mut stream = asked.get(&stream_of("lobby")).await;
    stream.until("event: start").await;
    // It has a pair of seconds on top, since nobody waits for it here.
    assert!(idle.ended().await.is_none_or(|error| error.is_go_away()));
    stream.text.clear();
    stream.until("\n:").await;
    let mut after = asked.get("/healthz").await;
    assert_eq!((after.status, after.whole().await), (200, None));
}

#[tokio::test]
async fn at_the_end_of_the_process_a_connection_is_told_and_its_streams_end_in_order() {
    let mut secure = Secure::start(&["--drain-delay", "1h"]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    let mut client = Http2::connect(&secure, WINDOW).await;
    let mut stream = client.get(&stream_of("lobby")).await;
    stream.until("event: start").await;
    let pid = rustix::process::Pid::from_raw(secure.server.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    // Announced: what is open goes on, and what is new takes another connection, which is served.
    let refused = async {
        while let Ok(response) = client.begin(get("/healthz")).await {
            if Answer::of(response).await.is_err() {
                break;
            }
        }
    };
    within("the connection takes no more requests", refused).await;
    api.say("lobby", &ada, "in time").await;
    stream.until("in time").await;
    let mut other = Http2::connect(&secure, WINDOW).await;
    let mut answer = other.get("/readyz").await;
    assert_eq!((answer.status, answer.whole().await), (503, None));
    assert_eq!(answer.text, "the server is closing\n");
    let (ended, reset) = tokio::join!(secure.server.terminate(), stream.whole());
    assert!(ended.0.success(), "{}", ended.0);
    assert_eq!(reset.filter(|reason| *reason != Reason::NO_ERROR), None);
}

#[tokio::test]
async fn an_answer_before_the_body_resets_no_stream_whose_body_comes_soon() {
    let secure = Secure::start(&[]).await;
    let mut client = Http2::connect(&secure, 64 * 1024).await;
    // Without a token: the router refuses it before anybody reads the body.
    let path = format!("https://{NAME}/api/v1/rooms/lobby/messages");
    for (bytes, is_reset) in [(100, false), (60_000, false), (80_000, true)] {
        // One that says that it is large is waited for by nobody.
        let request = Request::post(&path).header("content-length", bytes).body(()).unwrap();
        let requests = client.requests.clone().ready().await.unwrap();
        let (response, mut body) = { requests }.send_request(request, false).unwrap();
        let mut answer = Answer::of(response).await.unwrap();
        assert_eq!(answer.status, 401);
        while answer.read().await.is_some() {}
        assert!(answer.text.contains("no-token"), "{}", answer.text);
        // The body comes when the answer has been read to its end, and a reset would have come.
        client.get("/healthz").await;
        body.reserve_capacity(bytes);
        let end = async {
            let mut left = bytes;
            while left > 0 {
                let Some(Ok(ready)) = poll_fn(|cx| body.poll_capacity(cx)).await else { return true };
                let now = ready.min(left);
                if body.send_data(vec![b'x'; now].into(), now == left).is_err() {
                    return true;
                }
                left -= now;
            }
            // A reset would come before the answer to the next request.
            client.get("/healthz").await;
            poll_fn(|cx| Poll::Ready(body.poll_reset(cx).is_ready())).await
        };
        assert_eq!(within("the body is taken or refused", end).await, is_reset, "{bytes} bytes");
    }
}

#[tokio::test]
async fn curl_speaks_http2_to_it() {
    let secure = Secure::start(&[]).await;
    let authority = secure.server.directory().join("authority.pem");
    std::fs::write(&authority, secure.authority.pem()).unwrap();
    let (host, url) = (
        format!("{NAME}:{}:127.0.0.1", secure.address().port()),
        format!("https://{NAME}:{}/readyz", secure.address().port()),
    );
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", flag, "--cacert"]).arg(&authority).args(["--resolve", &host]);
        curl.args(["-w", "%{http_version} %{http_code}", &url]);
        let output =
            within("curl ends", curl.output()).await.expect("curl is there; `make test` installs it");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, format!("ready\n{version} 200"), "{error}");
    }
}
