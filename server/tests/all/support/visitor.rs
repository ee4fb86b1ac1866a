//! A browser without script, as far as cookies go: it keeps them, sends them back, and follows nothing.

use reqwest::{Method, RequestBuilder};

use super::client::{Answer, answer};
use super::{Api, Server};

/// A visitor of one server.
#[derive(Clone)]
pub struct Visitor {
    api: Api,
    /// The cookies, by name.
    pub jar: Vec<(String, String)>,
}

impl Visitor {
    /// Somebody who comes for the first time.
    pub fn new(server: &Server) -> Self {
        Self { api: server.api(), jar: Vec::new() }
    }

    /// The cookies as a browser sends them.
    pub fn cookies(&self) -> String {
        self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Asks for a path.
    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.api.request(Method::GET, path);
        self.send(request).await
    }

    /// Sends a form.
    pub async fn post(&mut self, path: &str, form: &str) -> Answer {
        let request = self.api.request(Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(form.to_owned())).await
    }

    /// Sends a request with the cookies, and keeps those of the answer.
    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = answer(request.header("cookie", self.cookies())).await;
        for set in answer.headers.get_all("set-cookie") {
            let mut parts = set.to_str().unwrap().split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            self.jar.retain(|(known, _)| known != name);
            if !parts.any(|part| part == "Max-Age=0") {
                self.jar.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// A request to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.api.request(method, path)
    }
}
