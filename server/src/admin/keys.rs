//! The keys that sign tokens, and the sessions of people: both end before their time by the operator's word.

use hyper::StatusCode;

use super::operator::by;
use super::schema::{Rotated, Rotation};
use crate::api::input;
use crate::body::NAME_BYTES_MAX;
use crate::http;
use crate::identity;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::schema::Time;

/// `POST /admin/keys`: a new key signs; the older ones are void some time later, or at once.
pub async fn rotate(call: Call<'_>) -> Answer {
    let by = by(&call)?;
    let Rotation { retire } = input::read(call.w, call.req, NAME_BYTES_MAX).await?;
    call.w.app.authority.confirm_outside(&call.allowed)?;
    let rotated = call.w.app.identity.rotate(retire.0, &by).await?;
    tracing::info!(key = rotated.key, by = %by.name, retire = %retire.0, deed = "rotate-key", "moderation");
    call.w.app.metrics.moderated("rotate-key");
    let shape = Rotated { key: rotated.key, retires_at: Time(rotated.older_void_from) };
    Ok(http::json(StatusCode::OK, &shape))
}

/// `DELETE /admin/sessions/{author}`: ends all sessions of an author that began until now.
pub async fn end_sessions(call: Call<'_>) -> Answer {
    let (author, by) = (super::moderate::author_id(call.param("author"))?, by(&call)?);
    if !identity::is_revocable(&author) {
        let detail = "the last part of the path is the id of somebody who can have sessions: g_… or u_…";
        return Err(Problem::new(Kind::MalformedParameter, detail));
    }
    call.w.app.identity.end_sessions(&author, by.clone()).await?;
    tracing::info!(%author, by = %by.name, deed = "end-sessions", "moderation");
    call.w.app.metrics.moderated("end-sessions");
    Ok(http::empty(StatusCode::NO_CONTENT))
}
