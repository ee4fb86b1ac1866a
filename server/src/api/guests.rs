//! Guests: a name becomes somebody, and somebody gets another name.

use hyper::StatusCode;

use super::input;
use crate::app::Worker;
use crate::body::NAME_BYTES_MAX;
use crate::http;
use crate::identity::Identity;
use crate::problem::{Answer, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::{Author, Guest, Named};

/// Become a guest: the token that you get lets you write.
pub async fn create(Call { w, req, .. }: Call<'_>) -> Answer {
    w.app.limits.guest(&req)?;
    let named: Named = input::read(w, req, NAME_BYTES_MAX).await?;
    let author = Identity::new_guest(&sanitize::name(&named.name)?);
    Ok(respond(w, StatusCode::CREATED, &author))
}

/// Go by another name: a new token with the same id. Messages keep the name they were sent under.
pub async fn rename(Call { w, req, .. }: Call<'_>) -> Answer {
    let author = w.app.identity.bearer(req.headers())?.author;
    let named: Named = input::read(w, req, NAME_BYTES_MAX).await?;
    let author = Identity::renamed(&author, &sanitize::name(&named.name).map_err(Problem::from)?);
    Ok(respond(w, StatusCode::OK, &author))
}

fn respond(w: &Worker, status: StatusCode, author: &millchat::Author) -> http::Response {
    http::json(status, &Guest { token: w.app.identity.sign(author), author: Author::of(author) })
}
