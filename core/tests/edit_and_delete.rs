//! Edits and deletes through the public face: whose they are, and that a deleted text is served to nobody.

mod support;

use millchat::{
    Action, Body, Chat, Draft, EventId, HistoryRange, Message, SendError, StartFrom, Subscription, testing,
};
use support::people::{author, content, delete, draft, edit, event, opening};
use support::{Parking, room};

#[tokio::test]
async fn only_its_author_or_a_moderator_changes_a_message() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    let position = chat.send(&lobby, Draft::post(author("ada"), "x")).await.unwrap().position;
    let refused = |draft| async { chat.send(&lobby, draft).await.unwrap_err() };
    assert!(matches!(refused(edit("eve", position, "y")).await, SendError::NotAuthor(1)));
    assert!(matches!(refused(delete("eve", position)).await, SendError::NotAuthor(1)));
    assert!(matches!(refused(delete("ada", 9)).await, SendError::UnknownTarget(9)));
    assert!(matches!(
        chat.send(&room("other"), delete("ada", position)).await.unwrap_err(),
        SendError::UnknownTarget(1)
    ));
    let edited = chat.send(&lobby, edit("ada", position, "y")).await.unwrap().position;
    assert!(matches!(refused(delete("ada", edited)).await, SendError::UnknownTarget(2)));
    chat.send(&lobby, draft("mod", Action::Delete { target: position, moderator: true })).await.unwrap();
    assert!(matches!(refused(delete("ada", position)).await, SendError::TargetDeleted(1)));
    assert!(matches!(refused(edit("ada", position, "z")).await, SendError::TargetDeleted(1)));
}

#[tokio::test]
async fn two_deletes_at_once_make_one_event() {
    let (chat, parking) = Parking::over(millchat::log::open("memory:").unwrap());
    let lobby = room("lobby");
    let position = chat.send(&lobby, Draft::post(author("ada"), "x")).await.unwrap().position;
    let both = async {
        tokio::join!(chat.send(&lobby, delete("ada", position)), chat.send(&lobby, delete("ada", position)))
    };
    let (first, second) = parking.in_one_batch(&chat, both).await;
    assert!(first.is_ok() && matches!(second, Err(SendError::TargetDeleted(_))), "{first:?} {second:?}");
}

#[tokio::test]
async fn a_deleted_text_is_served_to_nobody_and_gone_from_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    let lobby = room("lobby");
    let secret = "a text that nobody must read again";
    let mut live = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    let target = chat.send(&lobby, Draft::post(author("ada"), secret)).await.unwrap().position;
    chat.send(&lobby, edit("ada", target, &format!("{secret}, edited"))).await.unwrap();
    chat.send(&lobby, delete("ada", target)).await.unwrap();
    let check = async |reader: &mut Subscription| {
        opening(reader).await;
        let kinds: Vec<_> = [event(reader).await, event(reader).await, event(reader).await].to_vec();
        assert!(kinds.iter().all(|event| content(event).is_none()), "{kinds:?}");
        assert!(matches!(kinds[2].body, Body::Delete { target: 1 }));
        assert_eq!(kinds.iter().map(|event| event.prev).collect::<Vec<_>>(), [0, 1, 2]);
    };
    check(&mut live).await;
    let from = StartFrom::After(EventId { epoch: chat.epoch(), position: 0 });
    check(&mut chat.subscribe(&lobby, from, None).await.unwrap()).await;
    drop(live);
    testing::forget_idle_rooms(&chat);
    check(&mut chat.subscribe(&lobby, from, None).await.unwrap()).await;
    assert_eq!(chat.history(&lobby, HistoryRange::Newest, 9).await.unwrap().messages[0].content, None);
    // Its records: none has it. (The file may hold old pages until they are written over.)
    chat.close().await.unwrap();
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    check(&mut chat.subscribe(&lobby, from, None).await.unwrap()).await;
}

#[tokio::test]
async fn history_says_who_deleted_a_message_as_long_as_its_delete_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let lobby = room("lobby");
    let names = async |chat: &Chat| {
        let page = chat.history(&lobby, HistoryRange::Newest, 9).await.unwrap();
        let name = |it: &Message| it.deleted_by.as_ref().map(|by| by.name.to_string());
        let one = chat.message(&lobby, 2).await.unwrap().unwrap();
        assert_eq!(name(&one), name(&page.messages[1]));
        page.messages.iter().map(name).collect::<Vec<_>>()
    };
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    for _ in 0..3 {
        chat.send(&lobby, Draft::post(author("ada"), "x")).await.unwrap();
    }
    chat.send(&lobby, edit("ada", 2, "y")).await.unwrap();
    assert_eq!(names(&chat).await, [None, None, None]);
    chat.send(&lobby, delete("ada", 1)).await.unwrap();
    chat.send(&lobby, draft("eve", Action::Delete { target: 2, moderator: true })).await.unwrap();
    let expected = [Some("ADA".to_owned()), Some("EVE".to_owned()), None];
    assert_eq!(names(&chat).await, expected);
    chat.close().await.unwrap();
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    assert_eq!(names(&chat).await, expected);
    // What a purge takes away, no delete did.
    chat.send(&lobby, draft("eve", Action::Purge)).await.unwrap();
    assert_eq!(names(&chat).await, expected);
    chat.close().await.unwrap();
    // With the event of the delete its row goes.
    let log = millchat::log::open(path.to_str().unwrap()).unwrap();
    assert!(log.delete_of(1).unwrap().is_some());
    log.commit(&[], 7).unwrap();
    assert!(log.delete_of(1).unwrap().is_none() && log.delete_of(2).unwrap().is_none());
    log.close().unwrap();
    drop(log);
    let mut found = Vec::new();
    millchat::log::check(&path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    assert_eq!(found, Vec::<String>::new());
}
