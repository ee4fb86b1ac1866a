//! The time that an answer has. The clock of these tests stands still until nobody has anything to do, so
//! they take none.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep};

use super::scripted::{Scripted, Then};
use super::{Failure, Finished, HEAD, Told, ask, both};
use crate::bot::model::{Break, Model, Remedy, Times};

/// Asks a server that says each of these so long after the one before, and then nothing more.
async fn slow(model: &Model, parts: &[(u64, &str)]) -> (Told, Result<Finished, Failure>) {
    let (client, mut server) = tokio::io::duplex(64 * 1024);
    let said = async {
        let _ = server.read(&mut [0; 4096]).await;
        for (seconds, part) in parts {
            sleep(Duration::from_secs(*seconds)).await;
            let _ = server.write_all(part.as_bytes()).await;
        }
        std::future::pending::<()>().await;
    };
    let mut told = Told::default();
    let asked = async {
        let mut answer = model.ask_over(client, &ask("Why?"), Instant::now()).await?;
        told.take(&mut answer).await
    };
    let end = tokio::select! {
        end = asked => end,
        () = said => unreachable!("it hangs"),
    };
    (told, end)
}

#[tokio::test(start_paused = true)]
async fn the_first_piece_has_five_minutes_with_its_head_and_without() {
    for (model, piece) in both() {
        let whole = format!("{HEAD}{piece}");
        for (parts, is_in_time) in [
            (vec![(299, &*whole)], true),
            (vec![(301, &*whole)], false),
            (vec![(0, HEAD), (299, piece)], true),
            (vec![(200, HEAD), (99, piece)], true),
            (vec![(200, HEAD), (101, piece)], false),
            (vec![(0, HEAD)], false),
            (vec![], false),
        ] {
            let (told, end) = slow(&model, &parts).await;
            let failure = end.unwrap_err();
            if is_in_time {
                assert!(matches!(failure, Failure::Broken { .. }), "{parts:?}: {failure:?}");
                assert_eq!(told.text, "tick");
            } else {
                assert!(failure.to_string().contains("the first piece of the answer"), "{failure}");
                assert!(
                    matches!(failure, Failure::Late { limit, .. } if limit == Times::default().first_piece)
                );
                assert_eq!((failure.remedy(), &*told.text), (Remedy::GiveUp, ""));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_piece_has_a_minute_after_the_one_before_and_an_answer_ten() {
    for (model, piece) in both() {
        let mut parts = vec![(0, HEAD)];
        parts.extend([(59, piece); 20]);
        let (told, end) = slow(&model, &parts).await;
        let failure = end.unwrap_err();
        assert!(failure.to_string().contains("the end of the answer"), "{failure}");
        assert!(matches!(failure, Failure::Late { limit, .. } if limit == Times::default().answer));
        assert_eq!((failure.remedy(), told.text), (Remedy::GiveUp, "tick".repeat(10)));

        let (told, end) = slow(&model, &[(0, HEAD), (0, piece), (59, piece), (61, piece)]).await;
        let failure = end.unwrap_err();
        assert!(matches!(failure, Failure::Broken { source: Break::Silence(_), .. }), "{failure:?}");
        assert_eq!((failure.remedy(), &*told.text), (Remedy::RetryOnce, "ticktick"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_server_says_to_keep_a_connection_is_no_piece() {
    for (model, piece) in both() {
        let nothing = if piece.starts_with("data") {
            ": still here\n\ndata: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n"
        } else {
            "\n{\"message\":{\"content\":\"\"},\"done\":false}\n"
        };
        let mut parts = vec![(0, HEAD)];
        parts.extend([(10, nothing); 100]);
        let (_, end) = slow(&model, &parts).await;
        assert!(matches!(end, Err(Failure::Late { limit, .. }) if limit == Times::default().first_piece));
        parts[1] = (0, piece);
        let (_, end) = slow(&model, &parts).await;
        assert!(matches!(end, Err(Failure::Broken { source: Break::Silence(_), .. })), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_pauses_is_given_up_at_the_same_times() {
    for (model, piece) in both() {
        for (said, limit) in [("\n", Times::default().first_piece), (piece, Times::default().answer)] {
            let socket = Scripted::new(HEAD.as_bytes(), 1000, Then::Repeat(said.into()));
            let mut answer = model.ask_over(socket, &ask("Why?"), Instant::now()).await.unwrap();
            let mut told = Told::default();
            let (end, ()) = tokio::join!(told.take(&mut answer), async {
                let step = Duration::from_secs(30);
                for _ in 0..limit.as_secs() / step.as_secs() {
                    // The answer is read meanwhile.
                    for _ in 0..20 {
                        yield_now().await;
                    }
                    advance(step).await;
                }
            });
            assert!(matches!(end, Err(Failure::Late { limit: found, .. }) if found == limit), "{end:?}");
        }
    }
}
