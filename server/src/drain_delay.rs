//! The setting `drain-delay`: the time between the two steps of the end.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::as_text::as_text;

/// Longest time between the two steps.
const DRAIN_DELAY_MAX: Duration = Duration::from_hours(1);
/// The same by default. Short, and enough for requests that were on their way to a connection that is open.
const DRAIN_DELAY_DEFAULT: Duration = Duration::from_millis(500);

/// The time between the two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DrainDelay(pub Duration);

impl Default for DrainDelay {
    fn default() -> Self {
        Self(DRAIN_DELAY_DEFAULT)
    }
}

impl FromStr for DrainDelay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(delay) if delay <= DRAIN_DELAY_MAX => Ok(Self(delay)),
            Ok(_) => Err(format!("`{text}` is too long; it is 1h at most")),
            Err(_) => Err(format!("`{text}` is not a time; write it like 500ms, 10s, or 0s for none")),
        }
    }
}

impl fmt::Display for DrainDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

as_text!(DrainDelay);
