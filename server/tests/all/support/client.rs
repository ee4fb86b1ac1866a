//! A client of the JSON API.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::documented::assert_documented;
use super::{LOOK_EVERY, PATIENCE, Stream, within};

/// Returns the positions of the messages of a page.
pub fn positions(page: &Value) -> Vec<u64> {
    page["messages"].as_array().unwrap().iter().map(|message| message["position"].as_u64().unwrap()).collect()
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Fails unless the status is this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Fails unless it is a problem document of this status and name. Gives its `detail`.
    #[track_caller]
    pub fn expect_problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json; charset=utf-8"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        let kind = problem["type"].as_str().unwrap_or_default();
        assert!(kind.starts_with("urn:millchat:problem:"), "{problem}");
        assert!(problem["title"].is_string(), "{problem}");
        problem["detail"].as_str().unwrap_or_else(|| panic!("no detail: {problem}")).to_owned()
    }
}

/// A guest with a token.
#[derive(Debug, Clone)]
pub struct Guest {
    pub token: String,
    pub id: String,
    pub name: String,
}

/// The API of one server, over one pool of connections.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    address: SocketAddr,
}

impl Api {
    pub fn new(address: SocketAddr) -> Self {
        // Redirects are answers to look at, and no proxy stands between a test and its server.
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { http: http.timeout(PATIENCE).build().unwrap(), address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until this many are in a room.
    pub async fn until_present(&self, room: &str, count: u64) {
        let path = format!("/api/v1/rooms/{room}");
        let there = async {
            while self.get(&path).await.json()["presence"]["count"] != count {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("as many are there", there).await;
    }

    /// A request to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// A guest of this name.
    pub async fn guest(&self, name: &str) -> Guest {
        let request = self.request(Method::POST, "/api/v1/guests").json(&json!({ "name": name }));
        let body = answer(request).await.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
        Guest {
            token: text(&body["token"]),
            id: text(&body["author"]["id"]),
            name: text(&body["author"]["name"]),
        }
    }

    /// A send to be completed.
    pub fn post(&self, room: &str, guest: &Guest, content: &str) -> RequestBuilder {
        let request = self.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"));
        request.bearer_auth(&guest.token).json(&json!({ "content": content }))
    }

    /// Sends and must be acknowledged.
    pub async fn send(&self, room: &str, guest: &Guest, content: &str) -> Value {
        answer(self.post(room, guest, content)).await.expect(201).json()
    }

    /// Sends and gives the position.
    pub async fn say(&self, room: &str, guest: &Guest, content: &str) -> u64 {
        self.send(room, guest, content).await["position"].as_u64().expect("a position")
    }

    pub async fn edit(&self, room: &str, guest: &Guest, position: u64, content: &str) -> Answer {
        let request = self.request(Method::PATCH, &format!("/api/v1/rooms/{room}/messages/{position}"));
        answer(request.bearer_auth(&guest.token).json(&json!({ "content": content }))).await
    }

    pub async fn delete(&self, room: &str, guest: &Guest, position: u64) -> Answer {
        let request = self.request(Method::DELETE, &format!("/api/v1/rooms/{room}/messages/{position}"));
        answer(request.bearer_auth(&guest.token)).await
    }

    /// Answers a message.
    pub async fn reply(&self, room: &str, guest: &Guest, target: u64, content: &str) -> Answer {
        let request = self.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"));
        answer(request.bearer_auth(&guest.token).json(&json!({ "content": content, "reply_to": target })))
            .await
    }

    /// Adds a reaction, or takes it back.
    pub async fn react(
        &self,
        guest: &Guest,
        (room, position): (&str, u64),
        reaction: &str,
        on: bool,
    ) -> Answer {
        let method = if on { Method::PUT } else { Method::DELETE };
        let path = format!("/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}");
        answer(self.request(method, &path).bearer_auth(&guest.token)).await
    }

    /// A page of history, with a query such as `?after=0`.
    pub async fn history(&self, room: &str, query: &str) -> Value {
        self.get(&format!("/api/v1/rooms/{room}/messages{query}")).await.expect(200).json()
    }

    /// The room's stream.
    pub async fn stream(&self, room: &str, last_id: Option<&str>) -> Stream {
        within("a stream opens", Stream::room(self.address, room, last_id)).await.unwrap()
    }
}

/// Sends the request and reads the answer to its end.
pub async fn answer(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    assert_documented(method.as_str(), &path, response.status().as_u16()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = String::from_utf8(response.bytes().await.unwrap().to_vec()).unwrap();
    Answer { status, headers, body }
}
