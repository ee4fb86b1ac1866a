//! The end of a sign-in that somebody began in a panel: a window of its own, which the panel opened.
//!
//! It asks whether the panel may know who one is, and only then is there a token, which goes to pages of this server
//! alone. The number in the address is the panel's: by it, the panel knows the window again.

use hyper::StatusCode;
use maud::{Markup, html};
use millchat::RoomName;

use crate::cross_site;
use crate::http::{self, Response};
use crate::identity::{Person, TokenError, Via};
use crate::page::error::{self, Localize as _};
use crate::page::i18n::{Language, Value};
use crate::page::layout::{self, Script};
use crate::paths::{self, SIGNED_IN_PATH};
use crate::route_table::Call;
use crate::schema::{Author, Guest};

/// Hexadecimal digits of the number of a panel: 128 bits.
const NUMBER_DIGITS: usize = 32;

/// A panel that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Its number.
    pub number: String,
    /// Its room.
    pub room: RoomName,
}

impl Asking {
    /// Reads it from the address.
    fn of<B>(req: &hyper::Request<B>) -> Option<Self> {
        let is_number = |number: &String| {
            number.len() == NUMBER_DIGITS && number.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let number = http::query(req, "panel").filter(is_number)?;
        Some(Self { number, room: paths::room(http::query(req, "room").as_deref())? })
    }
}

/// `GET /auth/done`: asks if a panel may know who one is; without one it says that the window can be closed.
pub fn done(Call { w, req, language, .. }: &Call<'_>) -> Response {
    let me = w.app.identity.visitor(req.headers()).filter(is_user);
    let asking = Asking::of(req);
    let body = markup(language, me.as_ref().map(|me| &*me.author.name), asking.as_ref());
    let title = language.text("sign-in");
    let script = if asking.is_some() { Script::SignedIn } else { Script::None };
    layout::answer(StatusCode::OK, layout::document(language, &title, script, &body))
}

/// `POST /auth/done`: the token by which the panel knows who one is.
pub fn token(Call { w, req, language, .. }: &Call<'_>) -> Response {
    if let Err(foreign) = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref()) {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    if let Err(limited) = w.app.limits.login(req) {
        return error::of(language, limited);
    }
    let me = w.app.identity.visitor(req.headers()).filter(is_user);
    let signed = me.and_then(|me| Some((w.app.identity.sign_for_panel(&me)?, me)));
    match signed {
        Some((token, me)) => http::json(StatusCode::OK, &Guest { token, author: Author::of(&me.author) }),
        None => error::of(language, crate::access::denial::Denial::Nobody(TokenError::Missing)),
    }
}

fn is_user(me: &Person) -> bool {
    matches!(me.via, Via::Login(_))
}

/// The page's body. `name`: who one is now.
pub fn markup(language: &Language, name: Option<&str>, asking: Option<&Asking>) -> Markup {
    html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.account {
                h1 { (language.markup("sign-in")) }
                @match (name, asking) {
                    (Some(name), Some(asking)) => (question(language, name, asking)),
                    (Some(name), None) => {
                        p { (language.markup_with("signed-in-done", &[("name", Value::Text(name.into()))])) }
                    }
                    (None, _) => p { (language.markup("sign-in-none")) },
                }
            }
        }
    }
}

/// The question, which the script asks if the panel can hear the answer; else the way on in this window.
fn question(language: &Language, name: &str, asking: &Asking) -> Markup {
    let name = || [("name", Value::Text(name.into()))];
    html! {
        div #ask hidden data-panel=(asking.number) data-path=(SIGNED_IN_PATH) {
            p { (language.markup_with("signed-in-ask", &name())) }
            p.onward {
                button.button type="button" { span { (language.markup_with("continue-as", &name())) } }
            }
            p .problem role="alert" hidden { (language.markup("signed-in-unanswered")) }
        }
        div #alone {
            p { (language.markup_with("signed-in-alone", &name())) }
            p.onward { a.button href={ "/" (asking.room) } { (language.markup("go-on")) } }
        }
    }
}
