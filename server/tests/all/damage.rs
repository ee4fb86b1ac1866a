//! Logs that are damaged: refused at the start and left as they are; found while the server runs, an error
//! for whom it concerns, and nothing that hangs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use millchat::testing::change_record;
use serde_json::Value;

use crate::commands::import;
use crate::support::client::answer;
use crate::support::refusal::assert_left_as_it_is;
use crate::support::server::run;
use crate::support::{ADMIN, Api, Server, turn, within};

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
    // In place: a file that is short for a moment would be an I/O error for whoever reads it then.
    let zeros = vec![0; DAMAGED_BYTES];
    for at in (PAGE_BYTES as u64..bytes).step_by(DAMAGED_BYTES) {
        let count = zeros.len().min((bytes - at) as usize);
        file.write_all_at(&zeros[..count], at).unwrap();
    }

    // Nobody is shown what is not there, and who can be served is.
    let oldest = format!("/api/v1/rooms/{ROOM}/messages?after=0");
    api.get(&oldest).await.expect_problem(500);
    let ready = api.get("/readyz").await;
    // Who meets the damage first is a matter of time: a reader, a commit, or the thread that packs.
    let reasons = ["the log cannot be read", "the log takes no writes", "the writer failed"];
    assert!(ready.status == 503 && reasons.iter().any(|why| ready.body.contains(why)), "{ready:?}");
    let mut answers = Vec::new();
    // Stored, unless the writer has met the damage before, by what it stores on the side.
    let elsewhere = answer(api.post("elsewhere", &ada, "after")).await;
    answers.push(elsewhere.status);
    if elsewhere.status == 201 {
        assert_eq!(stream.logged().await.json()["content"], "after");
    }
    // A cut meets the damage in the middle of a transaction: from then on nothing is stored any more.
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
    let is_said =
        ["cannot be closed", "the server ended"].iter().any(|words| server.stderr().contains(words));
    assert!(is_said || status.code() == Some(0), "{}", server.stderr());
    let (code, stdout, stderr) = run(&["check", server.log().to_str().unwrap()]).await;
    assert!(matches!(code, Some(1 | 2)), "{stdout}{stderr}");
    assert!(stdout.contains("damaged") || stderr.contains("damaged"), "{stdout}{stderr}");
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The messages of the room by their positions, read backwards or forwards.
async fn texts(api: &Api, forwards: bool) -> BTreeMap<u64, String> {
    let begin = format!("/api/v1/rooms/{ROOM}/messages{}", if forwards { "?after=0" } else { "" });
    let (mut path, mut texts) = (Some(begin), BTreeMap::new());
    while let Some(this) = path {
        let page = api.get(&this).await.expect(200).json();
        for message in page["messages"].as_array().unwrap() {
            let text = message["content"].as_str().unwrap().to_owned();
            texts.insert(message["position"].as_u64().unwrap(), text);
        }
        path = page["links"][if forwards { "newer" } else { "older" }].as_str().map(str::to_owned);
    }
    texts
}

/// Returns the texts that were sent, but for the message at a position.
fn all_but(lost: u64) -> BTreeMap<u64, String> {
    let sent = (1..=300).map(|position| (position, past(position as u32 - 1)));
    sent.filter(|(position, _)| *position != lost).collect()
}

#[tokio::test]
async fn a_damaged_record_is_a_gap_for_its_readers_and_a_running_backup_skips_it_when_it_is_told_to() {
    const LOST: u64 = 250;
    let server = log_with_a_past(true).await;
    change_record(&server.log(), LOST, |bytes| Some(bytes.into_iter().rev().collect()));
    let token = ["--admin-token", ADMIN];
    let log = server.log();
    let running = Server::start_with(&[&["--log", name(&log)], &token[..]].concat()).await;
    let (api, expected) = (running.api(), all_but(LOST));
    for forwards in [true, false] {
        assert_eq!(texts(&api, forwards).await, expected, "forwards: {forwards}");
    }
    let state = api.get(&format!("/api/v1/rooms/{ROOM}")).await.expect(200).json();
    let epoch = api.stream(ROOM, None).await.logged().await.place().0;
    assert_eq!(state["head"], 300);
    let id = |position: u64| format!("{epoch}-{position}");
    for (from, gap_first) in [(LOST - 3, false), (LOST - 1, true)] {
        let mut stream = api.stream(ROOM, Some(&id(from))).await;
        let mut at = from;
        while at < 300 {
            let event = stream.logged().await;
            match event.event.as_str() {
                "start" => assert!(!gap_first),
                "gap" => {
                    let expected = serde_json::json!({ "from": LOST - 1, "to": LOST, "reason": "damage" });
                    assert_eq!((at, event.json()), (LOST - 1, expected));
                    at = LOST;
                }
                _ => {
                    assert_eq!(event.json()["content"].as_str(), Some(expected[&(at + 1)].as_str()));
                    at += 1;
                }
            }
        }
    }
    let page = api.get(&format!("/{ROOM}")).await.expect(200).body;
    assert!(page.contains("past 298 ") && page.contains("past 250 ") && !page.contains("past 249 "));
    api.get(&format!("/api/v1/rooms/{ROOM}/messages/{LOST}")).await.expect_problem(500);
    // Nothing is wrong with the storage.
    api.get("/readyz").await.expect(200);

    let out = server.directory().join("backup.redb");
    let from = format!("http://{}", running.address());
    let backup = ["backup", "--from", &from, "--admin-token", ADMIN, name(&out)];
    let (code, _, stderr) = run(&backup).await;
    assert!(code == Some(1) && stderr.contains("position 250 is damaged"), "{code:?} {stderr}");
    assert!(stderr.contains("--skip-damaged") && !out.exists(), "{stderr}");
    let (code, _, stderr) = run(&[&backup[..], &["--skip-damaged"]].concat()).await;
    assert!(code == Some(3) && stderr.contains("1 damaged record was skipped"), "{code:?} {stderr}");
    assert!(stderr.contains("299 records"), "{stderr}");
    assert_rescued(&out, &expected).await;
}

/// A log that was saved is in order, and holds these texts.
async fn assert_rescued(log: &Path, expected: &BTreeMap<u64, String>) {
    let (code, stdout, stderr) = run(&["check", name(log)]).await;
    assert!(code == Some(0) && stdout.contains("right") && stderr.contains("skipped"), "{stdout}{stderr}");
    let restored = Server::start_with(&["--log", name(log)]).await;
    for forwards in [true, false] {
        assert_eq!(texts(&restored.api(), forwards).await, *expected, "forwards: {forwards}");
    }
}

#[tokio::test]
async fn backup_and_export_of_a_stopped_log_save_all_records_that_can_be_read() {
    let server = log_with_a_past(true).await;
    let (log, directory) = (server.directory().join("damaged.redb"), server.directory());
    let whole = fs::read(server.log()).unwrap();
    // A flipped bit in a text, in each copy of its page; and the whole page overwritten.
    for is_page in [false, true] {
        let mut bytes = whole.clone();
        for page in pages_of(&whole, &past(77)) {
            let page = &mut bytes[page * PAGE_BYTES..(page + 1) * PAGE_BYTES];
            if is_page {
                page.fill(0);
            } else {
                let at = page.windows(8).position(|window| window == b"past 77 ").unwrap();
                page[at] ^= 1;
            }
        }
        fs::write(&log, &bytes).unwrap();
        // The server refuses it, and says what helps.
        let (code, _, stderr) = run(&["--log", name(&log), "--address", "127.0.0.1:0"]).await;
        assert!(code == Some(2) && stderr.contains("--skip-damaged"), "{code:?} {stderr}");
        let (code, _, stderr) = run(&["check", name(&log)]).await;
        assert!(code == Some(1) && stderr.contains("backup --skip-damaged"), "{code:?} {stderr}");
        for command in ["backup", "export"] {
            let out = directory.join("not-made.redb");
            let to = if command == "backup" { vec![name(&out)] } else { vec![] };
            let (code, _, stderr) = run(&[&[command, name(&log)], &to[..]].concat()).await;
            assert!(code == Some(1) && stderr.contains("--skip-damaged"), "{command}: {code:?} {stderr}");
            assert!(!out.exists());
        }

        let (copy, imported) = (directory.join("copy.redb"), directory.join("imported.redb"));
        let (code, _, stderr) = run(&["backup", "--skip-damaged", name(&log), name(&copy)]).await;
        assert!(code == Some(3) && stderr.contains("skipped"), "{code:?} {stderr}");
        let (code, stdout, stderr) = run(&["export", "--skip-damaged", name(&log)]).await;
        assert!(code == Some(3) && stderr.contains("skipped"), "{code:?} {stderr}");
        let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let damaged: Vec<u64> = lines
            .iter()
            .filter_map(|line| line["damaged"].as_array())
            .flatten()
            .map(|position| position.as_u64().unwrap())
            .collect();
        assert!(damaged.contains(&78) && (damaged.len() > 1) == is_page && damaged.len() < 40, "{damaged:?}");
        let (code, stderr) = import(&[name(&imported)], &stdout).await;
        assert!(code == Some(0) && stderr.contains("skipped by the export"), "{code:?} {stderr}");
        let mut expected = all_but(78);
        expected.retain(|position, _| !damaged.contains(position));
        for made in [&copy, &imported] {
            assert_rescued(made, &expected).await;
            fs::remove_file(made).unwrap();
        }
    }
}
