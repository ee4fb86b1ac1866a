//! Signing in from a panel: the window that it opens, and the token that goes back.

use reqwest::Method;
use serde_json::json;

use super::{SignIns, claims};
use crate::support::client::answer;
use crate::support::{Answer, Visitor};

const NUMBER: &str = "0123456789abcdef0123456789abcdef";

async fn ask(signs: &SignIns, method: Method, token: &str, form: &str) -> Answer {
    let request = signs.server.api().request(method, "/embed/lobby/name").bearer_auth(token);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    answer(request.body(form.to_owned())).await
}

/// Edits a message in the panel.
async fn edit(signs: &SignIns, token: &str, at: u64) -> u16 {
    let request = signs.server.api().request(Method::PATCH, &format!("/embed/lobby/messages/{at}"));
    answer(request.bearer_auth(token).json(&json!({ "content": "changed" }))).await.status
}

fn token(answer: &Answer) -> String {
    answer.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_gives_a_panel_a_token_of_its_own_and_keeps_what_they_wrote_in_it_as_a_guest() {
    let signs = SignIns::start("", "").await;
    let api = signs.server.api();
    let guest = api.guest("Guest").await;
    let said = api.say("lobby", &guest, "Do you have hats?").await;
    let place = format!("/auth/done?panel={NUMBER}%26room=lobby");
    let mut ada = Visitor::new(&signs.server);
    let nobody = ada.get("/auth/done").await.expect(200);
    assert!(nobody.body.contains("You are not signed in"), "{}", nobody.body);
    ada.send(ada.request(Method::POST, "/auth/done")).await.expect(401);
    let asked = signs.sign_in(&mut ada, "ada", &place).await;
    let page = ada.get(&asked).await.expect(200);
    assert!(page.body.contains(&format!("data-panel=\"{NUMBER}\"")), "{}", page.body);
    assert!(page.body.contains("href=\"/lobby\""), "{}", page.body);
    // Nothing is in the page, or in its address.
    let cookie = claims(ada.cookie("millchat").unwrap());
    let foreign = ada.request(Method::POST, "/auth/done").header("sec-fetch-site", "cross-site");
    ada.send(foreign).await.expect(403);
    let given = ada.send(ada.request(Method::POST, "/auth/done")).await.expect(200);
    assert_eq!(given.header("set-cookie"), None);
    assert_eq!(given.header("cache-control"), Some("no-store"));
    let in_panel = token(&given);
    let own = claims(&in_panel);
    assert_eq!((&own["id"], &own["use"]), (&cookie["id"], &json!("panel")));
    assert_ne!(own["sid"], cookie["sid"]);
    // The guest of the panel is somebody whom the user was.
    assert_eq!(edit(&signs, &in_panel, said).await, 403);
    ask(&signs, Method::PUT, &in_panel, "guest=none").await.expect(401);
    ask(&signs, Method::PUT, &guest.token, &format!("guest={}", guest.token)).await.expect(401);
    let taken =
        token(&ask(&signs, Method::PUT, &in_panel, &format!("guest={}", guest.token)).await.expect(200));
    assert_eq!(claims(&taken)["was"], json!([guest.id]));
    assert_eq!(claims(&taken)["exp"], own["exp"], "it lasts no longer for it");
    assert_eq!(edit(&signs, &taken, said).await, 204);
    // The panel knows the guest again when the page around it ends.
    assert_eq!(edit(&signs, &guest.token, said).await, 204);
    let foot = ask(&signs, Method::GET, &taken, "").await;
    assert_eq!(foot.status, 303, "no page is at its address");
    // It ends alone.
    ask(&signs, Method::DELETE, &taken, "").await.expect(204);
    assert_eq!(edit(&signs, &taken, said).await, 401);
    let page = ada.get("/auth/done").await.expect(200);
    assert!(page.body.contains("You are signed in as <bdi>Ada Lovelace</bdi>"), "{}", page.body);
}

#[tokio::test]
async fn a_window_that_no_panel_has_asked_for_asks_nothing() {
    let signs = SignIns::start("", "").await;
    let mut ada = Visitor::new(&signs.server);
    signs.sign_in(&mut ada, "ada", "/lobby").await;
    for query in [
        "",
        "?panel=1&room=lobby",
        &format!("?panel={NUMBER}"),
        &format!("?panel={NUMBER}&room=a%2Fb"),
        &format!("?panel={NUMBER}&room=admin"),
        &format!("?panel=%3C{}&room=lobby", &NUMBER[1..]),
        &format!("?panel={NUMBER}0&room=lobby"),
    ] {
        let page = ada.get(&format!("/auth/done{query}")).await.expect(200);
        assert!(!page.body.contains("data-panel"), "{query}: {}", page.body);
    }
}
