//! Retention through the public face: what goes, what stays, and how large the file gets.

use std::time::Duration;

use millchat::{Author, AuthorKind, Chat, Draft, HistoryRange, Keep, RoomName};

fn ada() -> Author {
    Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest }
}

/// Waits for what the committer does when nobody sends.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come to this: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_at_full_load_for_ten_times_its_retention_stays_within_its_bounds() {
    const KEEP_BYTES: u64 = 2_000_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let keep = Keep { age: None, bytes: Some(KEEP_BYTES) };
    let chat = Chat::builder().keep(keep).open(path.to_str().unwrap()).unwrap();
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_events_make_way_for_large_ones_in_time() {
    const KEEP_BYTES: u64 = 2_000_000;
    const LARGE_BYTES: usize = 20_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let keep = Keep { age: None, bytes: Some(KEEP_BYTES) };
    let chat = Chat::builder().keep(keep).open(path.to_str().unwrap()).unwrap();
    let lobby = RoomName::new("lobby").unwrap();
    let send_all = async |count: usize, bytes: usize| {
        let send = |_| {
            let (chat, lobby) = (chat.clone(), lobby.clone());
            tokio::spawn(async move { chat.send(&lobby, Draft::post(ada(), "x".repeat(bytes))).await })
        };
        for send in (0..count).map(send).collect::<Vec<_>>() {
            send.await.unwrap().unwrap();
        }
    };
    while chat.floor() == 1 {
        send_all(2_000, 20).await;
    }
    // Each batch brings what hundreds of the records at the floor take.
    for _ in 0..20 {
        send_all(20, LARGE_BYTES).await;
        let live_bytes = chat.stats().live_bytes;
        assert!(
            live_bytes <= KEEP_BYTES / 4 * 5 + 20 * (LARGE_BYTES as u64 + 400),
            "{live_bytes} live bytes"
        );
    }
}

#[tokio::test]
async fn events_go_by_age_when_nobody_sends_and_their_rooms_are_forgotten_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let path = path.to_str().unwrap();
    let lobby = RoomName::new("lobby").unwrap();
    let keep = Keep { age: Some(Duration::from_millis(300)), bytes: None };
    let chat = Chat::builder().keep(keep).open(path).unwrap();
    for _ in 0..1_000 {
        chat.send(&lobby, Draft::post(ada(), "x")).await.unwrap();
    }
    // The floor is raised just before the commit that takes the records.
    until("all is cut", || chat.floor() == 1_001 && chat.stats().live_bytes == 0).await;
    let stats = chat.stats();
    assert_eq!((stats.live_bytes, stats.head), (0, 1_000));
    chat.close().unwrap();
    drop(chat);
    // The floor and the position outlive a restart, and in the end the room's head goes too.
    let chat = Chat::builder().keep(keep).open(path).unwrap();
    assert_eq!((chat.floor(), chat.head()), (1_001, 1_000));
    for _ in 0..600 {
        if chat.overview(&lobby).await.unwrap().head == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(chat.overview(&lobby).await.unwrap().head, 0);
    let receipt = chat.send(&lobby, Draft::post(ada(), "x")).await.unwrap();
    assert_eq!((receipt.position, receipt.prev), (1_001, 0));
}
