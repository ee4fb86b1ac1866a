use super::*;
use proptest::prelude::*;

fn event() -> Event {
    Event {
        position: 42,
        prev: 7,
        room: RoomName::new("lobby").unwrap(),
        author: Some(Author { id: "g_1".into(), name: "Ada".into(), kind: AuthorKind::Guest }),
        created_at: Timestamp(1_700_000_000_123),
        body: Body::Message { content: Some("hello".into()), reply_to: None },
    }
}

fn encoded(event: &Event, key: Option<&Hash>, content_hash: Option<&Hash>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&Fields { event, key, content_hash }, &mut out);
    out
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let read = decode(42, &encoded(&event(), Some(&[1; 16]), Some(&[2; 16]))).unwrap();
    assert_eq!(*read.event.unwrap(), event());
    assert_eq!((read.key, read.content_hash), (Some([1; 16]), Some([2; 16])));
}

#[test]
fn an_answer_reads_back_as_it_was_written_also_without_its_text() {
    let body = Body::Message { content: Some("yes".into()), reply_to: Some(7) };
    let event = Event { body, ..event() };
    let bytes = encoded(&event, Some(&[1; 16]), Some(&[2; 16]));
    assert_eq!((bytes[1], &*decode(42, &bytes).unwrap().event.unwrap()), (1, &event));
    let redacted = decode(42, &redact(42, &bytes).unwrap()).unwrap().event.unwrap();
    assert_eq!(redacted.body, Body::Message { content: None, reply_to: Some(7) });
    assert_eq!(*redacted, event.redacted());
}

#[test]
fn moderation_reads_back_as_it_was_written() {
    for (kind, body) in [(4, Body::Close), (5, Body::Open), (6, Body::Purge)] {
        let event = Event { body, ..event() };
        let bytes = encoded(&event, None, None);
        assert_eq!((bytes[1], &*decode(42, &bytes).unwrap().event.unwrap()), (kind, &event));
    }
    for (kind, banned) in [(7, true), (8, false)] {
        let ban = BanRecord { author_id: "g_2".into(), banned, by: event().author };
        let mut bytes = Vec::new();
        encode_ban(42, Timestamp(9), &ban, &mut bytes);
        let read = decode(42, &bytes).unwrap();
        assert_eq!((bytes[1], read.created_at, read.ban), (kind, Timestamp(9), Some(ban)));
        assert_eq!(read.event, None);
    }
}

fn value(is_set: bool) -> ValueRecord {
    let (text, until) = if is_set { (Some("a text".into()), Some(Timestamp(9))) } else { (None, None) };
    ValueRecord { key: "role/lobby/g_2".into(), is_set, text, until, by: event().author }
}

fn encoded_value(value: &ValueRecord) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_value(42, Timestamp(9), value, &mut bytes);
    bytes
}

#[test]
fn a_value_reads_back_as_it_was_written_and_is_refused_by_an_older_release() {
    for (kind, value) in [(11, value(true)), (12, value(false))] {
        let bytes = encoded_value(&value);
        let read = decode(42, &bytes).unwrap();
        assert_eq!((bytes[0], bytes[1], read.created_at), (2, kind, Timestamp(9)));
        assert_eq!((&read.event, &read.ban, read.value.as_deref()), (&None, &None, Some(&value)));
        assert_eq!(RawRecord::encode(&read).unwrap().bytes, bytes);
        let redacted = redact(42, &bytes).unwrap();
        assert!(!redacted.windows(6).any(|window| window == b"a text"));
        let redacted = decode(42, &redacted).unwrap().value;
        assert_eq!(redacted.as_deref(), Some(&ValueRecord { text: None, ..value }));
    }
    // All other records are as an older release knows them.
    assert_eq!(encoded(&event(), None, None)[0], 1);
}

#[test]
fn no_debug_form_of_a_value_shows_its_text() {
    let raw = RawRecord { position: 42, bytes: encoded_value(&value(true)) };
    for shown in [format!("{:?}", value(true)), format!("{:?}", raw.decode().unwrap()), format!("{raw:?}")] {
        assert!(!shown.contains("a text") && !shown.contains("97, 32, 116"), "{shown}");
    }
}

#[test]
fn contents_of_all_lengths_read_back() {
    for length in [0, 1, 127, 128, 16_383, 16_384, 65_536] {
        let content = Some("x".repeat(length).as_str().into());
        let event = Event { body: Body::Message { content, reply_to: None }, ..event() };
        assert_eq!(*decode(42, &encoded(&event, None, None)).unwrap().event.unwrap(), event);
    }
}

#[test]
fn a_redacted_record_keeps_its_position_and_key_but_not_the_text() {
    let bytes = redact(42, &encoded(&event(), Some(&[1; 16]), Some(&[2; 16]))).unwrap();
    assert!(!bytes.windows(5).any(|w| w == b"hello"));
    let read = decode(42, &bytes).unwrap();
    assert_eq!(*read.event.unwrap(), event().redacted());
    assert_eq!((read.key, read.content_hash), (Some([1; 16]), None));
}

#[test]
fn a_kind_or_field_of_a_newer_release_is_passed_over() {
    let mut bytes = encoded(&event(), None, None);
    bytes[1] = 77;
    put(&mut bytes, 200, b"what comes later");
    seal(42, &mut bytes);
    let read = decode(42, &bytes).unwrap().event.unwrap();
    assert_eq!((read.prev, &read.body), (7, &Body::Unknown { kind: 77 }));
}

#[test]
fn a_record_of_a_newer_version_is_refused() {
    let mut bytes = encoded(&event(), None, None);
    bytes[0] = RECORD_VERSION + 1;
    seal(42, &mut bytes);
    assert!(matches!(decode(42, &bytes), Err(LogError::Damaged { .. })));
    assert!(matches!(outline(42, &bytes), Err(LogError::Damaged { .. })));
}

proptest! {
    #[test]
    fn any_flipped_bit_or_wrong_place_is_noticed(byte in 0usize..90, bit in 0u8..8) {
        let mut bytes = encoded(&event(), None, None);
        let byte = byte % bytes.len();
        prop_assert!(decode(43, &bytes).is_err());
        bytes[byte] ^= 1 << bit;
        prop_assert!(decode(42, &bytes).is_err());
        prop_assert!(outline(42, &bytes).is_err());
    }

    #[test]
    fn any_bytes_are_an_error_and_not_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(1, &bytes);
        let mut sealed = bytes.clone();
        if sealed.len() >= HEADER_BYTES {
            sealed[0] = RECORD_VERSION;
            seal(1, &mut sealed);
            let _ = decode(1, &sealed);
            let _ = outline(1, &sealed);
            let _ = redact(1, &sealed);
        }
    }

    #[test]
    fn any_value_reads_back(
        key in "[!-~]{1,20}/[!-~]{1,235}", text in proptest::option::of(".{0,300}"), is_set: bool,
        until in proptest::option::of(any::<u64>()), by: bool
    ) {
        let by = event().author.filter(|_| by);
        let (text, until) = (text.map(|text| text.as_str().into()), until.map(Timestamp));
        let value = ValueRecord { key: key.as_str().into(), is_set, text, until, by };
        let bytes = encoded_value(&value);
        prop_assert_eq!(decode(42, &bytes).unwrap().value.map(|value| *value), Some(value.clone()));
        prop_assert!(decode(43, &bytes).is_err());
        let redacted = decode(42, &redact(42, &bytes).unwrap()).unwrap().value;
        prop_assert_eq!(redacted.as_deref(), Some(&ValueRecord { text: None, ..value }));
    }

    #[test]
    fn any_content_reads_back(
        content in ".{0,200}", prev in 0u64..42, key in proptest::option::of(any::<[u8; 16]>())
    ) {
        let body = Body::Message { content: Some(content.as_str().into()), reply_to: None };
        let event = Event { prev, body, ..event() };
        let bytes = encoded(&event, key.as_ref(), None);
        let read = decode(42, &bytes).unwrap();
        prop_assert_eq!(&*read.event.unwrap(), &event);
        prop_assert_eq!(read.key, key);
        let outline = outline(42, &bytes).unwrap();
        prop_assert_eq!((outline.created_at, outline.room), (event.created_at, Some(event.room.as_str())));
        prop_assert!(outline.is_message);
    }
}
