//! The turns of a thread's lists.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;

use tokio::task::{LocalSet, spawn_local, yield_now};

use crate::detached::backend::BATCH_MAX;
use crate::detached::thread_time::{Share, ThreadTime};

#[tokio::test]
async fn all_lists_of_a_thread_serve_one_submission_in_a_turn_and_none_is_left_behind() {
    const LISTS: usize = 6;
    const TIMES: usize = 5;
    const READERS: usize = BATCH_MAX / 2 - 10;
    LocalSet::new()
        .run_until(async {
            let time = Rc::<ThreadTime>::default();
            let running = Rc::clone(&time);
            spawn_local(async move { running.run().await });
            let turn = Rc::<Cell<usize>>::default();
            let counted = Rc::clone(&turn);
            spawn_local(async move {
                loop {
                    yield_now().await;
                    counted.set(counted.get() + 1);
                }
            });
            let served = Rc::<RefCell<Vec<(usize, usize)>>>::default();
            let lists = (0..LISTS).map(|list| {
                let (time, turn, served) = (Rc::clone(&time), Rc::clone(&turn), Rc::clone(&served));
                spawn_local(async move {
                    let share = Rc::<Share>::default();
                    for _ in 0..TIMES {
                        poll_fn(|cx| time.poll_take(&share, READERS, cx)).await;
                        served.borrow_mut().push((turn.get(), list));
                    }
                })
            });
            for list in lists.collect::<Vec<_>>() {
                list.await.unwrap();
            }
            let served = served.borrow();
            assert_eq!(served.len(), LISTS * TIMES);
            for turn in 0..=turn.get() {
                let readers = served.iter().filter(|(of, _)| *of == turn).count() * READERS;
                assert!(readers <= 2 * BATCH_MAX, "{readers} readers in turn {turn}: {served:?}");
            }
            // Two of the lists have their part in each turn.
            for list in 0..LISTS {
                let turns: Vec<usize> =
                    served.iter().filter(|(_, of)| *of == list).map(|(turn, _)| *turn).collect();
                assert!(
                    turns.windows(2).all(|pair| pair[1] - pair[0] <= LISTS / 2 + 1),
                    "{list}: {served:?}"
                );
            }
        })
        .await;
}
