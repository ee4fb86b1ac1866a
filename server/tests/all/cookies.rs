//! The cookies of people who come by for years.

use reqwest::Method;
use serde_json::json;

use crate::clock::fake_clock;
use crate::support::Server;
use crate::support::client::answer;

#[tokio::test]
async fn a_cookie_that_is_used_outlives_its_year() {
    const DAY: i64 = 24 * 60 * 60;
    let clock = fake_clock();
    let server = Server::start_in(&clock.environment(), &[]).await;
    let api = server.api();
    let form = |body: &'static str| {
        let request = api.request(Method::POST, "/lobby/name").body(body);
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let named = answer(form("name=Ada")).await.expect(303);
    let set = named.header("set-cookie").unwrap().to_owned();
    let attributes = |set: &str| set.split_once(';').unwrap().1.to_owned();
    let cookie = |set: &str| set.split_once(';').unwrap().0.to_owned();
    let get = |path: &'static str, cookie: &str| {
        answer(api.request(Method::GET, path).header("cookie", format!("{cookie}; lang=de")))
    };
    let mut now = cookie(&set);
    assert_eq!(get("/lobby", &now).await.expect(200).header("set-cookie"), None, "it is new");
    // Somebody who comes each 200 days, for years.
    for years in 1..=3 {
        clock.set(years * 200 * DAY);
        let page = get("/lobby", &now).await.expect(200);
        assert!(page.body.contains("data-author-name=\"Ada\""));
        let renewed: Vec<&str> =
            page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(renewed.len(), 2, "the name and the language: {renewed:?}");
        assert_eq!(attributes(renewed[0]), attributes(&set));
        assert!(renewed[1].starts_with("lang=de;"), "{renewed:?}");
        now = cookie(renewed[0]);
        assert_eq!(get("/lobby", &now).await.header("set-cookie"), None, "it is new again");
    }
    // Sending is use too; what browsers keep for all is not for one.
    clock.set(800 * DAY);
    let request = api.request(Method::POST, "/lobby/messages").header("cookie", &now);
    let written = answer(request.json(&json!({ "content": "hello" }))).await.expect(204);
    assert!(written.header("set-cookie").unwrap().starts_with("millchat="));
    for path in ["/assets/licences.txt", "/healthz", "/new"] {
        assert_eq!(get(path, &now).await.header("set-cookie"), None, "{path}");
    }
    // A new name is not undone.
    let renamed = answer(form("name=Bob").header("cookie", &now)).await.expect(303);
    assert_eq!(renamed.headers.get_all("set-cookie").iter().count(), 1);
}
