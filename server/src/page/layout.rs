//! The frame of every page: the document's shell, and the policy that keeps it safe (the router puts
//! the policy on every answer that is not the API's).
//!
//! Scripts and styles come from this server only, and never from the markup itself: of an element that
//! somebody managed to smuggle in, no script and no handler of the browser (`onerror`) runs. `'unsafe-eval'`
//! is there because Datastar compiles the expressions of its attributes (`data-on:click`), so to these the
//! policy is no obstacle. What people typed is therefore inside of elements with `data-ignore`, where
//! Datastar runs nothing; morphing goes on there. Expressions stand beside such elements, never inside.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderName, HeaderValue};
use maud::{DOCTYPE, Markup, html};

use super::embedded;
pub use super::embedded::STYLE;
use super::i18n::Language;
use super::look::{Look, Theme};
use crate::http::{self, Response};

/// The Content-Security-Policy of every page answer.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-eval'; \
     style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'self'";

/// The policy of the pages of signing in and out: no page at all shows them in a frame.
pub static AUTH_CONTENT_SECURITY_POLICY: LazyLock<String> =
    LazyLock::new(|| CONTENT_SECURITY_POLICY.replace("frame-ancestors 'self'", "frame-ancestors 'none'"));

/// Returns the policy of a panel: the same, but for the pages that may show it.
pub fn panel_policy(ancestors: &str) -> HeaderValue {
    let policy =
        CONTENT_SECURITY_POLICY.replace("frame-ancestors 'self'", &format!("frame-ancestors {ancestors}"));
    HeaderValue::from_str(&policy).expect("an origin that was read is visible ASCII")
}

/// The Referrer-Policy of panels. Their script sends all that is sent, and its requests name their origin.
pub const PANEL_REFERRER_POLICY: &str = "no-referrer";

/// The Referrer-Policy of every other page answer. A room's address is what opens it: no other site is told
/// it, nor that of the chat. Our own server is: by a stricter policy browsers would send `Origin: null` with
/// our own forms, as they do with those of strangers.
pub const REFERRER_POLICY: &str = "same-origin";

/// The scripts of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Datastar and our script.
    Live,
    /// The one that reads an invitation out of the address.
    Invitation,
    /// The one that tells a panel who one is.
    SignedIn,
    /// The one that keeps the list of a desk as it is now.
    Desk,
    /// None: it is only read.
    None,
}

/// A whole page, which is for no search engine.
pub fn document(language: &Language, title: &str, script: Script, body: &Markup) -> String {
    document_for(false, language, title, script, body)
}

/// A whole page. `is_indexed`: search engines may have it.
pub fn document_for(
    is_indexed: bool,
    language: &Language,
    title: &str,
    script: Script,
    body: &Markup,
) -> String {
    whole((is_indexed, None), language, title, script, body)
}

/// The whole page of a panel with this look.
pub fn panel(look: &Look, language: &Language, title: &str, script: Script, body: &Markup) -> String {
    whole((false, Some(look)), language, title, script, body)
}

fn whole(
    (is_indexed, look): (bool, Option<&Look>),
    language: &Language,
    title: &str,
    script: Script,
    body: &Markup,
) -> String {
    let accent = look.and_then(|look| look.accent);
    let document = html! {
        (DOCTYPE)
        html lang=(language.code()) dir=(language.direction()) data-panel[look.is_some()]
            data-theme=[look.map(|look| look.theme.as_str())] {
            head {
                meta charset="utf-8";
                meta name="viewport"
                    content="width=device-width, initial-scale=1, viewport-fit=cover, \
                        interactive-widget=resizes-content";
                title { (title) " · Millchat" }
                @if !is_indexed {
                    meta name="robots" content="noindex";
                }
                // Over the header of a proxy that sets a policy for all that is behind it.
                meta name="referrer" content=(look.map_or(REFERRER_POLICY, |_| PANEL_REFERRER_POLICY));
                meta name="color-scheme" content=(look.map_or(Theme::Auto, |look| look.theme).schemes());
                link rel="icon" type="image/svg+xml" href=(embedded::ICON);
                link rel="stylesheet" href=(embedded::STYLE);
                @if let Some(accent) = accent { link rel="stylesheet" href=(accent.stylesheet()); }
                @match script {
                    Script::Live => {
                        script type="module" src=(embedded::DATASTAR) {}
                        script type="module" src=(embedded::script(language)) {}
                    },
                    Script::Invitation => script type="module" src=(embedded::INVITATION) {},
                    Script::Desk => script type="module" src=(embedded::DESK) {},
                    Script::SignedIn => script type="module" src=(embedded::SIGNED_IN) {},
                    Script::None => {},
                }
            }
            (body)
        }
    };
    document.into_string()
}

/// The header by which search engines are kept out.
pub const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// A page as an answer. Nobody keeps it: it shows who its reader is.
pub fn answer(status: StatusCode, document: impl Into<Bytes>) -> Response {
    let mut response = http::html(status, document);
    for (name, value) in [(header::CACHE_CONTROL, "no-store"), (ROBOTS, "noindex")] {
        http::set(&mut response, name, HeaderValue::from_static(value));
    }
    response
}

/// The mark and the name, the way back to the start.
pub fn brand(language: &Language) -> Markup {
    html! {
        a.brand href="/new" title=(language.text("start")) {
            img src=(embedded::ICON) alt="" width="24" height="24";
            span { "Millchat" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_nothing_inline() {
        assert!(!CONTENT_SECURITY_POLICY.contains("unsafe-inline"));
        assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'none'"));
        assert!(AUTH_CONTENT_SECURITY_POLICY.ends_with("; frame-ancestors 'none'"));
    }
}
