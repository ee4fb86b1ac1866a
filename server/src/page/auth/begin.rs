//! The way to a provider.

use hyper::StatusCode;
use hyper::header::{LOCATION, SET_COOKIE};

use super::failure::{self, Failed};
use crate::http::{self, Response};
use crate::page::error;
use crate::route_table::Call;
use crate::sign_in::{Pending, Target};

/// `GET /auth/{login}?to=`: sends the browser to the provider, with a cookie by which it finds back.
pub async fn begin(call: Call<'_>) -> Response {
    let (w, language, name) = (call.w, call.language, call.param("login"));
    let target = Target::of(http::query(&call.req, "to").as_deref());
    let Some(login) = w.app.logins.get(name) else {
        return failure::page(language, Failed::NoLogin, None);
    };
    if let Err(limited) = w.app.limits.login(&call.req) {
        return error::of(language, limited);
    }
    let pending = Pending::begin(name, &target);
    match login.address(&w.app.logins.outgoing, &pending).await {
        Ok(address) => {
            let mut response = http::empty(StatusCode::SEE_OTHER);
            http::set_ascii(&mut response, LOCATION, &address);
            for cookie in pending.set_cookies(&w.app.identity, call.req.headers()) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => failure::told(w, language, (name, &target), &error),
    }
}
