//! Incoming webhooks: what programs post by them, and what thieves and forgers try.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{ask, now, operated, post};
use crate::clock::fake_clock;
use crate::support::client::answer;
use crate::support::{ADMIN, Answer, Api, Server};

const TOKENS: &str = "/admin/tokens";
const DAY: i64 = 24 * 60 * 60;

/// Makes a hook of the lobby; gives the answer.
async fn hook(api: &Api, more: Value) -> Value {
    let mut body = json!({ "name": "deploys", "hook": "lobby" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(api, TOKENS, body).await.expect(201).json()
}

fn url(made: &Value) -> &str {
    made["url"].as_str().unwrap_or_else(|| panic!("{made}"))
}

fn to(api: &Api, path: &str) -> RequestBuilder {
    api.request(Method::POST, path)
}

async fn say(api: &Api, path: &str, content: &str) -> Answer {
    answer(to(api, path).json(&json!({ "content": content }))).await
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, name: &str) {
    answer.expect_problem(status);
    assert_eq!(answer.json()["type"], format!("urn:millchat:problem:{name}"), "{answer:?}");
}

async fn contents(api: &Api) -> Vec<String> {
    let page = api.history("lobby", "").await;
    let content = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    page["messages"].as_array().unwrap().iter().map(content).collect()
}

/// The signature, made here and not by the server.
fn signature(secret: &str, id: &str, at: u64, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

fn signed(api: &Api, path: &str, (id, at, signature): (&str, u64, &str), body: &str) -> RequestBuilder {
    let request = to(api, path).header("webhook-id", id).header("webhook-timestamp", at);
    let request = request.header("webhook-signature", signature);
    request.header("content-type", "application/json").body(body.to_owned())
}

#[tokio::test]
async fn a_program_that_can_only_post_writes_in_one_room_by_a_hook_until_it_is_removed() {
    let mut server = operated().await;
    let api = server.api();
    let made = hook(&api, json!({})).await;
    let (id, path) = (made["id"].as_str().unwrap().to_owned(), url(&made).to_owned());
    assert!(path.starts_with(&format!("/api/v1/hooks/mct_{id}_")), "{made}");
    assert_eq!((made.get("token"), made.get("secret"), &made["hook"]), (None, None, &json!("lobby")));
    assert!(made["expires_at"].is_string(), "{made}");

    let first = say(&api, &path, "by content").await.expect(201);
    let place = first.header("location").unwrap().to_owned();
    assert_eq!(place, format!("/api/v1/rooms/lobby/messages/{}", first.json()["position"]));
    assert_eq!(first.header("referrer-policy"), Some("no-referrer"));
    let author = json!({ "id": made["author"]["id"], "name": "deploys", "kind": "bot" });
    assert_eq!(api.get(&place).await.json()["author"], author);
    // As senders for other chats write it, with what is nothing here.
    let other = json!({ "text": "by text", "username": "x", "attachments": [{}], "blocks": [] });
    answer(to(&api, &path).json(&other)).await.expect(201);
    let both = json!({ "content": "by both", "text": "not this" });
    answer(to(&api, &path).json(&both)).await.expect(201);
    let plain = to(&api, &path).header("content-type", "text/plain; charset=utf-8");
    answer(plain.body("by text/plain\r\n\u{e9}")).await.expect(201);
    answer(to(&api, &path).body("{\"content\":\"by no type\"}")).await.expect(201);
    let expected = ["by content", "by text", "by both", "by text/plain\n\u{e9}", "by no type"];
    assert_eq!(contents(&api).await, expected);

    let listed = answer(ask(&api, Method::GET, TOKENS)).await.expect(200);
    let row = &listed.json()["tokens"][0];
    assert_eq!((&row["hook"], &row["signed"], &row["rooms"]), (&json!("lobby"), &json!(false), &json!({})));
    assert!(!listed.body.contains(&path[30..]), "{listed:?}");

    // Another address; the one before stays good for the overlap.
    let renewed =
        post(&api, &format!("{TOKENS}/{id}/secret"), json!({ "overlap": "1d" })).await.expect(200).json();
    assert!(url(&renewed) != path && renewed.get("token").is_none(), "{renewed}");
    say(&api, url(&renewed), "renewed").await.expect(201);
    say(&api, &path, "before").await.expect(201);
    server.kill().await;
    server.restart().await;
    let api = server.api();
    say(&api, &path, "after").await.expect(201);
    answer(ask(&api, Method::DELETE, &format!("{TOKENS}/{id}"))).await.expect(204);
    for path in [&path, url(&renewed), "/api/v1/hooks/mct_", "/api/v1/hooks/x", &path[..path.len() - 1]] {
        assert_refused(&say(&api, path, "late").await, 404, "unknown-hook");
    }
    // The token of a program is no address.
    let body = json!({ "name": "bot", "rooms": { "lobby": "writer" } });
    let bot = post(&api, TOKENS, body).await.expect(201).json();
    let path = format!("/api/v1/hooks/{}", bot["token"].as_str().unwrap());
    assert_refused(&say(&api, &path, "x").await, 404, "unknown-hook");
}

#[tokio::test]
async fn a_post_by_a_hook_that_is_no_message_is_refused_with_what_is_wrong() {
    let server = operated().await;
    let api = server.api();
    let path = url(&hook(&api, json!({})).await).to_owned();
    for (body, kind, status) in [
        ("{}", "application/json", 422),
        ("{\"content\":7}", "application/json", 422),
        ("{", "application/json", 400),
        ("{\"text\":\" \"}", "application/json", 422),
        ("payload=%7B%7D", "application/x-www-form-urlencoded", 415),
    ] {
        let request = to(&api, &path).header("content-type", kind).body(body);
        answer(request).await.expect_problem(status);
    }
    let request = to(&api, &path).header("content-type", "text/plain").body(&b"\xff"[..]);
    answer(request).await.expect_problem(400);
    let large = to(&api, &path).header("content-type", "text/plain").body("x".repeat(65_537));
    answer(large).await.expect_problem(413);
    assert_eq!(contents(&api).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_hook_that_has_expired_is_one_that_there_is_not() {
    let clock = fake_clock();
    let server = Server::start_in(&clock.environment(), &["--admin-token", ADMIN]).await;
    let api = server.api();
    let made = hook(&api, json!({ "expires_in": "7d" })).await;
    clock.set(6 * DAY);
    say(&api, url(&made), "in time").await.expect(201);
    clock.set(7 * DAY + 61);
    assert_refused(&say(&api, url(&made), "late").await, 404, "unknown-hook");
}

#[tokio::test]
async fn a_post_by_a_hook_that_is_sent_again_makes_one_message() {
    let mut server = operated().await;
    let path = url(&hook(&server.api(), json!({})).await).to_owned();
    let send = async |api: Api, headers: &[(&str, &str)], content: &str| {
        let request = to(&api, &path).json(&json!({ "content": content }));
        answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    };
    let first =
        send(server.api(), &[("idempotency-key", "k1"), ("webhook-id", "w1")], "one").await.expect(201);
    let second = send(server.api(), &[("webhook-id", "w2")], "two").await.expect(201);
    server.kill().await;
    server.restart().await;
    let again =
        send(server.api(), &[("idempotency-key", "k1"), ("webhook-id", "w9")], "one").await.expect(201);
    assert_eq!(again.json(), first.json());
    assert_eq!(send(server.api(), &[("webhook-id", "w2")], "two").await.expect(201).json(), second.json());
    let other = send(server.api(), &[("webhook-id", "w2")], "other").await;
    assert_refused(&other, 422, "key-reused");
    let long = "k".repeat(257);
    assert_refused(&send(server.api(), &[("webhook-id", &long)], "x").await, 400, "invalid-key");
    assert_eq!(contents(&server.api()).await, ["one", "two"]);
}

#[tokio::test]
async fn a_signed_hook_takes_only_what_its_secret_signed_and_once() {
    let mut server = operated().await;
    let api = server.api();
    let made = hook(&api, json!({ "signed": true })).await;
    let (path, secret) = (url(&made), made["secret"].as_str().unwrap());
    let other = hook(&api, json!({ "signed": true })).await["secret"].as_str().unwrap().to_owned();
    let (at, body) = (now() / 1_000, "{\"content\":\"signed\"}");
    let right = signature(secret, "m1", at, body);
    let first = answer(signed(&api, path, ("m1", at, &right), body)).await.expect(201).json();
    // Sent again, by the sender or by a thief, and also after a crash.
    let again = signature(secret, "m1", at + 1, body);
    assert_eq!(answer(signed(&api, path, ("m1", at + 1, &again), body)).await.expect(201).json(), first);
    server.kill().await;
    server.restart().await;
    let api = server.api();
    assert_eq!(answer(signed(&api, path, ("m1", at, &right), body)).await.expect(201).json(), first);

    let forged = "forged-signature";
    let elsewhere = signature(&other, "m2", at, body);
    for (id, at, signature, body, name) in [
        ("m1", at, &*right, "{\"content\":\"Signed\"}", forged),
        ("m2", at, &right, body, forged),
        ("m1", at - 1, &right, body, forged),
        ("m2", at, &elsewhere, body, forged),
        ("m2", at, "v1,", body, forged),
        ("m2", at - 360, &signature(secret, "m2", at - 360, body), body, "stale-signature"),
        ("m2", at + 420, &signature(secret, "m2", at + 420, body), body, "stale-signature"),
    ] {
        let refused = answer(signed(&api, path, (id, at, signature), body)).await;
        assert_refused(&refused, 401, name);
        assert_eq!(refused.header("www-authenticate"), Some("Webhook-Signature"));
    }
    let bare = say(&api, path, "bare").await;
    assert_refused(&bare, 401, forged);
    // It is not signed with the rest: with another key a thief would have the message stored again.
    let request = signed(&api, path, ("m1", at, &right), body).header("idempotency-key", "another");
    assert_refused(&answer(request).await, 400, "invalid-key");
    // Two secrets at once, while the sender changes them.
    let both = format!("{elsewhere} {}", signature(secret, "m2", at, body));
    answer(signed(&api, path, ("m2", at, &both), body)).await.expect(201);
    assert_eq!(contents(&api).await, ["signed", "signed"]);
}

#[tokio::test]
async fn a_hook_is_held_by_bans_and_closed_rooms_and_by_the_list_of_rooms_as_everybody_is() {
    let settings = "rooms = [\"lobby\", \"team\"]\n[[room]]\nname = \"team\"\npolicy = \"members\"\n";
    let server = Server::start_with_settings(settings, &["--admin-token", ADMIN]).await;
    let api = server.api();
    let made = hook(&api, json!({})).await;
    let ban = format!("/admin/bans/{}", made["author"]["id"].as_str().unwrap());
    say(&api, url(&made), "x").await.expect(201);
    answer(ask(&api, Method::PUT, &ban)).await.expect(200);
    assert_refused(&say(&api, url(&made), "x").await, 403, "banned");
    answer(ask(&api, Method::DELETE, &ban)).await.expect(200);
    answer(ask(&api, Method::PUT, "/admin/rooms/lobby/closed")).await.expect(200);
    assert_refused(&say(&api, url(&made), "x").await, 403, "room-closed");
    answer(ask(&api, Method::DELETE, "/admin/rooms/lobby/closed")).await.expect(200);
    say(&api, url(&made), "x").await.expect(201);
    // Who makes it gives it the right to write there; a room that there is not it does not make.
    let of_team = hook(&api, json!({ "hook": "team" })).await;
    say(&api, url(&of_team), "x").await.expect(201);
    let nowhere = hook(&api, json!({ "hook": "elsewhere" })).await;
    assert_refused(&say(&api, url(&nowhere), "x").await, 404, "unknown-room");
    for room in ["", "a b", "admin", "*"] {
        let body = json!({ "name": "x", "hook": room });
        assert_refused(&post(&api, TOKENS, body).await, 400, "invalid-room");
    }
}

#[tokio::test]
async fn a_program_posts_a_burst_of_twenty_and_then_goes_by_its_rate_whatever_the_limits_are() {
    let server = Server::start_with(&["--admin-token", ADMIN, "--rate-limit", "off"]).await;
    let api = server.api();
    let path = url(&hook(&api, json!({})).await).to_owned();
    let bot =
        post(&api, TOKENS, json!({ "name": "bot", "rooms": { "*": "writer" } })).await.expect(201).json();
    let bearer = format!("Bearer {}", bot["token"].as_str().unwrap());
    for (path, bearer) in [(&*path, ""), ("/api/v1/rooms/lobby/messages", &bearer)] {
        let sends = (0..300).map(|_| {
            let request = to(&api, path).header("authorization", bearer).json(&json!({ "content": "x" }));
            tokio::spawn(answer(request))
        });
        let (mut taken, mut refused) = (0, 0);
        for send in sends.collect::<Vec<_>>() {
            let answer = send.await.unwrap();
            if answer.status == 201 {
                taken += 1;
            } else {
                assert_refused(&answer, 429, "rate-limited");
                assert!(answer.header("retry-after").is_some() && answer.body.contains("one program"));
                refused += 1;
            }
        }
        assert!(taken >= 20 && refused > 0, "{path}: {taken} taken, {refused} refused");
    }
    assert!(api.get("/metrics").await.body.contains("limit=\"program\""));
}

#[tokio::test]
async fn no_secret_is_said_anywhere() {
    let mut server = Server::start_in(&[("RUST_LOG", "trace")], &["--admin-token", ADMIN]).await;
    let api = server.api();
    let made = hook(&api, json!({ "signed": true })).await;
    let (path, signing) = (url(&made), made["secret"].as_str().unwrap());
    let (at, text) = (now() / 1_000, "{\"content\":\"a-text-that-is-nobodys\"}");
    let right = signature(signing, "m1", at, text);
    let mut answers = vec![answer(signed(&api, path, ("m1", at, &right), text)).await.expect(201)];
    answers.push(answer(signed(&api, path, ("m2", at, &right), text)).await.expect(401));
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        answers.push(answer(api.request(method, path)).await.expect(405));
    }
    for wrong in
        [format!("{path}/more"), format!("{path}/"), path.replace("/v1/", "//v1/"), format!("{path}x")]
    {
        answers.push(answer(to(&api, &wrong).body(text)).await.expect(404));
    }
    let bearer = to(&api, "/api/v1/rooms/lobby/messages").bearer_auth(&path["/api/v1/hooks/".len()..]);
    answers.push(answer(bearer.json(&json!({ "content": "x" }))).await.expect(401));
    let metrics = api.get("/metrics").await.body;
    server.terminate().await;
    let log = std::fs::read(server.log()).unwrap();
    for secret in [&path[path.len() - 43..], &signing["whsec_".len()..]] {
        for answer in &answers {
            assert!(!format!("{answer:?}").contains(secret), "{answer:?}");
        }
        assert!(!metrics.contains(secret) && !server.stderr().contains(secret), "{}", server.stderr());
        assert!(!log.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
    for text in [metrics, server.stderr()] {
        assert!(!text.contains("a-text-that-is-nobodys"), "{text}");
    }
}
