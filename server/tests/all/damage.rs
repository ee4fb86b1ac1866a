//! Logs that are damaged: refused at the start and left as they are; found while the server runs, an error
//! for whom it concerns, and nothing that hangs.

use std::fs;

use crate::support::client::answer;
use crate::support::refusal::assert_left_as_it_is;
use crate::support::server::run;
use crate::support::{Server, turn, within};

const PAGE_BYTES: usize = 4 * 1024;
const ROOM: &str = "lobby";

/// A log with 300 messages, as `kill -9` or a clean stop leaves it.
async fn log_with_a_past(closed: bool) -> Server {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for number in 0..300 {
        api.say(ROOM, &ada, &past(number)).await;
    }
    if closed {
        assert!(server.terminate().await.0.success());
    } else {
        server.kill().await;
    }
    server
}

fn past(number: u32) -> String {
    format!("past {number} {}", "x".repeat(200))
}

/// The numbers of the pages that hold something.
fn pages_of(bytes: &[u8], what: &str) -> Vec<usize> {
    let holds = |page: &[u8]| page.windows(what.len()).any(|window| window == what.as_bytes());
    bytes.chunks(PAGE_BYTES).enumerate().filter(|(_, page)| holds(page)).map(|(number, _)| number).collect()
}

#[tokio::test]
async fn a_damaged_log_is_refused_and_left_as_it_is() {
    for closed in [true, false] {
        let server = log_with_a_past(closed).await;
        let log = server.directory().join("damaged.redb");
        let whole = fs::read(server.log()).unwrap();
        let used = (0..whole.len() / PAGE_BYTES)
            .rfind(|page| whole[page * PAGE_BYTES..][..PAGE_BYTES].iter().any(|&byte| byte != 0))
            .unwrap();
        let damaged = ["is damaged", "left as it is", "restore it from a backup"];
        // Cut off: in its first bytes, in its header, where the pages begin, in the middle of what it holds.
        for (bytes, words) in [
            (5, &["is not a Millchat log", "name another log"][..]),
            (9, &damaged),
            (200, &damaged),
            (PAGE_BYTES, &damaged),
            (PAGE_BYTES + 1, &damaged),
            (used / 2 * PAGE_BYTES, &damaged),
            (used * PAGE_BYTES + 100, &damaged),
        ] {
            fs::write(&log, &whole[..bytes]).unwrap();
            println!("closed: {closed}, cut off after {bytes} bytes");
            assert_left_as_it_is(&log, words).await;
        }
        // Zeros: in the header, over the pages of some messages, over all pages but the header.
        let page = |number: usize| (number * PAGE_BYTES, (number + 1) * PAGE_BYTES);
        let one = pages_of(&whole, &past(77));
        assert!(!one.is_empty());
        for (what, zeros) in [
            ("the header", vec![(9, PAGE_BYTES)]),
            ("a page", one.into_iter().map(page).collect()),
            ("all pages", vec![(PAGE_BYTES, whole.len())]),
        ] {
            let mut bytes = whole.clone();
            for (from, to) in zeros {
                bytes[from..to].fill(0);
            }
            fs::write(&log, &bytes).unwrap();
            println!("closed: {closed}, zeros over {what}");
            assert_left_as_it_is(&log, &damaged).await;
        }
        // One flipped bit in a text.
        let mut bytes = whole.clone();
        for at in 0..bytes.len() - 8 {
            if bytes[at..].starts_with(b"past 77 ") {
                bytes[at] ^= 1;
            }
        }
        fs::write(&log, &bytes).unwrap();
        assert_left_as_it_is(&log, &damaged).await;
    }
}

/// More than the storage keeps in memory, in messages of nearly the largest size.
const DAMAGED_MESSAGES: u64 = 1_600;
const DAMAGED_BYTES: usize = 60_000;
const SENDERS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_are_damaged_under_a_running_server_hang_nothing() {
    let _turn = turn::load().await;
    let mut server = Server::start_with(&["--keep-bytes", "97MB"]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (api, ada) = (api.clone(), ada.clone());
            tokio::spawn(async move {
                for number in 0..DAMAGED_MESSAGES / SENDERS {
                    api.say(ROOM, &ada, &format!("{number:>DAMAGED_BYTES$}")).await;
                }
            })
        })
        .collect();
    for sender in senders {
        within("all is sent", sender).await.unwrap();
    }
    let mut stream = api.stream("elsewhere", None).await;
    assert_eq!(stream.logged().await.event, "start");

    // Zeros over all but the header.
    let file = fs::OpenOptions::new().write(true).open(server.log()).unwrap();
    let bytes = file.metadata().unwrap().len();
    file.set_len(PAGE_BYTES as u64).unwrap();
    file.set_len(bytes).unwrap();

    // Nobody is shown what is not there, and who can be served is.
    let oldest = format!("/api/v1/rooms/{ROOM}/messages?after=0");
    api.get(&oldest).await.expect_problem(500);
    let ready = api.get("/readyz").await;
    assert!(ready.status == 503 && ready.body.contains("the log cannot be read"), "{ready:?}");
    let position = api.say("elsewhere", &ada, "after").await;
    assert_eq!(stream.logged().await.place().1, position);
    // A cut meets the damage in the middle of a transaction: from then on nothing is stored any more.
    let mut answers = Vec::new();
    loop {
        let send = answer(api.post(ROOM, &ada, &format!("{:>DAMAGED_BYTES$}", "late"))).await;
        answers.push(send.status);
        if send.status == 503 {
            break;
        }
    }
    // The one in whose commit it was met is unknown, and at most that one.
    assert!(answers.iter().filter(|&&status| status == 500).count() <= 1, "{answers:?}");
    api.delete(ROOM, &ada, 5).await.expect_problem(503);
    api.get(&oldest).await.expect_problem(500);
    api.get("/healthz").await.expect(200);
    server.assert_alive();

    let (status, _) = server.terminate().await;
    // Closing writes, and may meet the damage: then it says so.
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    assert_eq!(
        status.code() == Some(1),
        server.stderr().contains("it cannot be closed"),
        "{}",
        server.stderr()
    );
    let (code, stdout, stderr) = run(&["check", server.log().to_str().unwrap()]).await;
    assert!(matches!(code, Some(1 | 2)), "{stdout}{stderr}");
    assert!(stdout.contains("damaged") || stderr.contains("damaged"), "{stdout}{stderr}");
}
