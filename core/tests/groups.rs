//! Groups: one reader of a room for many subscriptions that are at its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt as _;
use millchat::{
    Action, Body, Chat, Delivery, Dispatcher, Epoch, FrameKind, FrameSubscription, Frames, Item, StartFrom,
};

use support::{act, room};

mod support;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A chat whose frames are the texts, and a dispatcher of it.
fn open() -> (Chat, FrameKind, Dispatcher) {
    let mut builder = Chat::builder();
    let kind = builder.encoder(|_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
        if let Item::Event(event) = item
            && let Body::Message { content: Some(text), .. } = &event.body
        {
            out.extend_from_slice(text.as_bytes());
        }
    });
    let chat = builder.open("memory:").unwrap();
    let dispatcher = chat.dispatcher();
    (chat, kind, dispatcher)
}

/// A subscription that has had its opening and sleeps.
async fn asleep(dispatcher: &Dispatcher, kind: FrameKind, waker: &Waker) -> FrameSubscription {
    let mut reader =
        dispatcher.subscribe_frames(kind, &room("lobby"), StartFrom::Last(0), None).await.unwrap();
    assert_eq!(reader.place(), None, "it has its opening to deliver");
    assert!(matches!(reader.next().await, Some(Ok(Delivery::Opening(_)))));
    assert!(reader.poll_next_unpin(&mut Context::from_waker(waker)).is_pending());
    reader
}

async fn post(chat: &Chat, text: &str) -> u64 {
    let action = Action::Post { content: text.into(), reply_to: None };
    chat.send(&room("lobby"), act(action)).await.unwrap().position
}

fn text(polled: Poll<Option<Result<Delivery<Frames>, millchat::ReadError>>>) -> Option<String> {
    match polled {
        Poll::Ready(Some(Ok(Delivery::Item(frames)))) => {
            Some(String::from_utf8(frames.bytes.to_vec()).unwrap())
        }
        Poll::Ready(other) => panic!("{other:?}"),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_group_reads_for_its_subscriptions_which_are_not_woken_and_go_on_behind_it() {
    let (chat, kind, dispatcher) = open();
    tokio::spawn(dispatcher.run());
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut reader = asleep(&dispatcher, kind, &waker).await;
    assert!(!reader.has_company());
    let mut other = asleep(&dispatcher, kind, &waker).await;
    assert!(reader.has_company());
    let mut group = reader.group().unwrap();
    assert_eq!((group.place(), group.source()), (other.place(), other.source()));
    assert_eq!(text(group.poll_next_unpin(&mut Context::from_waker(&waker))), None);
    reader.rest();
    post(&chat, "first").await;
    while woken.count() == 0 {
        tokio::task::yield_now().await;
    }
    // The dispatcher wakes all at once.
    assert_eq!(woken.count(), 2, "the other and the group");
    let first = group.next().await.unwrap().unwrap();
    assert!(matches!(first, Delivery::Item(frames) if frames.bytes == "first" && frames.events == 1));
    reader.move_to(group.place().unwrap());
    let mut cx = Context::from_waker(&waker);
    assert_eq!(text(reader.poll_next_unpin(&mut cx)), None, "the group has delivered it");
    assert_eq!(text(other.poll_next_unpin(&mut cx)).as_deref(), Some("first"));
    assert_eq!((group.place(), reader.place()), (other.place(), other.place()));
    post(&chat, "second").await;
    assert!(matches!(reader.next().await, Some(Ok(Delivery::Item(frames))) if frames.bytes == "second"));
}

#[tokio::test]
async fn a_group_is_no_reader_and_its_room_stays_in_memory_for_it() {
    let (chat, kind, dispatcher) = open();
    let reader = asleep(&dispatcher, kind, Waker::noop()).await;
    let group = reader.group().unwrap();
    assert_eq!(chat.overview(&room("lobby")).await.unwrap().presence.count, 1);
    assert_eq!(chat.stats().subscriptions, 1);
    drop(reader);
    assert_eq!(chat.overview(&room("lobby")).await.unwrap().presence.count, 0);
    assert_eq!(chat.stats().subscriptions, 0);
    drop(group);
    assert_eq!(
        (chat.overview(&room("lobby")).await.unwrap().presence.count, chat.stats().subscriptions),
        (0, 0)
    );
}

#[tokio::test]
async fn what_a_group_has_delivered_may_be_handed_on_until_a_text_is_deleted() {
    let (chat, kind, dispatcher) = open();
    tokio::spawn(dispatcher.run());
    let mut group = asleep(&dispatcher, kind, Waker::noop()).await.group().unwrap();
    let position = post(&chat, "secret").await;
    group.next().await.unwrap().unwrap();
    assert!(group.may_still_deliver());
    post(&chat, "later").await;
    assert!(group.may_still_deliver());
    let delete = Action::Delete { target: position, moderator: false };
    chat.send(&room("lobby"), act(delete)).await.unwrap();
    assert!(!group.may_still_deliver());
    group.next().await.unwrap().unwrap();
    assert!(group.may_still_deliver());
}

#[tokio::test]
async fn what_a_group_has_delivered_is_good_although_other_texts_are_deleted() {
    let (chat, kind, dispatcher) = open();
    tokio::spawn(dispatcher.run());
    let delete = async |target| {
        let delete = Action::Delete { target, moderator: false };
        chat.send(&room("lobby"), act(delete)).await.unwrap();
    };
    let (older, edited) = (post(&chat, "older").await, post(&chat, "edited").await);
    let mut group = asleep(&dispatcher, kind, Waker::noop()).await.group().unwrap();
    let edit = Action::Edit { target: edited, content: "again".into(), moderator: false };
    chat.send(&room("lobby"), act(edit)).await.unwrap();
    post(&chat, "later").await;
    // The frames hold the edit and the later message.
    group.next().await.unwrap().unwrap();
    delete(older).await;
    assert!(group.may_still_deliver());
    let newest = post(&chat, "newest").await;
    delete(newest).await;
    assert!(group.may_still_deliver());
    delete(edited).await;
    assert!(!group.may_still_deliver(), "a text of the edit");
    assert!(!group.may_still_deliver());
}

#[tokio::test]
#[should_panic(expected = "nobody is led back")]
async fn a_subscription_is_not_led_back() {
    let (chat, kind, dispatcher) = open();
    let mut reader = asleep(&dispatcher, kind, Waker::noop()).await;
    let before = reader.place().unwrap();
    post(&chat, "x").await;
    reader.next().await.unwrap().unwrap();
    reader.move_to(before);
}

#[tokio::test]
#[should_panic(expected = "a place of another room")]
async fn a_subscription_is_not_led_into_another_room() {
    let (_chat, kind, dispatcher) = open();
    let mut reader = asleep(&dispatcher, kind, Waker::noop()).await;
    let elsewhere = dispatcher.subscribe_frames(kind, &room("kitchen"), StartFrom::Last(0), None).await;
    let mut elsewhere = elsewhere.unwrap();
    elsewhere.next().await.unwrap().unwrap();
    reader.move_to(elsewhere.place().unwrap());
}
