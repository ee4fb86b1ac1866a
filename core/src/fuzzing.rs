//! What the fuzz targets in `verify/fuzz` run: what strangers, or a bad disk, hand their bytes to.

use crate::event::{Place, RoomName};
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
    let withheld = record::withhold(POSITION, &sealed).expect("what decodes can be withheld");
    let withheld = record::decode(POSITION, &withheld).expect("what is withheld decodes");
    if let Some(ruling) = &read.ruling {
        let mut again = Vec::new();
        record::encode_ruling(POSITION, read.created_at, ruling, &mut again);
        let again = record::decode(POSITION, &again).expect("what was encoded decodes");
        assert_eq!(again.ruling.as_ref(), Some(ruling));
    }
    let Some(event) = read.event else { return };
    assert_eq!(*withheld.event.expect("it stays an event"), event.withheld());
    let mut again = Vec::new();
    let (key, content_hash) = (read.key.as_ref(), read.content_hash.as_ref());
    record::encode(&Fields { event: &event, key, content_hash }, &mut again);
    let again = record::decode(POSITION, &again).expect("what was encoded decodes");
    assert_eq!(again.event.as_ref(), Some(&event));
    assert_eq!((again.key, again.content_hash), (read.key, read.content_hash));
}

/// Reads a text as a place and as a room's name.
pub fn names(text: &str) {
    if let Ok(place) = text.parse::<Place>() {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    if let Ok(name) = RoomName::new(text) {
        assert_eq!(name.as_str(), text);
    }
}
