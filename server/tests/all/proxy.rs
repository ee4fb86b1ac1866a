//! Behind a proxy: whose word counts about the client's address, what browsers are told, and Debian's nginx
//! with the very configuration of `docs/operations.md`.

use std::fs;
use std::process::Stdio;

use millchat_oracle::Oracle;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::client::answer;
use crate::support::oracle::{Follower, assert_clean, recover, say};
use crate::support::server::command;
use crate::support::{Api, Nginx, Server, Stream, within};

fn guest(api: &Api, forwarded: &str) -> RequestBuilder {
    let request = api.request(Method::POST, "/api/v1/guests").json(&json!({ "name": "Ada" }));
    request.header("x-forwarded-for", forwarded)
}

#[tokio::test]
async fn the_address_that_a_trusted_proxy_names_is_the_one_that_counts() {
    let limits = ["--rate-limit", "guests=1", "--trusted-proxies", "10.0.0.0/8,127.0.0.1"];
    let server = Server::start_with(&limits).await;
    let api = server.api();
    answer(guest(&api, "203.0.113.1")).await.expect(201);
    answer(guest(&api, "203.0.113.1")).await.expect_problem(429);
    answer(guest(&api, "203.0.113.2")).await.expect(201);
    // What a client wrote before the proxy's own entry changes nothing, and proxies before proxies are
    // passed.
    answer(guest(&api, "198.51.100.1, 203.0.113.1")).await.expect_problem(429);
    answer(guest(&api, "198.51.100.2, 203.0.113.2, 10.0.0.9")).await.expect_problem(429);
    answer(guest(&api, "198.51.100.2")).await.expect(201);
    // A customer's whole network of IPv6 is one address.
    answer(guest(&api, "2001:db8:0:1::1")).await.expect(201);
    answer(guest(&api, "2001:db8:0:1::2")).await.expect_problem(429);
    answer(guest(&api, "2001:db8:0:2::1")).await.expect(201);
}

#[tokio::test]
async fn anybody_else_can_write_what_they_like_into_that_header() {
    for trusted in [&[][..], &["--trusted-proxies", "10.0.0.0/8"]] {
        let server = Server::start_with(&[&["--rate-limit", "guests=1"], trusted].concat()).await;
        let api = server.api();
        answer(guest(&api, "203.0.113.1")).await.expect(201);
        answer(guest(&api, "203.0.113.2")).await.expect_problem(429);
        answer(guest(&api, "10.0.0.1")).await.expect_problem(429);
    }
}

#[tokio::test]
async fn streams_through_a_proxy_count_for_their_own_addresses() {
    let limits = ["--rate-limit", "connections=2", "--trusted-proxies", "127.0.0.1"];
    let server = Server::start_with(&limits).await;
    let path = "/api/v1/rooms/lobby/events";
    let address = server.address();
    let open = async |client: &str| {
        Stream::open(address, path, &[("X-Forwarded-For", client.as_bytes())]).await.unwrap()
    };
    let mut streams = vec![open("203.0.113.1").await, open("203.0.113.1").await];
    let third =
        || server.api().request(Method::GET, "/api/v1/rooms/lobby").header("x-forwarded-for", "203.0.113.1");
    let detail = answer(third()).await.expect_problem(429);
    assert!(detail.contains("at most 2"), "{detail}");
    // The proxy itself has more connections than that, for others.
    streams.push(open("203.0.113.2").await);
    streams.push(open("203.0.113.2").await);
    for stream in &mut streams {
        stream.logged().await;
    }
    streams.remove(0);
    let room = async { while third().send().await.unwrap().status() != 200 {} };
    within("there is room again", room).await;
}

#[tokio::test]
async fn with_a_public_url_by_tls_cookies_are_secure_and_its_own_pages_write() {
    let server = Server::start_with(&["--public-url", "https://chat.example.org"]).await;
    let api = server.api();
    let name = |origin: &str| {
        let request = api.request(Method::POST, "/lobby/name").body("name=Ada").header("origin", origin);
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let named = answer(name("https://chat.example.org")).await.expect(303);
    let set = named.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-millchat=") && set.contains("; Secure"), "{set}");
    let cookie = set.split(';').next().unwrap();
    let send = |origin: &str| {
        let request = api.request(Method::POST, "/lobby/messages").header("cookie", cookie);
        request.json(&json!({ "content": "hello" })).header("origin", origin)
    };
    answer(send("https://chat.example.org")).await.expect(204);
    // The address that the proxy speaks to is nobody's page; nor is anything else.
    let inner = format!("http://{}", server.address());
    for origin in [inner.as_str(), "http://chat.example.org", "https://evil.example.org", "null"] {
        answer(send(origin)).await.expect(403);
        answer(name(origin)).await.expect(403);
    }
    let page = api.get("/lobby").await.expect(200).body;
    assert!(page.contains("data-origin=\"https://chat.example.org\""), "links lead where people come from");
}

#[tokio::test]
async fn without_a_public_url_the_page_is_where_the_browser_came_to() {
    let server = Server::start().await;
    let api = server.api();
    let name = |origin: &str| {
        let request = api.request(Method::POST, "/lobby/name").body("name=Ada").header("origin", origin);
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let named = answer(name(&format!("http://{}", server.address()))).await.expect(303);
    let set = named.header("set-cookie").unwrap();
    assert!(set.starts_with("millchat=") && !set.contains("Secure"), "{set}");
    answer(name("https://chat.example.org")).await.expect(403);
    assert!(!api.get("/lobby").await.body.contains("data-origin"));
}

#[tokio::test]
async fn an_open_address_has_limits_and_one_without_is_warned_of() {
    const WARNING: &str = "CAN FLOOD IT";
    const DEFAULT: &str = "since strangers can reach this server";
    const PUBLIC: [&str; 2] = ["--public-url", "https://chat.example.org"];
    for (arguments, said) in [
        (&["--address", "0.0.0.0:0"][..], Some(DEFAULT)),
        (&["--address", "0.0.0.0:0", "--rate-limit", "guests=10"], None),
        (&["--address", "0.0.0.0:0", "--rate-limit", "off"], Some(WARNING)),
        (&["--address", "127.0.0.1:0"], None),
        (&["--address", "127.0.0.1:0", PUBLIC[0], PUBLIC[1]], Some(DEFAULT)),
    ] {
        // The address given last wins, and these need no log of their own.
        let directory = tempfile::tempdir().unwrap();
        let stderr = directory.path().join("stderr");
        let mut child = command(crate::support::server::BINARY)
            .args(arguments)
            .args(["--log", "memory:"])
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = tokio::io::BufReader::new(child.stdout.take().unwrap());
        let ready = tokio::io::AsyncBufReadExt::read_line(&mut stdout, &mut line);
        within("the server says that it listens", ready).await.unwrap();
        child.kill().await.unwrap();
        let stderr = fs::read_to_string(&stderr).unwrap();
        for line in [WARNING, DEFAULT] {
            assert_eq!(stderr.contains(line), said == Some(line), "{arguments:?}: {stderr}");
        }
        assert_eq!(stderr.contains("--rate-limit"), said.is_some(), "it says what to do");
    }
}

#[tokio::test]
async fn through_nginx_a_stream_is_live_and_resumes_over_a_restart_of_either_side() {
    let public = ["--public-url", "https://chat.example.org", "--trusted-proxies", "127.0.0.1"];
    let mut server = Server::start_with(&public).await;
    let mut nginx = Nginx::start(server.address()).await;
    let api = Api::new(nginx.address());
    let ada = api.guest("Ada").await;
    let oracle = Oracle::new();
    let mut reader = Follower::new(&oracle, "lobby", "reader");

    // Live: each message is there before the next one is sent, so nothing is held back in a buffer.
    reader.join(nginx.address()).await.unwrap();
    for number in 0..20 {
        let position = say(&api, &oracle, &ada, &format!("message {number}")).await;
        reader.catch_up(nginx.address(), position).await;
    }

    // The server is killed: the stream ends, and goes on where it was.
    server.kill().await;
    let ended = async { while reader.next().await.is_some() {} };
    within("the stream ends with the server", ended).await;
    server.restart().await;
    say(&api, &oracle, &ada, "after the server's restart").await;
    let position = say(&api, &oracle, &ada, "and another").await;
    reader.catch_up(nginx.address(), position).await;

    // So is nginx.
    nginx.kill().await;
    let ended = async { while reader.next().await.is_some() {} };
    within("the stream ends with nginx", ended).await;
    nginx.restart().await;
    let position = say(&api, &oracle, &ada, "after nginx' restart").await;
    reader.catch_up(nginx.address(), position).await;

    assert_clean(&oracle, &[recover(&api, "lobby").await]);
    assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 23);
}
