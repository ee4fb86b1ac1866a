//! A chat that is described by templates alone, and has no positions to check by: what it loses, doubles and
//! swaps is counted all the same, by what the messages say.

#[expect(dead_code, reason = "what other tests use of it")]
mod broken;

use std::process::{Command, Output};

use broken::{Breach, Server};

/// Loads the server as one that the tester has never heard of.
fn load(breach: Breach, more: &[&str]) -> Output {
    let server = Server::start(breach);
    Command::new(env!("CARGO_BIN_EXE_millchat-loadtest"))
        .args(["--url", &server.url(), "--readers", "20", "--rate", "300", "--duration", "1s"])
        .args(["--target", "generic-sse", "--sse-path", "/api/v1/rooms/{room}/events"])
        .args(["--read-header", "X-Room: {room}", "--send-header", "Authorization: Bearer g_1"])
        .args(["--send-path", "/api/v1/rooms/{room}/messages", "--send-body", r#"{"content":"{content}"}"#])
        .args(more)
        .output()
        .expect("the load tester can be started")
}

fn must_count(breach: Breach, words: &str) {
    let output = load(breach, &[]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{breach:?}: {report}");
    assert!(
        report
            .lines()
            .any(|line| line.starts_with("VIOLATION         reader ") && line.contains(" of room load-")),
        "{report}"
    );
    assert!(report.lines().last().unwrap().contains(words), "{breach:?}: {report}");
}

#[test]
fn a_chat_that_loses_nothing_passes_in_every_room() {
    let output = load(Breach::None, &["--rooms", "3"]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("2,000 deliveries and 300 acknowledgements verified"), "{report}");
}

#[test]
fn messages_that_a_reader_never_got_are_counted() {
    must_count(Breach::Drop, ": 3 lost, 0 doubled, 0 out of order");
}

#[test]
fn messages_that_a_reader_got_twice_are_counted() {
    must_count(Breach::Double, ": 0 lost, 3 doubled, 0 out of order");
}

#[test]
fn a_reader_that_comes_back_by_its_last_id_loses_nothing_and_doubles_nothing() {
    let output = load(Breach::Cut, &["--storm-every", "300ms"]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("\nresume ") && report.contains("6,000 deliveries"), "{report}");
}

#[test]
fn a_chat_that_is_not_described_is_not_loaded() {
    let output = Command::new(env!("CARGO_BIN_EXE_millchat-loadtest"))
        .args(["--url", "http://127.0.0.1:9", "--target", "generic-sse"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--sse-path"));
}
