//! The demo: a page that stands for a site with the panel, for people to try it out.
//!
//! It has the strictest policy that the panel works under. Where the chat has a public address, the panel comes from
//! there, as on any other site: so the demo at another address of the server shows whether that site may show the chat.

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use maud::{DOCTYPE, Markup, html};

use super::error;
use super::i18n::{Language, LocalizedMessage};
use super::layout;
use crate::access::pattern::Pattern;
use crate::http::{self, Response};
use crate::public_url::PublicUrl;
use crate::route_table::Call;

/// The room, where the settings have no list of rooms.
const ROOM: &str = "lobby";
/// The hats: the message that names each, and its drawing.
const HATS: [(&str, &str); 3] = [
    ("demo-bowler", "M20 60h60M30 60V44a20 20 0 0 1 40 0v16M30 54h40"),
    ("demo-straw", "M10 60h80M32 60 36 38h28l4 22M33 54h34"),
    ("demo-beanie", "M26 60h48v-8H26zM30 52a20 20 0 0 1 40 0M50 32v-6"),
];

/// `GET /demo`: the page, if the settings have it.
pub fn demo(Call { w, language, .. }: &Call<'_>) -> Response {
    if !w.app.has_demo {
        return error::missing(language, &LocalizedMessage::of("no-page"), &[]);
    }
    let origin = w.app.public_url.as_ref().map(PublicUrl::origin);
    let rooms = w.app.authority.rules();
    let listed = rooms.rooms.as_ref().and_then(|rooms| rooms.iter().find_map(Pattern::plain));
    let room = listed.as_ref().map_or(ROOM, |room| room.as_str());
    let mut response = layout::answer(StatusCode::OK, page(language, origin, room).into_string());
    let source = origin.unwrap_or("'self'");
    let policy = format!(
        "default-src 'none'; script-src {source}; frame-src {source}; style-src 'self'; img-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("an origin is visible ASCII");
    http::set(&mut response, CONTENT_SECURITY_POLICY, policy);
    // People sign in from the panel in a window, as on a site that has no such policy.
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    http::set(&mut response, opener, HeaderValue::from_static("unsafe-none"));
    response
}

/// The page. `origin`: where the panel comes from; `None`: from where the page does.
pub fn page(language: &Language, origin: Option<&str>, room: &str) -> Markup {
    let origin = origin.unwrap_or_default();
    let loader = format!("{origin}/embed.js");
    html! {
        (DOCTYPE)
        html lang=(language.code()) dir=(language.direction()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                title { (language.text("demo")) " · Millchat" }
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                link rel="icon" type="image/svg+xml" href=(super::embedded::ICON);
                link rel="stylesheet" href=(layout::STYLE);
                script src=(loader) data-room=(room) async {}
            }
            body.plain.shop {
                header.bar { (layout::brand(language)) }
                main {
                    h1 { (language.markup("demo")) }
                    p { (language.markup("demo-why")) }
                    pre dir="ltr" tabindex="0" {
                        code { "<script src=\"" (loader) "\" data-room=\"" (room) "\" async></script>" }
                    }
                    ul {
                        @for (name, drawing) in HATS {
                            li {
                                svg viewBox="0 0 100 80" aria-hidden="true" { path d=(drawing) {} }
                                span { (language.markup(name)) }
                            }
                        }
                    }
                    p { a href={ (origin) "/" (room) } data-mill-chat { (language.markup("demo-ask")) } }
                }
            }
        }
    }
}
