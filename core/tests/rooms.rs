//! The list of rooms.

use millchat::{Author, AuthorKind, Chat, Draft, RoomName};

async fn say(chat: &Chat, room: &str) -> u64 {
    let ada = Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest };
    chat.send(&RoomName::new(room).unwrap(), Draft::post(ada, "hello")).await.unwrap().position
}

async fn listed(chat: &Chat, after: Option<&str>, count: usize) -> Vec<(String, u64)> {
    let after = after.map(|name| RoomName::new(name).unwrap());
    let rooms = chat.rooms(after, count).await.unwrap();
    assert!(rooms.iter().all(|room| room.last_at.0 > 0));
    rooms.into_iter().map(|room| (room.room.as_str().to_owned(), room.head)).collect()
}

#[tokio::test]
async fn rooms_are_listed_by_name_and_by_page_also_those_since_the_last_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rooms.redb");
    let path = path.to_str().unwrap();
    let chat = Chat::open(path).unwrap();
    assert_eq!(listed(&chat, None, 10).await, []);
    for room in ["b", "d", "B", "a-1"] {
        say(&chat, room).await;
    }
    let of = |name: &str, head: u64| (name.to_owned(), head);
    let stored = [of("B", 3), of("a-1", 4), of("b", 1), of("d", 2)];
    assert_eq!(listed(&chat, None, 10).await, stored);
    // With the close they are in their table.
    chat.close().await.unwrap();
    let chat = Chat::open(path).unwrap();
    assert_eq!(listed(&chat, None, 10).await, stored);
    assert_eq!((say(&chat, "c").await, say(&chat, "b").await, say(&chat, "e").await), (5, 6, 7));
    let all = [of("B", 3), of("a-1", 4), of("b", 6), of("c", 5), of("d", 2), of("e", 7)];
    assert_eq!(listed(&chat, None, 10).await, all);
    for count in 1..7 {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = listed(&chat, after.as_deref(), count).await;
            assert!(page.len() <= count);
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            found.extend(page);
        }
        assert_eq!(found, all, "by {count}");
    }
    assert_eq!(listed(&chat, None, 0).await, []);
}
