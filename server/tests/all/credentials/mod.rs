//! Credentials as their holders and thieves use them: sessions that end, keys that retire, API tokens.

mod api_tokens;
mod hooks;
mod keys;
mod recipes;
mod sessions;
mod sites;
mod tickets;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::client::answer;
use crate::support::{ADMIN, Answer, Api, Guest, Server};

/// A server with an operator.
async fn operated() -> Server {
    Server::start_with(&["--admin-token", ADMIN]).await
}

fn ask(api: &Api, method: Method, path: &str) -> RequestBuilder {
    api.request(method, path).bearer_auth(ADMIN)
}

async fn post(api: &Api, path: &str, body: Value) -> Answer {
    answer(ask(api, Method::POST, path).json(&body)).await
}

/// Fails unless it is this problem. A refused token is told by its header too.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, name: &str) {
    answer.expect_problem(status);
    assert_eq!(answer.json()["type"], format!("urn:millchat:problem:{name}"), "{answer:?}");
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge.is_some_and(|text| text.starts_with("Bearer")), status == 401, "{answer:?}");
}

/// Writes as the holder of a token.
async fn write(api: &Api, token: &str, room: &str) -> Answer {
    let request = api.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"));
    answer(request.bearer_auth(token).json(&json!({ "content": "hello" }))).await
}

/// Writes at the page, with this value of the cookie.
async fn write_at_page(api: &Api, cookie: &str) -> Answer {
    let request = api.request(Method::POST, "/lobby/messages").header("cookie", format!("millchat={cookie}"));
    answer(request.json(&json!({ "content": "hello" }))).await
}

/// The value that an answer gives the cookie; empty if the answer deletes it.
fn cookie_of(answer: &Answer) -> Option<String> {
    let set = answer.header("set-cookie")?.strip_prefix("millchat=")?;
    Some(set.split(';').next().unwrap().to_owned())
}

/// The key of a log, as a backup has it.
async fn signing_key(api: &Api) -> [u8; 32] {
    let backup = answer(ask(api, Method::GET, "/admin/backup")).await.expect(200).body;
    let header: Value = serde_json::from_str(backup.lines().next().unwrap()).unwrap();
    let hex = header["signing_key"].as_str().unwrap();
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

fn signed(key: &[u8; 32], claims: &Value) -> String {
    let encoded = URL_SAFE_NO_PAD.encode(claims.to_string());
    let mac = URL_SAFE_NO_PAD.encode(blake3::keyed_hash(key, encoded.as_bytes()).as_bytes());
    format!("{encoded}.{mac}")
}

/// The token of a user who signed in, as this server signs it with its first key.
async fn signed_in(api: &Api, id: &str, sid: &str) -> Guest {
    let first = blake3::derive_key("millchat 2026-11-28 token key 1", &signing_key(api).await);
    let key = blake3::derive_key("millchat 2026-11-28 session tokens v2", &first);
    let (iat, exp) = (now(), now() + 24 * 60 * 60 * 1_000);
    let claims = json!({ "v": 2, "k": 1, "use": "session", "exp": exp, "sid": sid, "id": id, "name": "Ada",
        "kind": "user", "by": "login:corp", "sub": "1", "iat": iat, "auth": iat });
    Guest { token: signed(&key, &claims), id: id.to_owned(), name: "Ada".to_owned() }
}

/// The token of a guest, as earlier releases signed it.
async fn signed_by_an_earlier_release(api: &Api, id: &str) -> String {
    let key = blake3::derive_key("millchat 2026-11-23 author tokens v1", &signing_key(api).await);
    let exp = now() / 1_000 + 300 * 24 * 60 * 60;
    signed(&key, &json!({ "id": id, "name": "Ada", "kind": "guest", "exp": exp }))
}
