//! Links that are not written as ours are.

use reqwest::Method;
use serde_json::json;

use crate::support::Server;
use crate::support::client::answer;

#[tokio::test]
async fn a_slash_too_many_leads_to_the_page_and_keeps_its_query() {
    let server = Server::start().await;
    let api = server.api();
    for (path, location) in [
        ("/lobby/", "/lobby"),
        ("/lobby/?before=7&x=%2F", "/lobby?before=7&x=%2F"),
        ("/lobby//", "/lobby"),
        ("//lobby", "/lobby"),
        ("/l%6fbby/", "/lobby"),
        ("/lobby/messages/", "/lobby/messages"),
        ("/new/", "/new"),
        ("/healthz/", "/healthz"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let found = answer(api.request(method, path)).await.expect(308);
            assert_eq!(found.header("location"), Some(location), "{path}");
        }
    }
    // The method stays, so a form that is sent there arrives.
    let sent = answer(api.request(Method::POST, "/lobby/name/").body("name=Ada")).await.expect(308);
    assert_eq!(sent.header("location"), Some("/lobby/name"));
    for path in
        ["//evil.example/", "/evil.example//", "//evil.example/%2f..", "/admin/", "//admin", "/assets/"]
    {
        let found = api.get(path).await.expect(404);
        assert_eq!(found.header("location"), None, "{path}");
    }
    for path in ["/api/v1/rooms/lobby/", "/api//v1/rooms/lobby", "/api/"] {
        let detail = api.get(path).await.expect_problem(404);
        assert!(!path.contains("lobby") || detail.contains("did you mean /api/v1/rooms/lobby?"), "{detail}");
    }
}

#[tokio::test]
async fn an_encoded_letter_is_the_same_address_and_guards_are_not_passed() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "hello there").await;
    for path in ["/l%6fbby", "/%6C%6f%62%62%79", "/lobby?", "/l%6Fbby?"] {
        let page = api.get(path).await.expect(200).body;
        assert!(page.contains("hello there") && page.contains("data-room=\"lobby\""), "{path}");
    }
    let room = api.get("/api/v1/rooms/lobb%79/messages").await.expect(200).json();
    assert_eq!(room["messages"][0]["content"], "hello there");
    let cookie = format!("millchat={}", ada.token);
    let send = api.request(Method::POST, "/l%6fbby/m%65ssages").header("cookie", cookie);
    answer(send.json(&json!({ "content": "again" }))).await.expect(204);
    for path in
        ["/%61dmin/rooms", "/admi%6e/rooms", "/%6detrics", "/%61dmin", "/lobby%2Fmessages", "/l%256fbby"]
    {
        let found = api.get(path).await.expect(404);
        assert!(found.header("content-type").unwrap().starts_with("text/html"), "{path}");
    }
    let problem = api.get("/admin/%72ooms").await;
    assert!(matches!(problem.status, 401 | 404), "{problem:?}");
}

#[tokio::test]
async fn a_page_that_is_not_there_offers_the_room_that_is_meant() {
    let server = Server::start().await;
    let api = server.api();
    for (path, room) in [
        ("/lobby.", "lobby"),
        ("/Lobby,", "Lobby"),
        ("/lobby)", "lobby"),
        ("/lobby%3F", "lobby"),
        ("/%20lobby", "lobby"),
        ("/lobby/wherever", "lobby"),
        ("/my%20room", "my-room"),
    ] {
        for (language, words) in [("en", "Go to "), ("de", "Zu "), ("ja", " へ移動")] {
            let request = api.request(Method::GET, path).header("accept-language", language);
            let page = answer(request).await.expect(404).body;
            assert!(page.contains(&format!("href=\"/{room}\"")) && page.contains(words), "{path}: {page}");
        }
    }
    for path in ["/admin", "/%61dmin", "/...", "/%22%3E%3Cscript%3E%3C"] {
        let page = api.get(path).await.expect(404).body;
        assert!(!page.contains("Go to") || path.contains("script"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}
