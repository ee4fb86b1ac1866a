//! The setting `--rate-limit`: each limit by itself, and the limits that are recommended.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use governor::Quota;
use serde::Deserialize;

use crate::as_text::as_text;

/// The limits of a server that strangers reach, unless its operator sets others.
const RECOMMENDED: &str = "author=5/20,address=50/200,reads=50/500,guests=10,logins=10,connections=100";
/// The largest number that a limit can be.
const FIGURE_MAX: u32 = 1_000_000;

/// Requests a second, and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Requests a second.
    pub a_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

impl Pace {
    /// Returns the allowance of this many who share one.
    pub fn quota(self, times: NonZeroU32) -> Quota {
        let burst = self.burst.saturating_mul(times);
        Quota::per_second(self.a_second.saturating_mul(times)).allow_burst(burst)
    }

    /// Returns the limit in words.
    pub fn said(self, what: &str) -> String {
        format!("{what}: at most {} a second, {} at once", self.a_second, self.burst)
    }
}

/// The setting. What is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct RateLimit {
    /// Messages by one author.
    pub author: Option<Pace>,
    /// Messages from one address.
    pub address: Option<Pace>,
    /// Pages, history and overviews read, and rooms joined, from one address.
    pub reads: Option<Pace>,
    /// New guests a minute from one address.
    pub guests: Option<NonZeroU32>,
    /// Sign-ins that begin, a minute, from one address.
    pub logins: Option<NonZeroU32>,
    /// Open connections and streams of one address.
    pub connections: Option<NonZeroU32>,
}

impl RateLimit {
    /// Returns the limits of a server that strangers reach, unless its operator sets others.
    pub fn recommended() -> Self {
        RECOMMENDED.parse().expect("a test reads it")
    }

    /// Returns true if nothing is limited.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut limit = Self::default();
        if text.trim() == "off" {
            return Ok(limit);
        }
        for part in text.split(',') {
            let explained = || {
                format!(
                    "`{}` is not a limit; write off, or some of author=RATE/BURST, address=RATE/BURST, \
                     reads=RATE/BURST, guests=N, logins=N, connections=N, each once, for example \
                     author=5/20,guests=10,connections=100, with numbers of 1 to {FIGURE_MAX} and a burst not below its rate",
                    part.trim()
                )
            };
            let (name, value) = part.split_once('=').ok_or_else(explained)?;
            let value = value.trim();
            let fresh = match name.trim() {
                "author" => limit.author.replace(pace(value).ok_or_else(explained)?).is_none(),
                "address" => limit.address.replace(pace(value).ok_or_else(explained)?).is_none(),
                "reads" => limit.reads.replace(pace(value).ok_or_else(explained)?).is_none(),
                "guests" => limit.guests.replace(figure(value).ok_or_else(explained)?).is_none(),
                "logins" => limit.logins.replace(figure(value).ok_or_else(explained)?).is_none(),
                "connections" => limit.connections.replace(figure(value).ok_or_else(explained)?).is_none(),
                _ => false,
            };
            if !fresh {
                return Err(explained());
            }
        }
        Ok(limit)
    }
}

fn figure(text: &str) -> Option<NonZeroU32> {
    let number = text.parse::<NonZeroU32>().ok()?;
    (number.get() <= FIGURE_MAX).then_some(number)
}

fn pace(text: &str) -> Option<Pace> {
    let (rate, burst) = text.split_once('/').unwrap_or((text, text));
    let pace = Pace { a_second: figure(rate)?, burst: figure(burst)? };
    (pace.burst >= pace.a_second).then_some(pace)
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = |name, pace: Option<Pace>| pace.map(|p| format!("{name}={}/{}", p.a_second, p.burst));
        let figure = |name, figure: Option<NonZeroU32>| figure.map(|n| format!("{name}={n}"));
        let parts = [
            pace("author", self.author),
            pace("address", self.address),
            pace("reads", self.reads),
            figure("guests", self.guests),
            figure("logins", self.logins),
            figure("connections", self.connections),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "off".to_owned() } else { parts.join(",") }.as_str())
    }
}

as_text!(RateLimit);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_as_it_is_written() {
        for (text, written) in [
            ("off", "off"),
            ("author=5/20", "author=5/20"),
            (" author=5 , guests=10", "author=5/5,guests=10"),
            (
                "connections=100,guests=10,reads=50/500,address=50/200,author=5/20",
                "author=5/20,address=50/200,reads=50/500,guests=10,connections=100",
            ),
            (RECOMMENDED, RECOMMENDED),
        ] {
            let limit: RateLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), written);
            assert_eq!(written.parse(), Ok(limit));
        }
        for text in [
            "",
            "on",
            "5",
            "author",
            "author=",
            "author=0",
            "author=-1/2",
            "author=5/2",
            "author=5/20/30",
            "author=1.5",
            "guests=1/2",
            "guests=9999999",
            "messages=5/20",
            "guests=1,guests=2",
            "guests=1,",
        ] {
            let error = text.parse::<RateLimit>().unwrap_err();
            assert!(error.contains("author=RATE/BURST") && error.contains("1000000"), "{text}: {error}");
        }
    }
}
