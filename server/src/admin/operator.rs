//! The operator at a route: the holder of the admin token, under the name that the request gives.

use hyper::header::HeaderMap;
use millchat::{AUTHOR_NAME_BYTES_MAX, Author, AuthorKind};

use crate::app::App;
use crate::headers::bearer_tokens;
use crate::http;
use crate::problem::{Kind, Problem};
use crate::sanitize;

/// The author's id of everything that the operator does. No guest has it.
const OPERATOR_ID: &str = "admin";
/// The author's name, unless the request gives another.
const OPERATOR_NAME: &str = "admin";

/// Lets the operator pass, and nobody else.
pub fn authorize(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let token = app.admin_token.load();
    let Some(token) = &*token else {
        let detail = "this server has no admin token; start it with --admin-token-file FILE to have one";
        return Err(Problem::new(Kind::UnknownPath, detail));
    };
    let missing = || Problem::new(Kind::NoToken, "send `Authorization: Bearer TOKEN` with the admin token");
    let mut tokens = bearer_tokens(headers).peekable();
    tokens.peek().ok_or_else(missing)?;
    if !tokens.any(|sent| token.matches(sent)) {
        return Err(Problem::new(Kind::ForgedToken, "this is not the server's admin token"));
    }
    Ok(())
}

/// Returns true if the operator asks, at a route that others may ask too.
pub fn is_operator(app: &App, headers: &HeaderMap) -> bool {
    let token = app.admin_token.load();
    token.as_ref().is_some_and(|token| bearer_tokens(headers).any(|sent| token.matches(sent)))
}

/// Returns the author of an operator's act: `?by=NAME`, for servers that more than one person looks after.
pub fn by<B>(req: &hyper::Request<B>) -> Result<Author, Problem> {
    let name = http::query(req, "by").unwrap_or_else(|| OPERATOR_NAME.to_owned());
    if !sanitize::is_author_text(&name, AUTHOR_NAME_BYTES_MAX) {
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
