//! The settings `session` and `sign-in-again`: how long somebody who signed in stays so.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::as_text::as_text;

/// Shortest of these times.
const TIME_MIN: Duration = Duration::from_hours(1);
/// Longest of these times: a year.
const TIME_MAX: Duration = Duration::from_hours(8_766);
/// Default of `session`.
const IDLE_DEFAULT: Duration = Duration::from_hours(30 * 24);
/// Default of `sign-in-again`.
const SIGN_IN_AGAIN_DEFAULT: Duration = Duration::from_hours(90 * 24);

/// Time after which a session ends that is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Idle(pub Duration);

/// Time after a sign-in from which another one is necessary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SignInAgain(pub Duration);

impl Default for Idle {
    fn default() -> Self {
        Self(IDLE_DEFAULT)
    }
}

impl Default for SignInAgain {
    fn default() -> Self {
        Self(SIGN_IN_AGAIN_DEFAULT)
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok().filter(|time| (TIME_MIN..=TIME_MAX).contains(time));
    time.ok_or_else(|| format!("`{text}` is not such a time; it is 1h to 1y, such as 12h or 30d"))
}

impl FromStr for Idle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        time(text).map(Self)
    }
}

impl FromStr for SignInAgain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        time(text).map(Self)
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl fmt::Display for SignInAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

as_text!(Idle);
as_text!(SignInAgain);
