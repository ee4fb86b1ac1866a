//! Keys that retire: later, and at once.

use reqwest::Method;
use serde_json::json;

use super::{
    ask, assert_refused, cookie_of, operated, post, signed_by_an_earlier_release, write, write_at_page,
};
use crate::clock::fake_clock;
use crate::support::client::answer;
use crate::support::raw::Held;
use crate::support::server::run;
use crate::support::{ADMIN, Api, Server};

/// The cookie that a page gives instead of this one.
async fn renewed(api: &Api, cookie: &str) -> Option<String> {
    let request = api.request(Method::GET, "/lobby").header("cookie", format!("millchat={cookie}"));
    cookie_of(&answer(request).await.expect(200))
}

#[tokio::test]
async fn after_a_rotation_old_tokens_are_good_for_a_while_and_pages_renew_their_cookies() {
    let clock = fake_clock();
    let mut server = Server::start_in(&clock.environment(), &["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let old = signed_by_an_earlier_release(&api, &ada.id).await;
    assert_eq!(renewed(&api, &ada.token).await, None, "it is new");
    let rotated = post(&api, "/admin/keys?by=Eve", json!({ "retire": "2d" })).await.expect(200).json();
    assert_eq!(rotated["key"], 2);
    let retires_at = rotated["retires_at"].as_str().unwrap();
    assert!(retires_at.ends_with('Z') && retires_at.len() == 24, "{rotated}");
    let mut kept = ada.token.clone();
    for token in [&ada.token, &old] {
        write(&api, token, "lobby").await.expect(201);
        kept = renewed(&api, token).await.expect("its key is an old one");
        assert_eq!(renewed(&api, &kept).await, None);
    }
    server.kill().await;
    clock.set(2 * 24 * 60 * 60 + 60);
    server.restart().await;
    let api = server.api();
    for token in [&ada.token, &old] {
        assert_refused(&write(&api, token, "lobby").await, 401, "revoked-token");
        write_at_page(&api, token).await.expect(401);
    }
    write_at_page(&api, &kept).await.expect(204);
    let message = &api.history("lobby", "").await["messages"][2];
    assert_eq!(message["author"]["id"], ada.id);
}

#[tokio::test]
async fn a_stolen_cookie_is_nobodys_once_the_keys_retire_now_and_programs_go_on() {
    let mut server = operated().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let old = signed_by_an_earlier_release(&api, &ada.id).await;
    let made = post(&api, "/admin/tokens", json!({ "name": "deploys", "rooms": { "*": "writer" } })).await;
    let program = made.expect(201).json()["token"].as_str().unwrap().to_owned();
    let url = format!("http://{}", server.address());
    let arguments = ["rotate-key", "--from", &url, "--admin-token", ADMIN, "--retire", "now"];
    let (code, stdout, stderr) = run(&arguments).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("key 2 signs; the older keys are void since 20"), "{stdout}");
    for round in 0..2 {
        let api = server.api();
        for token in [&ada.token, &old] {
            assert_refused(&write(&api, token, "lobby").await, 401, "revoked-token");
            write_at_page(&api, token).await.expect(401);
        }
        write(&api, &program, "lobby").await.expect(201);
        let bob = api.guest("Bob").await;
        write(&api, &bob.token, "lobby").await.expect(201);
        if round == 0 {
            server.kill().await;
            server.restart().await;
        }
    }
}

#[tokio::test]
async fn somebody_who_is_renamed_while_the_keys_retire_gets_no_token_of_the_new_key() {
    let server = operated().await;
    let (api, address) = (server.api(), server.address());
    let ada = api.guest("Ada").await;
    let (bearer, cookie) = (format!("Bearer {}", ada.token), format!("millchat={}", ada.token));
    let by_program = [("Authorization", &*bearer)];
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let rename = ("PATCH", "/api/v1/guests/me");
    let program = Held::begin(address, rename, &by_program, "{\"name\":\"Eve\"}").await;
    let name = ("POST", "/lobby/name");
    let at_page = Held::begin(address, name, &[("Cookie", &*cookie), form], "name=Eve").await;
    let by_script = [("Cookie", &*cookie), form, ("Datastar-Request", "true")];
    let by_script = Held::begin(address, name, &by_script, "name=Eve").await;
    post(&api, "/admin/keys", json!({ "retire": "now" })).await.expect(200);
    assert_eq!(program.finish().await.status, 401);
    let at_page = at_page.finish().await;
    assert_eq!((at_page.status, at_page.header("set-cookie")), (401, None));
    // The script is shown the form again, and why.
    let by_script = by_script.finish().await;
    assert_eq!((by_script.status, by_script.header("set-cookie")), (200, None));
}

#[tokio::test]
async fn a_rotation_says_what_it_takes_and_there_are_four_keys() {
    let server = operated().await;
    let api = server.api();
    for wrong in ["", "soon", "0s", "-1d", "366d", "Now", "30"] {
        let answer = post(&api, "/admin/keys", json!({ "retire": wrong })).await;
        assert_refused(&answer, 422, "invalid-body");
    }
    for (body, name, status) in [
        (json!({ "retire": 30 }), "invalid-body", 422),
        (json!({ "retires": "30d" }), "invalid-body", 422),
        (json!([]), "invalid-body", 422),
    ] {
        assert_refused(&post(&api, "/admin/keys", body).await, status, name);
    }
    let ada = api.guest("Ada").await;
    let request = api.request(Method::POST, "/admin/keys").bearer_auth(&ada.token).json(&json!({}));
    assert_refused(&answer(request).await, 401, "forged-token");
    answer(ask(&api, Method::GET, "/admin/keys")).await.expect_problem(405);
    for key in 2..=4 {
        assert_eq!(post(&api, "/admin/keys", json!({})).await.expect(200).json()["key"], key);
    }
    assert_refused(&post(&api, "/admin/keys", json!({})).await, 409, "list-full");
    let now = post(&api, "/admin/keys", json!({ "retire": "now" })).await.expect(200).json();
    assert_eq!(now["key"], 5);
    assert_eq!(post(&api, "/admin/keys", json!({ "retire": "1h" })).await.expect(200).json()["key"], 6);
    let (code, _, stderr) = run(&["rotate-key", "--from", "http://127.0.0.1:9", "--retire", "soon"]).await;
    assert!(code == Some(2) && stderr.contains("now or a time such as 30d"), "{stderr}");
}
