use ::redb::Table;

use super::*;
use crate::event::{AuthorKind, RoomName, Timestamp};
use crate::log::contract::{Log, Lookups as _, NewRecord, Payload};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tables::LOG;
use crate::log::redb::tests::change;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn append(id: &str, body: Body) -> NewRecord {
    let author = Author { id: id.into(), name: id.to_uppercase().into(), kind: AuthorKind::User };
    NewRecord::event(RoomName::new("lobby").unwrap(), Some(author), Timestamp(7), body)
}

fn message() -> NewRecord {
    append("ada", Body::Message { content: Some("x".into()), reply_to: None })
}

fn react(id: &str, target: Position, on: bool) -> NewRecord {
    append(id, Body::Reaction { target, reaction: Reaction::Heart, on, count: 1 })
}

fn new() -> (TempDir, PathBuf, RedbLog) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    (directory, path, log)
}

fn findings(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    crate::log::check(path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    found
}

/// Two messages; 3 and 4 react to the first, 5 to the second, 6 takes 4 back.
fn fill(log: &RedbLog) {
    log.commit(&[message(), message()], 0).unwrap();
    log.commit(&[react("ada", 1, true), react("bob", 1, true), react("ada", 2, true)], 0).unwrap();
    log.commit(&[react("bob", 1, false)], 0).unwrap();
}

#[test]
fn a_row_says_who_and_since_when_as_then_named() {
    let (_directory, path, log) = new();
    fill(&log);
    let log = {
        log.close().unwrap();
        RedbLog::open(&path).unwrap()
    };
    let ada = Author { id: "ada".into(), name: "ADA".into(), kind: AuthorKind::User };
    let expected = Reacted { reaction: Reaction::Heart, author: ada, position: 3 };
    assert_eq!(log.reactions(1).unwrap(), [expected]);
    assert_eq!(log.reacted(2, Reaction::Heart, "ada").unwrap(), Some(5));
    for (target, reaction, id) in [
        (1, Reaction::Heart, "bob"),
        (1, Reaction::Joy, "ada"),
        (3, Reaction::Heart, "ada"),
        (0, Reaction::Heart, "ada"),
    ] {
        assert_eq!(log.reacted(target, reaction, id).unwrap(), None, "{target} {id}");
    }
}

#[test]
fn a_log_of_a_release_before_reactions_opens_and_takes_them() {
    let (_directory, path, log) = new();
    log.commit(&[message()], 0).unwrap();
    let tx = log.begin_read().unwrap();
    assert!(present(tx.open_table(REACTIONS)).unwrap().is_none(), "until there is one there is no table");
    drop(tx);
    assert_eq!((log.reactions(1).unwrap(), log.reacted(1, Reaction::Heart, "ada").unwrap()), (vec![], None));
    log.close().unwrap();
    assert_eq!(findings(&path), Vec::<String>::new());
    let log = RedbLog::open(&path).unwrap();
    log.commit(&[react("ada", 1, true)], 0).unwrap();
    assert_eq!(log.reactions(1).unwrap().len(), 1);
}

#[test]
fn a_kind_of_a_newer_release_is_passed_over_and_goes_with_its_message() {
    let (_directory, path, log) = new();
    fill(&log);
    log.close().unwrap();
    change(&path, |tx| {
        tx.open_table(REACTIONS).unwrap().insert((1, 77, "cleo"), (2, 1, "Cleo")).unwrap();
    });
    let log = RedbLog::open(&path).unwrap();
    assert_eq!(log.reactions(1).unwrap().len(), 1);
    log.commit(&[append("ada", Body::Delete { target: 1 })], 0).unwrap();
    let tx = log.begin_read().unwrap();
    let rows: Vec<_> =
        tx.open_table(REACTIONS).unwrap().iter().unwrap().map(|row| row.unwrap().0.value().0).collect();
    assert_eq!(rows, [2]);
}

#[test]
fn the_worst_case_of_a_commit_counts_reactions() {
    let (_directory, _, log) = new();
    log.commit(&[message(), message()], 0).unwrap();
    let react_to = |n: usize| react(&format!("{n}"), 1, true);
    log.commit(&(0..900).map(react_to).collect::<Vec<_>>(), 0).unwrap();
    let worst = |append| log.bytes_max(&[append], false).unwrap();
    assert!(worst(react("ada", 2, true)) >= worst(message()) + 3 * 4096);
    let delete = |target| worst(append("ada", Body::Delete { target }));
    assert!(delete(1) >= delete(2) + 900 * 256);
}

#[test]
fn each_reaction_that_is_noted_wrongly_is_found() {
    type Harm = fn(&WriteTransaction);
    fn rows(tx: &WriteTransaction) -> Table<'_, Key, Row> {
        tx.open_table(REACTIONS).unwrap()
    }
    let harms: [(&str, &str, Harm); 6] = [
        ("a row is gone", "room lobby, position 3: the reaction is not noted for its message", |tx| {
            rows(tx).remove((1, 2, "ada")).unwrap();
        }),
        ("a row that was taken back is there", "position 6: the reaction was taken back here", |tx| {
            rows(tx).insert((1, 2, "bob"), (4, 2, "BOB")).unwrap();
        }),
        ("a row is of another kind", "position 3: it is noted as a reaction to 1, and is none", |tx| {
            rows(tx).insert((1, 3, "ada"), (3, 2, "ADA")).unwrap();
        }),
        ("a row is of another author", "position 3: it is noted as a reaction to 1, and is none", |tx| {
            rows(tx).insert((1, 2, "cleo"), (3, 2, "CLEO")).unwrap();
        }),
        ("a row names no event", "position 99: it is noted as a reaction to 2, and is none", |tx| {
            rows(tx).insert((2, 2, "dan"), (99, 2, "DAN")).unwrap();
        }),
        ("its message has no text", "position 3: it is noted as a reaction to 1, which has no text", |tx| {
            let mut log = tx.open_table(LOG).unwrap();
            let bytes = log.get(1).unwrap().unwrap().value().to_vec();
            let withheld = crate::log::record::redact(1, &bytes).unwrap();
            log.insert(1, withheld.as_slice()).unwrap();
        }),
    ];
    for (name, expected, harm) in harms {
        let (_directory, path, log) = new();
        fill(&log);
        log.close().unwrap();
        assert_eq!(findings(&path), Vec::<String>::new());
        change(&path, harm);
        let found = findings(&path);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{name}: {found:?}");
    }
}

#[test]
fn a_ban_and_a_reaction_in_one_batch_are_both_stored() {
    let (_directory, path, log) = new();
    log.commit(&[message()], 0).unwrap();
    let ban = NewRecord { payload: Payload::Ban("troll".into()), ..message() };
    log.commit(&[react("ada", 1, true), ban, react("bob", 1, true)], 0).unwrap();
    assert_eq!((log.reactions(1).unwrap().len(), log.moderation().counts().bans), (2, 1));
    log.close().unwrap();
    assert_eq!(findings(&path), Vec::<String>::new());
}
