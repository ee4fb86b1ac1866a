//! Readers of the page's stream: HTML, without links from message to message, and verified all the same.

use crate::breaking::{Breach, Proxy};
use crate::real;
use crate::tester::{self, TesterRun};

const PAGE: [&str; 10] =
    ["--stream", "page", "--readers", "20", "--rooms", "2", "--rate", "400", "--duration", "2s"];

/// Loads the real server lightly through the proxy.
fn load(breach: Breach, more: &[&str]) -> TesterRun {
    let server = real::Server::start();
    let proxy = Proxy::start(&server.url, breach);
    tester::load(&proxy.url, &[&PAGE, more].concat())
}

fn must_catch(breach: Breach, words: &[&str]) {
    load(breach, &[]).must_catch(words);
}

#[test]
fn page_streams_of_the_real_server_pass_over_storms_too() {
    let ran = load(Breach::None, &["--visitors", "4", "--storm-every", "600ms"]);
    ran.must_pass("PASSED");
    ran.must_pass("\nresume ");
    assert!(ran.report.contains("800 acknowledged"), "{}", ran.report);
}

#[test]
fn a_patch_that_does_not_reach_its_page_is_caught() {
    must_catch(Breach::Drop, &["reader ", " of room load-", "acknowledged never came"]);
}

#[test]
fn a_patch_that_reaches_its_page_twice_is_caught() {
    must_catch(Breach::Double, &["reader ", " of room load-", "no place came behind the row"]);
}

#[test]
fn a_patch_that_changes_places_with_the_next_is_caught() {
    must_catch(Breach::Swap, &["reader ", " of room load-"]);
}

#[test]
fn a_message_that_is_acknowledged_to_its_sender_and_on_no_page_is_caught() {
    must_catch(Breach::DropSend, &["reader ", " of room load-", "acknowledged never came"]);
}
