//! People at one node, as the readers of another one see them.

use std::time::Duration;

use futures_util::StreamExt as _;
use millchat::{
    AnswerState, Author, Chat, Delivery, Draft, Received, RoomName, Signal, StartFrom, StoppedAnswer,
    Subscription, UnfinishedAnswer,
};

use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::Cluster;
use crate::{SETTLED_WITHIN, author, room, send, until};

async fn enter(chat: &Chat, to: &str, name: Option<&str>) -> Subscription {
    chat.subscribe(&room(to), StartFrom::Last(0), name.map(author)).await.unwrap()
}

/// Takes what a reader gets until a signal is as it shall be.
async fn seen(stream: &mut Subscription, what: &str, is_it: impl Fn(&Signal) -> bool) {
    let taking = async {
        loop {
            let next = stream.next().await.expect("the chat is open").unwrap();
            if let Delivery::Item(Received::Signal(signal)) = next
                && is_it(&signal)
            {
                return;
            }
        }
    };
    tokio::time::timeout(SETTLED_WITHIN, taking).await.expect(what);
}

fn ids(authors: &[Author]) -> Vec<&str> {
    let mut ids: Vec<_> = authors.iter().map(|author| &*author.id).collect();
    ids.sort_unstable();
    ids
}

fn is_presence(signal: &Signal, count: usize, names: &[&str]) -> bool {
    matches!(signal, Signal::Presence(presence) if presence.count == count && ids(&presence.authors) == names)
}

fn is_typing(signal: &Signal, names: &[&str]) -> bool {
    matches!(signal, Signal::Typing(authors) if ids(authors) == names)
}

async fn count(chat: &Chat, room: &RoomName) -> usize {
    chat.overview(room).await.unwrap().presence.count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_here_and_who_types_at_one_node_is_seen_at_the_others_until_five_seconds_after_it_is_gone() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let chat = |node| cluster.chat(node).unwrap();
    let mut here = enter(&chat(0), "lobby", Some("ada")).await;
    let there = (enter(&chat(1), "lobby", Some("bob")).await, enter(&chat(1), "lobby", Some("ada")).await);
    let counted = enter(&chat(2), "lobby", None).await;
    seen(&mut here, "all are here", |signal| is_presence(signal, 4, &["ada", "bob"])).await;

    // Also where nobody is in the room, as the requests of a person may come to any node.
    chat(2).typing(&room("lobby"), &author("bob"));
    seen(&mut here, "bob types", |signal| is_typing(signal, &["bob"])).await;
    send(&cluster, 1, "done", "bob").await;
    seen(&mut here, "bob has sent it", |signal| is_typing(signal, &[])).await;

    drop(counted);
    seen(&mut here, "one has left", |signal| is_presence(signal, 3, &["ada", "bob"])).await;
    let is_told = async || count(&chat(2), &room("lobby")).await == 3;
    let begun = tokio::time::Instant::now();
    while !is_told().await {
        assert!(begun.elapsed() < SETTLED_WITHIN, "a node without readers tells of them");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let rooms = chat(1).stats().rooms;
    chat(1).typing(&room("empty"), &author("eve"));
    assert_eq!(chat(1).stats().rooms, rooms, "where nobody reads at any node, nothing happens");

    chat(1).typing(&room("lobby"), &author("eve"));
    seen(&mut here, "eve types", |signal| is_typing(signal, &["eve"])).await;
    cluster.silence(1);
    seen(&mut here, "they are gone", |signal| is_presence(signal, 1, &["ada"])).await;
    seen(&mut here, "nobody types", |signal| is_typing(signal, &[])).await;
    drop(there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_rooms_than_a_node_tells_of_are_seen_at_that_node_and_the_others_everywhere() {
    const ROOMS: usize = 1_024;
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let (here, there) = (cluster.chat(0).unwrap(), cluster.chat(1).unwrap());
    let mut streams = Vec::new();
    let names: Vec<_> = (0..ROOMS + 30).map(|nth| format!("room-{nth}")).collect();
    for name in &names {
        streams.push(enter(&there, name, Some("ada")).await);
    }
    let told = async |chat: &Chat| {
        let mut told = 0;
        for name in &names {
            told += count(chat, &room(name)).await;
        }
        told
    };
    let begun = tokio::time::Instant::now();
    while told(&here).await < ROOMS {
        assert!(begun.elapsed() < SETTLED_WITHIN, "{} are told", told(&here).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Who types is told of each room, and with it no readers of one that has no place.
    let mut other = None;
    for name in &names {
        if count(&here, &room(name)).await == 0 {
            other = Some(name);
        }
    }
    let other = other.expect("some rooms are not told");
    let mut reader = enter(&here, other, None).await;
    there.typing(&room(other), &author("ada"));
    seen(&mut reader, "ada types", |signal| is_typing(signal, &["ada"])).await;
    assert_eq!(count(&here, &room(other)).await, 1, "who reads here");
    assert_eq!(told(&here).await, ROOMS + 1);
    assert!(told(&there).await >= names.len(), "at their own node all are seen");
}

fn is_answers(signal: &Signal, texts: &[&str]) -> bool {
    let text = |answer: &UnfinishedAnswer| answer.content.to_string();
    matches!(signal, Signal::Answers(answers) if answers.iter().map(text).collect::<Vec<_>>() == texts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_grows_at_all_nodes_and_a_stop_at_any_of_them_reaches_the_one_where_it_is_written() {
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let chat = |node| cluster.chat(node).unwrap();
    let question = send(&cluster, 1, "a question", "ada").await.position;
    until("it is known where the answer is written", || chat(0).head() >= question).await;
    let mut reader = enter(&chat(1), "lobby", Some("ada")).await;
    let answer = |text| {
        let answer = UnfinishedAnswer::new(author("bot"), question, AnswerState::Writing);
        UnfinishedAnswer { asker_id: Some("ada".into()), ..answer }.with_text(text)
    };
    let show = |text| chat(0).show_answer(&room("lobby"), answer(text));
    show("It");
    seen(&mut reader, "it has begun", |signal| is_answers(signal, &["It"])).await;
    show("It grows");
    seen(&mut reader, "it has grown", |signal| is_answers(signal, &["It grows"])).await;

    // A node where nobody reads knows it too, and by whom it may be stopped.
    until("the third node knows it", || chat(2).answers_elsewhere(&room("lobby")) == [answer("It grows")])
        .await;
    let stop = StoppedAnswer { room: room("lobby"), reply_to: question, author_id: "bot".into() };
    chat(2).stop_answer(stop.clone());
    until("the stop arrives", || chat(0).is_stopped_in_cluster(&stop)).await;
    seen(&mut reader, "it is gone", |signal| is_answers(signal, &[])).await;

    // A message ends another one at all nodes.
    let other = |text| {
        chat(0).show_answer(&room("lobby"), UnfinishedAnswer { author: author("other"), ..answer(text) });
    };
    other("Also");
    seen(&mut reader, "another is written", |signal| is_answers(signal, &["Also"])).await;
    let reply = Draft::reply(author("other"), question, "Also this");
    chat(0).send(&room("lobby"), reply).await.unwrap();
    seen(&mut reader, "it is a message", |signal| is_answers(signal, &[])).await;
}
