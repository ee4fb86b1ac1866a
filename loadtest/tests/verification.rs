//! A server that breaks a promise is caught, whichever it breaks; one that keeps them all passes.
//!
//! The load tester runs as a process against a small server that breaks one thing for one reader.

mod broken;

use std::process::{Command, Output};

use broken::{Breach, Server};

/// Loads the server lightly.
fn load(server: &Server, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millchat-loadtest"))
        .args(["--url", &server.url(), "--readers", "20", "--rate", "300", "--duration", "1s"])
        .args(more)
        .output()
        .expect("the load tester can be started")
}

/// The run fails, and names what is wrong.
fn must_catch(breach: Breach, words: &str) {
    let output = load(&Server::start(breach), &[]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{breach:?}: {report}");
    assert!(report.lines().any(|line| line.starts_with("VIOLATION") && line.contains(words)), "{report}");
}

#[test]
fn a_server_that_keeps_every_promise_passes_and_the_numbers_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let server = Server::start(Breach::None);
    let output = load(&server, &["--report-json", json.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(report["moved"]["acknowledged"], 300);
    assert_eq!(report["moved"]["deliveries"], 6000);
    assert_eq!(report["latency_us"]["delivery"]["count"], 6000);
    assert_eq!(report["verdict"]["passed"], true);
}

#[test]
fn messages_are_spread_over_the_rooms_and_verified_in_each() {
    let output = load(&Server::start(Breach::None), &["--rooms", "4"]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("1,500 deliveries and 300 acknowledgements verified"), "{report}");
}

#[test]
fn a_message_that_one_reader_never_gets_is_caught() {
    must_catch(Breach::Drop, "Stream broken");
}

#[test]
fn a_last_message_that_one_reader_never_gets_is_caught() {
    must_catch(Breach::DropAllAfter, "Stream broken");
}

#[test]
fn a_message_that_one_reader_gets_twice_is_caught() {
    must_catch(Breach::Double, "Stream broken");
}

#[test]
fn two_messages_in_the_wrong_order_are_caught() {
    must_catch(Breach::Swap, "Stream broken");
}

#[test]
fn another_text_than_the_log_has_is_caught() {
    must_catch(Breach::Invent, "other texts");
}

#[test]
fn an_acknowledged_message_that_is_not_in_the_log_is_caught() {
    must_catch(Breach::Forget, "Acknowledged broken");
}

#[test]
fn a_reader_whose_line_is_cut_comes_back_and_misses_nothing() {
    let output = load(&Server::start(Breach::Cut), &[]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("stream closed by the server") && report.contains("\nresume "), "{report}");
}

#[test]
fn a_run_that_reaches_no_server_fails() {
    let url = Server::gone();
    let output = Command::new(env!("CARGO_BIN_EXE_millchat-loadtest"))
        .args(["--url", &url, "--readers", "2", "--senders", "1", "--duration", "100ms"])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report.contains("nothing was verified"), "{report}");
}
