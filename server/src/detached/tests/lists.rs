//! Caught-up lists: real streams of a real chat, over real sockets.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use millchat::{Action, Draft, RoomName, StartFrom, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::Instant;

use super::served::{HEARTBEAT_BYTES, PATIENCE, ada, by_each_backend, event, read_to, read_until};
use crate::access::rules::Rules;
use crate::detached::backend::BATCH_MAX;
use crate::sse::stream::HEARTBEAT;

fn lobby() -> RoomName {
    RoomName::new("lobby").unwrap()
}

/// Does this on a thread of its own and waits for it, on a thread that serves.
pub fn meanwhile<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work());
    std::thread::spawn(run).join().unwrap();
}

#[tokio::test]
async fn readers_that_have_everything_are_served_together_and_nothing_else_runs_for_them() {
    const READERS: usize = BATCH_MAX + 40;
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), READERS).await;
        for text in ["second", "third"] {
            let position = served.post(&lobby(), text).await;
            for (socket, _) in &mut readers {
                assert_eq!(read_to(socket, position).await, format!("{position} {} {text}\n", position - 1));
            }
            assert_eq!(*served.submissions.borrow(), [(BATCH_MAX, true), (READERS - BATCH_MAX, true)]);
            served.submissions.borrow_mut().clear();
        }
    })
    .await;
}

#[tokio::test]
async fn a_text_that_is_deleted_between_two_submissions_goes_to_nobody_behind_it() {
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), BATCH_MAX + 40).await;
        let chat = served.chat.clone();
        let deleted = Rc::new(Cell::new(false));
        let told = Rc::clone(&deleted);
        *served.after.borrow_mut() = Some(Box::new(move |bytes| {
            let text = std::str::from_utf8(bytes).unwrap();
            if let Some(line) = text.strip_suffix("secret\n")
                && !told.replace(true)
            {
                let target = line.split(' ').next().unwrap().parse().unwrap();
                let chat = chat.clone();
                meanwhile(move || async move {
                    let action = Action::Delete { target, moderator: true };
                    chat.send(&lobby(), Draft { author: Some(ada()), action, key: None }).await.unwrap();
                });
            }
        }));
        let position = served.post(&lobby(), "secret").await + 1;
        let (mut before, mut behind) = (0, 0);
        for (socket, _) in &mut readers {
            let text = read_to(socket, position).await;
            if text.contains("secret") { before += 1 } else { behind += 1 }
        }
        assert!(deleted.get());
        assert_eq!((before, behind), (BATCH_MAX, 40));
    })
    .await;
}

#[tokio::test]
async fn a_list_goes_on_when_a_text_is_deleted_that_is_not_in_its_frame() {
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), BATCH_MAX + 40).await;
        let (chat, deleted) = (served.chat.clone(), Cell::new(false));
        *served.after.borrow_mut() = Some(Box::new(move |_| {
            if !deleted.replace(true) {
                let chat = chat.clone();
                meanwhile(move || async move {
                    let action = Action::Delete { target: 1, moderator: true };
                    chat.send(&lobby(), Draft { author: Some(ada()), action, key: None }).await.unwrap();
                });
            }
        }));
        let position = served.post(&lobby(), "news").await;
        for (socket, _) in &mut readers {
            let text = read_to(socket, position + 1).await;
            assert_eq!(text, format!("{position} 1 news\n{} {position} other\n", position + 1));
        }
        let rounds = [(BATCH_MAX, true), (40, true), (BATCH_MAX, true), (40, true)];
        assert_eq!(*served.submissions.borrow(), rounds);
    })
    .await;
}

#[tokio::test]
async fn news_does_not_wait_until_all_have_a_sign_of_life() {
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), BATCH_MAX + 40).await;
        let (chat, has_posted) = (served.chat.clone(), Cell::new(false));
        *served.after.borrow_mut() = Some(Box::new(move |_| {
            if !has_posted.replace(true) {
                let chat = chat.clone();
                meanwhile(move || async move {
                    chat.send(&lobby(), Draft::post(ada(), "news")).await.unwrap();
                });
            }
        }));
        tokio::time::pause();
        let mut signs_of_life = 0;
        for (socket, _) in &mut readers {
            let text = read_until(socket, |text| text.ends_with(" news\n")).await;
            signs_of_life += text.lines().filter(|line| *line == "*").count();
        }
        tokio::time::resume();
        assert_eq!(signs_of_life, BATCH_MAX);
        assert_eq!(*served.submissions.borrow(), [(BATCH_MAX, true), (BATCH_MAX, true), (40, true)]);
    })
    .await;
}

#[tokio::test]
async fn nothing_that_is_committed_after_a_right_ended_is_handed_to_the_readers_of_a_list() {
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), BATCH_MAX + 40).await;
        // Nobody may read any more; no turn of another task is between this and the post.
        served.authority.set_rules(Rules { rooms: Some(Vec::new()), ..Rules::default() });
        served.post(&lobby(), "secret").await;
        for (mut socket, task) in readers.drain(..) {
            let mut text = String::new();
            socket.read_to_string(&mut text).await.unwrap();
            assert!(text.ends_with("denied\n") && !text.contains("secret"), "{text}");
            task.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_a_list_whose_credential_ends_is_told_and_the_others_read_on() {
    by_each_backend(async |served| {
        // Somebody's token is good for a minute after its end.
        let end = Timestamp(Timestamp::now().0.saturating_sub(58_000));
        let (mut leaving, task) = served.reader(&lobby(), StartFrom::Last(0), Some(end), None).await;
        let mut others = served.listed(&lobby(), 3).await;
        let mut text = String::new();
        leaving.read_to_string(&mut text).await.unwrap();
        assert!(text.contains(" first\n") && text.ends_with("denied\n"), "{text}");
        task.await.unwrap();
        let position = served.post(&lobby(), "later").await;
        for (socket, _) in &mut others {
            assert!(read_to(socket, position).await.ends_with(" later\n"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_a_list_gets_nothing_that_comes_behind_the_end_of_its_credential() {
    by_each_backend(async |served| {
        let end = Timestamp(Timestamp::now().0.saturating_sub(58_000));
        let (mut leaving, task) = served.reader(&lobby(), StartFrom::Last(0), Some(end), None).await;
        let _others = served.listed(&lobby(), 3).await;
        // The thread that serves learns of the end and of the event at one time.
        let chat = served.chat.clone();
        meanwhile(move || async move {
            tokio::time::sleep(Duration::from_millis(2_100)).await;
            chat.send(&lobby(), Draft::post(ada(), "secret")).await.unwrap();
        });
        let mut text = String::new();
        leaving.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("denied\n") && !text.contains("secret"), "{text}");
        task.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_a_small_room_does_not_wait_for_all_those_of_a_large_one() {
    const LARGE: usize = 4 * BATCH_MAX;
    by_each_backend(async |served| {
        let small = RoomName::new("small").unwrap();
        let mut of_large = served.listed(&lobby(), LARGE).await;
        let mut of_small = served.listed(&small, 2).await;
        let (chat, room) = (served.chat.clone(), small.clone());
        let has_posted = Cell::new(false);
        *served.after.borrow_mut() = Some(Box::new(move |_| {
            if !has_posted.replace(true) {
                let (chat, room) = (chat.clone(), room.clone());
                meanwhile(move || async move {
                    // When the second is acknowledged, the readers of the first were notified.
                    for _ in 0..2 {
                        chat.send(&room, Draft::post(ada(), "hello")).await.unwrap();
                    }
                });
            }
        }));
        let position = served.post(&lobby(), "news").await;
        for (socket, _) in &mut of_large {
            read_to(socket, position).await;
        }
        for (socket, _) in &mut of_small {
            read_to(socket, position + 2).await;
        }
        let submissions = served.submissions.borrow();
        assert_eq!(submissions.len(), 5, "{submissions:?}");
        assert!(submissions[..3].contains(&(2, true)), "{submissions:?}");
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_got_an_event_before_the_list_did_joins_it_without_another() {
    // Others have a turn before the list has served all.
    const LISTED: usize = 4 * BATCH_MAX;
    by_each_backend(async |served| {
        let _listed = served.listed(&lobby(), LISTED).await;
        let come = Rc::new(Notify::new());
        let begin = Rc::clone(&come);
        let from = StartFrom::Last(0);
        let begin = async move { begin.notified().await };
        let (mut ahead, _task) = served.reader_from(begin, &lobby(), from, (None, None)).await;
        let (chat, has_posted) = (served.chat.clone(), Cell::new(false));
        *served.after.borrow_mut() = Some(Box::new(move |_| {
            if !has_posted.replace(true) {
                let chat = chat.clone();
                meanwhile(move || async move {
                    chat.send(&lobby(), Draft::post(ada(), "early")).await.unwrap();
                });
                // It has both before the list has begun with the second.
                come.notify_one();
            }
        }));
        served.post(&lobby(), "news").await;
        read_until(&mut ahead, |text| text.ends_with(" early\n")).await;
        served.all_join(LISTED + 1).await;
        let alone = served.submissions.borrow().iter().filter(|(_, is_listed)| !is_listed).count();
        assert_eq!(alone, 1, "a sign of life goes to whoever waits for long");
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_is_alone_joins_the_list_also_while_there_is_always_news() {
    const NEWS: usize = 20;
    by_each_backend(async |served| {
        let _listed = served.listed(&lobby(), 2).await;
        let (chat, times) = (served.chat.clone(), Rc::new(Cell::new(0)));
        let counted = Rc::clone(&times);
        *served.after_others.borrow_mut() = Some(Box::new(move || {
            counted.set(counted.get() + 1);
            if counted.get() <= NEWS {
                // Its task is woken now, and could read this before anybody is notified of it.
                let chat = chat.clone();
                meanwhile(move || async move {
                    chat.send(&lobby(), Draft::post(ada(), "more")).await.unwrap();
                });
            }
        }));
        let (mut alone, _task) = served.reader(&lobby(), StartFrom::Last(0), None, None).await;
        read_until(&mut alone, |text| text.ends_with(" more\n")).await;
        served.all_join(3).await;
        assert!(times.get() < NEWS, "it was handed {} by itself", times.get());
    })
    .await;
}

#[tokio::test]
async fn a_list_comes_to_its_place_also_by_what_is_not_encoded_for_its_readers() {
    by_each_backend(async |served| {
        let mut readers = Vec::new();
        for _ in 0..3 {
            readers.push(served.reader(&lobby(), StartFrom::Last(0), None, None).await);
        }
        // The first was alone when it came. Nothing but signals brings it into the list of the others.
        served.all_join(2).await;
        served.chat.typing(&lobby(), &ada());
        served.all_join(3).await;
    })
    .await;
}

#[tokio::test]
async fn when_rights_change_those_who_may_still_read_are_a_list_again_without_an_event() {
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), 5).await;
        served.authority.set_rules(Rules::default());
        served.all_join(5).await;
        let position = served.post(&lobby(), "news").await;
        for (socket, _) in &mut readers {
            assert_eq!(read_to(socket, position).await, format!("{position} 1 news\n"));
        }
        assert_eq!(*served.submissions.borrow(), [(5, true)]);
    })
    .await;
}

#[tokio::test]
async fn the_readers_of_a_list_get_one_heartbeat_after_each_silence() {
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), 5).await;
        tokio::time::pause();
        let mut all_get_one = async || {
            for (socket, _) in &mut readers {
                read_until(socket, |text| text.as_bytes() == HEARTBEAT_BYTES).await;
            }
            Instant::now()
        };
        let first = all_get_one().await;
        for _ in 0..2 {
            all_get_one().await;
        }
        let silence = all_get_one().await - first;
        tokio::time::resume();
        assert_eq!(silence.as_secs(), 3 * HEARTBEAT.as_secs());
        // All of them by the list.
        assert_eq!(*served.submissions.borrow(), [(5, true); 4]);
        // And none beside them.
        let position = served.post(&lobby(), "next").await;
        for (socket, _) in &mut readers {
            assert_eq!(read_to(socket, position).await, format!("{position} 1 next\n"));
        }
    })
    .await;
}

#[tokio::test]
async fn the_readers_of_a_list_end_with_the_process_and_when_they_hang_up() {
    by_each_backend(async |served| {
        let mut readers = served.listed(&lobby(), 5).await;
        let (gone, task) = readers.pop().unwrap();
        drop(gone);
        tokio::time::timeout(PATIENCE, task).await.expect("a hang-up is noticed").unwrap();
        let position = served.post(&lobby(), "to four").await;
        for (socket, _) in &mut readers {
            read_to(socket, position).await;
        }
        assert_eq!(served.submissions.borrow().last(), Some(&(4, true)));
        served.drain.raise();
        for (mut socket, task) in readers {
            tokio::time::timeout(PATIENCE, task).await.expect("it ends").unwrap();
            assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn readers_that_are_in_no_list_end_with_the_process_also_when_they_have_just_come() {
    by_each_backend(async |served| {
        let (mut alone, task) = served.reader(&lobby(), StartFrom::Last(0), None, None).await;
        read_until(&mut alone, |text| text.contains("open\n")).await;
        let come = Rc::new(Notify::new());
        let begin = Rc::clone(&come);
        let begin = async move { begin.notified().await };
        let room = RoomName::new("other").unwrap();
        let (mut late, late_task) = served.reader_from(begin, &room, StartFrom::Last(0), (None, None)).await;
        // Nobody waits for the next sign of life to notice it.
        tokio::time::pause();
        let raised = Instant::now();
        served.drain.raise();
        come.notify_one();
        for (socket, task) in [(&mut alone, task), (&mut late, late_task)] {
            tokio::time::timeout(PATIENCE, task).await.expect("it ends").unwrap();
            let mut rest = String::new();
            socket.read_to_string(&mut rest).await.unwrap();
            assert!(["", "head\n"].contains(&&*rest), "{rest}");
        }
        assert!(raised.elapsed() < HEARTBEAT / 2, "after {:?}", raised.elapsed());
        tokio::time::resume();
    })
    .await;
}

#[tokio::test]
async fn who_joins_and_leaves_the_list_all_the_time_misses_nothing_and_gets_nothing_twice() {
    const READERS: usize = 60;
    const SENDERS: usize = 4;
    const EACH: usize = 150;
    by_each_backend(async |served| {
        let mut tasks = Vec::new();
        let last = Rc::new(Cell::new(None));
        for number in 0..READERS {
            // Every third has hardly any buffers and stops for a while, now and then; every third also sends.
            let buffer = (number % 3 == 0).then_some(4 * 1024);
            let (mut socket, _task) = served.reader(&lobby(), StartFrom::Last(0), None, buffer).await;
            let last = Rc::clone(&last);
            tasks.push(spawn_local(async move {
                let (mut bytes, mut position, mut reads) = (Vec::new(), 0, 0);
                while last.get().is_none_or(|last| position < last) {
                    reads += 1;
                    if number % 3 == 0 && reads % 5 == 0 {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    if number % 3 == 1 && reads % 7 == 0 {
                        socket.write_all(b"x").await.unwrap();
                    }
                    assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0, "it ended");
                    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                    for line in String::from_utf8(bytes.drain(..whole).collect()).unwrap().lines() {
                        let Some((own, prev, _)) = event(line) else { continue };
                        assert_eq!(prev, position, "reader {number} has {position}: {line:.20}");
                        position = own;
                    }
                }
            }));
        }
        let mut senders = Vec::new();
        for sender in 0..SENDERS {
            let served = Rc::clone(&served);
            senders.push(spawn_local(async move {
                for message in 0..EACH {
                    served.post(&lobby(), &"x".repeat(10 + 40 * (message % 50))).await;
                    if message % 40 == sender {
                        // Everybody's rights are looked at again.
                        served.authority.set_rules(Rules::default());
                    }
                }
            }));
        }
        for sender in senders {
            sender.await.unwrap();
        }
        let newest = served.post(&lobby(), "the last").await;
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
