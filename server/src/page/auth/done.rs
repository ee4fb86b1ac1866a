//! The end of a sign-in in a popup.

use hyper::StatusCode;
use maud::{Markup, html};

use crate::http::Response;
use crate::page::i18n::{Language, Value};
use crate::page::layout::{self, Script};
use crate::route_table::Call;

/// `GET /auth/done`: says that the window can be closed.
pub fn done(Call { w, req, language, .. }: &Call<'_>) -> Response {
    let me = w.app.identity.visitor(req.headers());
    let body = markup(language, me.as_ref().map(|me| &*me.author.name));
    let title = language.text("sign-in");
    layout::answer(StatusCode::OK, layout::document(language, &title, Script::None, &body))
}

/// The page's body. `name`: who one is now.
pub fn markup(language: &Language, name: Option<&str>) -> Markup {
    html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.account {
                h1 { (language.markup("sign-in")) }
                @match name {
                    Some(name) => {
                        @let name = Value::Text(name.into());
                        p { (language.markup_with("signed-in-done", &[("name", name)])) }
                    }
                    None => { p { (language.markup("sign-in-none")) } }
                }
            }
        }
    }
}
