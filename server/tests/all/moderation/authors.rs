//! Everything of one author, taken away by a moderator, in steps.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN, assert_refused, moderated};
use crate::support::client::answer;
use crate::support::{Answer, Api, Guest};

/// Messages of the author: more than one step deletes.
const SAID: u64 = 130;

async fn give(api: &Api, guest: &Guest, role: &str) {
    let path = format!("/api/v1/rooms/lobby/members/{}", guest.id);
    let request = api.request(Method::PUT, &path).bearer_auth(ADMIN);
    answer(request.json(&json!({ "role": role }))).await.expect(204);
}

async fn delete(api: &Api, by: &Guest, target: &Guest, query: &str) -> Answer {
    let path = format!("/api/v1/rooms/lobby/authors/{}/messages{query}", target.id);
    answer(api.request(Method::DELETE, &path).bearer_auth(&by.token)).await
}

/// The authors of the texts that are left.
async fn left(api: &Api) -> Vec<String> {
    let page = api.history("lobby", "?limit=1000").await;
    let messages = page["messages"].as_array().unwrap().iter();
    let texts = messages.filter(|message| message["content"].is_string());
    texts.map(|message| message["author"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_moderator_deletes_everything_of_one_author_in_steps_and_nothing_of_others() {
    let server = moderated().await;
    let api = server.api();
    let (ada, bob, mallory) = (api.guest("Ada").await, api.guest("Bob").await, api.guest("Mallory").await);
    give(&api, &ada, "moderator").await;
    for n in 0..SAID {
        api.say("lobby", &mallory, "cheap pills").await;
        if n % 50 == 0 {
            api.say("lobby", &bob, "no, thanks").await;
        }
    }
    assert_refused(&delete(&api, &bob, &mallory, "").await, 403, "needs-role");
    let mut stream = api.stream("lobby", None).await;
    while stream.logged().await.json()["content"] != "cheap pills" {}
    let (mut query, mut steps) = (String::new(), Vec::new());
    loop {
        let step = delete(&api, &ada, &mallory, &query).await.expect(200).json();
        steps.push(step["deleted"].as_u64().unwrap());
        let Some(before) = step["before"].as_u64() else { break };
        query = format!("?before={before}");
    }
    assert_eq!(steps, [100, SAID - 100]);
    assert_eq!(left(&api).await, vec![bob.id.clone(); 3]);
    loop {
        let event = stream.logged().await;
        if event.event == "delete" {
            assert_eq!(event.json()["author"]["id"], json!(ada.id), "the event names who did it");
            break;
        }
    }
    let again = delete(&api, &ada, &mallory, "").await.expect(200).json();
    assert_eq!(again, json!({ "deleted": 0, "before": null }));
    assert!(server.stderr().contains("delete-author"), "{}", server.stderr());
    let metrics = api.get("/metrics").await.body;
    assert!(metrics.contains("millchat_moderation_total{kind=\"delete-author\"} 3\n"), "{metrics}");
    assert_refused(&delete(&api, &ada, &mallory, "?before=x").await, 400, "malformed-parameter");
}

#[tokio::test]
async fn a_moderator_deletes_nothing_of_somebody_above() {
    let server = moderated().await;
    let api = server.api();
    let (ada, eve) = (api.guest("Ada").await, api.guest("Eve").await);
    give(&api, &ada, "moderator").await;
    give(&api, &eve, "owner").await;
    api.say("lobby", &eve, "welcome").await;
    assert_refused(&delete(&api, &ada, &eve, "").await, 403, "needs-role");
    assert_eq!(left(&api).await, [eve.id.as_str()]);
    api.say("lobby", &ada, "hello").await;
    assert_eq!(delete(&api, &eve, &ada, "").await.expect(200).json()["deleted"], 1);
}

#[tokio::test]
async fn the_page_has_the_same_route_for_its_script_and_its_forms() {
    let server = moderated().await;
    let api = server.api();
    let (ada, mallory) = (api.guest("Ada").await, api.guest("Mallory").await);
    give(&api, &ada, "moderator").await;
    let path = format!("/lobby/authors/{}/messages", mallory.id);
    let ask =
        |method, path: &str| api.request(method, path).header("cookie", format!("millchat={}", ada.token));
    api.say("lobby", &mallory, "cheap pills").await;
    let step: Value = answer(ask(Method::DELETE, &path)).await.expect(200).json();
    assert_eq!(step, json!({ "deleted": 1, "before": null }));
    api.say("lobby", &mallory, "cheap pills").await;
    let form = ask(Method::POST, &format!("{path}?method=delete"));
    let form = form.header("content-type", "application/x-www-form-urlencoded").body("");
    assert_eq!(answer(form).await.expect(303).header("location"), Some("/lobby/moderation"));
    assert!(left(&api).await.is_empty());
    let foreign = ask(Method::DELETE, &path).header("sec-fetch-site", "cross-site");
    answer(foreign).await.expect(403);
}
