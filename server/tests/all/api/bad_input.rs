//! Whatever is sent: the process lives, and the answer says what was wrong and what the limit is.

use reqwest::Method;
use serde_json::json;

use crate::support::client::answer;
use crate::support::raw::{exchange, status_of};
use crate::support::{Api, Guest, Server};

const RESERVED: [&str; 9] = ["admin", "api", "assets", "auth", "demo", "healthz", "metrics", "new", "readyz"];

async fn post(
    api: &Api,
    guest: &Guest,
    content_type: Option<&str>,
    body: impl Into<Vec<u8>>,
) -> (u16, String) {
    let request = api.request(Method::POST, "/api/v1/rooms/lobby/messages").bearer_auth(&guest.token);
    let request = match content_type {
        Some(content_type) => request.header("content-type", content_type),
        None => request,
    };
    let answer = answer(request.body(body.into())).await;
    let detail = if answer.status == 201 { String::new() } else { answer.expect_problem(answer.status) };
    (answer.status, detail)
}

#[tokio::test]
async fn a_room_name_outside_the_rule_is_told_the_rule() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let long = "x".repeat(65);
    let bad = ["a%20b", "%C3%A4", "a.b", "..%2fetc", "a%2Fb", "%00", "%FF", "lobby%0d%0a", &long];
    for room in bad.iter().chain(&RESERVED) {
        for path in [format!("/api/v1/rooms/{room}"), format!("/api/v1/rooms/{room}/events")] {
            let detail = api.get(&path).await.expect_problem(400);
            assert!(detail.contains("64") || RESERVED.contains(room), "{room}: {detail}");
        }
        let request = api.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"));
        answer(request.bearer_auth(&ada.token).json(&json!({ "content": "x" }))).await.expect_problem(400);
    }
    for room in bad.iter().chain(&["admin", "auth", "demo", "assets"]) {
        let answer = api.get(&format!("/{room}")).await.expect(404);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{answer:?}");
    }
    for room in ["x", "Lobby_2-x", &"x".repeat(64), "newer", "API"] {
        api.get(&format!("/api/v1/rooms/{room}")).await.expect(200);
        api.get(&format!("/{room}")).await.expect(200);
    }
}

#[tokio::test]
async fn path_tricks_lead_nowhere() {
    let server = Server::start().await;
    for path in [
        "/../../etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/api/v1/rooms/../../etc/passwd",
        "/api/v1/rooms/%2e%2e",
        "/api/v1/rooms/..%2fadmin/messages",
        "/%2e%2e",
        "/lobby%00/messages",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.address(), request.as_bytes()).await;
        assert!(matches!(status_of(&answer), Some(400 | 404)), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_message_is_refused_with_the_reason() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let json = Some("application/json");
    for (status, content_type, body) in [
        (400, json, &b"not json"[..]),
        (400, json, b""),
        (400, json, b"{\"content\":\"x\""),
        (400, json, b"{\"content\":\"\xff\xfe\"}"),
        (400, json, b"{\"content\":\"x\"} trailing"),
        (422, json, b"{}"),
        (422, json, b"[]"),
        (422, json, b"null"),
        (422, json, b"\"text\""),
        (422, json, b"{\"content\":7}"),
        (422, json, b"{\"content\":null}"),
        (422, json, b"{\"content\":\"\"}"),
        (422, json, b"{\"content\":\" \\n\\t\\u00a0\\u200b\"}"),
        (422, json, b"{\"content\":\"\\u0000\\u0007\"}"),
        (415, Some("text/plain"), b"{\"content\":\"x\"}"),
        (415, Some("multipart/form-data; boundary=x"), b"--x--"),
        (201, None, b"{\"content\":\"no type given\"}"),
        (201, Some("application/json; charset=utf-8"), b"{\"content\":\"with a charset\"}"),
    ] {
        let (found, detail) = post(&api, &ada, content_type, body).await;
        let body = String::from_utf8_lossy(body);
        assert_eq!(found, status, "{content_type:?} {body}: {detail}");
        assert!(status == 201 || !detail.is_empty(), "{body}");
    }
    let messages = api.history("lobby", "").await;
    assert_eq!(messages["messages"].as_array().unwrap().len(), 2, "nothing that was refused is stored");
}

#[tokio::test]
async fn deep_json_is_refused_and_harms_nothing() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for (open, close) in [("[", "]"), ("{\"content\":", "}")] {
        for depth in [200, 20_000] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let (status, _) = post(&api, &ada, Some("application/json"), body).await;
            assert!(matches!(status, 400 | 422), "{status}");
        }
        let body =
            format!("{{\"content\":\"x\",\"extra\":{}1{}}}", open.repeat(20_000), close.repeat(20_000));
        let (status, _) = post(&api, &ada, Some("application/json"), body).await;
        assert_eq!(status, 400);
    }
    api.say("lobby", &ada, "alive").await;
}

#[tokio::test]
async fn content_is_taken_up_to_64_kib_and_not_a_byte_more() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let largest = "x".repeat(65_536);
    let position = api.say("lobby", &ada, &largest).await;
    let detail = answer(api.post("lobby", &ada, &"x".repeat(65_537))).await.expect_problem(413);
    assert!(detail.contains("65") && detail.contains("536"), "the limit is said: {detail}");
    api.edit("lobby", &ada, position, &"x".repeat(65_537)).await.expect_problem(413);
    // Bytes count, not characters.
    answer(api.post("lobby", &ada, &"\u{1f600}".repeat(16_385))).await.expect_problem(413);
    let emoji = "\u{1f600}".repeat(16_384);
    api.say("lobby", &ada, &emoji).await;
    let page = api.history("lobby", "").await;
    assert_eq!(page["messages"][0]["content"], largest);
    assert_eq!(page["messages"][1]["content"], emoji);
    // Written as escapes, the same content is far larger on the wire, and still fits.
    let body = format!("{{\"content\":\"{}\"}}", "\\u0041".repeat(65_536));
    let (status, detail) = post(&api, &ada, Some("application/json"), body).await;
    assert_eq!(status, 201, "{detail}");
}

#[tokio::test]
async fn control_characters_and_direction_overrides_are_cleaned_by_the_written_rule() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "a\u{0}b\u{1b}[31mc\u{202e}d\u{2066}e\u{7f}\tf").await;
    assert_eq!(api.history("lobby", "").await["messages"][0]["content"], "ab[31mcde\tf");

    let named = async |name: &str| api.guest(name).await.name;
    assert_eq!(named("A\u{202e}da\u{0}\u{200b}").await, "Ada");
    assert_eq!(named("A\r\nd\ta").await, "A d a");
    assert_eq!(
        named("\u{1f469}\u{200d}\u{1f680}").await,
        "\u{1f469}\u{200d}\u{1f680}",
        "a joined emoji stays one"
    );
    for (status, name) in [
        (422, "\u{1f600}".repeat(500)),
        (422, String::new()),
        (422, " \u{200b}\u{2800} ".to_owned()),
        (422, "x".repeat(41)),
    ] {
        let request = api.request(Method::POST, "/api/v1/guests").json(&json!({ "name": name }));
        let detail = answer(request).await.expect_problem(status);
        assert!(name.len() < 41 || detail.contains("40"), "the limit is said: {detail}");
    }
}

#[tokio::test]
async fn a_lone_cr_is_stored_as_lf_and_forges_no_frame() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    let forged = "x\rdata: {\"position\":999}\r\rid: forged\revent: delete\rdata: {}\r\r";
    let position = api.say("lobby", &ada, forged).await;
    let stored = forged.replace('\r', "\n");
    // The stream's reader here ends lines at CR, as browsers do.
    let event = stream.logged().await;
    assert_eq!(event.place().1, position);
    assert_eq!(event.event, "message");
    assert_eq!(event.json()["content"], stored);
    assert_eq!(api.history("lobby", "").await["messages"][0]["content"], stored);
    let next = api.say("lobby", &ada, "next").await;
    assert_eq!(stream.logged().await.place().1, next, "nothing came between");
}

#[tokio::test]
async fn without_a_good_token_nobody_writes() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let position = api.say("lobby", &ada, "mine").await;
    let other = Server::start().await.api();
    let foreign = Server::start().await;
    let stranger = foreign.api().guest("Ada").await;
    drop(other);
    let mut forged = ada.token.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    let forged = forged.replacen(|c: char| c.is_ascii_lowercase(), "Z", 1);
    for header in [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer x".to_owned()),
        Some(format!("Basic {}", ada.token)),
        Some(format!("Bearer {forged}")),
        Some(format!("Bearer {}", stranger.token)),
        Some(format!("Bearer {}", "x".repeat(5_000))),
    ] {
        for (method, path) in [
            (Method::POST, "/api/v1/rooms/lobby/messages".to_owned()),
            (Method::PATCH, format!("/api/v1/rooms/lobby/messages/{position}")),
            (Method::DELETE, format!("/api/v1/rooms/lobby/messages/{position}")),
            (Method::POST, "/api/v1/rooms/lobby/typing".to_owned()),
            (Method::PATCH, "/api/v1/guests/me".to_owned()),
        ] {
            let mut request = api.request(method, &path).json(&json!({ "content": "x", "name": "x" }));
            if let Some(header) = &header {
                request = request.header("authorization", header);
            }
            let answer = answer(request).await;
            answer.expect_problem(401);
            assert!(
                answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")),
                "{answer:?}"
            );
        }
    }
    assert_eq!(api.history("lobby", "").await["messages"][0]["content"], "mine");
}
