use super::*;
use crate::event::Body;
use crate::log::contract::{Log, NewRecord, Payload};
use crate::log::record;
use crate::log::redb::counts::COUNTS;
use crate::log::redb::deletes::DELETES;
use crate::log::redb::deletions::DELETIONS;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::keys::KEYS;
use crate::log::redb::moderation::{BANS, CLOSED, PURGES};
use crate::log::redb::tables::{
    EDITS, HEADS, INDEX, LOG, STATE, STATE_FLOOR, STATE_FORMAT, STATE_KEYS, STATE_LIVE,
};
use crate::log::redb::tests::{append, change};
use crate::log::redb::values::VALUES;
use ::redb::{Database, ReadableTable as _, WriteTransaction};
use std::path::PathBuf;
use tempfile::TempDir;

const ROOMS: u64 = 3;

fn post(position: u64) -> NewRecord {
    append(
        position % ROOMS,
        Body::Message { content: Some(format!("text {position}").as_str().into()), reply_to: None },
    )
}

/// A log of 1,000 messages, an edit of 100, a delete of 200, which was edited too, and a trim of the first
/// 49.
fn fill(log: &RedbLog) {
    let posts: Vec<_> = (1..=1_000).map(post).collect();
    log.commit(&posts, 0).unwrap();
    let edit = |target| append(target % ROOMS, Body::Edit { target, content: Some("new".into()) });
    log.commit(&[edit(100), edit(200)], 0).unwrap();
    log.commit(&[append(200 % ROOMS, Body::Delete { target: 200 })], 50).unwrap();
}

fn log() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    fill(&log);
    log.close().unwrap();
    (directory, path)
}

fn findings(path: &Path) -> (Checked, Vec<String>) {
    let before = std::fs::read(path).unwrap();
    let mut found = Vec::new();
    let checked = check(path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(checked.findings, found.len() as u64);
    assert!(std::fs::read(path).unwrap() == before, "the file was changed");
    (checked, found)
}

#[test]
fn a_right_log_is_right_and_its_figures_are_reported() {
    let (_directory, path) = log();
    let (checked, found) = findings(&path);
    assert_eq!(found, Vec::<String>::new());
    let Checked { floor, head, records, rooms, edits, index_rows, closed, .. } = checked;
    assert_eq!((floor, head, records, rooms, edits, closed), (50, 1_003, 954, 3, 2, true));
    assert_eq!(index_rows, 6);
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(checked.live_bytes, log.live_bytes());
    assert_eq!(checked.epoch, log.epoch());
}

#[test]
fn a_log_that_was_not_closed_is_repaired_in_memory_and_right() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    fill(&log);
    // As a crash leaves it: a copy of the file that a process still has open.
    let crashed = directory.path().join("crashed");
    std::fs::copy(&path, &crashed).unwrap();
    let (checked, found) = findings(&crashed);
    assert_eq!(found, Vec::<String>::new());
    assert!(!checked.closed && checked.records == 954, "{checked:?}");
    // The one that is still open is left alone.
    let refused = check(&path, &mut |_, _| {}, &mut |_| {});
    assert!(matches!(refused, Err(OpenError::InUse(_))), "{refused:?}");
}

#[test]
fn each_thing_that_is_broken_on_purpose_is_found() {
    type Harm = fn(&WriteTransaction);
    let harms: [(&str, &[&str], Harm); 20] = [
        ("a record is gone", &["room room-2, position 503: it says that 500 is before it"], |tx| {
            tx.open_table(LOG).unwrap().remove(500).unwrap();
        }),
        (
            "the newest is gone",
            &["room room-2, position 1002: it is the newest, and the head says 1003"],
            |tx| {
                tx.open_table(LOG).unwrap().remove(1_003).unwrap();
            },
        ),
        ("a bit of a record flips", &["position 500: the record is damaged: its checksum"], |tx| {
            let mut log = tx.open_table(LOG).unwrap();
            let mut bytes = log.get(500).unwrap().unwrap().value().to_vec();
            bytes[20] ^= 1;
            log.insert(500, bytes.as_slice()).unwrap();
        }),
        ("a record lies elsewhere", &["position 500: the record is damaged: its checksum"], |tx| {
            let mut log = tx.open_table(LOG).unwrap();
            let bytes = log.get(501).unwrap().unwrap().value().to_vec();
            log.insert(500, bytes.as_slice()).unwrap();
        }),
        (
            "the first record is gone",
            &["room room-2, position 53: the event before it in its room, 50"],
            |tx| {
                tx.open_table(LOG).unwrap().remove(50).unwrap();
            },
        ),
        ("a head is gone", &["room room-0, position 999: the room has no head"], |tx| {
            tx.open_table(HEADS).unwrap().remove("room-0").unwrap();
        }),
        (
            "a head is of nothing",
            &["room nowhere, position 60: it is the room's head and is not there"],
            |tx| {
                tx.open_table(HEADS).unwrap().insert("nowhere", (60, 1, 7)).unwrap();
            },
        ),
        ("a head counts wrongly", &["room room-0, position 999: the head counts 4 events"], |tx| {
            tx.open_table(HEADS).unwrap().insert("room-0", (999, 4, 7)).unwrap();
        }),
        ("an index row is gone", &["128 events without a row of the index"], |tx| {
            tx.open_table(INDEX).unwrap().pop_first().unwrap();
        }),
        ("an index row is of another room", &["room room-1, position 999: the index names it"], |tx| {
            tx.open_table(INDEX).unwrap().insert(("room-1", 999), ()).unwrap();
        }),
        ("an edit is not noted", &["position 1001: the edit is not noted for its message at 100"], |tx| {
            tx.open_table(EDITS).unwrap().remove((100, 1_001)).unwrap();
        }),
        (
            "a note of an edit is of none",
            &["position 300: it is noted as an edit of 90, and is none"],
            |tx| {
                tx.open_table(EDITS).unwrap().insert((90, 300), ()).unwrap();
            },
        ),
        ("a delete is noted of another", &["position 300: it is noted as what took 90 away"], |tx| {
            tx.open_table(DELETES).unwrap().insert(90, 300).unwrap();
        }),
        (
            "an edit is counted twice",
            &["position 100: 2 edits and 0 reactions are counted, and there are 1"],
            |tx| {
                let two = [2u32.to_le_bytes(), 0u32.to_le_bytes()].concat();
                tx.open_table(COUNTS).unwrap().insert(100, two.as_slice()).unwrap();
            },
        ),
        ("a key is not noted", &["position 500: its key is not noted"], |tx| {
            tx.open_table(KEYS).unwrap().remove(500).unwrap();
        }),
        ("a key is another", &["position 500: it is noted with a key that it does not have"], |tx| {
            tx.open_table(KEYS).unwrap().insert(500, (5, 7)).unwrap();
        }),
        ("a delete is of none", &["position 500: it is noted as the delete of 90, and is none"], |tx| {
            tx.open_table(DELETIONS).unwrap().insert(500, (90, 0, 1)).unwrap();
        }),
        ("keys are noted beyond the end", &["it was noted up to beyond the newest position"], |tx| {
            tx.open_table(STATE).unwrap().insert(STATE_KEYS, 2_000u64.to_le_bytes().as_slice()).unwrap();
        }),
        ("records lie below the floor", &["position 50: it lies below the floor, 51"], |tx| {
            tx.open_table(STATE).unwrap().insert(STATE_FLOOR, 51u64.to_le_bytes().as_slice()).unwrap();
        }),
        ("the bytes are miscounted", &["live bytes are noted"], |tx| {
            let both = [1_003u64.to_le_bytes(), 5u64.to_le_bytes()].concat();
            tx.open_table(STATE).unwrap().insert(STATE_LIVE, both.as_slice()).unwrap();
        }),
    ];
    for (name, expected, harm) in harms {
        let (_directory, path) = log();
        change(&path, harm);
        let (_, found) = findings(&path);
        for expected in expected {
            assert!(found.iter().any(|found| found.contains(expected)), "{name}: {found:#?}");
        }
        assert!(found.len() <= 4, "{name}: {found:#?}");
    }
}

#[test]
fn a_text_that_outlived_its_delete_is_found() {
    let (_directory, path) = log();
    let database = Database::open(&path).unwrap();
    let tx = database.begin_write().unwrap();
    {
        let mut log = tx.open_table(LOG).unwrap();
        let bytes = log.get(200).unwrap().unwrap().value().to_vec();
        let record = crate::log::record::decode(200, &bytes).unwrap();
        let mut event = (*record.event.unwrap()).clone();
        event.body = Body::Message { content: Some("still here".into()), reply_to: None };
        let mut out = Vec::new();
        let fields =
            crate::log::record::Fields { event: &event, key: record.key.as_ref(), content_hash: None };
        crate::log::record::encode(&fields, &mut out);
        log.insert(200, out.as_slice()).unwrap();
    }
    tx.commit().unwrap();
    drop(database);
    let (_, found) = findings(&path);
    let expected = "room room-2, position 200: its text was deleted at 1003 and is still there";
    assert!(found.iter().any(|found| found == expected), "{found:#?}");
}

#[test]
fn whatever_page_is_overwritten_it_is_said_and_nothing_panics() {
    const PAGE_BYTES: usize = 4_096;
    let (directory, path) = log();
    let bytes = std::fs::read(&path).unwrap();
    let harmed = directory.path().join("harmed");
    let (mut found_in, mut refused) = (0, 0);
    for page in 0..bytes.len() / PAGE_BYTES {
        let mut copy = bytes.clone();
        copy[page * PAGE_BYTES..][..PAGE_BYTES].fill(0xA5);
        std::fs::write(&harmed, &copy).unwrap();
        match check(&harmed, &mut |_, _| {}, &mut |_| {}) {
            Ok(checked) => found_in += u64::from(checked.findings > 0),
            Err(_) => refused += 1,
        }
        assert!(std::fs::read(&harmed).unwrap() == copy, "page {page}: the file was changed");
    }
    assert!(found_in > 0 && refused > 0, "{found_in} found, {refused} refused");
}

#[test]
fn each_wrong_row_of_moderation_is_found() {
    type Harm = fn(&WriteTransaction);
    let harms: [(&str, &str, Harm); 8] = [
        ("a ban has no row", "position 2: by it the ban troll stands, and there is no row of it", |tx| {
            tx.open_table(BANS).unwrap().remove("troll").unwrap();
        }),
        ("a ban that was taken back has a row", "position 3: by it the ban free stands", |tx| {
            let bytes = tx.open_table(LOG).unwrap().get(3).unwrap().unwrap().value().to_vec();
            tx.open_table(BANS).unwrap().insert("free", (3, bytes.as_slice())).unwrap();
        }),
        ("a row is of another", "position 2: the row of the ban ada does not say that it is", |tx| {
            let bytes = tx.open_table(LOG).unwrap().get(2).unwrap().unwrap().value().to_vec();
            tx.open_table(BANS).unwrap().insert("ada", (2, bytes.as_slice())).unwrap();
        }),
        ("a closed room has no row", "position 5: by it the closed room room-0 stands", |tx| {
            tx.open_table(CLOSED).unwrap().remove("room-0").unwrap();
        }),
        ("a row is damaged", "position 5: the row of the closed room room-0 does not say", |tx| {
            tx.open_table(CLOSED).unwrap().insert("room-0", (5, b"?".as_slice())).unwrap();
        }),
        ("text is left", "room room-0, position 1: its room was emptied at 6", |tx| {
            tx.open_table(PURGES).unwrap().remove(("room-0", 6)).unwrap();
        }),
        ("what is erased is not", "room room-0, position 1: its room was emptied at 6", |tx| {
            tx.open_table(PURGES).unwrap().insert(("room-0", 6), 0).unwrap();
        }),
        ("nothing empties it", "room room-0, position 5: it is noted as emptying the room", |tx| {
            tx.open_table(PURGES).unwrap().insert(("room-0", 5), 1).unwrap();
        }),
    ];
    let ban = |payload| NewRecord { payload, ..append(0, Body::Close) };
    for (name, expected, harm) in harms {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = RedbLog::open(&path).unwrap();
        let batch = [
            append(0, Body::Message { content: Some("text".into()), reply_to: None }),
            ban(Payload::Ban("troll".into())),
            ban(Payload::Ban("free".into())),
            ban(Payload::Unban("free".into())),
            append(0, Body::Close),
            append(0, Body::Purge),
        ];
        log.commit(&batch, 0).unwrap();
        log.close().unwrap();
        assert_eq!(findings(&path).1, Vec::<String>::new(), "{name}");
        change(&path, harm);
        let (_, found) = findings(&path);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{name}: {found:?}");
    }
}

#[test]
fn each_wrong_row_of_a_value_is_found() {
    type Harm = fn(&WriteTransaction);
    fn bytes(tx: &WriteTransaction, position: u64) -> Vec<u8> {
        tx.open_table(LOG).unwrap().get(position).unwrap().unwrap().value().to_vec()
    }
    fn put(tx: &WriteTransaction, key: &str, position: u64) {
        let bytes = bytes(tx, position);
        tx.open_table(VALUES).unwrap().insert(key, (position, bytes.as_slice())).unwrap();
    }
    let harms: [(&str, &str, Harm); 8] = [
        ("a value has no row", "position 2: by it the value k/x is set, and there is no row of it", |tx| {
            tx.open_table(VALUES).unwrap().remove("k/x").unwrap();
        }),
        ("a row is of an older record", "position 1: by it the value k/x is set, and the records", |tx| {
            put(tx, "k/x", 1);
        }),
        ("what was removed has a row", "position 3: by it the value k/y is set, and the records", |tx| {
            put(tx, "k/y", 3);
        }),
        ("a row is of another", "position 2: the row of the value k/z does not say", |tx| put(tx, "k/z", 2)),
        ("a row is of a removal", "position 4: the row of the value k/y does not say", |tx| {
            put(tx, "k/y", 4);
        }),
        ("a row is damaged", "position 2: the row of the value k/x does not say", |tx| {
            tx.open_table(VALUES).unwrap().insert("k/x", (2, b"?".as_slice())).unwrap();
        }),
        ("a secret is left", "position 5: its text was replaced at 6", |tx| {
            let mut text = Vec::new();
            let value = *record::decode(5, &bytes(tx, 5)).unwrap().value.unwrap();
            let value = record::ValueRecord { text: Some("a secret".into()), ..value };
            record::encode_value(5, crate::event::Timestamp(7), &value, &mut text);
            tx.open_table(LOG).unwrap().insert(5, text.as_slice()).unwrap();
        }),
        ("the format was put back", "position 1: it is about a value, and the log says", |tx| {
            tx.open_table(STATE).unwrap().insert(STATE_FORMAT, [1].as_slice()).unwrap();
        }),
    ];
    let set = |key: &str, text: &str| {
        let payload = Payload::SetValue { key: key.into(), text: text.into(), until: None };
        NewRecord { payload, ..append(0, Body::Close) }
    };
    for (name, expected, harm) in harms {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = RedbLog::open(&path).unwrap();
        let remove = NewRecord { payload: Payload::RemoveValue("k/y".into()), ..append(0, Body::Close) };
        let (one, two) = (set("k/x", "one"), set("k/x", "two"));
        let secret = [set(".k/x", "a secret"), set(".k/x", "another")];
        log.commit(&[&[one, two, set("k/y", "one"), remove], &secret[..]].concat(), 0).unwrap();
        log.close().unwrap();
        let (checked, found) = findings(&path);
        assert_eq!((checked.values, found), (2, Vec::<String>::new()), "{name}");
        change(&path, harm);
        let (_, found) = findings(&path);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{name}: {found:?}");
    }
}
