//! A server that breaks any promise is caught; one that keeps them all passes.
//!
//! The load tester runs as a process against a small server that breaks one thing for one reader.

use crate::broken::{Breach, Server};
use crate::tester::{self, LIGHT, TesterRun};

/// Loads the server lightly.
fn load(breach: Breach, more: &[&str]) -> TesterRun {
    tester::load(&Server::start(breach).url(), &[&LIGHT, more].concat())
}

/// Asserts that the run fails, and names the violation.
fn must_catch(breach: Breach, words: &str) {
    load(breach, &[]).must_catch(&[words]);
}

#[test]
fn a_server_that_keeps_every_promise_passes_and_the_numbers_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    load(Breach::None, &["--report-json", json.to_str().unwrap()]).must_pass("PASSED");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(report["moved"]["acknowledged"], 300);
    assert_eq!(report["moved"]["deliveries"], 6000);
    assert_eq!(report["latency_us"]["delivery"]["count"], 6000);
    assert_eq!(report["verdict"]["passed"], true);
}

#[test]
fn messages_are_spread_over_the_rooms_and_verified_in_each() {
    load(Breach::None, &["--rooms", "4"]).must_pass("1,500 deliveries and 300 acknowledgements verified");
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
    let ran = load(Breach::Cut, &[]);
    ran.must_pass("stream closed by the server");
    ran.must_pass("\nresume ");
}

#[test]
fn a_run_that_reaches_no_server_fails() {
    let few = ["--readers", "2", "--senders", "1", "--duration", "100ms"];
    let ran = tester::load(&Server::gone(), &few);
    assert_eq!(ran.code, Some(1), "{}", ran.report);
    assert!(ran.report.contains("nothing was verified"), "{}", ran.report);
}
