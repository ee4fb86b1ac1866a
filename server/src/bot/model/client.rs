//! A question to a model.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::Answer;
use super::connect::{Socket, connect};
use super::endpoint::Api;
use super::exchange::Exchange;
use super::failure::{Break, Failure};
use super::prompt::Prompt;
use super::reading::Reading;
use super::request;
use super::settings::Model;
use crate::resolve::AnyError;
use crate::retry_after::retry_after;

/// Largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The name of this program, as servers of models see it.
const USER_AGENT: &str = concat!("Millchat/", env!("CARGO_PKG_VERSION"));

impl Model {
    /// Asks, and returns the answer once the server begins to send it. The body of a refusal is not read: it
    /// may repeat the prompt.
    pub async fn ask(&self, prompt: &Prompt) -> Result<Answer, Failure> {
        let asked = Instant::now();
        let absent = |source: AnyError| Failure::Absent { host: self.endpoint.host.with_port(), source };
        let connected = Box::pin(connect(&self.endpoint.host, self.trust.as_ref()));
        match timeout(self.times.connect, connected).await {
            Ok(Ok(socket)) => self.ask_over(socket, prompt, asked).await,
            Ok(Err(source)) => Err(absent(source)),
            Err(elapsed) => Err(absent(elapsed.into())),
        }
    }

    /// Asks over a connection that is there, as of a time at which the wait began.
    pub(super) async fn ask_over(
        &self,
        socket: impl Socket + Unpin + 'static,
        prompt: &Prompt,
        asked: Instant,
    ) -> Result<Answer, Failure> {
        let host = self.endpoint.host.with_port();
        let cut = |source| Failure::Cut { host: host.clone(), source };
        let lost = |error| cut(Break::Connection(error));
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) = builder.handshake(TokioIo::new(socket)).await.map_err(lost)?;
        let mut exchange = Exchange::new(async { drop(connection.await) });
        let sent = exchange.beside(sender.send_request(self.request(prompt)));
        let Ok(answered) = timeout_at(asked + self.times.first_piece, sent).await else {
            let limit = self.times.first_piece;
            return Err(Failure::Late { host, what: "the first piece of the answer", limit });
        };
        let (head, body) = answered.map_err(lost)?.into_parts();
        if head.status != StatusCode::OK {
            return Err(refused(host, head.status, &head.headers));
        }
        if head.headers.get(header::CONTENT_ENCODING).is_some_and(|packing| packing != "identity") {
            return Err(cut(Break::Packed));
        }
        Ok(Answer::new(host, exchange, body, Reading::new(self.endpoint.api), self.times, asked))
    }

    fn request(&self, prompt: &Prompt) -> Request<Full<Bytes>> {
        let accepted = match self.endpoint.api {
            Api::Ollama => "application/x-ndjson",
            Api::OpenAi => "text/event-stream",
        };
        let mut request = Request::new(Full::new(request::body(self, prompt)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.path.clone();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.endpoint.host_header.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static(accepted));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            headers.insert(header::AUTHORIZATION, key.header());
        }
        request
    }
}

/// Returns the failure that a status is.
fn refused(host: String, status: StatusCode, headers: &HeaderMap) -> Failure {
    match status {
        StatusCode::BAD_REQUEST => Failure::TooLong { host },
        _ if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            Failure::Busy { host, status, retry_after: retry_after(headers, Timestamp::now()) }
        }
        _ => Failure::Refused { host, status },
    }
}
