//! Sign-ins that came to nothing, as people read them, and as a log line.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use maud::html;

use crate::app::Worker;
use crate::http::{self, Response};
use crate::log_throttle::LogThrottle;
use crate::page::i18n::Language;
use crate::page::layout::{self, Script};
use crate::sign_in::{SignInError, Target};

/// Limits the log lines of sign-ins that came to nothing.
static SIGN_INS: LogThrottle = LogThrottle::new();
/// Seconds after which a browser may try again that came while too many did.
const RETRY_AFTER_SECONDS: &str = "10";

/// The kinds of failures that people tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It began elsewhere, or too long ago.
    Expired,
    /// The provider or the settings let the person not in.
    Refused,
    /// A check failed.
    Invalid,
    /// The provider cannot be reached.
    Unreachable,
    /// Too many sign-ins are under way.
    Busy,
    /// There is no such login.
    NoLogin,
}

impl Failed {
    /// Every one, for tests.
    #[cfg(test)]
    pub const ALL: [Self; 6] =
        [Self::Expired, Self::Refused, Self::Invalid, Self::Unreachable, Self::Busy, Self::NoLogin];

    /// The status, and the name of the kind and of its message.
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::Expired => (StatusCode::BAD_REQUEST, "sign-in-expired"),
            Self::Refused => (StatusCode::FORBIDDEN, "sign-in-refused"),
            Self::Invalid => (StatusCode::FORBIDDEN, "sign-in-invalid"),
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "provider-unreachable"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "sign-in-busy"),
            Self::NoLogin => (StatusCode::NOT_FOUND, "no-login"),
        }
    }
}

impl From<&SignInError> for Failed {
    fn from(error: &SignInError) -> Self {
        match error {
            SignInError::Expired(_) => Self::Expired,
            SignInError::Refused(_) => Self::Refused,
            SignInError::Invalid(_) => Self::Invalid,
            SignInError::Unreachable(_) | SignInError::Call(_) => Self::Unreachable,
            SignInError::Busy(_) => Self::Busy,
        }
    }
}

/// The page, with a button that begins again: at the login and to the place, if both are known.
pub fn page(language: &Language, failed: Failed, again: Option<(&str, &Target)>) -> Response {
    let (status, kind) = failed.parts();
    let again = again
        .map_or_else(|| "/auth".to_owned(), |(login, target)| format!("/auth/{login}?{}", query(target)));
    let body = html! {
        body.plain {
            header.bar { (layout::brand(language)) }
            main.failure data-kind=(kind) {
                p.code { (status.as_str()) }
                h1 { (language.markup("sign-in-failed")) }
                p.why { (language.markup(kind)) }
                p.onward {
                    a.button href=(again) { (language.markup("sign-in-again")) }
                    " " a.quiet href="/new" { (language.markup("open-room")) }
                }
            }
        }
    };
    let title = language.text("sign-in-failed");
    let mut response = layout::answer(status, layout::document(language, &title, Script::None, &body));
    if failed == Failed::Busy {
        http::set(&mut response, RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    response
}

/// The parameter that names a place.
pub fn query(target: &Target) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("to", target.as_str()).finish()
}

/// The page for an error, which is counted and has its log line.
pub fn told(
    w: &Worker,
    language: &Language,
    (login, target): (&str, &Target),
    error: &SignInError,
) -> Response {
    w.app.metrics.signed_in(login, error.outcome());
    if SIGN_INS.is_due() {
        let outcome = error.outcome();
        tracing::warn!(login, outcome, %error, "a sign-in came to nothing");
    }
    page(language, Failed::from(error), Some((login, target)))
}
