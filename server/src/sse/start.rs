//! The place that a request for a stream names.

use millchat::{EventId, HISTORY_DEFAULT, HISTORY_MAX, StartFrom};

use crate::http;

/// Returns the start that the request names: `Last-Event-ID`, else `?last_event_id=`, else `?history=N`.
///
/// An empty value counts as absent: that is what an `EventSource` without a last id may send.
pub fn place<B>(req: &hyper::Request<B>) -> StartFrom {
    let history = http::query(req, "history");
    let last = history.and_then(|n| http::clamped(&n, 0, HISTORY_MAX)).unwrap_or(HISTORY_DEFAULT);
    let header = req.headers().get("last-event-id").filter(|value| !value.is_empty());
    let text = match header {
        // `to_str` takes visible ASCII only, and so does a place.
        Some(value) => value.to_str().ok().map(str::to_owned).or(Some(String::new())),
        None => http::query(req, "last_event_id").filter(|text| !text.is_empty()),
    };
    match text.map(|text| text.parse::<EventId>()) {
        None => StartFrom::Last(last),
        Some(Ok(place)) => StartFrom::After(place),
        Some(Err(_)) => StartFrom::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn begins(uri: &str, header: Option<&[u8]>) -> StartFrom {
        let mut req = hyper::Request::get(uri);
        if let Some(value) = header {
            req = req.header("Last-Event-ID", HeaderValue::from_bytes(value).unwrap());
        }
        place(&req.body(()).unwrap())
    }

    #[test]
    fn the_place_is_the_header_then_the_query_then_the_newest() {
        let after = |text: &str| StartFrom::After(text.parse().unwrap());
        for (uri, header, expected) in [
            ("/", None, StartFrom::Last(100)),
            ("/?history=7", None, StartFrom::Last(7)),
            ("/?history=0", None, StartFrom::Last(0)),
            ("/?history=-4", None, StartFrom::Last(0)),
            ("/?history=70000000000000000000000", None, StartFrom::Last(1_000)),
            ("/?history=junk", None, StartFrom::Last(100)),
            ("/?last_event_id=5f3c9a2e-3&history=7", None, after("5f3c9a2e-3")),
            ("/?last_event_id=5f3c9a2e-3", Some(&b"5f3c9a2e-9"[..]), after("5f3c9a2e-9")),
            ("/?last_event_id=5f3c9a2e-3", Some(b""), after("5f3c9a2e-3")),
            ("/?last_event_id=", Some(b""), StartFrom::Last(100)),
            ("/", Some(b"5f3c9a2e-0"), after("5f3c9a2e-0")),
            ("/?history=9", Some(b"hello"), StartFrom::Malformed),
            ("/", Some(b"5f3c9a2e-3, 5f3c9a2e-9"), StartFrom::Malformed),
            ("/", Some(b"5f3c9a2e-\xff"), StartFrom::Malformed),
            ("/?last_event_id=%FF", None, StartFrom::Malformed),
        ] {
            assert_eq!(begins(uri, header), expected, "{uri} {header:?}");
        }
    }
}
