use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::log::check;
use crate::log::contract::{Log, Lookups as _, NewRecord, Payload};
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tests::append;

fn text(position: Position) -> String {
    format!("<the text of {position}>")
}

/// Messages at the positions 1 to `count`, in three rooms.
fn messages(count: u64) -> RedbLog {
    let log = RedbLog::in_memory().unwrap();
    let post = |position| {
        append(position % 3, Body::Message { content: Some(text(position).as_str().into()), reply_to: None })
    };
    log.commit(&(1..=count).map(post).collect::<Vec<_>>(), 0).unwrap();
    log
}

fn delete(log: &RedbLog, target: Position, floor: Position) {
    log.commit(&[append(target % 3, Body::Delete { target })], floor).unwrap();
}

/// Copies the log, and calls `meanwhile` after each piece.
fn copy(log: &RedbLog, mut meanwhile: impl FnMut(usize)) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy");
    let mut copy = LogSnapshot::begin(log);
    let mut new = NewLog::create(&path, Some(log.signing_key()), copy.floor()).unwrap();
    let mut pieces = 0;
    while let Some(piece) = copy.next(log).unwrap() {
        match piece {
            Piece::Records(records) => records.into_iter().for_each(|record| new.append(record).unwrap()),
            Piece::Floor(floor) => new.raise_floor(floor).unwrap(),
            Piece::InForce(records) => {
                for record in &records {
                    new.put_in_force(record).unwrap();
                }
            }
            Piece::Purged(rooms) => rooms.iter().for_each(|room| new.purge(room).unwrap()),
            Piece::Damaged(_) => panic!("nothing is damaged"),
            Piece::Deleted(targets) => targets.into_iter().for_each(|target| new.delete(target).unwrap()),
        }
        pieces += 1;
        meanwhile(pieces);
    }
    new.finish(copy.head()).unwrap();
    let mut found = Vec::new();
    check(&path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(found, Vec::<String>::new());
    (directory, path)
}

fn raw(log: &dyn Log) -> Vec<RawRecord> {
    let (mut all, mut from) = (Vec::new(), 0);
    loop {
        let rows = log.scan_raw(from).unwrap();
        let Some(last) = rows.last() else { return all };
        from = last.position + 1;
        all.extend(rows);
    }
}

fn holds(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_copy_has_every_record_the_floor_and_the_key_and_another_epoch() {
    let log = messages(20_000);
    log.commit(&[append(1, Body::Edit { target: 1_000, content: Some("new".into()) })], 0).unwrap();
    delete(&log, 2_000, 300);
    let (_directory, path) = copy(&log, |_| {});
    let made = RedbLog::open(&path).unwrap();
    assert!(raw(&made) == raw(&log), "records differ");
    assert_eq!((made.floor(), made.head()), (log.floor(), log.head()));
    assert_eq!((made.live_bytes(), made.signing_key()), (log.live_bytes(), log.signing_key()));
    assert_ne!(made.epoch(), log.epoch());
    let delete_of = |log: &dyn Log, target| log.delete_of(target).unwrap().map(|record| record.position);
    assert_eq!((delete_of(&made, 2_000), delete_of(&made, 1_000)), (Some(20_002), None));
    for room in 0..3 {
        let room = RoomName::new(&format!("room-{room}")).unwrap();
        assert_eq!(made.room_head(&room).unwrap(), log.room_head(&room).unwrap());
        // How far a read goes depends on where the index has its rows.
        let (left, right) = (made.read_after(&room, 10_000).unwrap(), log.read_after(&room, 10_000).unwrap());
        assert!(left.events.iter().zip(&right.events).all(|(left, right)| left == right));
        assert!(left.events.len() >= 128 && right.events.len() >= 128);
    }
    // And it goes on like the one it was.
    let position =
        made.commit(&[append(1, Body::Message { content: None, reply_to: None })], 0).unwrap()[0].position;
    assert_eq!(position, log.head() + 1);
}

fn content(log: &dyn Log, position: Position) -> Option<Arc<str>> {
    match &log.record(position).unwrap().unwrap().event.unwrap().body {
        Body::Message { content, .. } => content.clone(),
        other => panic!("no message: {other:?}"),
    }
}

#[test]
fn a_copy_catches_up_with_what_comes_meanwhile_and_keeps_no_text_that_was_deleted() {
    let log = messages(10_000);
    log.commit(&[append(500 % 3, Body::Edit { target: 500, content: Some("<an edit>".into()) })], 0).unwrap();
    let (_directory, path) = copy(&log, |piece| {
        if let Some(target) = [500, 9_000, 1, 9_999].get(piece - 1) {
            delete(&log, *target, 0);
        }
        if piece < 10 {
            log.commit(&[append(0, Body::Message { content: Some("<later>".into()), reply_to: None })], 0)
                .unwrap();
        }
    });
    let made = RedbLog::open(&path).unwrap();
    assert_eq!((made.head(), log.head()), (10_014, 10_014));
    assert!(raw(&made) == raw(&log), "records differ");
    for target in [500, 9_000, 1, 9_999] {
        assert!(content(&made, target).is_none() && !holds(&path, &text(target)), "{target}");
    }
    assert!(!holds(&path, "<an edit>") && holds(&path, "<later>") && holds(&path, &text(501)));
}

#[test]
fn a_copy_does_not_chase_for_ever_a_log_that_is_written_faster() {
    let log = messages(1_000);
    let (mut pieces, mut last) = (0, 0);
    let (_directory, path) = copy(&log, |piece| {
        // More for each piece than a piece holds, for far longer than it catches up.
        if piece < 1_000 {
            let more = append(0, Body::Message { content: None, reply_to: None });
            log.commit(&vec![more; 300], 0).unwrap();
            delete(&log, 1_000 - piece as u64, 0);
            last = 1_000 - piece as u64;
        }
        pieces = piece;
    });
    assert!(pieces < 2_500, "{pieces} pieces");
    let made = RedbLog::open(&path).unwrap();
    assert!(made.head() == 1_000 && log.head() > 100_000, "{}", made.head());
    // What was deleted after its last position has no text all the same.
    assert!(content(&made, last).is_none() && !holds(&path, &text(last)), "{last}");
    assert!(holds(&path, &text(1_000)) || last == 1_000);
}

#[test]
fn a_copy_keeps_no_edit_of_a_message_below_the_floor_that_is_deleted_beyond_its_end() {
    let mut beyond = 0;
    for deleted_at in 1..=4 {
        let log = messages(1_000);
        log.commit(&[append(1, Body::Edit { target: 1, content: Some("<an edit>".into()) })], 2).unwrap();
        let mut deleted = 0;
        let (_directory, path) = copy(&log, |piece| {
            if piece < 100 {
                let more = append(0, Body::Message { content: None, reply_to: None });
                log.commit(&vec![more; 300], 0).unwrap();
            }
            if piece == deleted_at {
                delete(&log, 1, 0);
                deleted = log.head();
            }
        });
        beyond += usize::from(RedbLog::open(&path).unwrap().head() < deleted);
        assert!(!holds(&path, "<an edit>"), "deleted after {deleted_at} pieces");
    }
    assert!(beyond > 0, "every copy had the delete");
}

#[test]
fn a_trim_that_overtakes_the_copy_raises_its_floor() {
    for (at, floor) in [(1, 100), (2, 5_000), (3, 9_990), (4, 10_001)] {
        let log = messages(10_000);
        let (_directory, path) = copy(&log, |piece| {
            if piece == at {
                log.commit(&[], floor).unwrap();
                // A delete of something copied, whose record is cut at once.
                delete(&log, 10_000.min(floor), 0);
            }
        });
        let made = RedbLog::open(&path).unwrap();
        assert_eq!(made.head(), log.head());
        let head = made.head();
        assert!([1, floor].contains(&made.floor()), "{floor}: {}", made.floor());
        assert!(floor == 100 || made.floor() == floor, "{floor}: {}", made.floor());
        let expected = head + 1 - made.floor();
        assert_eq!(raw(&made).len() as u64, expected, "{floor}");
        assert!(floor == 100 || !holds(&path, &text(1)), "{floor}");
    }
}

#[test]
fn everything_expired_during_the_copy_leaves_nothing_of_it() {
    let log = messages(2_000);
    let (_directory, path) = copy(&log, |piece| {
        if piece == 7 {
            delete(&log, 1_000, 0);
            log.commit(&[append(0, Body::Message { content: None, reply_to: None })], 2_002).unwrap();
        }
    });
    let made = RedbLog::open(&path).unwrap();
    assert!(made.record(1_000).unwrap().is_none_or(|record| record.content_hash.is_none()));
    assert!(!holds(&path, &text(1_000)));
}

fn empty(log: &RedbLog, room: u64) {
    log.commit(&[append(room, Body::Purge)], 0).unwrap();
}

/// The messages of room 0 whose text a file holds.
fn held(path: &Path) -> Vec<Position> {
    let bytes = std::fs::read(path).unwrap();
    let (before, after) = (b"<the text of ", b'>');
    let begins = bytes.windows(before.len()).enumerate().filter(|(_, window)| window == before);
    let number = |at: usize| {
        let digits = bytes[at..].split(|byte| *byte == after).next().unwrap();
        std::str::from_utf8(digits).unwrap().parse::<Position>().unwrap()
    };
    begins.map(|(at, _)| number(at + before.len())).filter(|position| position % 3 == 0).collect()
}

#[test]
fn a_copy_holds_nothing_of_a_purged_room_wherever_the_erasing_has_come() {
    // Before the copy began, while it reads, and beyond its end, when the log is written faster than it is
    // read.
    for (emptied_at, faster) in [(0, false), (3, false), (5, true)] {
        let log = messages(3_000);
        if emptied_at == 0 {
            empty(&log, 0);
            log.commit(&[], 0).unwrap();
        }
        let mut done = emptied_at == 0;
        let (_directory, path) = copy(&log, |piece| {
            if faster && piece < 40 {
                log.commit(&vec![append(1, Body::Message { content: None, reply_to: None }); 300], 0)
                    .unwrap();
            }
            if piece == emptied_at {
                empty(&log, 0);
                done = true;
            }
        });
        assert!(done, "the copy was over before {emptied_at} pieces");
        assert_eq!(held(&path), Vec::<Position>::new(), "emptied at {emptied_at}");
        assert!(holds(&path, &text(1)) && holds(&path, &text(2)), "emptied at {emptied_at}");
        let made = RedbLog::open(&path).unwrap();
        assert_eq!(made.moderation().counts().purges, 0, "nothing is left to be done");
        assert_eq!(made.head() < log.head(), faster);
        assert_eq!(made.record(3).unwrap().unwrap().content_hash, None);
    }
}

fn ban(author_id: &str, banned: bool) -> NewRecord {
    let id = author_id.into();
    NewRecord {
        payload: if banned { Payload::Ban(id) } else { Payload::Unban(id) },
        ..append(0, Body::Close)
    }
}

/// The records in force, and since when.
fn stands(log: &dyn Log) -> Vec<(String, Position)> {
    let (_, records) = log.moderation().records();
    let name = |record: &Record| match (&record.event, &record.ban) {
        (Some(event), _) => event.room.to_string(),
        (None, ban) => ban.as_ref().unwrap().author_id.to_string(),
    };
    records.iter().map(|record| (name(record), record.position)).collect()
}

#[test]
fn what_is_in_force_is_copied_though_its_records_are_trimmed_and_later_records_correct_it() {
    for overtaken in [false, true] {
        let log = RedbLog::in_memory().unwrap();
        let old = [append(0, Body::Close), append(1, Body::Close), ban("a", true), ban("b", true)];
        log.commit(&old, 0).unwrap();
        let post = append(2, Body::Message { content: Some("x".into()), reply_to: None });
        log.commit(&vec![post.clone(); 3_000], 0).unwrap();
        log.commit(&[], 100).unwrap();
        let (_directory, path) = copy(&log, |piece| {
            if piece == 3 {
                log.commit(&[append(0, Body::Open), ban("a", false), ban("c", true)], 0).unwrap();
                log.commit(&vec![post.clone(); 300], 0).unwrap();
            }
            // The records of what was just changed are gone before the copy has come to them.
            if piece == 4 && overtaken {
                log.commit(&[], 3_100).unwrap();
            }
        });
        let made = RedbLog::open(&path).unwrap();
        let expected = [("room-1".to_owned(), 2), ("b".to_owned(), 4), ("c".to_owned(), 3_007)];
        assert_eq!((stands(&log), stands(&made)), (expected.to_vec(), expected.to_vec()));
        assert_eq!(made.moderation().bans()[0].ban, log.moderation().bans()[0].ban);
        assert_eq!(made.floor(), if overtaken { 3_100 } else { 100 });
    }
}

#[test]
fn what_cannot_be_in_force_is_refused() {
    let log = messages(1);
    let directory = tempfile::tempdir().unwrap();
    let mut new = NewLog::create(&directory.path().join("new"), None, 1).unwrap();
    let error = new.put_in_force(&raw(&log)[0]).unwrap_err().to_string();
    assert!(error.contains("closes no room, bans no author and sets no value"), "{error}");
}

#[test]
fn records_that_do_not_fit_are_refused_and_leave_nothing() {
    let log = messages(10);
    let records = raw(&log);
    let refused = |order: &[usize], word: &str| {
        let directory = tempfile::tempdir().unwrap();
        let mut new = NewLog::create(&directory.path().join("new"), None, 1).unwrap();
        let appended = order.iter().try_for_each(|at| new.append(records[*at].clone()));
        let error = appended.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
        drop(new);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    };
    refused(&[0, 0], "ascend");
    refused(&[1, 0], "ascend");
    refused(&[0, 1, 2, 6], "the record before it in room room-1 is 1");
    refused(&[3], "no record of room room-1 came before it");
    let low = NewLog::create(&tempfile::tempdir().unwrap().path().join("new"), None, 5);
    let error = low.unwrap().append(records[3].clone()).unwrap_err().to_string();
    assert!(error.contains("below the floor, 5"), "{error}");
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let new = NewLog::create(&path, None, 1).unwrap();
    std::fs::write(&path, "somebody was faster").unwrap();
    assert!(matches!(new.finish(9), Err(NewLogError::Exists(_))));
    assert!(matches!(NewLog::create(&path, None, 1), Err(NewLogError::Exists(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"somebody was faster");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}
