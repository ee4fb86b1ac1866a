//! Readers at a node that is cut off from the journal, and may not know what the others have deleted.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use millchat::{
    Action, Chat, Delivery, Draft, EventId, HistoryRange, Opening, Position, Query, ReadError, Received,
    ResetReason, SendError, StartFrom, Subscription,
};

use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::Cluster;
use crate::{SETTLED_WITHIN, author, room, send, until};

fn after(chat: &Chat, position: Position) -> StartFrom {
    StartFrom::After(EventId { epoch: chat.epoch(), position })
}

async fn subscribe(chat: &Chat, from: StartFrom) -> Subscription {
    chat.subscribe(&room("lobby"), from, None).await.expect("the node is current")
}

/// Takes deliveries until `count` events came, or the stream ends. Returns their positions.
async fn events(stream: &mut Subscription, count: usize) -> Result<Vec<Position>, ReadError> {
    let mut positions = Vec::new();
    while positions.len() < count {
        let next =
            tokio::time::timeout(SETTLED_WITHIN, stream.next()).await.expect("the stream goes on or ends");
        match next.expect("the chat is open")? {
            Delivery::Item(Received::Event(event)) => positions.push(event.position),
            Delivery::Item(Received::Signal(_)) => {}
            Delivery::Opening(opened) => assert_eq!(opened.opening, Opening::Start),
            gap @ Delivery::Gap { .. } => panic!("{gap:?}"),
        }
    }
    Ok(positions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_journal_takes_nothing_are_not_ready_until_it_does_and_give_what_there_is() {
    let journal = MemoryJournal::new(Trouble::None);
    let cluster = Cluster::start(journal.clone()).await;
    send(&cluster, 0, "there", "ada").await;
    journal.fill(true);
    let sends = [0, 1].map(|nth| {
        let (chat, draft) = (cluster.chat(nth).unwrap(), Draft::post(author("ada"), "in vain"));
        tokio::spawn(async move { chat.send(&room("lobby"), draft).await })
    });
    let refusal = Err("the journal takes no entries".to_owned());
    for nth in [0, 1] {
        let chat = cluster.chat(nth).unwrap();
        until("a node whose sends wait is not ready", || chat.ready() == refusal).await;
        let page = chat.history(&room("lobby"), HistoryRange::Newest, 10).await.unwrap();
        assert_eq!(page.messages[0].content.as_deref(), Some("there"));
    }
    for send in sends {
        let sent = send.await.unwrap();
        assert!(matches!(sent, Err(SendError::Unknown(_) | SendError::Unavailable(_))), "{sent:?}");
    }
    // Nobody waits any more, and it is full all the same.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(cluster.chat(1).unwrap().ready(), refusal);
    journal.fill(false);
    for nth in [0, 1, 2] {
        let chat = cluster.chat(nth).unwrap();
        until("it is ready again", || chat.ready().is_ok()).await;
    }
    send(&cluster, 2, "again", "ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_current_gives_no_text_and_ends_its_streams_which_go_on_elsewhere() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let (lobby, secret) = (room("lobby"), send(&cluster, 0, "secret", "ada").await.position);
    let (chat, other) = (cluster.chat(1).unwrap(), cluster.chat(0).unwrap());
    let mut stream = subscribe(&chat, StartFrom::Last(10)).await;
    let mut taken = events(&mut stream, 1).await.unwrap();
    let mut whole = chat.follow(0);
    cluster.cut(1, true);
    let delete = Action::Delete { target: secret, moderator: false };
    other.send(&lobby, Draft { author: Some(author("ada")), action: delete, key: None }).await.unwrap();
    send(&cluster, 0, "more", "ada").await;

    let ended = events(&mut stream, usize::MAX).await;
    assert!(matches!(ended, Err(ReadError::NotCurrent)), "{ended:?}");
    assert_eq!(chat.ready(), Err(ReadError::NotCurrent.to_string()));
    let history = chat.history(&lobby, HistoryRange::Newest, 10).await;
    assert!(matches!(history, Err(ReadError::NotCurrent)), "{history:?}");
    let found = chat.search(&lobby, Query::parse("secret").unwrap(), None, 10).await;
    assert!(matches!(found, Err(ReadError::NotCurrent)), "{found:?}");
    let message = chat.message(&lobby, secret).await;
    assert!(matches!(message, Err(ReadError::NotCurrent)), "{message:?}");
    let followed = whole.next().await.unwrap();
    assert!(matches!(followed, Err(ReadError::NotCurrent)), "{followed:?}");
    let refused = chat.subscribe(&lobby, StartFrom::Last(10), None).await.err();
    assert!(matches!(refused, Some(ReadError::NotCurrent)), "{refused:?}");

    let mut elsewhere = subscribe(&other, after(&chat, stream.position())).await;
    taken.extend(events(&mut elsewhere, 2).await.unwrap());
    assert_eq!(taken, [1, 2, 3], "each event once");

    cluster.cut(1, false);
    until("it is ready", || chat.ready().is_ok()).await;
    let page = chat.history(&lobby, HistoryRange::Newest, 10).await.unwrap();
    assert_eq!(page.messages[0].content, None);
    while whole.position() < 3 {
        whole.next().await.unwrap().expect("it goes on where it was");
    }
    let mut again = subscribe(&chat, after(&chat, elsewhere.position())).await;
    let newest = send(&cluster, 1, "newest", "ada").await;
    assert_eq!(events(&mut again, 1).await.unwrap(), [newest.position]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_ahead_of_its_new_node_waits_for_it() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let (lobby, chat) = (room("lobby"), cluster.chat(1).unwrap());
    send(&cluster, 1, "before", "ada").await;
    cluster.cut(1, true);
    let ahead = send(&cluster, 0, "ahead of node 1", "ada").await;
    assert!(chat.head() < ahead.position);
    let mut opening = Box::pin(chat.subscribe(&lobby, after(&chat, ahead.position), None));
    assert!(opening.as_mut().now_or_never().is_none(), "it waits");
    cluster.cut(1, false);
    let mut stream = opening.await.unwrap();
    let next = send(&cluster, 0, "next", "ada").await;
    assert_eq!(events(&mut stream, 1).await.unwrap(), [next.position]);

    // A place that no node has.
    let mut stream = subscribe(&chat, after(&chat, Position::MAX)).await;
    let Some(Ok(Delivery::Opening(opened))) = stream.next().await else { panic!("it opens") };
    assert_eq!(opened.opening, Opening::Reset(ResetReason::Ahead));

    // One that the node cannot judge.
    cluster.cut(1, true);
    let refused = chat.subscribe(&lobby, after(&chat, Position::MAX), None);
    let refused = tokio::time::timeout(Duration::from_mins(1), refused).await.unwrap().err();
    assert!(matches!(refused, Some(ReadError::NotCurrent)), "{refused:?}");
}
