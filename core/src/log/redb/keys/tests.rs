use std::path::Path;

use super::*;
use crate::event::{Body, RoomName};
use crate::log::contract::{Log as _, NewRecord};
use crate::log::redb::tests::change;

fn record(key: Option<u8>, at: u64) -> NewRecord {
    let body = Body::Message { content: Some("x".into()), reply_to: None };
    let record = NewRecord::event(RoomName::new("r").unwrap(), None, Timestamp(at), body);
    NewRecord { key: key.map(|key| [key; 16]), ..record }
}

fn keys(log: &RedbLog, oldest: u64) -> Vec<(Position, u8)> {
    log.keys(Timestamp(oldest)).unwrap().iter().map(|key| (key.position, key.key[0])).collect()
}

fn rows(log: &RedbLog) -> Vec<Position> {
    let tx = log.begin_read().unwrap();
    let Some(table) = present(tx.open_table(KEYS)).unwrap() else { return Vec::new() };
    table.iter().unwrap().map(|row| row.unwrap().0.value()).collect()
}

fn closed(path: &Path, batch: &[NewRecord]) {
    let log = RedbLog::open(path).unwrap();
    log.commit(batch, 0).unwrap();
    log.close().unwrap();
}

#[test]
fn a_checkpoint_holds_the_keys_and_memory_those_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    closed(&path, &[record(Some(1), 1), record(None, 2), record(Some(3), 3)]);
    let log = RedbLog::open(&path).unwrap();
    log.commit(&[record(Some(4), 4)], 0).unwrap();
    assert_eq!(rows(&log), [1, 3]);
    assert_eq!(keys(&log, 0), [(1, 1), (3, 3), (4, 4)]);
    assert_eq!(keys(&log, 3), [(3, 3), (4, 4)]);
    // As a crash leaves it: no checkpoint is made.
    let crashed = log.database.write().take();
    drop((crashed, log));
    assert_eq!(keys(&RedbLog::open(&path).unwrap(), 0), [(1, 1), (3, 3), (4, 4)]);
}

#[test]
fn the_keys_of_a_log_of_a_release_before_are_looked_for_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let old: Vec<_> = (0..1_000u64).map(|n| record((n % 100 == 0).then_some((n / 100) as u8), n)).collect();
    closed(&path, &old);
    change(&path, |tx| {
        assert!(tx.delete_table(KEYS).unwrap());
        tx.open_table(STATE).unwrap().remove(STATE_KEYS).unwrap();
    });
    // A checkpoint before anybody asks does not make the rows seem complete.
    closed(&path, &[record(Some(77), 1_001)]);
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(rows(&log), [1_001]);
    let all: Vec<_> = (0..10).map(|n| (n * 100 + 1, n as u8)).chain([(1_001, 77)]).collect();
    assert_eq!(keys(&log, 0), all);
    assert_eq!(keys(&log, 500), all[5..], "and again, from what was found");
    log.close().unwrap();
    let log = RedbLog::open(&path).unwrap();
    assert!(matches!(*log.missing_keys.lock(), MissingKeys::None));
    assert_eq!(keys(&log, 0), all);
    log.close().unwrap();
    let mut found = Vec::new();
    crate::log::check(&path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_damaged_record_of_an_old_log_hides_only_its_own_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    closed(&path, &[record(Some(1), 1), record(Some(2), 2), record(Some(3), 3)]);
    change(&path, |tx| {
        tx.delete_table(KEYS).unwrap();
        tx.open_table(STATE).unwrap().remove(STATE_KEYS).unwrap();
        tx.open_table(LOG).unwrap().insert(2, b"damaged".as_slice()).unwrap();
    });
    assert_eq!(keys(&RedbLog::open(&path).unwrap(), 0), [(1, 1), (3, 3)]);
}

#[test]
fn rows_go_when_they_are_too_old_or_below_the_floor() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let day_ms = KEY_AGE_MAX.as_millis() as u64;
    closed(&path, &[record(Some(1), 1_000), record(Some(2), 2_000), record(Some(3), 2_500)]);
    closed(&path, &[record(Some(4), 2_000 + day_ms)]);
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(rows(&log), [2, 3, 4]);
    log.commit(&[record(Some(5), 2_000 + day_ms)], 4).unwrap();
    log.close().unwrap();
    assert_eq!(rows(&RedbLog::open(&path).unwrap()), [4, 5]);
}

#[test]
fn one_checkpoint_removes_more_rows_than_one_can_add() {
    const { assert!(EXPIRE_KEYS_MAX > CHECKPOINT_EVENTS + crate::limits::BATCH_EVENTS_MAX + FOUND_KEYS_MAX) };
}
