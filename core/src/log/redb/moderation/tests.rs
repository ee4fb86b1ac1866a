use super::*;
use crate::event::{Author, AuthorKind, Timestamp};
use crate::log::contract::{Log, Lookups as _, NewRecord, Payload};
use crate::log::moderation::ModerationCounts;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tables::STATE;
use crate::log::redb::tests::change;
use ::redb::{Database, ReadableDatabase as _};
use std::path::PathBuf;
use tempfile::TempDir;

fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

fn append(to: &str, body: Body) -> NewRecord {
    let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
    NewRecord::event(room(to), Some(ada), Timestamp(7), body)
}

fn message(to: &str) -> NewRecord {
    let append = append(to, Body::Message { content: Some("secret".into()), reply_to: None });
    NewRecord { key: Some([1; 16]), content_hash: Some([2; 16]), ..append }
}

fn ban(author_id: &str) -> NewRecord {
    NewRecord { payload: Payload::Ban(author_id.into()), ..message("any") }
}

fn new() -> (TempDir, PathBuf, RedbLog) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    (directory, path, log)
}

/// Closed rooms, bans and purges.
fn counts(log: &dyn Log) -> (usize, usize, usize) {
    let ModerationCounts { closed_rooms, bans, purges, .. } = log.moderation().counts();
    (closed_rooms, bans, purges)
}

/// Counts the records that hold text: as stored, and as served.
fn texts(log: &RedbLog) -> (usize, usize) {
    let tx = log.begin_read().unwrap();
    let rows = tx.open_table(LOG).unwrap();
    let has_text = |record: Record| {
        record.content_hash.is_some() || record.event.is_some_and(|event| event.body.has_content())
    };
    let lie = rows.iter().unwrap().filter(|row| {
        let (position, bytes) = row.as_ref().unwrap();
        has_text(record::decode(position.value(), bytes.value()).unwrap())
    });
    let served = (1..=log.head()).filter(|position| log.record(*position).unwrap().is_some_and(has_text));
    (lie.count(), served.count())
}

#[test]
fn a_purge_goes_on_after_a_restart_and_stops_at_the_one_before() {
    let (_directory, path, log) = new();
    for _ in 0..2 {
        log.commit(&vec![message("lobby"); 600], 0).unwrap();
        log.commit(&[message("other"), append("lobby", Body::Purge)], 0).unwrap();
    }
    // The two commits after the first one have taken steps of it along.
    assert_eq!(texts(&log), (1_202 - 512, 2));
    let log = {
        log.close().unwrap();
        RedbLog::open(&path).unwrap()
    };
    assert_eq!((texts(&log), counts(&log)), ((1_202 - 512, 2), (0, 0, 2)));
    let mut steps = 0;
    while log.moderation().counts().purges > 0 {
        log.commit(&[], 0).unwrap();
        steps += 1;
        assert_eq!(texts(&log).1, 2);
    }
    // One more of the first, and three of the second: it does not walk through what the first has seen to.
    assert_eq!((texts(&log), steps), ((2, 2), 1 + 3));
    let Record { event, key, .. } = log.record(5).unwrap().unwrap();
    assert!(event.unwrap().prev == 4 && key.is_some(), "all but the text is still there");
}

#[test]
fn what_a_trim_takes_need_not_be_erased() {
    let (_directory, _, log) = new();
    log.commit(&vec![message("lobby"); 1_000], 0).unwrap();
    log.commit(&[append("lobby", Body::Purge)], 0).unwrap();
    log.commit(&[], 900).unwrap();
    assert_eq!((counts(&log), texts(&log)), ((0, 0, 0), (0, 0)));
    // A room that had nothing has nothing to be erased.
    log.commit(&[append("new", Body::Purge)], 0).unwrap();
    assert_eq!(counts(&log), (0, 0, 0));
}

#[test]
fn a_damaged_record_hides_no_text_from_a_purge() {
    let (_directory, path, log) = new();
    log.commit(&[message("lobby"), message("other"), message("lobby"), message("other")], 0).unwrap();
    log.commit(&[append("lobby", Body::Purge)], 0).unwrap();
    log.close().unwrap();
    change(&path, |tx| drop(tx.open_table(LOG).unwrap().insert(3, b"damage".as_slice()).unwrap()));
    let log = RedbLog::open(&path).unwrap();
    log.commit(&[], 0).unwrap();
    assert_eq!(counts(&log), (0, 0, 0));
    assert!(!log.record(1).unwrap().unwrap().event.unwrap().body.has_content());
    assert!(log.record(2).unwrap().unwrap().event.unwrap().body.has_content());
}

#[test]
fn a_log_of_a_release_before_moderation_opens_and_takes_it() {
    let (_directory, path, log) = new();
    log.commit(&[message("lobby")], 0).unwrap();
    let epoch = log.epoch();
    log.close().unwrap();
    // Until there is something to be held in them there are no tables of it, as in an older log.
    let database = Database::open(&path).unwrap();
    let tx = database.begin_read().unwrap();
    for table in [CLOSED, BANS] {
        assert!(present(tx.open_table(table)).unwrap().is_none());
    }
    assert!(present(tx.open_table(PURGES)).unwrap().is_none());
    drop((tx, database));
    let before = std::fs::read(&path).unwrap();
    let mut findings = Vec::new();
    crate::log::check(&path, &mut |_, _| {}, &mut |finding| findings.push(finding)).unwrap();
    assert_eq!(findings, []);
    let looked_at = crate::log::open_stopped(&path).unwrap();
    assert!(looked_at.moderation().bans().is_empty() && looked_at.head() == 1);
    drop(looked_at);
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");

    let log = RedbLog::open(&path).unwrap();
    assert_eq!((log.epoch(), log.head()), (epoch, 1));
    log.commit(&[append("lobby", Body::Close), ban("troll"), append("lobby", Body::Purge)], 0).unwrap();
    log.close().unwrap();
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(counts(&log), (1, 1, 1));
}

#[test]
fn a_row_that_does_not_read_back_is_reported_at_the_start() {
    let (_directory, path, log) = new();
    log.commit(&[ban("troll")], 0).unwrap();
    log.close().unwrap();
    change(&path, |tx| {
        drop(tx.open_table(BANS).unwrap().insert("troll", (1, b"damage".as_slice())).unwrap());
        assert!(tx.open_table(STATE).unwrap().get("epoch").unwrap().is_some());
    });
    let error = RedbLog::open(&path).err().unwrap().to_string();
    assert!(error.contains("damaged") && error.contains("restore it from a backup"), "{error}");
}

#[test]
fn the_worst_case_of_a_commit_counts_moderation() {
    let (_directory, _, log) = new();
    let plain =
        log.bytes_max(&[append("lobby", Body::Message { content: None, reply_to: None })], false).unwrap();
    for more in [append("lobby", Body::Close), append("lobby", Body::Purge), ban("troll")] {
        assert!(log.bytes_max(&[more], false).unwrap() >= plain + 4 * 4096);
    }
}
