//! Every route answers as written, to programs from anywhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::{Answer, Server};

/// The API's routes: path with `{room}`, `{position}` and `{reaction}`, and its methods.
const ROUTES: [(&str, &[&str]); 26] = [
    ("/api/v1/guests", &["POST"]),
    ("/api/v1/guests/me", &["PATCH"]),
    ("/api/v1/me/messages", &["DELETE"]),
    ("/api/v1/hooks/{token}", &["POST"]),
    ("/api/v1/rooms", &["GET"]),
    ("/api/v1/rooms/{room}", &["GET"]),
    ("/api/v1/rooms/{room}/messages", &["GET", "POST", "DELETE"]),
    ("/api/v1/rooms/{room}/messages/{position}/flags", &["POST"]),
    ("/api/v1/rooms/{room}/closed", &["PUT", "DELETE"]),
    ("/api/v1/rooms/{room}/members", &["GET"]),
    ("/api/v1/rooms/{room}/members/{author}", &["PUT", "DELETE"]),
    ("/api/v1/rooms/{room}/authors/{author}/messages", &["DELETE"]),
    ("/api/v1/rooms/{room}/bans", &["GET"]),
    ("/api/v1/rooms/{room}/bans/{author}", &["PUT", "DELETE"]),
    ("/api/v1/rooms/{room}/invitations", &["GET", "POST"]),
    ("/api/v1/rooms/{room}/invitations/accept", &["POST"]),
    ("/api/v1/rooms/{room}/invitations/{id}", &["DELETE"]),
    ("/api/v1/rooms/{room}/flags", &["GET"]),
    ("/api/v1/rooms/{room}/flags/{position}", &["DELETE"]),
    ("/api/v1/rooms/{room}/messages/{position}", &["GET", "PATCH", "DELETE"]),
    ("/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}", &["PUT", "DELETE"]),
    ("/api/v1/rooms/{room}/search", &["GET"]),
    ("/api/v1/rooms/{room}/ticket", &["POST"]),
    ("/api/v1/rooms/{room}/drafts/{position}", &["PUT", "DELETE"]),
    ("/api/v1/rooms/{room}/typing", &["POST"]),
    ("/api/v1/rooms/{room}/events", &["GET"]),
];

fn path_of(route: &str) -> String {
    let route = route.replace("{author}", "g_x").replace("{id}", "0123");
    route.replace("{room}", "lobby").replace("{position}", "1").replace("{reaction}", "%F0%9F%91%8D")
}

#[track_caller]
fn assert_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("not a time: {value}"));
    let pattern = "0000-00-00T00:00:00.000Z";
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, pattern, "{text}");
}

#[track_caller]
fn allows(answer: &Answer) -> Vec<String> {
    let allow = answer.header("allow").unwrap_or_else(|| panic!("no Allow: {answer:?}"));
    allow.split(',').map(|method| method.trim().to_owned()).collect()
}

#[tokio::test]
async fn a_guest_gets_a_token_and_renames_without_becoming_somebody_else() {
    let server = Server::start().await;
    let api = server.api();
    let request = api.request(Method::POST, "/api/v1/guests").json(&json!({ "name": "  Ada   Lovelace " }));
    let body = answer(request).await.expect(201).json();
    assert_eq!(body["author"]["name"], "Ada Lovelace");
    assert_eq!(body["author"]["kind"], "guest");
    let (token, id) = (body["token"].as_str().unwrap(), body["author"]["id"].as_str().unwrap());
    assert!(!token.is_empty() && !id.is_empty(), "{body}");

    let rename = api.request(Method::PATCH, "/api/v1/guests/me").json(&json!({ "name": "Countess" }));
    let renamed = answer(rename.bearer_auth(token)).await.expect(200).json();
    assert_eq!(renamed["author"]["name"], "Countess");
    assert_eq!(renamed["author"]["id"], id);
    assert_ne!(renamed["token"], token);

    let other = api.guest("Ada Lovelace").await;
    assert_ne!(other.id, id, "two guests of one name are two");
}

#[tokio::test]
async fn a_message_is_acknowledged_with_its_place_and_read_back_the_same() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let first = api.send("lobby", &ada, "hello").await;
    let elsewhere = api.send("kitchen", &ada, "elsewhere").await;
    let second = api.send("lobby", &ada, "a\r\n\tb \u{1f600}").await;
    assert_eq!(first["prev"], 0);
    assert_eq!(elsewhere["prev"], 0);
    assert_eq!(second["prev"], first["position"]);
    assert!(first["position"].as_u64() < elsewhere["position"].as_u64());
    assert!(elsewhere["position"].as_u64() < second["position"].as_u64());
    let epoch = first["epoch"].as_str().unwrap();
    assert!(epoch.len() == 8 && epoch.bytes().all(|b| b.is_ascii_hexdigit()), "{epoch}");
    assert_time(&first["created_at"]);

    let page = api.history("lobby", "").await;
    let messages = page["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    for (message, (sent, content)) in messages.iter().zip([(&first, "hello"), (&second, "a\n\tb \u{1f600}")])
    {
        assert_eq!(message["position"], sent["position"]);
        assert_eq!(message["prev"], sent["prev"]);
        assert_eq!(message["created_at"], sent["created_at"]);
        assert_eq!(message["content"], content);
        assert_eq!(message["author"], json!({ "id": ada.id, "name": "Ada", "kind": "guest" }));
        assert!(message.get("edited_at").is_none_or(Value::is_null), "{message}");
        assert!(message.get("deleted").is_none_or(|deleted| deleted == false), "{message}");
    }
    assert_eq!(page["head"], second["position"]);
    assert_eq!(page["floor"], 1);
}

#[tokio::test]
async fn a_room_says_who_is_there_its_head_and_the_floor() {
    let server = Server::start().await;
    let api = server.api();
    let empty = api.get("/api/v1/rooms/lobby").await.expect(200).json();
    assert_eq!(empty["presence"], json!({ "count": 0, "authors": [] }));
    assert_eq!((&empty["head"], &empty["floor"]), (&json!(0), &json!(1)));

    let ada = api.guest("Ada").await;
    let position = api.say("lobby", &ada, "hello").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    let room = api.get("/api/v1/rooms/lobby").await.expect(200).json();
    assert_eq!(room["head"], position);
    assert_eq!(room["presence"]["count"], 1);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start().await;
    let api = server.api();
    for (route, methods) in ROUTES {
        for wrong in ["PUT", "GET", "POST", "PATCH", "DELETE"] {
            if methods.contains(&wrong) {
                continue;
            }
            let request = api.request(wrong.parse().unwrap(), &path_of(route));
            let answer = answer(request).await;
            answer.expect_problem(405);
            let allowed = allows(&answer);
            for method in methods {
                assert!(allowed.iter().any(|allowed| allowed == method), "{wrong} {route}: {allowed:?}");
            }
            assert!(!allowed.iter().any(|allowed| allowed == wrong), "{wrong} {route}: {allowed:?}");
        }
    }
    for (path, method) in [("/healthz", "POST"), ("/", "DELETE"), ("/lobby", "PUT"), ("/metrics", "PATCH")] {
        let answer = answer(api.request(method.parse().unwrap(), path)).await.expect(405);
        assert!(allows(&answer).iter().any(|allowed| allowed == "GET"), "{method} {path}: {answer:?}");
    }
    assert_eq!(allows(&api.get("/lobby/messages/7").await.expect(405)), ["PATCH", "DELETE"]);
}

#[tokio::test]
async fn an_unknown_path_is_404_for_programs_and_for_people() {
    let server = Server::start().await;
    let api = server.api();
    for path in ["/api/", "/api/v1", "/api/v2/rooms/lobby", "/api/v1/room", "/api/v1/rooms/lobby/nothing"] {
        api.get(path).await.expect_problem(404);
    }
    for path in ["/lobby/nothing", "/lobby/messages/7/8", "/assets/nothing.js", "/a/b/c/d"] {
        let answer = api.get(path).await.expect(404);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{answer:?}");
    }
}

#[tokio::test]
async fn any_origin_may_use_the_api_and_none_with_a_cookie() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let origin = "https://elsewhere.example";
    let plain = |method: Method, path: &str| api.request(method, path).header("origin", origin);
    let post = api.post("lobby", &ada, "hello").header("origin", origin);
    for request in [
        post,
        plain(Method::GET, "/api/v1/rooms/lobby"),
        plain(Method::GET, "/api/v1/rooms/lobby/messages"),
        plain(Method::GET, "/api/v1/rooms/new"),
        plain(Method::POST, "/api/v1/rooms/lobby/messages"),
        plain(Method::PUT, "/api/v1/guests"),
        plain(Method::GET, "/api/nothing"),
        plain(Method::GET, "/api/openapi.json"),
    ] {
        let answer = answer(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{answer:?}");
        assert_eq!(answer.header("set-cookie"), None, "{answer:?}");
    }
    let stream = api.stream("lobby", None).await;
    assert_eq!(stream.head.header("access-control-allow-origin"), Some("*"));

    for (route, methods) in ROUTES {
        for method in methods {
            let request =
                plain(Method::OPTIONS, &path_of(route)).header("access-control-request-method", *method);
            let answer = answer(request.header("access-control-request-headers", "authorization")).await;
            assert!(matches!(answer.status, 200 | 204), "{answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer:?}");
            let methods = answer.header("access-control-allow-methods").unwrap_or_default();
            assert!(methods.contains(method), "{route}: {methods}");
            let headers =
                answer.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
            for header in ["authorization", "content-type", "idempotency-key", "last-event-id"] {
                assert!(headers.contains(header), "{route}: {headers}");
            }
        }
    }

    // The cookie of the page is nobody here.
    let cookie = format!("millchat={}", ada.token);
    let request = plain(Method::POST, "/api/v1/rooms/lobby/messages").header("cookie", cookie);
    answer(request.json(&json!({ "content": "x" }))).await.expect_problem(401);
}

#[tokio::test]
async fn head_answers_like_get_but_without_the_body() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "hello").await;
    for path in [
        "/api/v1/rooms/lobby",
        "/api/v1/rooms/lobby/messages",
        "/api/openapi.json",
        "/api/nothing",
        "/healthz",
        "/readyz",
        "/lobby",
    ] {
        // As the length says, and not as a client unpacks it.
        let ask = |method| answer(api.request(method, path).header("Accept-Encoding", "identity"));
        let (get, head) = (ask(Method::GET).await, ask(Method::HEAD).await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.body, "", "{path}");
        let length = get.header("content-length").unwrap_or_else(|| panic!("no length: {path} {get:?}"));
        assert_eq!(length, get.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-length"), Some(length), "{path}");
    }
    let stream = answer(api.request(Method::HEAD, "/api/v1/rooms/lobby/events")).await.expect(200);
    assert_eq!(stream.header("content-type"), Some("text/event-stream; charset=utf-8"));
}

#[tokio::test]
async fn the_openapi_document_describes_every_route() {
    let server = Server::start().await;
    let document = server.api().get("/api/openapi.json").await.expect(200);
    assert!(document.header("content-type").unwrap().starts_with("application/json"));
    let document = document.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    for (route, methods) in ROUTES {
        for method in methods {
            let operation =
                &paths.get(route).unwrap_or_else(|| panic!("{route} is missing"))[method.to_lowercase()];
            let answers = operation["responses"].as_object();
            assert!(answers.is_some_and(|answers| !answers.is_empty()), "{method} {route}: {operation}");
        }
    }
    let known: Vec<&str> = ROUTES.iter().map(|(route, _)| *route).collect();
    for path in paths.keys().filter(|path| path.starts_with("/api/v1/")) {
        assert!(known.contains(&path.as_str()), "{path} is described, and tested nowhere");
    }
    // Every reference leads somewhere.
    let mut pending = vec![&document];
    while let Some(value) = pending.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference}"));
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        match value {
            Value::Array(values) => pending.extend(values),
            Value::Object(members) => pending.extend(members.values()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_probes_answer_and_the_front_door_leads_to_a_fresh_room() {
    let server = Server::start().await;
    let api = server.api();
    api.get("/healthz").await.expect(200);
    api.get("/readyz").await.expect(200);
    let metrics = api.get("/metrics").await.expect(200);
    assert!(metrics.body.lines().any(|line| line.starts_with("# TYPE millchat_")), "{}", metrics.body);
    let mut rooms = Vec::new();
    for path in ["/", "/new", "/"] {
        let answer = api.get(path).await.expect(307);
        let room = answer.header("location").unwrap().strip_prefix('/').unwrap().to_owned();
        assert!(room.len() == 32 && room.bytes().all(|b| b.is_ascii_alphanumeric()), "{room}");
        rooms.push(room);
    }
    rooms.sort_unstable();
    rooms.dedup();
    assert_eq!(rooms.len(), 3, "each room is a fresh one");
}

#[tokio::test]
async fn the_page_is_guarded_by_its_headers() {
    let server = Server::start().await;
    let api = server.api();
    for path in ["/lobby", "/a/b/c/d"] {
        let answer = api.get(path).await;
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{answer:?}"));
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        assert!(policy.contains("frame-ancestors") && policy.contains("default-src"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
        // A room's address opens it: it is told to no other site and found by no search.
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{answer:?}");
        assert_eq!(answer.header("x-robots-tag"), Some("noindex"), "{answer:?}");
    }
    assert_eq!(api.get("/api/v1/rooms/lobby").await.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn the_pages_own_routes_refuse_other_sites_and_strangers() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let post = |headers: &[(&str, &str)], cookie: bool| {
        let mut request = api.request(Method::POST, "/lobby/messages").json(&json!({ "content": "hello" }));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if cookie {
            request = request.header("cookie", format!("millchat={}", ada.token));
        }
        answer(request)
    };
    let own = format!("http://{}", server.address());
    post(&[("origin", "https://evil.example")], true).await.expect(403);
    post(&[("sec-fetch-site", "cross-site")], true).await.expect(403);
    post(&[("sec-fetch-site", "same-site")], true).await.expect(403);
    post(&[("origin", &own)], false).await.expect(401);
    post(&[("origin", &own)], true).await.expect(204);
    assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 1);
}
