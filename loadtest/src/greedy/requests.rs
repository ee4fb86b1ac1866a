//! The requests of innocents and attackers, as bytes.

use serde_json::json;

/// The Host header: it names nothing that exists.
const HOST: &str = "greedy.test";
/// The reactions, percent-encoded: 👍 ❤️ 😂 🎉 😮 😢.
pub const REACTIONS: [&str; 6] =
    ["%F0%9F%91%8D", "%E2%9D%A4%EF%B8%8F", "%F0%9F%98%82", "%F0%9F%8E%89", "%F0%9F%98%AE", "%F0%9F%98%A2"];

/// Returns a request of any method with a body of JSON; without one if it is empty.
pub fn request(method: &str, path: &str, token: &str, key: Option<&str>, body: &str) -> Vec<u8> {
    let token = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let key = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{token}{key}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Returns the request for a page, a room or a message.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes()
}

/// Returns the request that makes a guest.
pub fn guest(name: &str) -> Vec<u8> {
    request("POST", "/api/v1/guests", "", None, &json!({ "name": name }).to_string())
}

/// Returns the request that posts a message.
pub fn post(room: &str, token: &str, content: &str, reply_to: Option<u64>, key: Option<&str>) -> Vec<u8> {
    let body = match reply_to {
        Some(target) => json!({ "content": content, "reply_to": target }),
        None => json!({ "content": content }),
    };
    request("POST", &format!("/api/v1/rooms/{room}/messages"), token, key, &body.to_string())
}

/// Returns the request that edits a message.
pub fn edit(room: &str, token: &str, position: u64, content: &str) -> Vec<u8> {
    let path = format!("/api/v1/rooms/{room}/messages/{position}");
    request("PATCH", &path, token, None, &json!({ "content": content }).to_string())
}

/// Returns the request that deletes a message.
pub fn delete(room: &str, token: &str, position: u64) -> Vec<u8> {
    request("DELETE", &format!("/api/v1/rooms/{room}/messages/{position}"), token, None, "")
}

/// Returns the request that adds a reaction or takes it back.
pub fn react(room: &str, token: &str, position: u64, reaction: &str, on: bool) -> Vec<u8> {
    let method = if on { "PUT" } else { "DELETE" };
    let path = format!("/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}");
    request(method, &path, token, None, "")
}

/// Returns the request for the API's stream of a room: after this id, or with this many events of history.
pub fn events(room: &str, last_id: Option<&str>, history: u32) -> Vec<u8> {
    stream(&format!("/api/v1/rooms/{room}/events?history={history}"), last_id)
}

/// Returns the request for the page's stream of a room.
pub fn patches(room: &str, last_id: Option<&str>, history: u32) -> Vec<u8> {
    stream(&format!("/{room}/messages?history={history}"), last_id)
}

/// Returns the request for any stream.
pub fn stream(path: &str, last_id: Option<&str>) -> Vec<u8> {
    let resume = last_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n{resume}\r\n").into_bytes()
}
