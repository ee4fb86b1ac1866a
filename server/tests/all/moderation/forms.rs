//! Moderation by the forms of the page, in a browser without script.

use reqwest::Method;
use serde_json::json;

use super::{ADMIN, moderated};
use crate::support::client::answer;
use crate::support::visitor::Visitor;
use crate::support::{Answer, Api, Server};

/// Somebody with a name at the page of the lobby, and their id.
async fn named(server: &Server, name: &str) -> (Visitor, String) {
    let mut visitor = Visitor::new(server);
    visitor.post("/lobby/name", &format!("name={name}")).await.expect(303);
    let page = visitor.get("/lobby").await.expect(200).body;
    let id = page.split("data-author-id=\"").find(|rest| rest.starts_with("g_")).unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    (visitor, id)
}

async fn give(api: &Api, id: &str, role: &str) {
    let request = api.request(Method::PUT, &format!("/api/v1/rooms/lobby/members/{id}")).bearer_auth(ADMIN);
    answer(request.json(&json!({ "role": role, "name": "Somebody" }))).await.expect(204);
}

/// The addresses of the forms of a page.
fn forms(page: &Answer) -> Vec<String> {
    let actions = page.body.split("action=\"").skip(1);
    actions.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// The one of them that begins so.
#[track_caller]
fn form(page: &Answer, start: &str) -> String {
    let forms = forms(page);
    forms.iter().find(|form| form.starts_with(start)).unwrap_or_else(|| panic!("{start}: {forms:?}")).clone()
}

#[tokio::test]
async fn moderators_do_all_by_forms_and_only_what_they_may() {
    let server = moderated().await;
    let api = server.api();
    let ((mut ada, ada_id), (mut bob, bob_id)) = (named(&server, "Ada").await, named(&server, "Bob").await);
    bob.post("/lobby/messages", "content=cheap+pills&key=1").await.expect(303);
    ada.post("/lobby/messages", "content=hello&key=2").await.expect(303);
    // A writer has no such page, and a form of it does nothing.
    ada.get("/lobby/moderation").await.expect(403);
    ada.post("/lobby/closed?method=put", "").await.expect(403);
    ada.post("/lobby/messages/1?method=delete", "").await.expect(403);
    ada.post("/lobby/messages/1/flags", "").await.expect(303);

    give(&api, &ada_id, "moderator").await;
    let page = ada.get("/lobby/moderation").await.expect(200);
    assert!(page.body.contains("cheap pills") && page.body.contains("Reported by"), "{}", page.body);
    assert!(!forms(&page).iter().any(|form| form.starts_with("/lobby/invitations")), "not an owner");
    let closed = ada.post(&form(&page, "/lobby/closed?method=put"), "").await.expect(303);
    assert_eq!(closed.header("location"), Some("/lobby/moderation"));
    bob.post("/lobby/messages", "content=more&key=3").await.expect(403);
    let page = ada.get("/lobby/moderation").await.expect(200);
    ada.post(&form(&page, "/lobby/closed?method=delete"), "").await.expect(303);
    ada.post(&form(&page, "/lobby/messages/1?method=delete"), "").await.expect(303);
    assert!(!ada.get("/lobby").await.body.contains("cheap pills"));
    let page = ada.get("/lobby/moderation").await.expect(200);
    assert!(!page.body.contains("Reported by"), "a flag goes with its message: {}", page.body);
    // The room is emptied by its owners alone.
    ada.post("/lobby/messages?method=delete", "").await.expect(403);

    let banned = ada.request(Method::PUT, &format!("/lobby/bans/{bob_id}")).json(&json!({}));
    ada.send(banned).await.expect(204);
    bob.post("/lobby/messages", "content=more&key=4").await.expect(403);
    let page = ada.get("/lobby/moderation").await.expect(200);
    ada.post(&form(&page, "/lobby/bans/"), "").await.expect(303);
    bob.post("/lobby/messages", "content=back&key=5").await.expect(303);

    give(&api, &ada_id, "owner").await;
    ada.post("/lobby/messages?method=delete", "").await.expect(303);
    let room = ada.get("/lobby").await.body;
    assert!(!room.contains("hello") && !room.contains("back"), "{room}");
    let page = ada.get("/lobby/moderation").await.expect(200);
    ada.post(&form(&page, "/lobby/members/"), "").await.expect(303);
    ada.get("/lobby/moderation").await.expect(403);
}

#[tokio::test]
async fn an_invitation_is_made_and_accepted_by_forms() {
    let server = moderated().await;
    let api = server.api();
    let (mut ada, ada_id) = named(&server, "Ada").await;
    give(&api, &ada_id, "owner").await;
    let new = "role=moderator&expires_in=7d&uses=1";
    let page = ada.post("/lobby/invitations", new).await.expect(200);
    let link = page.body.split("value=\"http://").nth(1).unwrap().split('"').next().unwrap();
    let secret = link.split_once("#invite=").unwrap().1;
    assert!(!ada.get("/lobby/moderation").await.body.contains(secret), "it is shown once");
    for wrong in [
        "role=king&expires_in=7d&uses=1",
        "role=reader&expires_in=7y&uses=1",
        "role=reader&expires_in=7d&uses=0",
    ] {
        ada.post("/lobby/invitations", wrong).await.expect(422);
    }

    let accept = "/lobby/invitations/accept";
    let mut bob = Visitor::new(&server);
    assert!(bob.get(accept).await.expect(200).body.contains("name=\"name\""));
    bob.post(accept, "name=Bob&invitation=guessed").await.expect(404);
    assert!(bob.cookie("millchat").is_none(), "a guess makes nobody");
    bob.post(accept, &format!("name=&invitation={secret}")).await.expect(422);
    // The whole link is taken too.
    let sent = format!("name=Bob&invitation=http://{}", link.replace('#', "%23"));
    let accepted = bob.post(accept, &sent).await.expect(303);
    assert_eq!(accepted.header("location"), Some("/lobby"));
    bob.get("/lobby/moderation").await.expect(200);
    let mut eve = Visitor::new(&server);
    eve.post(accept, &format!("name=Eve&invitation={secret}")).await.expect(404);
}

#[tokio::test]
async fn a_page_of_another_site_moderates_nothing() {
    let server = moderated().await;
    let api = server.api();
    let (mut ada, ada_id) = named(&server, "Ada").await;
    give(&api, &ada_id, "owner").await;
    ada.post("/lobby/messages", "content=hello&key=1").await.expect(303);
    for (method, path) in [
        (Method::POST, "/lobby/closed?method=put"),
        (Method::PUT, "/lobby/closed"),
        (Method::POST, "/lobby/messages?method=delete"),
        (Method::PUT, "/lobby/bans/g_somebody"),
        (Method::POST, "/lobby/invitations"),
        (Method::POST, "/lobby/invitations/accept"),
        (Method::POST, "/lobby/messages/1/flags"),
    ] {
        let request = ada.request(method, path).header("origin", "https://evil.example");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body("");
        ada.send(request).await.expect(403);
    }
    let page = ada.get("/lobby").await.body;
    assert!(page.contains("hello") && page.contains("class=\"room\""), "{page}");
}
