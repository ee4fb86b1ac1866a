//! Readers of several rooms in one stream, in the caught-up lists of all of them.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use millchat::{Draft, EventId, Position, RoomName, StartFrom};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use super::lists::meanwhile;
use super::served::{HEAD, PATIENCE, Served, ada, by_each_backend, event, mark, read_to, read_until};
use crate::access::rules::Rules;
use crate::detached::DetachedStream;
use crate::http::{self, Body};
use crate::sse::multi_room::MultiRoomStream;
use crate::sse::reader_stream::ReaderStream;

fn rooms() -> [RoomName; 2] {
    ["lobby", "other"].map(|name| RoomName::new(name).unwrap())
}

/// As many readers of both rooms who are in the lists of both.
async fn listed(served: &Rc<Served>, count: usize) -> Vec<(TcpStream, JoinHandle<()>)> {
    let expected = served.places() + count * rooms().len();
    let mut readers = Vec::new();
    for _ in 0..count {
        readers.push(served.reader_of_several(&rooms(), None).await);
    }
    for room in rooms() {
        let position = served.post(&room, "first").await;
        for (socket, _) in &mut readers {
            read_to(socket, position).await;
        }
    }
    served.all_join(expected).await;
    served.submissions.borrow_mut().clear();
    readers
}

#[tokio::test]
async fn a_reader_of_several_rooms_is_served_by_the_lists_of_all_of_them_and_told_which_room_it_is() {
    by_each_backend(async |served| {
        let [lobby, other] = rooms();
        let mut of_both = listed(&served, 3).await;
        let mut of_lobby = served.listed(&lobby, 2).await;
        for (socket, _) in &mut of_both {
            read_until(socket, |text| text.ends_with(" first\n")).await;
        }
        let in_lobby = served.chat.head();
        let position = served.post(&other, "news").await;
        for (socket, _) in &mut of_both {
            let text = read_to(socket, position).await;
            assert_eq!(text, format!("#other\n{position} 2 news\n"));
        }
        assert_eq!(*served.submissions.borrow(), [(3, true)]);
        served.submissions.borrow_mut().clear();
        let position = served.post(&lobby, "more").await;
        for (socket, _) in &mut of_both {
            let text = read_to(socket, position).await;
            assert_eq!(text, format!("#lobby\n{position} {in_lobby} more\n"));
        }
        for (socket, _) in &mut of_lobby {
            let text = read_to(socket, position).await;
            assert_eq!(text, format!("{position} {in_lobby} more\n"));
        }
        served.submissions.borrow_mut().sort_unstable();
        assert_eq!(*served.submissions.borrow(), [(2, true), (3, true)]);
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_several_rooms_joins_lists_also_while_it_is_the_only_reader() {
    by_each_backend(async |served| {
        let mut readers = listed(&served, 1).await;
        let position = served.post(&rooms()[0], "news").await;
        assert_eq!(read_to(&mut readers[0].0, position).await, format!("#lobby\n{position} 1 news\n"));
        assert_eq!(*served.submissions.borrow(), [(1, true)]);
        let (socket, task) = readers.remove(0);
        drop(socket);
        tokio::time::timeout(PATIENCE, task).await.expect("a hang-up is noticed").unwrap();
        while served.lists() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_may_not_read_one_of_its_rooms_any_more_goes_on_in_the_lists_of_the_others() {
    by_each_backend(async |served| {
        let [lobby, _] = rooms();
        let mut readers = listed(&served, 3).await;
        served.authority.set_rules(Rules { rooms: Some(vec!["lobby".parse().unwrap()]), ..Rules::default() });
        for (socket, _) in &mut readers {
            let text = read_until(socket, |text| text.ends_with("denied\n")).await;
            assert!(text.starts_with("#other\n"), "{text}");
        }
        served.all_join(3).await;
        served.submissions.borrow_mut().clear();
        let position = served.post(&lobby, "news").await;
        for (socket, _) in &mut readers {
            assert_eq!(read_to(socket, position).await, format!("#lobby\n{position} 1 news\n"));
        }
        assert_eq!(*served.submissions.borrow(), [(3, true)]);
    })
    .await;
}

#[tokio::test]
async fn readers_of_several_rooms_that_stop_reading_get_each_room_whole_and_in_order() {
    const READERS: usize = 30;
    const EACH: usize = 200;
    by_each_backend(async |served| {
        let mut tasks = Vec::new();
        let last = Rc::new(Cell::new(None));
        for number in 0..READERS {
            // Every other has hardly any buffers and stops for a while, now and then; every third also sends.
            let buffer = (number % 2 == 0).then_some(4 * 1024);
            let (mut socket, _task) = served.reader_of_several(&rooms(), buffer).await;
            let last = Rc::clone(&last);
            tasks.push(spawn_local(async move {
                let (mut bytes, mut reads) = (Vec::new(), 0);
                let mut positions = HashMap::<String, Position>::new();
                let mut room = rooms()[0].to_string();
                while last.get().is_none_or(|last| positions.values().all(|position| *position < last)) {
                    reads += 1;
                    if number % 2 == 0 && reads % 3 == 0 {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    if number % 3 == 1 && reads % 7 == 0 {
                        socket.write_all(b"x").await.unwrap();
                    }
                    assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0, "it ended");
                    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                    for line in String::from_utf8(bytes.drain(..whole).collect()).unwrap().lines() {
                        if let Some(named) = line.strip_prefix('#') {
                            named.clone_into(&mut room);
                            continue;
                        }
                        let Some((own, prev, text)) = event(line) else { continue };
                        let position = positions.entry(room.clone()).or_default();
                        assert_eq!(prev, *position, "reader {number} has {position} of {room}: {line:.20}");
                        assert!(text.bytes().all(|byte| byte == b'x') || text == "the last", "{line:.40}");
                        *position = own;
                    }
                }
            }));
        }
        let mut senders = Vec::new();
        for sender in 0..4 {
            let served = Rc::clone(&served);
            senders.push(spawn_local(async move {
                for message in 0..EACH {
                    let text = "x".repeat(10 + 400 * (message % 10));
                    served.post(&rooms()[sender % 2], &text).await;
                }
            }));
        }
        for sender in senders {
            sender.await.unwrap();
        }
        let newest = served.post(&rooms()[1], "the last").await;
        last.set(Some(newest));
        for task in tasks {
            tokio::time::timeout(PATIENCE, task).await.expect("it gets everything").unwrap();
        }
        let submissions = served.submissions.borrow();
        let by_list = |is_listed| submissions.iter().filter(|(_, listed)| *listed == is_listed).count();
        assert!(by_list(true) > 20 && by_list(false) > 20, "{} {}", by_list(true), by_list(false));
    })
    .await;
}

#[tokio::test]
async fn who_has_not_taken_what_one_room_brought_gets_nothing_of_another_before_the_rest() {
    by_each_backend(async |served| {
        let (mut slow, _task) = served.reader_of_several(&rooms(), Some(4 * 1024)).await;
        let mut before = Vec::new();
        for room in rooms() {
            before.push(served.post(&room, "first").await);
            read_to(&mut slow, before[before.len() - 1]).await;
        }
        served.all_join(rooms().len()).await;
        // Both lists have something to hand over before the reader's own task has a turn.
        let (chat, long) = (served.chat.clone(), "x".repeat(60_000));
        let text = long.clone();
        meanwhile(move || async move {
            for room in rooms() {
                chat.send(&room, Draft::post(ada(), text.as_str())).await.unwrap();
            }
        });
        let line = |nth: usize| {
            let position = before[1] + 1 + nth as Position;
            format!("#{}\n{position} {} {long}\n", rooms()[nth], before[nth])
        };
        let bytes = line(0).len() + line(1).len();
        let text = read_until(&mut slow, |text| text.len() >= bytes).await;
        let is_whole = text == line(0) + &line(1) || text == line(1) + &line(0);
        assert!(is_whole, "{}", text.replace('x', ""));
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_leaves_its_lists_is_told_again_which_room_it_is() {
    by_each_backend(async |served| {
        let [lobby, other] = rooms();
        let mut readers = listed(&served, 2).await;
        for (by_list, alone) in [(&lobby, &other), (&lobby, &other), (&other, &lobby), (&other, &lobby)] {
            let position = served.post(by_list, "together").await;
            for (socket, _) in &mut readers {
                assert!(read_to(socket, position).await.starts_with(&format!("#{by_list}\n")));
            }
            served.submissions.borrow_mut().clear();
            // They are let go, and each looks at its rights before it reads on.
            served.authority.set_rules(Rules::default());
            let position = served.post(alone, "alone").await;
            for (socket, _) in &mut readers {
                assert!(read_to(socket, position).await.starts_with(&format!("#{alone}\n")));
            }
            assert!(served.submissions.borrow().iter().all(|(_, is_listed)| !is_listed));
            served.all_join(4).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_several_rooms_leaves_hyper_with_the_head_of_its_answer() {
    by_each_backend(async |served| {
        let mut response = http::empty(StatusCode::OK);
        *response.body_mut() =
            Body::Events(Box::new(served.streams_of(&rooms().map(|room| (room, StartFrom::Last(0)))).await));
        let take = |_| DetachedStream::take(&mut response).expect("a stream is taken");
        let (mut socket, _task) = served.connect(std::future::ready(()), take, None).await;
        let position = served.post(&rooms()[1], "news").await;
        let text = read_to(&mut socket, position).await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("\r\n\r\n#other\nopen\n"), "{text}");
        assert!(text.ends_with(&format!("#other\n{position} 0 news\n")), "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_rooms_of_which_none_may_be_read_says_so_and_ends() {
    by_each_backend(async |served| {
        let notices = rooms().map(|room| (room, Bytes::from_static(b"denied\n")));
        let streams = Box::new(MultiRoomStream::new(Vec::new(), notices.into(), mark));
        let stream = |_| DetachedStream::new(HEAD, ReaderStream::Several(streams));
        let (mut socket, task) = served.connect(std::future::ready(()), stream, None).await;
        tokio::time::timeout(PATIENCE, task).await.expect("it ends").unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "head\n#other\ndenied\n#lobby\ndenied\n");
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_cannot_be_in_all_lists_of_its_rooms_begins_none() {
    by_each_backend(async |served| {
        let [lobby, other] = rooms();
        let _listed = listed(&served, 2).await;
        let mine = RoomName::new("mine").unwrap();
        let ahead = served.post(&mine, "later than all").await;
        // It is at a place in the other room that comes behind all that the room has.
        let place = StartFrom::After(EventId { epoch: served.chat.epoch(), position: ahead });
        let places = [(mine.clone(), StartFrom::Last(0)), (lobby, StartFrom::Last(0)), (other, place)];
        let (mut alone, _task) = served.reader_of_several_from(&places, None).await;
        let begun = served.begun();
        for _ in 0..5 {
            let position = served.post(&mine, "news").await;
            read_to(&mut alone, position).await;
        }
        assert_eq!(served.begun(), begun);
        // The next event of that room brings it to where the others are.
        let position = served.post(&rooms()[1], "news").await;
        read_to(&mut alone, position).await;
        served.all_join(2 * 2 + 3).await;
        assert_eq!(served.begun(), begun + 1);
    })
    .await;
}
