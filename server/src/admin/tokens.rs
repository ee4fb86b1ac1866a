//! API tokens of programs: the operator makes, lists, renews and removes them.

use std::time::Duration;

use hyper::StatusCode;

use super::operator::by;
use super::schema::{MadeToken, NewSecret, NewToken, Token, Tokens};
use crate::api::input;
use crate::app::Worker;
use crate::http::{self, Response};
use crate::identity::{self, NewApiToken};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::Span;

/// Largest body that names a token's rooms, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Longest lifetime of a token that expires: ten years.
const LIFETIME_MAX: Duration = Duration::from_hours(10 * 365 * 24);
/// Longest time for which the old secret stays good.
const OVERLAP_MAX: Duration = Duration::from_hours(30 * 24);
/// The same, unless the request says another.
const OVERLAP_DEFAULT: Duration = Duration::from_hours(24);

/// `POST /admin/tokens`: makes a token.
pub async fn add(call: Call<'_>) -> Answer {
    let by = by(&call)?;
    let new: NewToken = input::read(call.w, call.req, BODY_BYTES_MAX).await?;
    let new = checked(new)?;
    call.w.app.authority.confirm_outside(&call.allowed)?;
    let (made, token) = call.w.app.identity.add_api_token(new, by.clone()).await?;
    tracing::info!(id = made.id, author = %made.author.id, by = %by.name, deed = "add-token", "moderation");
    call.w.app.metrics.moderated("add-token");
    Ok(http::json(StatusCode::CREATED, &MadeToken::of(&made, &token)))
}

/// `GET /admin/tokens`: all tokens, without their secrets.
pub fn list(w: &Worker) -> Response {
    let tokens = w.app.identity.api_tokens();
    http::json(StatusCode::OK, &Tokens { tokens: tokens.iter().map(Token::of).collect() })
}

/// `POST /admin/tokens/{id}/secret`: another secret; the one before stays good for a while.
pub async fn renew(call: Call<'_>) -> Answer {
    let (id, by) = (call.param("id"), by(&call)?);
    let NewSecret { overlap } = input::read(call.w, call.req, BODY_BYTES_MAX).await?;
    call.w.app.authority.confirm_outside(&call.allowed)?;
    let overlap = overlap.map_or(OVERLAP_DEFAULT, |Span(overlap)| overlap);
    if overlap > OVERLAP_MAX {
        let most = humantime::format_duration(OVERLAP_MAX);
        return Err(Problem::new(Kind::InvalidBody, format!("`overlap` is at most {most}")));
    }
    let renewed = call.w.app.identity.renew_api_token(id, overlap, &by).await?;
    let (made, token) = renewed.ok_or_else(|| unknown(id))?;
    tracing::info!(id, by = %by.name, ?overlap, deed = "renew-token", "moderation");
    call.w.app.metrics.moderated("renew-token");
    Ok(http::json(StatusCode::OK, &MadeToken::of(&made, &token)))
}

/// `DELETE /admin/tokens/{id}`: removes a token; its streams end.
pub async fn remove(call: Call<'_>) -> Answer {
    let (id, by) = (call.param("id"), by(&call)?);
    if !call.w.app.identity.remove_api_token(id, by.clone()).await? {
        return Err(unknown(id));
    }
    tracing::info!(id, by = %by.name, deed = "remove-token", "moderation");
    call.w.app.metrics.moderated("remove-token");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

fn checked(new: NewToken) -> Result<NewApiToken, Problem> {
    let invalid = |detail: String| Problem::new(Kind::InvalidBody, detail);
    let NewToken { name, rooms, expires_in, author } = new;
    let name = sanitize::name(&name)?;
    identity::check_grants(&rooms).map_err(|error| invalid(error.to_string()))?;
    let expires_in = expires_in.map(|Span(time)| time);
    if expires_in.is_some_and(|time| time.is_zero() || time > LIFETIME_MAX) {
        let most = humantime::format_duration(LIFETIME_MAX);
        return Err(invalid(format!("`expires_in` is a time that is not zero, at most {most}")));
    }
    if author.as_deref().is_some_and(|author| !identity::is_program_id(author)) {
        return Err(invalid("`author` is the id of a program: b_ and letters, digits, _ or -".to_owned()));
    }
    Ok(NewApiToken { name, rooms, expires_in, author })
}

fn unknown(id: &str) -> Problem {
    Problem::new(Kind::UnknownToken, format!("there is no API token with the id {id}"))
}
