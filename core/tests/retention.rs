//! Retention through the public face: what goes, what stays, and how large the file gets.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use millchat::log::{Log, NewRecord, check};
use millchat::{
    Body, Chat, Draft, EventId, HistoryRange, Opening, Position, RetentionPolicy, RoomName, StartFrom,
    Timestamp, testing,
};
use support::people::{event, opening};
use support::{Meddled, ada, room, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_at_full_load_for_ten_times_its_retention_stays_within_its_bounds() {
    const KEEP_BYTES: u64 = 2_000_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let keep = RetentionPolicy { age: None, bytes: Some(KEEP_BYTES) };
    let chat = Chat::builder().retention(keep).open(path.to_str().unwrap()).unwrap();
    let file_bytes = || std::fs::metadata(&path).unwrap().len();
    let mut sizes = Vec::new();
    let mut sent = 0_u64;
    while sent < 10 * KEEP_BYTES {
        // 500 sends at once make one or few batches.
        let sends: Vec<_> = (0..500)
            .map(|n| {
                let chat = chat.clone();
                let room = RoomName::new(&format!("room-{}", n % 20)).unwrap();
                tokio::spawn(async move { chat.send(&room, Draft::post(ada(), "x".repeat(200))).await })
            })
            .collect();
        for send in sends {
            send.await.unwrap().unwrap();
        }
        sent += 500 * 300;
        let live_bytes = chat.stats().live_bytes;
        assert!(live_bytes <= KEEP_BYTES / 4 * 5 + 500 * 400, "{live_bytes} live bytes");
        sizes.push(file_bytes());
    }
    let (half, end) = (sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    assert_eq!(half, end, "the file still grows: {sizes:?}");
    assert!(end < 7 * KEEP_BYTES, "the file has {end} bytes");
    let (floor, head) = (chat.floor(), chat.head());
    assert!(floor > 1 && head - floor > 1_000, "{floor} {head}");
    let room = RoomName::new("room-0").unwrap();
    let page = chat.history(&room, HistoryRange::After(0), 1).await.unwrap();
    assert!(page.messages[0].position >= floor && page.messages[0].position < floor + 50);
    // What the trims left is whole: no row of anything is left of what is gone.
    chat.close().await.unwrap();
    let mut found = Vec::new();
    check(&path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(found, Vec::<String>::new());
}

fn aged(age_ms: u64, bytes: usize) -> NewRecord {
    let body = Body::Message { content: Some("x".repeat(bytes).into()), reply_to: None };
    NewRecord::event(RoomName::new("lobby").unwrap(), None, Timestamp(Timestamp::now().0 - age_ms), body)
}

#[tokio::test]
async fn a_log_whose_messages_become_large_stays_within_its_bounds() {
    const KEEP_BYTES: u64 = 8_000_000;
    const LARGE_BYTES: usize = 60_000;
    const BATCH_BYTES: u64 = 40 * (LARGE_BYTES as u64 + 1_000);
    let log = millchat::log::open("memory:").unwrap();
    let small = vec![aged(0, 1); 10_000];
    while log.live_bytes() < KEEP_BYTES {
        log.commit(&small, 0).unwrap();
    }
    let keep = RetentionPolicy { age: None, bytes: Some(KEEP_BYTES) };
    let chat = Chat::builder().retention(keep).open_log(log).unwrap();
    let lobby = RoomName::new("lobby").unwrap();
    // Each, and still more some at once, brings more bytes than a step of a trim takes from the small ones.
    for at_once in [1_usize, 40].into_iter().cycle().take(20) {
        let send = |_| {
            let (chat, lobby) = (chat.clone(), lobby.clone());
            async move { chat.send(&lobby, Draft::post(ada(), "x".repeat(LARGE_BYTES))).await.unwrap() }
        };
        futures_util::future::join_all((0..at_once).map(send)).await;
        let live_bytes = chat.stats().live_bytes;
        assert!(live_bytes <= KEEP_BYTES / 4 * 5 + BATCH_BYTES, "{live_bytes} live bytes");
    }
}

#[tokio::test]
async fn retention_takes_what_it_must_and_no_record_more() {
    // None is due for so long that the clock would be doubted.
    let ages_s = [3_640, 3_630, 3_620, 3_300, 2_100, 1_200, 600];
    let appends = ages_s.map(|age| aged(age * 1_000, 200));
    let kept = async |keep: &dyn Fn(u64) -> RetentionPolicy| {
        let log = millchat::log::open("memory:").unwrap();
        log.commit(&appends, 0).unwrap();
        let keep = keep(log.live_bytes() / ages_s.len() as u64);
        let chat = Chat::builder().retention(keep).open_log(log).unwrap();
        until("something goes", async || chat.floor() > 1).await;
        // Another look is taken with the next send.
        chat.send(&RoomName::new("other").unwrap(), Draft::post(ada(), "x")).await.unwrap();
        chat.floor()
    };
    let by_age = kept(&|_| RetentionPolicy { age: Some(Duration::from_hours(1)), bytes: None }).await;
    assert_eq!(by_age, 4, "three are older than an hour");
    // Three must go for that many bytes, and a fourth for the new one.
    let by_bytes = kept(&|record| RetentionPolicy { age: None, bytes: Some(record * 9 / 2) }).await;
    assert!(by_bytes == 4 || by_bytes == 5, "{by_bytes}");
}

#[tokio::test]
async fn events_go_by_age_when_nobody_sends_and_their_rooms_are_forgotten_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let path = path.to_str().unwrap();
    let lobby = RoomName::new("lobby").unwrap();
    let keep = RetentionPolicy { age: Some(Duration::from_millis(300)), bytes: None };
    let chat = Chat::builder().retention(keep).open(path).unwrap();
    for _ in 0..1_000 {
        chat.send(&lobby, Draft::post(ada(), "x")).await.unwrap();
    }
    // The floor is raised just before the commit that takes the records.
    until("all is cut", async || chat.floor() == 1_001 && chat.stats().live_bytes == 0).await;
    let stats = chat.stats();
    assert_eq!((stats.live_bytes, stats.head), (0, 1_000));
    chat.close().await.unwrap();
    drop(chat);
    // The floor and the position outlive a restart, and in the end the room's head goes too.
    let chat = Chat::builder().retention(keep).open(path).unwrap();
    assert_eq!((chat.floor(), chat.head()), (1_001, 1_000));
    let forgotten = async || chat.overview(&lobby).await.unwrap().head == 0;
    until("the room is forgotten", forgotten).await;
    let receipt = chat.send(&lobby, Draft::post(ada(), "x")).await.unwrap();
    assert_eq!((receipt.position, receipt.prev), (1_001, 0));
}

/// Days, in milliseconds.
fn days(count: i64) -> i64 {
    count * Duration::from_hours(24).as_millis() as i64
}

/// A log whose records were made this many milliseconds before now.
fn log_of(ages_ms: &[i64]) -> Arc<dyn Log> {
    let log = millchat::log::open("memory:").unwrap();
    let at = |age: &i64| Timestamp(Timestamp::now().0.checked_add_signed(-age).unwrap());
    let record = |age| NewRecord { created_at: at(age), ..aged(0, 10) };
    log.commit(&ages_ms.iter().map(record).collect::<Vec<_>>(), 0).unwrap();
    log
}

#[tokio::test]
async fn a_clock_that_was_ahead_or_is_ahead_takes_no_history() {
    let keep = RetentionPolicy { age: Some(Duration::from_hours(24 * 30)), bytes: None };
    for (what, ages_ms) in [
        ("it was ahead for one message", &[3_600_000, -days(40)][..]),
        ("it was ahead for some, and an import ended far ahead", &[3_600_000, -days(40), -days(2_000_000)]),
        ("it is ahead by ten days, and nothing is sent", &[days(39), days(38), days(10)]),
        ("it is ahead, and so is the newest message", &[days(40), days(39), 0]),
        ("it was farther ahead before", &[days(40), -days(5)]),
    ] {
        let looks = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&looks);
        let before_index = Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let log = Meddled { log: log_of(ages_ms), before_index, ..Meddled::new() };
        let chat = Chat::builder().retention(keep).open_log(Arc::new(log)).unwrap();
        // Each commit takes a step of the trim along.
        for _ in 0..3 {
            chat.send(&RoomName::new("r").unwrap(), Draft::post(ada(), "x")).await.unwrap();
        }
        // As does the writer when it is idle: this look comes after it.
        let before = looks.load(Ordering::Relaxed);
        until("the writer was idle", async || looks.load(Ordering::Relaxed) > before).await;
        assert_eq!(chat.floor(), 1, "{what}");
    }
}

/// Takes a room out of memory.
async fn forget(chat: &Chat, room: &RoomName) {
    let is_forgotten = async || {
        testing::forget_idle_rooms(chat);
        testing::position_before_newest(chat, room).is_none()
    };
    until("nobody holds the room", is_forgotten).await;
}

/// Resumes in a room, and returns how that opens.
async fn resume(chat: &Chat, room: &RoomName, position: Position) -> Opening {
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position });
    opening(&mut chat.subscribe(room, from, None).await.unwrap()).await.opening
}

#[tokio::test]
async fn a_room_in_which_nothing_was_said_shows_no_gap_however_far_retention_goes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let keep = RetentionPolicy { age: None, bytes: Some(20_000) };
    let open = || Chat::builder().retention(keep).open(path.to_str().unwrap()).unwrap();
    let (silent, busy) = (RoomName::new("silent").unwrap(), RoomName::new("busy").unwrap());
    let mut chat = open();
    let talk = async |chat: &Chat| {
        let before = chat.floor();
        while chat.floor() < before + 50 {
            chat.send(&busy, Draft::post(ada(), "x".repeat(500))).await.unwrap();
        }
    };
    talk(&chat).await;
    // The places of readers who joined at one time or another, in one way or another.
    let mut places = vec![0];
    for _ in 0..3 {
        for from in [StartFrom::Last(0), StartFrom::Last(100), StartFrom::Malformed] {
            let mut reader = chat.subscribe(&silent, from, None).await.unwrap();
            places.push(opening(&mut reader).await.id.position);
        }
        talk(&chat).await;
        for in_memory in [true, false] {
            if !in_memory {
                forget(&chat, &silent).await;
            }
            for place in &places {
                assert_eq!(resume(&chat, &silent, *place).await, Opening::Start, "{place}, {in_memory}");
            }
        }
        // The first thing that is said, after a restart, has nothing before it.
        chat.close().await.unwrap();
        chat = open();
        for place in &places {
            assert_eq!(resume(&chat, &silent, *place).await, Opening::Start, "{place}, after a restart");
        }
    }
    let first = chat.send(&silent, Draft::post(ada(), "at last")).await.unwrap();
    for in_memory in [true, false] {
        if !in_memory {
            forget(&chat, &silent).await;
        }
        for place in &places {
            let from = StartFrom::After(EventId { epoch: chat.epoch(), position: *place });
            let mut reader = chat.subscribe(&silent, from, None).await.unwrap();
            assert_eq!(opening(&mut reader).await.opening, Opening::Start, "{place}, {in_memory}");
            assert_eq!(event(&mut reader).await.position, first.position);
        }
        let mut reader = chat.subscribe(&silent, StartFrom::Last(100), None).await.unwrap();
        assert_eq!(opening(&mut reader).await.opening, Opening::Start);
        assert_eq!(event(&mut reader).await.position, first.position);
    }
}

#[tokio::test]
async fn a_silent_room_shows_no_gap_to_those_who_joined_after_another_was_forgotten() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let (silent, once, busy) = (room("silent"), room("once"), room("busy"));
    let mut reader = chat.subscribe(&silent, StartFrom::Last(9), None).await.unwrap();
    let early = opening(&mut reader).await.id.position;
    for to in [&once, &busy, &busy, &busy] {
        chat.send(to, Draft::post(ada(), "x")).await.unwrap();
    }
    log.commit(&[], 4).unwrap();
    log.forget_heads(None, Timestamp(u64::MAX), &|name| *name == silent).unwrap();
    // While somebody is in it, it is known that nothing was said.
    assert_eq!(resume(&chat, &silent, early).await, Opening::Start);
    drop(reader);
    forget(&chat, &silent).await;
    // After that it might be the one that was forgotten.
    assert_eq!(resume(&chat, &silent, early).await, Opening::Gap { from: 0, to: 3 });
    assert_eq!(resume(&chat, &once, 0).await, Opening::Gap { from: 0, to: 3 });
    for name in ["silent", "new", "other"] {
        let name = room(name);
        forget(&chat, &name).await;
        let mut reader = chat.subscribe(&name, StartFrom::Last(9), None).await.unwrap();
        let late = opening(&mut reader).await.id.position;
        drop(reader);
        chat.send(&busy, Draft::post(ada(), "x")).await.unwrap();
        log.commit(&[], chat.head()).unwrap();
        forget(&chat, &name).await;
        assert_eq!(resume(&chat, &name, late).await, Opening::Start, "{late}");
    }
}
