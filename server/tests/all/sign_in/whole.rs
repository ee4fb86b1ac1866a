//! Whole sign-ins at npm's oidc-provider, over plain HTTP on this machine.

use std::io::Write as _;

use super::{SignIns, attribute, claims};
use crate::clock::fake_clock;
use crate::support::client::answer;
use crate::support::oracle::epoch;
use crate::support::{Server, Visitor};
use base64::Engine as _;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// The cookie of a session.
const COOKIE: &str = "millchat";

/// Says something at the page; gives the position.
async fn say(visitor: &mut Visitor, text: &str) -> u64 {
    let request = visitor.request(Method::POST, "/lobby/messages").json(&json!({ "content": text }));
    let sent = visitor.send(request).await.expect(204);
    sent.header("location").unwrap().strip_prefix("/lobby#m-").unwrap().parse().unwrap()
}

async fn edit(visitor: &mut Visitor, at: u64, text: &str) -> u16 {
    let path = format!("/lobby/messages/{at}");
    let request = visitor.request(Method::PATCH, &path).json(&json!({ "content": text }));
    visitor.send(request).await.status
}

#[tokio::test]
async fn a_guest_signs_in_comes_back_to_the_room_and_has_the_name_of_the_provider() {
    let signs = SignIns::start(
        "groups-claim = \"groups\"\nscopes = [\"openid\", \"profile\", \"groups\"]\nonly = [\"@staff\"]",
        "",
    )
    .await;
    let mut ada = Visitor::new(&signs.server);
    let page = ada.get("/auth?to=/lobby").await.expect(200);
    assert!(page.body.contains("Sign in with") && page.body.contains("Example Corp"), "{}", page.body);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    ada.post("/lobby/name", "name=Guest").await.expect(303);
    let before = ada.cookie(COOKIE).unwrap().to_owned();
    let begun = ada.get("/auth/corp?to=/lobby").await.expect(303);
    let address = reqwest::Url::parse(begun.header("location").unwrap()).unwrap();
    let query =
        |name: &str| address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(query("response_type").as_deref(), Some("code"));
    assert_eq!(query("code_challenge_method").as_deref(), Some("S256"));
    let redirect = format!("http://{}/auth/corp/callback", signs.server.address());
    assert_eq!(query("redirect_uri"), Some(redirect));
    for name in ["state", "nonce"] {
        assert!(query(name).unwrap().len() >= 22, "128 bits");
    }
    let set = begun.header("set-cookie").unwrap();
    assert!(set.starts_with(&format!("millchat-login-{}=", &query("state").unwrap()[..8])), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"), "{set}");
    assert_eq!(signs.sign_in(&mut ada, "ada", "/lobby").await, "/lobby");
    let after = ada.cookie(COOKIE).unwrap().to_owned();
    let (guest, user) = (claims(&before), claims(&after));
    assert_ne!(guest["sid"], user["sid"], "the session is another one");
    assert_eq!(user["was"], json!([guest["id"]]));
    assert_eq!((user["kind"].as_str(), user["by"].as_str()), (Some("user"), Some("login:corp")));
    assert_eq!(user["groups"], json!(["staff"]), "the one that the settings name");
    assert!(user["id"].as_str().unwrap().starts_with("u_") && user["id"].as_str().unwrap().len() == 22);
    let room = ada.get("/lobby").await.expect(200).body;
    assert_eq!(attribute(&room, "data-author-name"), "Ada Lovelace");
    assert_eq!(attribute(&room, "data-author-id"), user["id"].as_str().unwrap());
    assert!(!room.contains("id=\"namer\""), "a user may not rename");
    assert_eq!(ada.post("/lobby/name", "name=Root").await.status, 403);
    // The guest's own token is void.
    let old = ada.request(Method::POST, "/api/v1/rooms/lobby/messages").bearer_auth(&before);
    answer(old.json(&json!({ "content": "x" }))).await.expect(401);
    // Somebody who is not staff.
    let mut bob = Visitor::new(&signs.server);
    let begun = bob.get("/auth/corp").await.expect(303);
    let back = signs.provider.sign_in(begun.header("location").unwrap(), "bob").await;
    let path = back.split_once("/auth/").unwrap().1;
    let refused = bob.get(&format!("/auth/{path}")).await.expect(403);
    assert!(refused.body.contains("data-kind=\"sign-in-refused\""), "{}", refused.body);
    assert_eq!(bob.cookie(COOKIE), None);
    // The same person again: the same author, whatever else.
    let mut again = Visitor::new(&signs.server);
    signs.sign_in(&mut again, "ada", "//evil.example").await;
    assert_eq!(claims(again.cookie(COOKIE).unwrap())["id"], user["id"]);
    let metrics = signs.server.api().get("/metrics").await.body;
    for line in ["outcome=\"done\"} 2", "outcome=\"refused\"} 1"] {
        assert!(metrics.contains(&format!("millchat_sign_ins_total{{login=\"corp\",{line}")), "{metrics}");
    }
    let log = signs.server.stderr();
    assert!(log.contains("a sign-in came to nothing"), "{log}");
    // The operator's list may name either.
    let line = log.lines().find(|line| line.contains("somebody signed in")).expect("a line of the log");
    assert!(
        line.contains("sub=\"ada\"") && line.contains(&format!("author={}", user["id"].as_str().unwrap())),
        "{line}"
    );
    for secret in [&after, crate::support::provider::CLIENT_SECRET, path] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn a_sign_in_whose_claims_have_no_groups_is_named_in_the_log() {
    // The provider lists groups only for the scope of that name.
    let signs = SignIns::start("groups-claim = \"groups\"", "").await;
    signs.sign_in(&mut Visitor::new(&signs.server), "ada", "/lobby").await;
    signs.server.said("a sign-in has no such claim", 1).await;
    let log = signs.server.stderr();
    let line =
        log.lines().find(|line| line.contains("a sign-in has no such claim")).expect("a line of the log");
    assert!(line.contains("claim=\"groups\"") && line.contains("`scopes`"), "{line}");
}

#[tokio::test]
async fn a_group_that_a_reload_names_is_in_the_next_session() {
    let lines = "groups-claim = \"groups\"\nscopes = [\"openid\", \"profile\", \"groups\"]";
    let mut signs = SignIns::start(lines, "").await;
    let mut ada = Visitor::new(&signs.server);
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    assert_eq!(claims(ada.cookie(COOKIE).unwrap())["groups"], json!(null), "nothing names one");
    let settings = signs.files.last_mut().unwrap();
    settings.write_all(b"[[room]]\nname = \"plans\"\nowners = [\"corp:@staff\"]\n").unwrap();
    let pid = Pid::from_raw(signs.server.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    signs.server.said("the settings were read again", 1).await;
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    assert_eq!(claims(ada.cookie(COOKIE).unwrap())["groups"], json!(["staff"]));
}

#[tokio::test]
async fn a_session_outlives_a_kill_and_ends_with_the_sign_out_for_whoever_has_its_cookie() {
    let mut signs = SignIns::start("", "").await;
    let (mut here, mut there) = (Visitor::new(&signs.server), Visitor::new(&signs.server));
    signs.sign_in(&mut here, "ada", "/lobby").await;
    signs.sign_in(&mut there, "ada", "/lobby").await;
    say(&mut here, "hello").await;
    signs.server.kill().await;
    signs.server.restart().await;
    let at = say(&mut here, "still here").await;
    let mut thief = here.clone();
    assert_eq!(thief.get("/auth/logout").await.status, 405);
    let foreign = here.request(Method::POST, "/auth/logout").header("origin", "https://evil.example");
    assert_eq!(here.send(foreign).await.status, 403);
    let out = here.post("/auth/logout", "").await.expect(303);
    assert_eq!((out.header("location"), here.cookie(COOKIE)), (Some("/"), None));
    assert_eq!(edit(&mut thief, at, "stolen").await, 401);
    signs.server.kill().await;
    signs.server.restart().await;
    assert_eq!(edit(&mut thief, at, "stolen").await, 401, "also after kill -9");
    let token = thief.cookie(COOKIE).unwrap().to_owned();
    let api = signs.server.api();
    let send = || api.request(Method::POST, "/api/v1/rooms/lobby/messages").json(&json!({ "content": "x" }));
    answer(send().bearer_auth(&token)).await.expect(401);
    // The other session is one of its own, and ends with all.
    assert_eq!(edit(&mut there, at, "by me").await, 204);
    let mut other = there.clone();
    there.post("/auth/logout?everywhere=1", "").await.expect(303);
    assert_eq!(edit(&mut other, at, "again").await, 401);
    signs.sign_in(&mut here, "ada", "/lobby").await;
    assert_eq!(edit(&mut here, at, "a new session").await, 204);
}

#[tokio::test]
async fn an_account_of_another_login_is_another_author_whatever_its_name_and_mail() {
    let second =
        "[[login]]\nname = \"second\"\nkind = \"oidc\"\nissuer = \"ISSUER\"\nclient-id = \"millchat-public\"";
    let signs = SignIns::start("", second).await;
    let id = async |login: &str, account: &str| {
        let mut visitor = Visitor::new(&signs.server);
        signs.sign_in_at(login, &mut visitor, account, "/lobby").await;
        let page = visitor.get("/lobby").await.expect(200).body;
        assert_eq!(attribute(&page, "data-author-name"), "Ada Lovelace");
        attribute(&page, "data-author-id")
    };
    // Eve has Ada's name and mail.
    let ids = [id("corp", "ada").await, id("second", "ada").await, id("corp", "eve").await];
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2], "{ids:?}");
    let mut guest = Visitor::new(&signs.server);
    guest.post("/lobby/name", "name=Ada+Lovelace").await.expect(303);
    say(&mut guest, "it is me").await;
    let mut ada = Visitor::new(&signs.server);
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    say(&mut ada, "no, it is me").await;
    let page = guest.get("/lobby").await.expect(200).body;
    let rows: Vec<&str> = page.split("data-position=").skip(1).collect();
    let marked = rows.iter().map(|row| row.contains("class=\"mark\"")).collect::<Vec<_>>();
    assert_eq!(marked, [false, true], "{page}");
    // A token that says to be a user is nobody's.
    let token = guest.cookie(COOKIE).unwrap().to_owned();
    let (claims, mac) = token.split_once('.').unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let json = String::from_utf8(engine.decode(claims).unwrap()).unwrap().replace("\"guest\"", "\"user\"");
    let forged = format!("{}.{mac}", engine.encode(json));
    let api = signs.server.api();
    let request = api.request(Method::POST, "/api/v1/rooms/lobby/messages").bearer_auth(forged);
    answer(request.json(&json!({ "content": "x" }))).await.expect(401);
}

#[tokio::test]
async fn a_sign_in_comes_back_once_in_ten_minutes_to_the_browser_that_began_it() {
    let signs = SignIns::start("", "").await;
    let mut ada = Visitor::new(&signs.server);
    let begun = ada.get("/auth/corp?to=/lobby").await.expect(303);
    let back = signs.provider.sign_in(begun.header("location").unwrap(), "ada").await;
    let path = back.strip_prefix(&format!("http://{}", signs.server.address())).unwrap().to_owned();
    let refused = async |visitor: &mut Visitor, path: &str| {
        let answer = visitor.get(path).await.expect(400);
        assert!(answer.body.contains("data-kind=\"sign-in-expired\""), "{}", answer.body);
        assert!(answer.body.contains("href=\"/auth/corp?to="), "a button begins again: {}", answer.body);
        assert_eq!(visitor.cookie(COOKIE), None);
    };
    // Another browser, also one with a sign-in of its own.
    let mut eve = Visitor::new(&signs.server);
    refused(&mut eve, &path).await;
    eve.get("/auth/corp").await.expect(303);
    refused(&mut eve, &path).await;
    let state = path.split_once("state=").unwrap().1.split('&').next().unwrap().to_owned();
    refused(&mut ada.clone(), &path.replace(&state, "")).await;
    refused(&mut ada.clone(), "/auth/corp/callback?code=x").await;
    let mut planted = ada.clone();
    let copy = ada.clone();
    planted
        .jar
        .iter_mut()
        .for_each(|(_, value)| value.replace_range(3..4, if &value[3..4] == "A" { "B" } else { "A" }));
    refused(&mut planted, &path).await;
    ada.get(&path).await.expect(303);
    assert!(ada.jar.iter().all(|(name, _)| name == COOKIE), "the sign-in is used up: {:?}", ada.jar);
    // Somebody who kept the cookie of the sign-in.
    refused(&mut copy.clone(), &path).await;
    // One browser begins many.
    for _ in 0..8 {
        ada.get("/auth/corp").await.expect(303);
    }
    assert_eq!(ada.jar.len(), 1 + 5, "{:?}", ada.jar);
}

#[tokio::test]
async fn a_sign_in_that_took_eleven_minutes_begins_again() {
    let clock = fake_clock();
    let signs = SignIns::start_in(&clock.environment(), "", "").await;
    // After nine minutes the provider's own token is too old here, and the sign-in itself is not.
    for (minutes, status, kind) in [(9, 403, "sign-in-invalid"), (11, 400, "sign-in-expired")] {
        clock.set(0);
        let mut ada = Visitor::new(&signs.server);
        let begun = ada.get("/auth/corp?to=/lobby").await.expect(303);
        let back = signs.provider.sign_in(begun.header("location").unwrap(), "ada").await;
        let path = back.strip_prefix(&format!("http://{}", signs.server.address())).unwrap().to_owned();
        // The browser has the cookie of the sign-in all the same.
        clock.set(minutes * 60);
        let answer = ada.get(&path).await.expect(status);
        assert!(answer.body.contains(&format!("data-kind=\"{kind}\"")), "{minutes} minutes: {}", answer.body);
    }
}

#[tokio::test]
async fn a_sign_out_goes_on_at_the_provider_where_the_settings_say_so() {
    let signs = SignIns::start("logout = \"provider\"", "").await;
    let mut ada = Visitor::new(&signs.server);
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    let out = ada.post("/auth/logout", "").await.expect(200);
    assert_eq!(ada.cookie(COOKIE), None);
    let address = attribute(&out.body, "http-equiv=\"refresh\" content").replace("&amp;", "&");
    let address = reqwest::Url::parse(address.strip_prefix("0; url=").unwrap()).unwrap();
    assert!(address.as_str().starts_with(&signs.provider.issuer), "{address}");
    let origin = format!("http://{}/", signs.server.address());
    let query: Vec<_> = address.query_pairs().collect();
    for (name, value) in [("client_id", "millchat"), ("post_logout_redirect_uri", &*origin)] {
        assert!(query.iter().any(|(key, is)| key == name && is == value), "{address}");
    }
    let page = reqwest::get(address).await.unwrap();
    assert_eq!(page.status().as_u16(), 200, "the provider takes it");
}

#[tokio::test]
async fn without_logins_nobody_signs_in() {
    let server = Server::start().await;
    let mut visitor = Visitor::new(&server);
    for path in ["/auth", "/auth/corp", "/auth/corp/callback?state=x&code=y"] {
        visitor.get(path).await.expect(404);
    }
    assert!(!visitor.get("/lobby").await.body.contains("/auth?to="), "and nothing says that one could");
}

#[tokio::test]
async fn what_a_guest_wrote_is_the_users_until_they_sign_out_and_a_ban_of_either_holds() {
    let signs = SignIns::start("", "").await;
    let mut ada = Visitor::new(&signs.server);
    ada.post("/lobby/name", "name=Guest").await.expect(303);
    let (edited, deleted, left) =
        (say(&mut ada, "one").await, say(&mut ada, "two").await, say(&mut ada, "three").await);
    let guest = claims(ada.cookie(COOKIE).unwrap())["id"].as_str().unwrap().to_owned();
    let mut other = Visitor::new(&signs.server);
    other.post("/lobby/name", "name=Other").await.expect(303);
    let others = say(&mut other, "of somebody else").await;
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    let user = claims(ada.cookie(COOKIE).unwrap())["id"].as_str().unwrap().to_owned();
    assert_eq!(edit(&mut ada, edited, "one, edited").await, 204);
    let request = ada.request(Method::DELETE, &format!("/lobby/messages/{deleted}"));
    ada.send(request).await.expect(204);
    assert_eq!(edit(&mut ada, others, "mine?").await, 403);
    // By the API too, with the same token.
    let token = ada.cookie(COOKIE).unwrap().to_owned();
    let path = format!("/api/v1/rooms/lobby/messages/{edited}");
    let api = signs.server.api();
    let request = api.request(Method::PATCH, &path).bearer_auth(&token).json(&json!({ "content": "again" }));
    let message = answer(request).await.expect(200).json();
    assert_eq!(
        (message["author"]["id"].as_str(), message["author"]["name"].as_str()),
        (Some(&*guest), Some("Guest"))
    );
    // Nobody else learns who the guest was: not by the page, not by the history, not by the stream.
    let page = other.get("/lobby").await.expect(200).body;
    assert!(!page.contains(&user) && !page.contains("data-author-was"), "{page}");
    let mine = ada.get("/lobby").await.expect(200).body;
    assert_eq!(attribute(&mine, "data-author-was"), guest);
    let history = api.get("/api/v1/rooms/lobby/messages").await.body;
    assert!(!history.contains(&user), "{history}");
    let epoch = epoch(&api, "lobby").await;
    let mut stream = api.stream("lobby", Some(&format!("{epoch}-{edited}"))).await;
    let mut seen = String::new();
    while !seen.contains("again") {
        seen.push_str(&stream.next().await.unwrap().data);
    }
    assert!(!seen.contains(&user), "{seen}");
    // A second sign-in in the same browser, and it is still theirs; in another one it is not.
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    assert_eq!(edit(&mut ada, left, "three, edited").await, 204);
    let mut elsewhere = Visitor::new(&signs.server);
    signs.sign_in(&mut elsewhere, "ada", "/lobby").await;
    assert_eq!(edit(&mut elsewhere, left, "elsewhere").await, 403);
    ada.post("/auth/logout", "").await.expect(303);
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    assert_eq!(edit(&mut ada, left, "after the sign-out").await, 403);
}

#[tokio::test]
async fn a_ban_of_the_guest_or_the_user_holds_for_both() {
    let signs = SignIns::start("", "").await;
    for banned_is_guest in [true, false] {
        let mut ada = Visitor::new(&signs.server);
        ada.post("/lobby/name", "name=Guest").await.expect(303);
        let at = say(&mut ada, "one").await;
        let guest = claims(ada.cookie(COOKIE).unwrap())["id"].as_str().unwrap().to_owned();
        signs.sign_in(&mut ada, "ada", "/lobby").await;
        let user = claims(ada.cookie(COOKIE).unwrap())["id"].as_str().unwrap().to_owned();
        let path = format!("/admin/bans/{}", if banned_is_guest { &guest } else { &user });
        let api = signs.server.api();
        answer(api.request(Method::PUT, &path).bearer_auth(crate::support::ADMIN)).await.expect(200);
        assert_eq!(edit(&mut ada, at, "two").await, 403);
        let request = ada.request(Method::POST, "/lobby/messages").json(&json!({ "content": "x" }));
        ada.send(request).await.expect(403);
        answer(api.request(Method::DELETE, &path).bearer_auth(crate::support::ADMIN)).await.expect(200);
        assert_eq!(edit(&mut ada, at, "three").await, 204);
    }
}

#[tokio::test]
async fn a_user_without_a_picture_has_an_empty_drawing_that_no_page_can_run() {
    let server = Server::start().await;
    let picture = server.api().get("/avatars/u_aaaaaaaaaaaaaaaaaaaa").await.expect(200);
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    assert_eq!(picture.header("content-security-policy"), Some("sandbox; default-src 'none'"));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(picture.header("cache-control"), Some("private, max-age=86400"));
}
