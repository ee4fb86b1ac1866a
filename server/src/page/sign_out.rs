//! The end of a session, at the page.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue, LOCATION, SET_COOKIE};

use super::error::{self, Localize};
use crate::cross_site;
use crate::http::{self, Response};
use crate::route_table::Call;

/// The parameter that ends all sessions of the person.
const EVERYWHERE: &str = "everywhere";

/// `POST /auth/logout`: the browser forgets who its user is. The session of a user who signed in is revoked,
/// with `?everywhere=1` all sessions of theirs.
pub async fn sign_out(Call { w, req, language, .. }: Call<'_>) -> Response {
    let refused = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()).err();
    if let Some(foreign) = refused {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let everywhere = http::query(&req, EVERYWHERE).is_some_and(|value| value == "1");
    if let Some(person) = w.app.identity.visitor(req.headers())
        && let Err(failed) = w.app.identity.sign_out(&person, everywhere).await
    {
        // The cookie stays: who tries again signs out then.
        return error::of(language, failed);
    }
    let mut response = http::empty(StatusCode::SEE_OTHER);
    http::set(&mut response, LOCATION, HeaderValue::from_static("/"));
    http::set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    http::set(&mut response, SET_COOKIE, w.app.identity.cleared_cookie());
    response
}
