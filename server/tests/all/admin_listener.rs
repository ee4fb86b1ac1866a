//! The admin listener: what it serves, what the public one no longer knows, its socket in the file system,
//! and tries to be the operator.

use std::net::Ipv4Addr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use crate::support::client::answer;
use crate::support::raw::{Connection, status_of};
use crate::support::server::run;
use crate::support::{Api, Server, free_port, within};

const ADMIN: &str = "a-token-for-tests-only";
const WRONG: &str = "a-token-for-tests-onlx";

/// A server with an admin listener on a port of its own, and a client of that.
async fn apart(more: &[&str]) -> (Server, Api) {
    let address = free_port(Ipv4Addr::LOCALHOST.into());
    let settings = ["--admin-token", ADMIN, "--admin-address", &address.to_string()];
    let server = Server::start_with(&[&settings, more].concat()).await;
    (server, Api::new(address))
}

/// Asks over the socket in the file system, and reads to the end of the connection.
async fn ask(path: &Path, method: &str, target: &str, token: Option<&str>) -> String {
    let mut socket = UnixStream::connect(path).await.unwrap();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{token}Connection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within("the answer", socket.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn with_an_admin_listener_the_public_one_knows_no_operator() {
    let (server, admin) = apart(&[]).await;
    let public = server.api();
    let ada = public.guest("Ada").await;
    let position = public.say("lobby", &ada, "hello").await;
    let with = |api: &Api, method: Method, path: &str| api.request(method, path).bearer_auth(ADMIN);

    // Whoever asks, and for whatever: there is nothing.
    for path in ["/admin/bans", "/admin/rooms", "/admin/backup", "/admin/authors/x", "/admin/nothing"] {
        let right = answer(with(&public, Method::GET, path)).await;
        right.expect_problem(404);
        for request in
            [public.request(Method::GET, path), public.request(Method::GET, path).bearer_auth(WRONG)]
        {
            assert_eq!(answer(request).await.body, right.body, "the same for everybody");
        }
    }
    answer(with(&public, Method::PUT, "/admin/rooms/lobby/closed")).await.expect_problem(404);
    for request in [public.request(Method::GET, "/metrics"), with(&public, Method::GET, "/metrics")] {
        let metrics = answer(request).await.expect(404);
        assert!(!metrics.body.contains("millchat_"), "{metrics:?}");
    }
    let message = format!("/api/v1/rooms/lobby/messages/{position}");
    answer(with(&public, Method::DELETE, &message)).await.expect_problem(401);
    answer(with(&public, Method::DELETE, &format!("/lobby/messages/{position}"))).await.expect(401);
    assert_eq!(public.get(&message).await.expect(200).json()["content"], "hello");

    // All of it is at the other one.
    answer(with(&admin, Method::GET, "/admin/bans")).await.expect(200);
    answer(admin.request(Method::GET, "/admin/bans")).await.expect_problem(401);
    answer(with(&admin, Method::PUT, "/admin/rooms/kitchen/closed")).await.expect(200);
    let metrics = admin.get("/metrics").await.expect(200);
    assert!(metrics.body.contains("millchat_ready 1"), "{}", metrics.body);
    assert_eq!(
        admin.get("/api/v1/rooms/lobby/messages").await.expect(200).json()["messages"][0]["content"],
        "hello"
    );
    answer(with(&admin, Method::DELETE, &message)).await.expect(204);
    // The page is for people, and not there.
    for path in ["/", "/lobby", "/new", "/assets/licences.txt", "/lobby/messages"] {
        admin.get(path).await.expect_problem(404);
    }
    for api in [&public, &admin] {
        api.get("/healthz").await.expect(200);
        api.get("/readyz").await.expect(200);
    }
}

#[tokio::test]
async fn without_an_admin_listener_the_operator_is_served_as_before() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    answer(api.request(Method::GET, "/admin/bans").bearer_auth(ADMIN)).await.expect(200);
    api.get("/metrics").await.expect(200);
}

#[tokio::test]
async fn the_admin_listener_is_not_held_to_the_limits_of_addresses() {
    let (server, admin) = apart(&["--rate-limit", "reads=1/1,connections=1"]).await;
    let _held = Connection::connect(server.address()).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..5 {
        admin.get("/api/v1/rooms/lobby").await.expect(200);
        let mut stream = admin.stream("lobby", None).await;
        assert_eq!(stream.logged().await.event, "start");
        streams.push(stream);
    }
    // Nobody can speak for another there.
    let forwarded = admin.request(Method::PUT, "/admin/bans/addresses/203.0.113.7").bearer_auth(ADMIN);
    answer(forwarded.json(&json!({ "for": "1h" }))).await.expect(204);
    let banned = admin.request(Method::GET, "/readyz").header("x-forwarded-for", "203.0.113.7");
    answer(banned).await.expect(200);
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_the_owners_and_serves_commands() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    let address = format!("unix:{}", path.display());
    let settings = ["--admin-token", ADMIN, "--admin-address", &address];
    let mut server = Server::start_with(&settings).await;
    let ada = server.api().guest("Ada").await;
    server.api().say("lobby", &ada, "hello").await;
    let metadata = path.symlink_metadata().unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    for (target, token, status) in [
        ("/admin/bans", Some(ADMIN), 200),
        ("/admin/bans", None, 401),
        ("/metrics", None, 200),
        ("/readyz", None, 200),
        ("/lobby", None, 404),
    ] {
        let answer = ask(&path, "GET", target, token).await;
        assert_eq!(status_of(&answer), Some(status), "{target}: {answer}");
    }

    // A backup of the running server comes through it.
    let out = directory.path().join("copy.redb");
    let out = out.to_str().unwrap();
    let (code, _, stderr) = run(&["backup", "--from", &address, "--admin-token", ADMIN, out]).await;
    assert_eq!(code, Some(0), "{stderr}");
    let (code, stdout, _) = run(&["check", out]).await;
    assert!(code == Some(0) && stdout.contains("right; 1 records"), "{stdout}");
    let (code, _, stderr) =
        run(&["backup", "--from", "unix:/no/such.sock", "--admin-token", ADMIN, "x"]).await;
    assert!(code == Some(2) && stderr.contains("unix:/no/such.sock"), "{stderr}");

    // A second server does not take it away.
    let second = ["--address", "127.0.0.1:0", "--log", "memory:", "--admin-address", &address];
    let (code, _, stderr) = run(&second).await;
    assert!(code == Some(2) && stderr.contains(path.to_str().unwrap()), "{stderr}");
    assert_eq!(status_of(&ask(&path, "GET", "/readyz", None).await), Some(200));

    // What a killed one leaves is replaced; what has ended leaves nothing.
    server.kill().await;
    assert!(path.exists());
    server.restart().await;
    assert_eq!(status_of(&ask(&path, "GET", "/readyz", None).await), Some(200));
    let (status, _) = server.terminate().await;
    assert!(status.success() && !path.exists());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("precious");
    std::fs::write(&path, "precious").unwrap();
    let address = format!("unix:{}", path.display());
    let arguments = ["--address", "127.0.0.1:0", "--log", "memory:", "--admin-address", &address];
    let (code, _, stderr) = run(&arguments).await;
    assert!(code == Some(2) && stderr.contains(path.to_str().unwrap()), "{stderr}");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}

#[tokio::test]
async fn the_admin_listener_has_a_bound_of_its_own_and_takes_nothing_from_the_public_one() {
    const CONNECTIONS_MAX: usize = 64;
    let (server, admin) = apart(&[]).await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        held.push(TcpStream::connect(admin.address()).await.unwrap());
    }
    // One more waits in the kernel, and the public listener goes on.
    let mut waits = TcpStream::connect(admin.address()).await.unwrap();
    waits.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    for _ in 0..3 {
        server.api().get("/readyz").await.expect(200);
    }
    let early = waits.try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock), "it is not served");
    held.pop();
    let mut answer = String::new();
    within("its turn", waits.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(status_of(&answer), Some(200), "{answer}");
}

/// Tries a token at a place, from an address.
fn attempt(api: &Api, (method, path): (Method, &str), token: &str, address: &str) -> RequestBuilder {
    api.request(method, path).bearer_auth(token).header("x-forwarded-for", address)
}

#[tokio::test]
async fn wrong_tokens_slow_down_their_own_address_at_every_place_that_takes_one_and_the_log_names_it() {
    let mut server = Server::start_with(&["--admin-token", ADMIN, "--trusted-proxies", "127.0.0.1"]).await;
    let api = server.api();
    let places = [(Method::GET, "/admin/bans"), (Method::DELETE, "/api/v1/rooms/lobby/messages/1")];
    for (number, place) in places.into_iter().enumerate() {
        let eve = format!("203.0.113.{number}");
        // Enough failures that the next try waits for long.
        for _ in 0..3 {
            answer(attempt(&api, place.clone(), WRONG, &eve)).await.expect_problem(401);
        }
        // The waits are full: one more is refused without a look at it, also if it is right.
        let many = (0..16).map(|_| answer(attempt(&api, place.clone(), WRONG, &eve)));
        let answers = futures_util::future::join_all(many).await;
        let refused = answers.iter().filter(|answer| answer.status == 429).count();
        assert!(
            answers.iter().all(|answer| [401, 429].contains(&answer.status)) && refused >= 8,
            "{refused}"
        );
        let limited = answers.iter().find(|answer| answer.status == 429).unwrap();
        assert!(limited.header("retry-after").is_some());

        // The right token of another address is not held up: it is answered while Eve's wrong one waits.
        let waits = attempt(&api, place.clone(), WRONG, &eve);
        let right = attempt(&api, (Method::GET, "/admin/bans"), ADMIN, "198.51.100.1");
        tokio::select! {
            biased;
            answered = answer(right) => { answered.expect(200); }
            answered = answer(waits) => panic!("{answered:?} came before the answer to the right token"),
        }
        // A guest's own token is nobody's try.
        let ada = api.guest("Ada").await;
        answer(attempt(&api, (Method::DELETE, "/api/v1/rooms/lobby/messages/999"), &ada.token, &eve))
            .await
            .expect_problem(404);
    }
    server.terminate().await;
    let stderr = server.stderr();
    for address in ["203.0.113.0: ", "203.0.113.1: "] {
        let line =
            stderr.lines().find(|line| line.contains("requests were refused") && line.contains(address));
        assert!(line.is_some_and(|line| line.contains("admin-token")), "{address} in {stderr}");
    }
    assert!(!stderr.contains(WRONG) && !stderr.contains(ADMIN), "{stderr}");
}

#[tokio::test]
async fn old_tokens_of_people_and_programs_are_no_tries_at_the_admin_token() {
    let mut server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let elsewhere = Server::start().await.api().guest("Ada").await.token;
    let places = [(Method::GET, "/admin/bans"), (Method::DELETE, "/api/v1/rooms/lobby/messages/1")];
    // Tries would wait for longer and longer, and be refused in the end.
    let answered = async {
        for place in places {
            for token in ["mct_aaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaa", "e30.e30.c2ln", elsewhere.as_str()] {
                for _ in 0..10 {
                    answer(attempt(&api, place.clone(), token, "203.0.113.1")).await.expect_problem(401);
                }
            }
        }
        answer(attempt(&api, (Method::GET, "/admin/bans"), ADMIN, "203.0.113.1")).await.expect(200);
    };
    within("all answers", answered).await;
    server.terminate().await;
    assert!(!server.stderr().contains("admin-token"), "{}", server.stderr());
}

#[tokio::test]
async fn behind_a_proxy_that_is_not_named_a_strangers_wrong_tokens_do_not_hold_up_the_operator() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let bans = || (Method::GET, "/admin/bans");
    for _ in 0..3 {
        answer(attempt(&api, bans(), WRONG, "203.0.113.1")).await.expect_problem(401);
    }
    // The refused one says that all places to wait are taken, and those that wait hold them.
    let mut tries: FuturesUnordered<_> =
        (0..8).map(|_| answer(attempt(&api, bans(), WRONG, "203.0.113.1"))).collect();
    let refused = async { while tries.next().await.unwrap().status != 429 {} };
    within("a try of the stranger is refused", refused).await;
    answer(attempt(&api, bans(), ADMIN, "198.51.100.1")).await.expect(200);
}

#[tokio::test]
async fn a_token_file_that_others_can_read_is_warned_of_with_the_command_that_mends_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, ADMIN).unwrap();
    let file = file.to_str().unwrap();
    for (mode, is_warned) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false), (0o400, false)] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        let server = Server::start_with(&["--admin-token-file", file]).await;
        let stderr = server.stderr();
        assert_eq!(stderr.contains(&format!("chmod o= {file}")), is_warned, "{mode:o}: {stderr}");
        let out = directory.path().join(format!("{mode:o}.redb"));
        let url = format!("http://{}", server.address());
        let (code, _, stderr) =
            run(&["backup", "--from", &url, "--admin-token-file", file, out.to_str().unwrap()]).await;
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(stderr.contains(&format!("chmod o= {file}")), is_warned, "{mode:o}: {stderr}");
    }
}
