use super::*;
use crate::event::Body;
use crate::event::{Author, AuthorKind};
use crate::log::contract::{Log as _, NewRecord, Payload};
use crate::log::record::{RECORD_VERSION, RECORD_VERSION_MIN};
use crate::log::redb::disk::PAGE_BYTES;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::state::State;
use crate::log::redb::tests::{append, change};
use std::path::PathBuf;
use tempfile::TempDir;

fn set(key: &str, text: &str, until: Option<u64>) -> NewRecord {
    let (key, text, until) = (key.into(), text.into(), until.map(Timestamp));
    let by = Author { id: "mod".into(), name: "Mod".into(), kind: AuthorKind::User };
    NewRecord {
        payload: Payload::SetValue { key, text, until },
        author: Some(by),
        created_at: Timestamp(7),
        key: None,
        content_hash: None,
    }
}

fn remove(key: &str) -> NewRecord {
    NewRecord { payload: Payload::RemoveValue(key.into()), ..set(key, "", None) }
}

fn post() -> NewRecord {
    append(0, Body::Message { content: Some("x".into()), reply_to: None })
}

fn new() -> (TempDir, PathBuf, RedbLog) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    (directory, path, log)
}

fn format(log: &RedbLog) -> u8 {
    State::read(&log.begin_read().unwrap()).unwrap().format
}

/// The texts of the values by key, in the table.
fn rows(log: &RedbLog) -> Vec<(String, Position)> {
    let tx = log.begin_read().unwrap();
    let Some(table) = present(tx.open_table(VALUES)).unwrap() else { return Vec::new() };
    let rows = table.iter().unwrap().map(|row| row.unwrap());
    rows.map(|(key, row)| (key.value().to_owned(), row.value().0)).collect()
}

#[test]
fn the_first_value_raises_the_format_in_its_own_commit_and_for_good() {
    let (_directory, path, log) = new();
    log.commit(&[post()], 0).unwrap();
    assert_eq!(format(&log), RECORD_VERSION_MIN, "an older release opens what it knows");
    log.commit(&[set("k/x", "x", None)], 0).unwrap();
    assert_eq!(format(&log), RECORD_VERSION);
    log.commit(&[remove("k/x"), post()], 5).unwrap();
    log.close().unwrap();
    let log = RedbLog::open(&path).unwrap();
    assert_eq!((format(&log), rows(&log).len()), (RECORD_VERSION, 0));
}

#[test]
fn the_last_of_a_batch_stands() {
    let (_directory, path, log) = new();
    let batch =
        [set("k/x", "1", None), remove("k/x"), set("k/x", "2", None), set("k/y", "3", None), remove("k/y")];
    log.commit(&batch, 0).unwrap();
    assert_eq!((log.values().version(), rows(&log)), (5, vec![("k/x".to_owned(), 3)]));
    log.close().unwrap();
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(&*log.values().get("k/x", || Timestamp(0)).unwrap().text, "2");
    assert_eq!((log.values().counts().0, log.values().version()), (1, 3));
}

#[test]
fn expired_rows_go_in_bounded_steps_and_only_when_they_may() {
    let (_directory, path, log) = new();
    let most = EXPIRE_VALUES_MAX as u64;
    let batch: Vec<_> = (1..=2 * most + 5).map(|n| set(&format!("k/{n:03}"), "x", Some(n))).collect();
    log.commit(&batch, 0).unwrap();
    log.commit(&[], 0).unwrap();
    assert_eq!(rows(&log).len(), batch.len());
    log.values().let_expire(Timestamp(2 * most));
    for (left, expired) in [(most + 5, most), (5, 2 * most), (5, 2 * most)] {
        log.commit(&[], 0).unwrap();
        assert_eq!((rows(&log).len() as u64, log.values().counts().0 as u64), (left, left));
        assert_eq!(State::read(&log.begin_read().unwrap()).unwrap().expired, Timestamp(expired));
    }
    log.close().unwrap();
    // What was taken out is no fault, though its record is there.
    let mut found = Vec::new();
    crate::log::check(&path, &mut |_, _| {}, &mut |finding| found.push(finding)).unwrap();
    assert_eq!(found, []);
}

#[test]
fn a_value_that_is_set_again_as_it_expires_stays() {
    let (_directory, _, log) = new();
    log.commit(&[set(".k/x", "old", Some(1)), set(".k/y", "old", Some(1))], 0).unwrap();
    log.values().let_expire(Timestamp(1));
    log.commit(&[set(".k/x", "new", None), remove(".k/y")], 0).unwrap();
    assert_eq!((rows(&log), log.values().counts().0), (vec![(".k/x".to_owned(), 3)], 1));
    assert_eq!(log.values().version(), 4);
    let texts = log.scan(0).unwrap().into_iter().map(|record| record.value.unwrap().text);
    assert_eq!(texts.collect::<Vec<_>>(), [None, None, Some("new".into()), None]);
}

#[test]
fn the_worst_case_of_a_commit_counts_values() {
    let batch = [set("k/x", &"x".repeat(4_000), None)];
    let log = RedbLog::in_memory().unwrap();
    let needed = log.bytes_max(&batch, false).unwrap();
    assert!(needed >= 2 * 4_000 + 4 * PAGE_BYTES, "{needed}");
}

#[test]
fn a_row_that_does_not_read_back_is_reported_at_the_start() {
    let (_directory, path, log) = new();
    log.commit(&[set("k/x", "x", None), remove("k/y")], 0).unwrap();
    let removal = log.scan_raw(2).unwrap().remove(0).bytes;
    log.close().unwrap();
    for (position, bytes) in [(1, b"damage".to_vec()), (2, removal)] {
        change(&path, |tx| {
            drop(tx.open_table(VALUES).unwrap().insert("k/x", (position, bytes.as_slice())).unwrap());
        });
        let error = RedbLog::open(&path).err().unwrap().to_string();
        assert!(error.contains("damaged") && error.contains("restore it from a backup"), "{error}");
    }
}

#[test]
fn the_account_of_bytes_counts_what_is_erased() {
    let (_directory, path, log) = new();
    log.commit(&[set(".k/x", "a secret", None)], 0).unwrap();
    log.commit(&[set(".k/x", "another", Some(1))], 0).unwrap();
    log.values().let_expire(Timestamp(1));
    log.commit(&[post()], 0).unwrap();
    let bytes = || log.scan(0).unwrap().iter().map(|record| record.bytes).sum::<u64>();
    assert_eq!((log.live_bytes(), rows(&log).len()), (bytes(), 0));
    let killed = path.with_extension("killed");
    std::fs::copy(&path, &killed).unwrap();
    assert_eq!(RedbLog::open(&killed).unwrap().live_bytes(), bytes());
}
