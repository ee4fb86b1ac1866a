use std::path::Path;

use ::redb::{Database, TableDefinition, WriteTransaction};

use crate::event::{Author, AuthorKind, Body, Position, RoomName, Timestamp};
use crate::log::contract::{ChainPoint, Log as _, NewRecord};
use crate::log::derived::{CHECKPOINT_EVENTS, INDEX_EVERY};
use crate::log::error::OpenError;
use crate::log::price;
use crate::log::record::DECODED;
use crate::log::redb::disk::PAGE_BYTES;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::state::MEMBER_FORMAT;
use crate::log::redb::tables::{INDEX, STATE, STATE_FORMAT};

fn room(n: u64) -> RoomName {
    RoomName::new(&format!("room-{n}")).unwrap()
}

/// An event by Ada, with hashes, to one of the rooms.
pub(super) fn append(to: u64, body: Body) -> NewRecord {
    let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
    let append = NewRecord::event(room(to), Some(ada), Timestamp(7), body);
    NewRecord { key: Some([1; 16]), content_hash: Some([2; 16]), ..append }
}

/// Does something to a stopped log's tables.
pub(super) fn change(path: &Path, work: impl FnOnce(&WriteTransaction)) {
    let database = Database::open(path).unwrap();
    let tx = database.begin_write().unwrap();
    work(&tx);
    tx.commit().unwrap();
}

fn fill(log: &RedbLog, events: u64, rooms: u64) {
    let appends: Vec<NewRecord> = (0..events)
        .map(|n| {
            NewRecord::event(
                room(n % rooms),
                None,
                Timestamp(1),
                Body::Message { content: Some("x".into()), reply_to: None },
            )
        })
        .collect();
    for batch in appends.chunks(1_000) {
        log.commit(batch, 0).unwrap();
    }
}

fn index_rows(log: &RedbLog) -> Vec<(String, Position)> {
    let tx = log.begin_read().unwrap();
    let index = tx.open_table(INDEX).unwrap();
    let rows = index.range::<(&str, u64)>(..).unwrap().map(|row| row.unwrap().0);
    rows.map(|key| (key.value().0.to_owned(), key.value().1)).collect()
}

#[test]
fn a_room_has_an_index_row_for_every_128_of_its_events() {
    let log = RedbLog::in_memory().unwrap();
    fill(&log, 40_000, 2);
    let written = index_rows(&log).len() as u64;
    let derived = log.derived.read();
    let both = written + derived.index().count() as u64;
    assert_eq!(both, 2 * (20_000 / INDEX_EVERY));
    assert!(derived.events() < CHECKPOINT_EVENTS, "and it is not all in memory");
    assert!(index_rows(&log).contains(&("room-0".into(), 2 * INDEX_EVERY - 1)));
}

#[test]
fn a_trim_takes_the_index_rows_of_what_goes_and_no_others() {
    let log = RedbLog::in_memory().unwrap();
    fill(&log, 20_000, 3);
    let before = index_rows(&log);
    log.commit(&[], 5_000).unwrap();
    let kept: Vec<_> = before.iter().filter(|(_, position)| *position >= 5_000).cloned().collect();
    assert!(!kept.is_empty() && kept.len() < before.len(), "{} of {}", kept.len(), before.len());
    assert_eq!(index_rows(&log), kept);
}

#[test]
fn a_start_rebuilds_what_no_checkpoint_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    fill(&log, 20_000, 3);
    // As a crash leaves it: the database is dropped, the checkpoint of a close is not made.
    let database = log.database.write().take();
    drop(database);
    let before = std::mem::take(&mut *log.derived.write());
    let log = RedbLog::open(&path).unwrap();
    let after = log.derived.read();
    assert_eq!((log.head(), after.events()), (20_000, before.events()));
    assert!(after.heads().count() == 3 && after.heads().all(|(room, head)| before.head(room) == Some(*head)));
    assert!(after.index().eq(before.index()));
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "dear diary").unwrap();
    let error = RedbLog::open(&path).err().unwrap().to_string();
    assert!(error.contains("notes.txt") && error.contains("not a Millchat log"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"dear diary");
    // A redb file of another program.
    let path = directory.path().join("other.redb");
    let other = Database::create(&path).unwrap();
    let tx = other.begin_write().unwrap();
    tx.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap();
    tx.commit().unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(RedbLog::open(&path), Err(OpenError::NotALog(_))));
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
}

#[test]
fn a_log_of_a_newer_release_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    drop(RedbLog::open(&path).unwrap());
    change(&path, |tx| {
        tx.open_table(STATE).unwrap().insert(STATE_FORMAT, [MEMBER_FORMAT + 1].as_slice()).unwrap();
    });
    let before = std::fs::read(&path).unwrap();
    let error = RedbLog::open(&path).err().unwrap().to_string();
    assert!(error.contains("newer release") && error.contains("log"), "{error}");
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
}

#[test]
fn what_is_refused_is_left_as_it_is_also_when_it_was_not_closed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, killed) = (directory.path().join("log"), directory.path().join("killed"));
    drop(RedbLog::open(&path).unwrap());
    let database = Database::open(&path).unwrap();
    let tx = database.begin_write().unwrap();
    tx.open_table(STATE).unwrap().insert(STATE_FORMAT, [MEMBER_FORMAT + 1].as_slice()).unwrap();
    tx.commit().unwrap();
    // As `kill -9` would leave it.
    std::fs::copy(&path, &killed).unwrap();
    drop(database);
    let before = std::fs::read(&killed).unwrap();
    let error = RedbLog::open(&killed).err().unwrap().to_string();
    assert!(error.contains("newer release"), "{error}");
    assert!(std::fs::read(&killed).unwrap() == before, "the file was changed");
}

#[test]
fn deletes_of_much_edited_messages_demand_little_free_space() {
    const TARGETS: u64 = 100;
    let log = RedbLog::in_memory().unwrap();
    fill(&log, TARGETS, 1);
    for target in 1..=TARGETS {
        log.commit(&vec![append(0, Body::Edit { target, content: Some("y".into()) }); 1_000], 0).unwrap();
    }
    let deletes: Vec<_> = (1..=TARGETS).map(|target| append(0, Body::Delete { target })).collect();
    let needed = log.bytes_max(&deletes, false).unwrap();
    assert!(needed < 10 * 1024 * 1024, "{needed} bytes");
}

#[test]
fn a_full_batch_demands_at_most_64_mib_beside_its_records() {
    const { assert!(price::BATCH_PRICE_MAX * price::UNIT_PAGES * PAGE_BYTES as usize <= 64 * 1024 * 1024) };
}

/// Returns the records that a piece of work decodes, and their bytes.
fn decoded(work: impl FnOnce()) -> (usize, usize) {
    let before = DECODED.get();
    work();
    (DECODED.get().0 - before.0, DECODED.get().1 - before.1)
}

#[test]
fn a_read_decodes_what_it_returns_and_little_more() {
    const MESSAGES: u64 = 128;
    const BYTES: usize = 60_000;
    let log = RedbLog::in_memory().unwrap();
    let body = Body::Message { content: Some("x".repeat(BYTES).into()), reply_to: None };
    let large: Vec<_> = (0..MESSAGES).map(|_| append(1, body.clone())).collect();
    log.commit(&large, 0).unwrap();
    let (mut at, payload) = (0, MESSAGES as usize * BYTES);
    let (_, forward) = decoded(|| {
        while at < MESSAGES {
            at = log.read_after(&room(1), at).unwrap().events.last().unwrap().position;
        }
    });
    assert!(forward <= 4 * payload, "{forward} bytes for {payload}");
    let (records, _) = decoded(|| {
        let chain = log.read_before(&room(1), 3, 9).unwrap();
        assert_eq!(chain.events.len(), 2);
    });
    assert!(records <= 4, "{records} records for 2");
}

#[test]
fn a_place_is_found_without_the_events() {
    let log = RedbLog::in_memory().unwrap();
    fill(&log, 3_000, 2);
    let floor = log.floor();
    let places = decoded(|| {
        // Events of room 0 stand at the odd positions.
        let last = |count| log.point_before_last(&room(0), count).unwrap();
        assert_eq!(last(0), ChainPoint { prev: None, head: 2_999, floor });
        assert_eq!(last(1), ChainPoint { prev: Some(2_997), head: 2_999, floor });
        assert_eq!(last(1_000), ChainPoint { prev: Some(999), head: 2_999, floor });
        assert_eq!(last(1_500), ChainPoint { prev: Some(0), head: 2_999, floor });
        assert_eq!(last(9_999), ChainPoint { prev: Some(0), head: 2_999, floor });
        assert_eq!(log.point_before_last(&room(7), 5).unwrap(), ChainPoint { prev: None, head: 0, floor });
    });
    assert_eq!(places.0, 0);
    let places = decoded(|| {
        let after = |position| log.point_after(&room(0), position).unwrap();
        assert_eq!(after(0), ChainPoint { prev: Some(0), head: 2_999, floor });
        assert_eq!(after(500), ChainPoint { prev: Some(499), head: 2_999, floor }, "of the other room");
        assert_eq!(after(2_999), ChainPoint { prev: None, head: 2_999, floor });
    });
    assert_eq!(places.0, 2, "one for each that follows");
    log.commit(&[], 1_000).unwrap();
    assert_eq!(log.point_before_last(&room(0), 9_999).unwrap().prev, Some(999), "the newest that is gone");
    assert_eq!(log.point_after(&room(0), 500).unwrap().prev, Some(999));
}
