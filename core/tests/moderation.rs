//! Moderation through the public face: closed rooms, banned authors, and the answers to senders and readers.

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use futures_util::StreamExt as _;
use millchat::log::{NewRecord, Payload};
use millchat::{
    Action, Author, AuthorKind, BANS_MAX, Body, Chat, Delivery, Draft, Receipt, Received, RoomName,
    SendError, Signal, StartFrom, Timestamp,
};
use support::{Meddled, room};

fn author(id: &str) -> Author {
    Author { id: id.into(), name: id.to_uppercase().as_str().into(), kind: AuthorKind::Guest }
}

fn by(id: &str, action: Action) -> Draft {
    Draft { author: Some(author(id)), action, key: None }
}

fn post(id: &str) -> Draft {
    Draft::post(author(id), "hello")
}

fn edit(id: &str, target: &Receipt, moderator: bool) -> Draft {
    by(id, Action::Edit { target: target.position, content: "new".into(), moderator })
}

fn delete(id: &str, target: &Receipt, moderator: bool) -> Draft {
    by(id, Action::Delete { target: target.position, moderator })
}

fn open(path: &Path) -> Chat {
    Chat::open(path.to_str().unwrap()).unwrap()
}

async fn accepts(chat: &Chat, to: &RoomName, draft: Draft) -> Receipt {
    chat.send(to, draft).await.unwrap()
}

async fn refuses(chat: &Chat, to: &RoomName, draft: Draft) -> SendError {
    chat.send(to, draft).await.unwrap_err()
}

#[tokio::test]
async fn a_closed_room_takes_no_posts_and_no_edits_until_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (lobby, other) = (room("lobby"), room("other"));
    let chat = open(&path);
    let first = accepts(&chat, &lobby, post("ada")).await;
    let second = accepts(&chat, &lobby, post("ada")).await;
    let closed = accepts(&chat, &lobby, by("mod", Action::Close)).await;
    assert_eq!((closed.position, closed.prev), (3, 2));
    let chat = {
        chat.close().await.unwrap();
        drop(chat);
        open(&path)
    };
    assert!(matches!(refuses(&chat, &lobby, post("ada")).await, SendError::RoomClosed));
    assert!(matches!(refuses(&chat, &lobby, post("mod")).await, SendError::RoomClosed));
    assert!(matches!(refuses(&chat, &lobby, edit("ada", &first, false)).await, SendError::RoomClosed));
    assert!(matches!(refuses(&chat, &lobby, edit("mod", &first, true)).await, SendError::RoomClosed));
    // What takes text away is taken.
    accepts(&chat, &lobby, delete("ada", &first, false)).await;
    accepts(&chat, &lobby, by("mod", Action::Purge)).await;
    accepts(&chat, &other, post("ada")).await;
    assert_eq!(chat.closed_rooms(), std::slice::from_ref(&lobby));
    assert!(chat.overview(&lobby).await.unwrap().closed && !chat.overview(&other).await.unwrap().closed);

    accepts(&chat, &lobby, by("mod", Action::Open)).await;
    let last = accepts(&chat, &lobby, post("ada")).await;
    assert!(chat.closed_rooms().is_empty() && !chat.overview(&lobby).await.unwrap().closed);
    // The chain tells it all, and who did it.
    let mut reader = chat.subscribe(&lobby, StartFrom::Last(9), None).await.unwrap();
    let mut told: Vec<(u64, String, Body)> = Vec::new();
    while told.last().is_none_or(|(position, ..)| *position < last.position) {
        if let Delivery::Item(Received::Event(event)) = reader.next().await.unwrap().unwrap() {
            let author = event.author.as_ref().unwrap();
            told.push((event.position, author.id.to_string(), event.body.clone()));
        }
    }
    let none = || Body::Message { content: None, reply_to: None };
    let expected = [
        (1, "ada", none()),
        (2, "ada", none()),
        (3, "mod", Body::Close),
        (4, "ada", Body::Delete { target: 1 }),
        (5, "mod", Body::Purge),
        (7, "mod", Body::Open),
        (8, "ada", Body::Message { content: Some("hello".into()), reply_to: None }),
    ];
    assert_eq!(told, expected.map(|(position, id, body)| (position, id.to_owned(), body)));
    assert_eq!(second.position, 2);
}

#[tokio::test]
async fn a_banned_author_writes_nothing_in_any_room_until_the_ban_is_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (lobby, other) = (room("lobby"), room("other"));
    let chat = open(&path);
    let first = accepts(&chat, &lobby, post("troll")).await;
    let ban = chat.ban("troll", author("mod")).await.unwrap();
    assert_eq!((ban.position, ban.prev), (2, 0));
    let chat = {
        chat.close().await.unwrap();
        drop(chat);
        open(&path)
    };
    assert!(matches!(refuses(&chat, &lobby, post("troll")).await, SendError::Banned));
    assert!(matches!(refuses(&chat, &other, post("troll")).await, SendError::Banned));
    assert!(matches!(refuses(&chat, &lobby, edit("troll", &first, false)).await, SendError::Banned));
    assert!(matches!(refuses(&chat, &lobby, delete("troll", &first, false)).await, SendError::Banned));
    // Others write on, and take away what the one who is banned has written.
    let next = accepts(&chat, &lobby, post("ada")).await;
    assert_eq!((next.position, next.prev), (3, 1), "a ban stands outside the chain of every room");
    accepts(&chat, &lobby, delete("mod", &first, true)).await;

    let bans = chat.bans();
    assert_eq!((bans.len(), &*bans[0].author_id, &bans[0].by), (1, "troll", &Some(author("mod"))));
    assert_eq!((bans[0].position, bans[0].created_at), (ban.position, ban.created_at));
    chat.unban("troll", author("mod")).await.unwrap();
    assert!(chat.bans().is_empty());
    accepts(&chat, &other, post("troll")).await;
    // To take back what is not, or a name that is none.
    chat.unban("nobody", author("mod")).await.unwrap();
    let nameless = chat.ban("", author("mod")).await.unwrap_err();
    assert!(matches!(nameless, SendError::InvalidAuthor("id")), "{nameless}");
}

#[tokio::test]
async fn a_banned_author_is_named_by_no_presence_and_no_typing() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    chat.ban("troll", author("mod")).await.unwrap();
    let mut reader = chat.subscribe(&lobby, StartFrom::Last(0), Some(author("ada"))).await.unwrap();
    let _troll = chat.subscribe(&lobby, StartFrom::Last(0), Some(author("troll"))).await.unwrap();
    chat.typing(&lobby, &author("troll"));
    chat.typing(&lobby, &author("eve"));
    let (mut present, mut types) = (None, None);
    while present.is_none() || types.is_none() {
        let Delivery::Item(Received::Signal(signal)) = reader.next().await.unwrap().unwrap() else {
            continue;
        };
        match &*signal {
            Signal::Presence(presence) if presence.count == 2 => present = Some(presence.authors.clone()),
            Signal::Typing(who) => types = Some(who.clone()),
            _ => {}
        }
    }
    assert_eq!(present.unwrap(), [author("ada")]);
    assert_eq!(types.unwrap(), [author("eve")]);
}

#[tokio::test]
async fn what_is_in_force_already_makes_no_event_and_keeps_its_receipt() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let lobby = room("lobby");
    let mut chat = open(&path);
    accepts(&chat, &lobby, post("ada")).await;
    let closed = accepts(&chat, &lobby, by("mod", Action::Close)).await;
    let banned = chat.ban("troll", author("mod")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(accepts(&chat, &lobby, by("other", Action::Close)).await, closed);
        assert_eq!(chat.ban("troll", author("other")).await.unwrap(), banned);
        assert_eq!(chat.head(), 3);
        chat.close().await.unwrap();
        drop(chat);
        chat = open(&path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_batch_each_is_judged_by_what_came_before_it() {
    let (begun, has_begun) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let (armed, goes_on) = (AtomicBool::new(false), parking(goes_on));
    let armed = std::sync::Arc::new(armed);
    let mut log = Meddled::new();
    log.before_commit = {
        let armed = armed.clone();
        Box::new(move || {
            if armed.swap(false, Ordering::AcqRel) {
                begun.send(()).unwrap();
                goes_on();
            }
            Ok(())
        })
    };
    let chat = log.open();
    let (lobby, other) = (room("lobby"), room("other"));
    let old = accepts(&chat, &lobby, post("ada")).await;
    let before = chat.stats().commits;
    armed.store(true, Ordering::Release);
    let plug = {
        let (chat, other) = (chat.clone(), other.clone());
        tokio::spawn(async move { accepts(&chat, &other, post("ada")).await })
    };
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    // Each is in the queue once it was polled, in this order.
    let (closed, in_closed, again, opened, in_open, banned, by_banned, ban_again, unbanned, by_free) = {
        let send = |to, draft| chat.send(to, draft);
        let (rest, ()) = tokio::join!(
            async {
                tokio::join!(
                    send(&lobby, by("mod", Action::Close)),
                    send(&lobby, post("ada")),
                    send(&lobby, by("mod", Action::Close)),
                    send(&lobby, by("mod", Action::Open)),
                    send(&lobby, post("ada")),
                    chat.ban("troll", author("mod")),
                    send(&other, post("troll")),
                    chat.ban("troll", author("mod")),
                    chat.unban("troll", author("mod")),
                    send(&other, post("troll")),
                )
            },
            async {
                let (emptied, edited, deleted) = tokio::join!(
                    send(&lobby, by("mod", Action::Purge)),
                    send(&lobby, edit("ada", &old, false)),
                    async {
                        let deleted = send(&lobby, delete("ada", &old, false));
                        let go = async { go_on.send(()).unwrap() };
                        tokio::join!(deleted, go).0
                    },
                );
                emptied.unwrap();
                assert!(matches!(edited, Err(SendError::TargetDeleted(_))), "{edited:?}");
                assert!(matches!(deleted, Err(SendError::TargetDeleted(_))), "{deleted:?}");
            },
        );
        rest
    };
    plug.await.unwrap();
    assert_eq!(chat.stats().commits, before + 2, "it was one batch");
    let closed = closed.unwrap();
    assert!(matches!(in_closed, Err(SendError::RoomClosed)), "{in_closed:?}");
    assert_eq!(again.unwrap(), closed);
    assert_eq!((opened.unwrap().prev, in_open.unwrap().prev), (closed.position, closed.position + 1));
    let banned = banned.unwrap();
    assert!(matches!(by_banned, Err(SendError::Banned)), "{by_banned:?}");
    assert_eq!(ban_again.unwrap(), banned);
    assert_eq!((banned.prev, banned.position), (0, closed.position + 3));
    assert_eq!(unbanned.unwrap().position, banned.position + 1);
    by_free.unwrap();
}

/// A receiver as something that may be shared and called.
fn parking(receiver: mpsc::Receiver<()>) -> impl Fn() + Send + Sync {
    let receiver = std::sync::Mutex::new(receiver);
    move || receiver.lock().unwrap().recv().unwrap()
}

#[tokio::test]
async fn a_repeated_key_gets_its_first_receipt_whatever_was_decided_since() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let lobby = room("lobby");
    let chat = open(&path);
    let draft = || post("ada").with_key("k");
    let first = accepts(&chat, &lobby, draft()).await;
    accepts(&chat, &lobby, by("mod", Action::Close)).await;
    chat.ban("ada", author("mod")).await.unwrap();
    assert_eq!(accepts(&chat, &lobby, draft()).await, first);
    let other = Draft::post(author("ada"), "other").with_key("k");
    assert!(matches!(refuses(&chat, &lobby, other.clone()).await, SendError::KeyReused));
    accepts(&chat, &lobby, by("mod", Action::Purge)).await;
    let mut chat = chat;
    for _ in 0..2 {
        assert_eq!(accepts(&chat, &lobby, draft()).await, first);
        // What the content was is not known any more, and a new key is refused.
        assert_eq!(accepts(&chat, &lobby, other.clone()).await, first);
        assert!(matches!(refuses(&chat, &lobby, post("ada").with_key("l")).await, SendError::Banned));
        chat.close().await.unwrap();
        drop(chat);
        chat = open(&path);
    }
}

#[tokio::test]
async fn what_is_in_force_outlives_its_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let lobby = room("lobby");
    let log = millchat::log::open(path.to_str().unwrap()).unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    accepts(&chat, &lobby, post("ada")).await;
    let closed = accepts(&chat, &lobby, by("mod", Action::Close)).await;
    let banned = chat.ban("troll", author("mod")).await.unwrap();
    accepts(&chat, &room("other"), post("ada")).await;
    // As retention does it when nobody sends.
    log.commit(&[], 5).unwrap();
    assert!(log.record(closed.position).unwrap().is_none() && log.record(banned.position).unwrap().is_none());
    chat.close().await.unwrap();
    drop((chat, log));
    let chat = open(&path);
    assert!(matches!(refuses(&chat, &lobby, post("ada")).await, SendError::RoomClosed));
    assert!(matches!(refuses(&chat, &room("other"), post("troll")).await, SendError::Banned));
    assert_eq!(accepts(&chat, &lobby, by("mod", Action::Close)).await, closed);
    assert_eq!(chat.bans()[0].position, banned.position);
    accepts(&chat, &lobby, by("mod", Action::Open)).await;
    accepts(&chat, &lobby, post("ada")).await;
}

#[tokio::test]
async fn one_ban_too_many_is_refused_and_stores_nothing() {
    let log = millchat::log::open("memory:").unwrap();
    let ban = |n: usize| NewRecord {
        payload: Payload::Ban(n.to_string().as_str().into()),
        author: None,
        created_at: Timestamp(1),
        key: None,
        content_hash: None,
    };
    let bans: Vec<_> = (1..BANS_MAX).map(ban).collect();
    for batch in bans.chunks(8_000) {
        log.commit(batch, 0).unwrap();
    }
    let chat = Chat::builder().open_log(log).unwrap();
    chat.ban("the last", author("mod")).await.unwrap();
    let error = chat.ban("one too many", author("mod")).await.unwrap_err();
    assert!(matches!(error, SendError::TooMany("banned authors")), "{error}");
    assert_eq!((chat.bans().len(), chat.head()), (BANS_MAX, BANS_MAX as u64));
    chat.unban("7", author("mod")).await.unwrap();
    chat.ban("one too many", author("mod")).await.unwrap();
}
