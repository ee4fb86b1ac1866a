//! Search: whatever was posted, edited, deleted, emptied, trimmed, indexed or restarted, a search finds what
//! a reading of all texts finds.

mod support;

use std::sync::Arc;

use millchat::log::{Found, Log, LogError, NewRecord, check, open};
use millchat::testing::{index, search};
use millchat::{Body, Chat, Draft, Position, Query, RoomName, Timestamp};
use proptest::prelude::*;
use support::ada;

/// Words that fold to each other, words of many scripts, and one that is rare.
const WORDS: [&str; 16] = [
    "hello",
    "HELLO",
    "world",
    "Straße",
    "strasse",
    "café",
    "CAFE",
    "東京都",
    "京都",
    "ภาษาไทย",
    "ไทย",
    "مَرحبا",
    "İstanbul",
    "ıstanbul",
    "🎉",
    "rare",
];

const QUERIES: [&str; 14] = [
    "hello",
    "STRASSE",
    "cafe",
    "東京",
    "都",
    "京都 hello",
    "ไทย",
    "مرحبا",
    "istanbul",
    "🎉",
    "rare",
    "hello rare",
    "world café hello",
    "nowhere",
];

#[derive(Debug, Clone)]
enum Op {
    /// Posts to a room, each of a few words that follow from the seed.
    Post {
        room: u8,
        count: u16,
        seed: u32,
    },
    Edit {
        nth: usize,
        word: usize,
    },
    Delete {
        nth: usize,
    },
    Purge {
        room: u8,
    },
    /// Takes a part of the log away, in percent.
    Trim {
        percent: u8,
    },
    /// Prepares a piece of the index, which the next commit takes along.
    Prepare,
    Index,
    Restart,
    /// A restart without a close.
    Crash,
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0..3_u8, 1..300_u16, any::<u32>())
            .prop_map(|(room, count, seed)| Op::Post { room, count, seed }),
        5 => (any::<usize>(), 0..WORDS.len()).prop_map(|(nth, word)| Op::Edit { nth, word }),
        4 => any::<usize>().prop_map(|nth| Op::Delete { nth }),
        1 => (0..3_u8).prop_map(|room| Op::Purge { room }),
        1 => (0..40_u8).prop_map(|percent| Op::Trim { percent }),
        5 => Just(Op::Prepare),
        4 => Just(Op::Index),
        1 => Just(Op::Restart),
        1 => Just(Op::Crash),
    ]
}

fn room(n: u8) -> RoomName {
    RoomName::new(&format!("room-{n}")).unwrap()
}

fn post_text(seed: u32, n: u32) -> String {
    let mut state = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9)) | 1;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // The last word is rare.
        let of = if state.is_multiple_of(97) { WORDS.len() } else { WORDS.len() - 1 };
        WORDS[state as usize / 7 % of]
    };
    [word(), word(), word()].join(" ")
}

/// A message as the model knows it.
struct Posted {
    position: Position,
    room: RoomName,
    text: Option<String>,
}

struct Run {
    _directory: tempfile::TempDir,
    path: std::path::PathBuf,
    log: Option<Arc<dyn Log>>,
    posted: Vec<Posted>,
}

impl Run {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = Some(open(path.to_str().unwrap()).unwrap());
        Self { _directory: directory, path, log, posted: Vec::new() }
    }

    fn log(&self) -> &dyn Log {
        &**self.log.as_ref().unwrap()
    }

    fn commit(&self, room: &RoomName, bodies: Vec<Body>) -> Vec<Position> {
        let record = |body| NewRecord::event(room.clone(), Some(ada()), Timestamp(7), body);
        let batch: Vec<_> = bodies.into_iter().map(record).collect();
        self.log().commit(&batch, 0).unwrap().into_iter().map(|committed| committed.position).collect()
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Post { room: n, count, seed } => {
                let texts: Vec<String> = (0..u32::from(count)).map(|nth| post_text(seed, nth)).collect();
                let body =
                    |text: &String| Body::Message { content: Some(text.as_str().into()), reply_to: None };
                let positions = self.commit(&room(n), texts.iter().map(body).collect());
                let posted = |(position, text)| Posted { position, room: room(n), text: Some(text) };
                self.posted.extend(positions.into_iter().zip(texts).map(posted));
            }
            Op::Edit { nth, word } => {
                let Some(nth) = self.with_text(nth) else { return };
                let (target, text) = (self.posted[nth].position, format!("edited {}", WORDS[word]));
                let edit = Body::Edit { target, content: Some(text.as_str().into()) };
                self.commit(&self.posted[nth].room, vec![edit]);
                self.posted[nth].text = Some(text);
            }
            Op::Delete { nth } => {
                let Some(nth) = self.with_text(nth) else { return };
                let delete = Body::Delete { target: self.posted[nth].position };
                self.commit(&self.posted[nth].room, vec![delete]);
                self.posted[nth].text = None;
            }
            Op::Purge { room: n } => {
                self.commit(&room(n), vec![Body::Purge]);
                self.posted.iter_mut().filter(|it| it.room == room(n)).for_each(|it| it.text = None);
            }
            Op::Trim { percent } => {
                let (floor, head) = (self.log().floor(), self.log().head());
                let floor = floor + (head + 1 - floor) * u64::from(percent) / 100;
                self.log().commit(&[], floor).unwrap();
                self.posted.retain(|it| it.position >= floor);
            }
            Op::Prepare => drop(self.log().prepare_index().unwrap()),
            Op::Index => index(self.log()),
            Op::Restart => {
                self.log().close().unwrap();
                self.open_again();
            }
            Op::Crash => self.open_again(),
        }
    }

    fn open_again(&mut self) {
        self.log = None;
        self.log = Some(open(self.path.to_str().unwrap()).unwrap());
    }

    fn with_text(&self, nth: usize) -> Option<usize> {
        let all: Vec<usize> = (0..self.posted.len()).filter(|nth| self.posted[*nth].text.is_some()).collect();
        (!all.is_empty()).then(|| all[nth % all.len()])
    }

    /// Compares what searches find with the texts, in pages of a few.
    fn compare(&self) {
        for (n, query) in QUERIES.iter().enumerate() {
            let room = room(n as u8 % 3);
            let parsed = Query::parse(query).unwrap();
            let matches =
                |it: &&Posted| it.room == room && it.text.as_ref().is_some_and(|t| parsed.matches(t));
            let expected: Vec<_> = self
                .posted
                .iter()
                .rev()
                .filter(matches)
                .map(|it| (it.position, it.text.clone().unwrap()))
                .collect();
            let (mut found, mut before) = (Vec::new(), Some(Position::MAX));
            while let Some(at) = before {
                let page = search(self.log(), &room, &parsed, at, 7);
                assert!(page.messages.len() <= 7);
                assert!(page.older.is_none_or(|older| older < at), "it goes on");
                found.extend(
                    page.messages.iter().map(|m| (m.position, m.content.as_deref().unwrap().to_owned())),
                );
                before = page.older;
            }
            assert_eq!(found, expected, "{query}");
        }
    }

    fn check(mut self) {
        self.log().close().unwrap();
        self.log = None;
        let mut found = Vec::new();
        check(&self.path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
        assert_eq!(found, Vec::<String>::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_a_reading_of_all_texts_finds(ops in prop::collection::vec(ops(), 1..30)) {
        let mut run = Run::new();
        for op in &ops {
            run.apply(op);
        }
        run.compare();
        run.apply(&Op::Index);
        run.compare();
        run.check();
    }
}

/// Posts a message for each text, in batches.
fn fill(log: &dyn Log, room: &RoomName, texts: impl Iterator<Item = String>) {
    let body = |text: String| Body::Message { content: Some(text.as_str().into()), reply_to: None };
    let batch: Vec<_> =
        texts.map(|text| NewRecord::event(room.clone(), None, Timestamp(1), body(text))).collect();
    for batch in batch.chunks(2_000) {
        log.commit(batch, 0).unwrap();
    }
}

fn positions(log: &dyn Log, room: &RoomName, query: &str, limit: usize) -> Vec<Position> {
    let page = search(log, room, &Query::parse(query).unwrap(), Position::MAX, limit);
    page.messages.iter().map(|message| message.position).collect()
}

#[test]
fn a_rare_word_beside_a_common_one_costs_no_walk_through_the_room() {
    let log = open("memory:").unwrap();
    let room = room(0);
    fill(&*log, &room, (1..=20_000).map(|n| format!("common{} {n}", if n == 77 { " rare" } else { "" })));
    index(&*log);
    // One position is in the index of the one pack that has both.
    let terms = |query: &str| query.split(' ').map(crc).collect::<Vec<u32>>();
    let newest = log.room_head(&room).unwrap() / 128 * 128 + 1;
    let found = log.find(&room, newest, &terms("common rare"), 10_000).unwrap();
    assert_eq!(found, Found::Indexed { messages: vec![77], next: 1, packs: 156 });
    assert_eq!(positions(&*log, &room, "rare COMMON", 20), [77]);
    assert_eq!(positions(&*log, &room, "common", 3), [20_000, 19_999, 19_998]);
}

fn crc(word: &str) -> u32 {
    // The index has the CRC-32 of the folded term.
    let mut crc = !0_u32;
    for byte in word.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn a_search_ends_with_nothing_found_and_says_where_to_go_on() {
    let log = open("memory:").unwrap();
    let room = room(0);
    // Nothing of it is in an index.
    fill(&*log, &room, (1..=10_000).map(|n| if n == 1 { "first".to_owned() } else { "x".to_owned() }));
    let query = Query::parse("first").unwrap();
    let (mut before, mut searches, mut found) = (Some(Position::MAX), 0, Vec::new());
    while let Some(at) = before {
        let page = search(&*log, &room, &query, at, 20);
        found.extend(page.messages.iter().map(|message| message.position));
        (before, searches) = (page.older, searches + 1);
    }
    assert_eq!((found, searches), (vec![1], 5));
}

#[test]
fn long_texts_end_a_search_early() {
    let log = open("memory:").unwrap();
    let room = room(0);
    fill(&*log, &room, (0..130).map(|_| "word ".repeat(13_000)));
    let page = search(&*log, &room, &Query::parse("nothing").unwrap(), Position::MAX, 20);
    assert!(page.messages.is_empty());
    assert!(page.older.is_some_and(|older| older > 100), "{:?}", page.older);
    index(&*log);
    let page = search(&*log, &room, &Query::parse("nothing").unwrap(), Position::MAX, 20);
    assert_eq!(page.older, None, "the index reads no text");
}

#[test]
fn a_large_pack_counts_as_several() {
    let log = open("memory:").unwrap();
    let room = room(0);
    let words = |n: usize| (0..6_000).map(|word| format!("w{n}x{word}")).collect::<Vec<_>>().join(" ");
    fill(&*log, &room, (0..128).map(words));
    index(&*log);
    let found = log.find(&room, 129, &[crc("nothing")], 8).unwrap();
    let Found::Indexed { messages, next, packs } = found else { panic!("{found:?}") };
    assert!(messages.is_empty() && packs >= 8, "{packs}");
    assert!(next > 120, "of two messages each, no more than four packs were looked at, down to {next}");
}

#[test]
fn a_log_without_an_index_gets_one_and_keeps_it_over_a_crash() {
    let mut run = Run::new();
    run.apply(&Op::Post { room: 0, count: 1_000, seed: 1 });
    run.apply(&Op::Restart);
    assert_eq!(packs_of(&run), 0);
    run.apply(&Op::Index);
    assert_eq!(packs_of(&run), 896);
    run.apply(&Op::Crash);
    assert_eq!(packs_of(&run), 896);
    run.compare();
    run.apply(&Op::Restart);
    run.check();
}

/// The events of the first room that are in the index.
fn packs_of(run: &Run) -> usize {
    let log = run.log();
    let is_indexed = |at: &Position| {
        matches!(log.find(&room(0), at + 1, &[0], 1).unwrap(), Found::Indexed { packs: 1, .. })
    };
    (1..=log.head()).filter(is_indexed).count()
}

#[test]
fn nothing_of_a_text_that_was_taken_away_stays_in_the_index() {
    for op in
        [Op::Edit { nth: 5, word: 0 }, Op::Delete { nth: 5 }, Op::Purge { room: 0 }, Op::Trim { percent: 1 }]
    {
        let mut run = Run::new();
        run.apply(&Op::Post { room: 0, count: 600, seed: 1 });
        run.apply(&Op::Index);
        assert_eq!(packs_of(&run), 512);
        run.apply(&op);
        let left = packs_of(&run);
        // A purge takes it away step by step; the first goes along with it.
        let expected = if matches!(op, Op::Purge { .. }) { 512 } else { 384 };
        assert!(left <= expected, "{op:?}: {left}");
        while run.log().moderation().counts().is_erasing() {
            run.log().commit(&[], 0).unwrap();
        }
        if matches!(op, Op::Purge { .. }) {
            assert_eq!(packs_of(&run), 0);
        }
        run.compare();
        run.apply(&Op::Index);
        run.compare();
        run.check();
    }
}

#[tokio::test]
async fn a_chat_with_an_index_makes_it_by_itself() -> Result<(), LogError> {
    let log = open("memory:").unwrap();
    let chat = Chat::builder().search_index(true).open_log(log.clone()).unwrap();
    for n in 0..300 {
        chat.send(&room(0), Draft::post(ada(), format!("message {n}"))).await.unwrap();
    }
    support::until("the index is there", async || {
        matches!(log.find(&room(0), 257, &[0], 9), Ok(Found::Indexed { packs: 2, .. }))
    })
    .await;
    let page = chat.search(&room(0), Query::parse("Message 7").unwrap(), None, 20).await.unwrap();
    assert_eq!(page.messages.iter().map(|message| message.position).collect::<Vec<_>>(), [8]);
    assert_eq!((page.older, page.head), (None, 300));
    chat.close().await
}
