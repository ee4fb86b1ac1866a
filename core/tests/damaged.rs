//! Records that are damaged in a log that is otherwise in order: their readers get a gap, and the rest of the
//! room. A copy that skips them has all others.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use millchat::log::{LogSnapshot, NewLog, Piece, check, open_stopped};
use millchat::testing::change_record;
use millchat::{
    Action, Body, Chat, Delivery, Draft, EventId, HistoryRange, Opening, Position, Reaction, Received,
    StartFrom,
};
use support::people::PATIENCE;
use support::{act, ada, room};

/// Events of the log, two in three of them in the lobby: it has two rows of the index.
const EVENTS: u64 = 420;

/// A way to damage the bytes of a record.
type Damage = fn(Vec<u8>) -> Option<Vec<u8>>;

/// Writes another `prev` into a record of the lobby, and makes sure that its checksum is wrong.
fn with_prev(mut bytes: Vec<u8>, prev: Position) -> Vec<u8> {
    bytes[2] ^= 1;
    // After the header: tag, length and name of the room, tag and length of `prev`.
    let at = 6 + 2 + "lobby".len() + 2;
    bytes[at..at + 8].copy_from_slice(&prev.to_le_bytes());
    bytes
}

const DAMAGES: [(&str, Damage); 8] = [
    ("a flipped bit of the text", |mut bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        Some(bytes)
    }),
    ("no bytes", |_| Some(Vec::new())),
    ("other bytes", |_| Some(b"damage".to_vec())),
    ("not there", |_| None),
    ("leads to no record", |bytes| Some(with_prev(bytes, 0))),
    ("leads to the other room", |bytes| Some(with_prev(bytes, 3))),
    ("leads to an earlier event", |bytes| Some(with_prev(bytes, 2))),
    ("leads to a later event", |bytes| Some(with_prev(bytes, EVENTS))),
];

fn is_of_lobby(position: Position) -> bool {
    !position.is_multiple_of(3)
}

fn text(position: Position) -> String {
    format!("text {position}")
}

/// A closed log.
async fn log() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    for position in 1..=EVENTS {
        let to = room(if is_of_lobby(position) { "lobby" } else { "other" });
        let receipt = chat.send(&to, Draft::post(ada(), text(position))).await.unwrap();
        assert_eq!(receipt.position, position);
    }
    chat.close().await.unwrap();
    (directory, path)
}

/// The lobby as it is to be read: its positions with their texts, but for the damaged ones.
fn expected(damaged: &[Position]) -> BTreeMap<Position, String> {
    let there = (1..=EVENTS).filter(|position| is_of_lobby(*position) && !damaged.contains(position));
    there.map(|position| (position, text(position))).collect()
}

/// The events and the gaps that a reader gets up to the head.
async fn follow(chat: &Chat, from: StartFrom) -> (BTreeMap<Position, String>, BTreeSet<Position>) {
    let mut reader = chat.subscribe(&room("lobby"), from, None).await.unwrap();
    let (mut texts, mut lost) = (BTreeMap::new(), BTreeSet::new());
    let mut at = None;
    let head = chat.overview(&room("lobby")).await.unwrap().head;
    while at.is_none_or(|at| at < head) {
        let next = tokio::time::timeout(PATIENCE, reader.next()).await.expect("it hangs");
        match next.unwrap().unwrap() {
            Delivery::Opening(opened) => {
                assert_eq!(opened.id.position, reader.position());
                if let Opening::Gap { from, to } = opened.opening {
                    lost.extend(from + 1..=to);
                }
            }
            Delivery::Gap { from, to, .. } => lost.extend(from + 1..=to),
            Delivery::Item(Received::Event(event)) => {
                texts.insert(event.position, event.body.content().unwrap().to_owned());
            }
            Delivery::Item(Received::Signal(_)) => continue,
        }
        at = Some(reader.position());
    }
    (texts, lost)
}

/// Everything that history holds, forwards or backwards.
async fn history(chat: &Chat, forwards: bool) -> BTreeMap<Position, String> {
    let mut range = Some(if forwards { HistoryRange::After(0) } else { HistoryRange::Newest });
    let (mut texts, mut pages) = (BTreeMap::new(), 0);
    while let Some(this) = range {
        let page = chat.history(&room("lobby"), this, 30).await.unwrap();
        texts.extend(page.messages.into_iter().map(|message| {
            let text = message.content.unwrap().to_string();
            (message.position, text)
        }));
        range =
            if forwards { page.newer.map(HistoryRange::After) } else { page.older.map(HistoryRange::Before) };
        pages += 1;
        assert!(pages < 100, "its links have no end");
    }
    texts
}

async fn assert_readable(path: &Path, damaged: &[Position], how: &str) {
    let expected = expected(damaged);
    let lost: BTreeSet<_> = damaged.iter().copied().filter(|position| is_of_lobby(*position)).collect();
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    let first = lost.first().copied().unwrap_or(1);
    for after in [0, 1, first.saturating_sub(2), first - 1, first, first + 1, EVENTS - 1] {
        let from = StartFrom::After(EventId { epoch: chat.epoch(), position: after });
        let (texts, gaps) = follow(&chat, from).await;
        let texts_after = expected.range(after + 1..).map(|(at, text)| (*at, text.clone())).collect();
        assert_eq!(texts, texts_after, "{how}: after {after}");
        let of_lobby: BTreeSet<_> = gaps.into_iter().filter(|position| is_of_lobby(*position)).collect();
        assert_eq!(of_lobby, lost.range(after + 1..).copied().collect(), "{how}: gaps after {after}");
    }
    for count in [0, 1, 50, 1_000] {
        let (texts, gaps) = follow(&chat, StartFrom::Last(count)).await;
        assert!(texts.iter().all(|(at, text)| expected[at] == *text), "{how}: the last {count}");
        // Those that are damaged count, also where a reader begins after them.
        let met = texts.len() + gaps.intersection(&lost).count();
        assert!(met + lost.len() >= count.min(280), "{how}: {met} of the last {count}");
    }
    for forwards in [true, false] {
        assert_eq!(history(&chat, forwards).await, expected, "{how}: history, forwards: {forwards}");
    }
    let asked: Vec<_> = (1..=EVENTS).filter(|position| is_of_lobby(*position)).collect();
    let quoted = chat.messages(&room("lobby"), asked).await.unwrap();
    assert!(quoted.iter().map(|message| message.position).eq(expected.keys().copied()), "{how}: quotes");
    // The room goes on.
    let receipt = chat.send(&room("lobby"), Draft::post(ada(), "on")).await.unwrap();
    assert_eq!((receipt.position, receipt.prev), (EVENTS + 1, EVENTS - 1), "{how}");
    chat.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_record_is_a_gap_and_the_rest_of_its_room_is_read() {
    let (directory, whole) = log().await;
    // The head of the lobby is 419, its rows of the index are at 191 and 383.
    let places: [&[Position]; 8] = [
        &[1],
        &[100],
        &[190, 191],
        &[191, 193, 196],
        &[383],
        &[419],
        &[416, 418, 419],
        &[100, 102, 103, 250],
    ];
    let damaged = directory.path().join("damaged");
    for (what, damage) in DAMAGES {
        for place in places {
            std::fs::copy(&whole, &damaged).unwrap();
            for position in place {
                change_record(&damaged, *position, damage);
            }
            assert_readable(&damaged, place, &format!("{what} at {place:?}")).await;
        }
    }
}

#[tokio::test]
async fn a_room_of_which_nothing_can_be_read_is_a_gap() {
    let (_directory, path) = log().await;
    let all: Vec<_> = (1..=EVENTS).filter(|position| is_of_lobby(*position)).collect();
    for position in &all {
        change_record(&path, *position, |_| Some(b"damage".to_vec()));
    }
    assert_readable(&path, &all, "all").await;
}

#[tokio::test]
async fn a_message_whose_edit_is_damaged_is_shown_as_it_was_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    let lobby = room("lobby");
    chat.send(&lobby, Draft::post(ada(), "first")).await.unwrap();
    for content in ["second", "third"] {
        let edit = Action::Edit { target: 1, content: content.into(), moderator: false };
        chat.send(&lobby, act(edit)).await.unwrap();
    }
    chat.close().await.unwrap();
    for (damaged, shown) in [(3, "second"), (2, "first")] {
        change_record(&path, damaged, |_| Some(Vec::new()));
        let chat = Chat::open(path.to_str().unwrap()).unwrap();
        let message = chat.message(&lobby, 1).await.unwrap().unwrap();
        assert_eq!(
            (message.content.as_deref(), message.edited_at.is_some()),
            (Some(shown), shown != "first")
        );
        chat.close().await.unwrap();
    }
    // Of a message that is damaged itself there is nothing to change, and its delete takes the edits away.
    change_record(&path, 1, |_| Some(Vec::new()));
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    assert!(chat.message(&lobby, 1).await.is_err());
    let reply = Draft::post(ada(), "x");
    let reply = Draft { action: Action::Post { content: "x".into(), reply_to: Some(1) }, ..reply };
    let refused = chat.send(&lobby, reply).await.unwrap_err().to_string();
    assert!(refused.contains("there is no message at position 1"), "{refused}");
    assert_eq!(chat.send(&lobby, Draft::post(ada(), "on")).await.unwrap().position, 4);
}

/// Copies what can be read of a log that nobody has open. Returns the positions that were skipped.
fn rescue(from: &Path, to: &Path) -> Vec<Position> {
    let log = open_stopped(from).unwrap();
    let mut copy = LogSnapshot::begin(&*log).skip_damaged();
    let mut new = NewLog::create(to, Some(log.signing_key()), copy.floor()).unwrap();
    let mut skipped = Vec::new();
    while let Some(piece) = copy.next(&*log).unwrap() {
        match piece {
            Piece::Records(records) => records.into_iter().for_each(|record| new.append(record).unwrap()),
            Piece::InForce(records) => records.iter().for_each(|it| new.put_in_force(it).unwrap()),
            Piece::Damaged(positions) => {
                new.skip(&positions);
                skipped.extend(positions);
            }
            Piece::Floor(floor) => new.raise_floor(floor).unwrap(),
            Piece::Deleted(_) | Piece::Purged(_) => panic!("nobody writes to it"),
        }
    }
    assert_eq!(copy.skipped(), skipped.len() as u64);
    new.finish(copy.head()).unwrap();
    skipped
}

fn findings(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    check(path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    found
}

#[tokio::test]
async fn a_copy_that_skips_damage_has_all_other_records_and_is_a_log_in_order() {
    let (directory, whole) = log().await;
    let (damaged, copy) = (directory.path().join("damaged"), directory.path().join("copy"));
    for (what, damage) in DAMAGES.into_iter().filter(|(what, _)| *what != "not there") {
        let place = [1, 100, 101, 191, 419, 420];
        std::fs::copy(&whole, &damaged).unwrap();
        for position in place {
            change_record(&damaged, position, damage);
        }
        assert!(!findings(&damaged).is_empty());
        assert_eq!(rescue(&damaged, &copy), place, "{what}");
        assert_eq!(findings(&copy), Vec::<String>::new(), "{what}");
        let chat = Chat::open(copy.to_str().unwrap()).unwrap();
        assert_eq!((chat.head(), chat.floor()), (EVENTS, 1));
        for forwards in [true, false] {
            assert_eq!(history(&chat, forwards).await, expected(&place), "{what}");
        }
        let (texts, gaps) = follow(&chat, StartFrom::Last(1_000)).await;
        assert_eq!((texts, gaps), (expected(&place), BTreeSet::new()), "{what}: the chain is whole again");
        chat.close().await.unwrap();
        std::fs::remove_file(&copy).unwrap();
    }
}

#[tokio::test]
async fn what_refers_to_a_damaged_record_is_copied_and_what_is_in_force_stays_so() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy, again) =
        (directory.path().join("log"), directory.path().join("copy"), directory.path().join("again"));
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    let (lobby, shut) = (room("lobby"), room("shut"));
    chat.send(&lobby, Draft::post(ada(), "first")).await.unwrap();
    let post = |reply_to| act(Action::Post { content: "an answer".into(), reply_to });
    chat.send(&lobby, post(Some(1))).await.unwrap();
    chat.send(&lobby, act(Action::Edit { target: 1, content: "edited".into(), moderator: false }))
        .await
        .unwrap();
    chat.send(&lobby, act(Action::React { target: 1, reaction: Reaction::Party, on: true })).await.unwrap();
    chat.send(&lobby, act(Action::Close)).await.unwrap();
    chat.send(&lobby, act(Action::Open)).await.unwrap();
    chat.send(&shut, act(Action::Close)).await.unwrap();
    chat.send(&lobby, Draft::post(ada(), "deleted")).await.unwrap();
    chat.send(&lobby, act(Action::Delete { target: 8, moderator: false })).await.unwrap();
    chat.close().await.unwrap();
    // The message, what opened the lobby, what closed the other room, what deleted.
    for position in [1, 6, 7, 9] {
        change_record(&path, position, |_| Some(b"damage".to_vec()));
    }
    assert_eq!(rescue(&path, &copy), [1, 6, 7, 9]);
    // A copy of the copy knows it too.
    assert_eq!(findings(&copy), Vec::<String>::new());
    let log = open_stopped(&copy).unwrap();
    assert_eq!(log.skipped(), 4);
    drop(log);
    let chat = Chat::open(copy.to_str().unwrap()).unwrap();
    assert!(chat.is_closed(&shut) && !chat.is_closed(&lobby));
    let page = chat.history(&lobby, HistoryRange::Newest, 9).await.unwrap();
    let shown: Vec<_> = page.messages.iter().map(|it| (it.position, it.content.as_deref())).collect();
    assert_eq!(shown, [(2, Some("an answer")), (8, None)]);
    chat.close().await.unwrap();
    assert_eq!(rescue(&copy, &again), Vec::<Position>::new());
    let body = |path: &Path| {
        let record = open_stopped(path).unwrap().record(3).unwrap().unwrap();
        record.event.unwrap().body.clone()
    };
    assert_eq!(body(&again), Body::Edit { target: 1, content: Some("edited".into()) });
}

#[tokio::test]
async fn a_copy_that_does_not_skip_ends_at_the_damage() {
    let (_directory, path) = log().await;
    change_record(&path, 200, |_| Some(b"damage".to_vec()));
    let log = open_stopped(&path).unwrap();
    let mut copy = LogSnapshot::begin(&*log);
    let mut decoded = Ok(());
    while let Some(piece) = copy.next(&*log).unwrap() {
        let Piece::Records(records) = piece else { panic!("nothing but records") };
        decoded = decoded.and_then(|()| records.iter().try_for_each(|record| record.decode().map(drop)));
    }
    assert!(decoded.unwrap_err().to_string().contains("position 200"));
}

#[tokio::test]
async fn whoever_follows_the_whole_log_gets_all_but_what_is_damaged() {
    for (what, damage) in DAMAGES {
        let (_directory, path) = log().await;
        for position in [1, 100, 101, EVENTS] {
            change_record(&path, position, damage);
        }
        let chat = Chat::open(path.to_str().unwrap()).unwrap();
        let mut follower = chat.follow(0);
        let (mut positions, mut lost) = (Vec::new(), 0);
        while follower.position() < chat.head() {
            let part = tokio::time::timeout(PATIENCE, follower.next()).await.expect("it hangs");
            let part = part.expect("the chat is open").expect("the log reads");
            positions.extend(part.events.iter().map(|event| event.position));
            lost += part.lost;
        }
        assert_eq!(positions.len() as u64 + lost, chat.head(), "{what}");
        assert!(positions.is_sorted() && lost <= 4, "{what}: {lost} lost");
        chat.close().await.unwrap();
    }
}
