//! Commands that ask a running server as its operator: its address and the admin token, and a request with a
//! JSON body.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::failure::Failure;
use super::server_address::ServerAddress;
use crate::identity::operator::{self, AdminToken};
use crate::origin::Origins;
use crate::stderr;

/// Longest time to reach the server, and for its answer.
pub const SILENCE_MAX: Duration = Duration::from_mins(1);
/// Longest answer that is read, in bytes: all API tokens there can be.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The secret of the operator.
#[derive(clap::Args, Debug)]
pub struct Secret {
    /// The server's admin token
    #[arg(
        long,
        env = "MILLCHAT_ADMIN_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "admin_token_file"
    )]
    admin_token: Option<AdminToken>,
    /// A file that holds the server's admin token
    #[arg(long, env = "MILLCHAT_ADMIN_TOKEN_FILE", value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
}

impl Secret {
    /// Reads the token. `what`: the use of it, for the sentence that says that there is none.
    pub fn read(&self, origins: &Origins, what: &str) -> Result<AdminToken, Failure> {
        if let Some(warning) = self.admin_token_file.as_deref().and_then(operator::warning) {
            stderr::say(warning);
        }
        match (&self.admin_token, &self.admin_token_file) {
            (Some(token), _) => Ok(token.clone()),
            (None, Some(file)) => AdminToken::read(file).map_err(|error| {
                Failure::refused(format_args!("{error}{}", origins.told("admin-token-file")))
            }),
            (None, None) => Err(Failure::refused(format_args!(
                "a running server {what} for its admin token: --admin-token-file FILE"
            ))),
        }
    }
}

/// The running server, and the secret of its operator.
#[derive(clap::Args, Debug)]
pub struct AtServer {
    /// The server's address, such as `http://127.0.0.1:8080` or `unix:/run/millchat/admin.sock`
    #[arg(long, value_name = "ADDRESS")]
    from: ServerAddress,
    #[command(flatten)]
    secret: Secret,
}

impl AtServer {
    /// Asks, and returns the JSON of the answer; `null` when it has no body.
    pub fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        origins: &Origins,
    ) -> Result<Value, Failure> {
        let token = self.secret.read(origins, "does this")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asked = async { timeout(SILENCE_MAX, self.exchange(&token, method, path, body)).await };
        let answered = runtime.map_err(Failure::refused)?.block_on(asked);
        answered.unwrap_or_else(|_| {
            let from = &self.from;
            Err(Failure::Refused(format!("{from} did not answer within {} seconds", SILENCE_MAX.as_secs())))
        })
    }

    async fn exchange(
        &self,
        token: &AdminToken,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let from = &self.from;
        let mut headers = HeaderMap::from_iter([(header::AUTHORIZATION, token.bearer())]);
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let response = from.send((method, path), headers, body).await;
        let response =
            response.map_err(|error| Failure::Refused(format!("{from} cannot be reached: {error}")))?;
        if !response.status().is_success() {
            return Err(Failure::Refused(format!("{from} refuses it: {}", reason(response).await)));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body =
            body.map_err(|error| Failure::failed(format!("the answer was cut off: {error}")))?.to_bytes();
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body)
            .map_err(|error| Failure::failed(format!("the answer is not JSON: {error}")))
    }
}

/// Bytes that are read of an answer that is an error, for its reason.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// Returns the server's reason for its refusal.
pub async fn reason(response: Response<Incoming>) -> String {
    let status = response.status();
    let body = timeout(SILENCE_MAX, Limited::new(response.into_body(), PROBLEM_BYTES_MAX).collect()).await;
    let detail = body.ok().and_then(Result::ok).and_then(|body| {
        let problem: Value = serde_json::from_slice(&body.to_bytes()).ok()?;
        Some(problem.get("detail")?.as_str()?.to_owned())
    });
    detail.unwrap_or_else(|| status.to_string())
}
