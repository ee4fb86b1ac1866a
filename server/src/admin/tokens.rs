//! API tokens of programs, and those of incoming webhooks: the operator makes, lists, renews and removes them.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::StatusCode;

use super::operator::by;
use super::schema::{MadeHook, MadeToken, NewSecret, NewToken, Token, Tokens};
use crate::api::input;
use crate::app::Worker;
use crate::http::{self, Response};
use crate::identity::{self, ApiToken, Hook, NewApiToken};
use crate::paths::{HOOKS, ROOM_RULE, room};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::Span;
use crate::standard_webhooks::Secret;

/// Largest body that names a token's rooms, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Lifetime of a token, unless the request says another.
const LIFETIME_DEFAULT: Duration = Duration::from_hours(365 * 24);
/// Longest lifetime of a token: ten years.
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
    Ok(shown(call.w, StatusCode::CREATED, (&made, &token)))
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
    Ok(shown(call.w, StatusCode::OK, (&made, &token)))
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

/// The answer with what is shown only this once.
fn shown(w: &Worker, status: StatusCode, (made, token): (&ApiToken, &str)) -> Response {
    let Some(hook) = &made.hook else { return http::json(status, &MadeToken::of(made, token)) };
    let secret = hook.signed.then(|| Secret::of(w.app.identity.hook_secret(&made.id)).shown());
    http::json(status, &MadeHook::of(made, hook, (format!("{HOOKS}{token}"), secret)))
}

fn checked(new: NewToken) -> Result<NewApiToken, Problem> {
    let invalid = |detail: String| Problem::new(Kind::InvalidBody, detail);
    let NewToken { name, rooms, hook, signed, expires_in, author } = new;
    let name = sanitize::name(&name)?;
    let hook = hook.map(|room| Hook { room, signed: signed.unwrap_or_default() });
    let rooms = match (&hook, rooms) {
        (None, Some(rooms)) => rooms,
        (Some(hook), None) if room(Some(&hook.room)).is_some() => BTreeMap::new(),
        (Some(_), None) => return Err(Problem::new(Kind::InvalidRoom, ROOM_RULE)),
        _ => {
            return Err(invalid(
                "give `rooms` for an API token, or `hook` for an incoming webhook".to_owned(),
            ));
        }
    };
    if signed.is_some() && hook.is_none() {
        return Err(invalid("`signed` is for an incoming webhook, which `hook` makes".to_owned()));
    }
    identity::check_grants(&rooms).map_err(|error| invalid(error.to_string()))?;
    let expires_in = expires_in.map_or(LIFETIME_DEFAULT, |Span(time)| time);
    if expires_in.is_zero() || expires_in > LIFETIME_MAX {
        let most = humantime::format_duration(LIFETIME_MAX);
        return Err(invalid(format!("`expires_in` is a time that is not zero, at most {most}")));
    }
    if author.as_deref().is_some_and(|author| !identity::is_program_id(author)) {
        return Err(invalid("`author` is the id of a program: b_ and letters, digits, _ or -".to_owned()));
    }
    Ok(NewApiToken { name, rooms, hook, expires_in: Some(expires_in), author })
}

fn unknown(id: &str) -> Problem {
    Problem::new(Kind::UnknownToken, format!("there is no API token with the id {id}"))
}
