//! Refuses the writes that pages of other sites make a browser send, on the routes that take the page's
//! cookie.
//!
//! A browser says in `Sec-Fetch-Site` which site a request is from, but only where the connection is
//! trustworthy (TLS, or this machine), and only if it is not old. Elsewhere it says in `Origin` from which
//! page a write is: our own pages are at the public URL, or, without that setting, at the address in `Host`.
//! Pages keep their address from other sites by `Referrer-Policy: same-origin` ([`crate::page::layout`]):
//! with `no-referrer` the `Origin` of their own forms would be `null`.
//!
//! A program sends neither header, and has no cookie of anybody else's to misuse.

use std::fmt;

use hyper::header::{self, HeaderMap};
use hyper::http::uri::Authority;

use crate::log_throttle::LogThrottle;
use crate::public_url::PublicUrl;

/// The setting that says where the chat's own pages are.
pub const SETTING: &str = "--public-url";
/// The header that says it without the setting.
pub const HEADER: &str = "Host";
/// Most characters of a value of a header that a sentence shows.
const SHOWN_CHARS_MAX: usize = 120;

/// Limits the log lines of writes that are refused.
static REFUSALS: LogThrottle = LogThrottle::new();

/// A browser sent the request on behalf of another site, as far as the server can see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrossSite {
    /// The browser itself says so.
    #[error("requests from other sites are not taken here")]
    Other,
    /// The browser hides the page that it comes from.
    #[error("the browser does not say which page this is from (Origin: null)")]
    Hidden,
    /// The page is at another address than the request was sent to.
    #[error("the page is at {origin}, and the server was asked as {host}")]
    NotHost {
        /// The page's origin.
        origin: String,
        /// The address in `Host`.
        host: String,
    },
    /// The page is at another address than the public one.
    #[error("the page is at {origin}, and the public URL is {public}")]
    NotPublic {
        /// The page's origin.
        origin: String,
        /// The public URL.
        public: String,
    },
}

/// Refuses a request that a page of another site made the browser send.
pub fn refuse(headers: &HeaderMap, public: Option<&PublicUrl>) -> Result<(), CrossSite> {
    if let Some(site) = headers.get("sec-fetch-site") {
        return if site == "same-origin" || site == "none" { Ok(()) } else { Err(CrossSite::Other) };
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| CrossSite::Other)?;
    if origin == "null" {
        return Err(CrossSite::Hidden);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_own = match public {
        Some(public) => origin == public.origin(),
        None => host.is_some_and(|host| is_at(origin, host)),
    };
    if is_own {
        return Ok(());
    }
    let origin = shown(origin);
    Err(match public {
        Some(public) => CrossSite::NotPublic { origin, public: public.origin().to_owned() },
        None => CrossSite::NotHost { origin, host: shown(host.unwrap_or("-")) },
    })
}

/// Refuses a write as [`refuse`] does, and says in the log which setting is meant, where one could be.
pub fn refuse_write(headers: &HeaderMap, public: Option<&PublicUrl>) -> Result<(), CrossSite> {
    refuse(headers, public).inspect_err(|refused| {
        if *refused != CrossSite::Other && REFUSALS.is_due() {
            tracing::warn!(reason = %refused, "{}", Advice(refused));
        }
    })
}

/// The advice to the operator.
struct Advice<'a>(&'a CrossSite);

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a write was refused for its origin; ")?;
        match self.0 {
            CrossSite::Other | CrossSite::Hidden => f.write_str(
                "a page in a sandboxed frame sends this, and so does one whose Referrer-Policy is no-referrer",
            ),
            CrossSite::NotHost { origin, .. } => write!(
                f,
                "if this was the chat's own page, set {SETTING} to {origin}, or have the proxy pass on the header \
                 {HEADER} with its port"
            ),
            CrossSite::NotPublic { .. } => {
                write!(f, "if this was the chat's own page, correct {SETTING}, or open the page there")
            }
        }
    }
}

/// Returns true if a page of this origin is at the address in `Host`. Browsers leave out the port of the
/// scheme, and a proxy may add it.
fn is_at(origin: &str, host: &str) -> bool {
    let (authority, default_port) = match origin.split_once("://") {
        Some(("http", authority)) => (authority, 80),
        Some(("https", authority)) => (authority, 443),
        _ => return false,
    };
    let parts = |text: &str| {
        let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
        let port = match &text[authority.host().len()..] {
            "" => default_port,
            _ => authority.port_u16()?,
        };
        Some((authority.host().to_ascii_lowercase(), port))
    };
    parts(authority).is_some_and(|of_origin| parts(host) == Some(of_origin))
}

fn shown(value: &str) -> String {
    if value.chars().count() <= SHOWN_CHARS_MAX {
        return value.to_owned();
    }
    value.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_of_another_site_is_refused_and_a_program_is_not() {
        for (list, ok) in [
            (vec![("host", "chat.example")], true),
            (vec![("host", "chat.example"), ("origin", "https://chat.example")], true),
            (vec![("host", "chat.example:8080"), ("origin", "http://CHAT.example:8080")], true),
            (vec![("host", "[2001:db8::1]:8080"), ("origin", "http://[2001:db8::1]:8080")], true),
            // The port of the scheme, as some proxies write it.
            (vec![("host", "chat.example:443"), ("origin", "https://chat.example")], true),
            (vec![("host", "chat.example:80"), ("origin", "http://chat.example")], true),
            (vec![("host", "chat.example:80"), ("origin", "https://chat.example")], false),
            (vec![("host", "chat.example"), ("origin", "https://evil.example")], false),
            (vec![("host", "chat.example"), ("origin", "https://chat.example.evil")], false),
            (vec![("host", "chat.example"), ("origin", "https://evil@chat.example")], false),
            // Another program on the same machine, and a proxy that drops its port, look the same.
            (vec![("host", "chat.example"), ("origin", "http://chat.example:8080")], false),
            (vec![("host", "chat.example:8080"), ("origin", "http://chat.example")], false),
            (vec![("host", "chat.example:8080"), ("origin", "http://chat.example:8081")], false),
            (vec![("host", "chat.example:"), ("origin", "http://chat.example")], false),
            (vec![("host", "chat.example"), ("origin", "ftp://chat.example")], false),
            (vec![("host", "chat.example"), ("origin", "chat.example")], false),
            (vec![("host", "chat.example"), ("origin", "")], false),
            (vec![("host", "chat.example"), ("origin", "null")], false),
            (vec![("host", "null"), ("origin", "null")], false),
            (vec![("origin", "https://chat.example")], false),
            (
                vec![
                    ("host", "inner"),
                    ("origin", "https://chat.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (vec![("host", "chat.example"), ("sec-fetch-site", "none")], true),
            (vec![("host", "chat.example"), ("sec-fetch-site", "cross-site")], false),
            (vec![("host", "chat.example"), ("sec-fetch-site", "same-site")], false),
        ] {
            assert_eq!(refuse(&headers(&list), None).is_ok(), ok, "{list:?}");
        }
    }

    #[test]
    fn with_a_public_url_its_own_pages_write_and_no_others() {
        let public = "https://chat.example".parse().unwrap();
        for (list, ok) in [
            (vec![("host", "inner:8080"), ("origin", "https://chat.example")], true),
            (vec![("host", "inner:8080"), ("origin", "http://inner:8080")], false),
            (vec![("host", "chat.example"), ("origin", "http://chat.example")], false),
            (vec![("host", "evil.example"), ("origin", "https://evil.example")], false),
            (vec![("host", "inner:8080"), ("origin", "null")], false),
            (vec![("host", "inner:8080")], true),
        ] {
            assert_eq!(refuse(&headers(&list), Some(&public)).is_ok(), ok, "{list:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_setting_and_both_values() {
        let list = headers(&[("host", "127.0.0.1:8080"), ("origin", "http://192.0.2.1:8000")]);
        let said = |public: Option<&PublicUrl>, list: &HeaderMap| {
            let refused = refuse(list, public).unwrap_err();
            format!("{refused}; {}", Advice(&refused))
        };
        let by_host = said(None, &list);
        for part in ["http://192.0.2.1:8000", "127.0.0.1:8080", SETTING, HEADER] {
            assert!(by_host.contains(part), "{by_host}");
        }
        let by_url = said(Some(&"https://chat.example".parse().unwrap()), &list);
        for part in ["http://192.0.2.1:8000", "https://chat.example", SETTING] {
            assert!(by_url.contains(part), "{by_url}");
        }
        let long = headers(&[("host", "x"), ("origin", &format!("http://{}", "a".repeat(5_000)))]);
        assert!(said(None, &long).len() < 1_000);
    }
}
