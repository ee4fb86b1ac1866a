//! Disks that are full or may not be written: who sends and who starts a server is told so, who reads goes
//! on, and nothing that was acknowledged is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustix::process::geteuid;

use crate::support::client::answer;
use crate::support::disk::Disk;
use crate::support::oracle::{Follower, acknowledge, assert_clean, read_history, recover};
use crate::support::refusal::{assert_left_as_it_is, assert_refused};
use crate::support::server::{BINARY, command, run};
use crate::support::{Api, Guest, Server, turn, while_it_moves, within};
use millchat::RoomName;
use millchat_oracle::{EventDigest, Oracle, Sender};

const MIB: u64 = 1024 * 1024;
const ROOM: &str = "lobby";

/// A server whose log is on the disk.
async fn start_on(disk: &Disk, extra: &[&str]) -> Server {
    let log = disk.path("log.redb");
    Server::start_with(&[&["--log", log.to_str().unwrap()], extra].concat()).await
}

/// Sends once, and tells the oracle what came of it: the position, or the detail of a 507.
async fn say(api: &Api, guest: &Guest, sender: &Sender, number: u64, content: &str) -> Result<u64, String> {
    let answer = answer(api.post(ROOM, guest, content)).await;
    if answer.status == 201 {
        return Ok(acknowledge(sender, number, guest, content, &answer.json()));
    }
    let detail = answer.expect_problem(507);
    assert!(answer.body.contains("urn:millchat:problem:disk-full"), "{}", answer.body);
    sender.rejected(number, EventDigest::post(&guest.id, content));
    Err(detail)
}

/// Waits until the server is ready, or until it is not; gives what it says.
async fn readiness(api: &Api, ready: bool) -> String {
    let readiness = async {
        loop {
            let answer = api.get("/readyz").await;
            if (answer.status == 200) == ready {
                return answer.body;
            }
        }
    };
    within("readiness changes", readiness).await
}

#[tokio::test]
async fn a_disk_that_is_full_ends_the_start_with_a_sentence() {
    let disk = Disk::new(8 * MIB);
    let log = disk.path("log.redb");
    let start = ["--address", "127.0.0.1:0", "--log", log.to_str().unwrap()];
    disk.fill();
    let words = ["0 bytes are free", "make room"];
    assert_refused(&log, &run(&start).await, &words);
    let left: Vec<_> = fs::read_dir(disk.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["ballast"], "nothing is left of a log that could not be made");

    // A log that was there before, not closed.
    disk.empty();
    let mut server = start_on(&disk, &[]).await;
    let api = server.api();
    let position = api.say(ROOM, &api.guest("Ada").await, "before").await;
    server.kill().await;
    disk.fill();
    assert_left_as_it_is(&log, &words).await;
    disk.empty();
    server.restart().await;
    assert_eq!(server.api().history(ROOM, "").await["messages"][0]["position"], position);
}

#[tokio::test]
async fn when_the_disk_is_full_senders_are_told_readers_go_on_and_it_recovers_by_itself() {
    let disk = Disk::new(12 * MIB);
    let mut server = start_on(&disk, &[]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let oracle = Oracle::new();
    let sender = oracle.sender(&RoomName::new(ROOM).unwrap(), "ada");
    let mut early = Follower::new(&oracle, ROOM, "early");
    early.join(server.address()).await.unwrap();
    let mut last = 0;
    for number in 0..500 {
        last = say(&api, &ada, &sender, number, &format!("text {number}")).await.unwrap();
    }
    early.catch_up(server.address(), last).await;
    assert_eq!(readiness(&api, true).await, "ready\n");

    disk.fill();
    // Nobody has to send for it to be seen.
    assert!(readiness(&api, false).await.contains("disk is full"));
    for number in 500..520 {
        let detail = say(&api, &ada, &sender, number, "no room").await.unwrap_err();
        assert!(detail.contains("0 bytes are free"), "{detail}");
    }
    api.edit(ROOM, &ada, last, "no room").await.expect_problem(507);
    api.delete(ROOM, &ada, last).await.expect_problem(507);
    assert!(readiness(&api, false).await.contains("disk is full"));
    let metrics = api.get("/metrics").await.expect(200).body;
    assert!(metrics.contains("millchat_sends_rejected_total{reason=\"disk_full\"} 22"), "{metrics}");
    assert_eq!(read_history(&api, ROOM, &oracle).await.len(), 500);
    let mut late = Follower::new(&oracle, ROOM, "late");
    late.join(server.address()).await.unwrap();
    late.catch_up(server.address(), last).await;

    disk.empty();
    readiness(&api, true).await;
    for number in 520..540 {
        last = say(&api, &ada, &sender, number, "room again").await.unwrap();
    }
    // Their lines are the ones they had.
    for reader in [&mut early, &mut late] {
        reader.keep_up(last).await;
        reader.reader.complete();
    }
    assert_clean(&oracle, &[recover(&api, ROOM).await]);
    server.kill().await;
    server.restart().await;
    assert_clean(&oracle, &[recover(&server.api(), ROOM).await]);
}

const SENDERS: u64 = 8;
/// Bytes of each text of those who fill up a disk.
const CONTENT_BYTES: usize = 4_000;

/// Sends until the disk has been full for this one for a while; gives the last position it got.
async fn send_until_full(api: Api, guest: Guest, sender: Sender, refused: Arc<AtomicU64>) -> u64 {
    let (mut last, mut refusals) = (0, 0);
    for number in 0.. {
        let content = format!("{number:>CONTENT_BYTES$}");
        if let Ok(position) = say(&api, &guest, &sender, number, &content).await {
            last = position;
        } else {
            refusals += 1;
            refused.fetch_add(1, Ordering::Relaxed);
            if refusals == 20 {
                break;
            }
        }
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_fills_up_its_disk_loses_nothing_acknowledged_and_goes_on_serving() {
    let _turn = turn::load().await;
    let disk = Disk::new(14 * MIB);
    let mut server = start_on(&disk, &[]).await;
    let (api, address) = (server.api(), server.address());
    let oracle = Oracle::new();
    let mut reader = Follower::new(&oracle, ROOM, "reader");
    reader.join(address).await.unwrap();
    let refused = Arc::new(AtomicU64::new(0));
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let guest = api.guest(&format!("Sender {number}")).await;
        let sender = oracle.sender(&RoomName::new(ROOM).unwrap(), number.to_string());
        senders.push(tokio::spawn(send_until_full(api.clone(), guest, sender, refused.clone())));
    }
    let mut last = 0;
    for sender in senders {
        last = last.max(within("the disk is full", sender).await.unwrap());
    }
    println!("{last} messages, {} refused", refused.load(Ordering::Relaxed));
    // By far more than a few pages, or the disk was not filled by the log.
    assert!(last as usize * CONTENT_BYTES > 2 * MIB as usize, "{last} messages");
    assert!(readiness(&api, false).await.contains("disk is full"));
    reader.catch_up(address, last).await;
    reader.reader.complete();
    assert_eq!(read_history(&api, ROOM, &oracle).await.len() as u64, last);
    assert_clean(&oracle, &[recover(&api, ROOM).await]);

    // What the log left free is enough to start on, to read, and to end in order.
    for kill in [true, false] {
        if kill {
            server.kill().await;
        } else {
            assert!(server.terminate().await.0.success(), "it ends in order");
        }
        server.restart().await;
        assert_clean(&oracle, &[recover(&server.api(), ROOM).await]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_keeps_less_than_its_disk_holds_goes_on_for_good() {
    let _turn = turn::load().await;
    let disk = Disk::new(16 * MIB);
    let server = start_on(&disk, &["--keep-bytes", "1MiB"]).await;
    let api = server.api();
    let oracle = Arc::new(Oracle::new());
    let sent = Arc::new(AtomicUsize::new(0));
    let mut senders = Vec::new();
    for name in 0..SENDERS {
        let sent = sent.clone();
        let (api, guest) = (api.clone(), api.guest(&format!("Sender {name}")).await);
        let sender = oracle.sender(&RoomName::new(ROOM).unwrap(), name.to_string());
        senders.push(tokio::spawn(async move {
            let mut last = 0;
            // Together twice of what the disk holds.
            for number in 0..2 * 16 * MIB / CONTENT_BYTES as u64 / SENDERS {
                let content = format!("{number:>CONTENT_BYTES$}");
                last = say(&api, &guest, &sender, number, &content).await.expect("there is room");
                sent.fetch_add(1, Ordering::Relaxed);
            }
            last
        }));
    }
    let mut last = 0;
    for sender in senders {
        // How long it takes is the disk's affair.
        let figure = || sent.load(Ordering::Relaxed);
        last = last.max(while_it_moves("all is sent", figure, sender).await.unwrap());
    }
    let log = recover(&api, ROOM).await;
    assert!(log.floor > 1 && log.head == last, "{} to {}", log.floor, log.head);
    assert_clean(&oracle, &[log]);
}

#[tokio::test]
async fn a_log_that_may_not_be_written_is_refused_by_name() {
    let mut server = Server::start().await;
    let api = server.api();
    api.say(ROOM, &api.guest("Ada").await, "before").await;
    server.kill().await;
    let mut disk = Disk::new(8 * MIB);
    let (log, new) = (disk.path("log.redb"), disk.path("new.redb"));
    fs::copy(server.log(), &log).unwrap();
    disk.read_only();
    let words = ["Read-only file system", "mount its disk for writing"];
    assert_left_as_it_is(&log, &words).await;
    assert_refused(&new, &run(&["--address", "127.0.0.1:0", "--log", new.to_str().unwrap()]).await, &words);

    // Without permission. Root is refused nothing, so that it is without its powers here.
    let log = server.log();
    let before = fs::read(&log).unwrap();
    let place = server.directory().join("closed");
    fs::create_dir(&place).unwrap();
    let new = place.join("new.redb");
    for (path, mode) in [(&log, 0o000), (&log, 0o400), (&place, 0o500)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let log = if path == &place { &new } else { path };
        let mut millchat = if geteuid().is_root() {
            let mut powerless = command("setpriv");
            powerless.args(["--bounding-set=-all", "--inh-caps=-all", BINARY]);
            powerless
        } else {
            command(BINARY)
        };
        millchat.args(["--address", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
        let output = within("a start is refused", millchat.output()).await.unwrap();
        let said = |bytes| String::from_utf8(bytes).unwrap();
        let refused = (output.status.code(), said(output.stdout), said(output.stderr));
        assert_refused(log, &refused, &["Permission denied", "let the user"]);
    }
    fs::set_permissions(&log, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(fs::read(&log).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn what_is_no_file_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    for (path, words) in [
        (directory.path(), ["Is a directory", "name a file in it"]),
        (Path::new("/dev/null"), ["not a file", "name another log"]),
        (&directory.path().join("no/log.redb"), ["No such file", "make its directory"]),
    ] {
        let refused = run(&["--address", "127.0.0.1:0", "--log", path.to_str().unwrap()]).await;
        assert_refused(path, &refused, &words);
    }
}
