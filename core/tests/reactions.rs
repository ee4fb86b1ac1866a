//! Reactions through the public face: one of a kind per author, counted, and gone with their message.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use millchat::log::NewRecord;
use millchat::{
    Action, Author, AuthorKind, Body, Chat, Delivery, Draft, Event, HistoryRange, Message, Position,
    REACTIONS_PER_MESSAGE_MAX, Reaction, Received, RetentionPolicy, RoomName, SendError, StartFrom,
    Timestamp,
};
use proptest::prelude::*;
use support::{Parking, act, ada, room, until};

fn author(id: &str) -> Author {
    Author { id: id.into(), name: id.to_uppercase().into(), kind: AuthorKind::Guest }
}

fn react(id: &str, target: Position, reaction: Reaction, on: bool) -> Draft {
    let action = Action::React { target, reaction, on };
    Draft { author: Some(author(id)), action, key: None }
}

fn lobby() -> RoomName {
    room("lobby")
}

/// The reactions to a message: of each kind how many, and whose.
fn shown(message: &Message) -> Vec<(Reaction, usize, Vec<String>)> {
    let ids = |authors: &[Author]| authors.iter().map(|author| author.id.to_string()).collect();
    message.reactions.iter().map(|it| (it.reaction, it.count, ids(&it.authors))).collect()
}

async fn message(chat: &Chat, position: Position) -> Message {
    let message = chat.message(&lobby(), position).await.unwrap().unwrap();
    let page = chat.history(&lobby(), HistoryRange::After(position - 1), 1).await.unwrap();
    assert_eq!(page.messages[0], message, "by page as by itself");
    message
}

/// All events of the room.
async fn events(chat: &Chat) -> Vec<Arc<Event>> {
    let mut reader = chat.subscribe(&lobby(), StartFrom::Last(1_000), None).await.unwrap();
    let (mut events, head) = (Vec::new(), chat.overview(&lobby()).await.unwrap().head);
    while events.last().is_none_or(|event: &Arc<Event>| event.position < head) {
        if let Delivery::Item(Received::Event(event)) = reader.next().await.unwrap().unwrap() {
            events.push(event);
        }
    }
    events
}

async fn post(chat: &Chat, text: &str) -> Position {
    chat.send(&lobby(), Draft::post(ada(), text)).await.unwrap().position
}

fn findings(path: &std::path::Path) -> (u64, Vec<String>) {
    let mut found = Vec::new();
    let checked =
        millchat::log::check(path, &mut |_, _| {}, &mut |finding| found.push(finding.to_string())).unwrap();
    (checked.reactions, found)
}

#[tokio::test]
async fn reactions_are_counted_by_kind_live_in_history_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let open = || Chat::open(path.to_str().unwrap()).unwrap();
    let chat = open();
    let target = post(&chat, "done").await;
    let other = post(&chat, "another").await;
    for (id, reaction) in [
        ("cleo", Reaction::Party),
        ("bob", Reaction::ThumbsUp),
        ("ada", Reaction::ThumbsUp),
        ("bob", Reaction::Party),
    ] {
        chat.send(&lobby(), react(id, target, reaction, true)).await.unwrap();
    }
    chat.send(&lobby(), react("bob", target, Reaction::Party, false)).await.unwrap();
    chat.send(&lobby(), react("bob", other, Reaction::Tears, true)).await.unwrap();
    let counts: Vec<_> = events(&chat)
        .await
        .iter()
        .filter_map(|event| match event.body {
            Body::Reaction { target, reaction, on, count } => Some((target, reaction, on, count)),
            _ => None,
        })
        .collect();
    let (up, party) = (Reaction::ThumbsUp, Reaction::Party);
    assert_eq!(
        counts,
        [
            (target, party, true, 1),
            (target, up, true, 1),
            (target, up, true, 2),
            (target, party, true, 2),
            (target, party, false, 1),
            (other, Reaction::Tears, true, 1),
        ]
    );
    let mut chat = chat;
    for _ in ["before", "after"] {
        let expected = [(up, 2, vec!["bob".into(), "ada".into()]), (party, 1, vec!["cleo".into()])];
        assert_eq!(shown(&message(&chat, target).await), expected, "the first ones first");
        assert_eq!(shown(&message(&chat, other).await).len(), 1);
        chat.close().await.unwrap();
        assert_eq!(findings(&path), (4, vec![]));
        chat = open();
    }
}

#[tokio::test]
async fn what_is_so_already_is_no_event_and_its_receipt_says_since_when() {
    let chat = Chat::open("memory:").unwrap();
    let target = post(&chat, "done").await;
    let up = |on| react("bob", target, Reaction::ThumbsUp, on);
    let never = chat.send(&lobby(), up(false)).await.unwrap();
    assert_eq!(never.position, target, "it is so since the message was posted");
    let first = chat.send(&lobby(), up(true)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(chat.send(&lobby(), up(true)).await.unwrap(), first);
    }
    let off = chat.send(&lobby(), up(false)).await.unwrap();
    assert!(off.position > first.position);
    assert_eq!(chat.send(&lobby(), up(false)).await.unwrap().position, target);
    assert_eq!(chat.head(), off.position);
    let again = chat.send(&lobby(), up(true)).await.unwrap();
    assert_eq!((again.position, chat.head()), (off.position + 1, off.position + 1));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_reacted_to_nor_by_nobody() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let cut = post(&chat, "cut").await;
    let gone = post(&chat, "gone").await;
    let there = post(&chat, "there").await;
    let elsewhere = chat.send(&room("other"), Draft::post(ada(), "x")).await.unwrap().position;
    let reacted = chat.send(&lobby(), react("bob", there, Reaction::Heart, true)).await.unwrap().position;
    chat.send(&lobby(), act(Action::Delete { target: gone, moderator: false })).await.unwrap();
    log.commit(&[], gone).unwrap();
    let head = chat.head();
    for on in [true, false] {
        for target in [0, cut, elsewhere, reacted, head + 1, Position::MAX] {
            let refused = chat.send(&lobby(), react("bob", target, Reaction::Heart, on)).await;
            assert!(matches!(refused, Err(SendError::UnknownTarget(at)) if at == target), "{refused:?}");
        }
        let refused = chat.send(&lobby(), react("bob", gone, Reaction::Heart, on)).await;
        assert!(matches!(refused, Err(SendError::TargetDeleted(_))), "{refused:?}");
        let nobody = Draft { author: None, ..react("bob", there, Reaction::Heart, on) };
        assert!(matches!(chat.send(&lobby(), nobody).await, Err(SendError::InvalidAuthor("id"))));
    }
    assert_eq!(chat.head(), head, "nothing was stored");
    let system = Draft { author: None, ..Draft::post(ada(), "maintenance at noon") };
    let system = chat.send(&lobby(), system).await.unwrap().position;
    chat.send(&lobby(), react("bob", system, Reaction::Tears, true)).await.unwrap();
    assert_eq!(shown(&message(&chat, system).await).len(), 1);
}

#[tokio::test]
async fn a_closed_room_and_a_banned_author_react_no_more_than_they_write() {
    let chat = Chat::open("memory:").unwrap();
    let target = post(&chat, "x").await;
    chat.send(&lobby(), react("bob", target, Reaction::Heart, true)).await.unwrap();
    chat.send(&lobby(), act(Action::Close)).await.unwrap();
    for on in [true, false] {
        let refused = chat.send(&lobby(), react("bob", target, Reaction::Heart, on)).await;
        assert!(matches!(refused, Err(SendError::RoomClosed)), "{refused:?}");
    }
    chat.send(&lobby(), act(Action::Open)).await.unwrap();
    chat.ban("bob", ada()).await.unwrap();
    for on in [true, false] {
        let refused = chat.send(&lobby(), react("bob", target, Reaction::Heart, on)).await;
        assert!(matches!(refused, Err(SendError::Banned)), "{refused:?}");
    }
    assert_eq!(shown(&message(&chat, target).await).len(), 1, "what was there stays");
}

#[tokio::test]
async fn a_message_has_so_many_reactions_and_no_more_also_by_one_batch() {
    let chat = Chat::open("memory:").unwrap();
    let (target, other) = (post(&chat, "x").await, post(&chat, "y").await);
    let reactions = |n: usize| Reaction::ALL[n % Reaction::ALL.len()];
    let sends = (0..REACTIONS_PER_MESSAGE_MAX + 20).map(|n| {
        let draft = react(&format!("author-{n}"), target, reactions(n), true);
        let chat = chat.clone();
        async move { chat.send(&lobby(), draft).await }
    });
    let outcomes = join_all(sends).await;
    let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert!(
        outcomes.iter().all(|it| matches!(it, Ok(_) | Err(SendError::TooManyReactions(_)))),
        "{outcomes:?}"
    );
    assert_eq!(refused, 20);
    let total = |message: &Message| message.reactions.iter().map(|it| it.count).sum::<usize>();
    assert_eq!(total(&message(&chat, target).await), REACTIONS_PER_MESSAGE_MAX);
    assert!(message(&chat, target).await.reactions.iter().all(|it| it.authors.len() == 50));
    // Another message has its own; and who takes one back makes room for one.
    chat.send(&lobby(), react("late", other, Reaction::Heart, true)).await.unwrap();
    chat.send(&lobby(), react("author-0", target, reactions(0), false)).await.unwrap();
    chat.send(&lobby(), react("late", target, Reaction::Heart, true)).await.unwrap();
    let refused = chat.send(&lobby(), react("later", target, Reaction::Heart, true)).await;
    assert!(matches!(refused, Err(SendError::TooManyReactions(_))), "{refused:?}");
}

#[tokio::test]
async fn a_delete_takes_the_reactions_with_it_also_when_both_are_in_one_batch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (chat, parking) = Parking::over(millchat::log::open(path.to_str().unwrap()).unwrap());
    let (target, other) = (post(&chat, "x").await, post(&chat, "y").await);
    for at in [target, other] {
        chat.send(&lobby(), react("bob", at, Reaction::Heart, true)).await.unwrap();
    }
    let delete = act(Action::Delete { target, moderator: false });
    let (lobby, late) = (lobby(), react("dan", target, Reaction::Heart, true));
    let before = chat.send(&lobby, react("cleo", target, Reaction::Heart, true));
    let at_once = futures_util::future::join3(before, chat.send(&lobby, delete), chat.send(&lobby, late));
    let (before, gone, after) = parking.in_one_batch(&chat, at_once).await;
    assert!(before.is_ok() && gone.is_ok(), "{before:?} {gone:?}");
    assert!(matches!(after, Err(SendError::TargetDeleted(_))), "{after:?}");
    assert_eq!(shown(&message(&chat, target).await), []);
    assert_eq!(shown(&message(&chat, other).await).len(), 1);
    chat.close().await.unwrap();
    assert_eq!(findings(&path), (1, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_room_has_no_reactions_from_the_acknowledgement_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    let mut targets = Vec::new();
    for n in 0..300 {
        targets.push(post(&chat, &n.to_string()).await);
    }
    // More than one step of the erasing takes.
    let sends = targets.iter().flat_map(|target| {
        let (chat, target) = (chat.clone(), *target);
        (0..8).map(move |n| {
            let (chat, draft) = (chat.clone(), react(&format!("author-{n}"), target, Reaction::Joy, true));
            async move { chat.send(&lobby(), draft).await.unwrap() }
        })
    });
    join_all(sends).await;
    chat.send(&lobby(), act(Action::Purge)).await.unwrap();
    let after = post(&chat, "after").await;
    chat.send(&lobby(), react("bob", after, Reaction::Joy, true)).await.unwrap();
    let page = chat.history(&lobby(), HistoryRange::Newest, 1_000).await.unwrap();
    assert_eq!(page.messages.iter().filter(|message| !message.reactions.is_empty()).count(), 1);
    let refused = chat.send(&lobby(), react("bob", targets[0], Reaction::Joy, false)).await;
    assert!(matches!(refused, Err(SendError::TargetDeleted(_))), "{refused:?}");
    until("the room is erased", async || chat.stats().purges == 0).await;
    chat.close().await.unwrap();
    chat.close().await.unwrap();
    assert_eq!(findings(&path), (1, vec![]));
}

#[tokio::test]
async fn a_trim_takes_reactions_with_their_records_and_the_rest_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = millchat::log::open(path.to_str().unwrap()).unwrap();
    let chat = Chat::builder().retention(RetentionPolicy::default()).open_log(log.clone()).unwrap();
    let cut = post(&chat, "cut").await;
    let first = chat.send(&lobby(), react("ada", cut, Reaction::Heart, true)).await.unwrap().position;
    let kept = post(&chat, "kept").await;
    chat.send(&lobby(), react("bob", cut, Reaction::Heart, true)).await.unwrap();
    chat.send(&lobby(), react("bob", kept, Reaction::Heart, true)).await.unwrap();
    log.commit(&[], first + 1).unwrap();
    assert_eq!(log.reactions(cut).unwrap().len(), 1, "whose record is there");
    assert_eq!(shown(&message(&chat, kept).await).len(), 1);
    log.commit(&[], kept + 2).unwrap();
    assert_eq!(log.reactions(cut).unwrap(), []);
    chat.close().await.unwrap();
    drop((chat, log));
    assert_eq!(findings(&path), (1, vec![]));
}

#[test]
fn a_page_of_much_reacted_messages_is_bounded_and_its_links_go_on() {
    const MESSAGES: usize = 40;
    let log = millchat::log::open("memory:").unwrap();
    let append = |id: &str, body| NewRecord::event(lobby(), Some(author(id)), Timestamp(1), body);
    for _ in 0..MESSAGES {
        let message = Body::Message { content: Some("x".into()), reply_to: None };
        let target = log.commit(&[append("ada", message)], 0).unwrap()[0].position;
        let react = |n: usize| {
            let body = Body::Reaction { target, reaction: Reaction::Heart, on: true, count: n as u64 + 1 };
            append(&format!("author-{n}"), body)
        };
        log.commit(&(0..REACTIONS_PER_MESSAGE_MAX).map(react).collect::<Vec<_>>(), 0).unwrap();
    }
    let chat = Chat::builder().open_log(log).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (mut seen, mut range) = (0, HistoryRange::Newest);
        loop {
            let page = chat.history(&lobby(), range, 1_000).await.unwrap();
            assert!(page.messages.len() <= 17, "{} messages", page.messages.len());
            seen += page.messages.len();
            let Some(older) = page.older else { break };
            range = HistoryRange::Before(older);
        }
        assert_eq!(seen, MESSAGES);
    });
}

/// A reaction to ask for (author, message, kind, and true to add it), or a delete of the message.
#[derive(Debug, Clone)]
enum Asked {
    React(usize, usize, Reaction, bool),
    Delete(usize),
}

fn asked() -> impl Strategy<Value = Asked> {
    let reaction = prop_oneof![Just(Reaction::ThumbsUp), Just(Reaction::Heart)];
    prop_oneof![
        30 => (0..3usize, 0..2usize, reaction, any::<bool>())
            .prop_map(|(who, of, what, on)| Asked::React(who, of, what, on)),
        1 => (0..2usize).prop_map(Asked::Delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_asked_at_once_each_author_has_each_kind_once_and_the_counts_are_right(
        batches in proptest::collection::vec(proptest::collection::vec(asked(), 1..25), 1..4)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let ids = ["ada", "bob", "cleo"];
        runtime.block_on(async {
            let chat = Chat::open(path.to_str().unwrap()).unwrap();
            let targets = [post(&chat, "one").await, post(&chat, "two").await];
            let mut there: BTreeSet<(usize, Reaction, usize)> = BTreeSet::new();
            let mut gone = [false; 2];
            for batch in &batches {
                let before = chat.head();
                let sends = batch.iter().map(|asked| {
                    let draft = match asked {
                        Asked::React(who, of, what, on) => react(ids[*who], targets[*of], *what, *on),
                        Asked::Delete(of) => act(Action::Delete { target: targets[*of], moderator: true }),
                    };
                    let chat = chat.clone();
                    async move { chat.send(&lobby(), draft).await }
                });
                let outcomes = join_all(sends).await;
                let mut made = 0;
                for (asked, outcome) in batch.iter().zip(outcomes) {
                    let of = match asked { Asked::React(_, of, ..) | Asked::Delete(of) => *of };
                    if gone[of] {
                        assert!(matches!(outcome, Err(SendError::TargetDeleted(_))), "{asked:?}: {outcome:?}");
                        continue;
                    }
                    let receipt = outcome.unwrap();
                    let changes = match asked {
                        Asked::React(who, _, what, true) => there.insert((of, *what, *who)),
                        Asked::React(who, _, what, false) => there.remove(&(of, *what, *who)),
                        Asked::Delete(_) => {
                            gone[of] = true;
                            there.retain(|(target, ..)| *target != of);
                            true
                        }
                    };
                    if changes {
                        made += 1;
                        assert_eq!(receipt.position, before + made, "{asked:?}");
                    } else {
                        assert!(receipt.position <= before + made, "{asked:?} makes no event");
                    }
                }
                assert_eq!(chat.head(), before + made);
                for (of, target) in targets.iter().enumerate() {
                    let shown = shown(&message(&chat, *target).await);
                    for what in [Reaction::ThumbsUp, Reaction::Heart] {
                        let expected: BTreeSet<String> = there.iter()
                            .filter(|(target, kind, _)| *target == of && *kind == what)
                            .map(|(_, _, who)| ids[*who].to_owned()).collect();
                        let found = shown.iter().find(|(kind, ..)| *kind == what);
                        let count = found.map_or(0, |(_, count, _)| *count);
                        let whose = found.map(|(_, _, whose)| whose.iter().cloned().collect()).unwrap_or_default();
                        assert_eq!((count, &whose), (expected.len(), &expected));
                    }
                }
            }
            // The counts that the events tell are those of the fold.
            let mut fold: BTreeSet<(Position, Reaction, String)> = BTreeSet::new();
            for event in events(&chat).await {
                let Body::Reaction { target, reaction, on, count } = event.body else { continue };
                let one = (target, reaction, event.author.as_ref().unwrap().id.to_string());
                assert!(if on { fold.insert(one) } else { fold.remove(&one) }, "{event:?} changes nothing");
                let of_kind = fold.iter().filter(|it| (it.0, it.1) == (target, reaction)).count();
                assert_eq!(count, of_kind as u64);
            }
            chat.close().await.unwrap();
        });
        assert_eq!(findings(&path).1, Vec::<String>::new());
    }
}
