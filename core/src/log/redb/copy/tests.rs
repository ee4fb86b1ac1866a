use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ::redb::{Database, ReadableDatabase as _, TableDefinition};
use tempfile::TempDir;

use super::frame::{COPY_VERSION, Framer, HEAD_BYTES, ITEMS_BYTES_MAX, Item, PREFACE_BYTES, put};
use super::tables::{COPIED, is_left_out};
use super::*;
use crate::cluster::{Mark, Place};
use crate::event::Body;
use crate::log::contract::{Log as _, NewRecord};
use crate::log::error::CopyError;
use crate::log::redb::handle::RedbLog;
use crate::log::redb::tests::{append, change};

const OTHER: TableDefinition<'_, u64, u64> = TableDefinition::new("other");

/// The log of a node of a cluster, with messages of this length.
fn log(messages: usize, length: usize) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = RedbLog::open(&path).unwrap();
    log.begin_cluster().unwrap();
    let message = |_| append(1, Body::Message { content: Some("x".repeat(length).into()), reply_to: None });
    let batch: Vec<NewRecord> = (0..messages).map(message).collect();
    log.commit(&batch, 0).unwrap();
    log.close().unwrap();
    (directory, path)
}

fn chunks(path: &Path) -> Vec<Vec<u8>> {
    let log = RedbLog::open(path).unwrap();
    let copy = log.begin_copy().unwrap();
    let chunks = copy.map(|chunk| chunk.unwrap().to_vec()).collect();
    log.close().unwrap();
    chunks
}

fn take(path: &Path, pieces: &[&[u8]]) -> Result<Place, CopyError> {
    let mut receiver = CopyReceiver::new(path)?;
    pieces.iter().try_for_each(|piece| receiver.take(piece))?;
    receiver.finish()
}

/// All rows that are copied.
fn rows(path: &Path) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let database = Database::open(path).unwrap();
    let tx = database.begin_read().unwrap();
    let mut all = Vec::new();
    for table in COPIED {
        let mut row = |(key, value): (&[u8], &[u8])| {
            all.push((table.name().to_owned(), key.to_vec(), value.to_vec()));
            true
        };
        assert!(table.read(&tx, None, &mut row).unwrap());
    }
    all
}

/// The names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(folder).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_copy_has_every_row_in_chunks_of_a_bounded_size_however_its_bytes_are_cut_into_pieces() {
    let (directory, path) = log(300, 40_000);
    let chunks = chunks(&path);
    assert!(chunks.len() > 40 && chunks.iter().all(|chunk| chunk.len() <= COPY_CHUNK_BYTES_MAX));
    let told = crate::log::place(&path).unwrap().unwrap();
    let to = directory.path().join("cut");
    for count in 0..chunks.len() {
        let pieces: Vec<&[u8]> = chunks[..count].iter().map(Vec::as_slice).collect();
        assert!(take(&to, &pieces).is_err() && !to.exists(), "cut between chunks");
    }
    let whole = chunks.concat();
    let expected = rows(&path);
    for (nth, length) in [whole.len(), 8_191, 300_001].into_iter().enumerate() {
        let to = directory.path().join(format!("copy-{nth}"));
        let pieces: Vec<&[u8]> = whole.chunks(length).collect();
        assert_eq!(take(&to, &pieces).unwrap(), told);
        assert!(rows(&to) == expected, "in pieces of {length} bytes");
        assert_eq!(crate::log::place(&to).unwrap().unwrap(), told);
        let found = crate::log::check(&to, &mut |_, _| {}, &mut |finding| panic!("{finding}"));
        assert_eq!(found.unwrap().records, 300);
    }
    assert!(names(directory.path()).iter().all(|name| !name.contains(".copy")));
}

#[test]
fn a_copy_that_ends_early_or_has_a_changed_byte_is_refused_and_leaves_what_was_there() {
    let (directory, path) = log(2, 10);
    let whole = chunks(&path).concat();
    let to = directory.path().join("there");
    std::fs::write(&to, "a log of before").unwrap();
    let before = names(directory.path());
    for at in 0..whole.len() {
        assert!(take(&to, &[&whole[..at]]).is_err(), "cut at {at}");
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(take(&to, &[&changed]).is_err(), "changed at {at}");
    }
    assert!(take(&to, &[&whole, b"\0"]).is_err(), "something follows");
    assert_eq!(std::fs::read(&to).unwrap(), b"a log of before");
    assert_eq!(names(directory.path()), before, "nothing is left of them");
    take(&to, &[&whole]).unwrap();
    assert!(rows(&to) == rows(&path));
}

#[test]
fn an_older_copy_that_is_not_whole_is_removed_by_the_next() {
    use std::os::unix::fs::PermissionsExt as _;

    let (directory, path) = log(2, 10);
    let to = directory.path().join("to");
    std::fs::write(directory.path().join("to.copy"), "killed in the middle").unwrap();
    take(&to, &[&chunks(&path).concat()]).unwrap();
    assert!(!directory.path().join("to.copy").exists());
    assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600, "it has the signing key");
}

#[test]
fn a_copy_of_a_newer_release_and_a_row_that_is_none_are_refused_with_a_sentence() {
    let (directory, path) = log(2, 10);
    let to = directory.path().join("to");
    let place = Item::Place(crate::log::place(&path).unwrap().unwrap());
    let sentence = |items: &[Item<'_>]| {
        let mut bytes = Vec::new();
        for item in items {
            put(&mut bytes, item);
        }
        take(&to, &[&Framer::default().chunk(&bytes)]).unwrap_err().to_string()
    };
    assert!(sentence(&[Item::End(0)]).contains("place of the log"));
    let unknown = sentence(&[place_of(&place), Item::Table(b"later"), Item::Row((b"", b""))]);
    assert!(unknown.contains("later") && unknown.contains("newer release"), "{unknown}");
    assert!(sentence(&[place_of(&place), Item::Row((b"", b""))]).contains("of no table"));
    assert!(sentence(&[place_of(&place), Item::Table(b"log"), Item::Table(b"state")]).contains("order"));
    assert!(sentence(&[place_of(&place), Item::Table(b"log"), Item::End(1)]).contains("number of rows"));
    assert!(sentence(&[place_of(&place), Item::End(0), Item::End(0)]).contains("follows its end"));
    let row = [place_of(&place), Item::Table(b"log"), Item::Row((b"123", b"")), Item::End(1)];
    assert!(sentence(&row).contains("does not read back"), "its key is no number");
    let row = [place_of(&place), Item::Table(b"state"), Item::Row((b"\xff", b"")), Item::End(1)];
    assert!(sentence(&row).contains("does not read back"), "its key is no text");
    assert!(!sentence(&[place_of(&place), Item::Table(b"state"), Item::End(0)]).is_empty(), "it is no log");

    let whole = chunks(&path).concat();
    let told = crate::log::place(&path).unwrap().unwrap();
    let mut other = Vec::new();
    put(&mut other, &Item::Place(Place { mark: Mark { head: told.mark.head + 1, ..told.mark }, ..told }));
    other.extend_from_slice(&whole[PREFACE_BYTES + HEAD_BYTES + other.len()..]);
    let refused = take(&to, &[&Framer::default().chunk(&other)]).unwrap_err().to_string();
    assert!(refused.contains("its place is another"), "{refused}");

    let mut later = whole;
    later[PREFACE_BYTES - 1] = COPY_VERSION + 1;
    assert!(take(&to, &[&later]).unwrap_err().to_string().contains("newer release"));
    assert!(!to.exists());
}

fn place_of<'a>(item: &Item<'_>) -> Item<'a> {
    let Item::Place(place) = item else { panic!("it is a place") };
    Item::Place(*place)
}

#[test]
fn a_log_with_a_table_that_is_not_known_how_to_copy_and_that_of_a_single_node_are_not_copied() {
    let (_directory, path) = log(1, 1);
    change(&path, |tx| drop(tx.open_table(OTHER).unwrap().insert(1, 1).unwrap()));
    let refused = RedbLog::open(&path).unwrap().begin_copy().err().unwrap().to_string();
    assert!(refused.contains("table other"), "{refused}");
    let refused = RedbLog::in_memory().unwrap().begin_copy().err().unwrap().to_string();
    assert!(refused.contains("single node"), "{refused}");
}

#[test]
fn every_table_of_the_log_is_copied_or_left_out_on_purpose() {
    fn gather(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, found);
            } else if !path.ends_with("tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let names = source.split("TableDefinition::new(\"").skip(1);
                found.extend(names.map(|rest| rest.split('"').next().unwrap().to_owned()));
            }
        }
    }
    let mut defined = BTreeSet::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log/redb"), &mut defined);
    let copied: BTreeSet<_> = COPIED.iter().map(|table| table.name().to_owned()).collect();
    let missed: Vec<_> =
        defined.iter().filter(|name| !copied.contains(*name) && !is_left_out(name)).collect();
    assert_eq!(missed, Vec::<&String>::new());
    assert!(copied.is_subset(&defined) && copied.len() == COPIED.len() && defined.len() == COPIED.len() + 3);
}

#[test]
fn the_largest_record_has_room_in_a_frame() {
    let content = "x".repeat(crate::CONTENT_BYTES_MAX);
    let largest = append(1, Body::Message { content: Some(content.into()), reply_to: None }).bytes_max();
    assert!(2 * largest as usize <= ITEMS_BYTES_MAX, "{largest}");
}
