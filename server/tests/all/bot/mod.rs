//! Bots: programs with a token, and their unfinished answers.

mod built_in;
mod drafts;
mod once;
mod page;
mod programs;
mod states;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::{ADMIN, Answer, Api, Guest, Server};

/// A server with an operator.
async fn operated() -> Server {
    Server::start_with(&["--admin-token", ADMIN]).await
}

/// Makes a bot that may write everywhere.
async fn bot(api: &Api, name: &str) -> Guest {
    let body = json!({ "name": name, "rooms": { "*": "writer" } });
    let made = api.request(Method::POST, "/admin/tokens").bearer_auth(ADMIN).json(&body);
    let made = answer(made).await.expect(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Guest { token: text(&made["token"]), id: text(&made["author"]["id"]), name: name.to_owned() }
}

/// Shows a bot's unfinished answer.
async fn show(api: &Api, by: &Guest, room: &str, reply_to: u64, draft: Value) -> Answer {
    let path = format!("/api/v1/rooms/{room}/drafts/{reply_to}");
    answer(api.request(Method::PUT, &path).bearer_auth(&by.token).json(&draft)).await
}

/// Ends unfinished answers to a message.
async fn end(api: &Api, token: &str, room: &str, reply_to: u64) -> Answer {
    let path = format!("/api/v1/rooms/{room}/drafts/{reply_to}");
    answer(api.request(Method::DELETE, &path).bearer_auth(token)).await
}

fn writing(content: &str) -> Value {
    json!({ "state": "writing", "content": content })
}

/// Returns the name of the problem that it is, which must have this status.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> String {
    answer.expect_problem(status);
    answer.json()["type"].as_str().unwrap().trim_start_matches("urn:millchat:problem:").to_owned()
}
