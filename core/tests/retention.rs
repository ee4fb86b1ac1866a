//! Retention through the public face: what goes, what stays, and how large the file gets.

mod support;

use std::time::Duration;

use millchat::log::{NewRecord, check};
use millchat::{Body, Chat, Draft, HistoryRange, RetentionPolicy, RoomName, Timestamp};
use support::{ada, until};

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
    const MINUTE_MS: u64 = 60_000;
    let ages_min = [80, 70, 65, 55, 35, 20, 10];
    let appends = ages_min.map(|age| aged(age * MINUTE_MS, 200));
    let kept = async |keep: &dyn Fn(u64) -> RetentionPolicy| {
        let log = millchat::log::open("memory:").unwrap();
        log.commit(&appends, 0).unwrap();
        let keep = keep(log.live_bytes() / ages_min.len() as u64);
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

#[tokio::test]
async fn a_clock_that_was_ahead_for_one_message_takes_no_history() {
    const DAY: Duration = Duration::from_hours(24);
    let log = millchat::log::open("memory:").unwrap();
    let ahead = NewRecord {
        created_at: Timestamp(Timestamp::now().0 + (40 * DAY).as_millis() as u64),
        ..aged(0, 10)
    };
    log.commit(&[aged(3_600_000, 10), ahead], 0).unwrap();
    let keep = RetentionPolicy { age: Some(30 * DAY), bytes: None };
    let chat = Chat::builder().retention(keep).open_log(log).unwrap();
    // Each commit takes a step of the trim along.
    for _ in 0..3 {
        chat.send(&RoomName::new("r").unwrap(), Draft::post(ada(), "x")).await.unwrap();
    }
    assert_eq!(chat.floor(), 1);
}
