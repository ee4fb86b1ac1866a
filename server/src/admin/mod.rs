//! What only the operator may do, over HTTP: routes under `/admin/`, for whoever holds the admin token.
//!
//! Without a token in the settings there is nothing at these routes. The token is compared in constant time and is
//! never logged. A refusal is a problem document, because it is programs that ask. What there is: [`backup`], and
//! [`moderate`], whose deeds are events in the log that name who did them ([`by`]).

pub mod backup;
pub mod moderate;

use crate::api::problem::{Kind, Problem};
use crate::app::App;
use crate::{http, text};
use hyper::header::{self, HeaderMap, HeaderValue};
use millchat::{AUTHOR_NAME_BYTES_MAX, Author, AuthorKind};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Where a backup is asked for.
pub const BACKUP_PATH: &str = "/admin/backup";
/// The author's id of everything that the operator does. No guest has it.
const OPERATOR_ID: &str = "admin";
/// And the name, unless the request says another.
const OPERATOR_NAME: &str = "admin";
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
    if !token.is(bearer(headers).ok_or_else(missing)?) {
        return Err(Problem::new(Kind::ForgedToken, "this is not the server's admin token"));
    }
    Ok(())
}

/// Whether it is the operator who asks, at a route that others may ask too.
pub fn is_operator(app: &App, headers: &HeaderMap) -> bool {
    app.admin_token.as_ref().zip(bearer(headers)).is_some_and(|(token, sent)| token.is(sent))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, sent) = text.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| sent.trim())
}

/// Who does it: `?by=NAME`, for servers that more than one person looks after.
pub fn by<B>(req: &hyper::Request<B>) -> Result<Author, Problem> {
    let name = http::query(req, "by").unwrap_or_else(|| OPERATOR_NAME.to_owned());
    if !text::names_author(&name, AUTHOR_NAME_BYTES_MAX) {
        let detail =
            format!("`by` is a name of 1 to {AUTHOR_NAME_BYTES_MAX} bytes without control characters");
        return Err(Problem::new(Kind::MalformedParameter, detail));
    }
    Ok(Author { id: OPERATOR_ID.into(), name: name.into(), kind: AuthorKind::User })
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

    #[test]
    fn who_does_it_is_the_operator_or_whom_the_request_names() {
        let named = |query: &str| by(&hyper::Request::get(format!("/admin/bans{query}")).body(()).unwrap());
        for (query, name) in [("", "admin"), ("?by=Eve%20%C3%A9+x", "Eve \u{e9} x")] {
            let author = named(query).unwrap();
            assert_eq!((&*author.id, &*author.name, author.kind), ("admin", name, AuthorKind::User));
        }
        for query in ["?by=", "?by=a%0Db", &format!("?by={}", "x".repeat(AUTHOR_NAME_BYTES_MAX + 1))] {
            assert_eq!(named(query).unwrap_err().response().status().as_u16(), 400, "{query}");
        }
    }
}
