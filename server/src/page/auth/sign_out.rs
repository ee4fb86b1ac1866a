//! The end of a session.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION, SET_COOKIE};
use maud::{DOCTYPE, html};

use crate::cross_site;
use crate::http::{self, Response};
use crate::identity::{Person, Via};
use crate::page::error::{self, Localize};
use crate::page::i18n::Language;
use crate::page::layout;
use crate::route_table::Call;

/// The parameter that ends all sessions of the person.
const EVERYWHERE: &str = "everywhere";

/// `POST /auth/logout`: the browser forgets who its user is. The session of a user who signed in is revoked,
/// with `?everywhere=1` all sessions of theirs. Where the login says so, a page leads on to the provider.
pub async fn sign_out(Call { w, req, language, .. }: Call<'_>) -> Response {
    let refused = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()).err();
    if let Some(foreign) = refused {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let everywhere = http::query(&req, EVERYWHERE).is_some_and(|value| value == "1");
    let person = w.app.identity.visitor(req.headers());
    if let Some(person) = &person
        && let Err(failed) = w.app.identity.sign_out(person, everywhere).await
    {
        // The cookie stays: who tries again signs out then.
        return error::of(language, failed);
    }
    let mut response = if let Some(address) = onward(w, person.as_ref()).await {
        // Not by a redirect: in Chromium the policy of forms holds for where a form is led to.
        layout::answer(StatusCode::OK, leaving(language, &address))
    } else {
        let mut response = http::empty(StatusCode::SEE_OTHER);
        http::set(&mut response, LOCATION, HeaderValue::from_static("/"));
        response
    };
    http::set(&mut response, SET_COOKIE, w.app.identity.cleared_cookie());
    response
}

/// Returns the address at which the sign-out goes on.
async fn onward(w: &crate::app::Worker, person: Option<&Person>) -> Option<String> {
    let Via::Login(name) = &person?.via else { return None };
    let origin = w.app.public_url.as_ref()?.origin();
    let login = w.app.logins.get(name)?;
    login.end_address(&w.app.logins.outgoing, &format!("{origin}/")).await
}

/// The page that leads on to a provider by itself.
pub fn leaving(language: &Language, address: &str) -> String {
    let document = html! {
        (DOCTYPE)
        html lang=(language.code()) dir=(language.direction()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (language.text("sign-out")) " · Millchat" }
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content={ "0; url=" (address) };
                link rel="stylesheet" href=(layout::STYLE);
            }
            body.plain {
                header.bar { (layout::brand(language)) }
                main.account {
                    h1 { (language.markup("sign-out")) }
                    p { (language.markup("sign-out-onward")) }
                    p.onward { a.button href=(address) { (language.markup("go-on")) } }
                }
            }
        }
    };
    document.into_string()
}
