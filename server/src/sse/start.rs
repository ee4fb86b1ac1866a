//! The place that a request for a stream names.

use hyper::header::HeaderValue;
use millchat::{Epoch, EventId, HISTORY_DEFAULT, HISTORY_MAX, StartFrom};

use crate::http;

/// The header by which a client that comes back names its place.
const LAST_EVENT_ID: &str = "last-event-id";
/// The parameter that asks for the newest events.
pub const HISTORY: &str = "history";

/// Returns true if a parameter of this name is the place, as different clients spell it: `last_event_id`,
/// `lastEventId`, `Last-Event-ID`.
pub fn is_place(name: &str) -> bool {
    let letters = name.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
    letters.map(|byte| byte.to_ascii_lowercase()).eq(*b"lasteventid")
}

/// Returns the start that the request names: by `Last-Event-ID` or a parameter of its name, else by
/// `?history=N`.
///
/// An empty value counts as absent: that is what an `EventSource` without a last id may send. A client that
/// comes back to the address that it was given may name two places: the newer one of this log counts.
pub fn place<B>(req: &hyper::Request<B>, epoch: Epoch) -> StartFrom {
    let headers = req.headers().get_all(LAST_EVENT_ID).into_iter().filter(|value| !value.is_empty());
    // `to_str` takes visible ASCII only, and so does a place.
    let headers = headers.map(HeaderValue::to_str).map(|text| text.ok()?.parse().ok());
    let query = form_urlencoded::parse(req.uri().query().unwrap_or_default().as_bytes());
    let parameters = query.filter(|(name, value)| is_place(name) && !value.is_empty());
    let named: Vec<Option<EventId>> = headers.chain(parameters.map(|(_, text)| text.parse().ok())).collect();
    let places = named.iter().flatten().copied();
    let of_this_log = places.clone().filter(|place| place.epoch == epoch).max_by_key(|place| place.position);
    match of_this_log.or_else(|| places.clone().next()) {
        Some(place) => StartFrom::After(place),
        None if !named.is_empty() => StartFrom::Malformed,
        None => {
            let history = http::query(req, HISTORY).and_then(|n| http::clamped(&n, 0, HISTORY_MAX));
            StartFrom::Last(history.unwrap_or(HISTORY_DEFAULT))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(uri: &str, headers: &[&[u8]]) -> StartFrom {
        let mut req = hyper::Request::get(uri);
        for value in headers {
            req = req.header("Last-Event-ID", HeaderValue::from_bytes(value).unwrap());
        }
        place(&req.body(()).unwrap(), Epoch(0x5f3c_9a2e))
    }

    #[test]
    fn the_place_is_the_newest_that_is_named_and_else_the_newest_of_the_room() {
        let after = |text: &str| StartFrom::After(text.parse().unwrap());
        for (uri, headers, expected) in [
            ("/", &[][..], StartFrom::Last(100)),
            ("/?history=7", &[], StartFrom::Last(7)),
            ("/?history=0", &[], StartFrom::Last(0)),
            ("/?history=-4", &[], StartFrom::Last(0)),
            ("/?history=70000000000000000000000", &[], StartFrom::Last(1_000)),
            ("/?history=junk", &[], StartFrom::Last(100)),
            ("/?last_event_id=5f3c9a2e-3&history=7", &[], after("5f3c9a2e-3")),
            ("/?last_event_id=5f3c9a2e-3", &[&b"5f3c9a2e-9"[..]], after("5f3c9a2e-9")),
            ("/?last_event_id=5f3c9a2e-9", &[b"5f3c9a2e-3"], after("5f3c9a2e-9")),
            ("/?lastEventId=5f3c9a2e-3&last_event_id=5f3c9a2e-10", &[], after("5f3c9a2e-10")),
            ("/?last_event_id=5f3c9a2e-10&last_event_id=5f3c9a2e-9", &[], after("5f3c9a2e-10")),
            ("/", &[b"5f3c9a2e-3", b"5f3c9a2e-4"], after("5f3c9a2e-4")),
            ("/?last_event_id=5f3c9a2e-3", &[b""], after("5f3c9a2e-3")),
            ("/?last_event_id=", &[b""], StartFrom::Last(100)),
            ("/", &[b"5f3c9a2e-0"], after("5f3c9a2e-0")),
            // After a reset the address still names the log that was.
            ("/?last_event_id=00000000-900", &[b"5f3c9a2e-3"], after("5f3c9a2e-3")),
            ("/?last_event_id=5f3c9a2e-3", &[b"00000000-900"], after("5f3c9a2e-3")),
            ("/?last_event_id=00000000-900", &[b"11111111-3"], after("11111111-3")),
            ("/?last_event_id=5f3c9a2e-3", &[b"hello"], after("5f3c9a2e-3")),
            ("/?history=9", &[b"hello"], StartFrom::Malformed),
            ("/", &[b"5f3c9a2e-3, 5f3c9a2e-9"], StartFrom::Malformed),
            ("/", &[b"5f3c9a2e-\xff"], StartFrom::Malformed),
            ("/?last_event_id=%FF", &[], StartFrom::Malformed),
        ] {
            assert_eq!(begins(uri, headers), expected, "{uri} {headers:?}");
        }
    }

    #[test]
    fn the_parameter_is_known_in_each_spelling_of_it() {
        for name in [
            "last_event_id",
            "lastEventId",
            "lastEventID",
            "LastEventId",
            "last-event-id",
            "Last-Event-ID",
            "LAST_EVENT_ID",
            "lasteventid",
            "last%2Devent%5Fid",
        ] {
            let expected = StartFrom::After("5f3c9a2e-3".parse().unwrap());
            assert_eq!(begins(&format!("/?{name}=5f3c9a2e-3"), &[]), expected, "{name}");
        }
        for name in ["", "last", "lastEvent", "last_event_ids", "id", "since", "last.event.id"] {
            assert!(!is_place(name), "{name}");
        }
    }
}
