//! Everything of one author in all rooms, taken away by an operator or by the author, in steps.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN, assert_refused, moderated};
use crate::support::client::answer;
use crate::support::{Answer, Api, Server};

/// Rooms: more than one step looks into.
const ROOMS: usize = 70;
/// Messages in the last of them: more than one step deletes.
const SAID: usize = 130;

fn room(number: usize) -> String {
    format!("room-{number:03}")
}

async fn delete(api: &Api, path: &str, token: &str) -> Answer {
    answer(api.request(Method::DELETE, path).bearer_auth(token)).await
}

/// The numbers of messages that the steps delete.
async fn delete_all(api: &Api, path: &str, token: &str) -> Vec<u64> {
    let (mut from, mut steps) = (String::new(), Vec::new());
    loop {
        let step = delete(api, &format!("{path}{from}"), token).await.expect(200).json();
        assert_eq!(step["kept"], 0, "{step}");
        steps.push(step["deleted"].as_u64().unwrap());
        let Some(next) = step["next"].as_str() else { return steps };
        assert!(!next.contains("room"), "{next}");
        from = format!("?from={next}");
    }
}

/// Returns the texts that are left in a room.
async fn left(api: &Api, room: &str) -> Vec<Value> {
    let page = api.history(room, "?limit=1000").await;
    let messages = page["messages"].as_array().unwrap().iter();
    messages.map(|message| message["content"].clone()).filter(Value::is_string).collect()
}

#[tokio::test]
async fn an_operator_deletes_everything_of_one_author_in_all_rooms_and_nothing_of_others() {
    let server = moderated().await;
    let api = server.api();
    let (bob, mallory) = (api.guest("Bob").await, api.guest("Mallory").await);
    for number in 0..ROOMS {
        api.say(&room(number), &mallory, "cheap pills").await;
        api.say(&room(number), &bob, "no, thanks").await;
    }
    for _ in 1..SAID {
        api.say(&room(ROOMS - 1), &mallory, "cheap pills").await;
    }
    let path = format!("/admin/authors/{}/messages", mallory.id);
    assert_refused(&delete(&api, &path, &mallory.token).await, 401, "forged-token");
    assert_refused(&delete(&api, &format!("{path}?from=x"), ADMIN).await, 400, "malformed-parameter");
    assert_eq!(
        delete_all(&api, &path, ADMIN).await,
        [16, 16, 16, 16, 100, (ROOMS - 64 + SAID - 1 - 100) as u64]
    );
    for number in 0..ROOMS {
        assert_eq!(left(&api, &room(number)).await, [json!("no, thanks")], "{number}");
    }
    assert_eq!(delete_all(&api, &path, ADMIN).await.iter().sum::<u64>(), 0);
    let metrics = api.get("/metrics").await.body;
    assert!(
        metrics.contains("millchat_moderation_total{kind=\"delete-author-everywhere\"} 11\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn somebody_deletes_what_they_wrote_in_all_rooms_but_where_they_may_not_write() {
    let server = moderated().await;
    let api = server.api();
    let (ada, bob) = (api.guest("Ada").await, api.guest("Bob").await);
    for name in ["garden", "kitchen", "lobby"] {
        api.say(name, &ada, "mine").await;
        api.say(name, &bob, "not hers").await;
    }
    let ban = format!("/api/v1/rooms/kitchen/bans/{}", ada.id);
    answer(api.request(Method::PUT, &ban).bearer_auth(ADMIN)).await.expect(204);
    let me = "/api/v1/me/messages";
    assert_refused(&answer(api.request(Method::DELETE, me)).await, 401, "no-token");
    let step = delete(&api, me, &ada.token).await.expect(200).json();
    assert_eq!(step, json!({ "deleted": 2, "kept": 1, "next": null }));
    assert_eq!(left(&api, "garden").await, [json!("not hers")]);
    assert_eq!(left(&api, "kitchen").await.len(), 2);
    answer(api.request(Method::DELETE, &ban).bearer_auth(ADMIN)).await.expect(204);
    assert_eq!(delete_all(&api, me, &ada.token).await, [1]);
    assert_eq!(left(&api, "kitchen").await, [json!("not hers")]);
}

#[tokio::test]
async fn a_step_ends_where_the_limit_of_messages_does_and_the_next_goes_on_there() {
    let server = Server::start_with(&["--rate-limit", "author=1/5"]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for _ in 0..5 {
        api.say("lobby", &ada, "mine").await;
    }
    let me = "/api/v1/me/messages";
    let (mut from, mut deleted) = (String::new(), 0);
    loop {
        let step = delete(&api, &format!("{me}{from}"), &ada.token).await;
        if step.status == 429 {
            // Refused before anything is deleted, with the time to come back.
            let wait = step.header("retry-after").unwrap().parse().unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
            continue;
        }
        let step = step.expect(200).json();
        assert_ne!(step["deleted"], 0);
        deleted += step["deleted"].as_u64().unwrap();
        let Some(next) = step["next"].as_str() else { break };
        from = format!("?from={next}");
    }
    assert_eq!(deleted, 5);
    assert_eq!(left(&api, "lobby").await, [] as [Value; 0]);
}
