use ::redb::ReadableTableMetadata as _;

use super::*;
use crate::event::{Author, AuthorKind, Body, RoomName, Timestamp};
use crate::log::contract::{Log as _, Lookups as _, NewRecord};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tables::present;
use crate::log::redb::tests::change;

fn append(id: &str, body: Body) -> NewRecord {
    let author = Author { id: id.into(), name: "A".into(), kind: AuthorKind::Guest };
    NewRecord::event(RoomName::new("lobby").unwrap(), Some(author), Timestamp(7), body)
}

fn message() -> NewRecord {
    append("ada", Body::Message { content: Some("x".into()), reply_to: None })
}

fn edit(target: Position) -> NewRecord {
    append("ada", Body::Edit { target, content: Some("y".into()) })
}

fn react(id: &str, target: Position, reaction: Reaction, on: bool) -> NewRecord {
    append(id, Body::Reaction { target, reaction, on, count: 1 })
}

/// The position 1 has two edits, two hearts and a tear; 2 has an edit.
fn fill(log: &RedbLog) {
    log.commit(&[message(), message(), edit(1), edit(1), edit(2)], 0).unwrap();
    let reactions = [
        react("ada", 1, Reaction::Heart, true),
        react("bob", 1, Reaction::Heart, true),
        react("ada", 1, Reaction::Tears, true),
        react("bob", 1, Reaction::Joy, true),
        react("bob", 1, Reaction::Joy, false),
        // Again, though nothing is there.
        react("bob", 1, Reaction::Joy, false),
    ];
    log.commit(&reactions, 0).unwrap();
}

fn shown(log: &RedbLog, target: Position) -> (usize, usize, usize, usize) {
    let counts = log.counts(target).unwrap();
    (counts.edits, counts.of(Reaction::Heart), counts.of(Reaction::Tears), counts.all_reactions())
}

fn rows(log: &RedbLog) -> u64 {
    let tx = log.begin_read().unwrap();
    present(tx.open_table(COUNTS)).unwrap().map_or(0, |table| table.len().unwrap())
}

#[test]
fn edits_and_reactions_are_counted_and_a_row_goes_with_the_text() {
    let log = RedbLog::in_memory().unwrap();
    fill(&log);
    assert_eq!((shown(&log, 1), shown(&log, 2), shown(&log, 3)), ((2, 2, 1, 3), (1, 0, 0, 0), (0, 0, 0, 0)));
    assert_eq!(rows(&log), 2);
    log.commit(&[append("ada", Body::Delete { target: 1 })], 0).unwrap();
    assert_eq!(rows(&log), 1, "a delete takes the row");
    log.commit(&[append("ada", Body::Purge)], 0).unwrap();
    while log.moderation().counts().is_erasing() {
        log.commit(&[], 0).unwrap();
    }
    assert_eq!(rows(&log), 0, "the erasing takes it");
    let log = RedbLog::in_memory().unwrap();
    fill(&log);
    log.commit(&[], log.head() + 1).unwrap();
    assert_eq!(rows(&log), 0, "a trim takes it");
}

#[test]
fn a_log_of_a_release_before_counts_them_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    fill(&log);
    log.close().unwrap();
    change(&path, |tx| assert!(tx.delete_table(COUNTS).unwrap()));
    let log = RedbLog::open(&path).unwrap();
    assert_eq!((shown(&log, 1), rows(&log)), ((2, 2, 1, 3), 0));
    log.commit(&[edit(1), react("cleo", 1, Reaction::Heart, true)], 0).unwrap();
    assert_eq!((shown(&log, 1), rows(&log)), ((3, 3, 1, 4), 1));
    log.close().unwrap();
    let mut found = Vec::new();
    crate::log::check(&path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(found, Vec::<String>::new());
}
