//! Moderation by the holder of the admin token: over HTTP, in the streams, in copies of the log, and on the
//! page.

mod authors;
mod everywhere;
mod forms;
mod page;
mod people;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::commands::import;
use crate::support::client::answer;
use crate::support::oracle::{epoch, position_of};
use crate::support::server::run;
use crate::support::sse::SseEvent;
use crate::support::{ADMIN, Answer, Api, Server, within};

const CLOSED: &str = "/admin/rooms/lobby/closed";
const MESSAGES: &str = "/admin/rooms/lobby/messages";

async fn moderated() -> Server {
    Server::start_with(&["--admin-token", ADMIN]).await
}

fn ask(api: &Api, method: Method, path: &str) -> RequestBuilder {
    api.request(method, path).bearer_auth(ADMIN)
}

/// Does it, and gives the receipt.
async fn did(api: &Api, method: Method, path: &str) -> Value {
    answer(ask(api, method, path)).await.expect(200).json()
}

async fn read(api: &Api, path: &str) -> Value {
    did(api, Method::GET, path).await
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, name: &str) {
    answer.expect_problem(status);
    assert_eq!(answer.json()["type"], format!("urn:millchat:problem:{name}"), "{answer:?}");
}

/// Fails unless the event is this deed, at the place of its receipt, and no more is said of it.
#[track_caller]
fn assert_deed(event: &SseEvent, kind: &str, receipt: &Value, by: &str) {
    assert_eq!(event.event, kind, "{event:?}");
    let data = event.json();
    let author = json!({ "id": "admin", "name": by, "kind": "user" });
    let (position, prev, at) = (&receipt["position"], &receipt["prev"], &receipt["created_at"]);
    let expected =
        json!({ "position": position, "prev": prev, "room": "lobby", "author": author, "created_at": at });
    assert_eq!(data, expected);
    let id = format!("{}-{position}", receipt["epoch"].as_str().unwrap());
    assert_eq!(event.id.as_deref(), Some(&*id));
}

#[tokio::test]
async fn a_closed_room_takes_no_message_until_it_is_opened_and_stays_closed_over_a_kill() {
    let mut server = moderated().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let first = api.say("lobby", &ada, "before").await;
    let mut stream = api.stream("lobby", None).await;
    for expected in ["start", "message"] {
        assert_eq!(stream.logged().await.event, expected);
    }
    assert_eq!(api.get("/api/v1/rooms/lobby").await.json()["closed"], false);
    assert_eq!(read(&api, "/admin/rooms").await, json!({ "rooms": [] }));

    let closed = did(&api, Method::PUT, &format!("{CLOSED}?by=Eve%20the%20first")).await;
    assert_eq!(closed["prev"], first);
    assert_deed(&stream.logged().await, "close", &closed, "Eve the first");
    server.kill().await;
    server.restart().await;
    let api = server.api();
    let mut stream = api.stream("lobby", Some(&format!("{}-{first}", epoch(&api, "lobby").await))).await;
    assert_eq!(stream.logged().await.event, "start");
    assert_deed(&stream.logged().await, "close", &closed, "Eve the first");

    assert_eq!(api.get("/api/v1/rooms/lobby").await.json()["closed"], true);
    let listed = read(&api, "/admin/rooms").await;
    assert_eq!(listed["rooms"][0]["room"], "lobby");
    assert_eq!(listed["rooms"].as_array().unwrap().len(), 1, "{listed}");
    let refused = answer(api.post("lobby", &ada, "too late")).await;
    assert_refused(&refused, 403, "room-closed");
    assert_refused(&api.edit("lobby", &ada, first, "changed").await, 403, "room-closed");
    api.say("kitchen", &ada, "elsewhere").await;
    assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 1);

    let opened = did(&api, Method::DELETE, CLOSED).await;
    assert_deed(&stream.logged().await, "open", &opened, "admin");
    let after = api.say("lobby", &ada, "after").await;
    assert!(after > opened["position"].as_u64().unwrap());
    assert_eq!(api.get("/api/v1/rooms/lobby").await.json()["closed"], false);
    assert_eq!(read(&api, "/admin/rooms").await, json!({ "rooms": [] }));
}

#[tokio::test]
async fn the_operator_takes_any_message_away_also_in_a_closed_room() {
    let server = moderated().await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    for closed in [false, true] {
        let position = api.say("lobby", &ada, "regretted by others").await;
        stream.logged().await;
        assert_refused(&api.delete("lobby", &bob, position).await, 403, "not-author");
        if closed {
            did(&api, Method::PUT, CLOSED).await;
            stream.logged().await;
        }
        let path = format!("/api/v1/rooms/lobby/messages/{position}?by=Eve");
        answer(ask(&api, Method::DELETE, &path)).await.expect(204);
        let delete = stream.logged().await;
        assert_eq!((delete.event.as_str(), &delete.json()["target"]), ("delete", &json!(position)));
        assert_eq!(delete.json()["author"], json!({ "id": "admin", "name": "Eve", "kind": "user" }));
        assert_eq!(
            api.get(&format!("/api/v1/rooms/lobby/messages/{position}")).await.json()["deleted"],
            true
        );
        assert_refused(&answer(ask(&api, Method::DELETE, &path)).await, 410, "message-deleted");
    }
    assert_refused(
        &answer(ask(&api, Method::DELETE, "/api/v1/rooms/lobby/messages/9999")).await,
        404,
        "unknown-message",
    );
    // It writes in nobody's name: as a guest it is unknown, and the answer says so.
    let request = ask(&api, Method::POST, "/api/v1/rooms/kitchen/messages").json(&json!({ "content": "x" }));
    let refused = answer(request).await;
    assert_refused(&refused, 401, "forged-token");
    assert!(refused.body.contains("the admin token is no author's"), "{}", refused.body);
}

#[tokio::test]
async fn an_emptied_room_holds_no_text_live_resumed_or_in_its_file_and_goes_on() {
    let mut server = moderated().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;
    let mut last = 0;
    for number in 0..300 {
        last = api.say("lobby", &ada, &format!("a secret, number {number}")).await;
        stream.logged().await;
    }
    api.edit("lobby", &ada, last, "a secret, corrected").await.expect(200);
    stream.logged().await;
    let kept = api.say("kitchen", &ada, "harmless").await;
    let emptied = did(&api, Method::DELETE, &format!("{MESSAGES}?by=Eve")).await;
    assert_deed(&stream.logged().await, "empty", &emptied, "Eve");
    let after = api.say("lobby", &ada, "a new beginning").await;
    assert_eq!(stream.logged().await.json()["content"], "a new beginning");

    for restarted in [false, true] {
        if restarted {
            server.kill().await;
            server.restart().await;
        }
        let api = server.api();
        let page = api.history("lobby", "?after=0&limit=1000").await;
        let texts: Vec<_> =
            page["messages"].as_array().unwrap().iter().filter_map(|m| m.get("content")).collect();
        assert_eq!(texts, ["a new beginning"], "restarted: {restarted}");
        assert_eq!(
            api.get(&format!("/api/v1/rooms/kitchen/messages/{kept}")).await.json()["content"],
            "harmless"
        );
        let mut resumed = api.stream("lobby", Some(&format!("{}-0", epoch(&api, "lobby").await))).await;
        assert_eq!(resumed.logged().await.event, "start");
        let (mut place, mut emptied_at) = (0, 0);
        while place < after {
            let event = resumed.logged().await;
            let data = event.json();
            assert_eq!(data["prev"], place, "the chain is whole: {event:?}");
            place = position_of(event.id.as_deref().unwrap());
            if event.event == "empty" {
                emptied_at = place;
            }
            assert!(data.get("content").is_none() || place == after, "{event:?}");
        }
        assert_eq!(emptied["position"], emptied_at);
    }
    let (status, _) = server.terminate().await;
    assert!(status.success());
    let (code, stdout, stderr) = run(&["export", server.log().to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        !stdout.contains("a secret") && stdout.contains("harmless") && stdout.contains("a new beginning")
    );
    let (code, stdout, stderr) = run(&["check", server.log().to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}

#[tokio::test]
async fn a_banned_author_writes_nowhere_until_the_ban_is_lifted_and_others_do() {
    let mut server = moderated().await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    let mine = api.say("lobby", &bob, "still allowed").await;
    // Whom to ban is in every message.
    let id = api.history("lobby", "").await["messages"][0]["author"]["id"].as_str().unwrap().to_owned();
    assert_eq!(id, bob.id);
    assert_eq!(read(&api, "/admin/bans").await, json!({ "bans": [] }));
    let path = format!("/admin/bans/{id}");
    let receipt = did(&api, Method::PUT, &format!("{path}?by=Eve")).await;
    assert!(receipt["position"].as_u64().unwrap() > mine && receipt.get("prev").is_none(), "{receipt}");
    assert!(receipt["epoch"].is_string() && receipt["created_at"].is_string(), "{receipt}");

    for restarted in [false, true] {
        if restarted {
            server.kill().await;
            server.restart().await;
        }
        let api = server.api();
        let bans = read(&api, "/admin/bans").await;
        assert_eq!(bans["bans"].as_array().unwrap().len(), 1, "{bans}");
        assert_eq!((&bans["bans"][0]["author_id"], &bans["bans"][0]["by"]), (&json!(bob.id), &json!("Eve")));
        for room in ["lobby", "kitchen"] {
            assert_refused(&answer(api.post(room, &bob, "again")).await, 403, "banned");
            api.say(room, &ada, "I may").await;
        }
        assert_refused(&api.edit("lobby", &bob, mine, "again").await, 403, "banned");
        // Another name does not help: the id stays.
        let rename = api.request(Method::PATCH, "/api/v1/guests/me").json(&json!({ "name": "Not Bob" }));
        let renamed = answer(rename.bearer_auth(&bob.token)).await.expect(200).json();
        let post = api.request(Method::POST, "/api/v1/rooms/lobby/messages").json(&json!({ "content": "x" }));
        assert_refused(&answer(post.bearer_auth(renamed["token"].as_str().unwrap())).await, 403, "banned");
    }
    let api = server.api();
    did(&api, Method::DELETE, &path).await;
    assert_eq!(read(&api, "/admin/bans").await, json!({ "bans": [] }));
    api.say("lobby", &bob, "thank you").await;
    // No room's stream is told of bans.
    let mut stream = api.stream("lobby", Some(&format!("{}-0", epoch(&api, "lobby").await))).await;
    let mut place = 0;
    stream.logged().await;
    let head = api.get("/api/v1/rooms/lobby").await.json()["head"].as_u64().unwrap();
    while place < head {
        let event = stream.logged().await;
        assert_eq!((event.event.as_str(), &event.json()["prev"]), ("message", &json!(place)));
        place = position_of(event.id.as_deref().unwrap());
    }
}

/// The operator's routes of this file, and what they take.
const ROUTES: [(&str, &[&str]); 8] = [
    ("/admin/rooms", &["GET"]),
    (CLOSED, &["PUT", "DELETE"]),
    (MESSAGES, &["DELETE"]),
    ("/admin/bans", &["GET"]),
    ("/admin/bans/g_x", &["PUT", "DELETE"]),
    ("/admin/authors/g_x", &["GET"]),
    ("/admin/bans/addresses", &["GET"]),
    ("/admin/bans/addresses/192.0.2.1", &["PUT", "DELETE"]),
];

#[tokio::test]
async fn nobody_but_the_holder_of_the_admin_token_moderates() {
    let server = moderated().await;
    let (api, without) = (server.api(), Server::start().await);
    let ada = api.guest("Ada").await;
    let position = api.say("lobby", &ada, "hello").await;
    let message = format!("/api/v1/rooms/lobby/messages/{position}");
    for (path, methods) in ROUTES {
        for method in ["GET", "PUT", "DELETE", "POST", "PATCH"] {
            let method: Method = method.parse().unwrap();
            if !methods.contains(&method.as_str()) {
                let refused = answer(ask(&api, method, path)).await;
                assert_refused(&refused, 405, "wrong-method");
                assert!(refused.header("allow").unwrap().starts_with(methods[0]), "{refused:?}");
                continue;
            }
            let request = || api.request(method.clone(), path);
            assert_refused(&answer(request()).await, 401, "no-token");
            assert_refused(&answer(request().basic_auth("admin", Some(ADMIN))).await, 401, "no-token");
            assert_refused(
                &answer(request().bearer_auth("a-token-for-tests-onlx")).await,
                401,
                "forged-token",
            );
            assert_refused(&answer(request().bearer_auth(&ada.token)).await, 401, "forged-token");
            let elsewhere = without.api().request(method.clone(), path).bearer_auth(ADMIN);
            assert!(answer(elsewhere).await.expect_problem(404).contains("--admin-token-file"));
        }
    }
    let wrong = api.request(Method::DELETE, &message).bearer_auth("a-token-for-tests-onlx");
    assert_refused(&answer(wrong).await, 401, "forged-token");
    let elsewhere = without.api().request(Method::DELETE, &message).bearer_auth(ADMIN);
    assert_refused(&answer(elsewhere).await, 401, "forged-token");

    let long = "x".repeat(257);
    for (method, path, name) in [
        (Method::PUT, "/admin/rooms/a%20b/closed", "invalid-room"),
        (Method::DELETE, "/admin/rooms/healthz/messages", "invalid-room"),
        (Method::PUT, &format!("{CLOSED}?by="), "malformed-parameter"),
        (Method::DELETE, &format!("{MESSAGES}?by=a%0Ab"), "malformed-parameter"),
        (Method::PUT, &format!("/admin/bans/g_x?by={long}"), "malformed-parameter"),
        (Method::PUT, &format!("/admin/bans/{}", &long[..129]), "malformed-parameter"),
        (Method::PUT, "/admin/bans/a%00b", "malformed-parameter"),
        (Method::DELETE, "/admin/bans/%FF", "malformed-parameter"),
        (Method::DELETE, &format!("{message}?by="), "malformed-parameter"),
    ] {
        assert_refused(&answer(ask(&api, method, path)).await, 400, name);
    }
    // Nothing of all that was done.
    assert_eq!(read(&api, "/admin/rooms").await, json!({ "rooms": [] }));
    assert_eq!(read(&api, "/admin/bans").await, json!({ "bans": [] }));
    assert_eq!(api.get(&message).await.json()["content"], "hello");
    assert_eq!(api.get("/api/v1/rooms/lobby").await.json()["head"], position);
    assert!(!server.stderr().contains(ADMIN));
}

#[tokio::test]
async fn an_authors_id_is_read_from_the_path_as_it_is_written() {
    let server = moderated().await;
    let api = server.api();
    did(&api, Method::PUT, "/admin/bans/a%2Fb%20c+%C3%A9").await;
    assert_eq!(read(&api, "/admin/bans").await["bans"][0]["author_id"], "a/b c+\u{e9}");
    did(&api, Method::DELETE, "/admin/bans/a%2fb%20c%2B%c3%a9").await;
    assert_eq!(read(&api, "/admin/bans").await, json!({ "bans": [] }));
}

#[tokio::test]
async fn what_the_operator_did_outlives_retention_backup_and_import_but_a_ban_goes_with_all_rooms_only() {
    let mut server = Server::start_with(&["--admin-token", ADMIN, "--keep-bytes", "1MB"]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let bob = api.guest("Bob").await;
    api.say("lobby", &ada, "a secret").await;
    did(&api, Method::PUT, &format!("/admin/bans/{}?by=Eve", bob.id)).await;
    did(&api, Method::PUT, "/admin/bans/g_forgiven").await;
    did(&api, Method::DELETE, "/admin/bans/g_forgiven").await;
    did(&api, Method::DELETE, MESSAGES).await;
    did(&api, Method::PUT, &format!("{CLOSED}?by=Eve")).await;
    did(&api, Method::PUT, "/admin/rooms/kitchen/closed").await;
    did(&api, Method::DELETE, "/admin/rooms/kitchen/closed").await;
    let deeds = api.say("kitchen", &ada, "soup").await;
    // Until retention has cut the records of all that.
    let cut = async {
        while api.get("/api/v1/rooms/kitchen").await.json()["floor"].as_u64() <= Some(deeds) {
            api.say("kitchen", &ada, &"soup ".repeat(12_000)).await;
        }
    };
    within("retention cuts", cut).await;
    did(&api, Method::DELETE, MESSAGES).await;
    let (rooms, bans) = (read(&api, "/admin/rooms").await, read(&api, "/admin/bans").await);
    assert_eq!((rooms["rooms"].as_array().unwrap().len(), bans["bans"].as_array().unwrap().len()), (1, 1));

    let file = |name: &str| server.directory().join(name).to_str().unwrap().to_owned();
    let (live, stopped, imported, some) = (file("live"), file("stopped"), file("imported"), file("some"));
    let url = format!("http://{}", server.address());
    let (code, _, stderr) = run(&["backup", "--from", &url, "--admin-token", ADMIN, &live]).await;
    assert_eq!(code, Some(0), "{stderr}");
    let log = server.log().to_str().unwrap().to_owned();
    server.terminate().await;
    let (code, _, stderr) = run(&["backup", &log, &stopped]).await;
    assert_eq!(code, Some(0), "{stderr}");
    for (out, rooms) in [(&imported, &[][..]), (&some, &["--room", "lobby"])] {
        let (code, lines, stderr) = run(&[&["export", log.as_str()], rooms].concat()).await;
        assert_eq!(code, Some(0), "{stderr}");
        let stands: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line["stands"] == true)
            .collect();
        let kinds: Vec<_> = stands.iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, if rooms.is_empty() { vec!["close", "ban"] } else { vec!["close"] });
        assert!(stands.iter().all(|line| line["position"].as_u64() < Some(deeds)), "{stands:?}");
        assert_eq!(lines.contains(&bob.id), rooms.is_empty());
        assert!(lines.contains("\"kind\":\"empty\"") && !lines.contains("a secret"));
        let (code, stderr) = import(&[out.as_str()], &lines).await;
        assert_eq!(code, Some(0), "{stderr}");
    }
    for (copy, all) in [(&live, true), (&stopped, true), (&imported, true), (&some, false)] {
        let (code, stdout, stderr) = run(&["check", copy]).await;
        assert!(code == Some(0) && stdout.contains(" 1 closed rooms"), "{copy}: {stdout}{stderr}");
        assert_eq!(stdout.contains(" 1 bans"), all, "{stdout}");
        let restored = Server::start_with(&["--log", copy, "--admin-token", ADMIN]).await;
        let api = restored.api();
        assert_eq!(read(&api, "/admin/rooms").await, rooms, "{copy}");
        let banned = read(&api, "/admin/bans").await;
        assert_eq!(banned, if all { bans.clone() } else { json!({ "bans": [] }) }, "{copy}");
        let eve = api.guest("Eve").await;
        assert_refused(&answer(api.post("lobby", &eve, "x")).await, 403, "room-closed");
        api.say("kitchen", &eve, "x").await;
    }
}
