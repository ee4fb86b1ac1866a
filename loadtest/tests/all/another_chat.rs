//! A chat that is described by templates alone, and has no positions to check by: the messages that it loses,
//! duplicates and reorders are counted by their content.

use crate::broken::{Breach, Server};
use crate::tester::{self, LIGHT, TesterRun};

/// Loads the server as one that the tester does not know.
fn load(breach: Breach, more: &[&str]) -> TesterRun {
    let described = [
        &["--target", "generic-sse", "--sse-path", "/api/v1/rooms/{room}/events"][..],
        &["--read-header", "X-Room: {room}", "--send-header", "Authorization: Bearer g_1"],
        &["--send-path", "/api/v1/rooms/{room}/messages", "--send-body", r#"{"content":"{content}"}"#],
    ];
    tester::load(&Server::start(breach).url(), &[&LIGHT, &described.concat()[..], more].concat())
}

fn must_count(breach: Breach, words: &str) {
    let ran = load(breach, &[]);
    ran.must_catch(&["VIOLATION         reader ", " of room load-"]);
    assert!(ran.report.lines().last().unwrap().contains(words), "{breach:?}: {}", ran.report);
}

#[test]
fn a_chat_that_loses_nothing_passes_in_every_room() {
    load(Breach::None, &["--rooms", "3"]).must_pass("2,000 deliveries and 300 acknowledgements verified");
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
    let ran = load(Breach::Cut, &["--storm-every", "300ms"]);
    ran.must_pass("6,000 deliveries");
    ran.must_pass("\nresume ");
}

#[test]
fn a_chat_that_is_not_described_is_not_loaded() {
    let ran = tester::load("http://127.0.0.1:9", &["--target", "generic-sse"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.errors.contains("--sse-path"));
}
