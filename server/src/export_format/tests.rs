use super::*;

fn record(body: Body, key: Option<Hash>) -> RawRecord {
    let author = Author { id: "g_1".into(), name: "Ada \u{1f600}".into(), kind: AuthorKind::Guest };
    let event = Event {
        position: 42,
        prev: 7,
        room: RoomName::new("lobby").unwrap(),
        author: Some(author),
        created_at: Timestamp(1_795_000_000_123),
        body,
    };
    let created_at = event.created_at;
    let record = Record {
        position: 42,
        created_at,
        event: Some(Arc::new(event)),
        key,
        content_hash: key,
        ban: None,
        value: None,
        bytes: 0,
    };
    RawRecord::encode(&record).unwrap()
}

fn line(raw: &RawRecord) -> String {
    let mut out = Vec::new();
    let records = write_piece(&Piece::Records(vec![raw.clone()]), |_| true, &mut out).unwrap();
    assert_eq!(records, 1);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_record_reads_back_byte_for_byte() {
    for body in [
        Body::Message { content: Some("a \"b\"\n\u{2028}\u{0}".into()), reply_to: None },
        Body::Message { content: None, reply_to: None },
        Body::Message { content: Some("yes".into()), reply_to: Some(3) },
        Body::Edit { target: 3, content: Some("x".into()) },
        Body::Delete { target: 3 },
        Body::Reaction { target: 3, reaction: millchat::Reaction::Heart, on: true, count: 2 },
        Body::Reaction { target: 3, reaction: millchat::Reaction::Tears, on: false, count: 0 },
        Body::Close,
        Body::Open,
        Body::Purge,
    ] {
        let raw = record(body, Some([0xab; 16]));
        let line = line(&raw);
        assert!(line.contains(&"ab".repeat(16)) && !line.contains("\"record\""), "{line}");
        assert_eq!(read(line.as_bytes()), Ok(Line::Record(raw)));
    }
}

#[test]
fn a_value_reads_back_byte_for_byte_and_one_that_no_chat_would_store_is_refused() {
    let by = Author { id: "admin".into(), name: "Eve".into(), kind: AuthorKind::User };
    let value = |is_set, text: Option<&str>, until| {
        let (key, text, by) = ("role/lobby/g_1".into(), text.map(Into::into), Some(by.clone()));
        ValueRecord { key, is_set, text, until, by }
    };
    let until = Some(Timestamp(1_795_000_000_124));
    let raw = |value| {
        let record = Record { value: Some(Box::new(value)), ..of_no_room(42, Timestamp(1_795_000_000_123)) };
        RawRecord::encode(&record).unwrap()
    };
    let values =
        [value(true, Some("a \"b\"\n"), until), value(true, None, None), value(false, None, None)].map(raw);
    for raw in values {
        let plain = line(&raw);
        assert!(plain.contains("\"role/lobby/g_1\"") && !plain.contains("\"record\""), "{plain}");
        assert_eq!(read(plain.as_bytes()), Ok(Line::Record(raw.clone())));
        let mut out = Vec::new();
        write_piece(&Piece::InForce(vec![raw.clone()]), |_| true, &mut out).unwrap();
        assert_eq!(read(&out), Ok(Line::Stands(raw)));
        let wrong = plain.replace("role/lobby/g_1", "role");
        assert!(read(wrong.as_bytes()).unwrap_err().contains("kind/rest"));
    }
    // A time beyond what the text form can say.
    let raw = raw(value(true, Some("x"), Some(Timestamp(u64::MAX))));
    assert!(line(&raw).contains("\"record\""));
    assert_eq!(read(line(&raw).as_bytes()), Ok(Line::Record(raw)));
}

#[test]
fn a_ban_reads_back_byte_for_byte_and_says_when_it_stands_beside_the_log() {
    for banned in [true, false] {
        let by = Author { id: "admin".into(), name: "Eve".into(), kind: AuthorKind::User };
        let ban = BanRecord { author_id: "g_1".into(), banned, by: Some(by) };
        let record = Record {
            position: 42,
            created_at: Timestamp(1_795_000_000_123),
            event: None,
            key: None,
            content_hash: None,
            ban: Some(ban),
            value: None,
            bytes: 0,
        };
        let raw = RawRecord::encode(&record).unwrap();
        let plain = line(&raw);
        assert!(plain.contains("\"author_id\":\"g_1\"") && !plain.contains("\"record\""), "{plain}");
        assert_eq!(read(plain.as_bytes()), Ok(Line::Record(raw.clone())));
        let mut out = Vec::new();
        write_piece(&Piece::InForce(vec![raw.clone()]), |_| true, &mut out).unwrap();
        assert_eq!(read(&out), Ok(Line::Stands(raw)));
        let wrong = plain.replace("\"g_1\"", "\"\"");
        assert!(read(wrong.as_bytes()).unwrap_err().contains("author's id"));
    }
}

#[test]
fn emptied_rooms_read_back() {
    let rooms = vec![RoomName::new("lobby").unwrap(), RoomName::new("kitchen").unwrap()];
    let mut out = Vec::new();
    assert_eq!(write_piece(&Piece::Purged(rooms.clone()), |_| true, &mut out).unwrap(), 0);
    assert_eq!(read(&out), Ok(Line::Emptied(rooms)));
    assert!(read(b"{\"emptied\":[\"the lobby\"]}").unwrap_err().contains("A-Z a-z"));
}

#[test]
fn what_this_release_does_not_know_is_carried_as_its_bytes() {
    let raw = record(Body::Unknown { kind: 77 }, None);
    let line = line(&raw);
    assert!(line.contains("\"record\"") && line.contains("\"kind\":\"other\""), "{line}");
    assert_eq!(read(line.as_bytes()), Ok(Line::Record(raw)));
}

#[test]
fn a_header_reads_back_and_a_newer_one_is_refused() {
    let header = Header::new(millchat::Epoch(0x5f3c_9a2e), 3, 9, Some([7; 32]));
    let mut out = Vec::new();
    header.write(&mut out);
    assert_eq!(Header::read(&out), Ok(header.clone()));
    assert_eq!(header.signing_key(), Ok(Some([7; 32])));
    let newer = String::from_utf8(out).unwrap().replace("\"format\":1", "\"format\":2");
    assert!(Header::read(newer.as_bytes()).unwrap_err().contains("format 2"));
    for other in ["", "{}", "[1]", "{\"position\":1}", "not json"] {
        assert!(Header::read(other.as_bytes()).unwrap_err().contains("first line"), "{other}");
    }
}

#[test]
fn a_wrong_line_says_what_is_wrong() {
    let good = line(&record(Body::Message { content: Some("hello".into()), reply_to: None }, Some([1; 16])));
    for (from, to, word) in [
        ("\"position\":42,", "", "position"),
        ("\"prev\":7,", "", "prev"),
        ("lobby", "the lobby", "room"),
        ("\"kind\":\"message\"", "\"kind\":\"massage\"", "massage"),
        ("\"kind\":\"message\"", "\"kind\":\"edit\"", "target"),
        ("\"kind\":\"message\"", "\"target\":3,\"kind\":\"reaction\"", "reaction"),
        ("\"kind\":\"message\"", "\"target\":3,\"kind\":\"reaction\",\"reaction\":\"👎\"", "👍"),
        ("hello", "hel\\rlo", "CR"),
        ("hello", &"x".repeat(CONTENT_BYTES_MAX + 1), "65536"),
        ("\"g_1\"", "\"\"", "author's id"),
        ("\"kind\":\"guest\"", "\"kind\":\"king\"", "king"),
        ("0101", "01", "hex"),
        ("\"created_at\":\"2", "\"created_at\":\"x", "created_at"),
        ("\"position\"", "\"extra\":1,\"position\"", "extra"),
        ("}\n", "", "EOF"),
    ] {
        assert!(good.contains(from), "{from} in {good}");
        let error = read(good.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(error.contains(word), "{from}: {error}");
    }
}
