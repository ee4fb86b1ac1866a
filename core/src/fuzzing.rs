//! The code under the fuzz targets in `verify/fuzz`: it reads bytes of strangers, or of a bad disk.

use crate::event::{EventId, RoomName};
use crate::log::record::{self, Fields};

const POSITION: u64 = 42;

/// Decodes bytes as a record, as they are and with a right checksum.
pub fn record(bytes: &[u8]) {
    let _ = record::decode(POSITION, bytes);
    let mut sealed = bytes.to_vec();
    if !record::reseal(POSITION, &mut sealed) {
        return;
    }
    let Ok(read) = record::decode(POSITION, &sealed) else { return };
    let redacted = record::redact(POSITION, &sealed).expect("what decodes can be redacted");
    let redacted = record::decode(POSITION, &redacted).expect("what is redacted decodes");
    if let Some(ban) = &read.ban {
        let mut again = Vec::new();
        record::encode_ban(POSITION, read.created_at, ban, &mut again);
        let again = record::decode(POSITION, &again).expect("what was encoded decodes");
        assert_eq!(again.ban.as_ref(), Some(ban));
    }
    if let Some(value) = &read.value {
        let mut again = Vec::new();
        record::encode_value(POSITION, read.created_at, value, &mut again);
        let again = record::decode(POSITION, &again).expect("what was encoded decodes");
        assert_eq!(again.value.as_ref(), Some(value));
        assert!(redacted.value.is_some_and(|value| value.text.is_none()));
        return;
    }
    let Some(event) = read.event else { return };
    assert_eq!(*redacted.event.expect("it stays an event"), event.redacted());
    let mut again = Vec::new();
    let (key, content_hash) = (read.key.as_ref(), read.content_hash.as_ref());
    record::encode(&Fields { event: &event, key, content_hash }, &mut again);
    let again = record::decode(POSITION, &again).expect("what was encoded decodes");
    assert_eq!(again.event.as_ref(), Some(&event));
    assert_eq!((again.key, again.content_hash), (read.key, read.content_hash));
}

/// Reads a text as a place and as a room's name.
pub fn names(text: &str) {
    if let Ok(place) = text.parse::<EventId>() {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    if let Ok(name) = RoomName::new(text) {
        assert_eq!(name.as_str(), text);
    }
}
