//! What only the operator may do, over HTTP: routes under `/admin/`, for whoever holds the admin token.
//!
//! Without a token in the settings there is nothing at these routes. The token is compared in constant time and is
//! never logged. A refusal is a problem document, because it is programs that ask.

use crate::api::Answer;
use crate::api::problem::{Kind, Problem};
use crate::app::{App, Worker};
use crate::command::lines::{self, Header};
use crate::http::{Body, Request, Response};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use millchat::log::Piece;
use millchat::{Copying, ReadError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Where a backup is asked for.
pub const BACKUP_PATH: &str = "/admin/backup";
/// Fewest characters of a token.
const TOKEN_LEN_MIN: usize = 16;
/// Most characters of a token.
const TOKEN_LEN_MAX: usize = 256;

/// The operator's secret. Its text is shown by no message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AdminToken(String);

impl AdminToken {
    /// Reads it from a file, less white space around it. The error is one sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("the admin token cannot be read from {name}: {error}"))?;
        text.trim().parse().map_err(|error| format!("{name}: {error}"))
    }

    /// The header that proves to hold it.
    pub fn bearer(&self) -> HeaderValue {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", self.0)).expect("a token is visible ASCII");
        value.set_sensitive(true);
        value
    }

    fn is(&self, other: &str) -> bool {
        // `blake3::Hash` compares in constant time.
        blake3::hash(self.0.as_bytes()) == blake3::hash(other.as_bytes())
    }
}

impl FromStr for AdminToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = (TOKEN_LEN_MIN..=TOKEN_LEN_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "an admin token is {TOKEN_LEN_MIN} to {TOKEN_LEN_MAX} visible characters of ASCII; `openssl rand -hex \
                 32` makes one"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for AdminToken {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

/// Lets the operator pass, and nobody else.
pub fn authorize(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = &app.admin_token else {
        let detail = "this server has no admin token; start it with --admin-token-file FILE to have one";
        return Err(Problem::new(Kind::UnknownPath, detail));
    };
    let missing = || Problem::new(Kind::NoToken, "send `Authorization: Bearer TOKEN` with the admin token");
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, sent) = text.trim().split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    if !token.is(sent.trim()) {
        return Err(Problem::new(Kind::ForgedToken, "this is not the server's admin token"));
    }
    Ok(())
}

/// `GET /admin/backup`: the log as JSON lines, with its signing key.
pub fn backup(w: &Worker, req: &Request) -> Answer {
    authorize(&w.app, req.headers())?;
    tracing::info!("a backup begins");
    let mut response = Response::new(Body::Lines(Box::new(Lines::new(&w.app))));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

type Reading = Pin<Box<dyn Future<Output = (Copying, Result<Option<Piece>, ReadError>)> + Send>>;

/// The body of a backup. It ends without its last line when the log cannot be read or the process ends.
pub struct Lines {
    app: Arc<App>,
    /// What is ready to be sent.
    ready: Option<Vec<u8>>,
    /// The piece being read; `None` once all was sent.
    reading: Option<Reading>,
    records: u64,
}

impl Lines {
    fn new(app: &Arc<App>) -> Self {
        let copying = app.chat.copy();
        let key = Some(app.chat.signing_key());
        let header = Header::new(app.chat.epoch(), copying.floor(), copying.head(), key);
        let mut ready = Vec::new();
        header.write(&mut ready);
        Self { app: Arc::clone(app), ready: Some(ready), reading: Some(read(copying)), records: 0 }
    }

    /// The next lines.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.app.drain.is_raised() {
            return Poll::Ready(None);
        }
        if let Some(ready) = self.ready.take() {
            return Poll::Ready(Some(ready.into()));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let Poll::Ready((copying, piece)) = reading.as_mut().poll(cx) else { return Poll::Pending };
        self.reading = None;
        let mut out = Vec::new();
        let written = match piece {
            Ok(Some(piece)) => lines::write_piece(&piece, |_| true, &mut out).map(|records| {
                self.records += records;
                self.reading = Some(read(copying));
            }),
            Ok(None) => {
                lines::write_end(self.records, copying.head(), &mut out);
                tracing::info!(records = self.records, "a backup is whole");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a backup ends: the log cannot be read");
                return Poll::Ready(None);
            }
        };
        if let Err(error) = written {
            tracing::error!(%error, "a backup ends: the log is damaged");
            return Poll::Ready(None);
        }
        Poll::Ready(Some(out.into()))
    }
}

fn read(mut copying: Copying) -> Reading {
    Box::pin(async move {
        let piece = copying.next().await;
        (copying, piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_enough_and_shown_by_no_message() {
        for bad in ["", "short", "has a space in the middle", &"x".repeat(257), "zu-kurz-und-\u{fc}ber"] {
            let error = bad.parse::<AdminToken>().unwrap_err();
            assert!(error.contains("16 to 256") && (bad.is_empty() || !error.contains(bad)), "{error}");
        }
        let token: AdminToken = "0123456789abcdef".parse().unwrap();
        assert!(token.is("0123456789abcdef") && !token.is("0123456789abcdeF") && !token.is(""));
        assert!(!format!("{token:?} {:?}", token.bearer()).contains("0123"));
    }
}
