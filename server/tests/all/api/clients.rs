//! Clients that nobody wrote for Millchat, and the habits that their users know from other servers: how they
//! decode text, where they end a line, what they ask beforehand, how they spell the last id, when they give
//! up.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::commands::{export, import};
use crate::support::client::answer;
use crate::support::oracle::epoch;
use crate::support::raw::{Head, exchange, status_of};
use crate::support::{ADMIN, Api, Server, Stream, within};

const EVENTS: &str = "/api/v1/rooms/lobby/events";
/// Characters at which Python's `str.splitlines` ends a line.
const LINE_ENDS: &str = "\n\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}";

/// A request that ends its connection: the head and the body of its answer.
async fn ask(server: &Server, request: &str) -> (Head, String) {
    let request = format!("{request}\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = exchange(server.address(), request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer}"));
    (Head::parse(head), body.to_owned())
}

#[tokio::test]
async fn every_answer_that_is_text_names_its_charset() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "Gr\u{fc}\u{df}e").await;
    let page = api.get("/lobby").await.body;
    let assets = page.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next());
    let paths: Vec<String> = assets.map(|name| format!("/assets/{name}")).collect();
    assert!(paths.len() >= 3, "a script, a style, a client: {paths:?}");
    // An image names its own.
    let mut paths: Vec<String> = paths.into_iter().filter(|path| !path.contains("/icon.")).collect();
    for path in [
        "/lobby",
        "/no/such/page/at/all",
        "/assets/licences.txt",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/openapi.json",
        "/api/v1/rooms/lobby",
        "/api/v1/rooms/lobby/messages",
        "/api/v1/rooms/lobby/messages/1",
        "/api/v1/rooms/new",
        "/api/nothing",
        "/admin/bans",
        "/admin/backup",
    ] {
        paths.push(path.to_owned());
    }
    for path in paths {
        let request = api.request(Method::GET, &path);
        let request = if path == "/admin/backup" { request.bearer_auth(ADMIN) } else { request };
        let answer = answer(request).await;
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(kind.ends_with("; charset=utf-8"), "{path}: {kind}");
    }
    for path in [EVENTS, "/lobby/messages"] {
        let stream = Stream::open(server.address(), path, &[]).await.unwrap();
        assert_eq!(stream.head.header("content-type"), Some("text/event-stream; charset=utf-8"), "{path}");
    }
}

#[tokio::test]
async fn a_text_with_every_line_end_of_unicode_is_one_line_of_the_stream_and_of_an_export() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let said = format!("a{LINE_ENDS}b\u{2028}{{}}\u{2029}");
    api.say("lobby", &ada, &said).await;
    let kept = api.history("lobby", "").await["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(kept.contains('\u{2028}') && kept.contains('\u{2029}'), "{kept:?}");
    // As a parser does it that ends lines wherever Unicode does.
    let split = |text: &str| -> Vec<Value> {
        let lines = text.split(|character| LINE_ENDS.contains(character));
        let lines = lines.map(|line| line.strip_prefix("data: ").unwrap_or(line));
        lines.filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    server.terminate().await;
    let exported = export(&[server.log().to_str().unwrap()]).await;
    let lines = split(&exported);
    assert_eq!(lines.len(), 3, "a head, a record, an end: {exported}");
    assert_eq!(lines[1]["content"], kept);

    // An import may hold what nobody can send: it is one line too.
    let imported = exported.replace("\\u2029", "\\u2029\\u0085\\u000b\\u001c");
    let log = server.directory().join("imported.redb");
    let (code, stderr) = import(&[log.to_str().unwrap()], &imported).await;
    assert_eq!(code, Some(0), "{stderr}");
    let server = Server::start_with(&["--log", log.to_str().unwrap()]).await;
    let mut stream = server.api().stream("lobby", None).await;
    assert_eq!(stream.logged().await.event, "start");
    let message = stream.logged().await;
    assert!(!message.data.contains(|character| LINE_ENDS.contains(character)), "{message:?}");
    let content = kept.replace('\u{2029}', "\u{2029}\u{85}\u{b}\u{1c}");
    assert_eq!(message.json()["content"], content);
}

#[tokio::test]
async fn a_page_of_another_origin_may_send_any_header() {
    let server = Server::start_with(&["--rate-limit", "connections=1"]).await;
    let api = server.api();
    // What npm's eventsource 1 and 2, fetch wrappers and tracing libraries add.
    let headers = [
        "cache-control",
        "last-event-id",
        "x-requested-with",
        "traceparent",
        "tracestate",
        "baggage",
        "sentry-trace",
        "x-datadog-trace-id",
        "b3",
        "pragma",
        "content-type",
        "idempotency-key",
        "authorization",
        "x-anything-else",
    ];
    let preflight = |path: &str, method: &str, headers: &str| {
        let request = api.request(Method::OPTIONS, path).header("origin", "https://elsewhere.example");
        let request = request.header("access-control-request-method", method);
        answer(request.header("access-control-request-headers", headers))
    };
    for (path, method) in
        [(EVENTS, "GET"), ("/api/v1/guests", "POST"), ("/api/v1/rooms/lobby/messages/1", "PATCH")]
    {
        let answer = preflight(path, method, &headers.join(",")).await.expect(204);
        let list = |name: &str| -> BTreeSet<String> {
            let list = answer.header(name).unwrap_or_else(|| panic!("{name}: {answer:?}"));
            list.split(',').map(|item| item.trim().to_ascii_lowercase()).collect()
        };
        // An old browser knows no star, and a new one takes it for all but `Authorization`.
        let allowed = list("access-control-allow-headers");
        for header in headers {
            assert!(allowed.contains(header), "{path}: {header} in {allowed:?}");
        }
        assert!(allowed.contains("*"), "for whom asks through a cache: {allowed:?}");
        assert!(list("access-control-allow-methods").contains(&method.to_ascii_lowercase()));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("access-control-max-age"), Some("86400"));
    }
    let plain = answer(api.request(Method::GET, "/api/v1/rooms/lobby")).await.expect(200);
    let exposed = plain.header("access-control-expose-headers").unwrap().to_ascii_lowercase();
    for header in ["retry-after", "location", "link", "allow", "www-authenticate", "date", "*"] {
        assert!(exposed.split(", ").any(|exposed| exposed == header), "{header} in {exposed}");
    }
    // The one connection is the client's own; another is over the limit. Its preflight is answered, so that a
    // page can read the refusal behind it.
    let request = format!("OPTIONS {EVENTS} HTTP/1.1\r\nOrigin: https://elsewhere.example");
    let (head, _) = ask(&server, &request).await;
    assert_eq!((head.status, head.header("access-control-allow-origin")), (204, Some("*")), "{head:?}");
    let (head, _) = ask(&server, "GET /api/v1/rooms/lobby HTTP/1.1").await;
    assert_eq!((head.status, head.header("access-control-allow-origin")), (429, Some("*")), "{head:?}");
}

/// The positions of the messages that a stream begins with, up to `last`.
async fn begins(api: &Api, path: &str, header: Option<&str>, last: u64) -> Vec<u64> {
    let headers: Vec<(&str, &[u8])> = header.iter().map(|id| ("Last-Event-ID", id.as_bytes())).collect();
    let mut stream = Stream::open(api.address(), path, &headers).await.unwrap();
    let opening = stream.logged().await;
    assert_eq!(opening.event, "start", "{path}");
    let mut positions = Vec::new();
    while opening.place().1 < last && positions.last() != Some(&last) {
        positions.push(stream.logged().await.place().1);
    }
    positions
}

#[tokio::test]
async fn the_last_id_is_known_in_every_spelling_and_the_newer_of_two_counts() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut said = Vec::new();
    for number in 0..150 {
        said.push(api.say("lobby", &ada, &format!("message {number}")).await);
    }
    let epoch = epoch(&api, "lobby").await;
    let (first, tenth) = (format!("{epoch}-{}", said[0]), format!("{epoch}-{}", said[9]));
    for name in
        ["last_event_id", "lastEventId", "lastEventID", "last-event-id", "Last-Event-ID", "lasteventid"]
    {
        let positions = begins(&api, &format!("{EVENTS}?{name}={first}"), None, said[149]).await;
        assert_eq!(positions, said[1..], "{name}: all that was missed");
    }
    for (query, header) in [
        (format!("?lastEventId={first}"), Some(tenth.as_str())),
        (format!("?lastEventId={tenth}"), Some(first.as_str())),
        (format!("?lastEventId={first}&last_event_id={tenth}"), None),
        (format!("?last_event_id={tenth}&last_event_id={first}"), None),
        (format!("?last_event_id={first}"), Some(tenth.as_str())),
        (format!("?last_event_id={tenth}"), Some("junk")),
    ] {
        let positions = begins(&api, &format!("{EVENTS}{query}"), header, said[149]).await;
        assert_eq!(positions, said[10..], "{query} {header:?}");
    }
}

#[tokio::test]
async fn a_parameter_that_may_decide_what_is_missed_is_not_passed_over_in_silence() {
    let server = Server::start().await;
    let api = server.api();
    for path in [EVENTS, "/api/v1/rooms/lobby/messages"] {
        for query in ["since=17", "lastId=17", "cursor=x", "from_id=3", "offset=9", "x=5f3c9a2e-17"] {
            let detail = api.get(&format!("{path}?{query}")).await.expect_problem(400);
            assert!(detail.contains(query.split('=').next().unwrap()), "{detail}");
        }
        for query in ["_=1700000000000", "t=0.123", "1700000000000", "utm_source=mail", ""] {
            answer(api.request(Method::HEAD, &format!("{path}?{query}"))).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_stream_over_any_limit_ends_with_the_time_to_come_back_and_is_not_refused_by_its_status() {
    let limits = ["--rate-limit", "reads=1/1", "--trusted-proxies", "127.0.0.1", "--admin-token", ADMIN];
    let server = Server::start_with(&limits).await;
    let api = server.api();
    let ban = api.request(Method::PUT, "/admin/bans/addresses/203.0.113.7").bearer_auth(ADMIN);
    answer(ban.json(&json!({ "for": "30d" }))).await.expect(204);
    let mut waits = BTreeSet::new();
    for path in [EVENTS, "/lobby/messages"] {
        for (address, limit, most) in [("203.0.113.7", "banned", 3_604_000), ("203.0.113.8", "reads", 6_000)]
        {
            let request = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {address}");
            let refused = async {
                loop {
                    // One that is within the limit does not end.
                    let open = ask(&server, &request);
                    let ended = tokio::time::timeout(std::time::Duration::from_millis(200), open).await;
                    if let Ok((head, body)) = ended
                        && body.contains("retry: ")
                        && !body.contains("id: ")
                    {
                        break (head, body);
                    }
                }
            };
            let (head, body) = within("a refusal", refused).await;
            assert_eq!(head.status, 200, "{body}");
            assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"));
            assert!(body.contains(": rate-limited: ") && body.contains(limit), "{body}");
            let retry = body.split_once("\nretry: ").expect("a time").1.trim_end();
            let retry: u64 = retry.lines().next().unwrap().trim().parse().expect("a number");
            assert!((1_000..=most).contains(&retry), "{retry} ms");
            waits.insert(retry);
        }
    }
    assert!(waits.len() > 2, "they are drawn: {waits:?}");
}

#[tokio::test]
async fn no_line_of_the_stream_is_longer_than_the_docs_say() {
    const LINE_BYTES_MAX: usize = 135_168;
    let server = Server::start().await;
    let api = server.api();
    let name: String = "\"".repeat(40);
    let ada = api.guest(&name).await;
    let mut stream = api.stream("lobby", None).await;
    assert_eq!(stream.logged().await.event, "start");
    for character in ["\"", "\\", "\u{2028}", "\u{10ffff}x"] {
        let content = format!("x{}", character.repeat(65_535 / character.len()));
        api.say("lobby", &ada, &content).await;
        let message = stream.logged().await;
        assert_eq!(message.json()["content"], content);
        let line = "data: ".len() + message.data.len();
        assert!(line <= LINE_BYTES_MAX && line > 65_536, "{line} bytes");
    }
}

#[tokio::test]
async fn what_is_answered_before_a_request_is_whole_has_its_date() {
    let server = Server::start().await;
    for (request, status) in [
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(40_000)), 431),
    ] {
        let answer = exchange(server.address(), request.as_bytes()).await;
        assert_eq!(status_of(&answer), Some(status), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\ndate: "), "{answer}");
    }
}
