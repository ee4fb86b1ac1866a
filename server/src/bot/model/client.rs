//! A question to a model.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::Answer;
use super::connect::connect;
use super::decoder::Decoder;
use super::endpoint::Api;
use super::exchange::Exchange;
use super::failure::{Break, Failure};
use super::prompt::Prompt;
use super::request;
use super::retry_after::retry_after;
use super::settings::Model;
use crate::resolve::AnyError;

/// Largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The name of this program, as servers of models see it.
const USER_AGENT: &str = concat!("Millchat/", env!("CARGO_PKG_VERSION"));

impl Model {
    /// Asks, and returns the answer once the server begins to send it. The body of a refusal is not read: it
    /// may repeat the prompt.
    pub async fn ask(&self, prompt: &Prompt) -> Result<Answer, Failure> {
        let asked = Instant::now();
        let host = self.endpoint.host.with_port();
        let absent = |source: AnyError| Failure::Absent { host: host.clone(), source };
        let cut = |source| Failure::Cut { host: host.clone(), source };
        let request = self.request(prompt).map_err(|error| absent(error.into()))?;
        let connected = Box::pin(connect(&self.endpoint.host, self.trust.as_ref()));
        let socket = match timeout(self.times.connect, connected).await {
            Ok(connected) => connected.map_err(absent)?,
            Err(elapsed) => return Err(absent(elapsed.into())),
        };
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let connection = builder.handshake(TokioIo::new(socket)).await;
        let (mut sender, connection) = connection.map_err(|error| cut(Break::Connection(error)))?;
        let mut exchange = Exchange::new(async { drop(connection.await) });
        let by = asked + self.times.first_piece.min(self.times.answer);
        let Ok(answered) = timeout_at(by, exchange.beside(sender.send_request(request))).await else {
            let limit = self.times.first_piece.min(self.times.answer);
            return Err(Failure::Late { host, what: "the first piece of the answer", limit });
        };
        let (head, body) = answered.map_err(|error| cut(Break::Connection(error)))?.into_parts();
        if head.status != StatusCode::OK {
            return Err(refused(host, head.status, &head.headers));
        }
        if head.headers.get(header::CONTENT_ENCODING).is_some_and(|packing| packing != "identity") {
            return Err(cut(Break::Packed));
        }
        Ok(Answer::new(host, exchange, body, Decoder::new(self.endpoint.api), self.times, asked))
    }

    fn request(&self, prompt: &Prompt) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let accepted = match self.endpoint.api {
            Api::Ollama => "application/x-ndjson",
            Api::OpenAi => "text/event-stream",
        };
        let mut request = Request::post(&*self.endpoint.path)
            .header(header::HOST, self.endpoint.host.header())
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .header(header::ACCEPT, accepted)
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, key.header());
        }
        request.body(Full::new(request::body(self, prompt)))
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
