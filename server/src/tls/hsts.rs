//! The setting `hsts`: the time for which browsers that were here once come by TLS only.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hyper::header::HeaderValue;
use serde::Deserialize;

use crate::as_text::as_text;

/// Longest time that is taken: what browsers remember cannot be taken back before it is over.
const HSTS_MAX: Duration = Duration::from_hours(24 * 730);
/// Time by default, where it is on.
const HSTS_DEFAULT: Duration = Duration::from_hours(24 * 365);

/// The time for which browsers that were here once come by TLS only. Other names under this one are not
/// included, nor is the list that browsers are built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Hsts {
    /// Nothing is said.
    Off,
    /// Said with every answer.
    For(Duration),
}

impl Hsts {
    /// The time that applies where a site says its public name and nothing else.
    pub fn recommended() -> Self {
        Self::For(HSTS_DEFAULT)
    }

    /// Returns the value of the header `Strict-Transport-Security`, if it is sent.
    pub fn header(self) -> Option<HeaderValue> {
        let Self::For(time) = self else { return None };
        let value = format!("max-age={}", time.as_secs());
        Some(HeaderValue::try_from(value).expect("it is visible ASCII"))
    }
}

impl FromStr for Hsts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match humantime::parse_duration(text) {
            Ok(time) if time <= HSTS_MAX => Ok(Self::For(time)),
            Ok(_) => Err(format!("`{text}` is too long; it is 730d at most")),
            Err(_) => Err(format!("`{text}` is not a time; write it like 365d, or off")),
        }
    }
}

as_text!(Hsts);

impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::For(time) => write!(f, "{}", humantime::format_duration(*time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_seconds_and_includes_no_other_name() {
        for (text, header) in [
            ("365d", Some("max-age=31536000")),
            ("1h", Some("max-age=3600")),
            ("0s", Some("max-age=0")),
            ("off", None),
        ] {
            let hsts: Hsts = text.parse().unwrap();
            assert_eq!(hsts.header().as_ref().map(|value| value.to_str().unwrap()), header, "{text}");
        }
        for text in ["", "on", "731d", "365"] {
            let error = text.parse::<Hsts>().unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }
}
