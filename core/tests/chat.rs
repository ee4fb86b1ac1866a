//! The core through its public face.

mod support;

use futures_util::StreamExt as _;
use millchat::{
    AnswerState, Chat, Delivery, Draft, Epoch, EventId, GapReason, HistoryRange, Item, Opening, Position,
    Received, ResetReason, RoomName, SendError, Signal, StartFrom, Subscription, UnfinishedAnswer, testing,
};
use support::people::{PATIENCE, author, content, delete, edit, event, next, opening};
use support::{Parking, room};

#[tokio::test]
async fn a_message_reaches_a_reader_and_history_as_it_was_acknowledged() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    let mut reader = chat.subscribe(&lobby, StartFrom::Last(100), None).await.unwrap();
    let opened = opening(&mut reader).await;
    assert_eq!((opened.opening, opened.id.position, opened.head, opened.floor), (Opening::Start, 0, 0, 1));
    let receipt = chat.send(&lobby, Draft::post(author("ada"), "a\r\nb\rc")).await.unwrap();
    let got = event(&mut reader).await;
    assert_eq!(
        (got.position, got.prev, got.created_at),
        (receipt.position, receipt.prev, receipt.created_at)
    );
    assert_eq!(content(&got), Some("a\nb\nc"));
    let page = chat.history(&lobby, HistoryRange::Newest, 100).await.unwrap();
    assert_eq!((page.messages.len(), page.head, page.older, page.newer), (1, 1, None, None));
    assert_eq!(page.messages[0].content.as_deref(), Some("a\nb\nc"));
}

#[tokio::test]
async fn everything_said_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let path = path.to_str().unwrap();
    let lobby = room("lobby");
    let (epoch, key);
    {
        let chat = Chat::open(path).unwrap();
        for n in 1..=300 {
            let receipt = chat.send(&lobby, Draft::post(author("ada"), n.to_string())).await.unwrap();
            assert_eq!((receipt.position, receipt.prev), (n, n - 1));
        }
        (epoch, key) = (chat.epoch(), chat.signing_key());
        let error = Chat::open(path).err().unwrap().to_string();
        assert!(error.contains(path) && error.contains("in use"), "{error}");
        chat.close().await.unwrap();
    }
    let chat = Chat::open(path).unwrap();
    assert_eq!((chat.epoch(), chat.signing_key(), chat.head()), (epoch, key, 300));
    let receipt = chat.send(&lobby, Draft::post(author("ada"), "301")).await.unwrap();
    assert_eq!((receipt.position, receipt.prev), (301, 300));
    let mut reader =
        chat.subscribe(&lobby, StartFrom::After(EventId { epoch, position: 0 }), None).await.unwrap();
    assert_eq!(opening(&mut reader).await.opening, Opening::Start);
    for n in 1..=301 {
        let got = event(&mut reader).await;
        assert_eq!((got.position, got.prev, content(&got)), (n, n - 1, Some(n.to_string().as_str())));
    }
}

#[tokio::test]
async fn a_reader_can_begin_anywhere() {
    let chat = Chat::open("memory:").unwrap();
    let (lobby, other) = (room("lobby"), room("other"));
    for n in 0..600 {
        let to = if n % 3 == 0 { &other } else { &lobby };
        chat.send(to, Draft::post(author("ada"), n.to_string())).await.unwrap();
    }
    testing::forget_idle_rooms(&chat);
    // Twice: from the log, and from what the first has brought into memory.
    for _ in 0..2 {
        for (count, first) in
            [(0, None), (1, Some(600)), (2, Some(599)), (100, Some(452)), (1_000, Some(2)), (9_999, Some(2))]
        {
            let mut reader = chat.subscribe(&lobby, StartFrom::Last(count), None).await.unwrap();
            let opened = opening(&mut reader).await;
            assert_eq!((opened.opening, opened.head), (Opening::Start, 600), "newest {count}");
            match first {
                None => assert_eq!(opened.id.position, 600),
                Some(first) => {
                    let got = event(&mut reader).await;
                    assert_eq!((got.position, got.prev), (first, opened.id.position), "newest {count}");
                }
            }
        }
        // 4 is a position of the other room.
        for (place, next) in [(0, 2), (2, 3), (3, 5), (4, 5), (300, 302), (598, 599), (599, 600)] {
            let from = StartFrom::After(EventId { epoch: chat.epoch(), position: place });
            let mut reader = chat.subscribe(&lobby, from, None).await.unwrap();
            let opened = opening(&mut reader).await;
            assert_eq!((opened.opening, opened.id.position), (Opening::Start, place));
            let mut at = next;
            while at <= 600 {
                let got = event(&mut reader).await;
                assert_eq!(got.position, at, "after {place}");
                at += if at % 3 == 0 { 2 } else { 1 };
            }
        }
    }
}

#[tokio::test]
async fn an_id_of_no_or_another_log_resets() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    chat.send(&lobby, Draft::post(author("ada"), "x")).await.unwrap();
    let place = |position| EventId { epoch: chat.epoch(), position };
    let foreign = EventId { epoch: millchat::Epoch(chat.epoch().0 ^ 1), position: 1 };
    for (from, reason) in [
        (StartFrom::Malformed, ResetReason::Malformed),
        (StartFrom::After(foreign), ResetReason::Epoch),
        (StartFrom::After(place(2)), ResetReason::Ahead),
    ] {
        let mut reader = chat.subscribe(&lobby, from, None).await.unwrap();
        let opened = opening(&mut reader).await;
        assert_eq!((opened.opening, opened.id.position), (Opening::Reset(reason), 0));
        assert_eq!(event(&mut reader).await.position, 1);
    }
}

#[tokio::test]
async fn a_reader_far_behind_catches_up_from_the_log_and_goes_on_live() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    let mut slow = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    opening(&mut slow).await;
    let mut sends = Vec::new();
    for n in 0..3_000 {
        let (chat, lobby) = (chat.clone(), lobby.clone());
        sends.push(tokio::spawn(async move {
            chat.send(&lobby, Draft::post(author("ada"), n.to_string())).await
        }));
    }
    for send in sends {
        send.await.unwrap().unwrap();
    }
    for n in 1..=3_000 {
        let got = event(&mut slow).await;
        assert_eq!((got.position, got.prev), (n, n - 1));
    }
    chat.send(&lobby, Draft::post(author("ada"), "live")).await.unwrap();
    assert_eq!(content(&*event(&mut slow).await), Some("live"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_join_an_expired_room_at_once_and_one_sends_immediately() {
    let chat = Chat::open("memory:").unwrap();
    for round in 0..300 {
        let name = room(&format!("room-{round}"));
        chat.send(&name, Draft::post(author("ada"), "before")).await.unwrap();
        drop(chat.subscribe(&name, StartFrom::Last(1), None).await.unwrap());
        let expire = {
            let chat = chat.clone();
            tokio::task::spawn_blocking(move || (0..20).for_each(|_| testing::forget_idle_rooms(&chat)))
        };
        let join = |sends: bool| {
            let (chat, name) = (chat.clone(), name.clone());
            tokio::spawn(async move {
                let mut reader = chat.subscribe(&name, StartFrom::Last(0), None).await.unwrap();
                let sent = if sends {
                    Some(chat.send(&name, Draft::post(author("ada"), "at once")).await.unwrap().position)
                } else {
                    None
                };
                let opened = opening(&mut reader).await;
                (reader, opened, sent)
            })
        };
        let (first, second) = (join(false), join(true));
        let (mut first, first_opened, _) = first.await.unwrap();
        let (mut second, _, sent) = second.await.unwrap();
        expire.await.unwrap();
        let sent = sent.unwrap();
        assert_eq!(event(&mut second).await.position, sent);
        if first_opened.id.position < sent {
            assert_eq!(event(&mut first).await.position, sent, "round {round}");
        }
        // And they are in the same room still.
        let last = chat.send(&name, Draft::post(author("ada"), "last")).await.unwrap().position;
        assert_eq!(event(&mut first).await.position, last, "round {round}");
        assert_eq!(event(&mut second).await.position, last, "round {round}");
    }
}

#[tokio::test]
async fn history_goes_both_ways_and_shows_the_latest_state() {
    let chat = Chat::open("memory:").unwrap();
    let (lobby, other) = (room("lobby"), room("other"));
    for n in 1..=700_u64 {
        let to = if n % 2 == 0 { &other } else { &lobby };
        chat.send(to, Draft::post(author("ada"), n.to_string())).await.unwrap();
    }
    chat.send(&lobby, edit("ada", 699, "first edit")).await.unwrap();
    chat.send(&lobby, edit("ada", 699, "edited")).await.unwrap();
    chat.send(&lobby, delete("ada", 697)).await.unwrap();
    // Backwards.
    let (mut all, mut range) = (Vec::new(), HistoryRange::Newest);
    loop {
        let page = chat.history(&lobby, range, 64).await.unwrap();
        assert_eq!((page.head, page.floor), (703, 1));
        all.splice(0..0, page.messages);
        match page.older {
            Some(before) => range = HistoryRange::Before(before),
            None => break,
        }
    }
    let odd: Vec<Position> = (1..=699).step_by(2).collect();
    assert_eq!(all.iter().map(|message| message.position).collect::<Vec<_>>(), odd);
    // Forwards.
    let (mut forwards, mut after) = (Vec::new(), Some(0));
    while let Some(at) = after {
        let page = chat.history(&lobby, HistoryRange::After(at), 64).await.unwrap();
        forwards.extend(page.messages);
        after = page.newer;
    }
    assert_eq!(forwards, all);
    let [.., deleted, edited] = &all[..] else { panic!() };
    assert_eq!((deleted.position, deleted.content.as_deref()), (697, None));
    assert_eq!((edited.position, edited.content.as_deref()), (699, Some("edited")));
    assert!(edited.edited_at.is_some());
    let page = chat.history(&lobby, HistoryRange::Before(700), 1).await.unwrap();
    assert_eq!(page.messages[0].position, 699);
    let past = chat.history(&lobby, HistoryRange::After(9_999), 10).await.unwrap();
    assert!(past.messages.is_empty() && past.newer.is_none() && past.older.is_some());
    let one = chat.message(&lobby, 699).await.unwrap().unwrap();
    assert_eq!(&one, edited);
    assert!(chat.message(&lobby, 2).await.unwrap().is_none(), "it is of the other room");
}

#[tokio::test]
async fn a_key_makes_one_event_also_at_once_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let path = path.to_str().unwrap();
    let (lobby, other) = (room("lobby"), room("other"));
    let keyed = |content: &str| Draft::post(author("ada"), content).with_key("k");
    let first;
    {
        let (chat, parking) = Parking::over(millchat::log::open(path).unwrap());
        // The window of keys is there once it has counted.
        chat.send(&lobby, Draft::post(author("ada"), "before").with_key("j")).await.unwrap();
        let at_once = async {
            tokio::join!(
                chat.send(&lobby, keyed("x")),
                chat.send(&lobby, keyed("x")),
                chat.send(&lobby, keyed("y")),
                chat.send(&lobby, Draft::post(author("eve"), "x").with_key("k")),
            )
        };
        let (a, b, reused, c) = parking.in_one_batch(&chat, at_once).await;
        first = a.unwrap();
        assert_eq!(first, b.unwrap());
        assert!(matches!(reused, Err(SendError::KeyReused)), "{reused:?}");
        assert_ne!(first, c.unwrap(), "another author's key is another key");
        assert_eq!(chat.send(&lobby, keyed("x")).await.unwrap(), first);
        assert!(matches!(chat.send(&lobby, keyed("y")).await, Err(SendError::KeyReused)));
        assert!(matches!(chat.send(&other, keyed("x")).await, Err(SendError::KeyReused)));
        assert_eq!(chat.head(), 4);
        chat.close().await.unwrap();
    }
    let chat = Chat::open(path).unwrap();
    assert_eq!(chat.send(&lobby, keyed("x")).await.unwrap(), first);
    assert!(matches!(chat.send(&lobby, keyed("y")).await, Err(SendError::KeyReused)));
    chat.send(&lobby, delete("ada", first.position)).await.unwrap();
    assert_eq!(chat.send(&lobby, keyed("x")).await.unwrap(), first, "also after a delete");
    assert_eq!(chat.head(), 5);
}

#[tokio::test]
async fn what_is_wrong_with_a_draft_is_said_and_nothing_is_stored() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    let send = async |draft| chat.send(&lobby, draft).await.unwrap_err();
    assert!(matches!(send(Draft::post(author("a"), " \n\t\u{3000}")).await, SendError::NoText));
    let large = send(Draft::post(author("a"), "x".repeat(65_537))).await;
    assert_eq!(large.to_string(), "the message is 65537 bytes; the limit is 65536");
    assert!(matches!(
        send(Draft::post(author("a"), "x").with_key("")).await,
        SendError::InvalidKey { bytes: 0 }
    ));
    assert!(matches!(send(Draft::post(author("a\nb"), "x")).await, SendError::InvalidAuthor("id")));
    assert_eq!(chat.head(), 0);
    chat.send(&lobby, Draft::post(author("a"), "x".repeat(65_536))).await.unwrap();
}

#[tokio::test]
async fn presence_and_typing_reach_readers_and_go_with_them() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    let mut reader = chat.subscribe(&lobby, StartFrom::Last(0), Some(author("ada"))).await.unwrap();
    let other = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    opening(&mut reader).await;
    let signal = async |reader: &mut Subscription| match next(reader).await {
        Delivery::Item(Received::Signal(signal)) => signal,
        other => panic!("{other:?}"),
    };
    let until = async |reader: &mut Subscription, wanted: &dyn Fn(&Signal) -> bool| {
        while !wanted(&*signal(reader).await) {}
    };
    until(
        &mut reader,
        &|signal| matches!(signal, Signal::Presence(p) if p.count == 2 && p.authors == [author("ada")]),
    )
    .await;
    drop(other);
    until(&mut reader, &|signal| matches!(signal, Signal::Presence(p) if p.count == 1)).await;
    chat.typing(&lobby, &author("eve"));
    until(&mut reader, &|signal| matches!(signal, Signal::Typing(who) if *who == [author("eve")])).await;
    chat.send(&lobby, Draft::post(author("eve"), "x")).await.unwrap();
    event(&mut reader).await;
    until(&mut reader, &|signal| matches!(signal, Signal::Typing(who) if who.is_empty())).await;
    assert_eq!(chat.overview(&lobby).await.unwrap().presence.count, 1);
    drop(reader);
    assert_eq!(chat.overview(&lobby).await.unwrap().presence.count, 0);
    let stats = chat.stats();
    assert_eq!((stats.subscriptions, stats.events), (0, 1));
}

#[tokio::test]
async fn who_types_or_answers_where_nobody_reads_brings_no_room_of_a_single_node_into_memory() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    chat.typing(&lobby, &author("eve"));
    chat.show_answer(&lobby, UnfinishedAnswer::new(author("bot"), 1, AnswerState::Waiting));
    assert_eq!(chat.stats().rooms, 0);
}

#[tokio::test]
async fn a_closed_chat_refuses_and_has_kept_what_it_accepted() {
    let chat = Chat::open("memory:").unwrap();
    let lobby = room("lobby");
    let receipt = chat.send(&lobby, Draft::post(author("a"), "x")).await.unwrap();
    assert_eq!(receipt.position, 1);
    chat.close().await.unwrap();
    assert!(matches!(chat.send(&lobby, Draft::post(author("a"), "x")).await, Err(SendError::Unavailable(_))));
    assert!(chat.ready().is_err());
    assert!(chat.history(&lobby, HistoryRange::Newest, 1).await.is_err());
}

#[tokio::test]
async fn a_reader_gets_a_gap_for_what_retention_took_and_for_nothing_else() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let (lobby, quiet) = (room("lobby"), room("quiet"));
    for n in 1..=10 {
        let to = if n == 2 || n == 3 { &quiet } else { &lobby };
        chat.send(to, Draft::post(author("ada"), n.to_string())).await.unwrap();
    }
    log.commit(&[], 6).unwrap();
    assert_eq!(chat.floor(), 6);
    let resume = async |room: &RoomName, position| {
        let from = StartFrom::After(EventId { epoch: chat.epoch(), position });
        let mut reader = chat.subscribe(room, from, None).await.unwrap();
        let opened = opening(&mut reader).await;
        assert_eq!(opened.floor, 6);
        (opened, reader)
    };
    let (opened, mut reader) = resume(&lobby, 1).await;
    assert_eq!((opened.opening, opened.id.position), (Opening::Gap { from: 1, to: 5 }, 5));
    assert_eq!(event(&mut reader).await.position, 6);
    // 5 was trimmed, but a reader that has it misses nothing.
    let (opened, mut reader) = resume(&lobby, 5).await;
    assert_eq!((opened.opening, opened.id.position), (Opening::Start, 5));
    assert_eq!(event(&mut reader).await.position, 6);
    // The quiet room is empty by now: 3 is missing for one who has 2, nothing for one who has 3.
    let (opened, _) = resume(&quiet, 2).await;
    assert_eq!((opened.opening, opened.id.position), (Opening::Gap { from: 2, to: 5 }, 5));
    let (opened, mut reader) = resume(&quiet, 3).await;
    assert_eq!((opened.opening, opened.id.position), (Opening::Start, 3));
    let receipt = chat.send(&quiet, Draft::post(author("ada"), "11")).await.unwrap();
    assert_eq!((receipt.position, receipt.prev), (11, 3));
    assert_eq!(event(&mut reader).await.position, 11);
    let page = chat.history(&lobby, HistoryRange::After(0), 2).await.unwrap();
    assert_eq!(page.messages.iter().map(|message| message.position).collect::<Vec<_>>(), [6, 7]);
    assert_eq!((page.floor, page.older), (6, None));
}

#[tokio::test]
async fn a_slow_reader_that_retention_overtakes_gets_a_gap_in_the_stream() {
    let log = millchat::log::open("memory:").unwrap();
    let chat = Chat::builder().open_log(log.clone()).unwrap();
    let lobby = room("lobby");
    let mut slow = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    opening(&mut slow).await;
    for n in 1..=2_000 {
        chat.send(&lobby, Draft::post(author("ada"), n.to_string())).await.unwrap();
    }
    log.commit(&[], 1_001).unwrap();
    loop {
        match next(&mut slow).await {
            Delivery::Item(Received::Signal(_)) => {}
            received => {
                let reason = GapReason::Retention;
                break assert_eq!(received, Delivery::Gap { from: 0, to: 1_000, reason, is_closed: false });
            }
        }
    }
    for n in 1_001..=2_000 {
        assert_eq!(event(&mut slow).await.position, n);
    }
}

#[tokio::test]
async fn a_reader_of_frames_that_retention_overtakes_gets_one_gap() {
    let mut builder = Chat::builder();
    let kind = builder.encoder(|_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
        if let Item::Event(event) = item {
            out.extend_from_slice(format!("{} ", event.position).as_bytes());
        }
    });
    let log = millchat::log::open("memory:").unwrap();
    let chat = builder.open_log(log.clone()).unwrap();
    let lobby = room("lobby");
    let mut slow = chat.subscribe_frames(kind, &lobby, StartFrom::Last(0), None).await.unwrap();
    for n in 1..=2_000 {
        chat.send(&lobby, Draft::post(author("ada"), n.to_string())).await.unwrap();
    }
    log.commit(&[], 1_001).unwrap();
    let mut text = String::new();
    let mut gaps = Vec::new();
    while !text.ends_with("2000 ") {
        let delivery = tokio::time::timeout(PATIENCE, slow.next()).await.expect("it hangs");
        match delivery.unwrap().unwrap() {
            Delivery::Opening(_) => {}
            Delivery::Item(frames) => text.push_str(std::str::from_utf8(&frames.bytes).unwrap()),
            Delivery::Gap { from, to, .. } => {
                gaps.push((from, to));
                assert_eq!(gaps, [(0, 1_000)]);
            }
        }
    }
    assert_eq!(gaps.len(), 1);
    assert_eq!(text, (1_001..=2_000).fold(String::new(), |all, n| all + &format!("{n} ")));
}

#[tokio::test]
async fn a_position_is_not_used_again_after_everything_was_trimmed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let lobby = room("lobby");
    for round in 0..3 {
        let log = millchat::log::open(path.to_str().unwrap()).unwrap();
        let chat = Chat::builder().open_log(log.clone()).unwrap();
        let receipt = chat.send(&lobby, Draft::post(author("ada"), "x")).await.unwrap();
        assert_eq!((receipt.position, receipt.prev), (round + 1, round));
        log.commit(&[], chat.head() + 1).unwrap();
        chat.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_subscription_ends_when_its_chat_is_closed_after_all_that_was_sent() {
    let mut builder = Chat::builder();
    let kind = builder.encoder(|_: Epoch, item: Item<'_>, out: &mut Vec<u8>| {
        if let Item::Event(event) = item {
            out.extend_from_slice(format!("{} ", event.position).as_bytes());
        }
    });
    let chat = builder.open("memory:").unwrap();
    let lobby = room("lobby");
    let mut values = chat.subscribe(&lobby, StartFrom::Last(0), None).await.unwrap();
    let mut frames = chat.subscribe_frames(kind, &lobby, StartFrom::Last(0), None).await.unwrap();
    // Both sleep when it closes.
    let reads = tokio::spawn(async move {
        let (mut last, mut text) = (0, String::new());
        while let Some(received) = values.next().await {
            if let Delivery::Item(Received::Event(event)) = received.unwrap() {
                last = event.position;
            }
        }
        while let Some(delivery) = frames.next().await {
            if let Delivery::Item(frames) = delivery.unwrap() {
                text.push_str(std::str::from_utf8(&frames.bytes).unwrap());
            }
        }
        (last, text)
    });
    for n in 1..=3 {
        chat.send(&lobby, Draft::post(author("ada"), n.to_string())).await.unwrap();
    }
    chat.close().await.unwrap();
    let (last, text) = tokio::time::timeout(PATIENCE, reads).await.expect("they end").unwrap();
    assert_eq!((last, text.as_str()), (3, "1 2 3 "));
    chat.close().await.unwrap();
}

#[tokio::test]
async fn dropping_the_last_chat_ends_its_subscriptions_and_frees_the_file_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.redb");
    let chat = Chat::open(path.to_str().unwrap()).unwrap();
    let mut reader = chat.subscribe(&room("lobby"), StartFrom::Last(0), None).await.unwrap();
    opening(&mut reader).await;
    drop(chat);
    let ended = async { while reader.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    // The file is free some time later.
    let reopened = async {
        while Chat::open(path.to_str().unwrap()).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reopened).await.expect("the file is free");
}
