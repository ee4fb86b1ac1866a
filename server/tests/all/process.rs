//! The process: how it starts, refuses to start, and ends.

use std::fs;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::oracle::{Follower, acknowledge, assert_clean, recover};
use crate::support::server::run;
use crate::support::{PATIENCE, Server, Stream, within};
use millchat::RoomName;
use millchat_oracle::Oracle;
use millchat_testkit::process::cpu_time_alone;

#[tokio::test]
async fn a_second_process_on_the_same_log_is_told_so() {
    let server = Server::start().await;
    let log = server.log();
    let log = log.to_str().unwrap();
    let (code, stdout, stderr) = run(&["--address", "127.0.0.1:0", "--log", log]).await;
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains(log), "the file is named: {stderr}");
    assert_eq!(stdout, "");
    server.api().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let server = Server::start().await;
    let address = server.address().to_string();
    let log = server.directory().join("other.redb");
    let (code, stdout, stderr) = run(&["--address", &address, "--log", log.to_str().unwrap()]).await;
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains(&address), "the address is named: {stderr}");
    assert_eq!(stdout, "");
}

#[tokio::test]
async fn a_file_that_is_not_a_log_is_left_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("letter.txt", b"Dear Ada,\n".to_vec()),
        ("noise.bin", (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()),
        ("zeros.bin", vec![0; 100_000]),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, &bytes).unwrap();
        let path = path.to_str().unwrap();
        let (code, stdout, stderr) = run(&["--address", "127.0.0.1:0", "--log", path]).await;
        assert_eq!(code, Some(2), "{name}: {stderr}");
        assert!(stderr.contains(path), "the file is named: {stderr}");
        assert_eq!(stdout, "");
        assert_eq!(fs::read(path).unwrap(), bytes, "{name} was changed");
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/such/directory/log.redb");
    for path in [directory.path(), &missing] {
        let path = path.to_str().unwrap();
        let (code, _, stderr) = run(&["--address", "127.0.0.1:0", "--log", path]).await;
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(path), "the path is named: {stderr}");
    }
}

#[tokio::test]
async fn a_wrong_setting_says_what_was_wrong_and_what_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("millchat.toml");
    fs::write(&file, "adress = \"127.0.0.1:0\"\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, words) in [
        (&["--address", "nowhere"][..], &["nowhere", "127.0.0.1:8080"][..]),
        (&["--address", "127.0.0.1:99999"], &["99999", "65535"]),
        (&["--log", ""], &["temp:", "memory:"]),
        (&["--nonsense"], &["--nonsense", "--help"]),
        (&["--config", "/no/such/file.toml"], &["/no/such/file.toml"]),
        (&["--config", file], &["adress", "address"]),
    ] {
        let (code, stdout, stderr) = run(arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stdout, "", "{arguments:?}");
        for word in words {
            assert!(stderr.contains(word), "{arguments:?}: {stderr}");
        }
    }
}

#[tokio::test]
async fn help_teaches_and_the_version_is_said() {
    let (code, stdout, _) = run(&["--help"]).await;
    assert_eq!(code, Some(0));
    for word in ["--address", "--log", "--config", "MILLCHAT_LOG", "memory:", "temp:", "127.0.0.1:8080"] {
        assert!(stdout.contains(word), "{word} is missing: {stdout}");
    }
    let (code, stdout, _) = run(&["--version"]).await;
    assert_eq!(code, Some(0));
    assert!(stdout.contains(env!("CARGO_PKG_VERSION")), "{stdout}");
}

#[tokio::test]
async fn stdout_holds_one_line_and_the_log_lines_hold_no_message() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada-the-name").await;
    api.say("lobby", &ada, "a-private-text").await;
    api.get("/api/nothing").await;
    drop(api.stream("lobby", None).await);
    let (status, rest) = server.terminate().await;
    assert!(status.success(), "{status}");
    assert_eq!(rest, "", "stdout held more than the one line");
    let stderr = server.stderr();
    assert!(!stderr.contains("a-private-text") && !stderr.contains(&ada.token), "{stderr}");
}

#[tokio::test]
async fn logs_without_a_file_are_gone_with_the_process() {
    for log in ["memory:", "temp:"] {
        let mut server = Server::start_with(&["--log", log]).await;
        let api = server.api();
        let ada = api.guest("Ada").await;
        api.say("lobby", &ada, "hello").await;
        server.terminate().await;
        server.restart().await;
        let api = server.api();
        assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 0);
        assert!(!server.log().exists(), "--log {log} wins, no other file is made");
    }
}

#[tokio::test]
async fn sigterm_ends_streams_within_ten_seconds_and_readers_resume_without_loss() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let oracle = Oracle::new();
    let sender = oracle.sender(&RoomName::new("lobby").unwrap(), "ada");
    let mut readers = Vec::new();
    for number in 0..50 {
        let mut reader = Follower::new(&oracle, "lobby", number.to_string());
        reader.join(server.address()).await.unwrap();
        within("a stream opens", reader.next()).await.expect("an opening");
        readers.push(reader);
    }
    // A connection that is open and idle, and one that sent half a request.
    let idle = TcpStream::connect(server.address()).await.unwrap();
    let mut half = TcpStream::connect(server.address()).await.unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap();
    let receipt = api.send("lobby", &ada, "last words").await;
    let position = acknowledge(&sender, 0, &ada, "last words", &receipt);
    let started = Instant::now();
    let (status, _) = server.terminate().await;
    let took = started.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "the end took {took:?}");
    drop((idle, half));
    server.restart().await;
    for reader in &mut readers {
        while within("a stream ends", reader.next()).await.is_some() {}
        reader.catch_up(server.address(), position).await;
        reader.reader.complete();
    }
    assert_clean(&oracle, &[recover(&server.api(), "lobby").await]);
}

#[tokio::test]
async fn connections_beyond_the_descriptors_wait_and_nobody_else_notices() {
    // Enough for the server's reserve and some forty connections: those beyond are not accepted.
    crowd_a_server_with_descriptors(300).await;
}

#[tokio::test]
async fn when_descriptors_run_out_accepting_backs_off_and_nobody_else_notices() {
    // Hardly enough to start: accepting itself fails.
    crowd_a_server_with_descriptors(32).await;
}

async fn crowd_a_server_with_descriptors(limit: u32) {
    let mut server = Server::start_with_descriptors(limit).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;

    // Far more connections than there are descriptors: they connect (the kernel does that), and wait.
    let mut crowd = Vec::new();
    while crowd.len() < 600 {
        match tokio::time::timeout(Duration::from_secs(5), TcpStream::connect(server.address())).await {
            Ok(Ok(socket)) => crowd.push(socket),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    assert!(crowd.len() > 300, "{} connections", crowd.len());
    let cpu = cpu_time_alone(server.pid()).unwrap();
    for number in 0..20 {
        let position = api.say("lobby", &ada, &format!("message {number}")).await;
        assert_eq!(stream.logged().await.place().1, position);
    }
    // The next heartbeat is some 15 s of the server's time away. A spinning server would have burnt most of
    // it, on two threads.
    let waited = Instant::now();
    while !matches!(
        within("a heartbeat", stream.next_item()).await,
        Some(crate::support::sse::Item::Comment(_))
    ) {}
    let (used, waited) = (cpu_time_alone(server.pid()).unwrap().checked_sub(cpu).unwrap(), waited.elapsed());
    assert!(used < waited / 2, "{used:?} in {waited:?}");
    server.assert_alive();

    // Once the crowd is gone there is room again.
    drop(crowd);
    let late = async {
        loop {
            if let Ok(mut late) = Stream::room(server.address(), "lobby", None).await {
                break late.logged().await;
            }
        }
    };
    let late = tokio::time::timeout(PATIENCE, late).await.expect("there is room again");
    assert_eq!(late.event, "start");
}
