//! Guests: a name becomes somebody, and somebody gets another name.

use hyper::StatusCode;

use super::input;
use crate::app::Worker;
use crate::body::NAME_BYTES_MAX;
use crate::http;
use crate::identity::{Identity, Person, Via};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::{Author, Guest, Named};

/// Become a guest: the token that you get lets you write.
pub async fn create(Call { w, req, .. }: Call<'_>) -> Answer {
    w.app.limits.guest(&req)?;
    let named: Named = input::read(w, req, NAME_BYTES_MAX).await?;
    let guest = Identity::new_guest(&sanitize::name(&named.name)?);
    Ok(respond(w, StatusCode::CREATED, &guest))
}

/// Go by another name: a new token with the same id. Messages keep the name they were sent under.
pub async fn rename(Call { w, req, .. }: Call<'_>) -> Answer {
    let guest = w.app.identity.bearer(req.headers())?;
    if guest.via != Via::Guest {
        let detail = "only guests choose their name; yours comes from where you signed in";
        return Err(Problem::new(Kind::NotGuest, detail));
    }
    let named: Named = input::read(w, req, NAME_BYTES_MAX).await?;
    let renamed = guest.renamed(&sanitize::name(&named.name).map_err(Problem::from)?);
    let response = respond(w, StatusCode::OK, &renamed);
    // Behind the body, and behind the signature: a key that is new now must not sign for a token that is void.
    w.app.authority.confirm_person(&guest)?;
    Ok(response)
}

fn respond(w: &Worker, status: StatusCode, guest: &Person) -> http::Response {
    let token = w.app.identity.sign(guest);
    http::json(status, &Guest { token, author: Author::of(&guest.author) })
}
