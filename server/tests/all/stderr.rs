//! stderr and stdout that take nothing: a log line ends nothing and holds nobody up, and the exit code is
//! what it would be otherwise.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use millchat_testkit::server;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::raw::read_to_close;
use crate::support::server::{BINARY, command, run};
use crate::support::stderr::{Dead, read};
use crate::support::{Api, PATIENCE, Server, within};

/// Each writes a line of the log, where debug lines are written.
const WRONG_REQUESTS: usize = 200;
/// A line of the log at the end.
const LAST_LINE: &str = "closed";

fn serving(log: &Path, stderr: Stdio) -> Command {
    let mut command = command(BINARY);
    command.args(["--address", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    command.env("RUST_LOG", "debug").stderr(stderr);
    command
}

/// Starts one, and uses it so that it writes lines.
async fn used(command: Command) -> server::Server {
    let server = within("it starts", server::Server::start(command)).await.unwrap();
    let api = Api::new(server.address());
    for _ in 0..WRONG_REQUESTS {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(b"this is no HTTP\r\n\r\n").await.unwrap();
        read_to_close(&mut socket).await;
    }
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "hello").await;
    server
}

async fn assert_ends_well(server: server::Server, log: &Path) {
    let (status, _) = server.terminate(PATIENCE).await.unwrap().expect("it ends");
    assert_eq!(status.code(), Some(0), "{status}");
    let (code, stdout, stderr) = run(&["check", log.to_str().unwrap()]).await;
    assert!(code == Some(0) && !stderr.contains("was not closed"), "{stdout}{stderr}");
}

#[tokio::test]
async fn whatever_stderr_is_the_server_serves_and_ends_well() {
    for dead in Dead::ALL {
        println!("{dead:?}");
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("test.redb");
        let (stderr, _held) = dead.open();
        let server = used(serving(&log, stderr)).await;
        assert_ends_well(server, &log).await;
    }
    println!("closed");
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("test.redb");
    let mut command = command("/bin/sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>&-", BINARY, "--address", "127.0.0.1:0", "--log"]).arg(&log);
    assert_ends_well(used(command).await, &log).await;
}

#[tokio::test]
async fn a_server_without_descriptors_and_with_a_dead_stderr_lives() {
    for dead in [Dead::Pipe, Dead::StalledPipe] {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("test.redb");
        let mut command = command("/bin/sh");
        let (stderr, _held) = dead.open();
        command.args(["-c", "ulimit -n 32; exec \"$0\" \"$@\"", BINARY, "--address", "127.0.0.1:0", "--log"]);
        command.arg(&log).stderr(stderr);
        let server = within("it starts", server::Server::start(command)).await.unwrap();
        let mut crowd = Vec::new();
        for _ in 0..60 {
            crowd.push(TcpStream::connect(server.address()).await.unwrap());
        }
        drop(crowd);
        let api = Api::new(server.address());
        let ada = api.guest("Ada").await;
        api.say("lobby", &ada, "hello").await;
        assert_ends_well(server, &log).await;
    }
}

/// A log that a server has written and closed, and what `export` gives of it.
async fn log() -> (Server, String) {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for number in 0..20 {
        api.say("lobby", &ada, &number.to_string()).await;
    }
    server.terminate().await;
    let exported = run(&["export", server.log().to_str().unwrap()]).await.1;
    (server, exported)
}

async fn code(arguments: &[&str], input: &str, stderr: Stdio) -> Option<i32> {
    let mut child = command(BINARY)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_bytes().to_vec();
    // It may end before it has read everything.
    tokio::spawn(async move { drop(stdin.write_all(&input).await) });
    within("the command ends", child.wait()).await.unwrap().code()
}

#[tokio::test]
async fn whatever_stderr_is_a_command_ends_as_it_would_otherwise() {
    let (server, exported) = log().await;
    let log = server.log();
    let log = log.to_str().unwrap();
    let noise = server.directory().join("noise.redb");
    std::fs::write(&noise, vec![7; 100_000]).unwrap();
    let noise = noise.to_str().unwrap();
    let out = server.directory().join("out.redb");
    let out_name = out.to_str().unwrap();
    for (arguments, expected) in [
        (&["check", log][..], 0),
        (&["check", noise], 2),
        (&["backup", log, out_name], 0),
        (&["backup", noise, out_name], 2),
        (&["backup", "--from", "http://127.0.0.1:1", "--admin-token", "0123456789abcdef", out_name], 2),
        (&["export", log], 0),
        (&["import", out_name], 0),
        (&["import", log], 2),
        (&["--address", "nowhere"], 2),
        (&["--log", noise, "--address", "127.0.0.1:0"], 2),
        (&["--config", "/no/such/file.toml"], 2),
        (&["--nonsense"], 2),
        (&["--help"], 0),
    ] {
        for dead in Dead::ALL {
            let _ = std::fs::remove_file(&out);
            let (stderr, _held) = dead.open();
            assert_eq!(code(arguments, &exported, stderr).await, Some(expected), "{arguments:?} {dead:?}");
        }
    }
}

#[tokio::test]
async fn an_error_of_stdout_says_that_stdout_is_meant() {
    let (server, _) = log().await;
    let log = server.log();
    let log = log.to_str().unwrap();
    for arguments in [
        &["--address", "127.0.0.1:0", "--log", log][..],
        &["check", log],
        &["export", log],
        &["--help"],
        &["--version"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(BINARY);
        command.args(arguments).stdout(full).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let output = within("it ends", child.wait_with_output()).await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("stdout") && stderr.contains("No space left"), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    let (code, _, stderr) = run(&["check", log]).await;
    assert!(code == Some(0) && !stderr.contains("was not closed"), "{stderr}");
}

#[tokio::test]
async fn all_lines_are_there_at_a_normal_end() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("test.redb");
    let (reader, writer) = std::io::pipe().unwrap();
    let server = used(serving(&log, writer.into())).await;
    let lines = read(reader);
    assert_ends_well(server, &log).await;
    let lines = lines.join().unwrap();
    assert!(lines.lines().last().is_some_and(|line| line.contains(LAST_LINE)), "{lines}");
    assert!(lines.matches("a connection ended").count() == WRONG_REQUESTS, "{lines}");
}

#[tokio::test]
async fn lines_that_were_lost_are_counted_and_said_once_stderr_takes_lines_again() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("test.redb");
    let fifo = directory.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    // For both, so that neither waits for the other.
    let reader = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let writer = OpenOptions::new().write(true).open(&fifo).unwrap();
    drop(OwnedFd::from(reader));
    let server = used(serving(&log, writer.into())).await;
    let api = Api::new(server.address());
    let lost = async || {
        let metrics = api.get("/metrics").await.expect(200).body;
        let line = metrics.lines().find_map(|line| line.strip_prefix("millchat_log_lines_lost_total "));
        line.expect("it is a metric").parse::<usize>().unwrap()
    };
    within("lines are lost", async { while lost().await < WRONG_REQUESTS {} }).await;
    // It does not wait for the writer, which has it open.
    let lines = read(OpenOptions::new().read(true).open(&fifo).unwrap());
    assert_ends_well(server, &log).await;
    let lines = lines.join().unwrap();
    assert!(lines.contains("log lines were lost") && lines.contains(LAST_LINE), "{lines}");
}
