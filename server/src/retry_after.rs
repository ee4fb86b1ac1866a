//! The header `Retry-After` of an answer.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::RETRY_AFTER;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Longest time that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Returns the time that a server asks for, in seconds or as a date.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let then = rfc2822::parse(text).ok()?.timestamp();
        then.duration_since(now).try_into().unwrap_or(Duration::ZERO)
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_asks_for_time_in_seconds_or_until_a_date_and_for_an_hour_at_most() {
        let now: Timestamp = "2026-11-29T08:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 30 ", Some(30)),
            ("99999999999", Some(3600)),
            ("Sun, 29 Nov 2026 08:00:20 GMT", Some(20)),
            ("Sun, 29 Nov 2026 07:00:00 GMT", Some(0)),
            ("Sun, 29 Nov 2099 07:00:00 GMT", Some(3600)),
            ("-1", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
