//! The panel as a site and its visitors meet it: who may show it, by what its reader is known, and its
//! loader.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::clock::fake_clock;
use crate::support::client::answer;
use crate::support::raw::exchange;
use crate::support::server::run;
use crate::support::{ADMIN, Answer, Api, Server, Stream, within};

const SETTINGS: &str = r#"
embed-origins = ["https://shop.example", "https://*.example.org", "http://localhost:*"]
rooms = ["lobby", "messages", "support-*", "team", "hidden-*"]

[[site]]
name = "partner"
origins = ["https://partner.example"]
rooms = ["support-*"]

[[room]]
name = "team"
policy = "members"
"#;

/// The policy of a panel, up to the pages that may show it.
const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors ";
/// The other headers of a panel.
const HEADERS: [(&str, &str); 7] = [
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "cross-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ("referrer-policy", "no-referrer"),
    ("x-robots-tag", "noindex"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
];

async fn start() -> Server {
    Server::start_with_settings(SETTINGS, &["--admin-token", ADMIN]).await
}

fn form(api: &Api, path: &str, body: &str) -> RequestBuilder {
    let request = api.request(Method::POST, path).body(body.to_owned());
    request.header("content-type", "application/x-www-form-urlencoded")
}

/// Gives a name in a panel; returns the answer.
async fn named(api: &Api, name: &str) -> Value {
    answer(form(api, "/embed/lobby/name", &format!("name={name}"))).await.expect(200).json()
}

fn token(named: &Value) -> &str {
    named["token"].as_str().unwrap()
}

#[track_caller]
fn assert_framed_by(answer: &Answer, ancestors: &str) {
    assert_eq!(answer.header("content-security-policy"), Some(&*format!("{POLICY}{ancestors}")));
    for (name, value) in HEADERS {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name}: {answer:?}");
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    for name in ["x-frame-options", "set-cookie", "cross-origin-opener-policy"] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
}

#[tokio::test]
async fn a_panel_may_be_shown_by_the_sites_of_the_settings_and_by_nobody_else() {
    let server = start().await;
    let api = server.api();
    let all = "'self' https://shop.example https://*.example.org http://localhost:*";
    for (path, ancestors) in [
        ("lobby".to_owned(), all.to_owned()),
        ("support-7".to_owned(), "'self' https://partner.example ".to_owned() + &all[7..]),
        ("lobby?host=https://shop.example".to_owned(), "'self' https://shop.example".to_owned()),
        ("lobby?host=https%3A%2F%2Fa.b.example.org".to_owned(), "'self' https://a.b.example.org".to_owned()),
        ("lobby?host=http://localhost:3000".to_owned(), "'self' http://localhost:3000".to_owned()),
        ("support-7?host=https://partner.example".to_owned(), "'self' https://partner.example".to_owned()),
    ] {
        let panel = answer(
            api.request(Method::GET, &format!("/embed/{path}")).header("sec-fetch-site", "cross-site"),
        );
        assert_framed_by(&panel.await.expect(200), &ancestors);
    }
    // Another site, one that begins or ends like an allowed one, one without an origin, and headers in the
    // value; the site of another room.
    for host in [
        "https://evil.example",
        "https://shop.example.evil",
        "https://evil-shop.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://example.org",
        "https://evilexample.org",
        "null",
        "data:",
        "data:text/html,x",
        "",
        "*",
        "'self'",
        "https://partner.example",
        "https://shop.example%20https://evil.example",
        "https://shop.example;script-src%20*",
        "https://shop.example%0D%0Ax-frame-options:%20none",
        "https://evil.example/.example.org",
        "https://evil.example%2F.example.org",
        "https://evil.example%23.example.org",
    ] {
        let panel = api.get(&format!("/embed/lobby?host={host}")).await.expect(200);
        assert_framed_by(&panel, "'self'");
    }
    // All that is below the panel, and what is not there.
    for (path, status) in [
        ("/embed/lobby/name", 303),
        ("/embed/embed", 404),
        ("/embed/team", 200),
        ("/embed/lobby/nothing", 404),
        ("/embed/lobby/language", 404),
        ("/embed/lobby/moderation", 404),
    ] {
        assert_framed_by(&api.get(path).await.expect(status), all);
    }
    assert_framed_by(&answer(api.request(Method::DELETE, "/embed/lobby")).await.expect(405), all);
    for (path, ancestors) in
        [("/lobby", "'self'"), ("/lobby?host=https://shop.example", "'self'"), ("/auth", "'none'")]
    {
        let page = api.get(path).await;
        assert_eq!(page.header("content-security-policy"), Some(&*format!("{POLICY}{ancestors}")), "{path}");
    }
}

/// An error as a frame shows it: with the look of the panel, and without a way to a page that no frame shows.
#[track_caller]
fn assert_shown_in_a_frame(error: &Answer) {
    assert_framed_by(error, "'self' https://shop.example");
    let page = &error.body;
    assert!(page.contains("data-panel") && page.contains("data-theme=\"dark\""), "{page}");
    assert!(page.contains("class=\"why\"") && !page.contains("<a ") && !page.contains("<form"), "{page}");
}

#[tokio::test]
async fn what_goes_wrong_in_a_panel_is_said_in_the_frame() {
    const LOOK: &str = "theme=dark&host=https://shop.example";
    let limits = ["--admin-token", ADMIN, "--rate-limit", "reads=1/2,guests=1"];
    let server = Server::start_with_settings(SETTINGS, &limits).await;
    let api = server.api();
    let eve = api.guest("Eve").await;
    let at = |path: &str| format!("/embed/{path}?{LOOK}");
    for path in ["nowhere", "a.b", "lobby/nothing"] {
        assert_shown_in_a_frame(&api.get(&at(path)).await.expect(404));
    }
    assert_shown_in_a_frame(&answer(api.request(Method::DELETE, &at("lobby"))).await.expect(405));
    for token in ["x.y", &eve.token] {
        let denied = answer(api.request(Method::GET, &at("team")).bearer_auth(token)).await;
        assert_shown_in_a_frame(&denied.expect(if token == "x.y" { 401 } else { 403 }));
    }
    let foreign = form(&api, &at("lobby/name"), "name=Eve").header("origin", "https://evil.example");
    assert_shown_in_a_frame(&answer(foreign).await.expect(403));
    assert_shown_in_a_frame(&answer(form(&api, &at("lobby/messages"), "content=x")).await.expect(401));
    let long = format!("name={}", "x".repeat(100_000));
    assert_shown_in_a_frame(&answer(form(&api, &at("lobby/name"), &long)).await.expect(413));
    assert_shown_in_a_frame(&answer(form(&api, &at("lobby/name"), "name=Bob")).await.expect(429));
    // The shell counts as the room does.
    for path in ["lobby", "team"] {
        assert_shown_in_a_frame(&until_limited(&api, &at(path)).await);
    }
    // At the page the same errors have ways onward.
    assert!(until_limited(&api, "/lobby").await.body.contains("href=\"/new\""));

    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n", at("lobby"));
    let malformed = exchange(server.address(), request.as_bytes()).await;
    assert!(malformed.starts_with("HTTP/1.1 400 ") && malformed.contains("data-panel"), "{malformed}");
    assert!(malformed.contains("frame-ancestors 'self' https://shop.example\r\n"), "{malformed}");
}

/// Asks for an address until it is asked for too often.
async fn until_limited(api: &Api, path: &str) -> Answer {
    for _ in 0..1_000 {
        let answer = api.get(path).await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("{path} is not limited");
}

#[tokio::test]
async fn a_connection_too_many_is_said_in_the_frame() {
    let server = Server::start_with_settings(SETTINGS, &["--rate-limit", "connections=1"]).await;
    let stream = Stream::open(server.address(), "/embed/lobby/messages", &[]).await.unwrap();
    let refused = server.api().get("/embed/lobby?theme=dark&host=https://shop.example").await.expect(429);
    assert_shown_in_a_frame(&refused);
    drop(stream);
}

#[tokio::test]
async fn without_a_setting_the_chat_alone_shows_a_panel_and_with_a_star_every_site_does() {
    for (arguments, ancestors) in [
        (&[][..], "'self'"),
        (&["--embed-origins", "*"][..], "'self' *"),
        (&["--embed-origins", "https://a.example"][..], "'self' https://a.example"),
    ] {
        let server = Server::start_with(arguments).await;
        assert_framed_by(&server.api().get("/embed/lobby").await.expect(200), ancestors);
    }
}

#[tokio::test]
async fn an_origin_that_is_none_ends_the_start() {
    for value in ["https://shop.example/", "http://shop.example", "https://*.example", "*,https://a.example"]
    {
        let (code, _, stderr) = run(&["--log", "memory:", "--embed-origins", value]).await;
        assert!(code == Some(2) && stderr.contains("--embed-origins"), "{value}: {code:?} {stderr}");
    }
}

#[tokio::test]
async fn below_embed_a_cookie_is_nobody_and_none_is_set() {
    let server = start().await;
    let api = server.api();
    let page = answer(form(&api, "/lobby/name", "name=Zuleika")).await.expect(303);
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let cookie = format!("{cookie}; lang=de");
    let with_cookie = |method, path: &str| api.request(method, path).header("cookie", &cookie);
    // At the page the same cookie is Zuleika's, and says the language.
    let page = answer(with_cookie(Method::GET, "/lobby")).await.expect(200);
    assert!(page.body.contains("data-author-name=\"Zuleika\"") && page.body.contains("<html lang=\"de\""));

    let panel = answer(with_cookie(Method::GET, "/embed/lobby")).await.expect(200);
    assert!(panel.body.contains("data-author-id=\"\"") && !panel.body.contains("Zuleika"), "{}", panel.body);
    assert!(panel.body.contains("<html lang=\"en\""), "{}", panel.body);
    let foot = answer(with_cookie(Method::GET, "/embed/lobby/name").header("datastar-request", "true")).await;
    assert!(foot.body.contains("data-author-id=\"\"") && !foot.body.contains("Zuleika"), "{foot:?}");
    let message = json!({ "content": "hello" });
    let refused = answer(with_cookie(Method::POST, "/embed/lobby/messages").json(&message)).await.expect(401);
    let renamed = form(&api, "/embed/lobby/name", "name=Bob").header("cookie", &cookie);
    let renamed = answer(renamed).await.expect(200);
    assert_ne!(renamed.json()["author"]["id"], id_of(&api, &cookie).await, "somebody new");
    for answer in [&panel, &foot, &refused, &renamed] {
        assert_eq!(answer.header("set-cookie"), None, "{answer:?}");
    }
    // Nor by the stream: whoever follows is counted, and has no name.
    let stream =
        Stream::open(server.address(), "/embed/lobby/messages", &[("cookie", cookie.as_bytes())]).await;
    let _stream = stream.unwrap();
    api.until_present("lobby", 1).await;
    let present = api.get("/api/v1/rooms/lobby").await.json();
    assert_eq!(present["presence"]["authors"], json!([]));
}

/// The id of whose cookie it is.
async fn id_of(api: &Api, cookie: &str) -> String {
    let page = answer(api.request(Method::GET, "/lobby").header("cookie", cookie)).await.body;
    page.split("data-author-id=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_bearer_is_nobody_at_the_page() {
    let server = start().await;
    let api = server.api();
    let guest = api.guest("Zuleika").await;
    let bearer = |method, path: &str| api.request(method, path).bearer_auth(&guest.token);
    let page = answer(bearer(Method::GET, "/lobby")).await.expect(200);
    assert!(!page.body.contains("Zuleika"), "{}", page.body);
    let message = json!({ "content": "hello" });
    answer(bearer(Method::POST, "/lobby/messages").json(&message)).await.expect(401);
    answer(bearer(Method::POST, "/lobby/typing")).await.expect(401);
}

#[tokio::test]
async fn a_page_of_another_site_writes_nothing_by_a_panel() {
    let server = start().await;
    let api = server.api();
    let guest = api.guest("Ada").await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://shop.example"),
        ("origin", "null"),
    ] {
        for credential in [
            ("authorization", format!("Bearer {}", guest.token)),
            ("cookie", format!("millchat={}", guest.token)),
        ] {
            let from =
                |request: RequestBuilder| request.header(name, value).header(credential.0, &credential.1);
            let message = api.request(Method::POST, "/embed/lobby/messages").json(&json!({ "content": "x" }));
            answer(from(message)).await.expect(403);
            answer(from(form(&api, "/embed/lobby/messages", "content=x"))).await.expect(403);
            answer(from(form(&api, "/embed/lobby/name", "name=Eve"))).await.expect(403);
            let by_script = form(&api, "/embed/lobby/name", "name=Eve").header("datastar-request", "true");
            let named = answer(from(by_script)).await.expect(403);
            assert!(!named.body.contains("token "), "{named:?}");
        }
    }
    assert_eq!(api.history("lobby", "").await["messages"], json!([]));
}

#[tokio::test]
async fn a_panel_of_a_room_that_needs_a_right_is_a_shell_until_its_script_asks() {
    let server = start().await;
    let api = server.api();
    let (olga, eve) = (api.guest("Olga").await, api.guest("Eve").await);
    let member = format!("/api/v1/rooms/team/members/{}", olga.id);
    let role = json!({ "role": "writer" });
    answer(api.request(Method::PUT, &member).bearer_auth(ADMIN).json(&role)).await.expect(204);
    api.say("team", &olga, "a-secret").await;

    let shell = api.get("/embed/team").await.expect(200);
    assert!(shell.body.contains(" data-shell ") && shell.body.contains("data-base=\"/embed/team\""));
    for part in ["a-secret", "Olga", "id=\"m-", "id=\"namer\"", "id=\"writer\"", "data-role"] {
        assert!(!shell.body.contains(part), "{part}: {}", shell.body);
    }
    let open = api.get("/embed/lobby").await.expect(200);
    assert!(!open.body.contains("data-shell"), "{}", open.body);
    // It is as small as the page, for a browser that takes that.
    for path in ["team", "lobby"] {
        let request = format!(
            "HEAD /embed/{path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        );
        let head = exchange(server.address(), request.as_bytes()).await;
        assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
        assert!(head.contains("\r\nvary: accept-encoding\r\n"), "{head}");
    }
    // For the page it is no shell, but a refusal.
    api.get("/team").await.expect(401);

    let by_script = |token: Option<&str>| {
        let request = api.request(Method::GET, "/embed/team").header("datastar-request", "true");
        answer(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    };
    let body = by_script(Some(&olga.token)).await.expect(200);
    assert_eq!(body.header("content-type"), Some("text/event-stream; charset=utf-8"));
    for part in
        ["event: datastar-patch-elements", "<body", "a-secret", "data-role=\"writer\"", "id=\"writer\""]
    {
        assert!(body.body.contains(part), "{part}: {}", body.body);
    }
    assert!(!body.body.contains("data-shell"), "{}", body.body);
    // The page of a search would not know who asks.
    assert!(!body.body.contains("class=\"search\""), "{}", body.body);
    for (token, status) in [(None, 401), (Some(eve.token.as_str()), 403), (Some("x.y"), 401)] {
        let refused = by_script(token).await.expect(status);
        assert!(!refused.body.contains("a-secret") && !refused.body.contains("Olga"), "{refused:?}");
    }
    // Also the document, if it is asked for with a token.
    let document = answer(api.request(Method::GET, "/embed/team").bearer_auth(&olga.token)).await.expect(200);
    assert!(
        document.body.contains("a-secret")
            && document.body.contains("<html lang=\"en\" dir=\"ltr\" data-panel")
    );
}

#[tokio::test]
async fn a_panel_is_missing_where_the_page_is() {
    let server = start().await;
    let api = server.api();
    for room in ["embed", "admin", "demo", "avatars", "a.b", "a%20b", "nowhere", "%E2%80%AE", &"x".repeat(65)]
    {
        api.get(&format!("/{room}")).await.expect(404);
        let missing = api.get(&format!("/embed/{room}")).await.expect(404);
        // No page of the chat opens in a frame.
        assert!(!missing.body.contains("<a ") && !missing.body.contains("<form"), "{}", missing.body);
    }
    api.get("/embed").await.expect(404);
    // A room of this name is no stream.
    assert!(api.get("/embed/messages").await.expect(200).body.contains("data-base=\"/embed/messages\""));
}

#[tokio::test]
async fn a_guest_of_a_panel_writes_by_the_token_that_their_name_gave() {
    let server = start().await;
    let api = server.api();
    let ada = named(&api, "Ada").await;
    assert_eq!((&ada["author"]["name"], &ada["author"]["kind"]), (&json!("Ada"), &json!("guest")));
    let bearer = |method, path: &str| api.request(method, path).bearer_auth(token(&ada));
    let sent = bearer(Method::POST, "/embed/lobby/messages").json(&json!({ "content": "hello", "key": "k" }));
    let sent = answer(sent).await.expect(204);
    let position: u64 =
        sent.header("location").unwrap().strip_prefix("/embed/lobby#m-").unwrap().parse().unwrap();
    answer(bearer(Method::POST, "/embed/lobby/typing")).await.expect(204);
    let message = format!("/embed/lobby/messages/{position}");
    answer(bearer(Method::PUT, &format!("{message}/reactions/%F0%9F%91%8D"))).await.expect(204);
    answer(bearer(Method::PATCH, &message).json(&json!({ "content": "hi" }))).await.expect(204);
    let history = api.history("lobby", "").await;
    assert_eq!(history["messages"][0]["author"], ada["author"]);
    assert_eq!(history["messages"][0]["content"], "hi");

    // The rows are the page's; what they lead to is below the panel.
    let foot = bearer(Method::GET, "/embed/lobby/name").header("datastar-request", "true");
    let foot = answer(foot).await.expect(200).body;
    assert!(
        foot.contains("action=\"/embed/lobby/messages\"") && foot.contains("data-author-name=\"Ada\""),
        "{foot}"
    );
    let panel = api.get("/embed/lobby").await.body;
    // A search is a page, and opens beside the frame.
    let search = "<form class=\"search\" role=\"search\" action=\"/lobby/search\" target=\"_blank\">";
    let (before, after) = panel.split_once(search).expect(&panel);
    let rest = format!("{before}{after}");
    for wrong in ["\"/lobby", "'/lobby", "`/lobby", "\"/new", "\"/auth"] {
        assert!(!rest.contains(wrong), "{wrong}: {rest}");
    }
    api.get("/embed/lobby/search?q=x").await.expect(404);

    let by_script = form(&api, "/embed/lobby/name", "name=Countess").bearer_auth(token(&ada));
    let renamed = answer(by_script.header("datastar-request", "true")).await.expect(200);
    let said = renamed.body.strip_prefix("event: datastar-token\ndata: token ").expect(&renamed.body);
    let (again, rest) = said.split_once("\ndata: author ").unwrap();
    let author: Value = serde_json::from_str(rest.split_once("\n\n").unwrap().0).unwrap();
    assert_eq!((&author["id"], &author["name"]), (&ada["author"]["id"], &json!("Countess")));
    assert!(
        rest.contains("datastar-patch-elements") && rest.contains("data-author-name=\"Countess\""),
        "{rest}"
    );
    answer(api.request(Method::DELETE, &message).bearer_auth(again)).await.expect(204);
    answer(form(&api, "/embed/lobby/name", "name=").bearer_auth(again)).await.expect(422);
}

#[tokio::test]
async fn a_guest_of_a_panel_is_the_same_for_years() {
    const DAY: i64 = 24 * 60 * 60;
    let clock = fake_clock();
    let server = Server::start_in(&clock.environment(), &[]).await;
    let api = server.api();
    let ada = named(&api, "Ada").await;
    let renewed = async |token: &str| {
        answer(form(&api, "/embed/lobby/name", "").bearer_auth(token)).await.expect(200).json()
    };
    clock.set(6 * DAY);
    assert_eq!(token(&renewed(token(&ada)).await), token(&ada), "it is new enough");
    let mut now = ada.clone();
    for years in 1..=3 {
        clock.set(years * 300 * DAY);
        let next = renewed(token(&now)).await;
        assert_eq!(next["author"], ada["author"]);
        assert_ne!(token(&next), token(&now));
        now = next;
    }
    let sent = api.request(Method::POST, "/embed/lobby/messages").json(&json!({ "content": "hello" }));
    answer(sent.bearer_auth(token(&now))).await.expect(204);
    // One that is too old is nobody, and is not made somebody else in passing.
    answer(form(&api, "/embed/lobby/name", "").bearer_auth(token(&ada))).await.expect(401);
    answer(form(&api, "/embed/lobby/name", "name=Ada").bearer_auth(token(&ada))).await.expect(401);
    answer(form(&api, "/embed/lobby/name", "")).await.expect(422);
}

#[tokio::test]
async fn a_token_that_is_no_good_reads_as_nobody_and_is_told_of() {
    let server = start().await;
    let api = server.api();
    let panel = answer(api.request(Method::GET, "/embed/lobby").bearer_auth("x.y")).await.expect(200);
    assert!(panel.body.contains("data-author-id=\"\""), "{}", panel.body);
    let message = json!({ "content": "hello" });
    answer(api.request(Method::POST, "/embed/lobby/messages").bearer_auth("x.y").json(&message))
        .await
        .expect(401);
    let headers: [(&str, &[u8]); 1] = [("authorization", b"Bearer x.y")];
    for (path, said) in
        [("/embed/lobby/messages", "nobody forged-token"), ("/embed/team/messages", "denied forged-token")]
    {
        let mut stream = Stream::open(server.address(), path, &headers).await.unwrap();
        let first = within("it is told", stream.next()).await.unwrap();
        assert!(first.data.lines().any(|line| line == said), "{path}: {first:?}");
    }
}

#[tokio::test]
async fn the_look_of_a_panel_is_in_its_address_and_a_wrong_value_is_none() {
    let server = start().await;
    let api = server.api();
    let framed = async |query: &str| {
        let request = api.request(Method::GET, &format!("/embed/lobby?{query}"));
        answer(request.header("sec-fetch-dest", "iframe")).await.expect(200).body
    };
    let panel = framed("lang=ar&theme=dark&accent=%23ffcc00&title=Ask%20us").await;
    for part in [
        "<html lang=\"ar\" dir=\"rtl\" data-panel data-theme=\"dark\">",
        "<meta name=\"color-scheme\" content=\"dark\">",
        "<meta name=\"referrer\" content=\"no-referrer\">",
        "<link rel=\"stylesheet\" href=\"/assets/accent-ffcc00.css\">",
        "<h1 title=\"lobby\" data-title=\"lobby\" data-ignore><bdi>Ask us</bdi>",
        "<title>Ask us · Millchat</title>",
    ] {
        assert!(panel.contains(part), "{part}: {panel}");
    }
    let style = api.get("/assets/accent-ffcc00.css").await.expect(200);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(
        style.body.contains("--fill: #ffcc00;") && style.body.contains("--on-fill: #000000;"),
        "{style:?}"
    );

    let plain = framed("").await;
    let key = |page: &str| page.split("name=\"key\"").next().unwrap().to_owned();
    for wrong in [
        "lang=xx&theme=blue&accent=red&title=",
        "lang=%22%3E&theme=%22%3E%3Cscript%3E&accent=%23000;x&title=a%0Ab",
        "lang=../../etc&theme=javascript:x&accent=javascript:x&title=%20",
        &format!("title={0}&lang={0}&theme={0}&accent={0}", "x".repeat(2_000)),
    ] {
        assert_eq!(key(&framed(wrong).await), key(&plain), "{wrong}");
    }
    // A link to a panel shows nobody's words but the chat's.
    for room in ["lobby", "team"] {
        let link =
            answer(api.request(Method::GET, &format!("/embed/{room}?title=Your+bank"))).await.expect(200);
        assert!(
            !link.body.contains("Your bank") && link.body.contains(&format!("<bdi>{room}</bdi>")),
            "{link:?}"
        );
    }
    let hostile = framed("title=%3C/title%3E%3Cscript%3Ex%3C/script%3E%E2%80%AE").await;
    assert!(hostile.contains("<bdi>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;\u{202e}</bdi>"), "{hostile}");
    assert_eq!(hostile.matches("<script").count(), 2, "{hostile}");
    let german = answer(api.request(Method::GET, "/embed/lobby").header("accept-language", "de")).await.body;
    assert!(german.contains("<html lang=\"de\""));
}

#[tokio::test]
async fn the_loader_is_kept_for_an_hour_and_asked_for_again() {
    let server = Server::start().await;
    let api = server.api();
    let plain =
        answer(api.request(Method::GET, "/embed.js").header("accept-encoding", "identity")).await.expect(200);
    let hour = "public, max-age=3600, stale-while-revalidate=86400";
    let headers = |answer: &Answer, kept: &str| {
        for (name, value) in [
            ("content-type", "text/javascript; charset=utf-8"),
            ("cache-control", kept),
            ("access-control-allow-origin", "*"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("x-content-type-options", "nosniff"),
            ("vary", "accept-encoding"),
        ] {
            let is_left_out = answer.status == 304 && name == "content-type";
            assert!(is_left_out || answer.header(name) == Some(value), "{name}: {answer:?}");
        }
        assert_eq!(answer.header("set-cookie"), None);
    };
    headers(&plain, hour);
    let tag = plain.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let request = b"HEAD /embed.js HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    let head = exchange(server.address(), request).await;
    assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
    let gzip_tag = head.split("\r\netag: ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
    assert_ne!(tag, gzip_tag);
    for known in [tag.clone(), gzip_tag, format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let again = api.request(Method::GET, "/embed.js").header("if-none-match", &known);
        let again = answer(again.header("accept-encoding", "identity")).await.expect(304);
        headers(&again, hour);
        assert_eq!((again.body.as_str(), again.header("etag")), ("", Some(&*tag)), "{known}");
    }
    answer(api.request(Method::GET, "/embed.js").header("if-none-match", "\"x\"")).await.expect(200);

    let named = format!("/assets/embed-{}.js", tag.trim_matches('"'));
    let for_ever =
        answer(api.request(Method::GET, &named).header("accept-encoding", "identity")).await.expect(200);
    headers(&for_ever, "public, max-age=31536000, immutable");
    assert_eq!(for_ever.body, plain.body);
    api.get("/assets/embed-0000000000000000.js").await.expect(404);
}

#[tokio::test]
async fn the_way_to_ones_own_room_counts_as_a_read() {
    let settings = "rate-limit = \"reads=1/3\"\n[[room]]\nname = \"help-*\"\npolicy = \"visitor\"\n";
    let server = Server::start_with_settings(settings, &[]).await;
    let api = server.api();
    let guest = api.guest("Ada").await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let request = api.request(Method::POST, "/embed/help-/own").bearer_auth(&guest.token);
        statuses.push(answer(request).await.status);
    }
    assert!(statuses.starts_with(&[200]) && statuses.contains(&429), "{statuses:?}");
}
