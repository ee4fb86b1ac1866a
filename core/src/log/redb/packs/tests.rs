use std::path::Path;

use ::redb::{ReadableTable as _, WriteTransaction};

use super::build::prepare;
use super::queue::Next;
use super::table::{PACKED, PACKS};
use crate::event::{Body, Position, RoomName, Timestamp};
use crate::log::contract::{Found, Log as _, NewRecord};
use crate::log::redb::check::check;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tables::{STATE, STATE_PACKS};
use crate::log::redb::tests::change;
use crate::testing::index;

fn room() -> RoomName {
    RoomName::new("lobby").unwrap()
}

fn record(body: Body) -> NewRecord {
    NewRecord::event(room(), None, Timestamp(1), body)
}

fn fill(log: &RedbLog, count: usize) {
    let text = |n| format!("word{n} common").as_str().into();
    let posts = (0..count).map(|n| record(Body::Message { content: Some(text(n)), reply_to: None }));
    log.commit(&posts.collect::<Vec<_>>(), 0).unwrap();
}

/// The pieces that have packs.
fn packed(log: &RedbLog) -> Vec<(Position, Position)> {
    let tx = log.begin_read().unwrap();
    let Ok(packed) = tx.open_table(PACKED) else { return Vec::new() };
    let rows = packed.iter().unwrap().map(|row| row.unwrap());
    rows.map(|(key, from)| (from.value(), key.value().1)).collect()
}

fn findings(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    check(path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    found
}

#[test]
fn a_pack_prepared_from_a_text_that_changed_meanwhile_is_dropped() {
    let edit = || record(Body::Edit { target: 5, content: Some("other".into()) });
    // The edit comes after the preparation, and before the commit that would take the pack along.
    let log = RedbLog::in_memory().unwrap();
    fill(&log, 128);
    while !log.packing.has_prepared() {
        assert!(log.prepare_index().unwrap());
    }
    log.commit(&[edit()], 0).unwrap();
    assert_eq!(packed(&log), []);
    index(&log);
    assert_eq!(packed(&log), [(0, 128)]);

    // The edit comes while the pack is being prepared: the read began before it.
    let log = RedbLog::in_memory().unwrap();
    fill(&log, 128);
    let Next::Piece(room, to) = log.packing.begin() else { panic!("the piece was noted") };
    let (mask, tx) = log.begin_redacted().unwrap();
    log.commit(&[edit()], 0).unwrap();
    let prepared = prepare(&tx, &mask, 1, &room, to).unwrap();
    assert!(prepared.is_some());
    log.packing.end(prepared);
    log.commit(&[], 0).unwrap();
    assert_eq!(packed(&log), []);
    index(&log);
    assert_eq!(packed(&log), [(0, 128)]);
    let terms = |text: &str| {
        let mut hashes = Vec::new();
        crate::search::for_each_hash(text, |hash| hashes.push(hash));
        log.find(&room, 129, &hashes, 1).unwrap()
    };
    assert_eq!(terms("other"), Found::Indexed { messages: vec![5], next: 1, packs: 1 });
    assert_eq!(terms("word4"), Found::Indexed { messages: vec![], next: 1, packs: 1 });
}

fn upto(tx: &WriteTransaction, upto: Position) {
    let mut state = tx.open_table(STATE).unwrap();
    let mut row = state.get(STATE_PACKS).unwrap().unwrap().value().to_vec();
    row[..8].copy_from_slice(&upto.to_le_bytes());
    state.insert(STATE_PACKS, row.as_slice()).unwrap();
}

#[test]
fn packs_that_a_release_before_search_left_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    fill(&log, 300);
    index(&log);
    assert_eq!(packed(&log).len(), 2);
    log.close().unwrap();
    drop(log);
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(packed(&log).len(), 2, "they stay over a restart");
    log.commit(&[record(Body::Edit { target: 290, content: Some("x".into()) })], 0).unwrap();
    log.close().unwrap();
    drop(log);
    // As if the edit had been written by a release that does not know the packs.
    change(&path, |tx| upto(tx, 300));
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(packed(&log), []);
    index(&log);
    assert_eq!(packed(&log).len(), 2);
    log.close().unwrap();
    drop(log);
    assert_eq!(findings(&path), Vec::<String>::new());
    // As if its words had been split by another rule.
    change(&path, |tx| {
        let mut state = tx.open_table(STATE).unwrap();
        state.insert(STATE_PACKS, [0xff; 16].as_slice()).unwrap();
    });
    assert_eq!(packed(&RedbLog::open(&path).unwrap()), []);
}

#[test]
fn a_check_finds_packs_that_do_not_fit_the_texts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    fill(&log, 300);
    index(&log);
    log.close().unwrap();
    drop(log);
    assert_eq!(findings(&path), Vec::<String>::new());
    change(&path, |tx| {
        let mut packs = tx.open_table(PACKS).unwrap();
        let mut pack = packs.get(("lobby", 128)).unwrap().unwrap().value().to_vec();
        *pack.last_mut().unwrap() ^= 1;
        packs.insert(("lobby", 128), pack.as_slice()).unwrap();
        packs.insert(("lobby", 127), pack.as_slice()).unwrap();
        packs.remove(("lobby", 256)).unwrap();
    });
    let found = findings(&path).join("\n");
    for what in ["128: the pack of the search index up to here", "127: a pack", "256: a pack"] {
        assert!(found.contains(what), "{what} in {found}");
    }
}
