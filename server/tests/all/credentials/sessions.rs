//! Sessions that end before their time: by their user, and by the operator.

use reqwest::Method;

use super::{
    ask, assert_refused, cookie_of, operated, signed_by_an_earlier_release, signed_in, write, write_at_page,
};
use crate::support::Api;
use crate::support::client::answer;

const ADA: &str = "u_4kqv6mzd2xw7yrbtfn3a";

async fn sign_out(api: &Api, cookie: &str, query: &str) -> crate::support::Answer {
    let request = api.request(Method::POST, &format!("/auth/logout{query}"));
    answer(request.header("cookie", format!("millchat={cookie}"))).await
}

#[tokio::test]
async fn a_cookie_stolen_before_its_user_signs_out_is_nobodys_after_it_also_after_a_kill() {
    let mut server = operated().await;
    let api = server.api();
    let here = signed_in(&api, ADA, "aaaaaaaaaaaaaaaaaaaa").await;
    let there = signed_in(&api, ADA, "bbbbbbbbbbbbbbbbbbbb").await;
    for token in [&here.token, &there.token] {
        write_at_page(&api, token).await.expect(204);
        write(&api, token, "lobby").await.expect(201);
    }
    let out = sign_out(&api, &here.token, "").await.expect(303);
    assert_eq!(out.header("location"), Some("/"));
    let cookie = "millchat=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
    assert_eq!(out.header("set-cookie"), Some(cookie));
    assert_eq!(out.header("cache-control"), Some("no-store"));
    assert!(out.header("content-security-policy").unwrap().ends_with("frame-ancestors 'none'"));
    let lives = async |api: &Api, token: &str, lives: bool| {
        write_at_page(api, token).await.expect(if lives { 204 } else { 401 });
        let answer = write(api, token, "lobby").await;
        if lives { drop(answer.expect(201)) } else { assert_refused(&answer, 401, "revoked-token") }
    };
    lives(&api, &here.token, false).await;
    lives(&api, &there.token, true).await;
    server.kill().await;
    server.restart().await;
    let api = server.api();
    lives(&api, &here.token, false).await;
    lives(&api, &there.token, true).await;
    // Somebody who has no session any more, or never had one, is told nothing else.
    for cookie in [here.token.as_str(), "planted", ""] {
        let out = sign_out(&api, cookie, "").await.expect(303);
        assert_eq!(cookie_of(&out).as_deref(), Some(""));
    }
    sign_out(&api, &there.token, "?everywhere=1").await.expect(303);
    lives(&api, &there.token, false).await;
    let metrics = api.get("/metrics").await.body;
    assert!(metrics.contains("\nmillchat_revocations 2\n"), "{metrics}");
}

#[tokio::test]
async fn everywhere_ends_the_sessions_of_one_author_and_of_no_other() {
    let server = operated().await;
    let api = server.api();
    let here = signed_in(&api, ADA, "aaaaaaaaaaaaaaaaaaaa").await;
    let there = signed_in(&api, ADA, "bbbbbbbbbbbbbbbbbbbb").await;
    let other = signed_in(&api, "u_other", "cccccccccccccccccccc").await;
    sign_out(&api, &here.token, "?everywhere=1").await.expect(303);
    for token in [&here.token, &there.token] {
        assert_refused(&write(&api, token, "lobby").await, 401, "revoked-token");
    }
    write(&api, &other.token, "lobby").await.expect(201);
    // A sign-in after that is another session.
    let again = signed_in(&api, ADA, "dddddddddddddddddddd").await;
    write(&api, &again.token, "lobby").await.expect(201);
}

#[tokio::test]
async fn no_page_of_another_site_and_no_link_signs_anybody_out() {
    let server = operated().await;
    let api = server.api();
    let ada = signed_in(&api, ADA, "aaaaaaaaaaaaaaaaaaaa").await;
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let request = api.request(Method::POST, "/auth/logout?everywhere=1").header(header, value);
        let refused = answer(request.header("cookie", format!("millchat={}", ada.token))).await.expect(403);
        assert_eq!(refused.header("set-cookie"), None, "{header}: {value}");
    }
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let request = api.request(method, "/auth/logout").header("cookie", format!("millchat={}", ada.token));
        assert_eq!(answer(request).await.expect(405).header("allow"), Some("POST"));
    }
    // A bearer is nothing to a page.
    let request = api.request(Method::POST, "/auth/logout?everywhere=1").bearer_auth(&ada.token);
    answer(request).await.expect(303);
    write(&api, &ada.token, "lobby").await.expect(201);
}

#[tokio::test]
async fn a_guest_who_signs_out_leaves_the_browser_and_no_record() {
    let server = operated().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for query in ["", "?everywhere=1"] {
        let out = sign_out(&api, &ada.token, query).await.expect(303);
        assert_eq!(cookie_of(&out).as_deref(), Some(""));
        write(&api, &ada.token, "lobby").await.expect(201);
    }
    assert!(api.get("/metrics").await.body.contains("\nmillchat_revocations 0\n"));
}

#[tokio::test]
async fn the_operator_ends_the_sessions_of_anybody_also_of_earlier_releases_and_over_a_kill() {
    let mut server = operated().await;
    let api = server.api();
    let guest = api.guest("Ada").await;
    let old = signed_by_an_earlier_release(&api, &guest.id).await;
    let user = signed_in(&api, ADA, "aaaaaaaaaaaaaaaaaaaa").await;
    write(&api, &old, "lobby").await.expect(201);
    for id in [&guest.id, &user.id] {
        answer(ask(&api, Method::DELETE, &format!("/admin/sessions/{id}?by=Eve"))).await.expect(204);
    }
    let stranger = api.guest("Ada").await;
    for round in 0..2 {
        let api = server.api();
        for token in [&guest.token, &old, &user.token] {
            assert_refused(&write(&api, token, "lobby").await, 401, "revoked-token");
            write_at_page(&api, token).await.expect(401);
        }
        write(&api, &stranger.token, "lobby").await.expect(201);
        if round == 0 {
            server.kill().await;
            server.restart().await;
        }
    }
    let api = server.api();
    let denied = api.request(Method::DELETE, &format!("/admin/sessions/{ADA}")).bearer_auth(&stranger.token);
    assert_refused(&answer(denied).await, 401, "forged-token");
    for id in ["%20", "a%20b", "f%C3%BCr", &"x".repeat(129)] {
        let answer = answer(ask(&api, Method::DELETE, &format!("/admin/sessions/{id}"))).await;
        assert_refused(&answer, 400, "malformed-parameter");
    }
}

#[tokio::test]
async fn a_user_keeps_the_name_of_their_account() {
    let server = operated().await;
    let api = server.api();
    let ada = signed_in(&api, ADA, "aaaaaaaaaaaaaaaaaaaa").await;
    let rename = api.request(Method::PATCH, "/api/v1/guests/me").bearer_auth(&ada.token);
    let refused = answer(rename.json(&serde_json::json!({ "name": "Bob" }))).await;
    assert_refused(&refused, 403, "not-guest");
    let form = api.request(Method::POST, "/lobby/name").body("name=Bob");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let refused = answer(form.header("cookie", format!("millchat={}", ada.token))).await.expect(403);
    assert_eq!(refused.header("set-cookie"), None);
}
