//! API tokens: what the operator does with them, over HTTP and by the command, and what thieves try.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, assert_refused, operated, post, write};
use crate::clock::fake_clock;
use crate::support::client::answer;
use crate::support::server::run;
use crate::support::{ADMIN, Api, Server, within};

const TOKENS: &str = "/admin/tokens";
const DAY: i64 = 24 * 60 * 60;

async fn listed(api: &Api) -> Value {
    answer(ask(api, Method::GET, TOKENS)).await.expect(200).json()["tokens"].clone()
}

/// Makes a token with all rights; gives the answer.
async fn add(api: &Api, more: Value) -> Value {
    let mut body = json!({ "name": "deploys", "rooms": { "*": "writer" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(api, TOKENS, body).await.expect(201).json()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"))
}

#[tokio::test]
async fn a_program_writes_with_a_token_that_is_shown_once_until_it_is_removed() {
    let mut server = operated().await;
    let api = server.api();
    assert_eq!(listed(&api).await, json!([]));
    let rooms = json!({ "deploy-*": "writer", "lobby": "writer" });
    let body = json!({ "name": " De\u{200b}ploys ", "rooms": rooms });
    let made = post(&api, &format!("{TOKENS}?by=Eve"), body).await.expect(201).json();
    let (id, token) = (text(&made, "id").to_owned(), text(&made, "token").to_owned());
    assert_eq!((id.len(), token.len()), (12, 60), "{made}");
    assert!(token.starts_with(&format!("mct_{id}_")), "{made}");
    assert_eq!(&made["rooms"], &rooms);
    assert_eq!(made["author"]["name"], "Deploys");
    assert!(text(&made["author"], "id").starts_with("b_"), "{made}");
    let list = listed(&api).await;
    assert_eq!(list[0]["author"], made["author"]);
    assert_eq!(
        (&list[0]["id"], &list[0]["name"], &list[0]["used_at"]),
        (&json!(id), &json!("Deploys"), &Value::Null)
    );
    assert!(!list.to_string().contains(&token[17..]), "{list}");

    let position = write(&api, &token, "lobby").await.expect(201).json()["position"].clone();
    let message = api.get(&format!("/api/v1/rooms/lobby/messages/{position}")).await.json();
    let author = json!({ "id": made["author"]["id"], "name": "Deploys", "kind": "bot" });
    assert_eq!(message["author"], author);
    // The day of its use is noted, and no more.
    let noted = async {
        while listed(&api).await[0]["used_at"].is_null() {
            tokio::task::yield_now().await;
        }
    };
    within("the use is noted", noted).await;
    assert!(text(&listed(&api).await[0], "used_at").ends_with("T00:00:00.000Z"));

    server.kill().await;
    server.restart().await;
    let api = server.api();
    write(&api, &token, "lobby").await.expect(201);
    assert!(api.get("/metrics").await.body.contains("\nmillchat_api_tokens 1\n"));
    answer(ask(&api, Method::DELETE, &format!("{TOKENS}/{id}"))).await.expect(204);
    assert_refused(&write(&api, &token, "lobby").await, 401, "forged-token");
    assert_refused(&answer(ask(&api, Method::DELETE, &format!("{TOKENS}/{id}"))).await, 404, "unknown-token");
    server.kill().await;
    server.restart().await;
    assert_refused(&write(&server.api(), &token, "lobby").await, 401, "forged-token");
    assert_eq!(listed(&server.api()).await, json!([]));
}

#[tokio::test]
async fn a_wrong_secret_is_answered_as_an_unknown_id_and_no_copy_of_the_log_proves_anything() {
    let mut server = operated().await;
    let api = server.api();
    let made = add(&api, json!({})).await;
    let (id, token) = (text(&made, "id"), text(&made, "token"));
    let secret = &token[17..];
    let wrong = format!("mct_{id}_{}", secret.chars().rev().collect::<String>());
    let unknown = format!("mct_aaaaaaaaaaaa_{secret}");
    let answers = [write(&api, &wrong, "lobby").await, write(&api, &unknown, "lobby").await];
    for answer in &answers {
        assert_refused(answer, 401, "forged-token");
    }
    assert_eq!(answers[0].body, answers[1].body);
    for malformed in ["mct_", "mct_x_y", &token[..59], &format!("{token}x"), &token.to_uppercase()] {
        let answer = write(&api, malformed, "lobby").await;
        let name = if malformed.starts_with("mct_") { "malformed-token" } else { "forged-token" };
        assert_refused(&answer, 401, name);
    }
    // What a thief of a backup has: the id and the hash. Neither does.
    let backup = answer(ask(&api, Method::GET, "/admin/backup")).await.expect(200).body;
    let hash = blake3::hash(secret.as_bytes()).to_hex().to_string();
    assert!(backup.contains(id) && backup.contains(&hash) && !backup.contains(secret), "{backup}");
    assert_refused(&write(&api, &format!("mct_{id}_{}", &hash[..43]), "lobby").await, 401, "forged-token");
    write(&api, token, "lobby").await.expect(201);
    server.terminate().await;
    let file = std::fs::read(server.log()).unwrap();
    assert!(!file.windows(secret.len()).any(|part| part == secret.as_bytes()));
    let log = server.log();
    let (code, export, _) = run(&["export", log.to_str().unwrap()]).await;
    assert!(code == Some(0) && !export.contains(&hash) && !export.contains(".token"), "{export}");
    assert!(!server.stderr().contains(secret));
}

#[tokio::test]
async fn a_renewed_token_has_two_secrets_for_the_overlap_also_over_a_kill() {
    let clock = fake_clock();
    let mut server = Server::start_in(&clock.environment(), &["--admin-token", ADMIN]).await;
    let api = server.api();
    let made = add(&api, json!({})).await;
    let path = format!("{TOKENS}/{}/secret", text(&made, "id"));
    let again = post(&api, &path, json!({ "overlap": 86_400 })).await.expect(200).json();
    let [first, second] = [&made, &again].map(|made| text(made, "token").to_owned());
    assert_ne!(first, second);
    assert_eq!(
        (&again["id"], &again["author"], &again["rooms"]),
        (&made["id"], &made["author"], &made["rooms"])
    );
    for token in [&first, &second] {
        write(&api, token, "lobby").await.expect(201);
    }
    server.kill().await;
    clock.set(DAY + 60);
    server.restart().await;
    let api = server.api();
    assert_refused(&write(&api, &first, "lobby").await, 401, "expired-token");
    write(&api, &second, "lobby").await.expect(201);
    let third = post(&api, &path, json!({ "overlap": 0 })).await.expect(200).json();
    assert_refused(&write(&api, &second, "lobby").await, 401, "forged-token");
    write(&api, text(&third, "token"), "lobby").await.expect(201);
    // A day unless said, thirty at most.
    let fourth = post(&api, &path, json!({})).await.expect(200).json();
    write(&api, text(&third, "token"), "lobby").await.expect(201);
    write(&api, text(&fourth, "token"), "lobby").await.expect(201);
    for overlap in [json!(2_592_001), json!("31d"), json!(-1), json!(1.5), json!("soon"), json!([])] {
        assert_refused(&post(&api, &path, json!({ "overlap": overlap })).await, 422, "invalid-body");
    }
    let unknown = format!("{TOKENS}/aaaaaaaaaaaa/secret");
    assert_refused(&post(&api, &unknown, json!({})).await, 404, "unknown-token");
}

#[tokio::test]
async fn a_token_expires_and_its_use_is_noted_by_day() {
    let clock = fake_clock();
    let server = Server::start_in(&clock.environment(), &["--admin-token", ADMIN]).await;
    let api = server.api();
    let made = add(&api, json!({ "expires_in": "7d" })).await;
    let token = text(&made, "token");
    assert!(text(&made, "expires_at").ends_with('Z'));
    let used = async || listed(&api).await[0]["used_at"].as_str().map(str::to_owned);
    let mut days = Vec::new();
    for day in [0, 0, 2, 6] {
        clock.set(day * DAY);
        write(&api, token, "lobby").await.expect(201);
        let noted = async {
            while used().await.is_none_or(|noted| days.last() == Some(&noted) && day != 0) {
                tokio::task::yield_now().await;
            }
        };
        within("the use is noted", noted).await;
        days.push(used().await.unwrap());
    }
    assert!(days[0] == days[1] && days[1] < days[2] && days[2] < days[3], "{days:?}");
    clock.set(7 * DAY + 1);
    assert_refused(&write(&api, token, "lobby").await, 401, "expired-token");
    assert_eq!(listed(&api).await[0]["expires_at"], made["expires_at"], "it is listed for a while");
    let in_seconds = add(&api, json!({ "expires_in": 60 })).await;
    write(&api, text(&in_seconds, "token"), "lobby").await.expect(201);
    let for_a_year = add(&api, json!({})).await;
    clock.set(371 * DAY);
    write(&api, text(&for_a_year, "token"), "lobby").await.expect(201);
    clock.set(373 * DAY);
    assert_refused(&write(&api, text(&for_a_year, "token"), "lobby").await, 401, "expired-token");
}

#[tokio::test]
async fn a_wrong_wish_is_refused_with_what_is_allowed() {
    let server = operated().await;
    let api = server.api();
    let rooms = |count: usize| (0..count).map(|at| (format!("r{at}"), json!("reader"))).collect::<Value>();
    for (body, name, word) in [
        (json!({ "rooms": {} }), "invalid-body", "name"),
        (json!({ "name": "x" }), "invalid-body", "rooms"),
        (json!({ "name": "x", "rooms": { "a b": "writer" } }), "invalid-body", "a b"),
        (json!({ "name": "x", "rooms": { "": "writer" } }), "invalid-body", "pattern"),
        (json!({ "name": "x", "rooms": { "*": "operator" } }), "invalid-body", "reader, writer"),
        (json!({ "name": "x", "rooms": { "*": 1 } }), "invalid-body", "string"),
        (json!({ "name": "x", "rooms": rooms(33) }), "invalid-body", "32"),
        (json!({ "name": "", "rooms": {} }), "invalid-name", "visible"),
        (json!({ "name": "x", "rooms": {}, "expires_in": 0 }), "invalid-body", "expires_in"),
        (json!({ "name": "x", "rooms": {}, "expires_in": "20years" }), "invalid-body", "expires_in"),
        (json!({ "name": "x", "rooms": {}, "expires_in": "soon" }), "invalid-body", "30d"),
        (json!({ "name": "x", "rooms": {}, "author": "g_4kqv6mzd2xw7yrbtfn3a" }), "invalid-body", "b_"),
        (json!({ "name": "x", "rooms": {}, "author": "admin" }), "invalid-body", "b_"),
        (json!({ "name": "x", "rooms": {}, "author": "b_" }), "invalid-body", "b_"),
        (json!({ "name": "x", "rooms": {}, "author": "b_x y" }), "invalid-body", "b_"),
        (json!({ "name": "x", "rooms": {}, "role": "owner" }), "invalid-body", "role"),
        (json!({ "name": "x", "rooms": {}, "hook": "lobby" }), "invalid-body", "hook"),
        (json!({ "name": "x", "rooms": {}, "signed": true }), "invalid-body", "signed"),
    ] {
        let answer = post(&api, TOKENS, body.clone()).await;
        assert_refused(&answer, 422, name);
        assert!(answer.body.contains(word), "{body}: {answer:?}");
    }
    // Two programs may be one author, as when one is moved.
    let one = add(&api, json!({})).await;
    let id = text(&one["author"], "id");
    let other = add(&api, json!({ "author": id, "rooms": rooms(32) })).await;
    assert_eq!(other["author"]["id"], id);
    let own = add(&api, json!({ "author": "b_my-program_2" })).await;
    assert_eq!(own["author"]["id"], "b_my-program_2");
    // Nobody but the operator asks.
    let ada = api.guest("Ada").await;
    for (token, name) in [(ada.token.as_str(), "forged-token"), (text(&one, "token"), "forged-token")] {
        let request = api.request(Method::GET, TOKENS).bearer_auth(token);
        assert_refused(&answer(request).await, 401, name);
    }
    // A program has the name that the operator gave it.
    let rename = api.request(Method::PATCH, "/api/v1/guests/me").bearer_auth(text(&one, "token"));
    assert_refused(&answer(rename.json(&json!({ "name": "Ada" }))).await, 403, "not-guest");
}

#[tokio::test]
async fn the_command_makes_lists_renews_and_removes_tokens() {
    let server = operated().await;
    let api = server.api();
    let (url, file) = (format!("http://{}", server.address()), server.directory().join("token"));
    std::fs::write(&file, format!("{ADMIN}\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let at = ["--from", &url, "--admin-token-file", file.to_str().unwrap()];
    let token = async |arguments: &[&str]| {
        let arguments = [&["token"], &arguments[..1], &at, &arguments[1..]].concat();
        run(&arguments).await
    };
    let did = async |arguments: &[&str]| {
        let (code, stdout, stderr) = token(arguments).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        stdout
    };
    assert_eq!(did(&["list"]).await, "");
    let rights = ["--room", "lobby=writer", "--room", "deploy-*=reader"];
    let made = did(&[&["add", "--name", "deploys", "--expires-in", "90d"], &rights[..]].concat()).await;
    let first = made.trim_end();
    assert_eq!(made, format!("{first}\n"));
    write(&api, first, "lobby").await.expect(201);
    let id = &first[4..16];
    let list = did(&["list"]).await;
    for part in [id, "deploys", "deploy-*=reader,lobby=writer", "expires 20", "made 20"] {
        assert!(list.contains(part), "{part} in {list}");
    }
    assert!(!list.contains(&first[17..]));
    let line: Value = serde_json::from_str(did(&["list", "--json"]).await.trim_end()).unwrap();
    assert_eq!(line["id"], id);
    let renewed = did(&["renew", "--overlap", "0s", id]).await;
    assert_refused(&write(&api, first, "lobby").await, 401, "forged-token");
    write(&api, renewed.trim_end(), "lobby").await.expect(201);
    assert_eq!(did(&["remove", id]).await, "");
    assert_eq!(did(&["list"]).await, "");
    // An incoming webhook: the path, and its secret if it is signed.
    let hook = did(&["add", "--name", "deploys", "--hook", "lobby", "--signed"]).await;
    let (path, secret) = hook.trim_end().split_once('\n').unwrap();
    assert!(path.starts_with("/api/v1/hooks/mct_") && secret.starts_with("whsec_"), "{hook}");
    assert!(did(&["list"]).await.contains("hook=lobby"));
    let plain = did(&["add", "--name", "deploys", "--hook", "lobby"]).await;
    answer(api.request(Method::POST, plain.trim_end()).json(&json!({ "content": "x" }))).await.expect(201);
    for (arguments, words) in [
        (&["add", "--name", "x", "--hook", "lobby", "--room", "a=writer"][..], &["--hook"][..]),
        (&["add", "--name", "x", "--room", "a=writer", "--signed"], &["--signed"]),
        (&["remove", id][..], &["no API token", id][..]),
        (&["renew", "../backup"], &["no API token"]),
        (&["add", "--name", "x", "--room", "lobby=king"], &["king", "reader, writer, moderator, owner"]),
        (&["add", "--name", "x"], &["--room"]),
        (&["add", "--name", "x", "--room", "lobby"], &["deploy-*=writer"]),
        (&["add", "--name", "x", "--room", "*=writer", "--expires-in", "soon"], &["soon", "30d"]),
    ] {
        let (code, stdout, stderr) = token(arguments).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        for word in words {
            assert!(stderr.contains(word), "{arguments:?}: {stderr}");
        }
    }
    let (code, _, stderr) = run(&["token", "list", "--from", &url]).await;
    assert!(code == Some(2) && stderr.contains("--admin-token-file FILE"), "{stderr}");
    let (code, _, stderr) =
        run(&["token", "list", "--from", &url, "--admin-token", "not-the-token-at-all"]).await;
    assert!(code == Some(2) && stderr.contains("not the server's admin token"), "{stderr}");
}
