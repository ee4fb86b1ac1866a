//! The operator at a route: the holder of the admin token, under the name that the request gives, or a person
//! whom the settings name.

use std::sync::Arc;

use millchat::{AUTHOR_NAME_BYTES_MAX, Author, AuthorKind};

use crate::access::decide::Caller;
use crate::access::table::Action;
use crate::app::App;
use crate::client_ip::{ListenerKind, client};
use crate::headers::bearer_tokens;
use crate::http;
use crate::identity::operator::AdminToken;
use crate::identity::{BEARERS_MAX, TokenError};
use crate::problem::{Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;

/// The author's id of everything that the operator does. No guest has it.
const OPERATOR_ID: &str = "admin";
/// The author's name, unless the request gives another.
const OPERATOR_NAME: &str = "admin";
/// A wrong token in the log's line of refusals.
const WRONG_TOKEN: &str = "admin-token";

/// Returns true if the operator is served at the listener by which this came.
pub fn is_served<B>(app: &App, req: &hyper::Request<B>) -> bool {
    !app.has_admin_listener || client(req).listener == ListenerKind::Admin
}

/// Returns the operator who asks, at a route that is for operators alone: the holder of the admin token, or a
/// person whom the settings name.
pub async fn caller<B>(app: &App, req: &hyper::Request<B>, action: Action) -> Result<Caller, Problem> {
    let caller = Caller::of(app.identity.bearer(req.headers()));
    let knows_people = !app.authority.rules().operators.is_empty();
    if knows_people && caller.person.is_ok() {
        app.authority.decide_outside(&caller, action)?;
        return Ok(caller);
    }
    let Some(token) = app.authority.admin_token().filter(|_| is_served(app, req)) else {
        if knows_people {
            return Err(caller.author().err().map_or_else(nothing_here, Problem::from));
        }
        return Err(nothing_here());
    };
    if bearer_tokens(req.headers()).next().is_none() {
        app.refused.refused(client(req).counted(), Kind::NoToken.name());
        let detail = "send `Authorization: Bearer TOKEN` with the admin token";
        return Err(Problem::new(Kind::NoToken, detail));
    }
    if !is_token(app, req, &token).await? {
        if knows_people && let Err(error @ (TokenError::Expired(_) | TokenError::Revoked(_))) = caller.person
        {
            return Err(error.into());
        }
        return Err(Problem::new(Kind::ForgedToken, "this is not the server's admin token"));
    }
    let caller = Caller { admin: Some(token), ..caller };
    app.authority.decide_outside(&caller, action)?;
    Ok(caller)
}

fn nothing_here() -> Problem {
    let detail = "this server has no admin token; start it with --admin-token-file FILE to have one";
    Problem::new(Kind::UnknownPath, detail)
}

/// Returns the admin token if the operator asks, at a route that others may ask too.
pub async fn token_of<B>(app: &App, req: &hyper::Request<B>) -> Result<Option<Arc<AdminToken>>, Problem> {
    match app.authority.admin_token() {
        Some(token) if is_served(app, req) => Ok(is_token(app, req, &token).await?.then_some(token)),
        _ => Ok(None),
    }
}

/// Compares, in the turn of the request's address. A request is one try, unless none of its tokens has the form
/// of the admin token: people and programs with an old token of theirs do not try to be the operator.
async fn is_token<B>(app: &App, req: &hyper::Request<B>, token: &AdminToken) -> Result<bool, Problem> {
    let sent = || bearer_tokens(req.headers()).take(BEARERS_MAX).filter(|sent| token.has_form_of(sent));
    if sent().next().is_none() {
        return Ok(false);
    }
    let client = client(req);
    let attempt = app.limits.attempt(&client)?;
    let is_right = attempt.compare(|| sent().any(|sent| token.matches(sent))).await;
    if !is_right {
        app.refused.refused(client.counted(), WRONG_TOKEN);
    }
    Ok(is_right)
}

/// Returns the author of the act of a request: the person, or for the holder of the admin token `?by=NAME`, for
/// servers that more than one person looks after.
pub fn by(call: &Call<'_>) -> Result<Author, Problem> {
    match &call.allowed.caller {
        Caller { person: Ok(person), admin: None } => Ok(person.author.clone()),
        _ => named(&call.req),
    }
}

/// Returns the author of a deed in a room, and counts it with their messages: anybody may own a room, and each deed
/// is a durable write. Those of operators are not counted.
pub fn doer(call: &Call<'_>) -> Result<Author, Problem> {
    let by = by(call)?;
    if call.w.app.authority.decide_outside(&call.allowed.caller, Action::Operate).is_err() {
        call.w.app.limits.message(&by, &call.req)?;
    }
    Ok(by)
}

fn named<B>(req: &hyper::Request<B>) -> Result<Author, Problem> {
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
        let named =
            |query: &str| super::named(&hyper::Request::get(format!("/admin/bans{query}")).body(()).unwrap());
        for (query, name) in [("", "admin"), ("?by=Eve%20%C3%A9+x", "Eve \u{e9} x")] {
            let author = named(query).unwrap();
            assert_eq!((&*author.id, &*author.name, author.kind), ("admin", name, AuthorKind::User));
        }
        for query in ["?by=", "?by=a%0Db", &format!("?by={}", "x".repeat(AUTHOR_NAME_BYTES_MAX + 1))] {
            assert_eq!(named(query).unwrap_err().response().status().as_u16(), 400, "{query}");
        }
    }
}
